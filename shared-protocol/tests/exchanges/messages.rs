//! Messages of the control stream, one of each sort and its corners.

use bluemarble_shared_protocol::codec::{Rotation, Schema};
use bluemarble_shared_protocol::{
    Action, AssetId, Card, ClientMessage, CloseCode, EntityId, Epoch, GameEvent, Gift, GiftAnswer,
    GiftOutcome, LifeId, OwnPurse, PROTOCOL_VERSION, SeenState, ServerMessage, SessionId, Stack,
    Tick, TimedEvent, Welcome, WireEntity, WireFlags, Wound, presence_share,
};
use serde_json::{Value, json};

use super::hex;
use super::rows::entity;
use super::rows::wide;

/// Both directions.
pub fn messages() -> Value {
    json!({ "client": client(), "server": server() })
}

fn client() -> Vec<Value> {
    let knows = Schema::known();
    let fields: Vec<_> = knows
        .iter()
        .map(|field| (field.id, field.layout, field.tables))
        .collect();
    let walker = WireEntity {
        cell: 0x8644_0000_0000_0000,
        pos_cm: [12_345, -678, i32::MIN],
        vel_cmps: [500, -1, i16::MIN],
        yaw: 200,
        rotation: None,
        health: 255,
        action: Action::Dead,
        action_n: 15,
        flags: WireFlags {
            airborne: true,
            swimming: false,
        },
        kind: 65_535,
    };
    let body = WireEntity {
        yaw: 0,
        rotation: Rotation::new(2, [-511, 0, 109]),
        ..walker
    };
    let seen = [(9, walker), (u64::MAX, body)].map(|(id, state)| SeenState {
        id: EntityId(id),
        state,
    });
    let rows = [
        (
            ClientMessage::Hello {
                protocol: PROTOCOL_VERSION,
                ticket: "head.claims.signature".into(),
                client: "vectors Ω".into(),
                knows: knows.clone(),
            },
            json!({"is": "hello", "ticket": "head.claims.signature", "client": "vectors Ω",
                "knows": fields}),
        ),
        (
            ClientMessage::Resume {
                protocol: PROTOCOL_VERSION,
                token: "token".into(),
                newest: 70_000,
                before: 0x8000_0001,
                events: 5_000_000_001,
                client: "vectors".into(),
                knows,
            },
            json!({"is": "resume", "token": "token", "newest": 70_000, "before": 0x8000_0001_u32,
                "events": 5_000_000_001_u64, "client": "vectors", "knows": fields}),
        ),
        (
            ClientMessage::Cards {
                ids: vec![EntityId(1), EntityId(u64::MAX)],
            },
            json!({"is": "cards", "ids": [wide(1), wide(u64::MAX)]}),
        ),
        (ClientMessage::Goodbye, json!({"is": "goodbye"})),
        (
            ClientMessage::Diverged {
                number: 70_000,
                states: seen.to_vec(),
            },
            json!({"is": "diverged", "number": 70_000,
                "states": seen.map(|seen| json!([wide(seen.id.0), entity(&seen.state)]))}),
        ),
        (
            ClientMessage::Held {
                number: 5_000_000_000,
                ids: vec![EntityId(7), EntityId(u64::MAX)],
            },
            json!({"is": "held", "number": 5_000_000_000_u64, "ids": [wide(7), wide(u64::MAX)]}),
        ),
        (
            ClientMessage::Give(Gift {
                life: LifeId(u64::MAX),
                number: u32::MAX,
                to: EntityId(7),
                amount: u64::MAX - 1,
                asset: AssetId(200),
            }),
            json!({"is": "give", "life": wide(u64::MAX), "number": u32::MAX, "to": wide(7),
                "amount": wide(u64::MAX - 1), "asset": 200}),
        ),
    ];
    rows.map(|(message, means)| json!({"frame": hex(&message.to_frame()), "means": means}))
        .to_vec()
}

fn stack(asset: u8, amount: u64) -> Stack {
    let asset = AssetId(asset);
    Stack { asset, amount }
}

/// An answer of every outcome.
fn answers() -> Vec<(ServerMessage, Value)> {
    let words = [
        "given",
        "notEnough",
        "nobody",
        "oneself",
        "dead",
        "forgotten",
        "otherLife",
        "otherGift",
        "notSaving",
    ];
    let answer = |(outcome, word): (GiftOutcome, &str)| {
        let answer = GiftAnswer {
            life: LifeId(9),
            number: 70_000,
            outcome,
            tick: Tick(5_000_000_000),
        };
        let means = json!({"is": "gift", "life": wide(9), "number": 70_000, "outcome": word,
            "tick": 5_000_000_000_u64});
        (ServerMessage::Gift(answer), means)
    };
    GiftOutcome::ALL
        .into_iter()
        .zip(words)
        .map(answer)
        .collect()
}

