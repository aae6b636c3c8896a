//! What the QUIC driver counts: every refusal and close by reason, every drop by queue, and bytes.
//! Plain atomics; whoever serves metrics reads them when asked.

use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_shared_protocol::CloseCode;

/// One counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Its value.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn one_more(&self) {
        self.add(1);
    }
}

/// Counters of one server's lifetime.
#[derive(Debug, Default)]
pub struct QuicStats {
    /// First packets of would-be connections.
    pub incoming: Counter,
    /// Turned away before TLS because too many handshakes were under way, or while stopping.
    pub refused_busy: Counter,
    /// Turned away before TLS because too many handshakes of their address were under way.
    pub refused_address: Counter,
    /// Told to prove their address first.
    pub retries: Counter,
    /// Changes of certificate and keys while running.
    pub reloads: Counter,
    /// TLS handshakes that failed for a reason other than the ALPN.
    pub handshake_failed: Counter,
    /// TLS handshakes that failed because no offered ALPN is known here.
    pub wrong_alpn: Counter,
    /// Sessions that came through WebTransport.
    pub web_opened: Counter,
    /// WebTransport handshakes that failed after TLS.
    pub web_failed: Counter,
    /// Clients that came back with a good resume token.
    pub tokens_in: Counter,
    /// Resume tokens given out.
    pub tokens_out: Counter,
    /// Sessions that got past the hello.
    pub opened: Counter,
    /// Sessions that have ended, for whatever reason.
    pub ended: Counter,
    /// Connections that the peer closed or dropped before its hello was accepted.
    pub abandoned: Counter,
    /// Connections that went silent for longer than the idle timeout.
    pub timed_out: Counter,
    /// Connections the peer closed itself.
    pub closed_by_peer: Counter,
    /// Datagrams read from sessions.
    pub datagrams_in: Counter,
    /// Datagrams handed to QUIC.
    pub datagrams_out: Counter,
    /// Datagrams dropped because the event queue was full.
    pub dropped_in: Counter,
    /// Outgoing datagrams dropped with a batch that was overtaken by newer ones.
    pub dropped_out: Counter,
    /// Outgoing datagrams QUIC refused: too large for the path, or the connection just ended.
    pub unsendable: Counter,
    /// UDP payload bytes received on connections that have ended.
    pub(super) ended_rx_bytes: Counter,
    /// UDP payload bytes sent on connections that have ended.
    pub(super) ended_tx_bytes: Counter,
    closed: ByCode,
}

/// A counter per [`CloseCode`].
#[derive(Debug, Default)]
struct ByCode([Counter; CloseCode::ALL.len()]);

impl QuicStats {
    /// How many connections this side closed with `code`.
    #[must_use]
    pub fn closed(&self, code: CloseCode) -> u64 {
        self.closed.of(code).value()
    }

    /// Every count by name, close codes as `closed_<label>`, in a fixed order.
    pub fn each(&self, mut see: impl FnMut(&str, u64)) {
        let named = [
            ("incoming", &self.incoming),
            ("refused_busy", &self.refused_busy),
            ("refused_address", &self.refused_address),
            ("retries", &self.retries),
            ("reloads", &self.reloads),
            ("handshake_failed", &self.handshake_failed),
            ("wrong_alpn", &self.wrong_alpn),
            ("web_opened", &self.web_opened),
            ("web_failed", &self.web_failed),
            ("tokens_in", &self.tokens_in),
            ("tokens_out", &self.tokens_out),
            ("opened", &self.opened),
            ("ended", &self.ended),
            ("abandoned", &self.abandoned),
            ("timed_out", &self.timed_out),
            ("closed_by_peer", &self.closed_by_peer),
            ("datagrams_in", &self.datagrams_in),
            ("datagrams_out", &self.datagrams_out),
            ("dropped_in", &self.dropped_in),
            ("dropped_out", &self.dropped_out),
            ("unsendable", &self.unsendable),
        ];
        for (name, counter) in named {
            see(name, counter.value());
        }
        for code in CloseCode::ALL {
            see(&format!("closed_{}", code.label()), self.closed(code));
        }
    }

    pub(super) fn count_close(&self, code: CloseCode) {
        self.closed.of(code).one_more();
    }
}

impl ByCode {
    fn of(&self, code: CloseCode) -> &Counter {
        let at = CloseCode::ALL.iter().position(|known| *known == code);
        &self.0[at.expect("ALL holds every code")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_has_its_own_counter_and_name() {
        let stats = QuicStats::default();
        for code in CloseCode::ALL {
            stats.count_close(code);
        }
        stats.count_close(CloseCode::Flooding);
        assert_eq!(stats.closed(CloseCode::Flooding), 2);
        assert_eq!(stats.closed(CloseCode::Internal), 1);
        let mut names = Vec::new();
        stats.each(|name, _| names.push(name.to_owned()));
        assert!(names.contains(&"closed_flooding".to_owned()));
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
