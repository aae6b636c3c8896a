//! A hub and its clients over bad lines, in virtual time: one object that a test winds forward.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bluemarble_net::client::{ClientConfig, ClientCore, EventBook, Predictor};
use bluemarble_net::server::event::{
    PathReport, ResumeClaim, SessionCommand, SessionEvent, VerifiedHello,
};
use bluemarble_net::server::{Hub, HubConfig, Interest, ReplicateInput, WorldFacts};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    ClientMessage, EntityId, Epoch, Intent, ServerMessage, SessionId, Tick, TimedEvent, Welcome,
    WireFrame, WishDir, Wound,
};
use bytes::Bytes;
use glam::DVec3;

use super::dice::Dice;
use super::link::{Line, Weather};
use super::oracle::{Oracle, Patience};
use super::tape::Tape;
use super::world::{FRAME_LEVEL, FakeWorld, HZ, Life, RADIUS_M, mover};

const TICK_MS: u64 = 1_000 / HZ as u64;
/// A client looks at its line this often, milliseconds.
const POLL_MS: u64 = 5;

#[derive(Clone, Copy, Debug)]
pub struct Play {
    pub seed: u64,
    pub clients: usize,
    pub life: Life,
    pub weather: Weather,
    pub budget_bytes: u32,
    pub interest: Interest,
    pub patience: Patience,
}

pub struct Client {
    pub core: ClientCore,
    pub session: SessionId,
    up: Line,
    down: Line,
    /// Offset of its clock within a tick, milliseconds.
    phase_ms: u64,
    dice: Dice,
    wish: DVec3,
    /// What it was told happened to it, and to others.
    pub events: EventBook,
    pub happened: Vec<TimedEvent>,
    pub wounds: Vec<(Tick, Wound)>,
    /// The control stream while nothing gets through; what a connection has not delivered is lost
    /// with it.
    stream: VecDeque<ServerMessage>,
    /// Messages on their way to the server, with when they arrive.
    reports: Vec<(u64, ClientMessage)>,
    /// How many arrived.
    pub reported: u64,
    /// What happens to it, if somebody wants to know.
    pub tape: Option<Tape>,
}

pub struct Game {
    pub hub: Hub,
    pub world: FakeWorld,
    pub oracle: Oracle,
    pub clients: Vec<Client>,
    pub tick: Tick,
    pub epoch: Epoch,
    play: Play,
    now_ms: u64,
    /// Largest tick's bytes of any client.
    pub bytes_per_tick_max: usize,
    welcomes: BTreeMap<SessionId, Welcome>,
    /// Next datagram's number, of those that came back to all they knew.
    resumed: BTreeMap<SessionId, u64>,
    pub closed: Vec<SessionCommand>,
    /// All that was ever published.
    pub chronicle: Vec<(Tick, Vec<Arc<WireFrame>>)>,
    next_session: u64,
}

pub fn hub_config(budget_bytes: u32, interest: Interest) -> HubConfig {
    let mut config = HubConfig::new(WorldFacts {
        epoch: Epoch(7),
        tick: Tick(100_000),
        tick_hz: HZ,
        planet: "moon".into(),
        planet_hash: 1,
        radius_m: RADIUS_M,
        frame_level: FRAME_LEVEL,
        kinds: (0..10).map(|n| format!("kind {n}")).collect(),
    });
    config.budget_bytes = budget_bytes;
    config.interest = interest;
    config
}

impl Game {
    pub fn new(play: Play) -> Self {
        Self::with_config(play, hub_config(play.budget_bytes, play.interest))
    }

    pub fn with_config(play: Play, config: HubConfig) -> Self {
        let interest = play.interest;
        let mut game = Self {
            hub: Hub::new(config),
            world: FakeWorld::new(play.seed, play.life),
            oracle: Oracle::new(interest.enter_m, interest.exit_m, play.patience),
            clients: Vec::new(),
            tick: Tick(100_000),
            epoch: Epoch(7),
            play,
            now_ms: 1_000_000,
            bytes_per_tick_max: 0,
            welcomes: BTreeMap::new(),
            resumed: BTreeMap::new(),
            closed: Vec::new(),
            chronicle: Vec::new(),
            next_session: 1,
        };
        (0..play.clients).for_each(|n| game.connect(&format!("player {n}")));
        game
    }

