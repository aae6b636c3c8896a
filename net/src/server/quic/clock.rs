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

/// Milliseconds since `began`.
pub(super) fn ms_since(began: Instant) -> u64 {
    let ms = now().saturating_duration_since(began).as_millis();
    u64::try_from(ms).unwrap_or(u64::MAX)
}

/// For a ticket's expiry: Unix seconds.
#[expect(clippy::disallowed_methods, reason = "tickets expire in wall time")]
pub(super) fn unix_now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
