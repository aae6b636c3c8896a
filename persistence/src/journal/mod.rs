//! The journal: local, append-only, checksummed segments of sealed inputs, one record a tick.
//!
//! - `format` is the bytes, `disk` the seam to the file system, `log` what is written where and
//!   what of it is durable, `writer` the thread and its queue, `reader` the way back, `feed` what of it
//!   is to be shipped.
//! - Segments are ordered by (epoch, first tick). A later one's first tick ends the earlier ones:
//!   ticks an older epoch wrote beyond it belong to a past that was not taken.
//! - Nothing is ever changed in place or truncated: what a crash left is evidence.

mod disk;
mod error;
#[cfg(feature = "faults")]
mod failing;
#[cfg(any(test, feature = "faults"))]
mod faulty;
mod feed;
mod format;
mod log;
mod prune;
mod reader;
mod segments;
mod status;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod writer_tests;

pub use error::JournalError;
#[cfg(feature = "faults")]
pub(crate) use failing::Platter;
pub(crate) use feed::{ChunkFeed, ChunkSeal, check_chunk, seal_of};
pub(crate) use format::segment_name;
pub use prune::prune_journal;
pub use reader::{
    JournalBreak, JournalReader, JournalSurvey, JournalTail, SegmentSummary, TornTail, read_journal,
};
pub use status::{JournalHealth, JournalMonitor, JournalStatus};
#[cfg(feature = "faults")]
pub use writer::JournalHand;
pub use writer::{Appended, Commit, JournalOptions, JournalWriter, settle_journal};

use bluemarble_shared_protocol::{Epoch, Tick};

/// What every segment says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Which world; at most [`WORLD_NAME_BYTES_MAX`](crate::limits::WORLD_NAME_BYTES_MAX) bytes.
    pub world: String,
    /// The writer's epoch, newer than any in the directory.
    pub epoch: Epoch,
    /// Tick of the first record.
    pub first_tick: Tick,
    /// Hash of the rules, scenario and planet.
    pub content_hash: u64,
    /// What it was computed from, by name, as the simulation wrote it; opaque here. At most
    /// [`PROVENANCE_BYTES_MAX`](crate::limits::PROVENANCE_BYTES_MAX) bytes; empty in segments of
    /// format 1, which had none.
    pub provenance: String,
    /// The program that wrote it, for people.
    pub build: String,
}

/// One tick: its sealed inputs, and the digest of the tick before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The tick these inputs are for.
    pub tick: Tick,
    /// The world's digest after `tick - 1`.
    pub prev_digest: u64,
    /// When they were sealed by the writer's clock, milliseconds since 1970 (UTC); 0 in segments before
    /// format 3. By it people find a tick: nothing is computed from it.
    pub sealed_ms: u64,
    /// The same state in a few more words, which tell where two states differ; opaque here. At most
    /// [`SKETCH_WORDS_MAX`](crate::limits::SKETCH_WORDS_MAX); none in segments of format 1.
    pub sketch: Vec<u64>,
    /// The sealed inputs, encoded; at most
    /// [`RECORD_PAYLOAD_BYTES_MAX`](crate::limits::RECORD_PAYLOAD_BYTES_MAX) bytes.
    pub payload: Vec<u8>,
}
