//! What a hub does with sessions that behave badly, and with those that behave: one peer's fault
//! costs that peer alone, with a code, and is counted.

mod moon;

use std::sync::Arc;

use bluemarble_net::server::event::{SessionCommand, SessionEvent, VerifiedHello};
use bluemarble_net::server::{Hub, HubConfig, ReplicateInput};
use bluemarble_shared_protocol::codec::{IntentDatagram, Schema};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    BodyBits, ClientMessage, CloseCode, EntityId, Epoch, GameEvent, InputSeq, Intent, OwnPurse,
    OwnState, OwnVitals, PlayerInputs, ServerMessage, SessionId, Tick, WireEntity, WireFrame,
};
use bytes::Bytes;
use glam::DVec3;

/// A hub, and a world in which avatars stand in a row, ten metres apart.
struct Hall {
    hub: Hub,
    avatars: Vec<(EntityId, String, InputSeq, OwnVitals)>,
    /// Killer and victim of the tick.
    blow: Option<(EntityId, EntityId)>,
    now_ms: u64,
    tick: Tick,
    inputs: PlayerInputs,
}

impl Hall {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut HubConfig)) -> Self {
        let mut config = HubConfig::new(moon::facts());
        change(&mut config);
        Self {
            hub: Hub::new(config),
            avatars: Vec::new(),
            blow: None,
            now_ms: 0,
            tick: Tick(0),
            inputs: PlayerInputs::default(),
        }
    }

    fn open(&mut self, session: u64, name: &str) -> EntityId {
        let avatar = EntityId::of_character(name);
        let hello = VerifiedHello {
            name: name.into(),
            avatar,
            schema: Schema::NEWEST,
        };
        let session = SessionId(session);
        self.hub
            .handle(self.now_ms, SessionEvent::Opened { session, hello });
        avatar
    }

    fn datagram(&mut self, session: u64, bytes: Vec<u8>) {
        let event = SessionEvent::Datagram {
            session: SessionId(session),
            bytes: bytes.into(),
        };
        self.hub.handle(self.now_ms, event);
    }

    fn message(&mut self, session: u64, message: ClientMessage) {
        let session = SessionId(session);
        self.hub
            .handle(self.now_ms, SessionEvent::Message { session, message });
    }

    fn frames(&self) -> Vec<Arc<WireFrame>> {
        let mut frame = WireFrame {
            tick: self.tick,
            ..WireFrame::default()
        };
        for (row, (id, name, applied, vitals)) in (0..).zip(&self.avatars) {
            frame.ids.push(*id);
            frame.states.push(WireEntity {
                health: (vitals.health > 0).into(),
                ..WireEntity::default()
            });
            frame.audience.push(u32::MAX);
            frame
                .positions
                .push(DVec3::new(moon::RADIUS_M, 10.0 * f64::from(row), 0.0));
            frame.owned.push(OwnState {
                id: *id,
                row,
                name: name.as_str().into(),
                applied: *applied,
                touched: false,
                body: BodyBits::default(),
                body_hash: 0,
                vitals: *vitals,
                fell_to: self
                    .blow
                    .filter(|(_, victim)| victim == id)
                    .map(|(killer, _)| killer),
                felled: self
                    .blow
                    .iter()
                    .filter(|(killer, _)| killer == id)
                    .map(|b| b.1)
                    .collect(),
                purse: OwnPurse::default(),
            });
        }
        vec![Arc::new(frame)]
    }

    fn tick(&mut self) -> Vec<(SessionId, Bytes)> {
        self.now_ms += 50;
        self.tick = self.tick.next();
        self.inputs = self.hub.seal(self.now_ms, self.tick);
        for leave in &self.inputs.leaves {
            self.avatars.retain(|(id, ..)| id != leave);
        }
        for admission in &self.inputs.admissions {
            if !self.avatars.iter().any(|(id, ..)| *id == admission.avatar) {
                let vitals = OwnVitals {
                    health: 100,
                    ..OwnVitals::default()
                };
                let name = admission.name.shown().to_string();
                self.avatars
                    .push((admission.avatar, name, InputSeq(0), vitals));
            }
        }
        for (id, intent) in &self.inputs.intents {
            if let Some(avatar) = self.avatars.iter_mut().find(|(known, ..)| known == id) {
                avatar.2 = intent.seq;
            }
        }
        let frames = self.frames();
        self.hub.replicate(ReplicateInput {
            tick: self.tick,
            epoch: Epoch(1),
            durable: self.tick,
            frames: &frames,
        })
    }

    fn commands(&mut self) -> Vec<SessionCommand> {
        std::iter::from_fn(|| self.hub.poll_command()).collect()
    }

    fn closes(&mut self) -> Vec<(u64, CloseCode)> {
        let close = |command| match command {
            SessionCommand::Close { session, code, .. } => Some((session.0, code)),
            SessionCommand::Send { .. } => None,
        };
        self.commands().into_iter().filter_map(close).collect()
    }

    fn events(&mut self) -> Vec<(u64, GameEvent)> {
        let mut told = Vec::new();
        for command in self.commands() {
            if let SessionCommand::Send {
                session,
                message: ServerMessage::Events { events, .. },
            } = command
            {
                told.extend(events.iter().map(|timed| (session.0, timed.event)));
            }
        }
        told
    }
}

