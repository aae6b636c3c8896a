//! The task that applies transfers while the world runs on.
//!
//! ```text
//!   tick loop ──submit──► queue of ticks (transfers bounded) ──► task: a batch of all that is
//!      │                                                          durable, retry, back off
//!      ├── durable: the journal has them through this tick ─────►      │
//!      └── status: applied tick, waiting, failures ◄───────────────────┘
//! ```
//!
//! While one batch is being written, the next gathers: the busier the database, the larger the
//! batches. Nothing is applied before the journal is durable through its tick. What has been
//! submitted and not yet applied can be asked for, so that a checkpoint takes it along.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_shared_protocol::Tick;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::apply::LedgerBatch;
use super::error::LedgerError;
use super::transfer::Transfer;
use super::{Holding, Ledger};
use crate::limits::{LEDGER_BATCH_MAX, LEDGER_QUEUE_MAX};
use crate::store::{Claim, StoreError, timed_out};

/// How the writer insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Wait after the first failure; doubles with each further one.
    pub backoff_min: Duration,
    /// Longest wait between attempts.
    pub backoff_max: Duration,
    /// How long one attempt may take before it is given up and counted as failed.
    pub attempt_timeout: Duration,
    /// Transfers that may wait, at most [`LEDGER_QUEUE_MAX`].
    pub queue_transfers: usize,
}

impl Default for LedgerOptions {
    /// As checkpoints are stored: an outage is noticed within half a minute even if the network
    /// swallows it, its end within ten seconds.
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            queue_transfers: LEDGER_QUEUE_MAX,
        }
    }
}

/// What became of a submitted tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerSubmitted {
    /// It waits for the writer.
    Queued,
    /// The writer has lost count, because too much waited or it was refused: it wants to be told
    /// what everybody holds ([`LedgerWriter::put_right`]), and takes no transfers until then.
    Behind,
    /// Nothing will be applied any more: see [`LedgerStatus::stopped`].
    Stopped,
}

/// State and counters, a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerStatus {
    /// Every transfer of the ticks through this one is in the ledger.
    pub applied: Tick,
    /// Transfers that wait.
    pub waiting: u64,
    /// Transfers applied since the start.
    pub transfers: u64,
    /// Batches applied since the start.
    pub batches: u64,
    /// Transfers that were forgotten because too many waited.
    pub forgotten: u64,
    /// Times the ledger was put right.
    pub corrections: u64,
    /// It does not take transfers until it is put right.
    pub behind: bool,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Failed attempts in a row. Above 0, health is degraded.
    pub failing: u32,
    /// The last failure, kept until an attempt succeeds.
    pub last_error: Option<String>,
    /// Why nothing will be applied any more, if so: a newer writer has the world, or the ledger
    /// refuses. The next start puts it right.
    pub stopped: Option<String>,
    /// It is the former: the server must stop.
    pub fenced: bool,
}

/// How a writer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerDrained {
    /// What was submitted and durable is in the ledger.
    pub complete: bool,
    /// The state at the end.
    pub status: LedgerStatus,
}

/// Applies transfers in the background. Dropping it ends the task without waiting.
#[derive(Debug)]
pub struct LedgerWriter {
    shared: Arc<Shared>,
    queue_transfers: u64,
    applied: watch::Receiver<Tick>,
    /// None if its work is done by hand.
    task: Option<JoinHandle<()>>,
}

/// Reads a writer's state from any thread.
#[derive(Clone, Debug)]
pub struct LedgerMonitor {
    shared: Arc<Shared>,
}

impl LedgerMonitor {
    /// See [`LedgerWriter::status`].
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        self.shared.lock().status.clone()
    }

    /// Whether transfers of the ticks through this one will be entered, but are not yet.
    #[must_use]
    pub fn is_due(&self, through: Tick) -> bool {
        let state = self.shared.lock();
        let lost = state.status.behind || state.status.stopped.is_some();
        !lost
            && state
                .ticks
                .front()
                .is_some_and(|(tick, _)| *tick <= through)
    }

    /// What of the ticks through this one is not in the ledger yet: who begins from that tick cannot
    /// compute it again. `None` if the writer has lost count, and only a look at everything helps.
    #[must_use]
    pub fn pending(&self, through: Tick) -> Option<LedgerBatch> {
        let state = self.shared.lock();
        if state.status.behind || state.status.stopped.is_some() {
            return None;
        }
        let waiting = state.ticks.iter();
        let transfers = waiting
            .take_while(|(tick, _)| *tick <= through)
            .flat_map(|(_, transfers)| transfers.iter().cloned())
            .collect();
        let after = state.status.applied.min(through);
        Some(LedgerBatch {
            after,
            through,
            transfers,
        })
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something has become durable, or is to be put right.
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Ticks with transfers, in order, none applied yet.
    ticks: VecDeque<(Tick, Vec<Transfer>)>,
    /// The newest tick that was submitted, with transfers or without.
    submitted: Tick,
    /// The journal has everything through this tick.
    durable: Tick,
    /// What everybody holds at the end of a tick, to be entered once that is durable.
    snapshot: Option<(Tick, Vec<Holding>)>,
    status: LedgerStatus,
}

