//! The worker that stores checkpoints while the world runs on.
//!
//! ```text
//!   tick loop ──submit──► slot of one (the newest wins) ──► task: save, retry, back off
//!      ▲                                                          │
//!      └── status: durable tick, failures, fenced ◄───────────────┘
//! ```
//!
//! The tick never waits for a database: an outage only leaves the newest image waiting, and the
//! journal grows until it is stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_shared_protocol::Tick;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::checkpoint::PackedCheckpoint;
use crate::store::{Claim, SavedCheckpoint, Store, StoreError, timed_out};

/// Stores images in the background; owns its store. Dropping it ends the task without waiting.
#[derive(Debug)]
pub struct CheckpointWorker {
    shared: Arc<Shared>,
    store: Store,
    /// None if its work is done by hand.
    task: Option<JoinHandle<()>>,
}

/// How the worker insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Wait after the first failure; doubles with each further one.
    pub backoff_min: Duration,
    /// Longest wait between attempts.
    pub backoff_max: Duration,
    /// How long one attempt may take before it is given up and counted as failed.
    pub attempt_timeout: Duration,
    /// With nothing to store: how often the store is asked whether a newer writer has come.
    pub look_period: Duration,
}

impl Default for WorkerOptions {
    /// For checkpoints every few seconds of at most some hundred megabytes: an outage is noticed
    /// within half a minute even if the network swallows it, its end within ten seconds.
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            look_period: Duration::from_millis(250),
        }
    }
}

/// What became of a submitted image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It waits for the worker.
    Queued,
    /// It waits in place of an older one that had not been stored.
    Replaced(Tick),
    /// A newer writer has taken the world over: it will not be stored, the server must stop.
    Fenced,
}

/// State and counters, a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointStatus {
    /// The newest checkpoint the store has confirmed to this worker.
    pub durable: Option<Tick>,
    /// The oldest checkpoint the store still keeps: prune the journal up to here.
    pub oldest_kept: Option<Tick>,
    /// An image is waiting or being written.
    pub busy: bool,
    /// A newer writer exists: the server must stop.
    pub fenced: bool,
    /// Checkpoints stored.
    pub saved: u64,
    /// Images replaced by a newer one before they were stored.
    pub replaced: u64,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Failed attempts in a row; 0 when the last one succeeded. Above 0, health is degraded.
    pub failing: u32,
    /// The last failure, kept until an attempt succeeds.
    pub last_error: Option<String>,
    /// How long the last successful attempt took, microseconds.
    pub last_save_us: u64,
    /// What the last stored checkpoint takes in the database, bytes.
    pub last_bytes: u64,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// What was submitted last is in the store.
    pub complete: bool,
    /// The state at the end.
    pub status: CheckpointStatus,
}

/// Reads a worker's state from any thread.
#[derive(Clone, Debug)]
pub struct CheckpointMonitor {
    shared: Arc<Shared>,
}

impl CheckpointMonitor {
    /// See [`CheckpointWorker::status`].
    #[must_use]
    pub fn status(&self) -> CheckpointStatus {
        self.shared.lock().status.clone()
    }

    /// As [`CheckpointStatus::durable`].
    #[must_use]
    pub fn durable(&self) -> Option<Tick> {
        self.shared.lock().status.durable
    }

    /// As [`CheckpointStatus::fenced`].
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.shared.lock().status.fenced
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// An image came, or the worker is to end.
    wake: Notify,
    /// The worker has nothing left to do.
    idle: Notify,
    /// Shutting down: try again now.
    hurry: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The image that waits.
    next: Option<PackedCheckpoint>,
    /// Shutting down: no long pauses any more.
    draining: bool,
    status: CheckpointStatus,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl CheckpointWorker {
    /// Starts the worker on `runtime`.
    #[must_use]
    pub fn start(
        runtime: &tokio::runtime::Handle,
        store: Store,
        claim: Claim,
        options: WorkerOptions,
    ) -> Self {
        let (mut worker, saver) = Self::prepare(store, claim, options);
        worker.task = Some(runtime.spawn(saver.run()));
        worker
    }

    /// As [`CheckpointWorker::start`], but without a task: what it would do is done when told.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn by_hand(store: Store, claim: Claim, options: WorkerOptions) -> (Self, CheckpointHand) {
        let (worker, saver) = Self::prepare(store, claim, options);
        (worker, CheckpointHand { saver, image: None })
    }

