//! What is read back from good and bad segments, and the records the journal's tests use.

use std::path::Path;

use bluemarble_shared_protocol::{Epoch, Tick};

use super::disk::Disk;
use super::faulty::{Crash, FaultyDisk};
use super::format::{HEADER_BYTES, RECORD_BYTES_MIN, segment_name};
use super::log::Log;
use super::reader::read_on;
use super::{JournalBreak, JournalError, JournalRecord, JournalTail, SegmentHeader, read_journal};

pub(super) fn about(epoch: u32, first_tick: u64) -> SegmentHeader {
    SegmentHeader {
        world: "earth".to_owned(),
        epoch: Epoch(epoch),
        first_tick: Tick(first_tick),
        content_hash: 42,
        provenance: "rules=3".to_owned(),
        build: "test".to_owned(),
    }
}

/// A record whose payload grows and whose content is known from its tick; every third is empty.
pub(super) fn record(tick: u64) -> JournalRecord {
    let payload = if tick.is_multiple_of(3) {
        0
    } else {
        (tick % 40) as usize
    };
    JournalRecord {
        tick: Tick(tick),
        prev_digest: tick.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        sealed_ms: tick * 50,
        sketch: (0..tick % 4).collect(),
        payload: (0..payload).map(|at| (at as u64 ^ tick) as u8).collect(),
    }
}

pub(super) fn tail_on(disk: &FaultyDisk, after: u64) -> Result<JournalTail, JournalError> {
    tail_since(disk, 0, after)
}

fn tail_since(disk: &FaultyDisk, epoch: u32, after: u64) -> Result<JournalTail, JournalError> {
    let disk = Box::new(disk.clone());
    read_on(disk, Path::new("dir"), Epoch(epoch), Tick(after))
}

fn log_on(disk: &FaultyDisk, epoch: u32, first_tick: u64) -> Log {
    Log::create(Box::new(disk.clone()), about(epoch, first_tick)).unwrap()
}

fn write(log: &mut Log, ticks: std::ops::RangeInclusive<u64>) {
    let records: Vec<_> = ticks.map(record).collect();
    log.write(&records).unwrap();
    log.sync().unwrap();
}

fn expect(tail: &JournalTail, ticks: std::ops::RangeInclusive<u64>) {
    assert_eq!(tail.records, ticks.map(record).collect::<Vec<_>>());
}

#[test]
fn records_come_back_in_order_across_segments_and_epochs() {
    let disk = FaultyDisk::default();
    let mut first = log_on(&disk, 1, 1);
    write(&mut first, 1..=4);
    first.rotate().unwrap();
    write(&mut first, 5..=9);
    let mut second = log_on(&disk, 2, 10);
    write(&mut second, 10..=11);

    for after in 0..=12 {
        let tail = tail_on(&disk, after).unwrap();
        expect(&tail, after + 1..=11);
        assert_eq!((tail.torn, tail.broken), (None, None));
    }
    let tail = tail_on(&disk, 2).unwrap();
    let used: Vec<_> = tail
        .segments
        .iter()
        .map(|segment| segment.records)
        .collect();
    assert_eq!(used, [2, 5, 2]);
    assert_eq!(tail.segments[2].header, about(2, 10));
}

#[test]
fn a_missing_directory_holds_no_records() {
    let dir = tempfile::tempdir().unwrap();
    let tail = read_journal(&dir.path().join("none"), Epoch(1), Tick(7)).unwrap();
    assert!(tail.records.is_empty() && tail.segments.is_empty());
}

