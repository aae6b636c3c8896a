//! Messages of either side, and truth frames: what decodes is the same when written again.

use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    ClientMessage, EntityId, GameEvent, LENGTH_PREFIX_BYTES, PROTOCOL_VERSION, ServerMessage, Tick,
    TimedEvent, TruthFrame, Wound, announced_length,
};

const WOUND: Wound = Wound {
    target: EntityId(8),
    attacker: Some(EntityId(9)),
    amount: 12,
    fatal: false,
};

pub(crate) fn run(data: &[u8]) {
    let Some((prefix, body)) = data.split_first_chunk::<LENGTH_PREFIX_BYTES>() else {
        return;
    };
    if let Ok(length) = announced_length(*prefix) {
        assert!(length <= bluemarble_shared_protocol::limits::MESSAGE_BYTES_MAX);
    }
    if let Ok(message) = ClientMessage::decode(body) {
        let again = ClientMessage::decode(&message.to_frame()[LENGTH_PREFIX_BYTES..]);
        assert_eq!(again.expect("what was written can be read"), message);
    }
    if let Ok(message) = ServerMessage::decode(body) {
        let frame = message.to_frame();
        let again = ServerMessage::decode(&frame[LENGTH_PREFIX_BYTES..])
            .expect("what was written can be read");
        // Not `==`: a radius may be NaN.
        assert_eq!(again.to_frame(), frame);
    }
    if let Ok(truth) = TruthFrame::decode(body) {
        let frame = truth.to_frame();
        let again = TruthFrame::decode(&frame[LENGTH_PREFIX_BYTES..])
            .expect("what was written can be read");
        assert_eq!(again.to_frame(), frame);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        ClientMessage::Hello {
            protocol: PROTOCOL_VERSION,
            ticket: "a.b.c".into(),
            client: "fuzz".into(),
            knows: Schema::known(),
        }
        .to_frame(),
        ClientMessage::Cards {
            ids: vec![EntityId(1), EntityId(u64::MAX)],
        }
        .to_frame(),
        ServerMessage::Queued { ahead: 3 }.to_frame(),
        ServerMessage::Events {
            first: 7,
            events: vec![
                TimedEvent {
                    tick: Tick(300),
                    event: GameEvent::Struck {
                        target: Some(EntityId(8)),
                        amount: 12,
                        fatal: true,
                    },
                },
                TimedEvent {
                    tick: Tick(301),
                    event: GameEvent::Wounded {
                        attacker: None,
                        amount: 5,
                    },
                },
            ],
        }
        .to_frame(),
        ServerMessage::Wounds {
            tick: Tick(300),
            wounds: vec![WOUND],
            left_out: 3,
        }
        .to_frame(),
        ClientMessage::Resume {
            protocol: PROTOCOL_VERSION,
            token: "r".into(),
            newest: 300,
            before: 5,
            events: 6,
            client: "fuzz".into(),
            knows: Schema::known(),
        }
        .to_frame(),
        TruthFrame::default().to_frame(),
        TruthFrame {
            wounds: vec![(Tick(300), WOUND)],
            ..TruthFrame::default()
        }
        .to_frame(),
    ]
}
