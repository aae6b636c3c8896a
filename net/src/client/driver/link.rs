//! A connection to a server that has been welcomed: QUIC and messages, nothing about the game.
//!
//! The stream is read by a task of its own into a bounded queue; when nobody empties it, QUIC's
//! flow control holds the server back.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bluemarble_shared_protocol::codec::{FieldVersion, Schema};
use bluemarble_shared_protocol::{
    ALPN, ALPN_PROBE, ClientMessage, CloseCode, LENGTH_PREFIX_BYTES, PROTOCOL_VERSION,
    ServerMessage, SessionId, Tick, Welcome, announced_length,
};
use bytes::Bytes;
use parking_lot::Mutex;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, TransportErrorCode};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::ended::{ConnectError, Disconnected};
use super::endpoint::{ClientEndpoint, Trust, quinn_config};

/// Messages that may wait for their reader.
const MESSAGES_WAITING_MAX: usize = 256;
/// TLS alert `no_application_protocol` (RFC 7301) as QUIC reports it.
const NO_APPLICATION_PROTOCOL: u8 = 120;
/// How long one handshake may take: after as long the server has given it up, too.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a client waits for its goodbye to be read.
const FAREWELL: Duration = Duration::from_millis(500);

/// Whom to connect to, and as whom.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The server's address.
    pub server: SocketAddr,
    /// The name its certificate must be for.
    pub server_name: String,
    /// Which certificates count.
    pub trust: Trust,
    /// The signed session ticket; it names the character.
    pub ticket: String,
    /// This program, for the server's log.
    pub client: String,
    /// From here to the server's first answer, at most.
    pub connect_timeout: Duration,
    /// How long to stand in line if the server is overloaded.
    pub queue_patience: Duration,
    /// The socket to use; a new one if `None`.
    pub endpoint: Option<ClientEndpoint>,
    /// The protocol to claim.
    pub dialect: Dialect,
}

impl ClientOptions {
    /// With the defaults for everything that has one.
    #[must_use]
    pub fn new(server: SocketAddr, server_name: &str, trust: Trust, ticket: String) -> Self {
        Self {
            server,
            server_name: server_name.to_owned(),
            trust,
            ticket,
            client: concat!("bluemarble-net ", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            queue_patience: Duration::from_secs(600),
            endpoint: None,
            dialect: Dialect::default(),
        }
    }
}

/// Which protocol a client claims to speak. Anything but the default is for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Offered in the TLS handshake.
    pub alpn: Vec<u8>,
    /// Said in the hello.
    pub protocol: u16,
    /// What it can read in snapshots, said in the hello.
    pub knows: Vec<FieldVersion>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            alpn: ALPN.to_vec(),
            protocol: PROTOCOL_VERSION,
            knows: Schema::known(),
        }
    }
}

/// A welcomed connection. Dropping it closes it without a goodbye.
#[derive(Debug)]
pub struct Link {
    connection: Connection,
    send: SendStream,
    messages: mpsc::Receiver<ServerMessage>,
    welcome: Welcome,
    token: TokenCell,
    schema: Schema,
}

/// The newest resume token; the reader of the stream puts it here.
type TokenCell = Arc<Mutex<Option<String>>>;

/// With what a client comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The newest token.
    pub token: String,
    /// The newest datagram taken, 0 if none, and which of the 32 before it.
    pub taken: (u64, u32),
    /// Number of the newest event taken, 0 if none.
    pub events: u64,
}

/// How somebody who came back was received.
#[derive(Debug)]
pub enum Received {
    /// Nothing was forgotten; snapshots go on with this number.
    Resumed {
        /// The new connection.
        link: Link,
        /// The next snapshot's number.
        next: u64,
    },
    /// The avatar is the same; the welcome is new, and all else has to be learned again.
    Afresh(Link),
}

