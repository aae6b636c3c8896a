//! The datagrams, bit by bit: quantisation, prefix codes, deltas, snapshots and intents.
//!
//! Everything here is integer arithmetic, so that clients in other languages agree exactly; floats
//! appear only in [`quantise`]. Encoders are infallible; decoders take a stranger's bytes and
//! answer a value or a [`DecodeError`], never panic and never read past the end. docs/PROTOCOL.md
//! draws it all.

pub mod check;
pub mod delta;
pub mod full;
mod intent_datagram;
pub mod prefix;
pub mod quantise;
mod rotation;
pub mod schema;
mod snapshot_reader;
mod snapshot_writer;
pub mod tables;
#[cfg(test)]
mod testing;
mod turn;
mod wrap;

use crate::bits::OutOfBits;
use crate::strain::Strain;

pub use delta::Baseline;
pub use intent_datagram::{Acks, IntentDatagram, Intents};
pub use rotation::Rotation;
pub use schema::{FieldVersion, NamedField, Schema, SchemaMismatch};
pub use snapshot_reader::{OwnUpdate, Record, SnapshotReader};
pub use snapshot_writer::{
    ENTER_BITS, REMOVE_BITS, SnapshotWriter, WriterFull, gap_bits, update_bits,
};
pub use wrap::{input_near, nearest, snapshot_tick_near, tick_near};

/// First byte of a snapshot: kind 1 in the high half, version of the codec in the low half.
pub const SNAPSHOT_KIND: u8 = 0x12;
/// First byte of an intent datagram: kind 2, version 1.
pub const INTENTS_KIND: u8 = 0x21;
/// Bits of a client-local entity index.
pub const INDEX_BITS: u32 = 14;
/// Most entities one client can know at a time.
pub const INDICES_MAX: usize = 1 << INDEX_BITS;
/// How many datagrams back a baseline may lie: what a client must remember of an entity.
pub const BASELINE_BACK_MAX: u8 = 127;
/// Bits of that number.
const BACK_BITS: u32 = 7;
/// Bits of the record count of a snapshot that may have many.
const COUNT_BITS: u32 = 12;
/// Bits of the record count of a snapshot that has few.
const FEW_BITS: u32 = 5;
/// Bits of a check.
const CHECK_BITS: u32 = 32;
/// Bits of the world's epoch that a snapshot carries.
pub const EPOCH_BITS: u32 = 4;

/// Why bytes are not the datagram they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any datagram.
    #[error("longer than a datagram may be")]
    TooLong,
    /// The first byte names another kind or version.
    #[error("kind or version {0:#04x} is unknown")]
    Kind(u8),
    /// The bytes end in the middle of a field.
    #[error("the bytes end in the middle of a field")]
    Truncated,
    /// A field holds what it may not.
    #[error("the field {0} is out of range")]
    Range(&'static str),
    /// Something follows after the end.
    #[error("bits left over behind the end")]
    Trailing,
    /// A delta against a state that the receiver does not have.
    #[error("the baseline of entity index {index}, {back} datagrams back, is not known")]
    UnknownBaseline {
        /// The client-local index.
        index: u16,
        /// How many datagrams back.
        back: u8,
    },
}

impl From<OutOfBits> for DecodeError {
    fn from(_: OutOfBits) -> Self {
        Self::Truncated
    }
}

/// Why an entity leaves a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RemoveReason {
    /// It is no more.
    Gone = 0,
    /// It is too far away.
    OutOfView = 1,
    /// The client may no longer see it.
    Hidden = 2,
}

impl RemoveReason {
    const BITS: u32 = 2;

    fn from_bits(bits: u64) -> Result<Self, DecodeError> {
        match bits {
            0 => Ok(Self::Gone),
            1 => Ok(Self::OutOfView),
            2 => Ok(Self::Hidden),
            _ => Err(DecodeError::Range("reason")),
        }
    }
}

/// What every snapshot begins with; counters cut to their low bits, to be made whole with
/// [`nearest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The datagram's number, low 16 bits.
    pub number: u16,
    /// The world's epoch, low [`EPOCH_BITS`].
    pub epoch: u8,
    /// The tick it shows, low 16 bits.
    pub tick: u16,
    /// The newest of the client's intents that the tick includes, low 16 bits; 0 = none yet. Only a
    /// datagram with an own section has it, another one is read as 0.
    pub applied: u16,
    /// How many ticks ago inputs were durable; 255 = at least that, or unknown. Only a datagram with an
    /// own section has it, another one is read as 255.
    pub durable_age: u8,
    /// How many datagrams back the usual baseline lies; 0 = there is none.
    pub usual_back: u8,
    /// Where the overload ladder stood in that tick.
    pub strain: Strain,
    /// What the states of the datagram's records add up to ([`check`]), if it says so.
    pub check: Option<u32>,
}

impl Default for SnapshotHeader {
    fn default() -> Self {
        Self {
            number: 0,
            epoch: 0,
            tick: 0,
            applied: 0,
            durable_age: u8::MAX,
            usual_back: 0,
            strain: Strain::NONE,
            check: None,
        }
    }
}
