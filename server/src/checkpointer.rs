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
    /// None if its work is done by hand.
    thread: Option<JoinHandle<CheckpointWorker>>,
    runtime: Option<Runtime>,
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
            thread: Some(thread),
            runtime: Some(runtime),
        })
    }

    /// As [`Checkpointer::start`], but without a thread: what it would do is done when told.
    #[cfg(test)]
    pub(crate) fn by_hand(
        worker: CheckpointWorker,
        label: Label,
        ledger: LedgerMonitor,
    ) -> (Self, DeskHand) {
        let (snapshots, waiting) = bounded(1);
        let checkpointer = Self {
            snapshots,
            waiting: waiting.clone(),
            monitor: worker.monitor(),
            thread: None,
            runtime: None,
        };
        let hand = DeskHand {
            desk: Desk::default(),
            snapshots: waiting,
            worker,
            label,
            ledger,
        };
        (checkpointer, hand)
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
        let worker = self.thread.map(JoinHandle::join);
        let (Some(Ok(worker)), Some(runtime)) = (worker, self.runtime) else {
            return Finished {
                complete: false,
                status: self.monitor.status(),
            };
        };
        let drained = runtime.block_on(worker.drain(patience));
        Finished {
            complete: drained.complete,
            status: drained.status,
        }
    }
}

fn work(
    worker: &CheckpointWorker,
    snapshots: &Receiver<(Snapshot, Order)>,
    label: &Label,
    ledger: &LedgerMonitor,
) {
    let mut desk = Desk::default();
    loop {
        match snapshots.recv_timeout(desk.period()) {
            Ok(next) => desk.waiting = Some(next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // The ledger has been finished before.
                desk.hand_on(worker, label);
                return;
            }
        }
        desk.turn(worker, label, ledger);
    }
}

/// The thread's work, one look after the other.
#[derive(Default)]
pub(crate) struct Desk {
    /// What waits for the ledger.
    waiting: Option<(Snapshot, Order)>,
    /// The journal has been pruned up to here.
    pruned: Tick,
}

impl Desk {
    /// How long to wait for a snapshot before the next look.
    fn period(&self) -> Duration {
        match self.waiting {
            Some(_) => LEDGER_PERIOD,
            None => PRUNE_PERIOD,
        }
    }

    /// Hands on what waits no longer, and removes what the journal no longer needs. A ledger that has
    /// given up is not waited for: the next start compares everything.
    fn turn(&mut self, worker: &CheckpointWorker, label: &Label, ledger: &LedgerMonitor) {
        let waits = |(snapshot, order): &(Snapshot, Order)| {
            *order == Order::AfterTheLedger && ledger.is_due(snapshot.tick())
        };
        if self.waiting.as_ref().is_some_and(|next| !waits(next)) {
            self.hand_on(worker, label);
        }
        self.prune(worker, label);
    }

    fn hand_on(&mut self, worker: &CheckpointWorker, label: &Label) {
        if let Some((snapshot, _order)) = self.waiting.take() {
            worker.submit(recovery::image(snapshot.encode(), label, unix_ms()));
        }
    }

    fn prune(&mut self, worker: &CheckpointWorker, label: &Label) {
        if let Some(kept) = worker.status().oldest_kept
            && kept > self.pruned
        {
            match prune_journal(&label.journal, kept) {
                Ok(segments) => tracing::debug!(segments, %kept, "journal pruned"),
                Err(error) => tracing::warn!("cannot prune the journal: {error}"),
            }
            self.pruned = kept;
        }
    }
}

/// The thread's work, for whoever decides when it is done.
#[cfg(test)]
pub(crate) struct DeskHand {
    desk: Desk,
    snapshots: Receiver<(Snapshot, Order)>,
    worker: CheckpointWorker,
    label: Label,
    ledger: LedgerMonitor,
}

#[cfg(test)]
impl DeskHand {
    /// Takes the snapshot that is there, if one is, and looks once.
    pub fn turn(&mut self) {
        if let Ok(next) = self.snapshots.try_recv() {
            self.desk.waiting = Some(next);
        }
        self.desk.turn(&self.worker, &self.label, &self.ledger);
    }

    /// The worker's state.
    pub fn status(&self) -> CheckpointStatus {
        self.worker.status()
    }

    /// A bug: removes what of the journal a checkpoint of `tick` covers, stored or not.
    pub fn prune_before_it_is_stored(&self, tick: Tick) {
        let _whatever = prune_journal(&self.label.journal, tick);
    }
}
