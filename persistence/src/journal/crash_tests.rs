//! The promise under every crash and fault the disk in memory can play: what `synced` said is
//! found again, in order, and nothing is found that was not written.

use bluemarble_shared_protocol::{Tick, mix64};

use super::faulty::{Crash, Faults, FaultyDisk};
use super::log::Log;
use super::reader_tests::{about, record, tail_on};
use super::{JournalBreak, JournalRecord};

fn log_on(disk: &FaultyDisk, epoch: u32, first_tick: u64) -> Log {
    Log::create(Box::new(disk.clone()), about(epoch, first_tick)).unwrap()
}

/// The recovered records are the first ones written, and at least through `synced`.
fn check_prefix(disk: &FaultyDisk, synced: u64, written: u64, context: &str) -> u64 {
    let tail = tail_on(disk, 0).unwrap_or_else(|error| panic!("{context}: {error}"));
    let found = tail.records.len() as u64;
    assert_eq!(
        tail.records,
        (1..=found).map(record).collect::<Vec<_>>(),
        "{context}"
    );
    assert!(
        (synced..=written).contains(&found),
        "{context}: {found} of {synced}..={written}"
    );
    found
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_record_it_tore() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    log.write(&[record(1), record(2)]).unwrap();
    log.sync().unwrap();
    let mut ends = vec![0];
    for tick in 3..=7 {
        log.write(&[record(tick)]).unwrap();
        ends.push(disk.unsynced());
    }
    for kept in 0..=disk.unsynced() {
        let after = disk.crashed(Crash::Keep(kept));
        let whole = ends.iter().filter(|&&end| end <= kept).count() - 1;
        let found = check_prefix(&after, 2, 7, &format!("{kept} bytes kept"));
        assert_eq!(found, 2 + whole as u64);
        let torn = tail_on(&after, 0).unwrap().torn;
        assert_eq!(
            torn.map_or(0, |torn| torn.bytes as usize),
            kept - ends[whole]
        );
    }
}

#[test]
fn unsynced_sectors_lost_in_any_pattern_are_a_torn_tail_and_never_damage() {
    for seed in 0..2_000 {
        let disk = FaultyDisk::default();
        let mut log = log_on(&disk, 1, 1);
        let mut tick = 0;
        for turn in 0..12_u64 {
            let dice = mix64(seed * 100 + turn);
            let batch: Vec<_> = (0..1 + dice % 4).map(|n| record(tick + 1 + n)).collect();
            tick += batch.len() as u64;
            log.write(&batch).unwrap();
            match dice >> 32 & 7 {
                0 | 1 => log.sync().unwrap(),
                2 => log.rotate().unwrap(),
                _ => {}
            }
        }
        let synced = log.synced().0;
        let after = disk.crashed(Crash::Scramble(seed));
        let found = check_prefix(&after, synced, tick, &format!("seed {seed}"));

        // The next epoch goes on from there, and is found behind it.
        let mut next = log_on(&after, 2, found + 1);
        next.write(&[record(found + 1)]).unwrap();
        check_prefix(
            &after,
            found + 1,
            found + 1,
            &format!("seed {seed}, next epoch"),
        );
    }
}

#[test]
fn short_writes_lose_nothing() {
    for append_max in 1..=64 {
        let disk = FaultyDisk::default();
        disk.set_faults(Faults {
            append_max: Some(append_max),
            ..Faults::default()
        });
        let mut log = log_on(&disk, 1, 1);
        log.write(&(1..=9).map(record).collect::<Vec<_>>()).unwrap();
        check_prefix(&disk, 9, 9, "short writes");
    }
}

