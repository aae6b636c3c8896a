//! What shipping promises, on SQLite and on Postgres: what is durable arrives, in order, once, byte by
//! byte; an outage or a kill between two pieces loses nothing; a stale writer writes nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::path::Path;
use std::time::Duration;

use bluemarble_persistence::limits::CHUNK_BYTES;
use bluemarble_persistence::{
    Appended, CheckpointWorker, Claim, JournalChunk, JournalOptions, JournalRecord, JournalShipper,
    JournalWriter, PutChunk, SegmentHeader, ShipOptions, ShipStatus, Shipment, Store, StoreError,
    WorkerOptions, prune_journal,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use common::{Database, QUICK, image, on_each_backend, stamp};
use tempfile::TempDir;

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

const IMPATIENT: ShipOptions = ShipOptions {
    period: Duration::from_millis(2),
    backoff_min: Duration::from_millis(5),
    backoff_max: Duration::from_millis(40),
    attempt_timeout: Duration::from_secs(5),
};

const SAVING: WorkerOptions = WorkerOptions {
    backoff_min: Duration::from_millis(5),
    backoff_max: Duration::from_millis(40),
    attempt_timeout: Duration::from_secs(5),
    look_period: Duration::from_secs(60),
};

/// A world's writer with everything it writes.
struct Ship {
    dir: TempDir,
    store: Store,
    claim: Claim,
    journal: JournalWriter,
    worker: CheckpointWorker,
    shipper: Option<JournalShipper>,
    next: Tick,
    /// Where the epoch began.
    from: Tick,
}

async fn open(database: &Database) -> Store {
    // The schema is made patiently, then everything is impatient.
    database.open().await.close().await;
    Store::open_with(&database.url, QUICK)
        .await
        .expect("it was there just now")
}

fn journal_in(dir: &Path, epoch: Epoch, first_tick: Tick) -> JournalWriter {
    let header = SegmentHeader {
        world: "earth".into(),
        epoch,
        first_tick,
        content_hash: 7,
        provenance: "seed=7".into(),
        build: "b".into(),
    };
    let options = JournalOptions {
        group_commit: Duration::from_millis(1),
        ..JournalOptions::default()
    };
    JournalWriter::create(dir, header, options).expect("a journal")
}

impl Ship {
    async fn new(database: &Database) -> Self {
        Self::again(database, tempfile::tempdir().unwrap(), Tick(0)).await
    }

    /// The next epoch on a directory, behind `at`.
    async fn again(database: &Database, dir: TempDir, at: Tick) -> Self {
        let store = open(database).await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let journal = journal_in(dir.path(), claim.epoch, at.next());
        let runtime = tokio::runtime::Handle::current();
        let worker = CheckpointWorker::start(&runtime, store.clone(), claim.clone(), SAVING);
        Self {
            dir,
            store,
            claim,
            journal,
            worker,
            shipper: None,
            next: at.next(),
            from: at,
        }
    }

    fn begin(&mut self) {
        let shipment = Shipment {
            store: self.store.clone(),
            claim: self.claim.clone(),
            dir: self.dir.path().to_owned(),
            journal: self.journal.monitor(),
            checkpoints: self.worker.monitor(),
            from: self.from,
        };
        let runtime = tokio::runtime::Handle::current();
        self.shipper = Some(JournalShipper::start(&runtime, shipment, IMPATIENT));
    }

    /// Logs `ticks` ticks of some 100 bytes, or of `bytes`.
    fn log(&mut self, ticks: u64, bytes: usize) {
        for _ in 0..ticks {
            let tick = self.next;
            let record = JournalRecord {
                tick,
                prev_digest: tick.0 * 3,
                sealed_ms: tick.0 * 50,
                sketch: vec![tick.0],
                payload: vec![tick.0 as u8; bytes],
            };
            assert_eq!(self.journal.append(record), Appended::Queued);
            self.next = tick.next();
        }
    }

    async fn durable(&self) {
        let last = Tick(self.next.0 - 1);
        until(|| self.journal.durable() >= last).await;
    }

    async fn shipped(&self) -> ShipStatus {
        let last = Tick(self.next.0 - 1);
        self.wait_for(|status| status.through >= last).await
    }

    async fn wait_for(&self, reached: impl Fn(&ShipStatus) -> bool) -> ShipStatus {
        let shipper = self.shipper.as_ref().unwrap();
        until(|| reached(&shipper.status())).await;
        shipper.status()
    }

    /// The segments as the database has them, by file name, beside those on the disk.
    async fn assert_the_same_bytes(&self) {
        let mut there = std::collections::BTreeMap::<String, Vec<u8>>::new();
        for entry in self.store.chunks("earth").await.unwrap() {
            let name = format!(
                "journal-{:010}-{:020}.bmj",
                entry.epoch.0, entry.first_tick.0
            );
            let bytes = self.store.chunk_bytes("earth", &entry).await.unwrap();
            let whole = there.entry(name).or_default();
            assert_eq!(whole.len() as u64, entry.start, "in order, without a hole");
            whole.extend(bytes.unwrap());
            assert_eq!(whole.len() as u64, entry.ends);
        }
        assert!(!there.is_empty());
        for (name, bytes) in there {
            let here = std::fs::read(self.dir.path().join(&name)).unwrap();
            assert!(here.starts_with(&bytes), "{name}");
        }
    }

    async fn end(self, database: Database) -> Database {
        drop(self.shipper);
        drop(self.worker);
        self.store.close().await;
        database
    }
}

async fn until(reached: impl Fn() -> bool) {
    let polled = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, polled)
        .await
        .expect("it is reached");
}

