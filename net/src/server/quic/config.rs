//! The driver's configuration and bounds, and what becomes of them: the TLS and transport
//! parameters of every connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_shared_protocol::limits::{DATAGRAM_BYTES_MAX, MESSAGE_BYTES_MAX};
use bluemarble_shared_protocol::{ALPN, ALPN_PROBE};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{IdleTimeout, TransportConfig, VarInt};

use super::BindError;
use super::congestion::SnapshotCongestion;
use super::wire::ALPN_WEB;
use crate::bans::BanList;
use crate::certs::{ServerIdentity, crypto_provider};
use crate::resume_tokens::ResumeTokens;
use crate::tickets::TicketVerifier;

/// Unidirectional streams that a client may open from the start. HTTP/3 demands three in the transport
/// parameters (RFC 9114, 6.2; Chromium breaks off when it finds fewer), and they are sent before it is known
/// who speaks it. Natively one has no meaning, and whoever opens it is closed with `Unexpected`.
const UNI_STREAMS: u32 = 3;

/// What a [`super::QuicServer`] needs.
#[derive(Clone)]
pub struct QuicConfig {
    /// UDP address to listen on.
    pub addr: SocketAddr,
    /// Certificate chain and key.
    pub identity: ServerIdentity,
    /// Whose tickets are good.
    pub tickets: TicketVerifier,
    /// With what clients come back.
    pub resume: ResumeTokens,
    /// Who may not come in, whatever their ticket.
    pub bans: BanList,
    /// Bounds.
    pub limits: QuicLimits,
}

/// Bounds of the driver. The defaults are tuned for thousands of players at 20 Hz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuicLimits {
    /// Most sessions at a time; each costs about 44 KiB in QUIC. Beyond: `ServerFull`.
    pub sessions_max: usize,
    /// Most connections that have not said a good hello yet: what strangers can make us hold.
    /// Beyond, they are refused before TLS.
    pub handshakes_max: usize,
    /// With more handshakes under way than this, an address has to prove that it is one (a stateless
    /// retry, RFC 9000, 8.1.2) before anything is kept for it: one more round trip for honest
    /// clients, no memory for forged addresses.
    pub retry_from: usize,
    /// Most connections of one address (of one /64 for IPv6) that have not said a good hello: nobody
    /// takes the doorway alone. Beyond, and before TLS, they are refused; beyond half of it they have
    /// to prove their address.
    pub handshakes_per_address_max: usize,
    /// Most sessions of one address. Beyond: `TooMany`. The default is for servers whose players share
    /// few addresses, a load generator's for example.
    pub sessions_per_address_max: usize,
    /// Most characters of one account that are connected at once, if tickets name accounts. Beyond:
    /// `TooMany`. No bound by default.
    pub sessions_per_account_max: usize,
    /// Hellos of one character in the long run, per second. Beyond: `Flooding`.
    pub hellos_per_s: u32,
    /// Hellos of one character at once.
    pub hellos_burst: u32,
    /// From the first packet to a good hello, at most. Beyond: `HandshakeTimeout`.
    pub hello_timeout: Duration,
    /// Silence after which a connection counts as lost.
    pub idle_timeout: Duration,
    /// How often an otherwise silent connection is kept alive.
    pub keep_alive: Duration,
    /// Most events waiting for the loop. Beyond, datagrams are dropped and counted, a peer with a
    /// message or a hello is closed with `Overloaded`, and "closed" waits: it is never lost.
    pub events_max: usize,
    /// Most messages waiting for one session's stream. Beyond: `Overloaded`.
    pub messages_queued_max: usize,
    /// Most batches of outgoing datagrams waiting. Beyond, the oldest is dropped: newest wins.
    pub batches_max: usize,
    /// Outgoing datagrams that may wait inside one connection: two ticks' worth of the byte budget,
    /// at least. Anything older is stale, and quinn drops the oldest first.
    pub datagrams_waiting_max: usize,
    /// Stream messages a session may send in the long run, per second. Beyond: `Flooding`.
    pub messages_per_s: u32,
    /// Stream messages a session may send at once.
    pub messages_burst: u32,
    /// Datagrams a session may send in the long run, per second. Beyond: `Flooding`.
    pub datagrams_per_s: u32,
    /// Datagrams a session may send at once, after a stall of its line for example.
    pub datagrams_burst: u32,
    /// How long a good hello waits for a world that is waking. Beyond: `Overloaded`.
    pub world_wait: Duration,
    /// Least congestion window, bytes: a second of a client's snapshots, and what is sent to a dead
    /// line until it is given up. What bounds its abuse is said in `congestion.rs`.
    pub window_floor_bytes: u64,
    /// How often the session logic hears what a path takes.
    pub path_period: Duration,
    /// How long a resume token is good; a session gets a new one when half of that is over. Should be
    /// longer than an avatar waits for its owner.
    pub resume_valid: Duration,
    /// How long a closing session may take to hear why.
    pub farewell: Duration,
}

