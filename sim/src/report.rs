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
    /// Shots let fly.
    pub shots: u64,
    /// Shots that met a body.
    pub shots_hit: u64,
    /// Of these, with somebody in another zone.
    pub shots_hit_cross: u64,
    /// Others harmed by a shot's blast.
    pub blasted: u64,
    /// Of these, in another zone.
    pub blasted_cross: u64,
    /// Times a hazard harmed somebody.
    pub burns: u64,
    /// Of these, somebody in another zone.
    pub burns_cross: u64,
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
    /// Conserved effects that returned to their cause instead.
    pub effects_bounced: u64,
    /// Effects dropped because too many had led to them.
    pub effects_too_deep: u64,
    /// Entities that began inside a step: shots, fires.
    pub births: u64,
    /// Entities that ended inside a step.
    pub ends: u64,
    /// Items taken.
    pub taken: u64,
    /// Takers who were told that somebody else had been first.
    pub too_late: u64,
    /// Gifts of coins that were carried out.
    pub gifts: u64,
    /// Gifts that could not be, or came from nobody.
    pub gifts_refused: u64,
    /// Coins that came into the world: with a summons, a respawn, a chest that is filled again, a
    /// traveller.
    pub minted: u64,
    /// Coins that left it with a player.
    pub coins_left: u64,
    /// Intents that came for nobody or in the wrong order.
    pub intents_refused: u64,
    /// Operator commands that could not be carried out.
    pub commands_refused: u64,
    /// Characters that came back to where they had left the world.
    pub returned: u64,
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
            shots,
            shots_hit,
            shots_hit_cross,
            blasted,
            blasted_cross,
            burns,
            burns_cross,
            kills,
            respawns,
            handoffs,
            effects,
            effects_lost,
            effects_bounced,
            effects_too_deep,
            births,
            ends,
            taken,
            too_late,
            gifts,
            gifts_refused,
            minted,
            coins_left,
            intents_refused,
            commands_refused,
            returned,
            departed,
            arrived,
        } = other;
        self.contacts += contacts;
        self.contacts_cross += contacts_cross;
        self.hits += hits;
        self.hits_cross += hits_cross;
        self.misses += misses;
        self.shots += shots;
        self.shots_hit += shots_hit;
        self.shots_hit_cross += shots_hit_cross;
        self.blasted += blasted;
        self.blasted_cross += blasted_cross;
        self.burns += burns;
        self.burns_cross += burns_cross;
        self.kills += kills;
        self.respawns += respawns;
        self.handoffs += handoffs;
        self.effects += effects;
        self.effects_lost += effects_lost;
        self.effects_bounced += effects_bounced;
        self.effects_too_deep += effects_too_deep;
        self.births += births;
        self.ends += ends;
        self.taken += taken;
        self.too_late += too_late;
        self.gifts += gifts;
        self.gifts_refused += gifts_refused;
        self.minted += minted;
        self.coins_left += coins_left;
        self.intents_refused += intents_refused;
        self.commands_refused += commands_refused;
        self.returned += returned;
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
