//! From segments back to records: everything after a checkpoint, in order and without a hole.
//!
//! At the first bytes that are no whole record two things can have happened. Either they were being
//! written when the machine died (a *torn tail*: cut, reported), or they had been on the disk and
//! have changed since (damage: refused, because the world after them would be another one). Every
//! record says through which tick the log was durable when it was written, and every segment begins
//! only after the one before is durable; so a later witness tells the two apart.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use bluemarble_shared_protocol::{Epoch, Tick};

use super::disk::{Disk, disk_at};
use super::format::{Header, RECORD_BYTES_MIN, Seal, decode_record, peek_tick};
use super::segments::{Segment, scan};
use super::{JournalError, JournalRecord, SegmentHeader};
use crate::limits::SEGMENT_BYTES_MAX;

/// The records after a checkpoint, all in memory; see [`JournalReader`] for one at a time.
#[derive(Clone, Debug, Default)]
pub struct JournalTail {
    /// In tick order, without a hole, the first one right after the tick asked for.
    pub records: Vec<JournalRecord>,
    /// The segments that were read, in order.
    pub segments: Vec<SegmentSummary>,
    /// What was cut off at the end.
    pub torn: Option<TornTail>,
    /// Where the log had broken.
    pub broken: Option<JournalBreak>,
    /// The newest epoch that wrote in the directory, whether or not it was read.
    pub newest_epoch: Option<Epoch>,
    /// The world the directory belongs to, whether or not anything was read.
    pub world: Option<String>,
}

/// What there is after a checkpoint, without the records themselves: all of them have been read, and
/// are whole.
#[derive(Clone, Debug, Default)]
pub struct JournalSurvey {
    /// How many records follow, without a hole, right after the tick asked for.
    pub records: u64,
    /// The tick of the last of them.
    pub last: Option<Tick>,
    /// When the first and the last of them were sealed, as in [`JournalRecord::sealed_ms`].
    pub sealed_ms: Option<(u64, u64)>,
    /// The segments that were read, in order.
    pub segments: Vec<SegmentSummary>,
    /// As in [`JournalTail`].
    pub torn: Option<TornTail>,
    /// As in [`JournalTail`].
    pub broken: Option<JournalBreak>,
    /// As in [`JournalTail`].
    pub newest_epoch: Option<Epoch>,
    /// As in [`JournalTail`].
    pub world: Option<String>,
}

/// One segment that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The file.
    pub file: PathBuf,
    /// Its header.
    pub header: SegmentHeader,
    /// How many of its records were used.
    pub records: u64,
}

/// The end of a segment that was being written when the process or machine died. None of it had
/// been promised by `JournalWriter::durable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the whole records end, bytes from its start.
    pub offset: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// The log broke while the world ran on, and the world stopped before a checkpoint closed the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalBreak {
    /// The first tick that is not in the log.
    pub first_lost: Tick,
    /// Where logging went on; records from here on follow an unknown state and are not used.
    pub resumed: Tick,
}

/// The records after `after`, in tick order, of `since` and later epochs; see
/// [`JournalReader::open`].
///
/// # Errors
/// See [`JournalError`].
pub fn read_journal(dir: &Path, since: Epoch, after: Tick) -> Result<JournalTail, JournalError> {
    read_on(disk_at(dir), dir, since, after)
}

pub(super) fn read_on(
    disk: Box<dyn Disk>,
    dir: &Path,
    since: Epoch,
    after: Tick,
) -> Result<JournalTail, JournalError> {
    JournalReader::on(disk, dir, since, after)?.read_all()
}

/// The records after a tick, one at a time; holds one segment in memory. After the last record
/// [`JournalReader::torn`] and [`JournalReader::broken`] say how the log ended.
#[derive(Debug)]
pub struct JournalReader {
    disk: Box<dyn Disk>,
    /// Segments still to be read.
    ahead: VecDeque<Segment>,
    open: Option<Open>,
    /// The tick of the next record to hand out.
    expected: Tick,
    segments: Vec<SegmentSummary>,
    torn: Option<TornTail>,
    broken: Option<JournalBreak>,
    newest_epoch: Option<Epoch>,
    world: Option<String>,
    begins: Vec<(Epoch, Tick)>,
}

/// The segment being read.
#[derive(Debug)]
struct Open {
    segment: Segment,
    bytes: Vec<u8>,
    seal: Seal,
    /// Where the next record begins.
    at: usize,
    /// The tick it must be of.
    tick: Tick,
}

