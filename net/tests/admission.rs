//! Handshake, admission, resumption and liveness as a whole, in virtual time: a few characters come, wait,
//! play, lose their lines and come back over lines that delay, reorder between each other and lose,
//! while a model of who is where looks on. Seeded: a failure names its seed.

mod moon;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bluemarble_net::server::event::{ResumeClaim, SessionCommand, SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, ReplicateInput};
use bluemarble_shared_protocol::codec::{Acks, IntentDatagram, Schema};
use bluemarble_shared_protocol::{
    BodyBits, ClientMessage, CloseCode, EntityId, Epoch, InputSeq, Intent, OwnPurse, OwnState,
    OwnVitals, ServerMessage, SessionId, Strain, Tick, WireEntity, WireFrame, hash_words,
};
use glam::DVec3;

const TICK_MS: u64 = 50;
/// Characters there are, and how many of them have room at once.
const CHARACTERS: u64 = 7;
const PLAYERS_MAX: usize = 3;
const WAITING_MAX: usize = 2;
const GRACE_MS: u64 = 2_000;
/// Whoever stands in line, or takes the place of somebody who did, hears of it within so long.
const ANSWER_MS: u64 = 1_100;
/// Slowest way from a client to the hub.
const DELAY_MS_MAX: u64 = 300;

/// What a client knows of its session.
#[derive(Debug)]
struct Client {
    avatar: EntityId,
    name: String,
    /// When its hello arrived; `None` before.
    arrived_ms: Option<u64>,
    /// Welcomed, or resumed.
    is_in: bool,
    /// The place in line it was told last.
    ahead: Option<u32>,
    /// The hub's word for its end, or its own.
    over: bool,
    /// Whether it acknowledges anything at all.
    answers: bool,
    /// Newest datagram that reached it, and how many did since it answered last.
    newest: u64,
    /// When its newest acknowledgement arrived.
    heard_ms: u64,
    /// Numbers of sent datagrams, by when, of the last second.
    sent_ms: Vec<u64>,
    numbered: u64,
}

