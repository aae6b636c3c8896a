//! The server of the test: hub and world, a log of sealed inputs of which a crash leaves what was durable and
//! perhaps some more, and checkpoints to come back from.

use std::sync::Arc;

use bluemarble_net::server::event::{ResumeClaim, SessionCommand, SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, ReplicateInput, WorldFacts};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{EntityId, Epoch, SessionId, Tick, hash_words};
use bluemarble_sim::{
    Arrival, Checkpoint, Movement, Scenario, TickInputs, TravelInputs, TravelKey, Traveller, World,
    WorldSpec,
};
use bluemarble_spatial::Planet;

use super::Weather;
use super::player::Player;

/// What everybody brings along.
pub const COINS: u64 = 1_000_000;
const HZ: u32 = 20;
const TICK_MS: u64 = 1_000 / HZ as u64;

pub struct House {
    pub world: World,
    pub hub: Hub,
    pub players: Vec<Player>,
    pub kills: u64,
    /// Gifts that had been carried out and were not in what a crash left.
    pub taken_back: u64,
    seed: u64,
    weather: Weather,
    pool: rayon::ThreadPool,
    /// Every tick that counts, from the first.
    log: Vec<TickInputs>,
    durable: Tick,
    /// Where a start begins: durable.
    base: Checkpoint,
    /// Taken, and not durable yet.
    image: Option<Checkpoint>,
    epoch: Epoch,
    /// Passes whatever becomes of the world.
    now: u64,
    sessions: u64,
}

fn spec() -> WorldSpec {
    let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let mut scenario = Scenario::find(&assets, "treasure").unwrap();
    // Nobody but the players: nothing else moves a coin of theirs.
    scenario.camps.clear();
    scenario.troops.clear();
    WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(50_000.0)),
        tick_hz: HZ,
        seed: 5,
        zones: 6,
    }
}

fn hub(world: &World, epoch: Epoch) -> Hub {
    let planet = &world.spec().planet;
    let mut hub = Hub::new(HubConfig::new(WorldFacts {
        epoch,
        tick: world.tick(),
        tick_hz: HZ,
        planet: planet.name().to_owned(),
        planet_hash: planet.content_hash(),
        radius_m: planet.radius_m(),
        frame_level: planet.frame_level(),
        kinds: world.spec().scenario.kind_names.clone(),
    }));
    hub.adopt(&world.players());
    hub
}

impl House {
    /// A world with so many rich players in it.
    pub fn new(seed: u64, weather: Weather, players: usize) -> Self {
        let world = World::genesis(spec()).unwrap();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let epoch = Epoch(1);
        let mut house = Self {
            base: world.checkpoint(),
            hub: hub(&world, epoch),
            world,
            players: (0..players).map(Player::new).collect(),
            kills: 0,
            taken_back: 0,
            seed,
            weather,
            pool,
            log: Vec::new(),
            durable: Tick(0),
            image: None,
            epoch,
            now: 0,
            sessions: 0,
        };
        house.let_them_in();
        house
    }

    /// They come from another world, with coins.
    fn let_them_in(&mut self) {
        let arrival = |player: &Player| Arrival {
            key: TravelKey {
                world: 9,
                epoch: Epoch(1),
                tick: Tick(1),
                avatar: player.avatar,
            },
            traveller: Traveller {
                name: player.name.as_str().into(),
                health: u16::MAX,
                kills: 0,
                deaths: 0,
                coins: COINS,
            },
        };
        let mut arrivals: Vec<Arrival> = self.players.iter().map(arrival).collect();
        arrivals.sort_by_key(|arrival| arrival.key);
        let inputs = TickInputs {
            travel: TravelInputs {
                arrivals,
                ..TravelInputs::default()
            },
            ..TickInputs::empty(Tick(1), self.epoch)
        };
        self.world.step(&inputs, &self.pool).unwrap();
        self.log.push(inputs);
        self.hub = hub(&self.world, self.epoch);
    }

    fn draw(&self, what: u64, n: usize) -> u64 {
        hash_words([self.seed, self.now, what, n as u64])
    }