#[test]
fn what_an_older_epoch_wrote_behind_a_later_ones_checkpoint_is_left_out() {
    let disk = FaultyDisk::default();
    write(&mut log_on(&disk, 1, 1), 1..=9);
    // Epoch 2 ran elsewhere, from tick 5 to its checkpoint of tick 7.
    let away = tail_since(&disk, 2, 7).unwrap();
    assert!(away.records.is_empty() && away.segments.is_empty());
    assert_eq!(away.newest_epoch, Some(Epoch(1)));
    assert_eq!(
        away.world.as_deref(),
        Some("earth"),
        "said of an empty tail too"
    );
    expect(&tail_since(&disk, 1, 7).unwrap(), 8..=9);
    // Epoch 3 came back here, epoch 4 took it over and stored a checkpoint without writing.
    write(&mut log_on(&disk, 3, 8), 8..=11);
    expect(&tail_since(&disk, 2, 7).unwrap(), 8..=11);
    expect(&tail_since(&disk, 3, 9).unwrap(), 10..=11);
    assert!(tail_since(&disk, 4, 9).unwrap().records.is_empty());
}

#[test]
fn a_later_epoch_supersedes_what_an_older_one_wrote_beyond_its_start() {
    let disk = FaultyDisk::default();
    let mut first = log_on(&disk, 1, 1);
    write(&mut first, 1..=4);
    first.rotate().unwrap();
    write(&mut first, 5..=9);
    // The operator went back to tick 3, and from there the world took another way.
    let other = |tick| JournalRecord {
        prev_digest: 7,
        ..record(tick)
    };
    let mut second = log_on(&disk, 2, 4);
    second.write(&[other(4), other(5)]).unwrap();
    let tail = tail_on(&disk, 1).unwrap();
    assert_eq!(tail.records, [record(2), record(3), other(4), other(5)]);
    let epochs: Vec<_> = tail.segments.iter().map(|s| s.header.epoch.0).collect();
    assert_eq!(epochs, [1, 2], "the segment that began at 5 counts no more");
}

#[test]
fn a_tail_torn_in_an_earlier_epoch_is_no_news_once_another_has_gone_on_from_there() {
    let disk = FaultyDisk::default();
    let mut first = log_on(&disk, 1, 1);
    write(&mut first, 1..=4);
    first.write(&[record(5)]).unwrap();
    let disk = disk.crashed(Crash::Keep(10));
    assert_eq!(
        tail_on(&disk, 0).unwrap().torn.map(|torn| torn.bytes),
        Some(10)
    );
    write(&mut log_on(&disk, 2, 5), 5..=6);
    let tail = tail_on(&disk, 0).unwrap();
    expect(&tail, 1..=6);
    assert_eq!(tail.torn, None);
}

