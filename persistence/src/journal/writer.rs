//! The thread that writes the journal, and the bounded queue in front of it.
//!
//! ```text
//!   tick loop ──append──► queue (records and bytes bounded) ──► thread: write(2) at once,
//!      ▲                                                        fdatasync once per group commit
//!      └── durable, status ◄── shared state ◄────────────────────┘
//! ```
//!
//! The loop never waits: a full queue or a failed disk *breaks* the log, and the world goes on
//! without it until a checkpoint gives the log something whole to go on from (`restart_after`).

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bluemarble_shared_protocol::Tick;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::disk::{Disk, disk_at};
use super::format::parse_segment_name;
use super::log::{Fault, Log};
use super::status::{JournalMonitor, JournalStatus, Shared, State};
use super::{JournalError, JournalRecord, SegmentHeader};
use crate::limits::{JOURNAL_CONTROLS_MAX, JOURNAL_QUEUE_BYTES_MAX, WORLD_NAME_BYTES_MAX};

/// Appends records on a thread of its own. Dropping it lets the thread write what is queued and
/// end by itself; [`JournalWriter::finish`] waits for that.
#[derive(Debug)]
pub struct JournalWriter {
    queue: Sender<Message>,
    queue_records: usize,
    shared: Arc<Shared>,
    /// The tick the next record must be of.
    next: Tick,
    /// None if its work is done by hand.
    thread: Option<JoinHandle<()>>,
}

/// How a journal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Longest time between a record's write and the fdatasync that makes it durable.
    pub group_commit: Duration,
    /// Records that may wait for the disk; one more breaks the log.
    pub queue_records: usize,
}

impl Default for JournalOptions {
    /// Tuned for 20 to 120 ticks a second: a power cut costs at most 0.1 s, and a disk that stalls
    /// for 4 s (at 120 Hz) costs nothing.
    fn default() -> Self {
        Self {
            group_commit: Duration::from_millis(100),
            queue_records: 512,
        }
    }
}

/// What became of an appended record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a dropped record means the log is broken: take a checkpoint and restart the log"]
pub enum Appended {
    /// It will be written.
    Queued,
    /// It is not in the log: the log is broken. Take a checkpoint and call
    /// [`JournalWriter::restart_after`].
    Dropped,
}

/// When a record becomes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// With the next group commit.
    Grouped,
    /// As soon as the disk can: somebody waits for it. So do all records before it.
    AtOnce,
}

#[derive(Debug)]
enum Message {
    Record(JournalRecord, Commit),
    Rotate,
    Restart { after: Tick },
}

impl JournalWriter {
    /// Starts the first segment of this epoch, after making durable what earlier epochs left.
    ///
    /// # Errors
    /// When the directory or the segment cannot be written, the world's name is too long, or the
    /// directory holds segments of this epoch or a later one.
    pub fn create(
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        Self::create_on(disk_at(dir), dir, header, options)
    }

