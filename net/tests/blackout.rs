//! Two QUIC ends in virtual time, with a line between them that goes dead for five seconds: how soon
//! snapshots flow again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_net::certs::{ServerIdentity, crypto_provider};
use bluemarble_net::server::quic::SnapshotCongestion;
use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, Event,
    ServerConfig, TransportConfig,
};

const DELAY: Duration = Duration::from_millis(80);
const STEP: Duration = Duration::from_millis(1);

/// One end, and what is under way to it.
struct End {
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
    arriving: VecDeque<(Instant, BytesMut)>,
    connected: bool,
}

impl End {
    fn new(server: Option<ServerConfig>, seed: u8) -> Self {
        let config = Arc::new(EndpointConfig::default());
        Self {
            endpoint: Endpoint::new(config, server.map(Arc::new), false, Some([seed; 32])),
            connection: None,
            arriving: VecDeque::new(),
            connected: false,
        }
    }

    /// Takes in what has arrived, lets timers expire; gives what is to be sent.
    fn drive(&mut self, now: Instant, peer: SocketAddr) -> Vec<BytesMut> {
        let mut out = Vec::new();
        let mut buffer = Vec::new();
        while self.arriving.front().is_some_and(|(at, _)| *at <= now) {
            let (_, bytes) = self.arriving.pop_front().expect("there is one");
            buffer.clear();
            let event = self
                .endpoint
                .handle(now, peer, None, None, bytes, &mut buffer);
            match event {
                Some(DatagramEvent::ConnectionEvent(_, event)) => {
                    if let Some((_, connection)) = &mut self.connection {
                        connection.handle_event(event);
                    }
                }
                Some(DatagramEvent::NewConnection(incoming)) => {
                    let mut buffer = Vec::new();
                    let accepted = self.endpoint.accept(incoming, now, &mut buffer, None);
                    self.connection = Some(accepted.expect("a good handshake"));
                }
                Some(DatagramEvent::Response(transmit)) => {
                    out.push(BytesMut::from(&buffer[..transmit.size]));
                }
                None => {}
            }
        }
        let Some((handle, connection)) = &mut self.connection else {
            return out;
        };
        if connection.poll_timeout().is_some_and(|at| at <= now) {
            connection.handle_timeout(now);
        }
        while let Some(event) = connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                connection.handle_event(event);
            }
        }
        while let Some(event) = connection.poll() {
            match event {
                Event::Connected => self.connected = true,
                Event::ConnectionLost { reason } => panic!("lost: {reason}"),
                _ => {}
            }
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = connection.poll_transmit(now, 1, &mut buffer) {
            out.push(BytesMut::from(&buffer[..transmit.size]));
            buffer.clear();
        }
        out
    }

    fn send(&mut self, bytes: Bytes) {
        let (_, connection) = self.connection.as_mut().expect("connected");
        connection.datagrams().send(bytes, true).expect("it fits");
    }

    fn received(&mut self) -> usize {
        let (_, connection) = self.connection.as_mut().expect("connected");
        std::iter::from_fn(|| connection.datagrams().recv()).count()
    }
}

fn unix_now_s() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "certificates are checked against wall time"
    )]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

fn configs(floor_bytes: Option<u64>) -> (ServerConfig, ClientConfig) {
    let folder = tempfile::tempdir().expect("a folder");
    let identity =
        ServerIdentity::load_or_create_development(folder.path(), unix_now_s()).expect("keys");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(identity.chain[0].clone()).expect("a certificate");
    let versions = [&rustls::version::TLS13];
    let server = rustls::ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&versions)
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .expect("key and certificate");
    let client = rustls::ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&versions)
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let transport = || {
        let mut transport = TransportConfig::default();
        transport
            .datagram_send_buffer_size(4 * 1_228)
            .datagram_receive_buffer_size(Some(32 * 1_228));
        if let Some(floor_bytes) = floor_bytes {
            let congestion = SnapshotCongestion::with_floor(floor_bytes);
            transport.congestion_controller_factory(Arc::new(congestion));
        }
        Arc::new(transport)
    };
    let crypto = QuicServerConfig::try_from(server).expect("a QUIC suite");
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server.transport_config(transport());
    let crypto = QuicClientConfig::try_from(client).expect("a QUIC suite");
    let mut client = ClientConfig::new(Arc::new(crypto));
    client.transport_config(transport());
    (server, client)
}

/// Plays, with the line dead from 3 s to 8 s; how long after that the first snapshot arrives, and the
/// second in which the last one of the client's answers does.
fn snapshots_flow_again_after(floor_bytes: Option<u64>) -> (Duration, Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant cannot be made of a number; from here on time is counted"
    )]
    let began = Instant::now();
    let (server_config, client_config) = configs(floor_bytes);
    let (mut server, mut client) = (End::new(Some(server_config), 1), End::new(None, 2));
    let at_server: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let at_client: SocketAddr = "127.0.0.1:2".parse().expect("an address");
    let connecting = client
        .endpoint
        .connect(began, client_config, at_server, "localhost");
    client.connection = Some(connecting.expect("a good name"));
    let (dead_from, dead_to) = (Duration::from_secs(3), Duration::from_secs(8));
    let (mut snapshot_at, mut answer_at) = (None, None);
    let mut heard_ms = 0;
    for ms in 0..20_000_u64 {
        let now = began + STEP * u32::try_from(ms).expect("20 s");
        let dead = (dead_from..dead_to).contains(&(now - began));
        let from_server = server.drive(now, at_client);
        let from_client = client.drive(now, at_server);
        if !dead {
            let due = now + DELAY;
            client
                .arriving
                .extend(from_server.into_iter().map(|bytes| (due, bytes)));
            server
                .arriving
                .extend(from_client.into_iter().map(|bytes| (due, bytes)));
        }
        if !(server.connected && client.connected) {
            assert!(ms < 2_000, "no handshake");
            heard_ms = ms;
            continue;
        }
        if server.received() > 0 {
            heard_ms = ms;
            if now - began > dead_to {
                answer_at.get_or_insert(now);
            }
        }
        // As the session logic: every tick, four a second to a quiet client.
        let quiet = ms - heard_ms > 1_000;
        if ms % if quiet { 250 } else { 50 } == 0 {
            server.send(Bytes::from(vec![0; 1_100]));
        }
        let snapshots = client.received();
        if snapshots > 0 {
            if now - began > dead_to {
                snapshot_at.get_or_insert(now);
            }
            client.send(Bytes::from_static(&[0; 60]));
        }
    }
    let since = |at: Option<Instant>| at.expect("in twelve seconds") - (began + dead_to);
    (since(snapshot_at), since(answer_at))
}

#[test]
fn snapshots_flow_again_within_a_second_of_a_line_that_was_dead_for_five() {
    let (snapshot, answer) = snapshots_flow_again_after(Some(64 * 1024));
    assert!(snapshot < Duration::from_millis(400), "{snapshot:?}");
    assert!(answer < Duration::from_millis(600), "{answer:?}");
}

/// Why the window has a floor: with quinn's own the sender is blocked by what never arrived, and the
/// next probe timeout is far off by then.
#[test]
fn without_the_floor_they_do_not() {
    let (snapshot, _) = snapshots_flow_again_after(None);
    assert!(snapshot > Duration::from_secs(1), "{snapshot:?}");
}
