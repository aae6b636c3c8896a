//! Crossing a border, again and again: whoever goes from zone to zone takes everything along, and
//! nobody can tell but the counters.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, Epoch, InputSeq, Intent, OwnState, Tick, WishDir, hash_words,
};
use bluemarble_sim::{Camp, Spot, Tally, TickInputs, World};
use glam::DVec3;
use scene::{altered, pool};

/// Avatars that walk to and fro over one border.
const SHUTTLERS: usize = 400;
/// Nobody walks or is pushed further in one tick, metres.
const STEP_M_MAX: f64 = 2.0;

/// One square with a border through it, some villagers and raiders, and room for the shuttlers.
fn square(zones: usize) -> World {
    let camp = |kind: &str| Camp {
        at: Spot::Square(0),
        kind: kind.into(),
        count: 20,
        spread_m: 25.0,
    };
    altered(zones, |scenario| {
        // Who turns on the spot crosses the border in nearly every tick, if there is room.
        scenario.kinds[0].mover.accel_mps2 = 200.0;
        scenario.kinds[0].mover.radius_m = 0.1;
        scenario.kinds[0].health = 1_000;
        scenario.camps = vec![camp("villager"), camp("raider")];
        scenario.puppets = 0;
        scenario.spawn_spread_m = 20.0;
    })
}

fn owns(world: &World) -> BTreeMap<EntityId, OwnState> {
    let wires = world.wire_frames().iter();
    let owns: Vec<OwnState> = wires.flat_map(|wire| wire.owned.clone()).collect();
    let count = owns.len();
    let owns: BTreeMap<_, _> = owns.into_iter().map(|own| (own.id, own)).collect();
    assert_eq!(owns.len(), count, "an avatar is in two frames");
    owns
}

fn position(own: &OwnState) -> DVec3 {
    let [x, y, z, ..] = own.body.values;
    DVec3::new(x, y, z)
}

/// Everybody heads for the other side of the border; every so often somebody strikes or jumps.
fn intents(world: &World, owns: &BTreeMap<EntityId, OwnState>) -> Vec<(EntityId, Intent)> {
    let tick = world.tick().next();
    let middle = world.spawn_dir();
    // The cells on both sides of the square's middle, whose common edge the border is.
    let level = world.frames().zones.iter().find_map(|f| f.cells().next());
    let level = level.unwrap().level();
    let side = |dir: DVec3| bluemarble_spatial::CellId::at(dir, level);
    let here = side(middle);
    let across = [here.prev(), here.next()]
        .into_iter()
        .min_by(|a, b| {
            let far = |cell: &bluemarble_spatial::CellId| cell.centre().distance(middle);
            far(a).total_cmp(&far(b))
        })
        .unwrap();
    let way = across.centre() - here.centre();
    let others: Vec<EntityId> = owns.keys().copied().collect();
    owns.iter()
        .map(|(id, own)| {
            let pos = position(own);
            let is_here = (pos.normalize() - middle).dot(way) < 0.0;
            let draw = hash_words([id.0, tick.0]);
            let intent = Intent {
                seq: InputSeq(tick.0 as u32),
                // Some strike at what they see, some at what they saw.
                view_tick: Tick(tick.0.saturating_sub(1 + (draw >> 20) % 11)),
                wish: WishDir::from_dir(if is_here { way } else { -way }),
                pace: Intent::PACE_MAX,
                buttons: Buttons {
                    jump: draw.is_multiple_of(101),
                },
                attack: (draw % 7 == 0).then(|| others[(draw / 7) as usize % others.len()]),
            };
            (*id, intent)
        })
        .collect()
}

/// Steps a cut world and its whole twin until so many hand-offs are done, checking every tick.
fn cross(crossings: u64) -> Tally {
    let (mut world, mut twin) = (square(24), square(1));
    let pool = pool(2);
    let names: Vec<String> = (0..SHUTTLERS).map(|n| format!("shuttler-{n}")).collect();
    let mut tally = Tally::default();
    let mut whole = Tally::default();
    let mut known: BTreeMap<EntityId, OwnState> = BTreeMap::new();
    while tally.handoffs < crossings {
        let mut inputs = TickInputs::empty(world.tick().next(), Epoch(1));
        if known.is_empty() {
            let admission = |name: &String| Admission {
                avatar: EntityId::of_character(name),
                name: name.as_str().into(),
            };
            inputs.players.admissions = names.iter().map(admission).collect();
            inputs.players.admissions.sort_by_key(|a| a.avatar);
        } else {
            inputs.players.intents = intents(&world, &known);
        }
        let tick = inputs.tick;
        let expected = twin.step(&inputs, &pool).unwrap();
        let report = world.step(&inputs, &pool).unwrap();
        // All they are and all their mail is what it would be had nobody ever crossed.
        assert_eq!(report.digest, expected.digest, "{tick:?}");
        assert_eq!(report.entities, SHUTTLERS + 40, "{tick:?}");
        // Everybody is in one place and in one frame, and nobody waited for the next tick.
        assert_eq!(world.fault(), None, "{tick:?}");
        assert_eq!(world.strays(), 0, "{tick:?}");
        let seen = owns(&world);
        assert_eq!(seen.len(), SHUTTLERS, "{tick:?}");
        for (id, intent) in &inputs.players.intents {
            assert_eq!(seen[id].applied, intent.seq, "{tick:?}: an intent is lost");
            let stepped_m = position(&seen[id]).distance(position(&known[id]));
            let returned = known[id].vitals.health == 0 && seen[id].vitals.health > 0;
            assert!(
                stepped_m < STEP_M_MAX || returned,
                "{tick:?}: {stepped_m} m"
            );
        }
        tally.add(&report.tally);
        whole.add(&expected.tally);
        known = seen;
    }
    assert_eq!(tally.intents_refused, 0);
    assert_eq!(tally.effects_lost, 0, "mail has gone astray");
    assert_eq!(
        (tally.effects, tally.hits, tally.kills, tally.contacts),
        (whole.effects, whole.hits, whole.kills, whole.contacts)
    );
    eprintln!(
        "{} hand-offs in {} ticks; {} effects delivered, {} blows over the border, {} deaths",
        tally.handoffs,
        world.tick(),
        tally.effects,
        tally.hits_cross,
        tally.kills
    );
    assert!(tally.hits_cross > crossings / 1_000, "{tally:?}");
    tally
}

#[test]
fn nobody_is_lost_doubled_or_delayed_on_a_border() {
    cross(100_000);
}

#[test]
#[ignore = "takes minutes; the same for a million crossings, in the release profile"]
fn a_million_crossings() {
    cross(1_000_000);
}
