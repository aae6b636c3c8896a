//! A run that parts from the reference is traced to its tick, entity, component and both values.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::invariance::{self, Cut, Difference, Run};
use bluemarble_sim::{DigestPart, EntityState, World, WorldSpec};
use bluemarble_spatial::Planet;
use scene::pool;

const TICKS: u64 = 60;
const BENT_AT: Tick = Tick(37);

/// A corner of the first scenario, small enough to be run many times.
fn spec() -> WorldSpec {
    let mut spec = scene::spec("first-contact");
    spec.planet = Arc::new(Planet::smooth(50_000.0));
    spec.scenario.squares.truncate(1);
    spec.scenario.camps.truncate(2);
    spec.scenario.puppets = 8;
    spec
}

fn reference() -> Run {
    invariance::reference(&spec(), TICKS, &pool(1), &mut |_| ()).unwrap()
}

/// A cut world in which `bend` was at work after every tick.
fn parted(cut: Cut, mut bend: impl FnMut(&mut World)) -> Option<Difference> {
    let (spec, pool) = (spec(), pool(2));
    let outcome = invariance::compare_bent(&spec, cut, &reference(), &pool, &mut bend).unwrap();
    if let Some(difference) = &outcome.difference {
        assert_eq!(outcome.run.ticks(), difference.tick);
    }
    outcome.difference
}

/// Bends somebody of whom the condition holds, once.
fn bend_one(world: &mut World, is: fn(&EntityState) -> bool, bend: fn(&mut EntityState)) {
    if world.tick() == BENT_AT {
        let found = world.states().into_iter().find(is).unwrap();
        assert!(world.bend(found.identity.id, bend));
    }
}

#[test]
fn without_a_fault_nothing_is_found() {
    for cut in [Cut::Zones(6), Cut::Random(3), Cut::Restless(3)] {
        assert_eq!(parted(cut, |_| ()), None);
    }
}

#[test]
fn one_flipped_bit_is_named_with_tick_entity_component_and_both_values() {
    for cut in [Cut::Zones(6), Cut::Random(3), Cut::Restless(3)] {
        let mut bent = None;
        let found = parted(cut, |world| {
            bend_one(
                world,
                |state| state.mind.is_some(),
                |state| {
                    let z = &mut state.body.0.pos.z;
                    *z = f64::from_bits(z.to_bits() ^ 1 << 20);
                },
            );
            if world.tick() == BENT_AT {
                bent = world.states().into_iter().find(|s| s.mind.is_some());
            }
        });
        let (found, bent) = (found.unwrap(), bent.unwrap());
        assert_eq!(found.tick, BENT_AT.0);
        assert_eq!(found.again, found.expected);
        assert_eq!(found.components, [DigestPart::Body]);
        let [culprit] = &found.culprits[..] else {
            panic!("{found}")
        };
        assert_eq!(culprit.entity, bent.identity.id);
        assert_eq!(culprit.component, DigestPart::Body);
        let z = bent.body.0.pos.z;
        let shown = |z: f64| Some(format!("{z:?} ({:016x})", z.to_bits()));
        let meant = f64::from_bits(z.to_bits() ^ 1 << 20);
        let field = ("Body.pos[2]".to_owned(), shown(z), shown(meant));
        assert_eq!(culprit.fields, [field]);
        let told = found.to_string();
        for word in [
            format!("tick {BENT_AT}"),
            format!("{:016x}", bent.identity.id.0),
            "Body.pos[2]".into(),
            format!("{:016x}", z.to_bits()),
            format!("{:016x}", meant.to_bits()),
        ] {
            assert!(told.contains(&word), "{word} is not in: {told}");
        }
    }
}

#[test]
fn many_differences_are_counted_and_the_first_few_named() {
    let found = parted(Cut::Zones(4), |world| {
        if world.tick() == BENT_AT {
            for state in world.states().iter().take(40) {
                world.bend(state.identity.id, |state| state.life.kills ^= 1 << 9);
            }
        }
    });
    let found = found.unwrap();
    assert_eq!(found.culprits_all, 40);
    assert!(found.culprits.len() < 40 && !found.culprits.is_empty());
    let told = found.to_string();
    let more = format!("and {} more", 40 - found.culprits.len());
    assert!(told.contains(&more), "{told}");
    assert!(told.contains("Life.kills"), "{told}");
}

#[test]
fn a_world_that_reads_its_own_zone_at_t_is_traced_to_somebody_in_it() {
    let found = parted(Cut::Zones(6), |world| world.set_mutant(true));
    let found = found.unwrap();
    assert_eq!(found.again, found.expected);
    assert!(found.culprits_all > 0, "{found}");
    assert!(found.culprits.iter().all(|c| !c.fields.is_empty()));
}

#[test]
fn a_reference_that_is_not_equal_to_itself_is_told_from_a_cut_that_shows() {
    let mut bad = reference();
    bad.digests[9] ^= 1;
    let outcome = invariance::compare(&spec(), Cut::Zones(6), &bad, &pool(2), &mut |_| ());
    let found = outcome.unwrap().difference.unwrap();
    assert_eq!((found.tick, found.again), (10, found.found));
    assert!(found.components.is_empty() && found.culprits.is_empty());
    assert!(found.to_string().contains("not equal to itself"), "{found}");
}
