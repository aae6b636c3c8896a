//! The scenarios that stress borders: each is the same world for every cut, each has the digest that is
//! checked in, and each proves that its borders are where things happen.
//!
//! Short form, for every change: 1,000 ticks in one zone against three other cuts. The whole matrix is
//! `bluemarble invariance`; new digests are blessed with `cargo xtask golden --bless`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::collections::{BTreeMap, BTreeSet};

use bluemarble_shared_protocol::EntityId;
use bluemarble_sim::invariance::{self, Cut, GOLDEN_TICKS, Goldens, SCENARIOS};
use bluemarble_sim::{KindId, Scenario, World};
use scene::{assets, pool, spec};

const TICKS: u64 = GOLDEN_TICKS[0];

/// One scenario, compared; and what happened at its borders is enough.
fn check(name: &str) {
    let spec = spec(name);
    let reference = invariance::reference(&spec, TICKS, &pool(1), &mut |_| ()).unwrap();
    let alone = &reference.total;
    assert_eq!(
        (alone.contacts_cross, alone.hits_cross, alone.handoffs),
        (0, 0, 0),
        "one zone has no borders"
    );
    let goldens = Goldens::parse(include_str!("golden/digests.txt")).unwrap();
    let golden = goldens.get(name, TICKS);
    let digest = reference.digest_at(TICKS);
    let draw = name.bytes().map(u64::from).sum();
    for (cut, threads) in [
        (Cut::Zones(6), 2),
        (Cut::Random(draw), 1),
        (Cut::Restless(draw), 2),
    ] {
        let outcome =
            invariance::compare(&spec, cut, &reference, &pool(threads), &mut |_| ()).unwrap();
        if let Some(difference) = outcome.difference {
            panic!("{name}, {cut} on {threads} threads: {difference}");
        }
        let run = outcome.run;
        eprintln!(
            "{name}, {cut} ({} zones): across borders {} contacts, {} blows, {} hand-offs, \
             {} shots, {} in areas (of {} contacts, {} blows; {} kills, {} too late)",
            run.zones,
            run.total.contacts_cross,
            run.total.hits_cross,
            run.total.handoffs,
            run.total.shots_hit_cross,
            run.total.blasted_cross + run.total.burns_cross,
            run.total.contacts,
            run.total.hits,
            run.total.kills,
            run.total.too_late,
        );
        if let Cut::Zones(_) = cut {
            assert_eq!(run.unmet(&spec.scenario.stress), None, "{name}, {cut}");
        }
    }
    // Last, so that a world that depends on its cut is called that and not merely another.
    assert_eq!(
        digest.map(|d| format!("{d:016x}")),
        golden.map(|d| format!("{d:016x}")),
        "{name} at tick {TICKS} is not what it was (right). If a rule was changed on purpose, say \
         `cargo xtask golden --bless`"
    );
}

#[test]
fn first_contact_is_the_same_however_it_is_cut() {
    check("first-contact");
}

#[test]
fn a_crowd_in_a_bottleneck_is_the_same_however_it_is_cut() {
    check("bottleneck");
}

#[test]
fn a_recorded_crowd_is_the_same_however_it_is_cut() {
    check("crowd-recorded");
}

#[test]
fn armies_at_a_cube_vertex_are_the_same_however_it_is_cut() {
    check("vertex-armies");
}

#[test]
fn walkers_around_a_pole_are_the_same_however_it_is_cut() {
    check("pole-walkers");
}

#[test]
fn who_crosses_a_border_every_tick_is_the_same_however_it_is_cut() {
    check("shuttlers");
}

#[test]
fn shots_and_fires_over_a_cube_vertex_are_the_same_however_it_is_cut() {
    check("volleys");
}

#[test]
fn bolts_that_chase_around_a_pole_are_the_same_however_it_is_cut() {
    check("seekers");
}

#[test]
fn what_everybody_grasps_for_is_the_same_however_it_is_cut() {
    check("treasure");
}

#[test]
fn what_everybody_gathers_is_the_same_however_it_is_cut() {
    check("gatherers");
}

#[test]
fn bolts_chase_their_targets_through_three_zones() {
    let spec = spec("seekers");
    let bolt = spec.scenario.kind_names.iter().position(|k| k == "bolt");
    let bolt = KindId(bolt.unwrap() as u16);
    let pool = pool(1);
    let mut world = Cut::Zones(24).world(&spec).unwrap();
    let mut visited: BTreeMap<EntityId, BTreeSet<usize>> = BTreeMap::new();
    for _ in 0..TICKS {
        world.step(&world.scripted_inputs(), &pool).unwrap();
        for (zone, frame) in world.frames().zones.iter().enumerate() {
            let bolts = frame.ids.iter().zip(&frame.kinds);
            for (id, _) in bolts.filter(|(_, kind)| **kind == bolt) {
                visited.entry(*id).or_default().insert(zone);
            }
        }
    }
    let three = visited.values().filter(|zones| zones.len() >= 3).count();
    eprintln!(
        "{three} of {} bolts went through three zones",
        visited.len()
    );
    assert!(three >= 20, "{three} of {} bolts", visited.len());
}

#[test]
fn every_scenario_is_compared_but_the_large_one_and_the_market() {
    // What people do at the market, they do by themselves: `tests/effects` compares gifts and deals.
    let others = ["earth", "market"];
    let mut shipped: Vec<String> = std::fs::read_dir(assets().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !others.contains(&name.as_str()))
        .collect();
    let mut compared = SCENARIOS.map(str::to_owned).to_vec();
    shipped.sort();
    compared.sort();
    assert_eq!(shipped, compared);
    for name in SCENARIOS {
        let scenario = Scenario::find(&assets(), name).unwrap();
        assert_ne!(scenario.stress, Default::default(), "{name} proves nothing");
    }
}

#[test]
fn a_script_goes_through_sealed_inputs_and_is_not_needed_to_replay_them() {
    let spec = spec("bottleneck");
    let mut played = World::genesis(spec.clone()).unwrap();
    let mut scriptless = spec;
    scriptless.zones = 3;
    let mut replayed = World::genesis(scriptless).unwrap();
    let pool = pool(1);
    for _ in 0..100 {
        let sealed = played.scripted_inputs();
        let bytes = sealed.encode();
        let unsealed = bluemarble_sim::TickInputs::decode(&bytes).unwrap();
        let there = played.step(&sealed, &pool).unwrap();
        let here = replayed.step(&unsealed, &pool).unwrap();
        assert_eq!(there.digest, here.digest, "tick {}", there.tick);
    }
}

#[test]
fn a_shuttler_crosses_the_border_in_nearly_every_tick() {
    let spec = spec("shuttlers");
    let pool = pool(1);
    let mut world = Cut::Zones(2).world(&spec).unwrap();
    let mut handoffs = 0;
    for tick in 0..400 {
        let report = world.step(&world.scripted_inputs(), &pool).unwrap();
        // A while to find their places.
        if tick >= 200 {
            handoffs += report.tally.handoffs;
        }
    }
    let shuttlers = u64::from(spec.scenario.troops[0].count);
    assert!(
        handoffs > 200 * shuttlers * 9 / 10,
        "{handoffs} hand-offs of {shuttlers} in 200 ticks"
    );
}
