//! Who owns a cell and who steps an entity are nobody's business: zones split, merge, move and are cut
//! anew while everybody fights, entities wait for their departure or reside anywhere at all, and every
//! digest, frame and wire frame is that of a twin of one zone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_shared_protocol::{EntityId, OwnState, WireEntity, Wound, hash_words};
use bluemarble_sim::{BadChange, Change, Tally, World, ZoneChangeError, ZoneId, ZoneLoad, ZoneMap};
use bluemarble_spatial::{CellId, Level};
use scene::{first_contact, pool};

/// Numbers drawn from a seed.
struct Draws(u64, u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.1 += 1;
        (hash_words([self.0, self.1]) % end as u64) as usize
    }
}

fn occupied(world: &World) -> Vec<CellId> {
    let frames = &world.frames().zones;
    frames.iter().flat_map(|frame| frame.cells()).collect()
}

/// A change at a place where somebody is, or a merge.
fn some_change(world: &World, draws: &mut Draws) -> Change {
    let map = world.zone_map();
    let cells = occupied(world);
    let cell = cells[draws.below(cells.len())];
    match draws.below(3) {
        0 => Change::Split {
            zone: map.zone_of(cell),
            at: cell,
        },
        // Every so often it does not fit; then nothing may happen.
        1 => Change::Move {
            zone: map.zone_of(cell) + draws.below(2) as ZoneId,
            to: cell,
        },
        _ => Change::Merge {
            zone: draws.below(map.len()) as ZoneId,
        },
    }
}

/// A map that has nothing to do with the one before.
fn some_map(world: &World, draws: &mut Draws) -> ZoneMap {
    let load: Vec<(CellId, u64)> = occupied(world)
        .into_iter()
        .map(|cell| (cell, 1 + draws.below(50) as u64))
        .collect();
    let level = load[0].0.level();
    ZoneMap::by_load(1 + draws.below(40), &load, &[], level)
}

type Row = (CellId, EntityId, [u64; 3], bool);

/// All frames in the order of their zones: that is by (cell, id), whatever the map.
fn rows(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for frame in &world.frames().zones {
        for cell in frame.cells() {
            for row in frame.rows_of(cell) {
                let bits = frame.positions[row].to_array().map(f64::to_bits);
                rows.push((cell, frame.ids[row], bits, frame.alive[row]));
            }
        }
    }
    rows
}

type Told = (EntityId, WireEntity, u32, [u64; 3], Option<OwnState>);

/// What clients may be told, by id.
fn told(world: &World) -> Vec<Told> {
    let mut told = Vec::new();
    for wire in world.wire_frames() {
        assert_eq!(wire.tick, world.tick());
        for (row, id) in wire.ids.iter().enumerate() {
            let own = wire.owned.iter().find(|own| own.row as usize == row);
            assert!(own.is_none_or(|own| own.id == *id));
            let own = own.map(|own| OwnState {
                row: 0,
                ..own.clone()
            });
            let bits = wire.positions[row].to_array().map(f64::to_bits);
            told.push((*id, wire.states[row], wire.audience[row], bits, own));
        }
    }
    told.sort_by_key(|row| row.0);
    told
}

/// Who hurt whom in the last tick, in the order of the targets.
fn wounds(world: &World) -> Vec<Wound> {
    let mut wounds = Vec::new();
    for wire in world.wire_frames() {
        assert!(wire.wounds.is_sorted_by_key(Wound::order));
        wounds.extend(wire.wounds.iter().copied());
    }
    wounds.sort_by_key(Wound::order);
    wounds
}

/// Every avatar's hit points.
fn health(world: &World) -> BTreeMap<EntityId, u16> {
    let owned = world.wire_frames().iter().flat_map(|wire| &wire.owned);
    owned.map(|own| (own.id, own.vitals.health)).collect()
}

/// What avatars that lived have lost since `before` is what their wounds say, to the point.
fn wounds_add_up(before: &BTreeMap<EntityId, u16>, world: &World, wounds: &[Wound]) {
    for (id, health) in health(world) {
        let Some(before) = before.get(&id).filter(|before| **before > 0) else {
            continue;
        };
        let own: Vec<_> = wounds.iter().filter(|wound| wound.target == id).collect();
        let lost: u16 = own.iter().map(|wound| wound.amount).sum();
        assert_eq!(before - lost, health, "{id}");
        let fatal = own.iter().filter(|wound| wound.fatal).count();
        assert_eq!(fatal, usize::from(health == 0), "{id}");
    }
}

