//! A whole entity as plain data: what a departure carries, a checkpoint stores and amnesia keeps.

use bluemarble_shared_protocol::{BodyBits, EntityId, InputSeq, NameTag, Stack, Tick, WishDir};
use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::components::{
    Arms, Body, Flight, Hazard, Home, Identity, Life, Mail, Mind, Player, Purse,
};
use crate::content::KindId;
use crate::effect::Effect;
use crate::gifts::{Dealings, StoredDealings};
use crate::things::Things;

/// All components of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityState {
    /// Who and what.
    pub identity: Identity,
    /// Where.
    pub body: Body,
    /// Health.
    pub life: Life,
    /// Weapon.
    pub arms: Arms,
    /// Where it belongs.
    pub home: Home,
    /// Coins.
    pub purse: Purse,
    /// Mail in flight.
    pub mail: Mail,
    /// A creature's will.
    pub mind: Option<Mind>,
    /// An avatar's player.
    pub player: Option<Player>,
    /// What makes it a projectile.
    pub flight: Option<Flight>,
    /// What makes it a hazard.
    pub hazard: Option<Hazard>,
}

/// The stored form: fixed-width plain values, read in any build of the same format.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEntity {
    pub(crate) id: EntityId,
    pub(crate) kind: KindId,
    pub(crate) body: BodyBits,
    pub(crate) health: u16,
    pub(crate) respawn_at: Tick,
    pub(crate) kills: u32,
    pub(crate) deaths: u32,
    pub(crate) ready_at: Tick,
    pub(crate) swing_until: Tick,
    pub(crate) swings: u32,
    pub(crate) home: [f64; 3],
    pub(crate) spread_m: f64,
    pub(crate) purse: u64,
    pub(crate) mail: Vec<Effect>,
    pub(crate) mind: Option<StoredMind>,
    pub(crate) player: Option<StoredPlayer>,
    pub(crate) flight: Option<StoredFlight>,
    pub(crate) hazard: Option<StoredHazard>,
    /// Not in rows: there were none in their time.
    #[serde(skip)]
    pub(crate) dealings: Option<StoredDealings>,
    /// The same.
    #[serde(skip)]
    pub(crate) things: Vec<Stack>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredFlight {
    pub(crate) shooter: EntityId,
    pub(crate) faction: u8,
    pub(crate) target: EntityId,
    pub(crate) until: Tick,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredHazard {
    pub(crate) owner: EntityId,
    pub(crate) faction: u8,
    pub(crate) next_at: Tick,
    pub(crate) until: Tick,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredMind {
    pub(crate) decide_at: Tick,
    pub(crate) quarry: Option<EntityId>,
    pub(crate) goal: [f64; 3],
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredPlayer {
    pub(crate) name: NameTag,
    pub(crate) applied: InputSeq,
    pub(crate) wish: WishDir,
    pub(crate) pace: u8,
    pub(crate) idle_ticks: u32,
}

impl From<&EntityState> for StoredEntity {
    fn from(state: &EntityState) -> Self {
        let (values, support) = state.body.0.to_values();
        Self {
            id: state.identity.id,
            kind: state.identity.kind,
            body: BodyBits { values, support },
            health: state.life.health,
            respawn_at: state.life.respawn_at,
            kills: state.life.kills,
            deaths: state.life.deaths,
            ready_at: state.arms.ready_at,
            swing_until: state.arms.swing_until,
            swings: state.arms.swings,
            home: state.home.dir.to_array(),
            spread_m: state.home.spread_m,
            purse: state.purse.0,
            mail: state.mail.0.clone(),
            mind: state.mind.as_ref().map(|mind| StoredMind {
                decide_at: mind.decide_at,
                quarry: mind.quarry,
                goal: mind.goal.to_array(),
            }),
            player: state.player.as_ref().map(|player| StoredPlayer {
                name: player.name.clone(),
                applied: player.applied,
                wish: player.wish,
                pace: player.pace,
                idle_ticks: player.idle_ticks,
            }),
            flight: state.flight.map(|flight| StoredFlight {
                shooter: flight.shooter,
                faction: flight.faction,
                target: flight.target,
                until: flight.until,
            }),
            hazard: state.hazard.map(|hazard| StoredHazard {
                owner: hazard.owner,
                faction: hazard.faction,
                next_at: hazard.next_at,
                until: hazard.until,
            }),
            dealings: state
                .player
                .as_ref()
                .and_then(|player| player.dealings.to_stored()),
            things: state
                .player
                .as_ref()
                .map(|player| player.things.stacks().to_vec())
                .unwrap_or_default(),
        }
    }
}

impl StoredEntity {
    /// The live form; `None` if the body, what is remembered of gifts, or a stack of things, is none (a damaged checkpoint).
    pub(crate) fn revive(self) -> Option<EntityState> {
        let dealings = Dealings::of_stored(self.dealings)?;
        let things = Things::of_stored(self.things)?;
        let body = bluemarble_motion::Body::from_values(self.body.values, self.body.support)?;
        Some(EntityState {
            identity: Identity {
                id: self.id,
                kind: self.kind,
            },
            body: Body(body),
            life: Life {
                health: self.health,
                respawn_at: self.respawn_at,
                kills: self.kills,
                deaths: self.deaths,
            },
            arms: Arms {
                ready_at: self.ready_at,
                swing_until: self.swing_until,
                swings: self.swings,
            },
            home: Home {
                dir: DVec3::from_array(self.home),
                spread_m: self.spread_m,
            },
            purse: Purse(self.purse),
            mail: Mail(self.mail),
            mind: self.mind.map(|mind| Mind {
                decide_at: mind.decide_at,
                quarry: mind.quarry,
                goal: DVec3::from_array(mind.goal),
            }),
            player: self.player.map(|player| Player {
                name: player.name,
                applied: player.applied,
                wish: player.wish,
                pace: player.pace,
                idle_ticks: player.idle_ticks,
                dealings,
                things,
            }),
            flight: self.flight.map(|flight| Flight {
                shooter: flight.shooter,
                faction: flight.faction,
                target: flight.target,
                until: flight.until,
            }),
            hazard: self.hazard.map(|hazard| Hazard {
                owner: hazard.owner,
                faction: hazard.faction,
                next_at: hazard.next_at,
                until: hazard.until,
            }),
        })
    }
}
