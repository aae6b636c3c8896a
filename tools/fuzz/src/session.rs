//! The session machine under a script: sessions come, go, come back, say anything, acknowledge what
//! they like, and ticks pass. It never panics, keeps to its budget and closes what it must.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_net::client::{ClientConfig, ClientCore};
use bluemarble_net::server::event::{SessionCommand, SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, ReplicateInput, WorldFacts};
use bluemarble_shared_protocol::codec::{Acks, IntentDatagram, Schema};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    ClientMessage, EntityId, Epoch, InputSeq, Intent, OwnPurse, OwnState, OwnVitals, SessionId,
    Strain, Tick, WireEntity, WireFrame, Wound,
};
use bluemarble_spatial::{CellId, FrameAxes, Level};
use bytes::Bytes;
use glam::DVec3;

const RADIUS_M: f64 = 50_000.0;
const LEVEL: Level = Level::of(6);
/// Characters there are; several sessions may want one.
const CHARACTERS: u64 = 6;
/// Who is always there.
const STANDING: u64 = 12;
/// Sessions and ticks of one script, at most.
const SESSIONS_MAX: u64 = 32;
const TICKS_MAX: u64 = 200;

struct Game {
    hub: Hub,
    now_ms: u64,
    tick: Tick,
    epoch: Epoch,
    opened: u64,
    /// Sessions the driver believes in, and what their clients know.
    open: BTreeMap<SessionId, ClientCore>,
    /// Avatars in the world, with their newest input.
    inside: BTreeMap<EntityId, (u64, u32)>,
}

fn character(n: u64) -> (String, EntityId) {
    let name = format!("c{}", n % CHARACTERS);
    let avatar = EntityId::of_character(&name);
    (name, avatar)
}

impl Game {
    fn new() -> Self {
        let config = HubConfig::new(WorldFacts {
            epoch: Epoch(1),
            tick: Tick(1_000),
            tick_hz: 20,
            planet: "moon".into(),
            planet_hash: 1,
            radius_m: RADIUS_M,
            frame_level: LEVEL,
            kinds: vec!["walker".into()],
        });
        Self {
            hub: Hub::new(config),
            now_ms: 0,
            tick: Tick(1_000),
            epoch: Epoch(1),
            opened: 0,
            open: BTreeMap::new(),
            inside: BTreeMap::new(),
        }
    }

    fn open(&mut self, n: u64) -> Option<SessionId> {
        if self.opened == SESSIONS_MAX {
            return None;
        }
        self.opened += 1;
        let session = SessionId(self.opened);
        let (name, avatar) = character(n);
        let schema = Schema::SUPPORTED[n as usize / 3 % Schema::SUPPORTED.len()];
        let hello = VerifiedHello {
            name: name.into(),
            avatar,
            schema,
        };
        self.open.insert(
            session,
            ClientCore::new(ClientConfig {
                avatar,
                epoch: self.epoch,
                tick: self.tick,
                tick_hz: 20,
                schema,
                predictor: None,
            }),
        );
        self.hub
            .handle(self.now_ms, SessionEvent::Opened { session, hello });
        self.obey();
        Some(session)
    }

    fn close(&mut self, session: SessionId) {
        if self.open.remove(&session).is_some() {
            self.hub
                .handle(self.now_ms, SessionEvent::Closed { session });
        }
    }

    fn datagram(&mut self, session: SessionId, bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        self.hub
            .handle(self.now_ms, SessionEvent::Datagram { session, bytes });
        self.obey();
    }

