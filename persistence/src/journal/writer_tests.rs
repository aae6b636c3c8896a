//! The journal's thread: durable by itself, never blocking, broken and mended.

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

use super::disk::Disk;
use super::faulty::{Crash, Faults, FaultyDisk};
use super::log::Log;
use super::reader_tests::{about, record, tail_on};
use super::{
    Appended, JournalError, JournalHealth, JournalOptions, JournalStatus, JournalWriter,
    SegmentHeader, prune_journal, read_journal,
};

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
    appends: usize,
    /// The append, counted from 1 (the first header), that finds the disk full.
    refused: Option<usize>,
}

impl Disk for GatedDisk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        self.disk.read(name, bytes_max)
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        self.appends += 1;
        if self.appends > 1 {
            // Closed for good once the test drops its end.
            let _ = self.gate.recv();
        }
        if self.refused == Some(self.appends) {
            return Err(io::ErrorKind::StorageFull.into());
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

    let tail = read_journal(&dir, Epoch(0), Tick(0)).unwrap();
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
    assert_eq!(
        read_journal(&dir, Epoch(0), Tick(0)).unwrap().records.len(),
        21
    );
    assert_eq!(prune_journal(&dir, Tick(10)).unwrap(), 1);
    assert_eq!(
        read_journal(&dir, Epoch(0), Tick(10))
            .unwrap()
            .records
            .len(),
        11
    );
}

#[test]
fn a_disk_that_does_not_keep_up_breaks_the_log_and_never_blocks_the_loop() {
    let disk = FaultyDisk::default();
    let (open, gate) = mpsc::sync_channel(64);
    let gated = Box::new(GatedDisk {
        disk: disk.clone(),
        gate,
        appends: 0,
        refused: None,
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

#[test]
fn a_fault_of_the_old_segment_does_not_undo_a_restart_that_is_on_its_way() {
    let disk = FaultyDisk::default();
    let (open, gate) = mpsc::sync_channel(64);
    let gated = Box::new(GatedDisk {
        disk: disk.clone(),
        gate,
        appends: 0,
        refused: Some(2),
    });
    let mut writer =
        JournalWriter::create_on(gated, Path::new("dir"), about(1, 1), quick(4)).unwrap();
    let mut tick = 1;
    while writer.append(record(tick)) == Appended::Queued {
        tick += 1;
    }
    // The queue is full, so the log is broken; the image of `tick` answers that. Only then does
    // the disk refuse the records that wait.
    writer.restart_after(Tick(tick));
    drop(open);
    let status = wait_for(&writer, |status| status.segments == 2);
    let mending = JournalHealth::Mending { base: Tick(tick) };
    assert_eq!((status.health, status.breaks), (mending, 1));
    assert_eq!(writer.append(record(tick + 1)), Appended::Queued);
    writer.checkpoint_saved(Tick(tick));
    assert_eq!(writer.finish().health, JournalHealth::Whole);
    assert_eq!(tail_on(&disk, tick).unwrap().records, [record(tick + 1)]);
}

#[test]
fn what_a_killed_process_left_is_made_durable_before_the_next_epoch_builds_on_it() {
    let disk = FaultyDisk::default();
    let mut killed = Log::create(Box::new(disk.clone()), about(1, 1)).unwrap();
    killed.write(&[record(1), record(2)]).unwrap();
    drop(killed);
    let boxed = Box::new(disk.clone());
    let mut writer =
        JournalWriter::create_on(boxed, Path::new("dir"), about(2, 3), quick(4)).unwrap();
    assert_eq!(writer.durable(), Tick(2));
    assert_eq!(writer.append(record(3)), Appended::Queued);
    assert_eq!(writer.finish().durable, Tick(3));
    let tail = tail_on(&disk.crashed(Crash::Keep(0)), 0).unwrap();
    assert_eq!(tail.records, (1..=3).map(record).collect::<Vec<_>>());
}
