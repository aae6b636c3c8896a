//! What is known about a journal being written, shared by the loop, its thread and the metrics.

use std::sync::Arc;
use std::time::Duration;

use bluemarble_shared_protocol::Tick;
use parking_lot::{Mutex, MutexGuard};

use super::log::{Counts, Log};
use super::writer::Appended;

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
    /// Everything through this tick has been written and survives the process.
    pub written: Tick,
    /// Records waiting for the writer.
    pub queued: usize,
    /// Bytes written by this writer.
    pub bytes: u64,
    /// Records written by this writer.
    pub records: u64,
    /// fdatasync calls.
    pub syncs: u64,
    /// The longest write or fdatasync so far, microseconds.
    pub stall_us_max: u64,
    /// Segments begun.
    pub segments: u64,
    /// Records dropped.
    pub dropped: u64,
    /// How often the log broke.
    pub breaks: u64,
}

/// Reads a writer's state from any thread.
#[derive(Clone, Debug)]
pub struct JournalMonitor {
    shared: Arc<Shared>,
}

impl JournalMonitor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// See [`JournalWriter::status`](super::JournalWriter::status).
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        self.shared.lock().status()
    }

    /// See [`JournalWriter::durable`](super::JournalWriter::durable).
    #[must_use]
    pub fn durable(&self) -> Tick {
        self.shared.lock().durable
    }
}

/// The state behind its lock, which is held for a few instructions, never across a system call.
#[derive(Debug)]
pub(super) struct Shared(Mutex<State>);

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// The first tick the log lacks, and why; `None` while records are accepted.
    broken: Option<(Tick, String)>,
    /// The image the open segment builds on, until the store is known to hold it.
    unproven_base: Option<Tick>,
    pub(super) durable: Tick,
    pub(super) written: Tick,
    pub(super) queued: usize,
    pub(super) queued_bytes: usize,
    pub(super) dropped: u64,
    /// Restarts the loop has asked for and the thread has begun. While they differ, a fault of the
    /// old segment is already being answered.
    pub(super) restarts_asked: u64,
    pub(super) restarts_done: u64,
    counts: Counts,
    stall_us_max: u64,
    breaks: u64,
}

impl State {
    pub(super) fn of(log: &Log) -> Self {
        Self {
            broken: None,
            unproven_base: None,
            durable: log.synced(),
            written: log.written(),
            queued: 0,
            queued_bytes: 0,
            dropped: 0,
            restarts_asked: 0,
            restarts_done: 0,
            counts: log.counts(),
            stall_us_max: 0,
            breaks: 0,
        }
    }

    /// The log lacks `first_lost` and what follows.
    pub(super) fn break_from(&mut self, first_lost: Tick, reason: String) {
        self.breaks += 1;
        self.broken = Some((first_lost, reason));
    }

    /// Records are refused.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Logging goes on behind an image taken at `base`.
    pub(super) fn mend(&mut self, base: Tick) {
        self.broken = None;
        self.unproven_base = Some(base);
        self.restarts_asked += 1;
    }

    /// As [`State::break_from`], for a record that was just refused.
    pub(super) fn drop_from(&mut self, tick: Tick, reason: String) -> Appended {
        self.break_from(tick, reason);
        self.dropped += 1;
        Appended::Dropped
    }

    /// Takes over what the log has reached.
    pub(super) fn observe(&mut self, log: &Log, took: Duration) {
        self.counts = log.counts();
        self.stall_us_max = self
            .stall_us_max
            .max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.written = log.written();
        // A new segment proves nothing until the checkpoint it builds on is stored.
        if self.unproven_base.is_none() {
            self.durable = self.durable.max(log.synced());
        }
    }

    /// The store holds the checkpoint of `tick`.
    pub(super) fn checkpoint_saved(&mut self, tick: Tick) {
        self.durable = self.durable.max(tick);
        self.unproven_base = self.unproven_base.filter(|&base| base > tick);
    }

    /// What has been written, if nothing before it is missing.
    pub(super) fn whole_through(&self) -> Option<Tick> {
        (self.broken.is_none() && self.unproven_base.is_none()).then_some(self.written)
    }

    fn health(&self) -> JournalHealth {
        match (&self.broken, self.unproven_base) {
            (Some((first_lost, reason)), _) => JournalHealth::Broken {
                first_lost: *first_lost,
                reason: reason.clone(),
            },
            (None, Some(base)) => JournalHealth::Mending { base },
            (None, None) => JournalHealth::Whole,
        }
    }

    pub(super) fn status(&self) -> JournalStatus {
        JournalStatus {
            health: self.health(),
            durable: self.durable,
            written: self.written,
            queued: self.queued,
            bytes: self.counts.bytes,
            records: self.counts.records,
            syncs: self.counts.syncs,
            stall_us_max: self.stall_us_max,
            segments: self.counts.segments,
            dropped: self.dropped,
            breaks: self.breaks,
        }
    }
}