    pub fn connect(&mut self, name: &str) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let avatar = EntityId::of_character(name);
        let hello = VerifiedHello {
            name: name.into(),
            avatar,
            // As during a deploy: every other client is of the build before.
            schema: Schema::SUPPORTED[session.0 as usize % Schema::SUPPORTED.len()],
        };
        self.hub
            .handle(self.now_ms, SessionEvent::Opened { session, hello });
        self.run_commands();
        let predictor = Predictor {
            planet: self.world.planet.clone(),
            mover: mover(),
        };
        let welcome = &self.welcomes[&session];
        assert_eq!(welcome.avatar, avatar);
        let seed = self.play.seed ^ session.0 << 32;
        let client = Client {
            core: ClientCore::new(ClientConfig::of_welcome(
                welcome,
                Schema::of_welcome(&welcome.fields).expect("of this build"),
                Some(predictor),
            )),
            session,
            up: Line::new(seed ^ 1, self.play.weather),
            down: Line::new(seed ^ 2, self.play.weather),
            phase_ms: (session.0 * 13) % TICK_MS / POLL_MS * POLL_MS,
            dice: Dice(seed ^ 3),
            wish: DVec3::X,
            events: EventBook::default(),
            happened: Vec::new(),
            wounds: Vec::new(),
            stream: VecDeque::new(),
            reports: Vec::new(),
            reported: 0,
            tape: None,
        };
        self.clients.push(client);
    }

    /// The connection ends; the avatar stays behind for its grace period.
    pub fn disconnect(&mut self, n: usize) -> Client {
        let client = self.clients.remove(n);
        let session = client.session;
        self.hub
            .handle(self.now_ms, SessionEvent::Closed { session });
        client
    }

    /// A client comes back with the token of its session; true if nothing was forgotten.
    pub fn come_back(&mut self, name: &str, mut client: Client) -> bool {
        let (newest, before) = client.core.taken();
        let claim = ResumeClaim {
            session: client.session,
            newest,
            before,
            events: client.events.newest(),
        };
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let avatar = EntityId::of_character(name);
        let hello = VerifiedHello {
            name: name.into(),
            avatar,
            schema: client.core.schema(),
        };
        let event = SessionEvent::Resumed {
            session,
            hello,
            claim,
        };
        self.hub.handle(self.now_ms, event);
        self.run_commands();
        let seed = self.play.seed ^ session.0 << 32;
        client.session = session;
        client.stream.clear();
        // What was under way on the old connection is lost with it.
        client.up = Line::new(seed ^ 1, self.play.weather);
        client.down = Line::new(seed ^ 2, self.play.weather);
        let resumed = self.resumed.contains_key(&session);
        if let Some(welcome) = self.welcomes.get(&session) {
            let predictor = Predictor {
                planet: self.world.planet.clone(),
                mover: mover(),
            };
            let schema = Schema::of_welcome(&welcome.fields).expect("of this build");
            client.core =
                ClientCore::new(ClientConfig::of_welcome(welcome, schema, Some(predictor)));
        } else if !resumed {
            return false;
        }
        self.clients.push(client);
        resumed
    }

    pub fn silence(&mut self, silent: bool) {
        (0..self.clients.len()).for_each(|n| self.silence_one(n, silent));
    }

    pub fn silence_one(&mut self, n: usize, silent: bool) {
        let client = &mut self.clients[n];
        client.up.silent = silent;
        client.down.silent = silent;
    }

    /// What congestion control thinks of a client's path.
    pub fn report_path(&mut self, n: usize, path: PathReport) {
        let session = self.clients[n].session;
        self.hub
            .handle(self.now_ms, SessionEvent::Path { session, path });
    }

    /// Another epoch: the world was restarted behind the same sessions.
    pub fn restart(&mut self) {
        self.epoch = Epoch(self.epoch.0 + 1);
        self.tick = Tick(self.tick.0 - 13);
        self.oracle.forget();
    }

    /// Another hub for the same world, as after a restart of the server, with these avatars in it.
    pub fn restart_server(&mut self, avatars: &[EntityId]) {
        assert!(self.clients.is_empty(), "their connections are gone");
        self.restart();
        let mut config = hub_config(self.play.budget_bytes, self.play.interest);
        config.world.epoch = self.epoch;
        self.hub = Hub::new(config);
        self.hub.adopt(avatars);
    }

    pub fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.one_tick();
        }
    }

    fn one_tick(&mut self) {
        self.tick = self.tick.next();
        let inputs = self.hub.seal(self.now_ms, self.tick);
        let frames = self.world.step(self.tick, &inputs);
        self.oracle.learn(self.tick, &frames);
        self.chronicle.push((self.tick, frames.clone()));
        let batch = self.hub.replicate(ReplicateInput {
            tick: self.tick,
            epoch: self.epoch,
            durable: Tick(self.tick.0 - 3),
            frames: &frames,
        });
        self.send(&batch);
        self.run_commands();
        for step in 0..TICK_MS / POLL_MS {
            self.now_ms += POLL_MS;
            for n in 0..self.clients.len() {
                self.poll_client(n, step * POLL_MS);
            }
        }
        for (n, client) in self.clients.iter().enumerate() {
            self.oracle.check_states(n, &client.core);
        }
    }

    fn send(&mut self, batch: &[(SessionId, Bytes)]) {
        let mut per_client: BTreeMap<SessionId, usize> = BTreeMap::new();
        for (session, bytes) in batch {
            assert!(bytes.len() <= DATAGRAM_BYTES_MAX);
            *per_client.entry(*session).or_default() += bytes.len();
            if let Some(client) = self.clients.iter_mut().find(|c| c.session == *session) {
                client.down.send(self.now_ms, bytes);
            }
        }
        let most = per_client.values().copied().max().unwrap_or(0);
        self.bytes_per_tick_max = self.bytes_per_tick_max.max(most);
    }

    fn poll_client(&mut self, n: usize, in_tick_ms: u64) {
        let (now_ms, newest) = (self.now_ms, self.tick);
        let client = &mut self.clients[n];
        for bytes in client.down.arrived(now_ms) {
            let taken = client.core.handle_datagram(now_ms, &bytes);
            if let Some(message) = client.core.take_report() {
                let due_ms = now_ms + client.up.weather.delay_ms;
                client.reports.push((due_ms, message));
            }
            if let Some(tape) = &mut client.tape {
                tape.got(&bytes, &taken);
            }
            let unordered = client.down.weather.jitter_ms > 0;
            assert!(
                taken.is_ok() || unordered,
                "{taken:?}, seed {}",
                self.play.seed
            );
        }
        if in_tick_ms == client.phase_ms {
            let intent = client.decide();
            let bytes = client.core.next_intent_datagram(intent);
            if let Some(tape) = &mut client.tape {
                tape.sent(&client.core);
            }
            client.up.send(now_ms, &bytes);
        }
        let session = client.session;
        // The control stream: nothing is lost on it.
        for (_, message) in client
            .reports
            .extract_if(.., |(due_ms, _)| *due_ms <= now_ms)
        {
            client.reported += 1;
            self.hub
                .handle(now_ms, SessionEvent::Message { session, message });
        }
        if !client.down.silent {
            client.read_stream(now_ms);
            if let Some(message) = client.core.take_report() {
                let due_ms = now_ms + client.up.weather.delay_ms;
                client.reports.push((due_ms, message));
            }
        }
        for bytes in client.up.arrived(now_ms) {
            let bytes = Bytes::from(bytes);
            self.hub
                .handle(now_ms, SessionEvent::Datagram { session, bytes });
        }
        assert!(self.clients[n].core.tick() <= newest.after(20));
    }

    fn run_commands(&mut self) {
        while let Some(command) = self.hub.poll_command() {
            match command {
                SessionCommand::Send { session, message } => match message {
                    ServerMessage::Welcome(welcome) => {
                        self.welcomes.insert(session, welcome);
                    }
                    ServerMessage::Resumed { session, next, .. } => {
                        self.resumed.insert(session, next);
                    }
                    other => {
                        if let Some(client) = self.clients.iter_mut().find(|c| c.session == session)
                        {
                            client.stream.push_back(other);
                        }
                    }
                },
                close => self.closed.push(close),
            }
        }
    }

    pub fn check_presence(&mut self) {
        for (n, client) in self.clients.iter().enumerate() {
            self.oracle.check_presence(n, &client.core);
        }
    }

    /// Panics with the seed if anything was wrong.
    pub fn assert_clean(&self) {
        let shown: Vec<_> = self.oracle.violations.iter().take(5).collect();
        assert!(
            shown.is_empty(),
            "seed {}: {} violations at tick {}, the first: {shown:#?}\n{:#?}",
            self.play.seed,
            self.oracle.violations.len(),
            self.tick,
            self.hub.stats(),
        );
        assert!(self.oracle.compared > 0);
        let (most, budget) = (self.bytes_per_tick_max, self.play.budget_bytes as usize);
        assert!(most <= budget, "seed {}: {most} bytes", self.play.seed);
    }
}

