//! Clients of the running program: a well-behaved one that only counts what it receives, and the
//! means to be a bad one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{Client, ClientOptions, ConnectError, Link, Trust};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys};
use bluemarble_shared_protocol::{Intent, WishDir};
use tokio::runtime::Runtime;

use super::harness::{Server, WORLD, eventually};

/// Who may enter a server: the development key of its data directory.
pub struct Door {
    pub trust: Trust,
    pub keys: TicketKeys,
    server: std::net::SocketAddr,
}

impl Door {
    pub fn of(server: &Server) -> Self {
        let dev = server.data().join("dev");
        let (cert, _) = ServerIdentity::paths(&dev);
        let keys = TicketKeys::load_or_create(&dev).unwrap();
        Self {
            trust: Trust::file(&cert).unwrap(),
            keys,
            server: server.quic(),
        }
    }

    /// A ticket of this server's key.
    pub fn ticket(&self, character: &str) -> String {
        sign(&self.keys, WORLD, character, now_s(), 600)
    }

    pub fn options(&self, ticket: String) -> ClientOptions {
        ClientOptions::new(self.server, "localhost", self.trust.clone(), ticket)
    }

    pub async fn enter(&self, character: &str) -> Result<Link, ConnectError> {
        Link::connect(self.options(self.ticket(character))).await
    }
}

/// A ticket of any key, for any world and time.
pub fn sign(keys: &TicketKeys, world: &str, character: &str, from_s: u64, ttl_s: u64) -> String {
    let name = CharacterName::parse(character).unwrap();
    TicketIssuer::from_pem(&keys.private_pem, world)
        .unwrap()
        .issue(&name, from_s, ttl_s)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tickets of a real server expire in wall time"
)]
pub fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Where clients run.
pub fn client_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A client that stays and counts the datagrams it gets.
pub struct Onlooker {
    received: Arc<AtomicU64>,
    ended: tokio::task::JoinHandle<bluemarble_net::client::Disconnected>,
}

impl Onlooker {
    pub fn enter(runtime: &Runtime, door: &Door, character: &str) -> Self {
        let link = runtime.block_on(door.enter(character)).unwrap();
        let received = Arc::new(AtomicU64::new(0));
        let count = received.clone();
        let ended = runtime.spawn(async move {
            loop {
                match link.next_datagram().await {
                    Ok(_) => count.fetch_add(1, Ordering::Relaxed),
                    Err(end) => return end,
                };
            }
        });
        Self { received, ended }
    }

    /// Waits until it has received more datagrams.
    pub fn sees_more(&self, more: u64) {
        let before = self.received.load(Ordering::Relaxed);
        eventually("the onlooker sees more", || {
            assert!(!self.ended.is_finished(), "the onlooker was disconnected");
            (self.received.load(Ordering::Relaxed) >= before + more).then_some(())
        });
    }

    /// How its connection ended.
    pub fn end(self, runtime: &Runtime) -> bluemarble_net::client::Disconnected {
        runtime.block_on(self.ended).unwrap()
    }
}

/// Clients that walk about until the server is gone.
pub fn walk(runtime: &Runtime, door: &Door, characters: &[&str]) {
    for (nth, character) in characters.iter().enumerate() {
        let options = door.options(door.ticket(character));
        let mut client = runtime.block_on(Client::connect(options, None)).unwrap();
        let _ends_with_the_server = runtime.spawn(async move {
            while let Ok(tick) = client.next_snapshot().await {
                // Another direction every second, another one for each.
                let turn = (tick.0 / 20) as usize + nth;
                let (u, v) = [(40, 40), (-40, 40), (-40, -40), (40, -40)][turn % 4];
                let wish = WishDir::from_axes(u, v).expect("in range");
                let intent = Intent {
                    view_tick: tick,
                    wish,
                    pace: Intent::PACE_MAX,
                    ..Intent::default()
                };
                if client.send_intent(intent).is_err() {
                    return;
                }
            }
        });
    }
}
