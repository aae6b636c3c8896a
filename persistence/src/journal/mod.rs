//! The journal: local, append-only, checksummed segments of sealed inputs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

/// What every segment says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Which world.
    pub world: String,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// Tick of the first record.
    pub first_tick: Tick,
    /// Hash of the rules, scenario and planet.
    pub content_hash: u64,
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
    /// The sealed inputs, encoded.
    pub payload: Vec<u8>,
}

/// How a journal is written.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// Longest time between a record's write and the fdatasync that makes it durable.
    pub group_commit: Duration,
    /// Records that may wait for the disk; one more breaks the log.
    pub queue_records: usize,
}

/// What became of an appended record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It will be written.
    Queued,
    /// It is not in the log: the log is broken. Take a checkpoint and call
    /// [`JournalWriter::restart_after`].
    Dropped,
}

/// Whether the log is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalHealth {
    /// Every appended record is written or queued.
    Whole,
    /// Records from `first_lost` on are not in the log.
    Broken {
        /// The first tick that is missing.
        first_lost: Tick,
        /// Why, for the operator.
        reason: String,
    },
    /// Writing goes on in a new segment, but what it builds on (the checkpoint at `base`) is not
    /// yet known to be durable; until then `durable` stands still.
    Mending {
        /// The tick of the checkpoint that must become durable.
        base: Tick,
    },
}

/// Counters and state, a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalStatus {
    /// Whether the log is whole.
    pub health: JournalHealth,
    /// Everything through this tick survives a power cut.
    pub durable: Tick,
    /// Everything through this tick survives the process.
    pub written: Tick,
    /// Records waiting for the writer.
    pub queued: usize,
    /// Bytes written by this writer.
    pub bytes: u64,
    /// Records written by this writer.
    pub records: u64,
    /// fdatasync calls.
    pub syncs: u64,
    /// Longest fdatasync so far, microseconds.
    pub sync_us_max: u64,
    /// Segments begun.
    pub segments: u64,
    /// Records dropped since the start.
    pub dropped: u64,
    /// How often the log broke.
    pub breaks: u64,
}

/// Reads a writer's state from any thread.
#[derive(Clone, Debug)]
pub struct JournalMonitor {}

impl JournalMonitor {
    /// See [`JournalWriter::status`].
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        unimplemented!()
    }

    /// See [`JournalWriter::durable`].
    #[must_use]
    pub fn durable(&self) -> Tick {
        unimplemented!()
    }
}

/// Appends records on a thread of its own.
#[derive(Debug)]
pub struct JournalWriter {}

impl JournalWriter {
    /// Starts the first segment of this epoch; makes what earlier epochs left durable first.
    ///
    /// # Errors
    /// When the directory or the segment cannot be written.
    pub fn create(
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        let _ = (dir, header, options);
        unimplemented!()
    }

    /// Hands a record over; never blocks. Ticks must follow each other.
    pub fn append(&mut self, record: JournalRecord) -> Appended {
        let _ = record;
        unimplemented!()
    }

    /// The next record starts a new segment; call it when a checkpoint image is taken.
    pub fn rotate(&mut self) {
        unimplemented!()
    }

    /// After a break: the image of `tick` was just taken, log from `tick + 1` on in a new segment.
    /// `durable` moves again once [`JournalWriter::checkpoint_saved`] says that image is stored.
    pub fn restart_after(&mut self, tick: Tick) {
        let _ = tick;
        unimplemented!()
    }

    /// Tells the journal that the store holds the checkpoint of `tick`. Cheap; call it every tick.
    pub fn checkpoint_saved(&mut self, tick: Tick) {
        let _ = tick;
        unimplemented!()
    }

    /// Everything through this tick survives a power cut.
    #[must_use]
    pub fn durable(&self) -> Tick {
        unimplemented!()
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        unimplemented!()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> JournalMonitor {
        unimplemented!()
    }

    /// Writes and syncs what is queued, ends the thread, and says how it ended. Waits for the disk.
    #[must_use]
    pub fn finish(self) -> JournalStatus {
        unimplemented!()
    }
}

/// Why a journal cannot be read or begun.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("{}: {source}", .file.display())]
    Io {
        /// Where.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that had been durable are not what was written.
    #[error("{} is damaged at byte {offset}: {what}", .file.display())]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Byte offset of the first bad record.
        offset: u64,
        /// What is wrong and what to do.
        what: String,
    },
    /// A segment is missing.
    #[error("the journal lacks ticks {} to {}", .missing.0, .missing.1)]
    Gap {
        /// First and last missing tick.
        missing: (Tick, Tick),
    },
}

/// The end of a segment that was being written when the process or machine died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the whole records end, bytes.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// The log broke while the world ran on, and the world stopped before a checkpoint closed the hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalBreak {
    /// The first tick that is not in the log.
    pub first_lost: Tick,
    /// Where logging went on; records from here on cannot be used.
    pub resumed: Tick,
}

/// One segment that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The file.
    pub file: PathBuf,
    /// Its header.
    pub header: SegmentHeader,
    /// Whole records in it.
    pub records: u64,
}

/// The records after a checkpoint.
#[derive(Clone, Debug)]
pub struct JournalTail {
    /// In tick order, without a hole, the first one right after the tick asked for.
    pub records: Vec<JournalRecord>,
    /// The segments the records came from, in order.
    pub segments: Vec<SegmentSummary>,
    /// What was cut off at the end.
    pub torn: Option<TornTail>,
    /// Where the log had broken.
    pub broken: Option<JournalBreak>,
}

/// The records after `after`, in tick order.
///
/// # Errors
/// See [`JournalError`].
pub fn read_journal(dir: &Path, after: Tick) -> Result<JournalTail, JournalError> {
    let _ = (dir, after);
    unimplemented!()
}

/// Removes segments all of whose records are at or before `covered`; returns how many. Pass the
/// tick of the oldest checkpoint that is kept.
///
/// # Errors
/// When the directory cannot be read or a file not removed.
pub fn prune_journal(dir: &Path, covered: Tick) -> Result<usize, JournalError> {
    let _ = (dir, covered);
    unimplemented!()
}
