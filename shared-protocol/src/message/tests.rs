//! Golden bytes of every message, and what is refused.

use super::*;
use crate::gift::{AssetId, GiftOutcome, LifeId, Stack};
use crate::hash::mix64;
use crate::limits::REPORTED_STATES_MAX;
use crate::wire_frame::Action;

fn welcome() -> Welcome {
    Welcome {
        session: SessionId(1),
        avatar: EntityId(2),
        epoch: Epoch(3),
        tick: Tick(4),
        tick_hz: 20,
        planet: "earth".to_owned(),
        planet_hash: 5,
        radius_m: 6_371_000.0,
        frame_level: 14,
        interest_enter_m: 80.0,
        interest_exit_m: 96.0,
        budget_bytes: 1_100,
        kinds: vec!["avatar".to_owned(), "wolf".to_owned()],
        fields: vec![NamedField {
            name: "velocity".to_owned(),
            version: FieldVersion {
                id: 5,
                layout: 1,
                tables: 2,
            },
        }],
    }
}

/// One of each kind, in the order in which they come.
fn events() -> ServerMessage {
    let at = |tick, event| TimedEvent {
        tick: Tick(tick),
        event,
    };
    ServerMessage::Events {
        first: 7,
        events: vec![
            at(
                300,
                GameEvent::Struck {
                    target: Some(EntityId(8)),
                    amount: 12,
                    fatal: true,
                },
            ),
            at(
                300,
                GameEvent::Wounded {
                    attacker: None,
                    amount: 5,
                },
            ),
            at(
                300,
                GameEvent::Died {
                    killer: Some(EntityId(9)),
                },
            ),
            at(301, GameEvent::Killed { victim: None }),
            at(305, GameEvent::Respawned),
        ],
    }
}

fn body(frame: &[u8]) -> &[u8] {
    &frame[LENGTH_PREFIX_BYTES..]
}

#[test]
fn the_alpn_carries_the_protocol_version() {
    assert_eq!(ALPN, format!("bluemarble/{PROTOCOL_VERSION}").as_bytes());
}

#[test]
fn golden_bytes_of_the_client_messages() {
    let hello = ClientMessage::Hello {
        protocol: 2,
        ticket: "t.k".into(),
        client: "b".into(),
        knows: vec![FieldVersion {
            id: 5,
            layout: 1,
            tables: 2,
        }],
    };
    #[rustfmt::skip]
    assert_eq!(hello.to_frame(), [
        37, 0, 0, 0, // length
        0, 0, 0, 0, // Hello
        2, 0, // protocol
        3, 0, 0, 0, 0, 0, 0, 0, b't', b'.', b'k', // ticket
        1, 0, 0, 0, 0, 0, 0, 0, b'b', // client
        1, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, // knows
    ]);
    let cards = ClientMessage::Cards {
        ids: vec![EntityId(0x0102_0304_0506_0708)],
    };
    #[rustfmt::skip]
    assert_eq!(cards.to_frame(), [
        20, 0, 0, 0,
        1, 0, 0, 0, // Cards
        1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
    ]);
    assert_eq!(ClientMessage::Goodbye.to_frame(), [4, 0, 0, 0, 2, 0, 0, 0]);
    let resume = ClientMessage::Resume {
        protocol: PROTOCOL_VERSION,
        token: "r".into(),
        newest: 300,
        before: 5,
        events: 6,
        client: "b".into(),
        knows: Vec::new(),
    };
    #[rustfmt::skip]
    assert_eq!(resume.to_frame(), [
        52, 0, 0, 0,
        3, 0, 0, 0, // Resume
        2, 0, // protocol
        1, 0, 0, 0, 0, 0, 0, 0, b'r', // token
        44, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, // newest, before
        6, 0, 0, 0, 0, 0, 0, 0, // events
        1, 0, 0, 0, 0, 0, 0, 0, b'b', // client
        0, 0, 0, 0, 0, 0, 0, 0, // knows
    ]);
    let state = WireEntity {
        cell: 0x8644_0000_0000_0000,
        pos_cm: [12_345, -678, 90],
        vel_cmps: [500, 0, 0],
        rotation: Rotation::new(3, [0, -1, 109]),
        health: 255,
        action: Action::Attack,
        action_n: 3,
        kind: 2,
        ..WireEntity::default()
    };
    let diverged = ClientMessage::Diverged {
        number: 300,
        states: vec![SeenState {
            id: EntityId(9),
            state,
        }],
    };
    #[rustfmt::skip]
    assert_eq!(diverged.to_frame(), [
        73, 0, 0, 0,
        4, 0, 0, 0, // Diverged
        44, 1, 0, 0, 0, 0, 0, 0, // number
        1, 0, 0, 0, 0, 0, 0, 0, // one state
        9, 0, 0, 0, 0, 0, 0, 0, // id
        0, 0, 0, 0, 0, 0, 0x44, 0x86, // cell
        0x39, 0x30, 0, 0, 0x5a, 0xfd, 255, 255, 90, 0, 0, 0, // position
        244, 1, 0, 0, 0, 0, // velocity
        0, // heading
        1, 3, 0, 0, 255, 255, 109, 0, // rotation: which, the others
        255, 1, 0, 0, 0, 3, 0, 0, 2, 0, // health, action, count, airborne, swimming, kind
    ]);
}

