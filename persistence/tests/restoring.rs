//! What the database gives back of a journal: what a disk lost, whole and checked; what it has besides
//! stays; and of two pasts none is chosen.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::path::{Path, PathBuf};

use bluemarble_persistence::limits::CHUNK_BYTES;
use bluemarble_persistence::{
    Appended, CheckpointWorker, Claim, JournalOptions, JournalRecord, JournalShipper,
    JournalWriter, RestoreError, SegmentFault, SegmentHeader, ShipOptions, Shipment,
    ShippedJournal, Store, WorkerOptions, read_journal,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use common::{Database, image, on_each_backend, stamp};
use tempfile::TempDir;

/// Three segments, of the ticks 1 to 20, 21 to 40 and 41 to 60, the second in several pieces, all in the
/// database; and five ticks more on the disk alone.
struct Past {
    store: Store,
    claim: Claim,
    dir: TempDir,
}

fn record(tick: u64) -> JournalRecord {
    let bytes = if (21..=40).contains(&tick) {
        CHUNK_BYTES / 8
    } else {
        50
    };
    JournalRecord {
        tick: Tick(tick),
        prev_digest: tick,
        sealed_ms: tick,
        sketch: vec![],
        payload: vec![tick as u8; bytes],
    }
}

impl Past {
    async fn make(database: &Database) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let header = SegmentHeader {
            world: "earth".into(),
            epoch: claim.epoch,
            first_tick: Tick(1),
            content_hash: 7,
            provenance: String::new(),
            build: String::new(),
        };
        let options = JournalOptions::default();
        let mut journal = JournalWriter::create(dir.path(), header, options).unwrap();
        for tick in 1..=60 {
            assert_eq!(journal.append(record(tick)), Appended::Queued);
            if tick % 20 == 0 && tick < 60 {
                journal.rotate();
            }
        }
        let runtime = tokio::runtime::Handle::current();
        let saving = WorkerOptions::default();
        let worker = CheckpointWorker::start(&runtime, store.clone(), claim.clone(), saving);
        let shipment = Shipment {
            store: store.clone(),
            claim: claim.clone(),
            dir: dir.path().to_owned(),
            journal: journal.monitor(),
            checkpoints: worker.monitor(),
            from: Tick(0),
        };
        let shipper = JournalShipper::start(&runtime, shipment, ShipOptions::default());
        while journal.durable() < Tick(60) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let shipped = shipper.drain(std::time::Duration::from_secs(60)).await;
        assert_eq!(shipped.through, Tick(60), "{shipped:?}");
        for tick in 61..=65 {
            assert_eq!(journal.append(record(tick)), Appended::Queued);
        }
        let _ = journal.finish();
        Self { store, claim, dir }
    }

    fn segment(&self, first_tick: u64) -> PathBuf {
        let epoch = self.claim.epoch.0;
        let name = format!("journal-{epoch:010}-{first_tick:020}.bmj");
        self.dir.path().join(name)
    }

    async fn compare(&self) -> Result<ShippedJournal, RestoreError> {
        ShippedJournal::compare(&self.store, "earth", self.dir.path()).await
    }

    /// Restores, and tells what was wrong, by the segments' first ticks.
    async fn restore(&self, into: &Path) -> (ShippedJournal, Vec<(u64, SegmentFault)>) {
        let mut shipped = self.compare().await.unwrap();
        let faults = shipped.lacking.iter();
        let faults = faults
            .map(|segment| {
                let first = segment
                    .name
                    .trim_end_matches(".bmj")
                    .rsplit_once('-')
                    .unwrap();
                (first.1.parse().unwrap(), segment.fault)
            })
            .collect();
        let mut told = (0, 0);
        shipped
            .restore(&self.store, self.dir.path(), into, |done, all| {
                told = (done, all)
            })
            .await
            .unwrap();
        if shipped.damaged.is_empty() {
            assert_eq!(told.0, told.1);
        }
        (shipped, faults)
    }

    fn last_tick(dir: &Path) -> u64 {
        let tail = read_journal(dir, Epoch(1), Tick(0)).unwrap();
        for (place, found) in tail.records.iter().enumerate() {
            assert_eq!(*found, record(place as u64 + 1));
        }
        tail.records.last().map_or(0, |record| record.tick.0)
    }
}

#[test]
fn a_lost_disk_is_brought_back_to_the_last_shipped_tick() {
    on_each_backend(|database| async {
        let past = Past::make(&database).await;
        assert!(
            past.compare().await.unwrap().lacking.is_empty(),
            "all is there"
        );
        let before = std::fs::read(past.segment(21)).unwrap();
        std::fs::remove_dir_all(past.dir.path()).unwrap();
        let (shipped, faults) = past.restore(past.dir.path()).await;
        let missing = SegmentFault::Missing;
        assert_eq!(faults, [(1, missing), (21, missing), (41, missing)]);
        assert!(shipped.damaged.is_empty());
        assert_eq!(std::fs::read(past.segment(21)).unwrap(), before);
        assert_eq!(Past::last_tick(past.dir.path()), 60);
        assert!(past.compare().await.unwrap().lacking.is_empty());
        past.store.close().await;
        database
    });
}

