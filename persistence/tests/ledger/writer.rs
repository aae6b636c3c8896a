//! The writer: nothing blocks, nothing is applied too early, an outage is waited out, a flood is
//! forgotten and put right.

use std::time::Duration;

use bluemarble_persistence::{
    Claim, Ledger, LedgerOptions, LedgerStatus, LedgerSubmitted, LedgerWriter, Store, Transfer,
};
use bluemarble_shared_protocol::Tick;

use super::common::{Database, QUICK, on_each_backend, stamp};
use super::{ADA, BOB, adds_up, begin, held, mail, purse, story, transfer, wolf};

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

const IMPATIENT: LedgerOptions = LedgerOptions {
    backoff_min: Duration::from_millis(5),
    backoff_max: Duration::from_millis(40),
    attempt_timeout: Duration::from_secs(5),
    queue_transfers: 10,
};

async fn start(database: &Database) -> (LedgerWriter, Ledger, Claim) {
    database.open().await.close().await;
    let store = Store::open_with(&database.url, QUICK)
        .await
        .expect("it was there just now");
    let (ledger, claim) = begin(&store).await;
    let runtime = tokio::runtime::Handle::current();
    let writer = LedgerWriter::start(&runtime, ledger.clone(), claim.clone(), Tick(10), IMPATIENT);
    (writer, ledger, claim)
}

async fn wait_for(writer: &LedgerWriter, reached: impl Fn(&LedgerStatus) -> bool) -> LedgerStatus {
    let polled = async {
        loop {
            let status = writer.status();
            if reached(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, polled).await {
        Ok(status) => status,
        Err(_) => panic!("never reached: {:?}", writer.status()),
    }
}

fn of_tick(tick: u64) -> Vec<Transfer> {
    let all = story().transfers.into_iter();
    all.filter(|transfer| transfer.key.tick == Tick(tick))
        .collect()
}

#[test]
fn nothing_is_applied_before_the_journal_is_durable_and_what_waits_can_be_asked_for() {
    on_each_backend(|database| async {
        let (writer, ledger, _claim) = start(&database).await;
        for tick in 11..=13 {
            let submitted = writer.submit(Tick(tick), of_tick(tick));
            assert_eq!(submitted, LedgerSubmitted::Queued);
        }
        let monitor = writer.monitor();
        let pending = monitor.pending(Tick(13)).unwrap();
        assert_eq!(pending, story());
        assert_eq!(
            monitor.pending(Tick(12)).unwrap().transfers,
            story().transfers[..2]
        );
        writer.durable(Tick(12));
        wait_for(&writer, |status| status.applied == Tick(12)).await;
        assert_eq!(ledger.applied().await.unwrap(), Some(Tick(12)));
        let pending = monitor.pending(Tick(13)).unwrap();
        assert_eq!((pending.after, pending.transfers.len()), (Tick(12), 2));
        writer.durable(Tick(13));
        let drained = writer.drain(PATIENCE).await;
        assert!(drained.complete, "{drained:?}");
        assert_eq!(drained.status.transfers, 4);
        assert_eq!(held(&ledger, mail()).await, 2);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn an_outage_is_waited_out_and_everything_caught_up() {
    on_each_backend(|mut database| async {
        let (writer, ledger, _claim) = start(&database).await;
        let outage = database.begin_outage().await;
        for tick in 11..=13 {
            writer.submit(Tick(tick), of_tick(tick));
            writer.durable(Tick(tick));
        }
        wait_for(&writer, |status| status.failing > 0).await;
        assert_eq!(writer.status().waiting, 4);
        database.end_outage(outage).await;
        let status = wait_for(&writer, |status| status.applied == Tick(13)).await;
        assert_eq!((status.failing, status.waiting), (0, 0));
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn a_queue_that_overflows_is_forgotten_and_the_ledger_put_right() {
    on_each_backend(|mut database| async {
        let (writer, ledger, _claim) = start(&database).await;
        let outage = database.begin_outage().await;
        let one = |tick| vec![transfer(tick, 0, purse(ADA), mail(), 1)];
        for tick in 11..=20 {
            assert_eq!(
                writer.submit(Tick(tick), one(tick)),
                LedgerSubmitted::Queued
            );
            writer.durable(Tick(tick));
        }
        assert_eq!(writer.submit(Tick(21), one(21)), LedgerSubmitted::Behind);
        assert_eq!(writer.monitor().pending(Tick(21)), None);
        assert_eq!(writer.submit(Tick(22), one(22)), LedgerSubmitted::Behind);
        let holdings = vec![(wolf(), 5), (purse(ADA), 28), (mail(), 12)];
        writer.put_right(Tick(22), holdings);
        assert_eq!(writer.submit(Tick(23), one(23)), LedgerSubmitted::Queued);
        writer.durable(Tick(23));
        database.end_outage(outage).await;
        let status = wait_for(&writer, |status| status.applied == Tick(23)).await;
        assert_eq!(status.corrections, 1);
        assert!(!status.behind);
        assert_eq!(held(&ledger, purse(ADA)).await, 27);
        assert_eq!(held(&ledger, mail()).await, 13);
        adds_up(&ledger).await;
        database
    });
}

#[test]
fn a_writer_stops_when_it_is_fenced_or_refused() {
    on_each_backend(|database| async {
        let (writer, ledger, _claim) = start(&database).await;
        writer.submit(Tick(11), vec![transfer(11, 0, purse(BOB), mail(), 1)]);
        writer.durable(Tick(11));
        let status = wait_for(&writer, |status| status.stopped.is_some()).await;
        let why = status.stopped.unwrap();
        assert!(why.contains("holds 0 coins and would lose 1"), "{why}");
        assert_eq!(writer.submit(Tick(12), vec![]), LedgerSubmitted::Stopped);

        let store = database.open().await;
        let runtime = tokio::runtime::Handle::current();
        let old = store.claim("earth", &stamp(1)).await.unwrap();
        let writer = LedgerWriter::start(&runtime, ledger.clone(), old, Tick(10), IMPATIENT);
        store.claim("earth", &stamp(1)).await.unwrap();
        writer.submit(Tick(11), of_tick(11));
        writer.durable(Tick(11));
        let status = wait_for(&writer, |status| status.stopped.is_some()).await;
        assert!(status.stopped.unwrap().contains("took it over"));
        adds_up(&ledger).await;
        database
    });
}
