//! Two QUIC ends in virtual time: no sockets, no clock but the caller's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bluemarble_net::certs::{ServerIdentity, crypto_provider};
use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, Event,
    ServerConfig, TransportConfig,
};

/// One end, and what is under way to it.
pub struct End {
    pub endpoint: Endpoint,
    pub connection: Option<(ConnectionHandle, Connection)>,
    pub arriving: VecDeque<(Instant, BytesMut)>,
    pub connected: bool,
}

impl End {
    pub fn new(server: Option<ServerConfig>, seed: u8) -> Self {
        let config = Arc::new(EndpointConfig::default());
        Self {
            endpoint: Endpoint::new(config, server.map(Arc::new), false, Some([seed; 32])),
            connection: None,
            arriving: VecDeque::new(),
            connected: false,
        }
    }

    /// Takes in what has arrived, lets timers expire; gives what is to be sent.
    pub fn drive(&mut self, now: Instant, peer: SocketAddr) -> Vec<BytesMut> {
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

    pub fn send(&mut self, bytes: Bytes) {
        let (_, connection) = self.connection.as_mut().expect("connected");
        connection.datagrams().send(bytes, true).expect("it fits");
    }

    pub fn received(&mut self) -> usize {
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

/// Configurations of both ends, whose transport `adjust` has a say in.
pub fn configs(adjust: impl Fn(&mut TransportConfig)) -> (ServerConfig, ClientConfig) {
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
        adjust(&mut transport);
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
