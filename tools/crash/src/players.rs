//! People who play while the server is killed under them: they walk, strike whoever is near, come back
//! to the next server with their tokens, and remember what they were promised.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{Client, ClientOptions, Disconnected, Trust};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys};
use bluemarble_shared_protocol::{EntityId, Intent, WishDir, hash_words};
use glam::DVec3;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How long a player waits before trying to join again.
const PAUSE: Duration = Duration::from_millis(50);
/// Somebody so near is struck, metres.
const REACH_M: f64 = 2.0;
/// How long a ticket is good for, seconds.
const TICKET_S: u64 = 3_600;

/// Where to enter, until the next one.
#[derive(Clone)]
struct Door {
    server: SocketAddr,
    trust: Trust,
    keys: Arc<TicketKeys>,
    world: String,
}

/// What they were told, all of them together.
#[derive(Debug, Default)]
pub struct Told {
    /// The newest tick that was said to be durable.
    pub durable: AtomicU64,
    /// Intents sent.
    pub intents: AtomicU64,
    /// How often somebody came back to the avatar they had left.
    pub returns: AtomicU64,
    /// What must not happen.
    pub problems: Mutex<Vec<String>>,
}

/// The players.
pub struct Players {
    runtime: Runtime,
    door: watch::Sender<Option<Door>>,
    told: Arc<Told>,
}

impl Players {
    /// So many, who wait for a server.
    ///
    /// # Errors
    /// There is no thread for them.
    pub fn new(count: u32, seed: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("no thread for players")?;
        let door = watch::Sender::new(None);
        let told = Arc::new(Told::default());
        for number in 0..count {
            let player = Player {
                name: format!("Player {number}"),
                number: u64::from(number),
                seed,
                told: told.clone(),
                client: None,
            };
            runtime.spawn(player.live(door.subscribe()));
        }
        Ok(Self {
            runtime,
            door,
            told,
        })
    }

    /// Opens the door of a server that runs on a data directory.
    ///
    /// # Errors
    /// The directory has no certificate or key.
    pub fn enter(&self, server: SocketAddr, data: &Path, world: &str) -> anyhow::Result<()> {
        let dev = data.join("dev");
        let (certificate, _) = ServerIdentity::paths(&dev);
        let door = Door {
            server,
            trust: Trust::file(&certificate).context("the server's certificate")?,
            keys: Arc::new(TicketKeys::load_or_create(&dev).context("the server's keys")?),
            world: world.to_owned(),
        };
        self.door.send_replace(Some(door));
        Ok(())
    }

    /// What they were told so far.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// They go home.
    pub fn leave(self) {
        self.runtime.shutdown_background();
    }
}

struct Player {
    name: String,
    number: u64,
    seed: u64,
    told: Arc<Told>,
    /// From the first time it is inside.
    client: Option<Client>,
}

impl Player {
    async fn live(mut self, mut doors: watch::Receiver<Option<Door>>) {
        while doors.wait_for(Option::is_some).await.is_ok() {
            let Some(door) = doors.borrow().clone() else {
                continue;
            };
            doors.mark_unchanged();
            // A server that is killed says nothing: that there is another one is known sooner.
            tokio::select! {
                () = self.visit(&door) => {}
                _another = doors.changed() => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Until the server dies, or does not let it in.
    async fn visit(&mut self, door: &Door) {
        if self.enter(door).await.is_some() {
            let _end = self.play().await;
        }
    }

    /// Joins, or comes back; `None` if that did not work.
    async fn enter(&mut self, door: &Door) -> Option<()> {
        let Some(client) = &mut self.client else {
            let name = CharacterName::parse(&self.name).ok()?;
            let issuer = TicketIssuer::from_pem(&door.keys.private_pem, &door.world).ok()?;
            let ticket = issuer.issue(&name, now_s(), TICKET_S);
            let trust = door.trust.clone();
            let options = ClientOptions::new(door.server, "localhost", trust, ticket);
            self.client = Some(Client::connect(options, None).await.ok()?);
            return Some(());
        };
        let avatar = client.welcome().avatar;
        client.server_moved(door.server);
        client.resume(None).await.ok()?;
        self.told.returns.fetch_add(1, Ordering::Relaxed);
        if client.welcome().avatar != avatar {
            let how = format!("{} came back to another avatar", self.name);
            self.told.problems.lock().push(how);
        }
        Some(())
    }

    async fn play(&mut self) -> Result<(), Disconnected> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        loop {
            let tick = client.next_snapshot().await?;
            let durable = client.core().durable().0;
            self.told.durable.fetch_max(durable, Ordering::Relaxed);
            // Another direction now and then, another one for each.
            let turn = hash_words([self.seed, self.number, tick.0 / 16]);
            let axis = |shift: u32| ((turn >> shift) % 401) as i16 - 200;
            let intent = Intent {
                view_tick: tick,
                wish: WishDir::from_axes(axis(0), axis(20)).unwrap_or_default(),
                pace: Intent::PACE_MAX,
                attack: nearest(client),
                ..Intent::default()
            };
            client.send_intent(intent)?;
            self.told.intents.fetch_add(1, Ordering::Relaxed);
            for _event in client.events() {}
        }
    }
}

/// Who stands within reach, nearest first.
fn nearest(client: &Client) -> Option<EntityId> {
    let [x, y, z, ..] = client.core().own().confirmed?.body.values;
    let (me, radius_m) = (DVec3::new(x, y, z), client.welcome().radius_m);
    let away = |seen: &bluemarble_net::client::EntityView| seen.position(radius_m).distance(me);
    let others = client.core().view().iter();
    let near = others.map(|(id, seen)| (away(seen), id));
    let near = near.filter(|&(away_m, id)| away_m < REACH_M && id != client.core().avatar());
    near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tickets of a real server expire in wall time"
)]
fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