/// What stands at one place of a segment.
enum Step {
    Record(JournalRecord),
    Torn(TornTail),
    End,
}

impl JournalReader {
    /// Finds the records after `after` in the segments of `dir`; a missing directory has none.
    ///
    /// `since` is the epoch of the checkpoint that the records are to follow: every epoch begins
    /// with a checkpoint, so what an older epoch wrote behind it is a past that was not taken, as
    /// after a fail-over to another data directory and back.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn open(dir: &Path, since: Epoch, after: Tick) -> Result<Self, JournalError> {
        Self::on(disk_at(dir), dir, since, after)
    }

    pub(super) fn on(
        mut disk: Box<dyn Disk>,
        dir: &Path,
        since: Epoch,
        after: Tick,
    ) -> Result<Self, JournalError> {
        let segments = scan(&mut *disk, dir)?.whole;
        let newest = segments.last().map(|segment| &segment.header.about);
        let newest_epoch = newest.map(|about| about.epoch);
        let world = newest.map(|about| about.world.clone());
        let begins = segments
            .iter()
            .map(|segment| (segment.epoch(), segment.first()))
            .collect();
        let ahead = segments
            .into_iter()
            .filter(|segment| segment.epoch() >= since)
            .filter(|segment| segment.last > after && !segment.superseded())
            .collect();
        Ok(Self {
            disk,
            ahead,
            open: None,
            expected: after.next(),
            segments: Vec::new(),
            torn: None,
            broken: None,
            newest_epoch,
            world,
            begins,
        })
    }

    /// Epoch and first tick of every segment in the directory, whether or not it is read, in order.
    #[must_use]
    pub fn begins(&self) -> &[(Epoch, Tick)] {
        &self.begins
    }

    /// All records at once, and how the log ended.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read_all(mut self) -> Result<JournalTail, JournalError> {
        let records = self.by_ref().collect::<Result<_, _>>()?;
        Ok(JournalTail {
            records,
            segments: self.segments,
            torn: self.torn,
            broken: self.broken,
            newest_epoch: self.newest_epoch,
            world: self.world,
        })
    }

    /// Reads all records to the end and keeps none of them: however long the journal is, one segment
    /// is in memory.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn survey(self) -> Result<JournalSurvey, JournalError> {
        self.survey_while(|_| true)
    }

    /// As [`JournalReader::survey`], but ends before the first record that `wanted` does not want.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn survey_while(
        mut self,
        mut wanted: impl FnMut(&JournalRecord) -> bool,
    ) -> Result<JournalSurvey, JournalError> {
        let (mut records, mut last, mut sealed_ms) = (0, None, None);
        for record in self.by_ref() {
            let record = record?;
            if !wanted(&record) {
                break;
            }
            last = Some(record.tick);
            let (first_ms, _) = sealed_ms.unwrap_or((record.sealed_ms, 0));
            sealed_ms = Some((first_ms, record.sealed_ms));
            records += 1;
        }
        Ok(JournalSurvey {
            records,
            last,
            sealed_ms,
            segments: self.segments,
            torn: self.torn,
            broken: self.broken,
            newest_epoch: self.newest_epoch,
            world: self.world,
        })
    }

    /// The world the directory belongs to, whether or not anything is read.
    #[must_use]
    pub fn world(&self) -> Option<&str> {
        self.world.as_deref()
    }

    /// The newest epoch that wrote in the directory, whether or not it is read.
    #[must_use]
    pub fn newest_epoch(&self) -> Option<Epoch> {
        self.newest_epoch
    }

    /// The segments read so far.
    #[must_use]
    pub fn segments(&self) -> &[SegmentSummary] {
        &self.segments
    }

    /// After the last record: what was cut off at the end.
    #[must_use]
    pub fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// After the last record: where the log had broken.
    #[must_use]
    pub fn broken(&self) -> Option<JournalBreak> {
        self.broken
    }

    fn advance(&mut self) -> Result<Option<JournalRecord>, JournalError> {
        loop {
            let Some(open) = &mut self.open else {
                match self.ahead.pop_front() {
                    Some(segment) if self.follows(&segment)? => self.begin(segment)?,
                    Some(_) | None => {
                        self.ahead.clear();
                        return Ok(None);
                    }
                }
                continue;
            };
            match open.step()? {
                Step::Record(record) if record.tick < self.expected => {}
                Step::Record(record) => {
                    self.expected = record.tick.next();
                    if let Some(summary) = self.segments.last_mut() {
                        summary.records += 1;
                    }
                    return Ok(Some(record));
                }
                Step::Torn(tail) => {
                    self.torn = Some(tail);
                    self.open = None;
                }
                Step::End => self.open = None,
            }
        }
    }

    /// Whether `segment` goes on where the records so far end; `false` behind a known break.
    fn follows(&mut self, segment: &Segment) -> Result<bool, JournalError> {
        let (expected, begins) = (self.expected, segment.first());
        if begins <= expected {
            return Ok(true);
        }
        if segment
            .header
            .lost_from
            .is_some_and(|lost_from| lost_from <= expected)
        {
            self.broken = Some(JournalBreak {
                first_lost: expected,
                resumed: begins,
            });
            return Ok(false);
        }
        Err(match self.torn.take() {
            Some(torn) => JournalError::Corrupt {
                file: torn.file,
                offset: torn.offset,
                what: format!(
                    "tick {expected} should be here, for the next segment, {}, was only begun \
                     when everything before tick {begins} was on the disk, in the journal or in a \
                     newer checkpoint than the one asked from",
                    segment.name
                ),
            },
            None => JournalError::Gap {
                first_missing: expected,
                begins,
                file: segment.file.clone(),
            },
        })
    }

    fn begin(&mut self, segment: Segment) -> Result<(), JournalError> {
        let bytes = self
            .disk
            .read(&segment.name, SEGMENT_BYTES_MAX + 1)
            .map_err(|source| JournalError::Io {
                file: segment.file.clone(),
                source,
            })?;
        if bytes.len() > SEGMENT_BYTES_MAX {
            return Err(JournalError::Corrupt {
                file: segment.file,
                offset: SEGMENT_BYTES_MAX as u64,
                what: "it is longer than any segment".to_owned(),
            });
        }
        let Ok((_, seal)) = Header::decode(&bytes) else {
            return Err(JournalError::Corrupt {
                file: segment.file,
                offset: 0,
                what: "its header changed while it was read".to_owned(),
            });
        };
        self.segments.push(SegmentSummary {
            file: segment.file.clone(),
            header: segment.header.about.clone(),
            records: 0,
        });
        let tick = segment.first();
        self.open = Some(Open {
            segment,
            bytes,
            at: seal.header_bytes(),
            seal,
            tick,
        });
        Ok(())
    }
}