    fn prepare(store: Store, claim: Claim, options: WorkerOptions) -> (Self, Saver) {
        let shared = Arc::new(Shared::default());
        let saver = Saver {
            shared: Arc::clone(&shared),
            store: store.clone(),
            claim,
            options,
        };
        let worker = Self {
            shared,
            store,
            task: None,
        };
        (worker, saver)
    }

    /// Hands an image over. Room for one that waits: the newest wins. Waits for nothing; but an
    /// image that is not packed yet is packed here.
    pub fn submit(&self, image: impl Into<PackedCheckpoint>) -> Submitted {
        let image = image.into();
        let mut state = self.shared.lock();
        if state.status.fenced {
            return Submitted::Fenced;
        }
        state.status.busy = true;
        let older = state.next.replace(image);
        state.status.replaced += u64::from(older.is_some());
        drop(state);
        self.shared.wake.notify_one();
        older.map_or(Submitted::Queued, |older| Submitted::Replaced(older.tick()))
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> CheckpointStatus {
        self.shared.lock().status.clone()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> CheckpointMonitor {
        CheckpointMonitor {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Waits at most `patience` for what was submitted, closes the store, ends the worker.
    pub async fn drain(self, patience: Duration) -> Drained {
        let Self {
            shared,
            store,
            task,
        } = &self;
        let idle = async {
            while shared.lock().status.busy {
                shared.idle.notified().await;
            }
        };
        let in_time = tokio::time::timeout(patience, idle).await.is_ok();
        if let Some(task) = task {
            task.abort();
        }
        // A connection that does not answer shall not hold the shutdown up.
        let _ = tokio::time::timeout(patience, store.clone().close()).await;
        let status = self.status();
        // A fenced or refused image ends the waiting too, but is not in the store.
        Drained {
            complete: in_time && status.last_error.is_none(),
            status,
        }
    }
}

impl Drop for CheckpointWorker {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The task.
struct Saver {
    shared: Arc<Shared>,
    store: Store,
    claim: Claim,
    options: WorkerOptions,
}

impl Saver {
    async fn run(self) {
        loop {
            let next = self.shared.lock().next.take();
            match next {
                Some(image) => {
                    if !self.store_it(image).await {
                        return;
                    }
                }
                None => {
                    let wake = self.shared.wake.notified();
                    let idle = tokio::time::timeout(self.options.look_period, wake).await;
                    if idle.is_err() && self.has_been_overtaken().await {
                        return;
                    }
                }
            }
        }
    }

    /// A newer writer has claimed the world. No answer is none: an outage shows at the next
    /// checkpoint, and whoever wants to take over needs the same database.
    async fn has_been_overtaken(&self) -> bool {
        let look = self.store.world(&self.claim.world);
        // No longer than that: an image may come meanwhile.
        let Ok(Ok(Some(row))) = tokio::time::timeout(self.options.look_period, look).await else {
            return false;
        };
        let overtaken = row.epoch > self.claim.epoch;
        if overtaken {
            let error = StoreError::Fenced {
                world: self.claim.world.clone(),
                ours: self.claim.epoch,
                newest: row.epoch,
            };
            tracing::warn!(%error, "fenced");
            let mut state = self.shared.lock();
            state.status.fenced = true;
            state.status.last_error = Some(error.to_string());
            state.next = None;
            self.rest(&mut state);
        }
        overtaken
    }

    /// Insists on `image`, or on a newer one that comes meanwhile; `false` once fenced.
    async fn store_it(&self, mut image: PackedCheckpoint) -> bool {
        let mut pause = self.options.backoff_min;
        loop {
            match self.try_once(&image).await {
                Tried::Stored | Tried::Dropped => return true,
                Tried::Fenced => return false,
                Tried::Again => {}
            }
            let _ = tokio::time::timeout(pause, self.shared.hurry.notified()).await;
            let mut state = self.shared.lock();
            pause = match state.draining {
                true => self.options.backoff_min,
                false => (pause * 2).min(self.options.backoff_max),
            };
            if let Some(newer) = state.next.take() {
                state.status.replaced += 1;
                image = newer;
            }
        }
    }

    async fn try_once(&self, image: &PackedCheckpoint) -> Tried {
        let begun = now();
        match self.attempt(image).await {
            Ok(saved) => {
                self.succeeded(&saved, now().duration_since(begun));
                Tried::Stored
            }
            Err(error) if self.failed(image, &error) => Tried::Again,
            Err(StoreError::Fenced { .. }) => Tried::Fenced,
            Err(_) => Tried::Dropped,
        }
    }

    async fn attempt(&self, image: &PackedCheckpoint) -> Result<SavedCheckpoint, StoreError> {
        let patience = self.options.attempt_timeout;
        // Large, and held across awaits: on the heap.
        let save = Box::pin(self.store.save_packed(&self.claim, image));
        match tokio::time::timeout(patience, save).await {
            Ok(done) => done,
            Err(_) => Err(timed_out(self.store.place(), patience)),
        }
    }

    fn succeeded(&self, saved: &SavedCheckpoint, took: Duration) {
        let mut state = self.shared.lock();
        let status = &mut state.status;
        status.durable = status.durable.max(Some(saved.tick));
        status.oldest_kept = Some(saved.oldest_kept);
        status.saved += 1;
        status.failing = 0;
        status.last_error = None;
        status.last_save_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        status.last_bytes = saved.bytes;
        self.rest(&mut state);
    }

    /// Notes a failure; whether to try again.
    fn failed(&self, image: &PackedCheckpoint, error: &StoreError) -> bool {
        tracing::warn!(tick = image.tick().0, %error, "checkpoint not stored");
        let mut state = self.shared.lock();
        state.status.failures += 1;
        state.status.failing += 1;
        state.status.last_error = Some(error.to_string());
        match error {
            StoreError::Fenced { .. } => {
                state.status.fenced = true;
                state.next = None;
            }
            StoreError::Unstorable { .. } => {}
            // A refusal may end too: somebody makes room, grants a right, ends a standby's duty.
            _ => return true,
        }
        self.rest(&mut state);
        false
    }

    /// The image in hand is done with.
    fn rest(&self, state: &mut State) {
        state.status.busy = state.next.is_some();
        if !state.status.busy {
            self.shared.idle.notify_one();
        }
    }
}

/// What became of one attempt.
enum Tried {
    /// It is in the store.
    Stored,
    /// It is not, and may be the next time.
    Again,
    /// The store will never take it.
    Dropped,
    /// Nor any other.
    Fenced,
}

/// The task's work, for whoever decides when it is done.
#[cfg(feature = "faults")]
pub struct CheckpointHand {
    saver: Saver,
    /// What could not be stored yet.
    image: Option<PackedCheckpoint>,
}

#[cfg(feature = "faults")]
impl CheckpointHand {
    /// One attempt to store the newest image there is; with none, a look whether a newer writer has
    /// come.
    pub async fn turn(&mut self) {
        let newer = self.saver.shared.lock().next.take();
        if let Some(newer) = newer {
            let older = self.image.replace(newer);
            self.saver.shared.lock().status.replaced += u64::from(older.is_some());
        }
        match &self.image {
            None => {
                self.saver.has_been_overtaken().await;
            }
            Some(image) => {
                if !matches!(self.saver.try_once(image).await, Tried::Again) {
                    self.image = None;
                }
            }
        }
    }
}

/// The clock of the duration metric; no result depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "a driver of a database, not part of the tick"
)]
fn now() -> Instant {
    Instant::now()
}