#[test]
fn what_is_durable_arrives_byte_by_byte_over_segments_and_long_records() {
    on_each_backend(|database| async {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        ship.log(30, 60);
        ship.journal.rotate();
        ship.log(5, CHUNK_BYTES / 2);
        ship.log(1, 3 * CHUNK_BYTES);
        ship.log(3, 10);
        ship.journal.rotate();
        ship.log(3, 10);
        let status = ship.shipped().await;
        assert_eq!((status.failures, status.fenced), (0, false));
        assert_eq!(status.behind_ticks, 0);
        ship.assert_the_same_bytes().await;
        let lengths = "SELECT COUNT(DISTINCT first_tick) FROM journal_chunk";
        assert_eq!(database.number(lengths).await, 3);
        ship.end(database).await
    });
}

#[test]
fn an_outage_leaves_the_files_as_the_queue_and_is_caught_up() {
    on_each_backend(|mut database| async move {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        ship.log(10, 60);
        ship.shipped().await;
        let outage = database.begin_outage().await;
        ship.log(400, 5_000);
        ship.durable().await;
        let status = ship.wait_for(|status| status.failing >= 2).await;
        assert_eq!(status.through, Tick(10));
        assert!(status.behind_ticks > 0 && status.last_error.is_some());
        let all = |status: &ShipStatus| status.behind_bytes > 400 * 5_000;
        ship.wait_for(all).await;
        database.end_outage(outage).await;
        let status = ship.shipped().await;
        assert_eq!((status.failing, &status.last_error), (0, &None));
        assert!(status.behind_s == 0.0 && status.chunks >= 3, "{status:?}");
        ship.assert_the_same_bytes().await;
        ship.end(database).await
    });
}

#[test]
fn a_process_that_ends_between_two_pieces_is_followed_by_one_that_ships_the_rest() {
    on_each_backend(|database| async {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        ship.log(20, 60);
        ship.shipped().await;
        // Killed: nothing is finished, what follows is on the disk alone.
        ship.shipper = None;
        ship.log(20, 60);
        ship.durable().await;
        let at = Tick(ship.next.0 - 1);
        let _ = ship.journal.finish();
        drop(ship.worker);
        ship.store.close().await;
        let mut next = Ship::again(&database, ship.dir, at).await;
        next.begin();
        next.log(5, 60);
        next.shipped().await;
        next.assert_the_same_bytes().await;
        let of_first = "SELECT MAX(through) FROM journal_chunk WHERE epoch = 1";
        assert_eq!(database.number(of_first).await, 40);
        next.end(database).await
    });
}

fn piece(start: u64, bytes: usize, through: u64) -> JournalChunk {
    JournalChunk {
        epoch: Epoch(1),
        first_tick: Tick(1),
        start,
        through: Tick(through),
        bytes: vec![through as u8; bytes],
    }
}

#[test]
fn the_same_piece_twice_changes_nothing_and_none_is_taken_out_of_order() {
    on_each_backend(|database| async {
        let store = open(&database).await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let put = async |chunk| store.put_chunk(&claim, &chunk).await.unwrap();
        assert_eq!(put(piece(10, 5, 3)).await, PutChunk::OutOfOrder);
        assert_eq!(put(piece(0, 10, 2)).await, PutChunk::Stored);
        assert_eq!(put(piece(0, 10, 2)).await, PutChunk::Repeated);
        assert_eq!(put(piece(0, 11, 2)).await, PutChunk::OutOfOrder);
        let mut other = piece(0, 10, 2);
        other.bytes[3] ^= 1;
        assert_eq!(put(other).await, PutChunk::OutOfOrder, "other bytes there");
        assert_eq!(put(piece(11, 5, 3)).await, PutChunk::OutOfOrder);
        assert_eq!(put(piece(10, 5, 3)).await, PutChunk::Stored);
        assert_eq!(put(piece(12, 3, 3)).await, PutChunk::OutOfOrder);
        assert_eq!(
            database.number("SELECT COUNT(*) FROM journal_chunk").await,
            2
        );
        store.close().await;
        database
    });
}

