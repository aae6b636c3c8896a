//! A QUIC client without manners: it connects as anybody, and says whatever its kind wants to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bluemarble_net::certs::{crypto_provider, load_certs};
use bluemarble_net::client::{ClientConfig as CoreConfig, ClientCore};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::limits::MESSAGE_BYTES_MAX;
use bluemarble_shared_protocol::{
    ALPN, ClientMessage, CloseCode, LENGTH_PREFIX_BYTES, PROTOCOL_VERSION, ServerMessage, Welcome,
};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};

use super::kind::Fate;

/// Silence after which it gives its connection up, as every client does.
const IDLE: Duration = Duration::from_secs(10);
/// What it calls itself.
const CLIENT: &str = "bluemarble-bench hostile";

fn transport(window: VarInt) -> anyhow::Result<Arc<quinn::TransportConfig>> {
    let mut transport = quinn::TransportConfig::default();
    transport
        .stream_receive_window(window)
        .receive_window(window)
        .max_idle_timeout(Some(IDLE.try_into()?));
    Ok(Arc::new(transport))
}

/// Where to, and with which TLS.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub server: SocketAddr,
    server_name: String,
    tls: quinn::ClientConfig,
}

impl Target {
    /// A server whose certificate is in `cert`.
    ///
    /// # Errors
    /// There is none.
    pub fn new(server: SocketAddr, server_name: &str, cert: &Path) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for cert in load_certs(cert)? {
            roots.add(cert)?;
        }
        let mut tls = rustls::ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        // What a client of ours offers: who does not read must not be able to blame a wide window.
        config.transport_config(transport(VarInt::try_from(2 * MESSAGE_BYTES_MAX as u64)?)?);
        Ok(Self {
            server,
            server_name: server_name.to_owned(),
            tls: config,
        })
    }

    /// The same, for one that lets the server send next to nothing that it has not read.
    ///
    /// # Errors
    /// None that happens: the idle timeout is one.
    pub fn narrow(&self) -> anyhow::Result<Self> {
        let mut narrow = self.clone();
        narrow
            .tls
            .transport_config(transport(VarInt::from_u32(256))?);
        Ok(narrow)
    }

    /// A socket, on a free port.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn socket(&self) -> anyhow::Result<quinn::Endpoint> {
        let any = match self.server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        quinn::Endpoint::client(SocketAddr::new(any, 0)).context("no UDP socket")
    }

    /// Begins a handshake with whoever is at `address`.
    pub fn knock_at(
        &self,
        socket: &quinn::Endpoint,
        address: SocketAddr,
    ) -> Option<quinn::Connecting> {
        socket
            .connect_with(self.tls.clone(), address, &self.server_name)
            .ok()
    }

    /// TLS, and the control stream.
    pub async fn connect(&self, socket: &quinn::Endpoint) -> Result<Wire, Fate> {
        let connecting = self.knock_at(socket, self.server).ok_or(Fate::Lost)?;
        let connection = connecting.await.map_err(|error| fate_of(&error))?;
        let (send, recv) = connection
            .open_bi()
            .await
            .map_err(|error| fate_of(&error))?;
        Ok(Wire {
            connection,
            send,
            recv,
        })
    }

    /// All the way in.
    pub async fn enter(&self, socket: &quinn::Endpoint, ticket: &str) -> Result<Inside, Fate> {
        let mut wire = self.connect(socket).await?;
        wire.say(&hello(ticket)).await?;
        wire.answer(None).await
    }
}

/// A good hello, if the ticket is.
pub fn hello(ticket: &str) -> ClientMessage {
    ClientMessage::Hello {
        protocol: PROTOCOL_VERSION,
        ticket: ticket.to_owned(),
        client: CLIENT.to_owned(),
        knows: Schema::known(),
    }
}

/// Coming back with a token, and with nothing left of what was seen.
pub fn resume(token: &str) -> ClientMessage {
    ClientMessage::Resume {
        protocol: PROTOCOL_VERSION,
        token: token.to_owned(),
        newest: 0,
        before: 0,
        events: 0,
        client: CLIENT.to_owned(),
        knows: Schema::known(),
    }
}

/// A connection with its control stream.
#[derive(Debug)]
pub struct Wire {
    /// Underneath.
    pub connection: Connection,
    /// To the server.
    pub send: SendStream,
    /// From it.
    pub recv: RecvStream,
}

/// A session.
#[derive(Debug)]
pub struct Inside {
    /// The connection.
    pub wire: Wire,
    /// The newest resume token.
    pub token: String,
    /// What the client knows of the world.
    pub core: ClientCore,
}

impl Wire {
    /// Says something.
    pub async fn say(&mut self, message: &ClientMessage) -> Result<(), Fate> {
        self.write(&message.to_frame()).await
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Fate> {
        match self.send.write_all(bytes).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.end().await),
        }
    }

    /// How it ends, however long that takes.
    pub async fn end(&self) -> Fate {
        fate_of(&self.connection.closed().await)
    }

    /// Waits for the welcome, or for being told that all goes on for who knew as much as `before`.
    pub async fn answer(mut self, mut before: Option<ClientCore>) -> Result<Inside, Fate> {
        let mut token = String::new();
        loop {
            match self.next_message().await {
                Some(ServerMessage::Token { token: newest, .. }) => token = newest,
                Some(ServerMessage::Welcome(welcome)) => {
                    let core = core_of(&welcome).ok_or(Fate::Lost)?;
                    return Ok(self.inside(token, core));
                }
                Some(ServerMessage::Resumed { .. }) => {
                    let core = before.take().ok_or(Fate::Lost)?;
                    return Ok(self.inside(token, core));
                }
                Some(_) => {}
                None => return Err(self.end().await),
            }
        }
    }

    fn inside(self, token: String, core: ClientCore) -> Inside {
        Inside {
            wire: self,
            token,
            core,
        }
    }

    async fn next_message(&mut self) -> Option<ServerMessage> {
        let mut prefix = [0; LENGTH_PREFIX_BYTES];
        self.recv.read_exact(&mut prefix).await.ok()?;
        let length = bluemarble_shared_protocol::announced_length(prefix).ok()?;
        let mut body = vec![0; length];
        self.recv.read_exact(&mut body).await.ok()?;
        ServerMessage::decode(&body).ok()
    }
}

fn core_of(welcome: &Welcome) -> Option<ClientCore> {
    let schema = Schema::of_welcome(&welcome.fields).ok()?;
    Some(ClientCore::new(CoreConfig::of_welcome(
        welcome, schema, None,
    )))
}

/// What an error says of the end.
pub fn fate_of(error: &ConnectionError) -> Fate {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let number = close.error_code.into_inner();
            CloseCode::from_number(number).map_or(Fate::ClosedOddly(number), Fate::Closed)
        }
        ConnectionError::ConnectionClosed(_) => Fate::Refused,
        _ => Fate::Lost,
    }
}