#[test]
fn a_disk_that_fills_up_at_any_byte_breaks_the_log_at_the_first_record_that_did_not_fit() {
    for room in 0..600 {
        let disk = FaultyDisk::default();
        let mut log = log_on(&disk, 1, 1);
        disk.set_faults(Faults {
            room: Some(room),
            ..Faults::default()
        });
        let batches: Vec<Vec<JournalRecord>> = (0..10)
            .map(|batch| (1..=3).map(|n| record(batch * 3 + n)).collect())
            .collect();
        let fault = batches.iter().find_map(|batch| log.write(batch).err());
        let Some(fault) = fault else {
            panic!("room {room} was enough")
        };
        let lost = fault.first_lost.0;
        assert!(fault.reason.contains("cannot write"), "{}", fault.reason);
        assert_eq!(log.synced(), Tick(lost - 1), "what fitted was made durable");
        check_prefix(
            &disk.crashed(Crash::Keep(0)),
            lost - 1,
            lost - 1,
            &format!("room {room}"),
        );

        // The world ran on to tick 40 and took a checkpoint there.
        disk.set_faults(Faults::default());
        log.restart(Tick(40)).unwrap();
        log.write(&[record(41), record(42)]).unwrap();
        log.sync().unwrap();
        let behind = tail_on(&disk, 40).unwrap();
        assert_eq!(behind.records, [record(41), record(42)]);
        let before = tail_on(&disk, 0).unwrap();
        assert_eq!(before.records.len() as u64, lost - 1);
        let hole = JournalBreak {
            first_lost: Tick(lost),
            resumed: Tick(41),
        };
        assert_eq!(
            before.broken,
            Some(hole),
            "without that checkpoint the hole is named"
        );

        // Recovery from before the hole begins an epoch that supersedes the orphaned segment.
        let mut next = log_on(&disk, 2, lost);
        next.write(&(lost..=lost + 2).map(record).collect::<Vec<_>>())
            .unwrap();
        check_prefix(&disk, lost + 2, lost + 2, "the epoch after");
    }
}

#[test]
fn after_a_failed_sync_nothing_since_the_last_one_is_promised_and_the_file_is_let_go() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    log.write(&[record(1)]).unwrap();
    log.sync().unwrap();
    disk.set_faults(Faults {
        syncs_left: Some(0),
        ..Faults::default()
    });
    log.write(&[record(2), record(3)]).unwrap();
    let fault = log.sync().unwrap_err();
    assert_eq!(fault.first_lost, Tick(2));
    assert_eq!((log.synced(), log.written()), (Tick(1), Tick(1)));

    disk.set_faults(Faults::default());
    assert!(
        log.write(&[record(4)]).is_err(),
        "no more writes to that file"
    );
    assert!(
        log.sync().is_ok() && log.synced() == Tick(1),
        "nor a sync that would claim success"
    );
    log.restart(Tick(6)).unwrap();
    log.write(&[record(7)]).unwrap();
    let lossy = disk.crashed(Crash::Keep(0));
    assert_eq!(tail_on(&lossy, 0).unwrap().records, [record(1)]);
    assert_eq!(tail_on(&disk, 6).unwrap().records, [record(7)]);
}

#[test]
fn a_restart_that_fails_leaves_the_log_broken_and_the_next_one_mends_it() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    log.write(&[record(1), record(2)]).unwrap();
    disk.set_faults(Faults {
        room: Some(10),
        ..Faults::default()
    });
    log.write(&[record(3)]).unwrap_err();
    let fault = log.restart(Tick(5)).unwrap_err();
    assert!(
        fault.reason.contains("cannot begin segment"),
        "{}",
        fault.reason
    );
    disk.set_faults(Faults::default());
    log.restart(Tick(8)).unwrap();
    log.write(&[record(9)]).unwrap();
    let tail = tail_on(&disk, 0).unwrap();
    assert_eq!(tail.records, [record(1), record(2)]);
    assert_eq!(
        tail.broken,
        Some(JournalBreak {
            first_lost: Tick(3),
            resumed: Tick(9)
        })
    );
    assert_eq!(tail_on(&disk, 8).unwrap().records, [record(9)]);
}

#[test]
fn a_record_too_large_for_the_format_breaks_the_log_behind_those_before_it() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    let huge = JournalRecord {
        payload: vec![0; crate::limits::RECORD_PAYLOAD_BYTES_MAX + 1],
        ..record(2)
    };
    let fault = log.write(&[record(1), huge, record(3)]).unwrap_err();
    assert_eq!(fault.first_lost, Tick(2));
    check_prefix(&disk, 1, 1, "before the huge one");
}

#[test]
fn a_restart_first_saves_what_was_written() {
    let disk = FaultyDisk::default();
    let mut log = log_on(&disk, 1, 1);
    log.write(&[record(1), record(2)]).unwrap();
    log.restart(Tick(5)).unwrap();
    check_prefix(&disk.crashed(Crash::Keep(0)), 2, 2, "before the hole");
}