#[test]
fn a_stale_writer_ships_and_prunes_nothing() {
    on_each_backend(|database| async {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        ship.log(10, 60);
        ship.shipped().await;
        let newer = ship.store.claim("earth", &stamp(2)).await.unwrap();
        let count = "SELECT COUNT(*) FROM journal_chunk";
        let before = database.number(count).await;
        ship.log(10, 60);
        let status = ship.wait_for(|status| status.fenced).await;
        assert_eq!(status.through, Tick(10));
        assert!(status.last_error.unwrap().contains("another server"));
        let stale = ship.store.prune_chunks(&ship.claim, Tick(10)).await;
        assert!(matches!(stale, Err(StoreError::Fenced { .. })));
        let stale = ship.store.put_chunk(&ship.claim, &piece(0, 9, 1)).await;
        assert!(matches!(stale, Err(StoreError::Fenced { .. })));
        assert_eq!(database.number(count).await, before);
        assert!(ship.store.put_chunk(&newer, &piece(0, 9, 1)).await.is_ok());
        ship.end(database).await
    });
}

#[test]
fn pieces_go_with_the_checkpoints_that_needed_them_and_what_was_pruned_unshipped_is_passed_over() {
    on_each_backend(|mut database| async move {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        for round in 1..=6_u64 {
            ship.log(10, 60);
            ship.journal.rotate();
            ship.shipped().await;
            ship.worker.submit(image(ship.claim.epoch, round * 10));
            until(|| ship.worker.status().durable == Some(Tick(round * 10))).await;
        }
        // The oldest of three is that of tick 40.
        ship.wait_for(|status| status.pruned >= 4).await;
        let first = "SELECT MIN(first_tick) FROM journal_chunk";
        assert_eq!(database.number(first).await, 41);

        let outage = database.begin_outage().await;
        for _ in 0..3 {
            ship.log(10, 60);
            ship.durable().await;
            ship.journal.rotate();
        }
        ship.log(10, 60);
        ship.durable().await;
        // As if a checkpoint of tick 90 had been stored, and no older were kept.
        prune_journal(ship.dir.path(), Tick(90)).unwrap();
        database.end_outage(outage).await;
        ship.shipped().await;
        // What was in hand when the database went away may be in.
        let passed_over = "SELECT COUNT(*) FROM journal_chunk WHERE first_tick IN (71, 81)";
        assert_eq!(database.number(passed_over).await, 0);
        ship.assert_newest_is(91, &database).await;
        ship.end(database).await
    });
}

impl Ship {
    async fn assert_newest_is(&self, first_tick: i64, database: &Database) {
        let newest = "SELECT MAX(first_tick) FROM journal_chunk";
        assert_eq!(database.number(newest).await, first_tick);
    }
}

#[test]
fn a_damaged_record_is_named_and_not_shipped_until_a_checkpoint_lies_behind_it() {
    on_each_backend(|mut database| async move {
        let mut ship = Ship::new(&database).await;
        let outage = database.begin_outage().await;
        ship.log(10, 60);
        ship.journal.rotate();
        ship.log(10, 60);
        ship.durable().await;
        let name = format!("journal-{:010}-{:020}.bmj", ship.claim.epoch.0, 1);
        let path = ship.dir.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = 1024 + (bytes.len() - 1024) / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
        ship.begin();
        database.end_outage(outage).await;
        let status = ship
            .wait_for(|status| {
                let error = status.last_error.as_deref().unwrap_or_default();
                error.contains("is damaged at byte")
            })
            .await;
        assert!(status.through < Tick(10));
        ship.worker.submit(image(ship.claim.epoch, 10));
        ship.shipped().await;
        ship.assert_newest_is(11, &database).await;
        ship.end(database).await
    });
}

#[test]
fn a_claim_gets_through_while_much_is_written() {
    on_each_backend(|database| async {
        let mut ship = Ship::new(&database).await;
        ship.begin();
        let (store, claim) = (ship.store.clone(), ship.claim.clone());
        let busy = tokio::spawn(async move {
            for tick in 1_000.. {
                if store
                    .save_checkpoint(&claim, &image(claim.epoch, tick))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        });
        ship.log(200, 2_000);
        let other = open(&database).await;
        let newer = other.claim("earth", &stamp(3)).await.unwrap();
        assert_eq!(newer.epoch.0, ship.claim.epoch.0 + 1);
        tokio::time::timeout(PATIENCE, busy).await.unwrap().unwrap();
        ship.log(10, 60);
        ship.wait_for(|status| status.fenced).await;
        other.close().await;
        ship.end(database).await
    });
}
