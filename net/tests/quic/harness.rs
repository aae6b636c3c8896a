//! A real server on a free loopback port, with a stand-in for the session logic that welcomes
//! everybody, answers card requests and echoes datagrams; and clients good and bad.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bluemarble_net::bans::BanList;
use bluemarble_net::certs::{ServerIdentity, crypto_provider};
use bluemarble_net::client::{ClientOptions, ConnectError, Link, Trust};
use bluemarble_net::resume_tokens::ResumeTokens;
use bluemarble_net::server::event::{SessionCommand, SessionEvent};
use bluemarble_net::server::quic::{QuicConfig, QuicLimits, QuicServer};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys, TicketVerifier};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    Card, ClientMessage, EntityId, Epoch, ServerMessage, SessionId, Tick, Welcome,
};
use bytes::Bytes;
use crossbeam_channel::Receiver;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

pub const WORLD: &str = "testland";
const SAFETY: Duration = Duration::from_secs(20);

pub struct World {
    pub server: QuicServer,
    pub addr: SocketAddr,
    pub trust: Trust,
    pub issuer: TicketIssuer,
    pub folder: tempfile::TempDir,
    /// What the session logic saw, as short texts.
    pub log: Receiver<String>,
}

pub fn unix_now_s() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "tickets of a real server expire in wall time"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl World {
    pub fn with(limits: QuicLimits) -> Self {
        let (world, events) = Self::without_logic(limits);
        let server = world.server.clone();
        let (log, seen) = crossbeam_channel::unbounded();
        std::thread::spawn(move || {
            for event in events {
                let _ = log.send(describe(&event));
                answer(&server, event);
            }
        });
        Self { log: seen, ..world }
    }

    /// Nobody empties the event queue but the test.
    pub fn without_logic(limits: QuicLimits) -> (Self, Receiver<SessionEvent>) {
        let folder = tempfile::tempdir().unwrap();
        let identity =
            ServerIdentity::load_or_create_development(folder.path(), unix_now_s()).unwrap();
        let keys = TicketKeys::load_or_create(folder.path()).unwrap();
        let (cert, _) = ServerIdentity::paths(folder.path());
        let config = QuicConfig {
            addr: "127.0.0.1:0".parse().unwrap(),
            identity,
            tickets: TicketVerifier::from_pem(&keys.public_pem, WORLD).unwrap(),
            resume: ResumeTokens::load_or_create(folder.path()).unwrap(),
            bans: BanList::default(),
            limits,
        };
        let (server, events) = QuicServer::bind(config).unwrap();
        let world = Self {
            addr: server.local_addr().unwrap(),
            server,
            trust: Trust::file(&cert).unwrap(),
            issuer: TicketIssuer::from_pem(&keys.private_pem, WORLD).unwrap(),
            folder,
            log: crossbeam_channel::never(),
        };
        (world, events)
    }

    pub fn ticket(&self, character: &str) -> String {
        self.issuer
            .issue(&CharacterName::parse(character).unwrap(), unix_now_s(), 600)
    }

    pub fn options(&self, ticket: String) -> ClientOptions {
        ClientOptions::new(self.addr, "localhost", self.trust.clone(), ticket)
    }

    pub async fn enter(&self, character: &str) -> Result<Link, ConnectError> {
        Link::connect(self.options(self.ticket(character))).await
    }

    /// A QUIC connection that says nothing.
    pub async fn silent(&self) -> quinn::Connection {
        self.connection_of(b"bluemarble/2").await
    }

    /// The same, of another ALPN.
    pub async fn connection_of(&self, alpn: &[u8]) -> quinn::Connection {
        let (cert, _) = ServerIdentity::paths(self.folder.path());
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(cert).unwrap())
            .unwrap();
        let mut tls = rustls::ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![alpn.to_vec()];
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
        let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(crypto));
        endpoint
            .connect_with(config, self.addr, "localhost")
            .unwrap()
            .await
            .unwrap()
    }

    /// What a browser would have: a WebTransport session.
    pub async fn browse(&self) -> web_transport_quinn::Session {
        let connection = self.connection_of(b"h3").await;
        let url = url::Url::parse(&format!("https://localhost:{}/", self.addr.port())).unwrap();
        let session = web_transport_quinn::Session::connect(connection, url);
        within("WebTransport", session).await.unwrap()
    }

    /// Waits until a line of the log contains `what`.
    pub async fn saw(&self, what: &str) -> String {
        let mut found = None;
        eventually(what, || {
            found = found
                .take()
                .or_else(|| self.log.try_iter().find(|line| line.contains(what)));
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}

/// Asks, and is answered: this client is well, whatever happened to others.
pub async fn is_undisturbed(link: &mut Link) {
    let id = EntityId(77);
    link.send_message(&ClientMessage::Cards { ids: vec![id] })
        .await
        .unwrap();
    let message = within("cards", link.next_message()).await.unwrap();
    assert_eq!(message, ServerMessage::Cards(vec![card(id)]));
    // Datagrams may be lost even on loopback; one of a few comes back.
    for _ in 0..20 {
        link.send_datagram(Bytes::from_static(b"echo")).unwrap();
        let wait = Duration::from_millis(500);
        if let Ok(bytes) = tokio::time::timeout(wait, link.next_datagram()).await {
            assert_eq!(&bytes.unwrap()[..], b"echo");
            return;
        }
    }
    panic!("no datagram came back");
}

pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SAFETY, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: never happened"))
}

pub fn card(id: EntityId) -> Card {
    Card {
        id,
        version: 1,
        kind: 0,
        name: None,
    }
}

/// Answers a hello by hand.
pub fn welcome_in(server: &QuicServer, opened: &SessionEvent) {
    answer(server, opened.clone());
}

fn answer(server: &QuicServer, event: SessionEvent) {
    match event {
        SessionEvent::Opened { session, hello } => {
            let message = ServerMessage::Welcome(welcome(session, hello.avatar, hello.schema));
            server.send_tick(vec![], vec![SessionCommand::Send { session, message }]);
        }
        SessionEvent::Resumed { session, claim, .. } => {
            let message = ServerMessage::Resumed {
                session,
                tick: Tick(20),
                next: claim.newest + 1,
            };
            server.send_tick(vec![], vec![SessionCommand::Send { session, message }]);
        }
        SessionEvent::Message {
            session,
            message: ClientMessage::Cards { ids },
        } => {
            let message = ServerMessage::Cards(ids.into_iter().map(card).collect());
            server.send_tick(vec![], vec![SessionCommand::Send { session, message }]);
        }
        SessionEvent::Datagram { session, bytes } => {
            server.send_tick(vec![(session, bytes)], vec![])
        }
        SessionEvent::Message { .. }
        | SessionEvent::Path { .. }
        | SessionEvent::Expel { .. }
        | SessionEvent::Closed { .. } => {}
    }
}

fn describe(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Opened { session, hello } => {
            format!("opened {} {}", session.0, hello.name.shown())
        }
        SessionEvent::Resumed {
            session,
            hello,
            claim,
        } => {
            let (name, of, newest) = (hello.name.shown(), claim.session.0, claim.newest);
            format!("resumed {} {name} of {of} after {newest}", session.0)
        }
        SessionEvent::Datagram { session, .. } => format!("datagram {}", session.0),
        SessionEvent::Message { session, message } => format!("message {} {message:?}", session.0),
        SessionEvent::Path { session, .. } => format!("path {}", session.0),
        SessionEvent::Expel { avatar, .. } => format!("expel {avatar:?}"),
        SessionEvent::Closed { session } => format!("closed {}", session.0),
    }
}

fn welcome(session: SessionId, avatar: EntityId, schema: Schema) -> Welcome {
    Welcome {
        session,
        avatar,
        epoch: Epoch(1),
        tick: Tick(10),
        tick_hz: 20,
        planet: "ball".to_owned(),
        planet_hash: 1,
        radius_m: 50_000.0,
        frame_level: 8,
        interest_enter_m: 80.0,
        interest_exit_m: 100.0,
        budget_bytes: 1_100,
        kinds: vec!["avatar".to_owned()],
        fields: schema.named_fields(),
    }
}
