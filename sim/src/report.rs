//! What a tick reports about itself: counters for people and metrics, never read by a rule.

use bluemarble_shared_protocol::Tick;

/// Counts of one tick, or summed over many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pairs of touching bodies, counted from each side.
    pub contacts: u64,
    /// Of these, with somebody in another zone.
    pub contacts_cross: u64,
    /// Blows that found their target.
    pub hits: u64,
    /// Of these, struck across a border.
    pub hits_cross: u64,
    /// Blows refused: out of reach, out of sight, dead, unknown or too early.
    pub misses: u64,
    /// Deaths by a blow.
    pub kills: u64,
    /// Returns to life.
    pub respawns: u64,
    /// Entities handed from one zone to another.
    pub handoffs: u64,
    /// Effects delivered.
    pub effects: u64,
    /// Effects whose target had left the world.
    pub effects_lost: u64,
    /// Intents that came for nobody or in the wrong order.
    pub intents_refused: u64,
    /// Operator commands that could not be carried out.
    pub commands_refused: u64,
    /// Avatars that left for another world.
    pub departed: u64,
    /// Avatars that came from another world.
    pub arrived: u64,
}

impl Tally {
    /// Adds another tick's or zone's counts.
    pub fn add(&mut self, other: &Self) {
        let Self {
            contacts,
            contacts_cross,
            hits,
            hits_cross,
            misses,
            kills,
            respawns,
            handoffs,
            effects,
            effects_lost,
            intents_refused,
            commands_refused,
            departed,
            arrived,
        } = other;
        self.contacts += contacts;
        self.contacts_cross += contacts_cross;
        self.hits += hits;
        self.hits_cross += hits_cross;
        self.misses += misses;
        self.kills += kills;
        self.respawns += respawns;
        self.handoffs += handoffs;
        self.effects += effects;
        self.effects_lost += effects_lost;
        self.intents_refused += intents_refused;
        self.commands_refused += commands_refused;
        self.departed += departed;
        self.arrived += arrived;
    }
}

/// One tick, done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Which.
    pub tick: Tick,
    /// The state digest at its end.
    pub digest: u64,
    /// Entities at its end.
    pub entities: usize,
    /// Avatars among them.
    pub avatars: usize,
    /// What happened.
    pub tally: Tally,
}