#[test]
fn a_break_explains_only_the_ticks_it_names() {
    let mut disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    write(&mut log, 1..=3);
    log.rotate().unwrap();
    write(&mut log, 4..=6);
    log.restart(Tick(9)).unwrap();
    write(&mut log, 10..=10);
    let hole = JournalBreak {
        first_lost: Tick(7),
        resumed: Tick(10),
    };
    assert_eq!(tail_on(&disk, 0).unwrap().broken, Some(hole));
    disk.remove(&segment_name(Epoch(1), Tick(4))).unwrap();
    let refused = tail_on(&disk, 0).unwrap_err();
    assert!(
        matches!(
            refused,
            JournalError::Gap {
                first_missing: Tick(4),
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn a_removed_segment_is_a_gap_unless_the_checkpoint_covers_it() {
    let mut disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    write(&mut log, 1..=3);
    log.rotate().unwrap();
    write(&mut log, 4..=6);
    log.rotate().unwrap();
    write(&mut log, 7..=9);
    disk.remove(&segment_name(Epoch(1), Tick(4))).unwrap();

    let refused = tail_on(&disk, 2).unwrap_err();
    assert!(
        matches!(
            refused,
            JournalError::Gap {
                first_missing: Tick(4),
                begins: Tick(7),
                ..
            }
        ),
        "{refused}"
    );
    expect(&tail_on(&disk, 6).unwrap(), 7..=9);

    disk.remove(&segment_name(Epoch(1), Tick(1))).unwrap();
    let refused = tail_on(&disk, 0).unwrap_err();
    assert!(
        matches!(
            refused,
            JournalError::Gap {
                first_missing: Tick(1),
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn a_flipped_bit_in_durable_records_is_refused_with_file_and_offset() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    write(&mut log, 1..=5);
    write(&mut log, 6..=7);
    let name = segment_name(Epoch(1), Tick(1));
    let whole = disk.bytes(&name);
    let mut starts = vec![HEADER_BYTES];
    for tick in 1..=7 {
        let record = record(tick as u64);
        // When it was sealed, and how many words its sketch has.
        let variable = 8 + 4 + 8 * record.sketch.len() + record.payload.len();
        starts.push(starts[tick - 1] + RECORD_BYTES_MIN + variable);
    }
    // The record of tick 6 testifies that 1 to 5 had been on the disk.
    for at in HEADER_BYTES..starts[5] {
        for bit in 0..8 {
            disk.flip(&name, at, bit);
            let bad = starts.partition_point(|&start| start <= at) - 1;
            match tail_on(&disk, 0) {
                Err(JournalError::Corrupt { offset, file, .. }) => {
                    assert_eq!(offset, starts[bad] as u64);
                    assert!(file.ends_with(&name));
                }
                other => panic!("byte {at} bit {bit}: {other:?}"),
            }
            disk.flip(&name, at, bit);
        }
    }
    assert_eq!(disk.bytes(&name), whole);
}

#[test]
fn a_segment_that_ends_before_the_next_begins_was_damaged() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    write(&mut log, 1..=5);
    log.rotate().unwrap();
    write(&mut log, 6..=6);
    let name = segment_name(Epoch(1), Tick(1));
    disk.flip(&name, disk.bytes(&name).len() - 1, 0);
    let refused = tail_on(&disk, 0).unwrap_err();
    assert!(matches!(refused, JournalError::Corrupt { .. }), "{refused}");
    expect(&tail_on(&disk, 5).unwrap(), 6..=6);
}

#[test]
fn damaged_foreign_and_later_headers_are_refused() {
    let (first, second) = (
        segment_name(Epoch(1), Tick(1)),
        segment_name(Epoch(2), Tick(4)),
    );
    let fresh = || {
        let disk = FaultyDisk::default();
        write(&mut log_on(&disk, 1, 1), 1..=3);
        disk
    };
    let disk = fresh();
    disk.flip(&first, 100, 3);
    assert!(matches!(
        tail_on(&disk, 0),
        Err(JournalError::Corrupt { offset: 0, .. })
    ));

    let disk = fresh();
    disk.flip(&first, 9, 0);
    let refused = tail_on(&disk, 0);
    assert!(matches!(
        refused,
        Err(JournalError::Format {
            found: 259,
            known: 3,
            ..
        })
    ));

    let mut disk = fresh();
    let stranger = SegmentHeader {
        world: "moon".to_owned(),
        ..about(2, 4)
    };
    Log::create(Box::new(disk.clone()), stranger).unwrap();
    assert!(matches!(
        tail_on(&disk, 0),
        Err(JournalError::OtherWorld { .. })
    ));
    disk.remove(&second).unwrap();

    let copied = disk.bytes(&first);
    disk.append(&second, &copied).unwrap();
    assert!(matches!(
        tail_on(&disk, 0),
        Err(JournalError::Corrupt { offset: 0, .. })
    ));
}

#[test]
fn a_segment_that_died_at_birth_is_passed_over() {
    for bytes in [0, 1, 100, HEADER_BYTES] {
        let mut disk = FaultyDisk::default();
        write(&mut log_on(&disk, 1, 1), 1..=3);
        let name = segment_name(Epoch(2), Tick(4));
        disk.append(&name, &vec![0; bytes]).unwrap();
        expect(&tail_on(&disk, 0).unwrap(), 1..=3);
    }
}
