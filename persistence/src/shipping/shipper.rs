//! The task that ships the journal to the database while the world runs on.
//!
//! ```text
//!   journal's files ──whole records that are durable──► piece ──► database, one transaction each
//!      ▲ pruned behind the oldest kept checkpoint, and so are the pieces
//! ```
//!
//! The files are the queue: an outage fills no memory, and ends with the task reading on where the
//! database stands. One piece is in hand at a time, so that what else is written to the database
//! waits for one at most. After any failure the database is asked how far it is, so that it makes no
//! difference whether an answer was lost or the piece.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bluemarble_shared_protocol::Tick;
use tokio::task::JoinHandle;

use super::status::{Shared, ShipMonitor, ShipStatus, now};
use crate::journal::{ChunkFeed, JournalError, JournalMonitor};
use crate::store::{Claim, JournalChunk, PutChunk, Store, StoreError, timed_out};
use crate::worker::CheckpointMonitor;

/// Ships in the background. Dropping it ends the task without waiting.
#[derive(Debug)]
pub struct JournalShipper {
    shared: Arc<Shared>,
    journal: JournalMonitor,
    task: Option<JoinHandle<()>>,
}

/// What is shipped, and whereto.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// The database.
    pub store: Store,
    /// The right to write there.
    pub claim: Claim,
    /// The journal's folder.
    pub dir: PathBuf,
    /// The journal as it is written.
    pub journal: JournalMonitor,
    /// The checkpoints of the same writer, behind which nothing needs to be shipped or kept.
    pub checkpoints: CheckpointMonitor,
    /// The tick of the epoch's first checkpoint, which is stored.
    pub from: Tick,
}

/// How it insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShipOptions {
    /// How often it is looked whether more is durable; a piece holds what has become so meanwhile.
    pub period: Duration,
    /// Wait after the first failure; doubles with each further one.
    pub backoff_min: Duration,
    /// Longest wait between attempts.
    pub backoff_max: Duration,
    /// How long one attempt may take before it is given up and counted as failed.
    pub attempt_timeout: Duration,
}

impl Default for ShipOptions {
    /// Half a second of ticks a piece. An outage's end is noticed within two seconds: what waits for a
    /// piece may be everybody, and an attempt costs little.
    fn default() -> Self {
        Self {
            period: Duration::from_millis(500),
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(30),
        }
    }
}

impl JournalShipper {
    /// Starts the task on `runtime`.
    #[must_use]
    pub fn start(
        runtime: &tokio::runtime::Handle,
        shipment: Shipment,
        options: ShipOptions,
    ) -> Self {
        let (mut shipper, carrier) = Self::prepare(shipment, options);
        shipper.task = Some(runtime.spawn(carrier.run()));
        shipper
    }