#[test]
fn a_short_and_a_damaged_file_are_made_whole_and_what_was_never_shipped_stays() {
    on_each_backend(|database| async {
        let past = Past::make(&database).await;
        let whole = std::fs::read(past.segment(21)).unwrap();
        let cut = whole.len() / 2;
        std::fs::write(past.segment(21), &whole[..cut]).unwrap();
        let mut bent = std::fs::read(past.segment(41)).unwrap();
        bent[1024 + 700] ^= 4;
        std::fs::write(past.segment(41), &bent).unwrap();
        let (_, faults) = past.restore(past.dir.path()).await;
        let [
            (21, SegmentFault::Short(at)),
            (41, SegmentFault::Damaged(_)),
        ] = faults[..]
        else {
            panic!("{faults:?}")
        };
        assert_eq!(at, cut as u64);
        assert_eq!(std::fs::read(past.segment(21)).unwrap(), whole);
        assert_eq!(
            Past::last_tick(past.dir.path()),
            65,
            "the unshipped end stays"
        );
        let evidence = past.segment(41).with_file_name(format!(
            "damaged-{}",
            past.segment(41).file_name().unwrap().display()
        ));
        assert_eq!(std::fs::read(evidence).unwrap(), bent);
        past.store.close().await;
        database
    });
}

#[test]
fn a_damaged_piece_is_named_and_matters_only_where_the_disk_does_not_have_it() {
    on_each_backend(|database| async {
        let past = Past::make(&database).await;
        let damage = match database.is_sqlite() {
            true => {
                "UPDATE journal_chunk SET bytes = zeroblob(length(bytes)) \
                 WHERE first_tick = 21 AND start > 0"
            }
            false => {
                "UPDATE journal_chunk SET bytes = set_byte(bytes, 9, get_byte(bytes, 9) # 1) \
                 WHERE first_tick = 21 AND start > 0"
            }
        };
        database.execute(damage).await;
        // Nothing travels while checksums agree: the disk has it.
        let shipped = past.compare().await.unwrap();
        assert!(shipped.lacking.is_empty() && shipped.damaged.is_empty());
        std::fs::remove_file(past.segment(21)).unwrap();
        let (shipped, faults) = past.restore(past.dir.path()).await;
        assert_eq!(faults, [(21, SegmentFault::Missing)]);
        let [piece] = &shipped.damaged[..] else {
            panic!("{:?}", shipped.damaged)
        };
        let told = piece.to_string();
        assert!(
            piece.start > 0 && told.contains("does not have its checksum"),
            "{told}"
        );
        assert!(
            told.contains("journal-0000000001-00000000000000000021.bmj"),
            "{told}"
        );
        // What was whole before the damage is there, and that it does not lead on is noticed.
        let gap = read_journal(past.dir.path(), Epoch(1), Tick(0)).unwrap_err();
        assert!(gap.to_string().contains("lacks ticks"), "{gap}");
        past.store.close().await;
        database
    });
}

#[test]
fn two_whole_pasts_are_refused_by_name() {
    on_each_backend(|database| async {
        let past = Past::make(&database).await;
        // The same epoch lived again from a copy of the directory, with other inputs.
        let other = tempfile::tempdir().unwrap();
        let header = SegmentHeader {
            world: "earth".into(),
            epoch: past.claim.epoch,
            first_tick: Tick(1),
            content_hash: 7,
            provenance: String::new(),
            build: String::new(),
        };
        let options = JournalOptions::default();
        let mut journal = JournalWriter::create(other.path(), header, options).unwrap();
        for tick in 1..=20 {
            let mut another = record(tick);
            another.payload[7] ^= 1;
            assert_eq!(journal.append(another), Appended::Queued);
        }
        let _ = journal.finish();
        let name = past.segment(1);
        std::fs::copy(other.path().join(name.file_name().unwrap()), &name).unwrap();
        let refused = past.compare().await.unwrap_err();
        assert!(
            matches!(&refused, RestoreError::TwoPasts { file, offset: 0 } if *file == name),
            "{refused}"
        );
        past.store.close().await;
        database
    });
}

#[test]
fn what_kept_checkpoints_cover_is_not_missed_and_a_look_leaves_the_directory_alone() {
    on_each_backend(|database| async {
        let past = Past::make(&database).await;
        for tick in [20, 25] {
            let image = image(past.claim.epoch, tick);
            past.store
                .save_checkpoint(&past.claim, &image)
                .await
                .unwrap();
        }
        std::fs::remove_file(past.segment(1)).unwrap();
        assert!(
            past.compare().await.unwrap().lacking.is_empty(),
            "tick 20 covers it"
        );
        std::fs::remove_file(past.segment(41)).unwrap();
        let view = tempfile::tempdir().unwrap();
        let (_, faults) = past.restore(view.path()).await;
        assert_eq!(faults, [(41, SegmentFault::Missing)]);
        assert!(!past.segment(41).exists());
        assert!(
            view.path()
                .join(past.segment(41).file_name().unwrap())
                .exists()
        );
        past.store.close().await;
        database
    });
}