    pub(super) fn create_on(
        disk: Box<dyn Disk>,
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        let (mut writer, driver) = Self::prepare(disk, dir, header, options)?;
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || driver.run())
            .map_err(|source| JournalError::Io {
                file: dir.to_owned(),
                source,
            })?;
        writer.thread = Some(thread);
        Ok(writer)
    }

    /// As [`JournalWriter::create`], but without a thread: what it would do is done when told.
    ///
    /// # Errors
    /// As [`JournalWriter::create`].
    #[cfg(feature = "faults")]
    pub fn by_hand(
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<(Self, JournalHand), JournalError> {
        let (writer, driver) = Self::prepare(disk_at(dir), dir, header, options)?;
        Ok((writer, JournalHand { driver }))
    }

    fn prepare(
        mut disk: Box<dyn Disk>,
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<(Self, Driver), JournalError> {
        if header.world.len() > WORLD_NAME_BYTES_MAX {
            return Err(JournalError::WorldName {
                bytes: header.world.len(),
            });
        }
        settle_earlier_epochs(&mut *disk, dir, &header)?;
        let next = header.first_tick;
        let log = Log::create(disk, header).map_err(|fault| JournalError::Io {
            file: dir.to_owned(),
            source: std::io::Error::other(fault.reason),
        })?;
        let shared = Arc::new(Shared::new(State::of(&log)));
        let (queue, incoming) =
            crossbeam_channel::bounded(options.queue_records + JOURNAL_CONTROLS_MAX);
        let driver = Driver {
            log,
            incoming,
            shared: Arc::clone(&shared),
            group_commit: options.group_commit,
            sync_at: None,
            urgent: false,
            broken: false,
        };
        let writer = Self {
            queue,
            queue_records: options.queue_records,
            shared,
            next,
            thread: None,
        };
        Ok((writer, driver))
    }

    /// Hands a record over; never blocks.
    ///
    /// # Panics
    /// When a whole log is given a tick that does not follow the one before.
    pub fn append(&mut self, record: JournalRecord) -> Appended {
        self.append_to(record, Commit::Grouped)
    }

    /// The same, and says when it is to become durable.
    ///
    /// # Panics
    /// As [`JournalWriter::append`].
    pub fn append_to(&mut self, record: JournalRecord, commit: Commit) -> Appended {
        let mut state = self.shared.lock();
        if state.is_broken() {
            state.dropped += 1;
            return Appended::Dropped;
        }
        assert_eq!(record.tick, self.next, "the log has every tick, in order");
        let (tick, bytes) = (record.tick, record.payload.len());
        if state.queued >= self.queue_records
            || state.queued_bytes + bytes > JOURNAL_QUEUE_BYTES_MAX
        {
            let (waiting, size) = (state.queued, state.queued_bytes);
            let reason =
                format!("the disk is too slow: {waiting} records of {size} bytes wait for it");
            return state.drop_from(tick, reason);
        }
        if self
            .queue
            .try_send(Message::Record(record, commit))
            .is_err()
        {
            return state.drop_from(tick, "the journal's thread has ended".to_owned());
        }
        state.queued += 1;
        state.queued_bytes += bytes;
        self.next = tick.next();
        Appended::Queued
    }

    /// The next record starts a new segment; call it when a checkpoint image is taken, so that
    /// [`prune_journal`](super::prune_journal) can remove what the checkpoint covers.
    pub fn rotate(&mut self) {
        // Full or ended: nothing is lost by a longer segment.
        let _ = self.queue.try_send(Message::Rotate);
    }

    /// After a break: the image of `tick` was just taken, log from `tick + 1` on in a new segment.
    /// `durable` moves again once [`JournalWriter::checkpoint_saved`] says that image is stored.
    /// While the disk still refuses or records still wait for it (`JournalStatus::queued`), the log
    /// soon breaks again; then the same is to be done.
    pub fn restart_after(&mut self, tick: Tick) {
        let mut state = self.shared.lock();
        if self
            .queue
            .try_send(Message::Restart { after: tick })
            .is_ok()
        {
            state.mend(tick);
            self.next = tick.next();
        }
    }

    /// Tells the journal that the store holds the checkpoint of `tick`, which makes everything up
    /// to there durable. Cheap; call it every tick.
    pub fn checkpoint_saved(&mut self, tick: Tick) {
        self.shared.lock().checkpoint_saved(tick);
    }

    /// Everything through this tick survives a power cut.
    #[must_use]
    pub fn durable(&self) -> Tick {
        self.shared.lock().durable
    }

    /// Everything through this tick survives the end of the process; `None` while the log has a
    /// hole, when only checkpoints survive.
    #[must_use]
    pub fn written(&self) -> Option<Tick> {
        self.shared.lock().whole_through()
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        self.shared.lock().status()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> JournalMonitor {
        JournalMonitor::new(Arc::clone(&self.shared))
    }

    /// Writes and syncs what is queued, ends the thread, and says how it ended. Waits for the disk.
    #[must_use]
    pub fn finish(self) -> JournalStatus {
        drop(self.queue);
        let panicked = self.thread.is_some_and(|thread| thread.join().is_err());
        let mut state = self.shared.lock();
        if panicked {
            let first_lost = state.written.next();
            state.break_from(first_lost, "the journal's thread panicked".to_owned());
        }
        state.status()
    }
}

/// Makes durable what a killed process left of a journal in the page cache. What was read of it may be
/// acted on, and told, only afterwards.
///
/// # Errors
/// When the directory cannot be read or a file not synced.
pub fn settle_journal(dir: &Path) -> Result<(), JournalError> {
    let mut disk = disk_at(dir);
    let at = |file: &str| {
        let file = dir.join(file);
        move |source| JournalError::Io { file, source }
    };
    for name in disk.list().map_err(at(""))? {
        if parse_segment_name(&name).is_some() {
            disk.sync(&name).map_err(at(&name))?;
        }
    }
    Ok(())
}

/// As [`settle_journal`], for this epoch builds on it. Refuses a directory that has seen a later epoch
/// than ours.
fn settle_earlier_epochs(
    disk: &mut dyn Disk,
    dir: &Path,
    header: &SegmentHeader,
) -> Result<(), JournalError> {
    let at = |file: &str| {
        let file = dir.join(file);
        move |source| JournalError::Io { file, source }
    };
    for name in disk.list().map_err(at(""))? {
        let Some((epoch, _)) = parse_segment_name(&name) else {
            continue;
        };
        if epoch >= header.epoch {
            return Err(JournalError::EpochNotNewer {
                file: dir.join(name),
                found: epoch,
                ours: header.epoch,
            });
        }
        disk.sync(&name).map_err(at(&name))?;
    }
    Ok(())
}

/// The thread's side.
#[derive(Debug)]
struct Driver {
    log: Log,
    incoming: Receiver<Message>,
    shared: Arc<Shared>,
    group_commit: Duration,
    /// When what is written must be synced; `None` while nothing is.
    sync_at: Option<Instant>,
    /// Somebody waits for one of the records that were taken.
    urgent: bool,
    /// The log has a fault that no restart has answered yet.
    broken: bool,
}

impl Driver {
    fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let message = match self.sync_at {
                None => self
                    .incoming
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.incoming.recv_deadline(at),
            };
            match message {
                Ok(first) => self.take(first, &mut batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.sync_when_due();
        }
        self.timed(Log::sync);
    }

    /// Handles a message and all that wait behind it; records go to the disk together.
    fn take(&mut self, first: Message, batch: &mut Vec<JournalRecord>) {
        let mut message = Some(first);
        while let Some(next) = message {
            match next {
                Message::Record(record, commit) => {
                    self.urgent |= commit == Commit::AtOnce;
                    batch.push(record);
                }
                Message::Rotate => {
                    self.write(batch);
                    self.timed(Log::rotate);
                }
                Message::Restart { after } => {
                    self.write(batch);
                    self.broken = false;
                    self.shared.lock().restarts_done += 1;
                    self.timed(|log| log.restart(after));
                }
            }
            message = self.incoming.try_recv().ok();
        }
        self.write(batch);
    }

    fn write(&mut self, batch: &mut Vec<JournalRecord>) {
        if batch.is_empty() {
            return;
        }
        if self.broken {
            self.shared.lock().dropped += batch.len() as u64;
        } else {
            let before = self.log.counts().records;
            self.timed(|log| log.write(batch));
            let written = self.log.counts().records - before;
            self.shared.lock().dropped += batch.len() as u64 - written;
            if self.sync_at.is_none() && self.log.dirty() {
                self.sync_at = Some(now() + self.group_commit);
            }
        }
        if std::mem::take(&mut self.urgent) && self.sync_at.is_some() {
            self.sync_at = Some(now());
        }
        let mut state = self.shared.lock();
        state.queued -= batch.len();
        state.queued_bytes -= batch
            .iter()
            .map(|record| record.payload.len())
            .sum::<usize>();
        drop(state);
        batch.clear();
    }

    fn sync_when_due(&mut self) {
        if !self.log.dirty() {
            self.sync_at = None;
        } else if self.sync_at.is_some_and(|at| now() >= at) {
            self.sync_at = None;
            self.timed(Log::sync);
        }
    }

    /// Does something to the log and publishes how it came out.
    fn timed(&mut self, work: impl FnOnce(&mut Log) -> Result<(), Fault>) {
        if self.broken {
            return;
        }
        let begun = now();
        let outcome = work(&mut self.log);
        let took = now().duration_since(begun);
        let mut state = self.shared.lock();
        state.observe(&self.log, took);
        if let Err(fault) = outcome {
            self.broken = true;
            if state.restarts_done == state.restarts_asked {
                state.break_from(fault.first_lost, fault.reason);
            }
        }
    }
}

/// The thread's work, for whoever decides when it is done.
#[cfg(feature = "faults")]
#[derive(Debug)]
pub struct JournalHand {
    driver: Driver,
}

#[cfg(feature = "faults")]
impl JournalHand {
    /// Writes what waits, as the thread does when it wakes up.
    pub fn write(&mut self) {
        if let Ok(first) = self.driver.incoming.try_recv() {
            self.driver.take(first, &mut Vec::new());
        }
    }

    /// A group commit: what is written becomes durable.
    pub fn sync(&mut self) {
        self.driver.timed(Log::sync);
    }
}

/// The clock of the group commit and of the stall metric; no result depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "a driver of a disk, not part of the tick"
)]
fn now() -> Instant {
    Instant::now()
}