struct Unrest {
    departures: usize,
    /// One tick in this many, everybody moves house.
    scatter_every: Option<u64>,
}

/// Steps a world whose zones change beside a twin that has one, and compares all there is.
fn beside_its_twin(unrest: &Unrest, ticks: u64) -> (Tally, usize) {
    let mut draws = Draws(hash_words([unrest.departures as u64]), 0);
    let pool = pool(2);
    let (mut world, mut twin) = (first_contact(24), first_contact(1));
    world.set_departures_per_tick(unrest.departures);
    let (mut tally, mut most_strays) = (Tally::default(), 0);
    let (mut changed, mut refused, mut wounded) = (0, 0, 0);
    for tick in 0..ticks {
        match draws.below(8) {
            0..4 => {
                let change = some_change(&world, &mut draws);
                match world.change_zones(&[change]) {
                    Ok(()) => changed += 1,
                    Err(_) => refused += 1,
                }
            }
            4 if tick % 5 == 0 => {
                let map = some_map(&world, &mut draws);
                world.recut(map).unwrap();
            }
            _ => {}
        }
        if unrest.scatter_every.is_some_and(|every| tick % every == 0) {
            world.scatter_residence(tick);
            assert_eq!(world.fault(), None, "tick {tick}, after moving house");
        }
        let mut inputs = twin.scripted_inputs();
        assert_eq!(world.scripted_inputs(), inputs, "tick {tick}");
        for (_, intent) in &mut inputs.players.intents {
            // Some strike at what they saw a while ago, under another map perhaps.
            intent.view_tick.0 -= draws.below(10).min(tick as usize) as u64;
        }
        let before = health(&twin);
        let expected = twin.step(&inputs, &pool).unwrap();
        let report = world.step(&inputs, &pool).unwrap();
        assert_eq!(report.digest, expected.digest, "tick {tick}");
        assert_eq!(report.entities, expected.entities);
        assert_eq!(world.fault(), None, "tick {tick}");
        let told_of = wounds(&twin);
        assert_eq!(wounds(&world), told_of, "tick {tick}");
        wounds_add_up(&before, &twin, &told_of);
        wounded += told_of.len();
        if tick % 4 == 0 {
            assert!(rows(&world) == rows(&twin), "frames of tick {tick}");
            assert!(told(&world) == told(&twin), "wire frames of tick {tick}");
            assert_eq!(world.strays(), world.count_strays(), "tick {tick}");
        }
        tally.add(&report.tally);
        most_strays = most_strays.max(world.strays());
    }
    assert!(changed > ticks / 5 && refused > 0, "{changed}, {refused}");
    assert!(wounded > 100, "{wounded} wounds");
    (tally, most_strays)
}

#[test]
fn splits_merges_moves_and_recuts_show_nowhere() {
    let unrest = Unrest {
        departures: World::DEPARTURES_PER_TICK,
        scatter_every: None,
    };
    let (tally, strays) = beside_its_twin(&unrest, 200);
    assert!(tally.hits_cross > 100 && tally.kills > 10, "{tally:?}");
    assert!(tally.handoffs > 5_000, "{tally:?}");
    assert!(strays > 100, "nobody ever had to wait: {strays}");
}

#[test]
fn a_departure_a_tick_shows_as_little() {
    let unrest = Unrest {
        departures: 1,
        scatter_every: None,
    };
    let (tally, strays) = beside_its_twin(&unrest, 150);
    assert!(
        tally.handoffs <= 150 && strays > 1_000,
        "{tally:?} {strays}"
    );
}

#[test]
fn entities_may_reside_anywhere() {
    for departures in [0, 20] {
        let unrest = Unrest {
            departures,
            scatter_every: Some(7),
        };
        let (tally, strays) = beside_its_twin(&unrest, 100);
        assert!(strays > 1_000, "{strays}");
        assert_eq!(tally.handoffs == 0, departures == 0);
    }
}

