//! The journal without its thread: which bytes go to which segment, and what is known to be on the
//! disk. No clock and no queue, so that every crash can be tried in memory.
//!
//! States: *whole* (records follow each other in the open segment) and *broken* (something did not
//! reach the disk; nothing is written until `restart`). A segment that has failed is never written
//! or synced again: after a failed fdatasync the kernel may have dropped the dirty pages, and a
//! second call would report success for data that is gone.

use std::io;

use bluemarble_shared_protocol::Tick;

use super::disk::Disk;
use super::format::{Header, Seal, encode_record, segment_name};
use super::{JournalRecord, SegmentHeader};
use crate::limits::{RECORD_PAYLOAD_BYTES_MAX, SEGMENT_BYTES, SKETCH_WORDS_MAX};

/// Why the log broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The first tick that is not in the log.
    pub(super) first_lost: Tick,
    /// For the operator.
    pub(super) reason: String,
}

/// Counters, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) syncs: u64,
    pub(super) segments: u64,
}

/// The writing end of a journal on one disk.
#[derive(Debug)]
pub(super) struct Log {
    disk: Box<dyn Disk>,
    /// The header of the open segment; the next one differs in its first tick.
    about: SegmentHeader,
    segment: Segment,
    /// Everything through here is in the files, from the last restart on without a hole.
    written: Tick,
    /// Everything through here is on the disk, likewise.
    synced: Tick,
    /// Bytes of one write, kept for its capacity.
    buffer: Vec<u8>,
    counts: Counts,
}

#[derive(Debug)]
enum Segment {
    Open {
        name: String,
        /// What ties records to the header; see `format`.
        seal: Seal,
        bytes: usize,
        records: u64,
    },
    Broken,
}

impl Log {
    /// Makes the first segment of an epoch; `about.first_tick` is the tick of its first record.
    /// What is on the disk already must have been synced by the caller.
    pub(super) fn create(disk: Box<dyn Disk>, about: SegmentHeader) -> Result<Self, Fault> {
        let before = Tick(about.first_tick.0.saturating_sub(1));
        let mut log = Self {
            disk,
            about,
            segment: Segment::Broken,
            written: before,
            synced: before,
            buffer: Vec::new(),
            counts: Counts::default(),
        };
        log.open(log.about.first_tick, None)?;
        Ok(log)
    }

    /// Everything through this tick is on the disk, if what the last restart built on is.
    pub(super) fn synced(&self) -> Tick {
        self.synced
    }

