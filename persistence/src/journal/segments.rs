//! The segments of a directory in order, each with the ticks that count in it.
//!
//! ```text
//!   epoch 1   [ 1 …… 40 ][ 41 …… 97 ~torn
//!   epoch 2                      [ 96 …… 120 ]      95 was the last whole record
//!   counts:     1 … 40    41 … 95  96 …
//! ```

use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::{Epoch, Tick};

use super::JournalError;
use super::disk::Disk;
use super::format::{BadHeader, FORMAT, HEADER_BYTES, Header, header_bytes_of, parse_segment_name};

/// A segment that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) header: Header,
    /// The last tick that counts in it: the one before the first of every later segment.
    pub(super) last: Tick,
}

impl Segment {
    pub(super) fn first(&self) -> Tick {
        self.header.about.first_tick
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.header.about.epoch
    }

    /// Later segments leave nothing of it.
    pub(super) fn superseded(&self) -> bool {
        self.last < self.first()
    }
}

/// What is in a directory.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Readable ones, by (epoch, first tick).
    pub(super) whole: Vec<Segment>,
    /// Names of those whose making was cut short: no record was ever written to them.
    pub(super) stillborn: Vec<String>,
}

/// Reads the headers of all segments in `dir`.
pub(super) fn scan(disk: &mut dyn Disk, dir: &Path) -> Result<Segments, JournalError> {
    let mut names: Vec<_> = disk
        .list()
        .map_err(|source| JournalError::Io {
            file: dir.to_owned(),
            source,
        })?
        .into_iter()
        .filter_map(|name| Some((parse_segment_name(&name)?, name)))
        .collect();
    names.sort();

    let mut segments = Segments::default();
    for (named, name) in names {
        let file = dir.join(&name);
        // One byte more than the header tells whether anything follows it.
        let start = disk
            .read(&name, HEADER_BYTES + 1)
            .map_err(|source| JournalError::Io {
                file: file.clone(),
                source,
            })?;
        match Header::decode(&start) {
            Ok((header, _)) if (header.about.epoch, header.about.first_tick) != named => {
                return Err(damaged(file, "its header says it is another segment"));
            }
            Ok((header, _)) => {
                segments.whole.push(Segment {
                    name,
                    file,
                    header,
                    last: Tick(u64::MAX),
                });
            }
            Err(BadHeader::Format(found)) => {
                return Err(JournalError::Format {
                    file,
                    found,
                    known: FORMAT,
                });
            }
            // A header is synced before the first record is written behind it.
            Err(BadHeader::Damaged) if start.len() <= header_bytes_of(&start) => {
                segments.stillborn.push(name);
            }
            Err(BadHeader::Damaged) => return Err(damaged(file, "its header does not check")),
        }
    }
    one_world(&segments.whole)?;
    end_each_where_a_later_begins(&mut segments.whole);
    Ok(segments)
}

fn damaged(file: PathBuf, what: &str) -> JournalError {
    JournalError::Corrupt {
        file,
        offset: 0,
        what: what.to_owned(),
    }
}

fn one_world(segments: &[Segment]) -> Result<(), JournalError> {
    let Some(first) = segments.first() else {
        return Ok(());
    };
    let expected = &first.header.about.world;
    match segments
        .iter()
        .find(|segment| segment.header.about.world != *expected)
    {
        None => Ok(()),
        Some(other) => Err(JournalError::OtherWorld {
            file: other.file.clone(),
            found: other.header.about.world.clone(),
            expected: expected.clone(),
        }),
    }
}

fn end_each_where_a_later_begins(segments: &mut [Segment]) {
    let mut last = Tick(u64::MAX);
    for segment in segments.iter_mut().rev() {
        segment.last = last;
        last = last.min(Tick(segment.first().0.saturating_sub(1)));
    }
}
