//! A client under whatever a server, or somebody in between, might send: it refuses or takes each
//! datagram, and goes on.

use bluemarble_net::client::{ClientConfig, ClientCore};
use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{EntityId, Epoch, Intent, Tick};

use crate::{joined, pieces, session};

pub(crate) fn run(data: &[u8]) {
    // Which of the schemas, by a bit of the length, so that either is met.
    let schema = Schema::SUPPORTED[data.len() % Schema::SUPPORTED.len()];
    let mut core = ClientCore::new(ClientConfig {
        avatar: EntityId(1),
        epoch: Epoch(1),
        tick: Tick(1_000),
        tick_hz: 20,
        schema,
        predictor: None,
    });
    for (n, datagram) in (0..).zip(pieces(data).take(64)) {
        let before = (core.view().len(), core.tick(), core.stats().snapshots);
        if core.handle_datagram(n, datagram).is_err() {
            let after = (core.view().len(), core.tick(), core.stats().snapshots);
            assert_eq!(
                before, after,
                "a datagram that was refused has changed something"
            );
        }
        let answer = core.next_intent_datagram(Intent::default());
        assert!(answer.len() <= 1_200);
    }
    assert_eq!(core.view().iter().count(), core.view().len());
    assert!(core.take_removed().count() <= 65_536);
}

/// What a hub sends to a client that acknowledges.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let datagrams = session::datagrams_of_a_short_game();
    vec![
        joined(&datagrams[..1]),
        joined(&datagrams[..datagrams.len().min(8)]),
        joined(&datagrams),
    ]
}