impl State {
    /// What comes next, if anything is durable.
    fn next(&self) -> Option<Work> {
        if let Some((tick, holdings)) = &self.snapshot {
            return (*tick <= self.durable).then(|| Work::PutRight(*tick, holdings.clone()));
        }
        let through = self.durable.min(self.submitted);
        if through <= self.status.applied {
            return None;
        }
        let mut batch = LedgerBatch {
            after: self.status.applied,
            through,
            transfers: Vec::new(),
        };
        for (tick, transfers) in self.ticks.iter().take_while(|(tick, _)| *tick <= through) {
            let all = batch.transfers.len() + transfers.len();
            if !batch.transfers.is_empty() && all > LEDGER_BATCH_MAX {
                batch.through = Tick(tick.0 - 1);
                break;
            }
            batch.transfers.extend_from_slice(transfers);
        }
        // Empty ticks alone are worth no transaction; they are covered by the next one.
        (!batch.transfers.is_empty()).then_some(Work::Apply(batch))
    }

    fn forget(&mut self) {
        let waiting = std::mem::take(&mut self.status.waiting);
        self.status.forgotten += waiting;
        self.ticks.clear();
        self.status.behind = true;
    }
}

enum Work {
    Apply(LedgerBatch),
    PutRight(Tick, Vec<Holding>),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl LedgerWriter {
    /// Starts the task on `runtime`. The ledger holds the ticks through `applied`; the next one to be
    /// submitted is the one after.
    #[must_use]
    pub fn start(
        runtime: &tokio::runtime::Handle,
        ledger: Ledger,
        claim: Claim,
        applied: Tick,
        options: LedgerOptions,
    ) -> Self {
        let (mut writer, scribe) = Self::prepare(ledger, claim, applied, options);
        writer.task = Some(runtime.spawn(scribe.run()));
        writer
    }

    /// As [`LedgerWriter::start`], but without a task: what it would do is done when told.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn by_hand(
        ledger: Ledger,
        claim: Claim,
        applied: Tick,
        options: LedgerOptions,
    ) -> (Self, LedgerHand) {
        let (writer, scribe) = Self::prepare(ledger, claim, applied, options);
        (writer, LedgerHand { scribe })
    }

    fn prepare(
        ledger: Ledger,
        claim: Claim,
        applied: Tick,
        options: LedgerOptions,
    ) -> (Self, Scribe) {
        let shared = Arc::new(Shared::default());
        {
            let mut state = shared.lock();
            state.status.applied = applied;
            state.submitted = applied;
            state.durable = applied;
        }
        let (told, heard) = watch::channel(applied);
        let scribe = Scribe {
            shared: Arc::clone(&shared),
            ledger,
            claim,
            options,
            told,
        };
        let writer = Self {
            shared,
            queue_transfers: options.queue_transfers.min(LEDGER_QUEUE_MAX) as u64,
            applied: heard,
            task: None,
        };
        (writer, scribe)
    }

    /// Hands a tick's transfers over, in order of ticks and keys; never blocks.
    pub fn submit(&self, tick: Tick, transfers: Vec<Transfer>) -> LedgerSubmitted {
        let mut state = self.shared.lock();
        state.submitted = state.submitted.max(tick);
        if state.status.stopped.is_some() {
            return LedgerSubmitted::Stopped;
        }
        if state.status.behind && state.snapshot.is_none() {
            return LedgerSubmitted::Behind;
        }
        if transfers.is_empty() {
            return LedgerSubmitted::Queued;
        }
        state.status.waiting += transfers.len() as u64;
        state.ticks.push_back((tick, transfers));
        if state.status.waiting > self.queue_transfers {
            state.snapshot = None;
            state.forget();
            return LedgerSubmitted::Behind;
        }
        LedgerSubmitted::Queued
    }

    /// After [`LedgerSubmitted::Behind`]: what everybody holds at the end of the newest tick submitted.
    /// Ticks from the next on are taken again.
    pub fn put_right(&self, tick: Tick, holdings: Vec<Holding>) {
        let mut state = self.shared.lock();
        state.snapshot = Some((tick, holdings));
        drop(state);
        self.shared.wake.notify_one();
    }

    /// The journal has everything through this tick: it may be applied.
    pub fn durable(&self, tick: Tick) {
        let mut state = self.shared.lock();
        if tick <= state.durable {
            return;
        }
        state.durable = tick;
        let any = !state.ticks.is_empty() || state.snapshot.is_some();
        drop(state);
        if any {
            self.shared.wake.notify_one();
        }
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        self.shared.lock().status.clone()
    }

    /// As [`LedgerStatus::fenced`].
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.shared.lock().status.fenced
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> LedgerMonitor {
        LedgerMonitor {
            shared: Arc::clone(&self.shared),
        }
    }