#[test]
fn golden_bytes_of_gifts() {
    let gift = Gift {
        life: LifeId(7),
        number: 2,
        to: EntityId(4),
        amount: 300,
        asset: AssetId(3),
    };
    #[rustfmt::skip]
    assert_eq!(ClientMessage::Give(gift).to_frame(), [
        33, 0, 0, 0,
        6, 0, 0, 0, // Give
        7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, // life, number
        4, 0, 0, 0, 0, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, // to, amount
        3, // asset
    ]);
    for (number, outcome) in (0..).zip(GiftOutcome::ALL) {
        let answer = GiftAnswer {
            life: LifeId(7),
            number: 2,
            outcome,
            tick: Tick(301),
        };
        #[rustfmt::skip]
        assert_eq!(ServerMessage::Gift(answer).to_frame(), [
            28, 0, 0, 0,
            10, 0, 0, 0, // Gift
            7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, // life, number
            number, 0, 0, 0, 45, 1, 0, 0, 0, 0, 0, 0, // outcome, tick
        ]);
    }
    let purse = ServerMessage::Purse {
        tick: Tick(301),
        purse: OwnPurse {
            life: LifeId(7),
            newest: 2,
            coins: 25,
            things: vec![Stack {
                asset: AssetId(3),
                amount: 2,
            }],
        },
    };
    #[rustfmt::skip]
    assert_eq!(purse.to_frame(), [
        49, 0, 0, 0,
        11, 0, 0, 0, // Purse
        45, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, // tick, life
        2, 0, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0, // newest, coins
        1, 0, 0, 0, 0, 0, 0, 0, // things
        3, 2, 0, 0, 0, 0, 0, 0, 0, // asset, amount
    ]);
}

#[test]
fn a_gift_has_a_number_and_is_one_coin_at_least() {
    let gift = |number, amount| Gift {
        life: LifeId(7),
        number,
        to: EntityId(4),
        amount,
        asset: AssetId::COINS,
    };
    let decoded = |gift| ClientMessage::decode(body(&ClientMessage::Give(gift).to_frame()));
    assert!(decoded(gift(1, 1)).is_ok());
    assert!(decoded(gift(u32::MAX, u64::MAX)).is_ok());
    for (number, amount) in [(0, 1), (1, 0)] {
        let refused = decoded(gift(number, amount)).unwrap_err();
        assert_eq!(refused.close_code(), CloseCode::Malformed);
    }
}