#[test]
fn a_zone_that_ends_is_emptied_and_closed() {
    let mut world = first_contact(24);
    let pool = pool(1);
    world.set_departures_per_tick(100);
    while world.zone_map().len() > 1 {
        world.change_zones(&[Change::Merge { zone: 0 }]).unwrap();
    }
    // Announced, not yet in force.
    assert_eq!((world.zones(), world.zone_map().len()), (24, 1));
    let mut waiting = Vec::new();
    while world.wire_frames().len() > 1 {
        let inputs = world.scripted_inputs();
        let report = world.step(&inputs, &pool).unwrap();
        assert!(report.tally.handoffs <= 100);
        assert_eq!(world.zones(), 1);
        waiting.push(world.strays());
    }
    assert!(waiting[0] > 1_000 && waiting.ends_with(&[0]), "{waiting:?}");
    assert!(waiting.windows(2).all(|pair| pair[1] <= pair[0]));
    assert_eq!(world.populations(), [world.entities()]);
    // And back: the first part stays where it is.
    let cells = occupied(&world);
    let at = cells[cells.len() / 2];
    world
        .change_zones(&[Change::Split { zone: 0, at }])
        .unwrap();
    let inputs = world.scripted_inputs();
    world.step(&inputs, &pool).unwrap();
    assert_eq!((world.zones(), world.wire_frames().len()), (2, 2));
}

#[test]
fn a_cut_through_a_grid_cell_is_refused_and_so_is_what_does_not_fit() {
    let mut world = first_contact(6);
    let cell = occupied(&world)[3];
    let zone = world.zone_map().zone_of(cell);
    let before = world.zone_map().clone();
    let within = cell.children()[1];
    let refused = world.change_zones(&[Change::Split { zone, at: within }]);
    assert!(matches!(
        refused,
        Err(ZoneChangeError::Within { level, .. }) if level == cell.level()
    ));
    assert!(refused.unwrap_err().to_string().contains("grid cell"));
    // All or none: the second change does not fit.
    let merge = Change::Merge { zone: 5 };
    let split = Change::Split { zone, at: cell };
    let refused = world.change_zones(&[merge, split]).unwrap_err();
    assert_eq!(
        refused,
        ZoneChangeError::Change {
            number: 0,
            change: merge,
            problem: BadChange::Zone(5, 6)
        }
    );
    assert!(
        world
            .change_zones(&[split, Change::Merge { zone: 6 }])
            .is_err()
    );
    assert_eq!(*world.zone_map(), before);
}

#[test]
fn a_stopwatch_shows_where_the_work_is() {
    let mut world = first_contact(24);
    assert!(world.zone_loads().iter().all(|load| load.step_ns == 0));
    let now = Arc::new(AtomicU64::new(0));
    // Every look takes a microsecond: with one thread, the two halves of a step take one each.
    world.set_stopwatch(Arc::new(move || now.fetch_add(1_000, Ordering::Relaxed)));
    let pool = pool(1);
    for _ in 0..3 {
        world.step(&world.scripted_inputs(), &pool).unwrap();
    }
    let loads = world.zone_loads();
    let (busy, empty): (Vec<ZoneLoad>, Vec<ZoneLoad>) =
        loads.iter().copied().partition(|load| load.residents > 0);
    assert!(busy.iter().all(|load| load.step_ns == 2_000));
    // Nobody looks into a zone in which there is nobody.
    assert!(
        empty
            .iter()
            .all(|load| load.last_step_ns == 0 && load.step_ns < 2_000)
    );
    assert_eq!(
        loads.iter().map(|load| load.entities).collect::<Vec<_>>(),
        world.populations()
    );
    let map = world.load_map(Level::of(20));
    assert_eq!(map.level(), occupied(&world)[0].level());
    assert_eq!(map.total(), 2_000 * busy.len() as u64);
    for (load, (first, last)) in loads.iter().zip(world.zone_map().ranges()) {
        let expected = if load.residents > 0 { 2_000 } else { 0 };
        assert_eq!(map.between(first, last), expected);
    }
    assert_eq!(world.load_map(Level::of(2)).total(), map.total());
}