impl Link {
    /// Connects, says hello, and waits for the welcome.
    ///
    /// # Errors
    /// [`ConnectError`]; its text is meant for the person at the keyboard.
    pub async fn connect(options: ClientOptions) -> Result<Self, ConnectError> {
        let in_line = options.queue_patience;
        let hello = ClientMessage::Hello {
            protocol: options.dialect.protocol,
            ticket: options.ticket.clone(),
            client: options.client.clone(),
            knows: options.dialect.knows.clone(),
        };
        let (mut hailed, mut answer) = greet(&options, &hello).await?;
        let mut last = 0;
        let line = async {
            loop {
                match answer {
                    Answer::Welcome(welcome, schema) => return Ok((welcome, schema)),
                    Answer::Queued(ahead) => {
                        tracing::info!(ahead, "the world is overloaded: standing in line");
                        last = ahead;
                        answer = hailed.answer().await?;
                    }
                    Answer::Resumed { .. } => {
                        return Err(ConnectError::Protocol(
                            "\"resumed\" in answer to a hello".to_owned(),
                        ));
                    }
                }
            }
        };
        let (welcome, schema) = timeout(in_line, line)
            .await
            .unwrap_or(Err(ConnectError::StillQueued { ahead: last }))?;
        Ok(hailed.enter(*welcome, schema))
    }

    /// Comes back after a connection was lost, as the player of `before`. Whoever is refused with
    /// [`CloseCode::NothingToResume`] can still [`Link::connect`].
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn resume(
        options: ClientOptions,
        back: Return,
        before: &Welcome,
    ) -> Result<Received, ConnectError> {
        let (newest, taken_before) = back.taken;
        let message = ClientMessage::Resume {
            protocol: options.dialect.protocol,
            token: back.token,
            newest,
            before: taken_before,
            events: back.events,
            client: options.client.clone(),
            knows: options.dialect.knows.clone(),
        };
        let (hailed, answer) = greet(&options, &message).await?;
        match answer {
            Answer::Welcome(welcome, schema) => {
                Ok(Received::Afresh(hailed.enter(*welcome, schema)))
            }
            Answer::Resumed {
                session,
                tick,
                next,
            } => {
                let welcome = Welcome {
                    session,
                    tick,
                    ..before.clone()
                };
                let schema = Schema::of_welcome(&welcome.fields)
                    .map_err(|mismatch| ConnectError::Protocol(mismatch.to_string()))?;
                let link = hailed.enter(welcome, schema);
                Ok(Received::Resumed { link, next })
            }
            Answer::Queued(_) => Err(ConnectError::Protocol(
                "whoever comes back does not stand in line".to_owned(),
            )),
        }
    }