    fn now_ms(&self) -> u64 {
        self.now * TICK_MS
    }

    pub fn tick(&mut self) {
        self.now += 1;
        if self.weather.kills > 0 && self.draw(1, 0).is_multiple_of(self.weather.kills) {
            self.die();
        }
        for n in 0..self.players.len() {
            self.come_and_go(n);
            let to = self.draw(4, n) as usize % (self.players.len() + 1);
            let nobody = EntityId::of_character("nobody");
            let to = self.players.get(to).map_or(nobody, |other| other.avatar);
            if self.draw(5, n).is_multiple_of(5) {
                // One or a handful at once.
                for _ in 0..1 + self.draw(6, n) % 6 {
                    self.players[n].give(to);
                }
            }
        }
        self.pass();
    }

    /// Nobody begins anything and nothing breaks any more, until every gift has its answer.
    pub fn calm_down(&mut self) {
        self.weather = super::CALM;
        for player in &mut self.players {
            player.back_at = player.back_at.min(self.now + 1);
        }
        for _ in 0..600 {
            self.now += 1;
            for n in 0..self.players.len() {
                self.come_and_go(n);
            }
            self.pass();
            if self.players.iter().all(|player| player.book.waiting() == 0) {
                // What was answered is in the log through here.
                return self.flush();
            }
        }
        panic!("seed {}: gifts without an answer", self.seed);
    }

    fn flush(&mut self) {
        self.durable = self.world.tick();
    }

    fn come_and_go(&mut self, n: usize) {
        let now_ms = self.now_ms();
        let back_at = self.now + 1 + self.draw(3, n) % self.weather.away;
        if self.players[n].line.is_some() {
            if self.draw(2, n).is_multiple_of(self.weather.breaks)
                && let Some(session) = self.players[n].lose(back_at)
            {
                self.hub.handle(now_ms, SessionEvent::Closed { session });
            }
        } else if self.now >= self.players[n].back_at {
            self.connect(n);
        }
    }

    /// As a client does: comes back if it can, says hello if not.
    fn connect(&mut self, n: usize) {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let player = &mut self.players[n];
        let hello = VerifiedHello {
            name: player.name.as_str().into(),
            avatar: player.avatar,
            schema: Schema::NEWEST,
        };
        player.connected(session);
        let event = match (player.last.take(), &player.core) {
            (Some(claimed), Some(core)) => {
                let (newest, before) = core.taken();
                let claim = ResumeClaim {
                    session: claimed,
                    newest,
                    before,
                    events: 0,
                };
                SessionEvent::Resumed {
                    session,
                    hello,
                    claim,
                }
            }
            _ => SessionEvent::Opened { session, hello },
        };
        self.hub.handle(self.now_ms(), event);
        self.deliver_commands();
    }

    /// One tick of the server, and what passes over the lines meanwhile.
    fn pass(&mut self) {
        let now_ms = self.now_ms();
        for n in 0..self.players.len() {
            let (now, seed, most) = (self.now, self.seed, self.weather.delay);
            let delay = |k: usize| now + hash_words([seed, now, 7, n as u64, k as u64]) % most;
            self.players[n].write(now_ms, delay);
            if let Some((session, bytes)) = self.players[n].see(now_ms) {
                self.hub
                    .handle(now_ms, SessionEvent::Datagram { session, bytes });
            }
            let line = self.players[n].line.as_mut();
            let mut arrived = Vec::new();
            if let Some(line) = line {
                while line.up.front().is_some_and(|(at, _)| *at <= now) {
                    arrived.extend(line.up.pop_front().map(|(_, message)| message));
                }
                let session = line.session;
                for message in arrived {
                    self.hub
                        .handle(now_ms, SessionEvent::Message { session, message });
                }
            }
        }
        let tick = self.world.tick().next();
        let inputs = TickInputs {
            players: self.hub.seal(now_ms, tick),
            ..TickInputs::empty(tick, self.epoch)
        };
        let inputs = TickInputs::decode(&inputs.encode()).unwrap();
        self.world.step(&inputs, &self.pool).unwrap();
        self.log.push(inputs);
        self.hub.gifts_decided(tick, self.world.gift_answers());
        // The disk answers when it does.
        let behind = self.draw(8, 0) % self.weather.disk;
        self.durable = self.durable.max(Tick(tick.0.saturating_sub(behind)));
        let batch = self.hub.replicate(ReplicateInput {
            tick,
            epoch: self.epoch,
            durable: self.durable,
            frames: self.world.wire_frames(),
        });
        for (session, bytes) in batch {
            let line = self.players.iter_mut().find_map(|player| {
                let line = player.line.as_mut();
                line.filter(|line| line.session == session)
            });
            if let Some(line) = line {
                line.datagrams.push(bytes);
            }
        }
        self.deliver_commands();
        if self.image.as_ref().is_some_and(|i| i.tick <= self.durable) {
            self.base = self.image.take().unwrap();
        }
        if self.image.is_none() && self.draw(9, 0).is_multiple_of(15) {
            self.image = Some(self.world.checkpoint());
        }
        let (now, durable) = (self.now, self.durable);
        for player in &mut self.players {
            player.read(now, durable);
        }
    }

