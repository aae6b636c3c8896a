//! The driver's two clocks; everything else in this crate gets time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// For rates and deadlines.
#[expect(
    clippy::disallowed_methods,
    reason = "a QUIC driver owns its deadlines"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// For a ticket's expiry: Unix seconds.
#[expect(clippy::disallowed_methods, reason = "tickets expire in wall time")]
pub(super) fn unix_now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
