//! How far shipping has got, for the loop, the metrics and people.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_shared_protocol::Tick;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// State and counters, a copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShipStatus {
    /// Everything this epoch logged through this tick is in the database, or behind a checkpoint there.
    pub through: Tick,
    /// Ticks that are durable here and not there.
    pub behind_ticks: u64,
    /// What waits in the files, bytes.
    pub behind_bytes: u64,
    /// How long there has been something that waits, seconds.
    pub behind_s: f64,
    /// Pieces stored.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pieces deleted behind the oldest kept checkpoint.
    pub pruned: u64,
    /// Failed attempts since the start.
    pub failures: u64,
    /// Failed attempts in a row. Above 0, health is degraded.
    pub failing: u32,
    /// The last failure, kept until an attempt succeeds.
    pub last_error: Option<String>,
    /// A newer writer has the world: the server must stop.
    pub fenced: bool,
}

/// Reads a shipper's state from any thread.
#[derive(Clone, Debug)]
pub struct ShipMonitor {
    pub(super) shared: Arc<Shared>,
}

impl ShipMonitor {
    /// State and counters.
    #[must_use]
    pub fn status(&self) -> ShipStatus {
        self.shared.lock().seen_at(now())
    }

    /// As [`ShipStatus::through`].
    #[must_use]
    pub fn through(&self) -> Tick {
        self.shared.lock().status.through
    }

    /// Whether something has been waiting for as long as `limit`.
    #[must_use]
    pub fn is_behind(&self, limit: Duration) -> bool {
        let since = self.shared.lock().behind_since;
        since.is_some_and(|since| now().saturating_duration_since(since) >= limit)
    }

    /// As [`ShipStatus::fenced`].
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.shared.lock().status.fenced
    }
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Shutting down: try again now.
    pub(super) hurry: Notify,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) status: ShipStatus,
    /// Since when something waits.
    pub(super) behind_since: Option<Instant>,
    /// Shutting down: no long pauses any more.
    pub(super) draining: bool,
}

impl State {
    fn seen_at(&self, now: Instant) -> ShipStatus {
        let since = self.behind_since;
        let behind = since.map(|since| now.saturating_duration_since(since));
        ShipStatus {
            behind_s: behind.map_or(0.0, |behind| behind.as_secs_f64()),
            ..self.status.clone()
        }
    }
}

/// The clock of lags and pauses; no result depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "a driver of a database, not part of the tick"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
