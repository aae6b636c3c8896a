//! What the checkpoint worker promises, on SQLite and on Postgres: nothing blocks, the newest image
//! wins, an outage is survived, a newer writer is noticed.

mod common;

use std::time::Duration;

use bluemarble_persistence::{
    CheckpointStatus, CheckpointWorker, Claim, PackedCheckpoint, Store, Submitted, WorkerOptions,
};
use bluemarble_shared_protocol::Tick;
use common::{Database, QUICK, image, on_each_backend, stamp};

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

const IMPATIENT: WorkerOptions = WorkerOptions {
    backoff_min: Duration::from_millis(5),
    backoff_max: Duration::from_millis(40),
    attempt_timeout: Duration::from_secs(5),
    look_period: Duration::from_millis(200),
};

async fn start(database: &Database) -> (CheckpointWorker, Claim) {
    // The schema is made patiently, then everything is impatient.
    database.open().await.close().await;
    let store = Store::open_with(&database.url, QUICK)
        .await
        .expect("it was there just now");
    let claim = store
        .claim("earth", &stamp(1))
        .await
        .expect("nobody else is here");
    let runtime = tokio::runtime::Handle::current();
    (
        CheckpointWorker::start(&runtime, store, claim.clone(), IMPATIENT),
        claim,
    )
}

async fn wait_for(
    worker: &CheckpointWorker,
    reached: impl Fn(&CheckpointStatus) -> bool,
) -> CheckpointStatus {
    let polled = async {
        loop {
            let status = worker.status();
            if reached(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, polled).await {
        Ok(status) => status,
        Err(_) => panic!("never reached: {:?}", worker.status()),
    }
}

#[test]
fn what_is_submitted_is_stored_and_reported() {
    on_each_backend(|database| async {
        let (worker, claim) = start(&database).await;
        let monitor = worker.monitor();
        assert_eq!(worker.status(), CheckpointStatus::default());
        assert_eq!(worker.submit(image(claim.epoch, 5)), Submitted::Queued);
        let status = wait_for(&worker, |status| !status.busy).await;
        assert_eq!(
            (status.durable, status.oldest_kept),
            (Some(Tick(5)), Some(Tick(5)))
        );
        assert_eq!(
            (status.saved, status.failing, status.last_error),
            (1, 0, None)
        );
        let packed = PackedCheckpoint::from(image(claim.epoch, 5));
        assert_eq!(status.last_bytes, packed.stored_bytes());
        let in_database = "SELECT SUM(length(bytes)) FROM checkpoint_part WHERE tick = 5";
        let in_database = database.number(in_database).await;
        assert_eq!(status.last_bytes.cast_signed(), in_database);

        worker.submit(image(claim.epoch, 9));
        let drained = worker.drain(PATIENCE).await;
        assert!(drained.complete);
        assert_eq!(monitor.status(), drained.status);
        assert_eq!(drained.status.durable, Some(Tick(9)));
        let found = database
            .open()
            .await
            .latest_checkpoint("earth")
            .await
            .unwrap();
        assert_eq!(found, Some(image(claim.epoch, 9)));
        database
    });
}

#[test]
fn an_outage_delays_only_the_store_and_the_newest_image_catches_up() {
    on_each_backend(|mut database| async move {
        let (worker, claim) = start(&database).await;
        worker.submit(image(claim.epoch, 1));
        wait_for(&worker, |status| !status.busy).await;

        let outage = database.begin_outage().await;
        worker.submit(image(claim.epoch, 2));
        let status = wait_for(&worker, |status| status.failing >= 1).await;
        assert!(status.busy && status.last_error.is_some());
        assert_eq!(status.durable, Some(Tick(1)));
        // These return at once, whatever the database does.
        let first = worker.submit(image(claim.epoch, 3));
        assert_ne!(first, Submitted::Fenced);
        for tick in 4..=9 {
            worker.submit(image(claim.epoch, tick));
        }
        wait_for(&worker, |status| status.failing >= 3).await;

        database.end_outage(outage).await;
        let status = wait_for(&worker, |status| !status.busy).await;
        assert_eq!((status.durable, status.saved), (Some(Tick(9)), 2));
        assert_eq!((status.failing, &status.last_error), (0, &None));
        assert_eq!(status.replaced, 7, "2 to 8 gave way to newer ones");
        assert!(status.failures >= 3);
        assert!(worker.drain(PATIENCE).await.complete);
        let store = database.open().await;
        let ticks: Vec<_> = store
            .checkpoints("earth")
            .await
            .unwrap()
            .iter()
            .map(|entry| entry.tick.0)
            .collect();
        assert_eq!(ticks, [9, 1]);
        store.close().await;
        database
    });
}

#[test]
fn a_fenced_worker_says_so_and_stores_nothing_more() {
    on_each_backend(|database| async {
        let (worker, claim) = start(&database).await;
        let other = database.open().await;
        let newer = other.claim("earth", &stamp(2)).await.unwrap();
        worker.submit(image(claim.epoch, 5));
        let status = wait_for(&worker, |status| status.fenced).await;
        assert!(status.last_error.unwrap().contains("another server"));
        assert_eq!(worker.submit(image(claim.epoch, 6)), Submitted::Fenced);
        assert!(!worker.drain(PATIENCE).await.complete);
        assert_eq!(other.latest_checkpoint("earth").await.unwrap(), None);
        assert_eq!(newer.epoch.0, claim.epoch.0 + 1);
        other.close().await;
        database
    });
}

#[test]
fn an_idle_worker_notices_that_the_world_was_claimed_by_another() {
    on_each_backend(|database| async {
        let (worker, claim) = start(&database).await;
        let other = database.open().await;
        other.claim("earth", &stamp(2)).await.unwrap();
        wait_for(&worker, |status| status.fenced).await;
        assert_eq!(worker.submit(image(claim.epoch, 6)), Submitted::Fenced);
        assert!(!worker.drain(PATIENCE).await.complete);
        other.close().await;
        database
    });
}

#[test]
fn draining_during_an_outage_ends_with_the_patience_and_says_what_is_missing() {
    on_each_backend(|mut database| async move {
        let (worker, claim) = start(&database).await;
        let outage = database.begin_outage().await;
        worker.submit(image(claim.epoch, 5));
        let drained = worker.drain(Duration::from_millis(50)).await;
        assert!(!drained.complete);
        assert_eq!(drained.status.durable, None);
        database.end_outage(outage).await;
        database
    });
}

#[test]
fn draining_outlasts_a_short_outage() {
    on_each_backend(|mut database| async move {
        let (worker, claim) = start(&database).await;
        let outage = database.begin_outage().await;
        worker.submit(image(claim.epoch, 5));
        wait_for(&worker, |status| status.failing >= 1).await;
        let draining = tokio::spawn(worker.drain(PATIENCE));
        database.end_outage(outage).await;
        let drained = draining.await.unwrap();
        assert!(drained.complete, "{drained:?}");
        assert_eq!(drained.status.durable, Some(Tick(5)));
        database
    });
}
