//! Parts in columns and in rows say the same.

use super::*;
use crate::entity::state::{StoredFlight, StoredHazard, StoredMind, StoredPlayer};
use bluemarble_shared_protocol::{AssetId, BodyBits, EntityId, InputSeq, Stack, WishDir};

/// Entities with and without everything that only some have.
fn part(entities: u64) -> StoredPart {
    let entity = |n: u64| StoredEntity {
        id: EntityId(n << 40 | 5),
        kind: KindId((n % 3) as u16),
        body: BodyBits {
            values: std::array::from_fn(|value| n as f64 * 1.1 - value as f64),
            support: (n % 3) as u8,
        },
        health: (n * 7) as u16,
        respawn_at: Tick(n * 1_000),
        kills: n as u32,
        deaths: 3,
        ready_at: Tick(9),
        swing_until: Tick(n),
        swings: 1 << (n % 32),
        home: [0.25, n as f64, -1.0],
        spread_m: 80.0,
        purse: n * n,
        mail: Vec::new(),
        mind: (!n.is_multiple_of(4)).then(|| StoredMind {
            decide_at: Tick(n),
            quarry: n.is_multiple_of(5).then_some(EntityId(n + 1)),
            goal: [n as f64, 0.5, -0.0],
        }),
        player: n.is_multiple_of(4).then(|| StoredPlayer {
            name: format!("walker-{n}").into(),
            applied: InputSeq(n as u32),
            wish: WishDir::default(),
            pace: 3,
            idle_ticks: 0,
        }),
        flight: n.is_multiple_of(7).then_some(StoredFlight {
            shooter: EntityId(n),
            faction: 1,
            target: EntityId(2),
            until: Tick(n),
        }),
        hazard: n.is_multiple_of(11).then_some(StoredHazard {
            owner: EntityId(n),
            faction: 2,
            next_at: Tick(4),
            until: Tick(n),
        }),
        dealings: None,
        things: (0..n % 4)
            .map(|sort| Stack {
                asset: AssetId(sort as u8 + 1),
                amount: n + 1,
            })
            .collect(),
    };
    StoredPart {
        planet: "moon".into(),
        kinds: vec!["villager".into(), "raider".into(), "wolf".into()],
        entities: (0..entities).map(entity).collect(),
        coarse: vec![vec![(7, 2)], vec![]],
    }
}

#[test]
fn columns_say_what_rows_say() {
    for entities in [0, 1, 60] {
        let rows = binary::encode(&part(entities));
        let columns = columns::encode(part(entities));
        let again = columns::decode(&columns).unwrap();
        assert_eq!(binary::encode(&again), rows, "{entities} entities");
        // Which rows never had.
        let things = |part: StoredPart| part.entities.into_iter().map(|of| of.things);
        assert!(things(again).eq(things(part(entities))));
        assert!(!columns::is_columns(&rows));
    }
}

#[test]
fn parts_of_versions_that_had_no_things_are_read_and_later_ones_refused() {
    let mut plain = part(20);
    plain.entities.iter_mut().for_each(|of| of.things.clear());
    let rows = binary::encode(&plain);
    let whole = columns::encode(plain);
    let of_version = |version: u8, cut: usize| {
        let mut old = whole[..whole.len() - cut].to_vec();
        old[7] = version;
        columns::decode(&old)
    };
    // Version 3 ends before the count of things, version 2 before that of dealings.
    for (version, cut) in [(4, 0), (3, 8), (2, 16)] {
        let read = of_version(version, cut).unwrap();
        assert_eq!(binary::encode(&read), rows, "version {version}");
    }
    let later = of_version(5, 0).err().unwrap();
    assert!(later.contains("version 5"), "{later}");
}

#[test]
fn no_cut_or_bent_part_panics_and_no_cut_one_is_read() {
    let whole = columns::encode(part(12));
    for cut in 0..whole.len() {
        assert!(columns::decode(&whole[..cut]).is_err(), "{cut} bytes");
    }
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 0xff;
        // Many are another part; the checksum in front of this tells.
        let _ = columns::decode(&bent);
    }
}