/// The hub, the lines to it, and what should be so.
struct Scene {
    hub: Hub,
    seed: u64,
    drawn: u64,
    now_ms: u64,
    tick: Tick,
    next_session: u64,
    clients: BTreeMap<SessionId, Client>,
    /// By when they arrive and in which order they were sent.
    under_way: BTreeMap<(u64, u64), SessionEvent>,
    /// A stream keeps its order: when the newest of a session arrives.
    latest_ms: BTreeMap<SessionId, u64>,
    /// Avatars in the world, by what was sealed.
    inside: BTreeMap<EntityId, (String, u32)>,
    /// Those let in since the tick before.
    coming: BTreeSet<EntityId>,
    answered: u64,
    waited: u64,
    resumed: u64,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut config = HubConfig::new(moon::facts());
        config.limits.players_max = PLAYERS_MAX;
        config.limits.waiting_max = WAITING_MAX;
        config.limits.grace_ms = GRACE_MS;
        Self {
            hub: Hub::new(config),
            seed,
            drawn: 0,
            now_ms: 0,
            tick: Tick(0),
            next_session: 1,
            clients: BTreeMap::new(),
            under_way: BTreeMap::new(),
            latest_ms: BTreeMap::new(),
            inside: BTreeMap::new(),
            coming: BTreeSet::new(),
            answered: 0,
            waited: 0,
            resumed: 0,
        }
    }

    fn draw(&mut self, end: u64) -> u64 {
        self.drawn += 1;
        hash_words([self.seed, self.drawn]) % end
    }

    /// Puts an event on the way, behind those of the same session.
    fn post(&mut self, session: SessionId, event: SessionEvent) {
        let due_ms = self.now_ms + self.draw(DELAY_MS_MAX);
        let latest = self.latest_ms.entry(session).or_default();
        *latest = due_ms.max(*latest);
        let due_ms = *latest;
        self.drawn += 1;
        self.under_way.insert((due_ms, self.drawn), event);
    }

    fn come(&mut self, character: u64, claim: Option<ResumeClaim>) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let name = format!("c{character}");
        let avatar = EntityId::of_character(&name);
        let hello = VerifiedHello {
            name: name.as_str().into(),
            avatar,
            schema: Schema::NEWEST,
        };
        let answers = self.draw(4) > 0;
        let client = Client {
            avatar,
            name,
            arrived_ms: None,
            is_in: false,
            ahead: None,
            over: false,
            answers,
            newest: 0,
            heard_ms: 0,
            sent_ms: Vec::new(),
            numbered: 0,
        };
        self.clients.insert(session, client);
        let event = match claim {
            None => SessionEvent::Opened { session, hello },
            Some(claim) => SessionEvent::Resumed {
                session,
                hello,
                claim,
            },
        };
        self.post(session, event);
    }

    /// The client's connection is lost; the hub learns of it some time later.
    fn lose(&mut self, session: SessionId) {
        self.clients.get_mut(&session).expect("a client").over = true;
        self.post(session, SessionEvent::Closed { session });
    }

    fn live(&self) -> Vec<SessionId> {
        let live = self.clients.iter().filter(|(_, client)| !client.over);
        live.map(|(session, _)| *session).collect()
    }

    /// Somebody does something.
    fn act(&mut self) {
        let live = self.live();
        let somebody = match live.len() as u64 {
            0 => None,
            many => Some(live[self.draw(many) as usize]),
        };
        match (self.draw(16), somebody) {
            (0..=3, _) => {
                let character = self.draw(CHARACTERS);
                self.come(character, None);
            }
            (4..=6, Some(session)) => {
                self.lose(session);
                if self.draw(3) > 0 {
                    self.come_back(session);
                }
            }
            // A claim without a loss, or an old one again: the connection may be dead for all we know.
            (7, _) if self.next_session > 1 => {
                let any = SessionId(1 + self.draw(self.next_session - 1));
                self.come_back(any);
            }
            (8, Some(session)) => {
                let message = ClientMessage::Goodbye;
                self.post(session, SessionEvent::Message { session, message });
            }
            (9, Some(session)) => {
                let message = ClientMessage::Cards {
                    ids: vec![EntityId(1)],
                };
                self.post(session, SessionEvent::Message { session, message });
            }
            (10, Some(session)) => {
                let bytes = vec![0xff; 20].into();
                self.post(session, SessionEvent::Datagram { session, bytes });
            }
            (11, _) => {
                let level = if self.draw(3) == 0 {
                    Strain::LOGINS_QUEUE
                } else {
                    0
                };
                self.hub.set_strain(Strain::new(level, 0));
            }
            (12, _) if self.draw(6) == 0 => {
                let avatar = EntityId::of_character(&format!("c{}", self.draw(CHARACTERS)));
                let (code, reason) = (CloseCode::Kicked, "out".to_owned());
                let event = SessionEvent::Expel {
                    avatar,
                    code,
                    reason,
                };
                self.hub.handle(self.now_ms, event);
                self.obey();
            }
            // Somebody's avatar arrives without them, from another world.
            (13, _) if self.draw(4) == 0 => {
                let name = format!("c{}", self.draw(CHARACTERS));
                let avatar = EntityId::of_character(&name);
                if !self.hub.knows(avatar) || self.hub.stats().waiting > 0 {
                    self.inside.entry(avatar).or_insert((name, 0));
                    self.hub.adopt(&[avatar]);
                }
            }
            _ => {}
        }
    }

    fn come_back(&mut self, of: SessionId) {
        let client = &self.clients[&of];
        let claim = ResumeClaim {
            session: of,
            newest: client.newest,
            before: 0,
            events: 0,
        };
        let character = client.name[1..].parse().expect("a number");
        self.come(character, Some(claim));
    }

    /// What has arrived by now.
    fn deliver(&mut self) {
        while let Some(due) = self.under_way.first_entry() {
            if due.key().0 > self.now_ms {
                return;
            }
            let event = due.remove();
            if let SessionEvent::Opened { session, .. } | SessionEvent::Resumed { session, .. } =
                &event
            {
                let client = self.clients.get_mut(session).expect("a client");
                client.arrived_ms = Some(self.now_ms);
                client.heard_ms = self.now_ms;
            }
            self.hub.handle(self.now_ms, event);
            self.obey();
        }
    }

    /// The driver's part, and what may be said to whom.
    fn obey(&mut self) {
        while let Some(command) = self.hub.poll_command() {
            match command {
                SessionCommand::Send { session, message } => self.told(session, &message),
                SessionCommand::Close { session, .. } => {
                    let client = self.clients.get_mut(&session).expect("a client");
                    assert!(client.arrived_ms.is_some(), "closed before its hello");
                    client.is_in = false;
                    client.ahead = None;
                    // The driver reports the end of what was closed, too, unless that is under way.
                    if !std::mem::replace(&mut client.over, true) {
                        self.post(session, SessionEvent::Closed { session });
                    }
                }
            }
        }
    }

    fn told(&mut self, session: SessionId, message: &ServerMessage) {
        let client = self.clients.get_mut(&session).expect("a client");
        let avatar = client.avatar;
        match message {
            ServerMessage::Queued { ahead } => {
                assert!(!client.is_in, "somebody inside is told to wait");
                assert!(
                    client.ahead.is_none_or(|before| *ahead < before),
                    "{session:?} falls back in line"
                );
                assert!(
                    (*ahead as usize) < WAITING_MAX,
                    "a line longer than it may be"
                );
                client.ahead = Some(*ahead);
                self.waited += 1;
            }
            ServerMessage::Welcome(_) | ServerMessage::Resumed { .. } => {
                assert!(!client.is_in, "welcomed twice");
                client.is_in = true;
                client.ahead = None;
                client.heard_ms = self.now_ms;
                self.answered += 1;
                self.resumed += u64::from(matches!(message, ServerMessage::Resumed { .. }));
                // Whoever is in the world already may always come back to it.
                let newcomer = !self.inside.contains_key(&avatar) && self.coming.insert(avatar);
                assert!(
                    !newcomer || self.seated() <= PLAYERS_MAX,
                    "a newcomer is let into a full world"
                );
            }
            ServerMessage::Cards(_)
            | ServerMessage::Events { .. }
            | ServerMessage::Wounds { .. }
            | ServerMessage::Presence { .. }
            | ServerMessage::Forget { .. }
            | ServerMessage::Gift(_)
            | ServerMessage::Purse { .. } => {
                assert!(client.is_in, "the world is told to a stranger");
            }
            ServerMessage::Closing { .. } | ServerMessage::Token { .. } => {
                panic!("that is the driver's to say");
            }
        }
    }

    /// Sessions that believe to be in the world.
    fn seated(&self) -> usize {
        let clients = self.clients.values();
        clients
            .filter(|client| client.is_in && !client.over)
            .count()
    }

    fn tick(&mut self) {
        self.now_ms += TICK_MS;
        self.deliver();
        self.tick = self.tick.next();
        let inputs = self.hub.seal(self.now_ms, self.tick);
        self.obey();
        assert!(inputs.admissions.is_sorted_by(|a, b| a.avatar < b.avatar));
        for admission in &inputs.admissions {
            assert!(!inputs.leaves.contains(&admission.avatar), "comes and goes");
            let known = (admission.name.shown().to_string(), 0);
            self.inside.entry(admission.avatar).or_insert(known);
        }
        self.coming.clear();
        for avatar in &inputs.leaves {
            self.inside.remove(avatar);
        }
        for (avatar, intent) in &inputs.intents {
            let (_, applied) = self.inside.get_mut(avatar).expect("an intent of nobody");
            assert!(intent.seq.0 > *applied, "an intent twice");
            *applied = intent.seq.0;
        }
        self.replicate();
        self.check();
    }

    fn replicate(&mut self) {
        let frames = [Arc::new(self.frame())];
        let batch = self.hub.replicate(ReplicateInput {
            tick: self.tick,
            epoch: Epoch(1),
            durable: self.tick,
            frames: &frames,
        });
        self.obey();
        for (session, bytes) in batch {
            let lost = self.draw(10) == 0;
            let client = self.clients.get_mut(&session).expect("a client");
            assert!(client.is_in, "{session:?} is sent a world it is not in");
            client.sent_ms.push(self.now_ms);
            // The numbers of a session that goes on do so, too: they are read off the wire.
            client.numbered = u64::from(u16::from_le_bytes([bytes[1], bytes[2]]));
            if lost || client.over {
                continue;
            }
            client.newest = client.numbered;
            if client.answers {
                let acks = Acks {
                    newest: client.newest as u16,
                    before: 0,
                };
                let intent = Intent {
                    seq: InputSeq(self.tick.0 as u32),
                    view_tick: self.tick,
                    ..Intent::default()
                };
                let bytes = IntentDatagram::encode(Some(acks), &[intent]).into();
                self.post(session, SessionEvent::Datagram { session, bytes });
            }
        }
    }

    fn frame(&self) -> WireFrame {
        let mut frame = WireFrame {
            tick: self.tick,
            ..WireFrame::default()
        };
        for (row, (id, (name, applied))) in (0..).zip(&self.inside) {
            frame.ids.push(*id);
            frame.states.push(WireEntity {
                health: 255,
                action_n: self.tick.0 as u8,
                ..WireEntity::default()
            });
            frame.audience.push(u32::MAX);
            let aside = 3.0 * f64::from(row);
            frame.positions.push(DVec3::new(moon::RADIUS_M, aside, 0.0));
            frame.owned.push(OwnState {
                id: *id,
                row,
                name: name.as_str().into(),
                applied: InputSeq(*applied),
                touched: false,
                body: BodyBits::default(),
                body_hash: 0,
                vitals: OwnVitals::default(),
                fell_to: None,
                felled: Vec::new(),
                purse: OwnPurse::default(),
            });
        }
        frame
    }

    /// What holds after every tick.
    fn check(&mut self) {
        let mut seats = BTreeSet::new();
        for (session, client) in &mut self.clients {
            if client.is_in && !client.over {
                assert!(
                    seats.insert(client.avatar),
                    "two in the seat of {}",
                    client.name
                );
            }
            let waits_ms = client.arrived_ms.map_or(0, |at| self.now_ms - at);
            let heard = client.is_in || client.over || client.ahead.is_some();
            assert!(
                heard || waits_ms <= ANSWER_MS,
                "{session:?} of {} was never answered",
                client.name
            );
            client.sent_ms.retain(|at| self.now_ms - at < 1_000);
            // A second until it is quiet, and the second that is looked at.
            let silent = self.now_ms.saturating_sub(client.heard_ms) > 2_100 && !client.answers;
            assert!(
                !silent || client.sent_ms.len() <= 5,
                "{} a second for somebody who never answers",
                client.sent_ms.len()
            );
        }
        let stats = self.hub.stats();
        assert!(stats.waiting as usize <= WAITING_MAX);
        assert!(stats.sessions <= CHARACTERS);
        assert!(stats.parked <= CHARACTERS);
    }

    /// Everybody goes; nothing of them may be left.
    fn end(&mut self) {
        self.hub.set_strain(Strain::NONE);
        for session in self.live() {
            self.lose(session);
        }
        for _ in 0..(GRACE_MS + DELAY_MS_MAX + 1_000) / TICK_MS + 5 {
            self.tick();
        }
        assert!(
            self.hub.is_deserted(),
            "somebody is left: {:?}",
            self.hub.stats()
        );
        let stats = self.hub.stats();
        assert_eq!((stats.sessions, stats.parked, stats.waiting), (0, 0, 0));
        assert_eq!(self.inside, BTreeMap::new(), "an avatar stays for ever");
    }
}

fn play(seed: u64, ticks: u64) -> Scene {
    let mut scene = Scene::new(seed);
    for _ in 0..ticks {
        for _ in 0..scene.draw(3) {
            scene.act();
        }
        scene.tick();
    }
    scene.end();
    scene
}

#[test]
fn whatever_comes_over_bad_lines_everybody_is_answered_and_nobody_sits_in_two_seats() {
    let (mut answered, mut waited, mut resumed) = (0, 0, 0);
    for seed in 0..200 {
        let played = std::panic::catch_unwind(|| play(seed, 400));
        let scene = played.unwrap_or_else(|_| panic!("seed {seed}"));
        answered += scene.answered;
        waited += scene.waited;
        resumed += scene.resumed;
    }
    // All that is judged has happened.
    assert!(answered > 6_000 && waited > 1_500 && resumed > 1_000);
}
