//! The runtime that quinn asks for tasks, sockets and alarms: tokio, but alarms of a tick's order may ring
//! late, so that one packet goes each way per tick.
//!
//! What arrives is acknowledged by the next packet that is sent anyway, or after 25 ms (RFC 9000, 18.2:
//! what both ends assume where nothing else is said). A tick is longer: on a path that is shorter than the
//! rest of it, the acknowledgement went alone; and at the other end the probe timeout, 25 ms and the round
//! trip, rang at the same moment and sent a probe, which had to be acknowledged at once (RFC 9002, 6.2).
//! Each alarm that nobody needed cost both sides a packet and a wake. QUIC lets the delay be negotiated
//! (draft-ietf-quic-ack-frequency), but quinn never asks for more than the round trip, and the paths in
//! question are short.
//!
//! So alarms that are due in [`SHORT`] to [`LONG`] ring [`SLACK`] later, at both ends. Whatever happens
//! to a connection meanwhile (a packet comes, a datagram is sent) is seen to with every alarm that is
//! due, and in play something happens every tick. The price: the other end takes what an
//! acknowledgement came later than 25 ms for a longer path; a message that was lost on a short path is
//! repeated up to [`SLACK`] later; a peer whose own alarms are punctual may probe in vain, as it did before.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use tokio::time::Sleep;

/// An alarm this near rings when it is due: pacing, a loss on a short path.
const SHORT: Duration = Duration::from_millis(10);
/// An alarm this far, too: a probe on a long path, a connection that is idle.
const LONG: Duration = Duration::from_millis(100);
/// How late the others may ring: a tick of 20 Hz, which with QUIC's own 25 ms is longer than a tick and what it
/// takes to send it to everybody.
const SLACK: Duration = Duration::from_millis(50);

/// Tokio, with alarms that may ring late.
#[derive(Debug)]
pub(crate) struct LateAlarms;

impl Runtime for LateAlarms {
    fn new_timer(&self, due: Instant) -> Pin<Box<dyn AsyncTimer>> {
        let sleep = tokio::time::sleep_until(rings_at(due, TokioRuntime.now()).into());
        Box::pin(Alarm(Box::pin(sleep)))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// One connection's alarm.
#[derive(Debug)]
struct Alarm(Pin<Box<Sleep>>);

impl AsyncTimer for Alarm {
    fn reset(mut self: Pin<&mut Self>, due: Instant) {
        let at = rings_at(due, TokioRuntime.now());
        self.0.as_mut().reset(at.into());
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Future::poll(self.0.as_mut(), cx)
    }
}

/// When an alarm rings that was set at `now`.
fn rings_at(due: Instant, now: Instant) -> Instant {
    let wait = due.saturating_duration_since(now);
    if (SHORT..LONG).contains(&wait) {
        due + SLACK
    } else {
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alarms_of_a_ticks_order_ring_late() {
        let now = TokioRuntime.now();
        let late_by = |wait_ms| {
            let due = now + Duration::from_millis(wait_ms);
            rings_at(due, now) - due
        };
        for (wait_ms, late) in [
            (0, Duration::ZERO),
            (9, Duration::ZERO),
            (10, SLACK),
            (25, SLACK),
            (99, SLACK),
            (100, Duration::ZERO),
            (10_000, Duration::ZERO),
        ] {
            assert_eq!(late_by(wait_ms), late, "{wait_ms} ms");
        }
        let overdue = now - Duration::from_millis(5);
        assert_eq!(rings_at(overdue, now), overdue);
    }
}