    /// As [`JournalShipper::start`], but without a task: what it would do is done when told.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn by_hand(shipment: Shipment, options: ShipOptions) -> (Self, ShipHand) {
        let (shipper, carrier) = Self::prepare(shipment, options);
        (shipper, ShipHand(carrier))
    }

    fn prepare(shipment: Shipment, options: ShipOptions) -> (Self, Carrier) {
        let shared = Arc::new(Shared::default());
        shared.lock().status.through = shipment.from;
        let journal = shipment.journal.clone();
        let carrier = Carrier {
            shared: Arc::clone(&shared),
            shipment,
            options,
            feed: None,
            before: None,
            pruned: None,
        };
        let shipper = Self {
            shared,
            journal,
            task: None,
        };
        (shipper, carrier)
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> ShipStatus {
        self.monitor().status()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> ShipMonitor {
        ShipMonitor {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Waits at most `patience` until everything that is durable is shipped, and ends the task.
    pub async fn drain(self, patience: Duration) -> ShipStatus {
        const POLL: Duration = Duration::from_millis(5);
        self.shared.lock().draining = true;
        self.shared.hurry.notify_one();
        let done = async {
            loop {
                {
                    let state = self.shared.lock();
                    let whole = state.status.through >= self.journal.durable();
                    if whole || state.status.fenced {
                        return;
                    }
                }
                tokio::time::sleep(POLL).await;
            }
        };
        // What is not in then is said by the status.
        let _ = tokio::time::timeout(patience, done).await;
        if let Some(task) = &self.task {
            task.abort();
        }
        self.status()
    }
}

impl Drop for JournalShipper {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Ships what a world's journal has through `through`, which is durable here, before anybody else writes:
/// the end of what a process left behind that has ended. Behind a checkpoint at or after `covered` nothing
/// needs to be there.
///
/// # Errors
/// The disk cannot be read; the database does not answer, or refuses.
pub async fn ship_what_was_left(
    store: &Store,
    claim: &Claim,
    dir: &Path,
    through: Tick,
    covered: Option<Tick>,
) -> Result<(), ShipError> {
    #[cfg(feature = "faults")]
    crate::faults::lay_out(dir);
    let shipped = store.shipped(&claim.world).await?;
    let mut feed = ChunkFeed::new(dir, claim.epoch, shipped);
    while let Some(chunk) = feed.next(through, covered)?.chunk {
        match store.put_chunk(claim, &chunk).await? {
            PutChunk::Stored | PutChunk::Repeated => feed.done(&chunk),
            PutChunk::OutOfOrder => return Err(out_of_order(&chunk).into()),
        }
    }
    Ok(())
}

fn out_of_order(chunk: &JournalChunk) -> StoreError {
    let what = format!(
        "the database has something else at byte {} of the segment that begins with tick {} of epoch {}",
        chunk.start, chunk.first_tick, chunk.epoch.0
    );
    StoreError::Unstorable { what }
}

/// What the task does, one thing at a time.
#[cfg(feature = "faults")]
pub struct ShipHand(Carrier);

#[cfg(feature = "faults")]
impl ShipHand {
    /// One attempt to ship a piece.
    pub async fn turn(&mut self) {
        if self.0.shared.lock().status.fenced {
            return;
        }
        crate::faults::lay_out(&self.0.shipment.dir);
        if let Err(error) = self.0.attempt().await {
            self.0.failed(&error);
        }
    }

    /// A mistake: pieces are deleted through `tick`, whatever checkpoint is stored.
    pub async fn prune_before_it_is_stored(&self, tick: Tick) {
        let Shipment { store, claim, .. } = &self.0.shipment;
        let _whatever = store.prune_chunks(claim, tick).await;
    }
}

/// Why nothing was shipped.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's files.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The task.
struct Carrier {
    shared: Arc<Shared>,
    shipment: Shipment,
    options: ShipOptions,
    /// `None` until the database has said how far it is.
    feed: Option<ChunkFeed>,
    /// The one before that, while the database says nothing: how much waits is told by it.
    before: Option<ChunkFeed>,
    /// The checkpoint behind which pieces have been deleted.
    pruned: Option<Tick>,
}

impl Carrier {
    async fn run(mut self) {
        let mut pause = self.options.backoff_min;
        loop {
            let patience = self.options.attempt_timeout;
            let attempt = match tokio::time::timeout(patience, Box::pin(self.attempt())).await {
                Ok(done) => done,
                Err(_) => Err(timed_out(self.shipment.store.place(), patience).into()),
            };
            let wait = match attempt {
                Ok(more) => {
                    pause = self.options.backoff_min;
                    if more {
                        Duration::ZERO
                    } else {
                        self.options.period
                    }
                }
                Err(error) => {
                    if !self.failed(&error) {
                        return;
                    }
                    let wait = pause;
                    pause = (pause * 2).min(self.options.backoff_max);
                    wait
                }
            };
            let draining = self.shared.lock().draining;
            let wait = if draining {
                wait.min(self.options.backoff_min)
            } else {
                wait
            };
            if wait.is_zero() {
                // What else is to be written goes in between.
                tokio::task::yield_now().await;
            } else {
                let _ = tokio::time::timeout(wait, self.shared.hurry.notified()).await;
            }
        }
    }

    /// Ships one piece, if there is one; whether there may be more.
    async fn attempt(&mut self) -> Result<bool, ShipError> {
        let checkpoints = self.shipment.checkpoints.status();
        self.prune(checkpoints.oldest_kept).await?;
        // Before the files are looked at: what is durable now is in them.
        let durable = self.shipment.journal.durable();
        let covered = checkpoints.durable.max(Some(self.shipment.from));
        if self.feed.is_some() && durable <= self.shared.lock().status.through {
            return Ok(false);
        }
        let mut feed = match self.feed.take() {
            Some(feed) => feed,
            None => self.feed().await?,
        };
        self.before = Some(feed.clone());
        let look = move || {
            let fed = feed.next(durable, covered);
            (feed, fed)
        };
        // A disk that stands still must not hold up what else the runtime does.
        let (mut feed, fed) = match tokio::task::spawn_blocking(look).await {
            Ok(looked) => looked,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => return Ok(false),
            },
        };
        let fed = fed?;
        self.note_lag(durable, fed.behind_bytes);
        let Some(chunk) = fed.chunk else {
            self.feed = Some(feed);
            self.whole(durable, covered);
            return Ok(false);
        };
        let (store, claim) = (&self.shipment.store, &self.shipment.claim);
        match store.put_chunk(claim, &chunk).await? {
            PutChunk::Stored | PutChunk::Repeated => {
                feed.done(&chunk);
                self.feed = Some(feed);
                self.shipped(&chunk, durable);
            }
            // The database is asked again where it stands.
            PutChunk::OutOfOrder => {
                return Err(out_of_order(&chunk).into());
            }
        }
        Ok(true)
    }

    async fn feed(&self) -> Result<ChunkFeed, StoreError> {
        let Shipment {
            store, claim, dir, ..
        } = &self.shipment;
        let shipped = store.shipped(&claim.world).await?;
        Ok(ChunkFeed::new(dir, claim.epoch, shipped))
    }

    async fn prune(&mut self, oldest_kept: Option<Tick>) -> Result<(), StoreError> {
        let Some(covered) = oldest_kept.filter(|_| oldest_kept > self.pruned) else {
            return Ok(());
        };
        let (store, claim) = (&self.shipment.store, &self.shipment.claim);
        let gone = store.prune_chunks(claim, covered).await?;
        self.pruned = Some(covered);
        self.shared.lock().status.pruned += gone;
        Ok(())
    }

    fn note_lag(&self, durable: Tick, behind_bytes: u64) {
        let mut state = self.shared.lock();
        state.status.behind_bytes = behind_bytes;
        state.status.behind_ticks = durable.0.saturating_sub(state.status.through.0);
        if state.status.behind_ticks > 0 && state.behind_since.is_none() {
            state.behind_since = Some(now());
        }
    }

    fn shipped(&self, chunk: &JournalChunk, durable: Tick) {
        let mut state = self.shared.lock();
        let ours = chunk.epoch == self.shipment.claim.epoch;
        let status = &mut state.status;
        if ours {
            status.through = status.through.max(chunk.through.min(durable));
        }
        status.chunks += 1;
        status.bytes += chunk.bytes.len() as u64;
        status.behind_bytes = status.behind_bytes.saturating_sub(chunk.bytes.len() as u64);
        status.behind_ticks = durable.0.saturating_sub(status.through.0);
        status.failing = 0;
        status.last_error = None;
        if status.behind_ticks == 0 {
            state.behind_since = None;
        }
    }

    /// Nothing more is to be shipped of what was durable: the rest is behind a stored checkpoint, or
    /// has not been written yet.
    fn whole(&self, durable: Tick, covered: Option<Tick>) {
        let mut state = self.shared.lock();
        let status = &mut state.status;
        status.failing = 0;
        status.last_error = None;
        let covered = covered.unwrap_or_default().min(durable);
        status.through = status.through.max(covered);
        status.behind_ticks = durable.0.saturating_sub(status.through.0);
        if status.behind_ticks == 0 {
            state.behind_since = None;
        }
    }

    /// Notes a failure; whether to try again.
    fn failed(&mut self, error: &ShipError) -> bool {
        self.before = self.feed.take().or(self.before.take());
        tracing::warn!(%error, "journal not shipped");
        let durable = self.shipment.journal.durable();
        let waits = self.before.as_ref().and_then(ChunkFeed::behind_bytes);
        let mut state = self.shared.lock();
        state.status.behind_bytes = waits.unwrap_or(state.status.behind_bytes);
        state.status.failures += 1;
        state.status.failing += 1;
        state.status.last_error = Some(error.to_string());
        state.status.behind_ticks = durable.0.saturating_sub(state.status.through.0);
        if state.status.behind_ticks > 0 && state.behind_since.is_none() {
            state.behind_since = Some(now());
        }
        state.status.fenced |= matches!(error, ShipError::Store(StoreError::Fenced { .. }));
        !state.status.fenced
    }
}
