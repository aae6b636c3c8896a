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

use super::disk::{DirDisk, Disk};
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
    thread: JoinHandle<()>,
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

#[derive(Debug)]
enum Message {
    Record(JournalRecord),
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
        Self::create_on(Box::new(DirDisk::new(dir)), dir, header, options)
    }

    pub(super) fn create_on(
        mut disk: Box<dyn Disk>,
        dir: &Path,
        header: SegmentHeader,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
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
            broken: false,
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || driver.run())
            .map_err(|source| JournalError::Io {
                file: dir.to_owned(),
                source,
            })?;
        Ok(Self {
            queue,
            queue_records: options.queue_records,
            shared,
            next,
            thread,
        })
    }

    /// Hands a record over; never blocks.
    ///
    /// # Panics
    /// When a whole log is given a tick that does not follow the one before.
    pub fn append(&mut self, record: JournalRecord) -> Appended {
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
        if self.queue.try_send(Message::Record(record)).is_err() {
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
        let ended = self.thread.join();
        let mut state = self.shared.lock();
        if ended.is_err() {
            let first_lost = state.written.next();
            state.break_from(first_lost, "the journal's thread panicked".to_owned());
        }
        state.status()
    }
}

/// Makes durable what a killed process left in the page cache: this epoch builds on it. Refuses a
/// directory that has seen a later epoch than ours.
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
                Message::Record(record) => batch.push(record),
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