    /// The newest tick of which every transfer is in the ledger, as it grows.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<Tick> {
        self.applied.clone()
    }

    /// Waits at most `patience` for what was submitted and is durable, and ends the task.
    pub async fn drain(mut self, patience: Duration) -> LedgerDrained {
        let shared = Arc::clone(&self.shared);
        let done = async {
            loop {
                {
                    let state = shared.lock();
                    if state.status.stopped.is_some() || state.next().is_none() {
                        return;
                    }
                }
                // The sender lives in the task; it ends only with us, or stopped.
                if self.applied.changed().await.is_err() {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(patience, done).await.is_ok();
        if let Some(task) = &self.task {
            task.abort();
        }
        let status = self.status();
        LedgerDrained {
            complete: in_time && status.stopped.is_none() && !status.behind,
            status,
        }
    }
}

impl Drop for LedgerWriter {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The task.
struct Scribe {
    shared: Arc<Shared>,
    ledger: Ledger,
    claim: Claim,
    options: LedgerOptions,
    told: watch::Sender<Tick>,
}

impl Scribe {
    async fn run(self) {
        let mut pause = self.options.backoff_min;
        loop {
            match self.turn().await {
                Turn::Nothing => self.shared.wake.notified().await,
                Turn::Entered => pause = self.options.backoff_min,
                Turn::Again => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(self.options.backoff_max);
                }
                Turn::Stopped => return,
            }
        }
    }

    /// One attempt, if there is anything to enter.
    async fn turn(&self) -> Turn {
        let next = self.shared.lock().next();
        let Some(work) = next else {
            return Turn::Nothing;
        };
        match self.attempt(&work).await {
            Ok(()) => {
                self.succeeded(&work);
                Turn::Entered
            }
            Err(error) if self.failed(&error) => Turn::Again,
            Err(_) => Turn::Stopped,
        }
    }

    async fn attempt(&self, work: &Work) -> Result<(), LedgerError> {
        let patience = self.options.attempt_timeout;
        // Large, and held across awaits: on the heap.
        let attempt = Box::pin(async {
            match work {
                Work::Apply(batch) => self.ledger.apply(&self.claim, batch).await.map(drop),
                Work::PutRight(tick, holdings) => {
                    let opened = self.ledger.open(&self.claim, *tick, holdings).await?;
                    let entries = opened.entries;
                    tracing::warn!(%tick, entries, "the ledger was put right by corrections");
                    Ok(())
                }
            }
        });
        match tokio::time::timeout(patience, attempt).await {
            Ok(done) => done,
            Err(_) => Err(timed_out(self.ledger.store.place(), patience).into()),
        }
    }

    fn succeeded(&self, work: &Work) {
        let mut state = self.shared.lock();
        let through = match work {
            Work::Apply(batch) => {
                let count = batch.transfers.len() as u64;
                state.status.waiting = state.status.waiting.saturating_sub(count);
                state.status.transfers += count;
                state.status.batches += 1;
                batch.through
            }
            Work::PutRight(tick, _) => {
                // Unless it has lost count again meanwhile.
                if state.snapshot.as_ref().is_some_and(|(at, _)| at == tick) {
                    state.snapshot = None;
                    state.status.behind = false;
                }
                state.status.corrections += 1;
                *tick
            }
        };
        while state
            .ticks
            .front()
            .is_some_and(|(tick, _)| *tick <= through)
        {
            state.ticks.pop_front();
        }
        state.status.applied = through;
        state.status.failing = 0;
        state.status.last_error = None;
        drop(state);
        self.told.send_replace(through);
    }

    /// Notes a failure; whether to try again.
    fn failed(&self, error: &LedgerError) -> bool {
        tracing::warn!(%error, "transfers not applied");
        let mut state = self.shared.lock();
        state.status.failures += 1;
        state.status.failing += 1;
        state.status.last_error = Some(error.to_string());
        if error.may_pass() {
            return true;
        }
        let fenced = matches!(error, LedgerError::Store(StoreError::Fenced { .. }));
        if !fenced {
            tracing::error!(target: "audit", %error, "the ledger refuses what the world did");
        }
        state.status.stopped = Some(error.to_string());
        state.status.fenced = fenced;
        state.forget();
        false
    }
}

/// What became of one turn.
enum Turn {
    Nothing,
    Entered,
    Again,
    Stopped,
}

/// The task's work, for whoever decides when it is done.
#[cfg(feature = "faults")]
pub struct LedgerHand {
    scribe: Scribe,
}

#[cfg(feature = "faults")]
impl LedgerHand {
    /// One attempt to enter what is durable. Whether anything was entered.
    pub async fn turn(&self) -> bool {
        if self.scribe.shared.lock().status.stopped.is_some() {
            return false;
        }
        matches!(self.scribe.turn().await, Turn::Entered)
    }
}