    fn deliver_commands(&mut self) {
        while let Some(command) = self.hub.poll_command() {
            let (session, message) = match command {
                SessionCommand::Send { session, message } => (session, Some(message)),
                SessionCommand::Close { session, .. } => (session, None),
            };
            let n = self.players.iter().position(|player| {
                let line = player.line.as_ref();
                line.is_some_and(|line| line.session == session)
            });
            let Some(n) = n else { continue };
            let at = self.now + self.draw(10, n) % self.weather.delay;
            match message {
                Some(message) => {
                    let down = &mut self.players[n].line.as_mut().unwrap().down;
                    let after = down.back().map_or(0, |(at, _)| *at);
                    down.push_back((at.max(after), message));
                }
                None => {
                    // Nothing to come back to: a hello is what remains.
                    let now = self.now;
                    let player = &mut self.players[n];
                    player.lose(now + 1);
                    player.last = None;
                    self.hub
                        .handle(self.now * TICK_MS, SessionEvent::Closed { session });
                }
            }
        }
    }

    /// `kill -9`, and the next start: what was durable counts, and some of what was only written.
    fn die(&mut self) {
        let newest = self.world.tick();
        let survived = self.durable.0 + self.draw(11, 0) % (newest.since(self.durable) + 1);
        let lost = self.log.split_off(survived as usize);
        let gifts = |inputs: &TickInputs| inputs.players.gifts.len() as u64;
        self.taken_back += lost.iter().map(gifts).sum::<u64>();
        self.kills += 1;
        self.epoch = Epoch(self.epoch.0 + 1);
        self.image = None;
        self.world = World::restore(spec(), &self.base).unwrap();
        for inputs in &self.log[self.base.tick.0 as usize..] {
            self.world.step(inputs, &self.pool).unwrap();
        }
        assert_eq!(self.world.tick(), Tick(survived));
        self.durable = self.world.tick();
        // An epoch begins with a checkpoint of its own.
        self.base = self.world.checkpoint();
        self.hub = hub(&self.world, self.epoch);
        for n in 0..self.players.len() {
            let back_at = self.now + 1 + self.draw(12, n) % self.weather.away;
            let player = &mut self.players[n];
            player.lose(back_at.max(player.back_at));
        }
    }

    /// Everything that coins have done in the past that counts.
    pub fn replay_everything(&self) -> Vec<Movement> {
        let mut world = World::genesis(spec()).unwrap();
        let mut movements = Vec::new();
        for inputs in &self.log {
            world.step(inputs, &self.pool).unwrap();
            movements.extend_from_slice(world.movements());
        }
        assert_eq!(world.digest(), self.world.digest(), "the log is the world");
        movements
    }

    /// How often somebody came back whose avatar had left the world.
    pub fn returned(&self) -> u64 {
        let mut world = World::genesis(spec()).unwrap();
        let step = |inputs| world.step(inputs, &self.pool).unwrap().tally.returned;
        self.log.iter().map(step).sum()
    }
}