    /// Everything through this tick has been handed to the operating system.
    pub(super) fn written(&self) -> Tick {
        self.written
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Something was written that is not yet on the disk.
    pub(super) fn dirty(&self) -> bool {
        matches!(self.segment, Segment::Open { .. }) && self.written > self.synced
    }

    /// Writes records that follow each other and what was written before, in one go.
    ///
    /// On a fault some of them may be in the log: those before `first_lost`.
    pub(super) fn write(&mut self, records: &[JournalRecord]) -> Result<(), Fault> {
        let Segment::Open {
            name,
            seal,
            bytes,
            records: count,
        } = &mut self.segment
        else {
            return Err(self.fault("the log is broken already"));
        };
        self.buffer.clear();
        let mut ends = Vec::with_capacity(records.len());
        let mut oversized = None;
        for record in records {
            let too_long = record.payload.len() > RECORD_PAYLOAD_BYTES_MAX
                || record.sketch.len() > SKETCH_WORDS_MAX;
            if too_long {
                oversized = Some(record.payload.len() + 8 * record.sketch.len());
                break;
            }
            encode_record(record, self.synced, *seal, &mut self.buffer);
            ends.push((self.buffer.len(), record.tick));
        }
        let (sent, outcome) = append_all(&mut *self.disk, name, &self.buffer);
        *bytes += sent;
        let whole = ends.iter().take_while(|&&(end, _)| end <= sent).count();
        *count += whole as u64;
        self.counts.bytes += sent as u64;
        self.counts.records += whole as u64;
        if let Some(&(_, tick)) = whole.checked_sub(1).and_then(|last| ends.get(last)) {
            self.written = tick;
        }
        let full = *bytes >= SEGMENT_BYTES;
        match (outcome, oversized) {
            (Err(error), _) => Err(self.break_off(&format!("cannot write: {error}"))),
            (Ok(()), Some(size)) => Err(self.break_off(&format!(
                "the inputs of one tick take {size} bytes, at most {RECORD_PAYLOAD_BYTES_MAX} fit"
            ))),
            (Ok(()), None) if full => self.rotate(),
            (Ok(()), None) => Ok(()),
        }
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self) -> Result<(), Fault> {
        if !self.dirty() {
            return Ok(());
        }
        self.force_sync()
    }

    /// Closes the open segment, durably, and begins the next. Nothing happens to an empty one.
    pub(super) fn rotate(&mut self) -> Result<(), Fault> {
        match &self.segment {
            Segment::Open { records: 1.., .. } => {
                self.sync()?;
                self.open(self.written.next(), None)
            }
            Segment::Open { .. } | Segment::Broken => Ok(()),
        }
    }

    /// Goes on with `after + 1` in a new segment that says which ticks the log lacks.
    pub(super) fn restart(&mut self, after: Tick) -> Result<(), Fault> {
        // A failure here only means that more is lost; the new segment says so.
        let _ = self.sync();
        self.open(after.next(), Some(self.synced.next()))?;
        self.written = after;
        self.synced = after;
        Ok(())
    }

    /// Makes a segment and everything about it durable before it can hold a record.
    fn open(&mut self, first_tick: Tick, lost_from: Option<Tick>) -> Result<(), Fault> {
        self.segment = Segment::Broken;
        self.about.first_tick = first_tick;
        let name = segment_name(self.about.epoch, first_tick);
        let (header, seal) = Header {
            about: self.about.clone(),
            lost_from,
        }
        .encode();
        let (sent, outcome) = append_all(&mut *self.disk, &name, &header);
        self.counts.bytes += sent as u64;
        if let Err(error) = outcome.and_then(|()| self.disk.sync(&name)) {
            return Err(self.fault(&format!("cannot begin segment {name}: {error}")));
        }
        self.counts.segments += 1;
        self.counts.syncs += 1;
        self.segment = Segment::Open {
            name,
            seal,
            bytes: header.len(),
            records: 0,
        };
        Ok(())
    }

    fn force_sync(&mut self) -> Result<(), Fault> {
        let Segment::Open { name, .. } = &self.segment else {
            return Err(self.fault("the log is broken already"));
        };
        self.counts.syncs += 1;
        match self.disk.sync(name) {
            Ok(()) => {
                self.synced = self.written;
                Ok(())
            }
            Err(error) => {
                // What was written since the last success may be gone.
                self.written = self.synced;
                self.segment = Segment::Broken;
                Err(self.fault(&format!("cannot sync: {error}")))
            }
        }
    }

    /// Ends the segment after a failed write, saving what is whole.
    fn break_off(&mut self, reason: &str) -> Fault {
        let synced = if self.dirty() {
            self.force_sync()
        } else {
            Ok(())
        };
        self.segment = Segment::Broken;
        match synced {
            Ok(()) => self.fault(reason),
            Err(worse) => Fault {
                reason: format!("{reason}; {}", worse.reason),
                ..worse
            },
        }
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault {
            first_lost: self.written.next(),
            reason: reason.to_owned(),
        }
    }
}

/// Appends all of `bytes`; says how many went in before an error.
fn append_all(disk: &mut dyn Disk, name: &str, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut sent = 0;
    while sent < bytes.len() {
        match disk.append(name, &bytes[sent..]) {
            Ok(0) => return (sent, Err(io::ErrorKind::WriteZero.into())),
            Ok(some) => sent += some,
            Err(error) => return (sent, Err(error)),
        }
    }
    (sent, Ok(()))
}
