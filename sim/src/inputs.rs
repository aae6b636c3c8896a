//! The sealed inputs of one tick: everything from outside that may change the world, and the only
//! thing beside the previous state that does. Exactly this is journaled and replayed, empty ticks
//! too.

use bluemarble_shared_protocol::{Epoch, PlayerInputs, Tick};
use serde::{Deserialize, Serialize};

use bluemarble_shared_protocol::binary::{self, BinaryError};

use crate::outside::OutsideInputs;
use crate::travel::TravelInputs;

/// What an operator may do to the world; sealed like any other input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AdminCommand {
    /// Brings `count` creatures of a kind into the world around a place.
    Spawn {
        /// Name of the kind, as in the scenario; unknown kinds are ignored and counted.
        kind: String,
        /// Latitude, degrees.
        lat_deg: f64,
        /// Longitude, degrees.
        lng_deg: f64,
        /// Radius of the disc they appear in, metres.
        spread_m: f64,
        /// How many, at most [`AdminCommand::SPAWN_MAX`].
        count: u32,
    },
}

impl AdminCommand {
    /// Most creatures one command may bring, so that one tick stays a tick.
    pub const SPAWN_MAX: u32 = 1_000;
}

/// The first step of the overload ladder that changes the world, and so is sealed. Those below it
/// only change what clients are sent.
pub const OVERLOAD_THINKS_LESS: u8 = 4;

/// Everything that happens to the world in one tick.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct TickInputs {
    /// The tick these belong to.
    pub tick: Tick,
    /// The epoch in which they were sealed.
    pub epoch: Epoch,
    /// From the sessions.
    pub players: PlayerInputs,
    /// From the operator.
    pub commands: Vec<AdminCommand>,
    /// To and from other worlds.
    pub travel: TravelInputs,
    /// To and from shops and markets.
    pub outside: OutsideInputs,
    /// Step of the overload ladder in force, 0 = none. Only those that change the world are sealed:
    /// from [`OVERLOAD_THINKS_LESS`] on creatures think half as often. What the higher ones do
    /// (a slower clock, a queue at the door) happens outside; they are here to be read later.
    pub overload: u8,
    /// What was taken out of them after they were sealed; no rule reads it.
    pub withheld: Option<Withheld>,
}

/// Inputs that were quarantined: the tick had been sealed with them, panicked, and panicked again
/// when it was replayed. Counts are of what is missing now; the inputs themselves are in the journal
/// of the epoch that sealed them, and kept as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Withheld {
    /// The epoch that sealed them.
    pub epoch: Epoch,
    /// Intents.
    pub intents: u32,
    /// Operator commands.
    pub commands: u32,
    /// Admissions.
    pub admissions: u32,
    /// Leaves.
    pub leaves: u32,
    /// Deals with the outside; whoever ordered one has no answer and may order it again by its key.
    pub deals: u32,
    /// Gifts; whoever asked for one has no answer and asks again.
    pub gifts: u32,
}

impl TickInputs {
    /// Most bytes one tick's inputs may take: 20,000 intents with names and all.
    pub const BYTES_MAX: usize = 4 << 20;

    /// A tick in which nobody did anything.
    #[must_use]
    pub fn empty(tick: Tick, epoch: Epoch) -> Self {
        Self {
            tick,
            epoch,
            ..Self::default()
        }
    }

    /// As journaled.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        binary::encode(self)
    }

    /// From the journal.
    ///
    /// # Errors
    /// If the bytes are not one `TickInputs`, whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, BinaryError> {
        binary::decode::<_, { Self::BYTES_MAX }>(bytes)
    }
}
