//! A client's datagram: what decodes is within its bounds and means the same when written again.

use bluemarble_shared_protocol::codec::{Acks, IntentDatagram};
use bluemarble_shared_protocol::limits::INTENTS_PER_DATAGRAM_MAX;
use bluemarble_shared_protocol::{Buttons, EntityId, InputSeq, Intent, Tick, WishDir};
use glam::DVec3;

const NEAR: Tick = Tick(5_000);

pub(crate) fn run(data: &[u8]) {
    let Ok(datagram) = IntentDatagram::decode(data, NEAR) else {
        return;
    };
    assert!(datagram.intents.len() <= INTENTS_PER_DATAGRAM_MAX);
    assert!(
        datagram
            .intents
            .iter()
            .all(|intent| intent.pace <= Intent::PACE_MAX)
    );
    let ascending = datagram.intents.is_sorted_by(|a, b| a.seq < b.seq);
    if ascending {
        let bytes = IntentDatagram::encode(datagram.acks, &datagram.intents);
        let again = IntentDatagram::decode(&bytes, NEAR).expect("what was written can be read");
        assert_eq!(again.intents, datagram.intents);
        assert_eq!(again.acks, datagram.acks);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let intent = |seq: u32, turn: f64| Intent {
        seq: InputSeq(seq),
        view_tick: Tick(4_990 + u64::from(seq % 8)),
        wish: WishDir::from_dir(DVec3::new(1.0, turn, -turn)),
        pace: (seq % 16) as u8,
        buttons: Buttons {
            jump: seq.is_multiple_of(3),
        },
        attack: seq
            .is_multiple_of(4)
            .then_some(EntityId(u64::from(seq) << 40 | 7)),
    };
    let acks = Some(Acks {
        newest: 7,
        before: 0xff,
    });
    let many: Vec<Intent> = (40..48).map(|seq| intent(seq, f64::from(seq))).collect();
    vec![
        IntentDatagram::encode(None, &[]),
        IntentDatagram::encode(acks, &many[..1]),
        IntentDatagram::encode(acks, &many),
    ]
}
