//! Why a journal cannot be read or begun, and what the operator can do about it.

use std::path::PathBuf;

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::limits::WORLD_NAME_BYTES_MAX;

/// Why a journal cannot be read or begun.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("journal {}: {source}", .file.display())]
    Io {
        /// The segment or directory.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that had been durable are not what was written.
    #[error(
        "journal segment {} is damaged at byte {offset}: {what}. The world cannot be recovered \
         exactly past this point. Restore the file from a copy; or move the journal segments out \
         of the data directory to go on from the newest checkpoint, losing the ticks since",
        .file.display()
    )]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Byte offset of the first bad record.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Ticks are missing between segments, or before the first.
    #[error(
        "the journal lacks ticks {first_missing} to {}: {} begins later. A segment was removed, or \
         the checkpoint is older than the journal reaches back. Restore the missing segment or a \
         newer database; or move the journal segments out of the data directory to go on from the \
         checkpoint, losing the ticks since",
        .begins.0.saturating_sub(1), .file.display()
    )]
    Gap {
        /// The first missing tick.
        first_missing: Tick,
        /// Where the journal goes on.
        begins: Tick,
        /// The segment that begins there.
        file: PathBuf,
    },
    /// Written by a later build.
    #[error(
        "journal segment {} has format {found}, this build reads {known}: start the build that \
         wrote it, stop it with Ctrl-C (which leaves a checkpoint and no tail), then start this one",
        .file.display()
    )]
    Format {
        /// The segment.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The format this build reads.
        known: u32,
    },
    /// Segments of two worlds in one directory.
    #[error("journal segment {} belongs to world {found:?}, the others to {expected:?}: give each world a data directory of its own", .file.display())]
    OtherWorld {
        /// The segment.
        file: PathBuf,
        /// Its world.
        found: String,
        /// The world of the first segment.
        expected: String,
    },
    /// The directory has seen a later epoch than the store handed out.
    #[error(
        "journal segment {} was written in epoch {}, but the database has only reached epoch {}: \
         the database was reset or is another one. Restore it, or move the journal segments out of \
         the data directory to begin anew",
        .file.display(), .found.0, .ours.0
    )]
    EpochNotNewer {
        /// The segment.
        file: PathBuf,
        /// Its epoch.
        found: Epoch,
        /// The epoch that was claimed.
        ours: Epoch,
    },
    /// The world's name does not fit a segment header.
    #[error("the world's name takes {bytes} bytes, at most {WORLD_NAME_BYTES_MAX} fit")]
    WorldName {
        /// How long it is.
        bytes: usize,
    },
}