    /// A tick; datagrams reach the sessions whose bit is set.
    fn tick(&mut self, reached: u64, honest: u64) -> Vec<Vec<u8>> {
        self.now_ms += 50;
        self.tick = self.tick.next();
        let inputs = self.hub.seal(self.now_ms, self.tick);
        for admission in &inputs.admissions {
            let n = self.inside.len() as u64;
            self.inside.entry(admission.avatar).or_insert((n, 0));
        }
        for avatar in &inputs.leaves {
            self.inside.remove(avatar);
        }
        for (avatar, intent) in &inputs.intents {
            let (_, applied) = self
                .inside
                .get_mut(avatar)
                .expect("intents of somebody who is not there");
            assert!(intent.seq.0 > *applied, "an input is applied twice");
            assert!(intent.view_tick < self.tick, "somebody sees the future");
            *applied = intent.seq.0;
        }
        let frames = [Arc::new(self.publish())];
        let batch = self.hub.replicate(ReplicateInput {
            tick: self.tick,
            epoch: self.epoch,
            durable: Tick(self.tick.0 - 2),
            frames: &frames,
        });
        let mut first = Vec::new();
        let mut per_session: BTreeMap<SessionId, usize> = BTreeMap::new();
        for (session, bytes) in batch {
            let sum = per_session.entry(session).or_default();
            *sum += bytes.len();
            assert!(
                bytes.len() <= DATAGRAM_BYTES_MAX && *sum <= 1_100,
                "over the budget"
            );
            if session == SessionId(1) {
                first.push(bytes.to_vec());
            }
            let gets = reached >> (session.0 % 64) & 1 == 1;
            if let Some(core) = self.open.get_mut(&session).filter(|_| gets) {
                // Whoever lied about what it has cannot read what it gets.
                let _unreadable = core.handle_datagram(self.now_ms, &bytes);
            }
        }
        let answers: Vec<_> = self
            .open
            .iter_mut()
            .filter(|(session, _)| honest >> (session.0 % 64) & 1 == 1)
            .map(|(session, core)| (*session, core.next_intent_datagram(Intent::default())))
            .collect();
        for (session, bytes) in answers {
            self.datagram(session, bytes);
        }
        self.obey();
        first
    }

    /// The driver's part: closes what the hub wants closed.
    fn obey(&mut self) {
        while let Some(command) = self.hub.poll_command() {
            if let SessionCommand::Close { session, .. } = command {
                self.close(session);
            }
        }
    }

    fn publish(&self) -> WireFrame {
        let centre = DVec3::new(0.3, 0.2, 0.9).normalize() * RADIUS_M;
        let cell = CellId::at(centre, LEVEL);
        let axes = FrameAxes::of(cell, RADIUS_M);
        let mut frame = WireFrame {
            tick: self.tick,
            ..WireFrame::default()
        };
        let standing = (0..STANDING).map(|n| (EntityId(n + 1), n, None));
        let avatars = self
            .inside
            .iter()
            .map(|(id, (n, applied))| (*id, STANDING + n, Some(*applied)));
        for (id, n, applied) in standing.chain(avatars) {
            let turn = (n * 37 + self.tick.0 % 400) as f64 / 50.0;
            let pos = centre + axes.to_planet(DVec3::ZERO).any_orthonormal_vector() * (turn * 12.0);
            let pos = pos.normalize() * RADIUS_M;
            let row = frame.ids.len() as u32;
            frame.ids.push(id);
            frame.states.push(WireEntity {
                cell: cell.0,
                pos_cm: bluemarble_shared_protocol::codec::quantise::position_cm(
                    axes.to_local(pos),
                ),
                vel_cmps: [(n % 3) as i16 * 100, 0, 0],
                health: 255,
                action_n: (self.tick.0 / 16 + n) as u8,
                ..WireEntity::default()
            });
            frame.audience.push(u32::MAX);
            frame.positions.push(pos);
            if (n + self.tick.0).is_multiple_of(5) {
                frame.wounds.push(Wound {
                    target: id,
                    attacker: Some(EntityId(1 + self.tick.0 % STANDING)),
                    amount: 7,
                    fatal: n.is_multiple_of(3),
                });
            }
            if let Some(applied) = applied {
                frame.owned.push(OwnState {
                    id,
                    row,
                    name: Arc::from("c"),
                    applied: InputSeq(applied),
                    touched: self.tick.0.is_multiple_of(7),
                    body: Default::default(),
                    body_hash: 1,
                    vitals: OwnVitals::default(),
                    fell_to: None,
                    felled: Vec::new(),
                    purse: OwnPurse::default(),
                });
            }
        }
        frame
    }
}