    /// The newest resume token.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        self.token.lock().clone()
    }

    /// What the server said at the start.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// How the server writes snapshots for this client.
    #[must_use]
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Underneath: statistics, the remote address.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The next datagram.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn next_datagram(&self) -> Result<Bytes, Disconnected> {
        Ok(self.connection.read_datagram().await?)
    }

    /// A datagram that has arrived already, if any.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub fn waiting_datagram(&self) -> Result<Option<Bytes>, Disconnected> {
        let reading = pin!(self.next_datagram());
        match reading.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(datagram) => datagram.map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Sends a datagram, or drops it: never waits.
    ///
    /// # Errors
    /// [`Disconnected`] if there is no connection; a datagram the path is too narrow for is dropped.
    pub fn send_datagram(&self, bytes: Bytes) -> Result<(), Disconnected> {
        match self.connection.send_datagram(bytes) {
            Err(quinn::SendDatagramError::ConnectionLost(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes a message.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn send_message(&mut self, message: &ClientMessage) -> Result<(), Disconnected> {
        self.send_raw(&message.to_frame()).await
    }

    /// Writes bytes to the stream as they are. For tests that misbehave.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Disconnected> {
        match self.send.write_all(bytes).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended().await),
        }
    }

    /// A message that has arrived, if any.
    pub fn try_message(&mut self) -> Option<ServerMessage> {
        self.messages.try_recv().ok()
    }

    /// The next message; after the last one, why there are no more.
    ///
    /// # Errors
    /// [`Disconnected`].
    pub async fn next_message(&mut self) -> Result<ServerMessage, Disconnected> {
        match self.messages.recv().await {
            Some(message) => Ok(message),
            None => Err(self.ended().await),
        }
    }

    /// Waits for the end, however long that takes.
    pub async fn ended(&self) -> Disconnected {
        self.connection.closed().await.into()
    }

    /// Says goodbye and closes. Waits a moment for the goodbye to arrive, no longer.
    pub async fn close(mut self) {
        let farewell = async {
            let said = self
                .send
                .write_all(&ClientMessage::Goodbye.to_frame())
                .await;
            if said.is_ok() && self.send.finish().is_ok() {
                let _ = self.send.stopped().await;
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
        self.connection
            .close(CloseCode::Normal.number().into(), b"goodbye");
    }
}

/// A connection that has said hello.
struct Hailed {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    dialect: Dialect,
    token: TokenCell,
}

/// What a server answers to a good hello.
enum Answer {
    Welcome(Box<Welcome>, Schema),
    /// So many are ahead.
    Queued(u32),
    /// The last welcome still holds, but for these.
    Resumed {
        session: SessionId,
        tick: Tick,
        next: u64,
    },
}

/// Says the first message and waits for the answer. A handshake that a bad line has swallowed is begun
/// anew, as often as the time to connect allows.
async fn greet(
    options: &ClientOptions,
    first: &ClientMessage,
) -> Result<(Hailed, Answer), ConnectError> {
    let server = options.server;
    let no_answer = || ConnectError::NoAnswer { server };
    let one_try = async || {
        let mut hailed = timeout(HANDSHAKE, hail(options, first))
            .await
            .unwrap_or_else(|_| Err(no_answer()))?;
        let answer = hailed.answer().await?;
        Ok::<_, ConnectError>((hailed, answer))
    };
    let until_it_goes = async {
        loop {
            match one_try().await {
                Err(error) if error.is_of_the_line() => {
                    tracing::debug!(%error, "the handshake is begun anew");
                }
                result => return result,
            }
        }
    };
    timeout(options.connect_timeout, until_it_goes)
        .await
        .unwrap_or_else(|_| Err(no_answer()))
}

async fn hail(options: &ClientOptions, first: &ClientMessage) -> Result<Hailed, ConnectError> {
    let endpoint = match &options.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => ClientEndpoint::towards(options.server)?,
    };
    let connection = shake_hands(&endpoint, options).await?;
    let refused = |error: ConnectionError| ConnectError::Refused(error.into());
    let (mut send, recv) = connection.open_bi().await.map_err(refused)?;
    // If the server closes meanwhile, the reason is read with the answer.
    let _ = send.write_all(&first.to_frame()).await;
    Ok(Hailed {
        connection,
        send,
        recv,
        dialect: options.dialect.clone(),
        token: TokenCell::default(),
    })
}

impl Hailed {
    async fn answer(&mut self) -> Result<Answer, ConnectError> {
        let mut message = read_message(&mut self.recv).await;
        while let Ok(ServerMessage::Token { token, .. }) = message {
            *self.token.lock() = Some(token);
            message = read_message(&mut self.recv).await;
        }
        match message {
            Ok(ServerMessage::Welcome(welcome)) => match Schema::of_welcome(&welcome.fields) {
                Ok(schema) => Ok(Answer::Welcome(Box::new(welcome), schema)),
                Err(mismatch) => Err(ConnectError::Protocol(mismatch.to_string())),
            },
            Ok(ServerMessage::Queued { ahead }) => Ok(Answer::Queued(ahead)),
            Ok(ServerMessage::Resumed {
                session,
                tick,
                next,
            }) => Ok(Answer::Resumed {
                session,
                tick,
                next,
            }),
            Ok(ServerMessage::Closing { code, reason }) => {
                Err(ConnectError::Refused(Disconnected::ByServer {
                    code,
                    reason,
                }))
            }
            Ok(other) => Err(ConnectError::Protocol(format!(
                "{other:?} instead of a welcome"
            ))),
            Err(ReadError::Malformed(error)) => Err(ConnectError::Protocol(error)),
            Err(ReadError::Ended) => Err(match self.connection.closed().await.into() {
                Disconnected::ByServer {
                    code: CloseCode::ProtocolVersion,
                    reason,
                } => version_error(&self.dialect, reason),
                other => ConnectError::Refused(other),
            }),
        }
    }

    fn enter(self, welcome: Welcome, schema: Schema) -> Link {
        let (queue, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
        tokio::spawn(read_messages(
            self.connection.clone(),
            self.recv,
            queue,
            self.token.clone(),
        ));
        Link {
            connection: self.connection,
            send: self.send,
            messages,
            welcome,
            token: self.token,
            schema,
        }
    }
}

/// TLS, with an answer to every way in which it fails.
async fn shake_hands(
    endpoint: &ClientEndpoint,
    options: &ClientOptions,
) -> Result<Connection, ConnectError> {
    let error = match try_alpn(endpoint, options, &options.dialect.alpn).await? {
        Ok(connection) => return Ok(connection),
        Err(error) => error,
    };
    Err(match error {
        error if is_unknown_alpn(&error) => {
            version_error(&options.dialect, probe_version(endpoint, options).await)
        }
        ConnectionError::TimedOut => ConnectError::NoAnswer {
            server: options.server,
        },
        ConnectionError::TransportError(error) => ConnectError::Tls(error.to_string()),
        other => ConnectError::Refused(other.into()),
    })
}

async fn try_alpn(
    endpoint: &ClientEndpoint,
    options: &ClientOptions,
    alpn: &[u8],
) -> Result<Result<Connection, ConnectionError>, ConnectError> {
    let config = quinn_config(&options.trust, alpn)?;
    let connecting = endpoint
        .endpoint
        .connect_with(config, options.server, &options.server_name)
        .map_err(|error| ConnectError::Address {
            server: options.server,
            reason: error.to_string(),
        })?;
    Ok(connecting.await)
}

fn is_unknown_alpn(error: &ConnectionError) -> bool {
    let alert = TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL);
    match error {
        ConnectionError::ConnectionClosed(close) => close.error_code == alert,
        ConnectionError::TransportError(error) => error.code == alert,
        _ => false,
    }
}

fn version_error(dialect: &Dialect, server_says: String) -> ConnectError {
    let alpn = String::from_utf8_lossy(&dialect.alpn);
    let ours = format!("{alpn} (protocol {})", dialect.protocol);
    ConnectError::Version { ours, server_says }
}

/// Asks the server which version it speaks; in its words, or in ours if it does not say.
async fn probe_version(endpoint: &ClientEndpoint, options: &ClientOptions) -> String {
    let unsaid = "the server refuses that and does not say what it speaks".to_owned();
    let Ok(Ok(connection)) = try_alpn(endpoint, options, ALPN_PROBE).await else {
        return unsaid;
    };
    match connection.closed().await.into() {
        Disconnected::ByServer {
            code: CloseCode::ProtocolVersion,
            reason,
        } => reason,
        _ => unsaid,
    }
}

async fn read_messages(
    connection: Connection,
    mut recv: RecvStream,
    queue: mpsc::Sender<ServerMessage>,
    newest_token: TokenCell,
) {
    loop {
        match read_message(&mut recv).await {
            Ok(ServerMessage::Token { token, .. }) => *newest_token.lock() = Some(token),
            Ok(message) => {
                if queue.send(message).await.is_err() {
                    return;
                }
            }
            Err(ReadError::Ended) => return,
            Err(ReadError::Malformed(reason)) => {
                tracing::debug!(reason, "malformed message from the server");
                return connection.close(CloseCode::Malformed.number().into(), reason.as_bytes());
            }
        }
    }
}

enum ReadError {
    Ended,
    Malformed(String),
}

async fn read_message(recv: &mut RecvStream) -> Result<ServerMessage, ReadError> {
    let mut prefix = [0; LENGTH_PREFIX_BYTES];
    recv.read_exact(&mut prefix)
        .await
        .map_err(|_| ReadError::Ended)?;
    let malformed =
        |error: bluemarble_shared_protocol::MessageError| ReadError::Malformed(error.to_string());
    let mut body = vec![0; announced_length(prefix).map_err(malformed)?];
    recv.read_exact(&mut body)
        .await
        .map_err(|_| ReadError::Ended)?;
    ServerMessage::decode(&body).map_err(malformed)
}