fn intents(from: u32, count: u32, view_tick: u64, attack: Option<EntityId>) -> Vec<u8> {
    let intents: Vec<Intent> = (from..from + count)
        .map(|seq| Intent {
            seq: InputSeq(seq),
            view_tick: Tick(view_tick),
            attack,
            ..Intent::default()
        })
        .collect();
    IntentDatagram::encode(None, &intents)
}

#[test]
fn a_session_is_welcomed_admitted_and_shown_the_others() {
    let mut hall = Hall::new();
    let avatar = hall.open(1, "ada");
    hall.open(2, "bob");
    let welcomes = hall.commands();
    assert!(matches!(
        &welcomes[0],
        SessionCommand::Send { session: SessionId(1), message: ServerMessage::Welcome(welcome) }
            if welcome.avatar == avatar && welcome.planet_hash == 3
    ));
    assert_eq!(hall.tick().len(), 2);
    assert_eq!(hall.inputs.admissions.len(), 2);
    assert!(hall.inputs.admissions.is_sorted_by_key(|a| a.avatar));
    assert_eq!(hall.hub.stats().in_view, 2);
    hall.datagram(1, intents(1, 3, 1, None));
    hall.tick();
    assert!(hall.inputs.admissions.is_empty());
    assert_eq!(hall.inputs.intents.len(), 1);
}

#[test]
fn a_flooding_session_is_closed_and_its_neighbour_is_not() {
    let mut hall = Hall::with(|config| config.limits.datagrams_burst = 10);
    hall.open(1, "ada");
    hall.open(2, "bob");
    for _ in 0..11 {
        hall.datagram(1, intents(1, 1, 0, None));
    }
    hall.datagram(2, intents(1, 1, 0, None));
    assert_eq!(hall.closes(), [(1, CloseCode::Flooding)]);
    assert_eq!(hall.hub.stats().closed_with(CloseCode::Flooding), 1);
    assert_eq!(hall.hub.stats().datagrams_flooding, 1);
    assert_eq!(hall.hub.stats().sessions, 1);
    hall.datagram(1, intents(1, 1, 0, None));
    assert_eq!(hall.hub.stats().events_late, 1);
}

#[test]
fn a_few_malformed_datagrams_are_forgiven_more_are_not() {
    let mut hall = Hall::with(|config| config.limits.malformed_max = 2);
    hall.open(1, "ada");
    for _ in 0..2 {
        hall.datagram(1, vec![0x21, 0xff, 0xff]);
    }
    assert_eq!(hall.closes(), []);
    hall.datagram(1, vec![]);
    assert_eq!(hall.closes(), [(1, CloseCode::Malformed)]);
    assert_eq!(hall.hub.stats().datagrams_malformed, 3);
}

#[test]
fn an_oversized_datagram_and_a_second_hello_close_at_once() {
    let mut hall = Hall::new();
    hall.open(1, "ada");
    hall.open(2, "bob");
    hall.datagram(1, vec![0x21; DATAGRAM_BYTES_MAX + 1]);
    let hello = ClientMessage::Hello {
        protocol: 2,
        ticket: String::new(),
        client: String::new(),
        knows: Vec::new(),
    };
    hall.message(2, hello);
    assert_eq!(
        hall.closes(),
        [(1, CloseCode::Oversized), (2, CloseCode::Unexpected)]
    );
}

#[test]
fn the_newest_connection_of_a_character_wins_and_its_numbers_go_on() {
    let mut hall = Hall::new();
    let avatar = hall.open(1, "ada");
    hall.tick();
    hall.datagram(1, intents(1, 5, 0, None));
    for _ in 0..5 {
        hall.tick();
    }
    assert_eq!(hall.avatars[0].2, InputSeq(5));
    hall.open(2, "ada");
    assert_eq!(hall.closes(), [(1, CloseCode::ReplacedByNewSession)]);
    hall.tick();
    assert_eq!(hall.inputs.admissions[0].avatar, avatar);
    hall.datagram(2, intents(1, 1, 0, None));
    hall.tick();
    assert_eq!(hall.inputs.intents[0].1.seq, InputSeq(6));
    let closed = SessionEvent::Closed {
        session: SessionId(1),
    };
    hall.hub.handle(hall.now_ms, closed);
    assert_eq!(hall.hub.stats().unattended, 0);
}

#[test]
fn a_goodbye_lets_the_avatar_leave_at_once() {
    let mut hall = Hall::new();
    let avatar = hall.open(1, "ada");
    hall.tick();
    hall.message(1, ClientMessage::Goodbye);
    hall.tick();
    assert_eq!(hall.inputs.leaves, [avatar]);
    assert_eq!(hall.tick(), [], "nothing to show to nobody");
}