/// Takes bytes off an input; zeros behind its end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte()).min(self.0.len());
        self.0.split_off(..length).unwrap_or_default().to_vec()
    }
}

pub(crate) fn run(data: &[u8]) {
    let mut script = Script(data);
    let mut game = Game::new();
    let mut ticks = 0;
    while !script.0.is_empty() && ticks < TICKS_MAX {
        let op = script.byte();
        let session = SessionId(u64::from(op >> 3) + 1);
        match op & 7 {
            0 => {
                game.open(u64::from(op >> 3));
            }
            1 => {
                let bytes = script.bytes();
                game.datagram(session, bytes);
            }
            2 => {
                let (word, more) = (script.word(), script.word());
                let acks = (word & 1 == 1).then_some(Acks {
                    newest: (word >> 1) as u16,
                    before: (word >> 32) as u32,
                });
                let intents: Vec<Intent> = (0..more & 7)
                    .map(|n| Intent {
                        seq: InputSeq(((more >> 8) as u32).wrapping_add(n as u32)),
                        view_tick: Tick((more >> 40) + n),
                        pace: (word & 15) as u8,
                        attack: (more >> 7 & 1 == 1).then_some(EntityId(word)),
                        ..Intent::default()
                    })
                    .collect();
                game.datagram(session, IntentDatagram::encode(acks, &intents));
            }
            3 => {
                let ids = vec![
                    EntityId(script.word()),
                    EntityId(u64::from(op)),
                    character(u64::from(op)).1,
                ];
                let message = ClientMessage::Cards { ids };
                game.hub
                    .handle(game.now_ms, SessionEvent::Message { session, message });
                game.obey();
            }
            4 => game.close(session),
            5 | 6 => {
                let word = script.word();
                let times = if op & 7 == 6 { 16 } else { 1 };
                for _ in 0..times {
                    game.tick(word | word << 32, word >> 32 | word);
                }
                ticks += times;
            }
            _ => match op >> 3 {
                0..=7 => game.hub.set_strain(Strain::new(op >> 3, 0)),
                8..=15 => game.now_ms += u64::from(script.byte()) * 50,
                16..=19 => {
                    game.epoch = Epoch(game.epoch.0 + 1);
                    game.tick = Tick(game.tick.0.saturating_sub(20).max(10));
                }
                20..=23 => game.hub.set_layers(session, script.word() as u32),
                24..=27 => game.hub.expel(game.now_ms, &[character(u64::from(op)).1]),
                _ => {
                    game.open(u64::from(op >> 3));
                }
            },
        }
        assert!(game.hub.stats().sessions <= game.open.len() as u64 + 1);
    }
}

/// What the first of a few honest clients is sent.
pub(crate) fn datagrams_of_a_short_game() -> Vec<Vec<u8>> {
    let mut game = Game::new();
    for n in 0..4 {
        game.open(n);
    }
    (0..30)
        .flat_map(|_| game.tick(u64::MAX, u64::MAX))
        .collect()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let tick = |op: u8| {
        let mut ops = vec![op];
        ops.extend([0xff; 8]);
        ops
    };
    vec![
        [vec![0, 8, 16], tick(6), tick(5)].concat(),
        [
            vec![0, 8],
            tick(6),
            vec![4, 0],
            tick(6),
            vec![7 + 8 * 16],
            tick(6),
        ]
        .concat(),
        [
            vec![0],
            tick(5),
            vec![1, 3, 9, 9, 9],
            tick(5),
            vec![2],
            vec![3; 16],
            vec![3],
            vec![1; 8],
            tick(6),
        ]
        .concat(),
    ]
}
