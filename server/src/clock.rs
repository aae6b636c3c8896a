//! The program's clock: the one place that asks the system what time it is, so that everything
//! else is handed a number.

use std::time::{Duration, Instant};

/// Monotonic time since the program began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's edge: time enters here"
    )]
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Since the start.
    pub fn elapsed(self) -> Duration {
        self.origin.elapsed()
    }

    /// Nanoseconds since the start; wraps after five centuries.
    pub fn now_ns(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long the calling thread has computed so far, nanoseconds. What else the machine does
    /// meanwhile does not count. Where the system does not tell: [`Clock::now_ns`].
    pub fn thread_work_ns(self) -> u64 {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{ClockId, clock_gettime};
            let used = clock_gettime(ClockId::ThreadCPUTime);
            let (s, ns) = (used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs());
            s.wrapping_mul(1_000_000_000).wrapping_add(ns)
        }
        #[cfg(not(target_os = "linux"))]
        self.now_ns()
    }

    /// Milliseconds since the start.
    pub fn now_ms(self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Seconds since 1970 by the wall clock; 0 before that.
pub fn unix_seconds() -> u64 {
    unix_ms() / 1_000
}

/// Milliseconds since 1970 by the wall clock; 0 before that.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's edge: wall time enters here"
)]
pub fn unix_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