#[test]
fn view_ticks_are_clamped_to_the_recent_past() {
    let mut hall = Hall::with(|config| config.limits.rewind_ms_max = 200);
    hall.open(1, "ada");
    for _ in 0..30 {
        hall.tick();
    }
    hall.datagram(1, intents(1, 1, 3, None));
    hall.tick();
    assert_eq!(hall.inputs.intents[0].1.view_tick, Tick(27));
    hall.datagram(1, intents(2, 1, 900, None));
    hall.tick();
    assert_eq!(hall.inputs.intents[0].1.view_tick, Tick(31));
    assert_eq!(hall.hub.stats().view_ticks_clamped, 2);
}

#[test]
fn cards_are_given_for_what_is_in_view_and_for_nothing_else() {
    let mut hall = Hall::with(|config| {
        config.interest.enter_m = 15.0;
        config.interest.exit_m = 15.0;
    });
    let ids = ["ada", "bob", "cyd"]
        .map(|name| (EntityId::of_character(name), name))
        .map(|(id, name)| {
            hall.open(u64::from(name.as_bytes()[0]), name);
            hall.tick();
            id
        });
    hall.commands();
    // The same again and again, which makes no difference.
    let everybody = [ids[0], ids[1], ids[2], EntityId(1)];
    let ask = everybody.into_iter().cycle();
    let ask = ask.take(256).collect();
    hall.message(u64::from(b'a'), ClientMessage::Cards { ids: ask });
    let [
        SessionCommand::Send {
            message: ServerMessage::Cards(cards),
            ..
        },
    ] = &hall.commands()[..]
    else {
        panic!("one answer");
    };
    let names: Vec<_> = cards.iter().map(|card| card.name.as_deref()).collect();
    assert_eq!(
        names,
        [Some("ada"), Some("bob")],
        "cyd stands twenty metres off"
    );
    assert_eq!(hall.hub.stats().cards_refused, 2);
}

#[test]
fn deaths_returns_and_kills_are_told() {
    let mut hall = Hall::new();
    let ada = hall.open(1, "ada");
    let bob = hall.open(2, "bob");
    let cyd = hall.open(3, "cyd");
    hall.tick();
    // Whoever merely aims at the victim is not its killer.
    hall.datagram(3, intents(1, 1, 0, Some(bob)));
    hall.tick();
    hall.events();
    let of = |hall: &Hall, id| {
        hall.avatars
            .iter()
            .position(|(avatar, ..)| *avatar == id)
            .unwrap()
    };
    let (ada_row, bob_row) = (of(&hall, ada), of(&hall, bob));
    hall.avatars[bob_row].3.health = 0;
    hall.avatars[bob_row].3.deaths = 1;
    hall.avatars[ada_row].3.kills = 1;
    hall.blow = Some((ada, bob));
    hall.tick();
    hall.blow = None;
    assert_ne!(ada, cyd);
    assert_eq!(
        hall.events(),
        [
            (1, GameEvent::Killed { victim: Some(bob) }),
            (2, GameEvent::Died { killer: Some(ada) })
        ]
    );
    hall.avatars[bob_row].3.health = 100;
    hall.tick();
    assert_eq!(hall.events(), [(2, GameEvent::Respawned)]);
}

#[test]
fn messages_to_a_driver_that_does_not_listen_are_bounded() {
    let mut hall = Hall::with(|config| config.limits.commands_max = 3);
    for session in 1..=10 {
        hall.open(session, &format!("player {session}"));
    }
    assert_eq!(hall.hub.stats().commands_dropped, 7);
    assert_eq!(hall.commands().len(), 3);
}

#[test]
fn random_bytes_and_events_in_any_order_disturb_nobody() {
    let mut hall = Hall::with(|config| config.limits.malformed_max = u32::MAX);
    let mut word = 7_u64;
    let mut random = || {
        word = bluemarble_shared_protocol::mix64(word);
        word
    };
    for _ in 0..3_000 {
        let session = 1 + random() % 6;
        match random() % 12 {
            0 => drop(hall.open(session, &format!("player {}", random() % 4))),
            1 => {
                let session = SessionId(session);
                hall.hub
                    .handle(hall.now_ms, SessionEvent::Closed { session });
            }
            2 => hall.message(session, ClientMessage::Goodbye),
            3..=5 => drop(hall.tick()),
            6 => hall.datagram(
                session,
                intents(1 + random() as u32 % 50, 3, random(), None),
            ),
            _ => {
                let mut bytes: Vec<u8> = (0..random() % 60).map(|_| random() as u8).collect();
                if let Some(first) = bytes.first_mut() {
                    *first = 0x21;
                }
                hall.datagram(session, bytes);
            }
        }
        hall.commands();
    }
    assert!(hall.hub.stats().datagrams_malformed > 100);
    assert!(hall.hub.stats().intents_sealed > 0);
}
