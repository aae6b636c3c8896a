//! Whether this program keeps up: a task that wants to wake every few milliseconds notes how late it is
//! woken. As late as that, a bot may answer; a run in which that is much measures the bench.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::run::now;

/// How often it wants to wake.
const PERIOD: Duration = Duration::from_millis(7);
/// Beyond this, a delay counts as this much, microseconds.
const LATE_US_MAX: u64 = 60_000_000;

/// How late it was woken, microseconds.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Mutex<Histogram<u64>>>);

fn unused() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATE_US_MAX, 3).expect("1 < 2 * highest, 3 digits <= 5")
}

impl Pulse {
    /// Beats on the current runtime until this and all its clones are gone.
    #[must_use]
    pub fn start() -> Self {
        let notes = Arc::new(Mutex::new(unused()));
        let weak = Arc::downgrade(&notes);
        tokio::spawn(async move {
            loop {
                let due = now() + PERIOD;
                tokio::time::sleep_until(due.into()).await;
                let late_us = now().saturating_duration_since(due).as_micros();
                let Some(notes) = weak.upgrade() else { return };
                notes
                    .lock()
                    .saturating_record(u64::try_from(late_us).unwrap_or(u64::MAX));
            }
        });
        Self(notes)
    }

    /// What was noted since the last call.
    #[must_use]
    pub fn take(&self) -> Histogram<u64> {
        std::mem::replace(&mut *self.0.lock(), unused())
    }
}
