//! Travel between worlds: what a world remembers of those who left it for another one and of those
//! who came from another one, so that a traveller is in exactly one world whatever is cut short.
//!
//! ```text
//! source world                                   target world
//! departure ─► avatar removed, its state kept
//!              in `outbound` under a key
//!                      └─ once that is durable ─► arrival ─► avatar appears, the key kept in
//!                                                            `admitted`; the same key again: nothing
//! settled ◄──── once that is durable ────────────────┘
//! `outbound` forgets the key
//!                      └─ once that is durable ─► forgotten: `admitted` forgets the key
//! ```
//!
//! Each of the four is a sealed input of its world, journaled and replayed like any other; repeating
//! one changes nothing. What passes between the worlds is for whoever runs them; here are only the
//! two memories, which are state: in the checkpoint and in the digest.

use std::collections::{BTreeMap, BTreeSet};

use bluemarble_shared_protocol::binary::{self, BinaryError};
use bluemarble_shared_protocol::{EntityId, Epoch, NameTag, Tick, hash_words};
use serde::{Deserialize, Serialize};

use crate::entity::EntityState;
use crate::entity::digest::{DigestPart, DigestParts};

/// One journey, for ever: no other has its key, not even one that a crash made begin anew.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct TravelKey {
    /// The number of the world that was left.
    pub world: u64,
    /// The epoch in which the departure was sealed.
    pub epoch: Epoch,
    /// The tick of the departure.
    pub tick: Tick,
    /// Who.
    pub avatar: EntityId,
}

/// What a character takes along: whatever has a meaning on another planet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traveller {
    /// What it is called.
    pub name: NameTag,
    /// Hit points; 0 = dead, which it arrives as, too.
    pub health: u16,
    /// Kills credited to it.
    pub kills: u32,
    /// How often it died.
    pub deaths: u32,
    /// The coins in its purse: they leave the one world and come into the other.
    pub coins: u64,
}

/// Somebody leaves this world for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The journey; its tick is the one it is sealed in.
    pub key: TravelKey,
    /// The number of the world it leads to.
    pub to: u64,
}

/// Somebody comes from another world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The journey.
    pub key: TravelKey,
    /// Who, as the other world let go of them.
    pub traveller: Traveller,
}

/// What travel contributes to one tick's sealed inputs; each list sorted by key.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TravelInputs {
    /// Who leaves. One who is not there, or is no avatar, does not.
    pub departures: Vec<Departure>,
    /// Who comes. One whose avatar is there already does not come, and may be sent again later.
    pub arrivals: Vec<Arrival>,
    /// Journeys from here whose arrival is durable in the other world.
    pub settled: Vec<TravelKey>,
    /// Journeys to here that the other world has settled durably.
    pub forgotten: Vec<TravelKey>,
}

impl TravelInputs {
    /// Whether nobody travels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.departures.is_empty()
            && self.arrivals.is_empty()
            && self.settled.is_empty()
            && self.forgotten.is_empty()
    }
}

/// A journey from here that has not been settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// The number of the world it leads to.
    pub to: u64,
    /// Who.
    pub traveller: Traveller,
}

/// A world's memory of journeys that are not over.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gate {
    /// From here: these characters are in no world but in this memory, until it is settled.
    pub outbound: BTreeMap<TravelKey, Outbound>,
    /// To here: these have been let in.
    pub admitted: BTreeSet<TravelKey>,
}

/// Most bytes of a stored gate: a hundred thousand journeys at once.
const GATE_BYTES_MAX: usize = 16 << 20;

impl Gate {
    /// Whether no journey is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outbound.is_empty() && self.admitted.is_empty()
    }

    /// A traveller has left.
    pub(crate) fn depart(&mut self, departure: &Departure, traveller: Traveller) {
        let to = departure.to;
        self.outbound
            .insert(departure.key, Outbound { to, traveller });
    }

    /// At a tick's beginning, before arrivals: journeys that are over.
    pub(crate) fn settle(&mut self, inputs: &TravelInputs) {
        for key in &inputs.settled {
            self.outbound.remove(key);
        }
    }

    /// After arrivals: keys that nobody will send again.
    pub(crate) fn forget(&mut self, inputs: &TravelInputs) {
        for key in &inputs.forgotten {
            self.admitted.remove(key);
        }
    }

    /// Its share of the digest.
    pub(crate) fn digest_parts(&self) -> DigestParts {
        const OUTBOUND: u64 = 1;
        const ADMITTED: u64 = 2;
        let mut parts = DigestParts::default();
        let words = |key: &TravelKey| [key.world, u64::from(key.epoch.0), key.tick.0, key.avatar.0];
        for (key, journey) in &self.outbound {
            let Outbound { to, traveller } = journey;
            let Traveller {
                name: _,
                health,
                kills,
                deaths,
                coins,
            } = traveller;
            let [world, epoch, tick, avatar] = words(key);
            let hash = hash_words([
                OUTBOUND,
                world,
                epoch,
                tick,
                avatar,
                *to,
                // In place of the name.
                avatar,
                u64::from(*health),
                u64::from(*kills) | u64::from(*deaths) << 32,
                *coins,
            ]);
            parts.add(DigestPart::Travel, key.avatar, hash);
        }
        for key in &self.admitted {
            let [world, epoch, tick, avatar] = words(key);
            let hash = hash_words([ADMITTED, world, epoch, tick, avatar]);
            parts.add(DigestPart::Travel, key.avatar, hash);
        }
        parts
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        binary::encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BinaryError> {
        binary::decode::<_, GATE_BYTES_MAX>(bytes)
    }
}

impl Traveller {
    /// What an avatar takes along; `None` if it is none.
    pub(crate) fn of(state: &EntityState) -> Option<Self> {
        let player = state.player.as_ref()?;
        Some(Self {
            name: player.name.clone(),
            health: state.life.health,
            kills: state.life.kills,
            deaths: state.life.deaths,
            coins: state.purse.0 + state.mail.coins(),
        })
    }
}
