//! How much may be under way: CUBIC (RFC 9438, quinn's), but never less than a floor.
//!
//! When a line is dead for some seconds, what was sent stays "under way": nothing declares it lost. With
//! an ordinary window the sender is soon blocked, and when the line is back only the next probe timeout,
//! seconds later by then, finds out. Snapshots are worth nothing by that time. So the window has a floor
//! that a dead line does not fill: a second of the client's budget, and what the session logic sends
//! after that second (four datagrams a second until the idle timeout). The first datagram after the line
//! is back gets through and is acknowledged.
//!
//! What bounds its abuse: quinn's window is not what holds a session back, its budget is, and that
//! follows CUBIC's own window ([`FlooredCubic::path_window`]), without the floor. A peer that acknowledges
//! nothing, or pretends to be behind a bad line, is sent the floor once and four datagrams a second until
//! it is closed as lost; one that acknowledges what it never got is sent its budget, as everybody. To an
//! address that has not answered yet (before the handshake, or after a migration) QUIC's threefold limit
//! (RFC 9000, 8) applies before any window does.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, Cubic, CubicConfig};
use quinn_proto::RttEstimator;

/// Makes a [`FlooredCubic`] for every connection.
#[derive(Clone, Debug)]
pub struct SnapshotCongestion {
    floor_bytes: u64,
    cubic: Arc<CubicConfig>,
}

impl SnapshotCongestion {
    /// With this floor, bytes.
    #[must_use]
    pub fn with_floor(floor_bytes: u64) -> Self {
        Self {
            floor_bytes,
            cubic: Arc::new(CubicConfig::default()),
        }
    }
}

impl ControllerFactory for SnapshotCongestion {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(FlooredCubic {
            cubic: Cubic::new(self.cubic.clone(), now, current_mtu),
            floor_bytes: self.floor_bytes,
            under_way: 0,
        })
    }
}

/// CUBIC with a floor under its window.
#[derive(Clone, Debug)]
pub struct FlooredCubic {
    cubic: Cubic,
    floor_bytes: u64,
    /// Bytes under way, about.
    under_way: u64,
}

impl FlooredCubic {
    /// What CUBIC thinks the path takes per round trip, bytes.
    #[must_use]
    pub fn path_window(&self) -> u64 {
        self.cubic.window()
    }
}

impl Controller for FlooredCubic {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.under_way = self.under_way.saturating_add(bytes);
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        _app_limited: bool,
        rtt: &RttEstimator,
    ) {
        // With the floor quinn is never blocked and takes us for idle. What counts is whether CUBIC's
        // own window was in use; else it could shrink and never grow again.
        let unused = self.under_way.saturating_mul(2) < self.cubic.window();
        self.cubic.on_ack(now, sent, bytes, unused, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.under_way = in_flight;
        self.cubic
            .on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.under_way = self.under_way.saturating_sub(lost_bytes);
        self.cubic
            .on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.cubic.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.cubic.window().max(self.floor_bytes)
    }

    fn metrics(&self) -> ControllerMetrics {
        self.cubic.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window().max(self.floor_bytes)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn however_much_is_lost_the_window_keeps_its_floor_and_the_report_is_honest() {
        #[expect(
            clippy::disallowed_methods,
            reason = "an Instant cannot be made of a number"
        )]
        let began = Instant::now();
        let factory = Arc::new(SnapshotCongestion::with_floor(65_536));
        let mut controller = factory.build(began, 1_200);
        assert_eq!(controller.window(), 65_536);
        for n in 1..50_u64 {
            let at = began + Duration::from_millis(100 * n);
            controller.on_sent(at, 1_100, n);
            controller.on_congestion_event(at, at, true, 1_100);
        }
        assert_eq!(controller.window(), 65_536);
        let honest = controller.clone_box().into_any();
        let honest = honest.downcast::<FlooredCubic>().unwrap();
        assert_eq!(honest.path_window(), 2_400, "two packets");
        assert_eq!(honest.under_way, 0);
    }
}