impl Iterator for JournalReader {
    type Item = Result<JournalRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if matches!(item, Some(Err(_))) {
            self.ahead.clear();
            self.open = None;
        }
        item
    }
}

impl Open {
    fn step(&mut self) -> Result<Step, JournalError> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() || self.tick > self.segment.last {
            return Ok(Step::End);
        }
        let Some(found) = decode_record(rest, self.seal) else {
            return self.torn_or_damaged();
        };
        if found.tick != self.tick {
            return Err(self.damaged(format!("tick {} where {} belongs", found.tick, self.tick)));
        }
        let record = found.to_record();
        self.at += found.bytes;
        self.tick = self.tick.next();
        Ok(Step::Record(record))
    }

    /// Looks behind the bad bytes for a record written when their tick was already durable.
    fn torn_or_damaged(&self) -> Result<Step, JournalError> {
        let rest = &self.bytes[self.at..];
        // Each record in between takes some bytes, which bounds the ticks that can follow.
        let last = self.tick.after((rest.len() / RECORD_BYTES_MIN) as u64);
        let witness = rest
            .windows(RECORD_BYTES_MIN)
            .enumerate()
            .skip(1)
            .filter(|(_, start)| (self.tick.next()..=last).contains(&peek_tick(start)))
            .filter_map(|(at, _)| decode_record(&rest[at..], self.seal))
            .find(|later| later.durable >= self.tick);
        match witness {
            Some(later) => Err(self.damaged(format!(
                "tick {} should be here, for the record of tick {} behind it was written when \
                 everything through tick {} was on the disk",
                self.tick, later.tick, later.durable
            ))),
            None => Ok(Step::Torn(TornTail {
                file: self.segment.file.clone(),
                offset: self.at as u64,
                bytes: rest.len() as u64,
            })),
        }
    }

    fn damaged(&self, what: String) -> JournalError {
        JournalError::Corrupt {
            file: self.segment.file.clone(),
            offset: self.at as u64,
            what,
        }
    }
}