#[test]
fn things_are_in_order_and_none_of_them_is_coins_or_nothing() {
    let purse = |stacks: &[(u8, u64)]| {
        let stack = |(asset, amount): &(u8, u64)| Stack {
            asset: AssetId(*asset),
            amount: *amount,
        };
        let purse = OwnPurse {
            things: stacks.iter().map(stack).collect(),
            ..OwnPurse::default()
        };
        let tick = Tick(1);
        ServerMessage::decode(body(&ServerMessage::Purse { tick, purse }.to_frame()))
    };
    assert!(purse(&[]).is_ok());
    assert!(purse(&[(1, 1), (7, u64::MAX), (255, 1)]).is_ok());
    for bad in [
        &[(0, 1)][..],
        &[(1, 0)],
        &[(2, 1), (1, 1)],
        &[(2, 1), (2, 1)],
    ] {
        assert!(purse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_report_of_a_divergence_is_bounded_and_its_rotations_are_rotations() {
    let seen = SeenState {
        id: EntityId(9),
        state: WireEntity::default(),
    };
    let report = |states| ClientMessage::Diverged { number: 1, states }.to_frame();
    let most = report(vec![seen; REPORTED_STATES_MAX]);
    assert!(ClientMessage::decode(body(&most)).is_ok());
    let many = report(vec![seen; REPORTED_STATES_MAX + 1]);
    assert!(ClientMessage::decode(body(&many)).is_err());
    let mut turned = seen;
    turned.state.rotation = Rotation::new(3, [0, 0, 511]);
    let mut bytes = report(vec![turned]);
    assert!(ClientMessage::decode(body(&bytes)).is_ok());
    let which = bytes.len() - 17;
    assert_eq!(bytes[which], 3);
    bytes[which] = 4;
    assert!(ClientMessage::decode(body(&bytes)).is_err());
}

#[test]
fn golden_bytes_of_the_server_messages() {
    let frame = ServerMessage::Welcome(welcome()).to_frame();
    #[rustfmt::skip]
    let drawn = [
        &[147, 0, 0, 0][..],
        &[0, 0, 0, 0], // Welcome
        &[1, 0, 0, 0, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 0], // session, avatar
        &[3, 0, 0, 0], &[4, 0, 0, 0, 0, 0, 0, 0], &[20, 0, 0, 0], // epoch, tick, tick_hz
        &[5, 0, 0, 0, 0, 0, 0, 0], b"earth", &[5, 0, 0, 0, 0, 0, 0, 0], // planet, planet_hash
        &6_371_000.0_f64.to_le_bytes(), &[14], // radius_m, frame_level
        &80.0_f64.to_le_bytes(), &96.0_f64.to_le_bytes(), &[0x4c, 4, 0, 0], // interest, budget
        &[2, 0, 0, 0, 0, 0, 0, 0], // kinds
        &[6, 0, 0, 0, 0, 0, 0, 0], b"avatar", &[4, 0, 0, 0, 0, 0, 0, 0], b"wolf",
        &[1, 0, 0, 0, 0, 0, 0, 0], // fields
        &[8, 0, 0, 0, 0, 0, 0, 0], b"velocity", &[5, 1, 2],
    ].concat();
    assert_eq!(frame, drawn);

    let card = Card {
        id: EntityId(1),
        version: 2,
        kind: 3,
        name: Some("Ada".into()),
    };
    #[rustfmt::skip]
    assert_eq!(ServerMessage::Cards(vec![card]).to_frame(), [
        38, 0, 0, 0,
        1, 0, 0, 0, // Cards
        1, 0, 0, 0, 0, 0, 0, 0, // one
        1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, // id, version, kind
        1, 3, 0, 0, 0, 0, 0, 0, 0, b'A', b'd', b'a', // name
    ]);
    #[rustfmt::skip]
    assert_eq!(events().to_frame(), [
        105, 0, 0, 0,
        2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, // Events, from number 7
        5, 0, 0, 0, 0, 0, 0, 0, // five
        44, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 12, 0, 1, // Struck 8 for 12, fatal
        44, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 5, 0, // Wounded by nobody, 5
        44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, // Died by 9
        45, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, // Killed somebody
        49, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, // Respawned
    ]);
    let wounds = ServerMessage::Wounds {
        tick: Tick(300),
        wounds: vec![Wound {
            target: EntityId(4),
            attacker: Some(EntityId(9)),
            amount: 12,
            fatal: false,
        }],
        left_out: 3,
    };
    #[rustfmt::skip]
    assert_eq!(wounds.to_frame(), [
        44, 0, 0, 0,
        7, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, // Wounds of tick 300
        1, 0, 0, 0, 0, 0, 0, 0, // one
        4, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, // 4 by 9, 12
        3, 0, 0, 0, // left out
    ]);
    let presence = ServerMessage::Presence {
        number: 300,
        count: 1,
        sum: presence_share(EntityId(9)),
    };
    #[rustfmt::skip]
    assert_eq!(presence.to_frame(), [
        24, 0, 0, 0,
        8, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, // Presence after 300
        1, 0, 0, 0, // one
        0x64, 0x60, 0x70, 0xbe, 0xfe, 0x52, 0xaf, 0xae, // of 9
    ]);
    let forget = ServerMessage::Forget {
        number: 301,
        ids: vec![EntityId(4)],
    };
    #[rustfmt::skip]
    assert_eq!(forget.to_frame(), [
        28, 0, 0, 0,
        9, 0, 0, 0, 45, 1, 0, 0, 0, 0, 0, 0, // Forget, up to 301
        1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, // 4
    ]);
    let closing = ServerMessage::Closing {
        code: CloseCode::Flooding,
        reason: "x".into(),
    };
    #[rustfmt::skip]
    assert_eq!(closing.to_frame(), [
        17, 0, 0, 0,
        3, 0, 0, 0, // Closing
        34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x', // code, reason
    ]);
    let token = ServerMessage::Token {
        token: "r".into(),
        valid_s: 900,
    };
    #[rustfmt::skip]
    assert_eq!(token.to_frame(), [
        17, 0, 0, 0,
        5, 0, 0, 0, // Token
        1, 0, 0, 0, 0, 0, 0, 0, b'r', 0x84, 3, 0, 0, // token, valid_s
    ]);
    let resumed = ServerMessage::Resumed {
        session: SessionId(9),
        tick: Tick(300),
        next: 7,
    };
    #[rustfmt::skip]
    assert_eq!(resumed.to_frame(), [
        28, 0, 0, 0,
        6, 0, 0, 0, // Resumed
        9, 0, 0, 0, 0, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,
    ]);
}

#[test]
fn every_message_comes_back_as_it_was() {
    let messages = [
        ServerMessage::Welcome(welcome()),
        ServerMessage::Cards(vec![Card {
            id: EntityId(1),
            version: 1,
            kind: 0,
            name: None,
        }]),
        events(),
        ServerMessage::Presence {
            number: 300,
            count: 2,
            sum: 7,
        },
        ServerMessage::Forget {
            number: 301,
            ids: vec![EntityId(4)],
        },
        ServerMessage::Wounds {
            tick: Tick(8),
            wounds: Vec::new(),
            left_out: 0,
        },
        ServerMessage::Closing {
            code: CloseCode::ServerShutdown,
            reason: "bye".into(),
        },
        ServerMessage::Queued { ahead: 7 },
        ServerMessage::Token {
            token: "r".into(),
            valid_s: 60,
        },
        ServerMessage::Resumed {
            session: SessionId(9),
            tick: Tick(8),
            next: 7,
        },
    ];
    for message in messages {
        assert_eq!(
            ServerMessage::decode(body(&message.to_frame())).unwrap(),
            message
        );
    }
}

#[test]
fn the_largest_messages_of_each_kind_fit_a_frame() {
    let long = |n: usize| "x".repeat(n);
    let hello = ClientMessage::Hello {
        protocol: u16::MAX,
        ticket: long(TICKET_BYTES_MAX),
        client: long(CLIENT_BYTES_MAX),
        knows: Vec::new(),
    };
    assert!(ClientMessage::decode(body(&hello.to_frame())).is_ok());
    let name = Some(long(NAME_BYTES_MAX));
    let card = Card {
        id: EntityId(u64::MAX),
        version: 1,
        kind: 1,
        name,
    };
    let cards = ServerMessage::Cards(vec![card; CARDS_PER_MESSAGE_MAX]);
    assert!(ServerMessage::decode(body(&cards.to_frame())).is_ok());
    let full = Welcome {
        kinds: vec![long(KIND_BYTES_MAX); KINDS_MAX],
        ..welcome()
    };
    assert!(ServerMessage::decode(body(&ServerMessage::Welcome(full).to_frame())).is_ok());
}

#[test]
fn fields_beyond_their_bounds_are_malformed() {
    let long_ticket = ClientMessage::Hello {
        protocol: 2,
        ticket: "x".repeat(TICKET_BYTES_MAX + 1),
        client: String::new(),
        knows: Vec::new(),
    };
    let control = ClientMessage::Hello {
        protocol: 2,
        ticket: String::new(),
        client: "line\nbreak".into(),
        knows: Vec::new(),
    };
    let many = ClientMessage::Cards {
        ids: vec![EntityId(1); CARDS_PER_MESSAGE_MAX + 1],
    };
    for message in [long_ticket, control, many] {
        let error = ClientMessage::decode(body(&message.to_frame())).unwrap_err();
        assert_eq!(error.close_code(), CloseCode::Malformed, "{error}");
    }
    let odd = Welcome {
        interest_exit_m: f64::NAN,
        ..welcome()
    };
    assert!(ServerMessage::decode(body(&ServerMessage::Welcome(odd).to_frame())).is_err());
}

#[test]
fn an_announced_length_beyond_the_limit_is_refused_before_reading() {
    let limit = MESSAGE_BYTES_MAX as u32;
    assert_eq!(
        announced_length(limit.to_le_bytes()).unwrap(),
        MESSAGE_BYTES_MAX
    );
    let error = announced_length((limit + 1).to_le_bytes()).unwrap_err();
    assert_eq!(error.close_code(), CloseCode::Oversized);
    assert!(announced_length(u32::MAX.to_le_bytes()).is_err());
}

#[test]
fn mutated_messages_never_panic_and_random_ones_rarely_decode() {
    let seed = ServerMessage::Welcome(welcome()).to_frame();
    let hello = ClientMessage::Hello {
        protocol: 2,
        ticket: "a.b.c".into(),
        client: "bot".into(),
        knows: Vec::new(),
    };
    for (round, original) in [seed, hello.to_frame()].iter().enumerate() {
        for n in 0..4_000_u64 {
            let mut bytes = body(original).to_vec();
            for k in 0..1 + n % 4 {
                let random = mix64(n * 8 + k + ((round as u64) << 40));
                let at = (random % bytes.len() as u64) as usize;
                bytes[at] ^= (random >> 32) as u8;
            }
            bytes.truncate((mix64(n) % (bytes.len() as u64 + 8)).min(bytes.len() as u64) as usize);
            let _ = ClientMessage::decode(&bytes);
            let _ = ServerMessage::decode(&bytes);
        }
    }
}