/// The clock of the group commit and of the stall metric; no result depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "a driver of a disk, not part of the tick"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc;

    use bluemarble_shared_protocol::Epoch;

    use super::super::faulty::{Faults, FaultyDisk};
    use super::super::reader::read_journal;
    use super::super::reader::tests::{about, record, tail_on};
    use super::super::status::JournalHealth;
    use super::*;

    fn quick(queue_records: usize) -> JournalOptions {
        JournalOptions {
            group_commit: Duration::from_millis(1),
            queue_records,
        }
    }

    fn writer_on(disk: &FaultyDisk, options: JournalOptions) -> JournalWriter {
        let disk = Box::new(disk.clone());
        JournalWriter::create_on(disk, Path::new("dir"), about(1, 1), options).unwrap()
    }

    /// Polls until the thread has got there; the patience only bounds a failing test.
    fn wait_for(writer: &JournalWriter, reached: impl Fn(&JournalStatus) -> bool) -> JournalStatus {
        for _ in 0..10_000 {
            let status = writer.status();
            if reached(&status) {
                return status;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("never reached: {:?}", writer.status());
    }

    /// A disk whose appends wait for the test's word.
    #[derive(Debug)]
    struct GatedDisk {
        disk: FaultyDisk,
        gate: mpsc::Receiver<()>,
        headers: usize,
    }

    impl Disk for GatedDisk {
        fn list(&mut self) -> io::Result<Vec<String>> {
            self.disk.list()
        }
        fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
            self.disk.read(name, bytes_max)
        }
        fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
            self.headers += 1;
            if self.headers > 1 {
                // Closed for good once the test drops its end.
                let _ = self.gate.recv();
            }
            self.disk.append(name, bytes)
        }
        fn sync(&mut self, name: &str) -> io::Result<()> {
            self.disk.sync(name)
        }
        fn remove(&mut self, name: &str) -> io::Result<()> {
            self.disk.remove(name)
        }
    }

    #[test]
    fn what_is_appended_becomes_durable_by_itself_and_is_read_back_from_real_files() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("journal");
        let mut writer = JournalWriter::create(&dir, about(1, 1), quick(64)).unwrap();
        let monitor = writer.monitor();
        assert_eq!(writer.durable(), Tick(0));
        for tick in 1..=20 {
            assert_eq!(writer.append(record(tick)), Appended::Queued);
            if tick == 10 {
                writer.rotate();
            }
        }
        wait_for(&writer, |status| status.durable == Tick(20));
        assert_eq!(monitor.durable(), Tick(20));
        let status = writer.finish();
        assert_eq!(status.health, JournalHealth::Whole);
        assert_eq!(
            (status.records, status.segments, status.dropped),
            (20, 2, 0)
        );
        assert_eq!(monitor.status(), status);

        let tail = read_journal(&dir, Tick(0)).unwrap();
        assert_eq!(tail.records, (1..=20).map(record).collect::<Vec<_>>());
        let bytes: u64 = tail
            .segments
            .iter()
            .map(|s| std::fs::metadata(&s.file).unwrap().len())
            .sum();
        assert_eq!(bytes, status.bytes);

        // A second epoch goes on behind the first; the first cannot be begun again.
        let again = JournalWriter::create(&dir, about(1, 21), quick(64)).unwrap_err();
        assert!(
            matches!(
                again,
                JournalError::EpochNotNewer {
                    found: Epoch(1),
                    ..
                }
            ),
            "{again}"
        );
        let mut writer = JournalWriter::create(&dir, about(2, 21), quick(64)).unwrap();
        assert_eq!(writer.append(record(21)), Appended::Queued);
        let _ = writer.finish();
        assert_eq!(read_journal(&dir, Tick(0)).unwrap().records.len(), 21);
        assert_eq!(super::super::prune_journal(&dir, Tick(10)).unwrap(), 1);
        assert_eq!(read_journal(&dir, Tick(10)).unwrap().records.len(), 11);
    }

    #[test]
    fn a_disk_that_does_not_keep_up_breaks_the_log_and_never_blocks_the_loop() {
        let disk = FaultyDisk::default();
        let (open, gate) = mpsc::channel();
        let gated = Box::new(GatedDisk {
            disk: disk.clone(),
            gate,
            headers: 0,
        });
        let mut writer =
            JournalWriter::create_on(gated, Path::new("dir"), about(1, 1), quick(4)).unwrap();
        let mut tick = 1;
        while writer.append(record(tick)) == Appended::Queued {
            tick += 1;
            assert!(tick < 20, "the queue has a bound");
        }
        match writer.status().health {
            JournalHealth::Broken { first_lost, reason } => {
                assert_eq!(first_lost, Tick(tick));
                assert!(reason.contains("too slow"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(writer.append(record(tick + 1)), Appended::Dropped);

        // The disk recovers, then the image of tick + 1 is taken.
        drop(open);
        wait_for(&writer, |status| status.queued == 0);
        writer.restart_after(Tick(tick + 1));
        for n in 2..=3 {
            assert_eq!(writer.append(record(tick + n)), Appended::Queued);
        }
        let status = wait_for(&writer, |status| status.written == Tick(tick + 3));
        assert_eq!(
            status.health,
            JournalHealth::Mending {
                base: Tick(tick + 1)
            }
        );
        assert!(writer.durable() < Tick(tick), "the hole is not yet bridged");
        writer.checkpoint_saved(Tick(tick + 1));
        wait_for(&writer, |status| status.durable >= Tick(tick + 1));
        assert_eq!(writer.append(record(tick + 4)), Appended::Queued);
        wait_for(&writer, |status| status.durable == Tick(tick + 4));
        let status = writer.finish();
        assert_eq!((status.health, status.dropped), (JournalHealth::Whole, 2));

        let tail = tail_on(&disk, tick + 1).unwrap();
        assert_eq!(
            tail.records,
            (tick + 2..=tick + 4).map(record).collect::<Vec<_>>()
        );
        let tail = tail_on(&disk, 0).unwrap();
        assert_eq!(tail.records, (1..tick).map(record).collect::<Vec<_>>());
        assert_eq!(tail.broken.unwrap().first_lost, Tick(tick));
    }

    #[test]
    fn a_full_disk_is_reported_with_the_first_lost_tick_and_mended_by_a_checkpoint() {
        let disk = FaultyDisk::default();
        let mut writer = writer_on(&disk, quick(64));
        assert_eq!(writer.append(record(1)), Appended::Queued);
        wait_for(&writer, |status| status.durable == Tick(1));
        disk.set_faults(Faults {
            room: Some(0),
            ..Faults::default()
        });
        assert_eq!(writer.append(record(2)), Appended::Queued);
        let broken = |status: &JournalStatus| {
            matches!(
                status.health,
                JournalHealth::Broken {
                    first_lost: Tick(2),
                    ..
                }
            )
        };
        let status = wait_for(&writer, broken);
        assert_eq!(
            (status.durable, status.breaks, status.dropped),
            (Tick(1), 1, 1)
        );
        assert_eq!(writer.append(record(3)), Appended::Dropped);

        // Still full: the restart breaks again. Then there is room.
        writer.restart_after(Tick(3));
        let again = |status: &JournalStatus| status.breaks == 2;
        wait_for(&writer, again);
        disk.set_faults(Faults::default());
        writer.restart_after(Tick(5));
        assert_eq!(writer.append(record(6)), Appended::Queued);
        wait_for(&writer, |status| status.written == Tick(6));
        assert_eq!(writer.durable(), Tick(1));
        writer.checkpoint_saved(Tick(4));
        assert_eq!(
            writer.durable(),
            Tick(4),
            "a checkpoint proves itself, not the new segment"
        );
        writer.checkpoint_saved(Tick(5));
        let status = writer.finish();
        assert_eq!(
            (status.health, status.written),
            (JournalHealth::Whole, Tick(6))
        );
        assert_eq!(tail_on(&disk, 5).unwrap().records, [record(6)]);
    }

    #[test]
    #[should_panic(expected = "the log has every tick, in order")]
    fn a_skipped_tick_is_our_mistake() {
        let mut writer = writer_on(&FaultyDisk::default(), quick(64));
        let _ = writer.append(record(2));
    }

    #[test]
    fn a_world_name_that_does_not_fit_the_header_is_refused() {
        let header = SegmentHeader {
            world: "w".repeat(64),
            ..about(1, 1)
        };
        let disk = Box::new(FaultyDisk::default());
        let refused = JournalWriter::create_on(disk, Path::new("dir"), header, quick(1));
        assert!(matches!(
            refused,
            Err(JournalError::WorldName { bytes: 64 })
        ));
    }
}