impl Client {
    /// Messages on its stream that have not got through.
    pub fn unread(&self) -> usize {
        self.stream.len()
    }

    fn read_stream(&mut self, now_ms: u64) {
        for message in self.stream.drain(..) {
            match message {
                ServerMessage::Events { first, events } => self.events.take_events(first, &events),
                ServerMessage::Wounds {
                    tick,
                    wounds,
                    left_out,
                } => self.events.take_wounds(tick, &wounds, left_out),
                ServerMessage::Presence { number, count, sum } => {
                    self.core.handle_presence(now_ms, number, count, sum);
                }
                ServerMessage::Forget { number, ids } => self.core.handle_forget(number, &ids),
                _ => {}
            }
        }
        self.happened.extend(self.events.drain_events());
        self.wounds.extend(self.events.drain_wounds());
    }

    fn decide(&mut self) -> Intent {
        if self.dice.chance(0.1) {
            self.wish = DVec3::new(self.dice.sign(), self.dice.sign(), self.dice.sign());
        }
        let near = self.core.view().iter().next().map(|(id, _)| id);
        Intent {
            view_tick: self.core.tick(),
            wish: WishDir::from_dir(self.wish),
            pace: Intent::PACE_MAX,
            attack: near.filter(|_| self.dice.chance(0.1)),
            ..Intent::default()
        }
    }
}