fn server() -> Vec<Value> {
    let fields = Schema::NEWEST.named_fields();
    let named: Vec<_> = fields
        .iter()
        .map(|field| {
            let version = field.version;
            (&field.name, version.id, version.layout, version.tables)
        })
        .collect();
    let welcome = json!({"is": "welcome", "session": wide(9), "avatar": wide(0x225f_f702_e4d7_86c6),
        "epoch": 3, "tick": 1_234_567_890_123_u64, "tickHz": 30, "planet": "earth",
        "planetHash": wide(u64::MAX), "radiusM": 6_371_000.0, "frameLevel": 10,
        "interestEnterM": 100.0, "interestExitM": 112.5, "budgetBytes": 1_100,
        "kinds": ["avatar", "Œ"], "fields": named});
    let at = Tick(5_000_000_000);
    let (seven, nine) = (Some(EntityId(7)), Some(EntityId(9)));
    let struck = |target, fatal| GameEvent::Struck {
        target,
        amount: 12,
        fatal,
    };
    let wounded = |attacker| GameEvent::Wounded {
        attacker,
        amount: 65_535,
    };
    let events = [
        (
            at,
            struck(seven, true),
            json!(["struck", wide(7), 12, true]),
        ),
        (at, struck(None, false), json!(["struck", null, 12, false])),
        (at, wounded(nine), json!(["wounded", wide(9), 65_535])),
        (at, wounded(None), json!(["wounded", null, 65_535])),
        (
            at,
            GameEvent::Died { killer: nine },
            json!(["died", wide(9)]),
        ),
        (at, GameEvent::Died { killer: None }, json!(["died", null])),
        (Tick(at.0 + 1), GameEvent::Respawned, json!(["respawned"])),
        (
            Tick(at.0 + 2),
            GameEvent::Killed { victim: seven },
            json!(["killed", wide(7)]),
        ),
        (
            Tick(at.0 + 2),
            GameEvent::Killed { victim: None },
            json!(["killed", null]),
        ),
    ];
    let wounds = [
        Wound {
            target: EntityId(7),
            attacker: nine,
            amount: 65_535,
            fatal: true,
        },
        Wound {
            target: EntityId(u64::MAX),
            attacker: None,
            amount: 1,
            fatal: false,
        },
    ];
    let rows = [
        (
            ServerMessage::Welcome(Welcome {
                session: SessionId(9),
                avatar: EntityId(0x225f_f702_e4d7_86c6),
                epoch: Epoch(3),
                tick: Tick(1_234_567_890_123),
                tick_hz: 30,
                planet: "earth".into(),
                planet_hash: u64::MAX,
                radius_m: 6_371_000.0,
                frame_level: 10,
                interest_enter_m: 100.0,
                interest_exit_m: 112.5,
                budget_bytes: 1_100,
                kinds: vec!["avatar".into(), "Œ".into()],
                fields: fields.clone(),
            }),
            welcome,
        ),
        (
            ServerMessage::Cards(vec![
                Card {
                    id: EntityId(7),
                    version: 2,
                    kind: 1,
                    name: Some("Ada".into()),
                },
                Card {
                    id: EntityId(8),
                    version: 0,
                    kind: 65_535,
                    name: None,
                },
            ]),
            json!({"is": "cards", "cards": [[wide(7), 2, 1, "Ada"], [wide(8), 0, 65_535, null]]}),
        ),
        (
            ServerMessage::Events {
                first: 5_000_000_000,
                events: events
                    .clone()
                    .map(|(tick, event, _)| TimedEvent { tick, event })
                    .to_vec(),
            },
            json!({"is": "events", "first": 5_000_000_000_u64,
                "events": events.clone().map(|(tick, _, means)| json!([tick.0, means]))}),
        ),
        (
            ServerMessage::Wounds {
                tick: Tick(5_000_000_000),
                wounds: wounds.to_vec(),
                left_out: 70_000,
            },
            json!({"is": "wounds", "tick": 5_000_000_000_u64, "leftOut": 70_000,
                "wounds": [[wide(7), wide(9), 65_535, true], [wide(u64::MAX), null, 1, false]]}),
        ),
        (
            ServerMessage::Presence {
                number: 5_000_000_000,
                count: 2,
                sum: presence_share(EntityId(7)).wrapping_add(presence_share(EntityId(u64::MAX))),
            },
            json!({"is": "presence", "number": 5_000_000_000_u64, "count": 2,
                "of": [wide(7), wide(u64::MAX)]}),
        ),
        (
            ServerMessage::Forget {
                number: 70_001,
                ids: vec![EntityId(7)],
            },
            json!({"is": "forget", "number": 70_001, "ids": [wide(7)]}),
        ),
        (
            ServerMessage::Closing {
                code: CloseCode::ServerShutdown,
                reason: "back at noon".into(),
            },
            json!({"is": "closing", "code": 1, "reason": "back at noon"}),
        ),
        (
            ServerMessage::Queued { ahead: 1_023 },
            json!({"is": "queued", "ahead": 1_023}),
        ),
        (
            ServerMessage::Token {
                token: "token".into(),
                valid_s: 900,
            },
            json!({"is": "token", "token": "token", "validS": 900}),
        ),
        (
            ServerMessage::Resumed {
                session: SessionId(10),
                tick: Tick(5_000_000_000),
                next: 70_001,
            },
            json!({"is": "resumed", "session": wide(10), "tick": 5_000_000_000_u64, "next": 70_001}),
        ),
    ];
    let purse = ServerMessage::Purse {
        tick: Tick(5_000_000_000),
        purse: OwnPurse {
            life: LifeId(u64::MAX),
            newest: u32::MAX,
            coins: u64::MAX - 1,
            things: vec![stack(1, 3), stack(200, u64::MAX)],
        },
    };
    let means = json!({"is": "purse", "tick": 5_000_000_000_u64, "life": wide(u64::MAX),
        "newest": u32::MAX, "coins": wide(u64::MAX - 1),
        "things": [[1, wide(3)], [200, wide(u64::MAX)]]});
    let rows = rows.into_iter().chain(answers()).chain([(purse, means)]);
    rows.map(|(message, means)| json!({"frame": hex(&message.to_frame()), "means": means}))
        .collect()
}
