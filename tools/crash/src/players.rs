//! People who play while the server is killed under them: they walk, strike whoever is near, give each other
//! coins, come back to the next server with their tokens, and remember what they were promised.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bluemarble_net::certs::ServerIdentity;
use bluemarble_net::client::{Client, ClientOptions, Disconnected, GiveError, Trust};
use bluemarble_net::tickets::{CharacterName, TicketIssuer, TicketKeys};
use bluemarble_shared_protocol::{EntityId, Intent, WishDir, hash_words};
use glam::DVec3;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::gifts::Records;

/// How long a player waits before trying to join again.
const PAUSE: Duration = Duration::from_millis(50);
/// Somebody so near is struck, metres.
const REACH_M: f64 = 2.0;
/// Who has fewer coins looks for more.
const POOR: u64 = 10;
/// One in so many ticks a player gives something, if not so many gifts wait for an answer.
const GIVES_EVERY: u64 = 4;
const WAITING_MAX: usize = 8;
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
    /// What they gave each other.
    pub gifts: Mutex<Records>,
    /// What must not happen.
    pub problems: Mutex<Vec<String>>,
}

/// The players.
pub struct Players {
    runtime: Runtime,
    door: watch::Sender<Option<Door>>,
    told: Arc<Told>,
    /// Whether they give each other anything.
    giving: Arc<AtomicBool>,
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
        let giving = Arc::new(AtomicBool::new(true));
        let names: Vec<String> = (0..count)
            .map(|number| format!("Player {number}"))
            .collect();
        let everybody = Arc::default();
        for (number, name) in (0..).zip(names) {
            let player = Player {
                name,
                number,
                seed,
                told: told.clone(),
                giving: giving.clone(),
                everybody: Arc::clone(&everybody),
                client: None,
            };
            runtime.spawn(player.live(door.subscribe()));
        }
        Ok(Self {
            runtime,
            door,
            told,
            giving,
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

    /// They ask for no more gifts, and get their answers, if that takes no longer than `patience`.
    pub fn settle(&self, patience: Duration) {
        self.giving.store(false, Ordering::Relaxed);
        let mut left = patience;
        while self.told.gifts.lock().waiting() > 0 && !left.is_zero() {
            std::thread::sleep(PAUSE);
            left = left.saturating_sub(PAUSE);
        }
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
    giving: Arc<AtomicBool>,
    /// The avatars of those who have been in, as their welcomes named them.
    everybody: Arc<Mutex<BTreeSet<EntityId>>>,
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
            let client = Client::connect(options, None).await.ok()?;
            self.everybody.lock().insert(client.welcome().avatar);
            self.client = Some(client);
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
            // Another direction now and then, another one for each; who is poor looks for a chest.
            let turn = hash_words([self.seed, self.number, tick.0 / 16]);
            let axis = |shift: u32| ((turn >> shift) % 401) as i16 - 200;
            let roaming = WishDir::from_axes(axis(0), axis(20)).unwrap_or_default();
            let intent = Intent {
                view_tick: tick,
                wish: way_to_a_chest(client).unwrap_or(roaming),
                pace: Intent::PACE_MAX,
                attack: nearest(client),
                ..Intent::default()
            };
            client.send_intent(intent)?;
            self.told.intents.fetch_add(1, Ordering::Relaxed);
            for _event in client.events() {}
            let avatar = client.core().avatar();
            {
                let mut gifts = self.told.gifts.lock();
                let mut answered = |receipt: &_| gifts.answered(avatar, receipt);
                client.receipts().for_each(|receipt| answered(&receipt));
            }
            let draw = hash_words([self.seed, self.number, tick.0, 1]);
            let gives = draw.is_multiple_of(GIVES_EVERY) && client.gifts().waiting() < WAITING_MAX;
            if gives && self.giving.load(Ordering::Relaxed) {
                // Mostly what one has, and to somebody; sometimes to oneself.
                let to = {
                    let everybody = self.everybody.lock();
                    let which = (draw >> 8) as usize % everybody.len().max(1);
                    everybody.iter().nth(which).copied().unwrap_or(avatar)
                };
                let amount = (draw >> 32) % 3 + 1;
                self.told.gifts.lock().asked(avatar);
                if let Err(GiveError::Disconnected(end)) = client.give(to, amount).await {
                    return Err(end);
                }
            }
        }
    }
}

/// Towards the nearest chest that holds something, for whoever has little.
fn way_to_a_chest(client: &Client) -> Option<WishDir> {
    let (_, purse) = client.gifts().purse()?;
    if purse.coins >= POOR {
        return None;
    }
    let [x, y, z, ..] = client.core().own().confirmed?.body.values;
    let (me, radius_m) = (DVec3::new(x, y, z), client.welcome().radius_m);
    let kinds = &client.welcome().kinds;
    let chest = kinds.iter().position(|kind| kind == "chest")?;
    let others = client.core().view().iter();
    let chests = others.filter(|(_, seen)| {
        let state = &seen.state;
        usize::from(state.kind) == chest && state.health > 0
    });
    let ways = chests.map(|(_, seen)| seen.position(radius_m) - me);
    let nearest = ways.min_by(|a, b| a.length().total_cmp(&b.length()))?;
    (nearest.length() > REACH_M / 2.0).then(|| WishDir::from_dir(nearest))
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
