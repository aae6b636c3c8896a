//! Checkpoints behind the loop's back: the tick pays for a copy, this thread encodes it, the
//! store's worker writes it, and the journal it makes superfluous is removed.
//!
//! One copy may wait. A newer one takes its place: only the newest matters.
//!
//! A checkpoint is handed on when the ledger has everything through its tick. What a crash leaves
//! unentered is computed again from a checkpoint; were one stored that is ahead of the ledger, the
//! movements between the two could not be.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use bluemarble_persistence::{
    CheckpointMonitor, CheckpointStatus, CheckpointWorker, LedgerMonitor, prune_journal,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::Snapshot;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::runtime::Runtime;

use crate::clock::unix_ms;
use crate::exit::Failure;
use crate::recovery;

/// How often the journal is looked at for segments that are no longer needed.
const PRUNE_PERIOD: Duration = Duration::from_secs(5);

/// How often it is asked whether the ledger has caught up with a checkpoint that waits for it.
const LEDGER_PERIOD: Duration = Duration::from_millis(10);

/// When a checkpoint may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// When the ledger has everything through its tick.
    AfterTheLedger,
    /// Now: it makes durable what the ledger waits for.
    AtOnce,
}

/// What is stored under.
#[derive(Clone, Debug)]
pub struct Label {
    /// The world's name.
    pub world: String,
    /// The writer's epoch.
    pub epoch: Epoch,
    /// What the world is made from.
    pub content_hash: u64,
    /// The same by name.
    pub provenance: String,
    /// Where the journal's segments are.
    pub journal: PathBuf,
}

/// Takes snapshots, never waits.
pub struct Checkpointer {
    snapshots: Sender<(Snapshot, Order)>,
    /// The same queue's other end, to take an overtaken snapshot out again.
    waiting: Receiver<(Snapshot, Order)>,
    monitor: CheckpointMonitor,
    thread: JoinHandle<CheckpointWorker>,
    runtime: Runtime,
}

/// How it ended.
pub struct Finished {
    /// The last snapshot is in the store.
    pub complete: bool,
    /// The worker's last words.
    pub status: CheckpointStatus,
}

impl Checkpointer {
    /// Starts the thread; `runtime` is where `worker` runs, `ledger` says how far the books are.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(
        worker: CheckpointWorker,
        runtime: Runtime,
        label: Label,
        ledger: LedgerMonitor,
    ) -> Result<Self, Failure> {
        let (snapshots, waiting) = bounded(1);
        let monitor = worker.monitor();
        let received = waiting.clone();
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || {
                work(&worker, &received, &label, &ledger);
                worker
            })
            .map_err(|error| Failure::environment(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            snapshots,
            waiting,
            monitor,
            thread,
            runtime,
        })
    }

    /// Hands a snapshot over; one that has waited until now is forgotten.
    pub fn submit(&self, snapshot: Snapshot, order: Order) {
        let mut next = (snapshot, order);
        // Two rounds at most: only this thread puts anything in.
        while let Err(TrySendError::Full(returned)) = self.snapshots.try_send(next) {
            let _overtaken = self.waiting.try_recv();
            next = returned;
        }
    }

    /// The newest checkpoint that is stored; `None` before this server's first one.
    pub fn durable(&self) -> Option<Tick> {
        self.monitor.durable()
    }

    /// Whether a newer server has the world.
    pub fn is_fenced(&self) -> bool {
        self.monitor.is_fenced()
    }

    /// The worker's state.
    pub fn status(&self) -> CheckpointStatus {
        self.monitor.status()
    }

    /// Stores a last snapshot, waiting at most `patience`, and ends.
    pub fn finish(self, last: Option<Snapshot>, patience: Duration) -> Finished {
        if let Some(last) = last {
            // The ledger has been finished before.
            self.submit(last, Order::AtOnce);
        }
        drop(self.snapshots);
        drop(self.waiting);
        match self.thread.join() {
            Ok(worker) => {
                let drained = self.runtime.block_on(worker.drain(patience));
                Finished {
                    complete: drained.complete,
                    status: drained.status,
                }
            }
            Err(_panic) => Finished {
                complete: false,
                status: self.monitor.status(),
            },
        }
    }
}

fn work(
    worker: &CheckpointWorker,
    snapshots: &Receiver<(Snapshot, Order)>,
    label: &Label,
    ledger: &LedgerMonitor,
) {
    let mut pruned = Tick(0);
    loop {
        match snapshots.recv_timeout(PRUNE_PERIOD) {
            Ok(next) => {
                let snapshot = once_entered(next, snapshots, ledger);
                let taken_ms = unix_ms();
                worker.submit(recovery::image(snapshot.encode(), label, taken_ms));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Some(kept) = worker.status().oldest_kept
            && kept > pruned
        {
            match prune_journal(&label.journal, kept) {
                Ok(segments) => tracing::debug!(segments, %kept, "journal pruned"),
                Err(error) => tracing::warn!("cannot prune the journal: {error}"),
            }
            pruned = kept;
        }
    }
}

/// Waits until the ledger has caught up with the snapshot, or with a newer one that comes meanwhile.
/// A ledger that has given up is not waited for: the next start compares everything.
fn once_entered(
    (mut snapshot, mut order): (Snapshot, Order),
    snapshots: &Receiver<(Snapshot, Order)>,
    ledger: &LedgerMonitor,
) -> Snapshot {
    while order == Order::AfterTheLedger && ledger.is_due(snapshot.tick()) {
        match snapshots.recv_timeout(LEDGER_PERIOD) {
            Ok(newer) => (snapshot, order) = newer,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    snapshot
}
