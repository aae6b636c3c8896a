//! The worker that stores checkpoints while the world runs on.

use std::time::Duration;

use bluemarble_shared_protocol::Tick;

use crate::checkpoint::CheckpointImage;
use crate::store::{Claim, Store};

/// How the worker insists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Wait after the first failure; doubles with each further one.
    pub backoff_min: Duration,
    /// Longest wait between attempts.
    pub backoff_max: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(10),
        }
    }
}

/// What became of a submitted image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It waits for the worker.
    Queued,
    /// It waits in place of an older one that had not been begun.
    Replaced(Tick),
}

/// State and counters, a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointStatus {
    /// The newest checkpoint the store has confirmed.
    pub durable: Option<Tick>,
    /// The oldest checkpoint the store still keeps: prune the journal up to here.
    pub oldest_kept: Option<Tick>,
    /// An image is waiting or being written.
    pub busy: bool,
    /// A newer writer exists: the server must stop.
    pub fenced: bool,
    /// Checkpoints stored.
    pub saved: u64,
    /// Images replaced by a newer one before they were begun.
    pub replaced: u64,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Failed attempts in a row; 0 when the last one succeeded.
    pub failing: u32,
    /// The last failure, kept until an attempt succeeds.
    pub last_error: Option<String>,
    /// How long the last successful write took, microseconds.
    pub last_save_us: u64,
    /// Size of the last stored checkpoint, bytes.
    pub last_bytes: u64,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Everything that was submitted last is in the store.
    pub complete: bool,
    /// The state at the end.
    pub status: CheckpointStatus,
}

/// Reads a worker's state from any thread.
#[derive(Clone, Debug)]
pub struct CheckpointMonitor {}

impl CheckpointMonitor {
    /// See [`CheckpointWorker::status`].
    #[must_use]
    pub fn status(&self) -> CheckpointStatus {
        unimplemented!()
    }
}

/// Stores images in the background; owns its store.
#[derive(Debug)]
pub struct CheckpointWorker {}

impl CheckpointWorker {
    /// Starts the worker on `runtime`.
    #[must_use]
    pub fn start(
        runtime: &tokio::runtime::Handle,
        store: Store,
        claim: Claim,
        options: WorkerOptions,
    ) -> Self {
        let _ = (runtime, store, claim, options);
        unimplemented!()
    }

    /// Hands an image over; never blocks. Room for one that waits: the newest wins.
    pub fn submit(&self, image: CheckpointImage) -> Submitted {
        let _ = image;
        unimplemented!()
    }

    /// State and counters.
    #[must_use]
    pub fn status(&self) -> CheckpointStatus {
        unimplemented!()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn monitor(&self) -> CheckpointMonitor {
        unimplemented!()
    }

    /// Waits at most `patience` for what was submitted, closes the store, ends the worker.
    pub async fn drain(self, patience: Duration) -> Drained {
        let _ = patience;
        unimplemented!()
    }
}