impl Default for QuicLimits {
    fn default() -> Self {
        Self {
            sessions_max: 4_096,
            handshakes_max: 512,
            retry_from: 128,
            handshakes_per_address_max: 256,
            sessions_per_address_max: usize::MAX,
            sessions_per_account_max: usize::MAX,
            hellos_per_s: 1,
            hellos_burst: 20,
            hello_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(3),
            events_max: 32_768,
            messages_queued_max: 64,
            batches_max: 2,
            datagrams_waiting_max: CLIENT_DATAGRAMS_WAITING,
            messages_per_s: 20,
            messages_burst: 60,
            datagrams_per_s: 400,
            datagrams_burst: 800,
            // Below the ten seconds a client waits for its welcome, so that it hears why.
            world_wait: Duration::from_secs(8),
            window_floor_bytes: 64 * 1024,
            path_period: Duration::from_millis(200),
            resume_valid: Duration::from_secs(900),
            farewell: Duration::from_millis(500),
        }
    }
}

/// A client's least congestion window, bytes: its intents of some seconds.
pub(crate) const CLIENT_WINDOW_FLOOR_BYTES: u64 = 16 * 1024;
/// Outgoing datagrams that may wait inside a client's connection: a few ticks' intents.
pub(crate) const CLIENT_DATAGRAMS_WAITING: usize = 4;
/// Received datagrams that may wait for their reader; it only ever lags when the machine does.
const DATAGRAMS_WAITING_IN: usize = 32;
/// What quinn counts for each waiting datagram beside its bytes, generously.
const DATAGRAM_OVERHEAD_BYTES: usize = 128;

/// What may come from somebody between the first packet and its acceptance, bytes: a first flight, and
/// some impatience. quinn's own bound is 10 MiB.
const INCOMING_BYTES_MAX: u64 = 16 * 1024;

/// What a round trip is taken for before one was measured. With the 333 ms that RFC 9002 (6.2.2) recommends a
/// first packet that is lost is sent again after 1, 3 and 7 s, so that a burst of losses eats the five
/// seconds of a handshake; with this, after 0.3, 0.9, 2.1 and 4.5 s. On a longer line it costs a few packets sent
/// twice.
pub const INITIAL_RTT: Duration = Duration::from_millis(100);

/// quinn's configuration for a server with this certificate.
pub(super) fn quinn_config(
    identity: &ServerIdentity,
    limits: &QuicLimits,
) -> Result<quinn::ServerConfig, BindError> {
    let refuse = |reason: String| BindError::Identity { reason };
    let mut tls = rustls::ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| refuse(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(|error| refuse(error.to_string()))?;
    tls.alpn_protocols = vec![ALPN.to_vec(), ALPN_WEB.to_vec(), ALPN_PROBE.to_vec()];
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| refuse(error.to_string()))?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server
        .max_incoming(limits.handshakes_max)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_MAX * limits.handshakes_max as u64);
    let mut transport = bounded_transport(
        limits.idle_timeout,
        limits.keep_alive,
        limits.datagrams_waiting_max,
        limits.window_floor_bytes,
    );
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS));
    server.transport_config(Arc::new(transport));
    Ok(server)
}

/// The transport parameters both ends share: one small stream window, no unidirectional streams,
/// few datagrams waiting in either direction.
pub(crate) fn bounded_transport(
    idle_timeout: Duration,
    keep_alive: Duration,
    datagrams_waiting_max: usize,
    window_floor_bytes: u64,
) -> TransportConfig {
    let message = u32::try_from(MESSAGE_BYTES_MAX).expect("a message is far shorter than 4 GiB");
    let window = VarInt::from_u32(2 * message);
    let datagram = DATAGRAM_BYTES_MAX + DATAGRAM_OVERHEAD_BYTES;
    let mut transport = TransportConfig::default();
    transport
        .initial_rtt(INITIAL_RTT)
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(window)
        .receive_window(window)
        .send_window(u64::from(2 * message))
        .datagram_send_buffer_size(datagrams_waiting_max * datagram)
        .datagram_receive_buffer_size(Some(DATAGRAMS_WAITING_IN * datagram))
        .congestion_controller_factory(Arc::new(SnapshotCongestion::with_floor(window_floor_bytes)))
        .keep_alive_interval(Some(keep_alive))
        .max_idle_timeout(Some(
            IdleTimeout::try_from(idle_timeout).expect("a timeout is far shorter than 2^62 ms"),
        ));
    transport
}
