//! Arrows and bolts.

use std::collections::{BTreeMap, BTreeSet};

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::{CellId, Level};

use crate::scene::{PLAIN, VERTEX, beside, load, middle, scenario};
use crate::twins::{Twins, attack, run};

/// Archers against raiders, within range of each other on both sides of a border; and how many of
/// the arrows were seen in more than one zone of the world that has six.
fn skirmish(at: (f64, f64)) -> (Twins, usize) {
    let camps = r#"
        Camp(at: Square(0), kind: "archer", count: 40, spread_m: 30.0),
        Camp(at: Square(0), kind: "raider", count: 12, spread_m: 30.0)"#;
    let scene = load(&scenario(at, "adventurer", 5.0, camps), &[]).unwrap();
    let mut twins = Twins::new(&scene);
    let arrow = kind_number(&twins, "arrow");
    let mut first_seen = BTreeMap::new();
    let mut crossed = BTreeSet::new();
    for _ in 0..200 {
        twins.step(&twins.quiet());
        for wire in twins.whole().wire_frames() {
            for ((id, state), pos) in wire.ids.iter().zip(&wire.states).zip(&wire.positions) {
                if state.kind == arrow {
                    let cell = CellId::at(pos.normalize(), Level::of(24));
                    let zone = twins.of_six().frames().map.zone_of(cell);
                    if *first_seen.entry(*id).or_insert(zone) != zone {
                        crossed.insert(*id);
                    }
                }
            }
        }
    }
    (twins, crossed.len())
}

fn kind_number(twins: &Twins, name: &str) -> u16 {
    let kinds = &twins.whole().spec().scenario.kind_names;
    kinds.iter().position(|known| known == name).unwrap() as u16
}

#[track_caller]
fn assert_shots_crossed((twins, crossed): (Twins, usize)) {
    let whole = twins.tally();
    assert!(whole.shots > 50 && whole.kills > 0, "{whole:?}");
    for cut in &twins.tallies[1..] {
        let counts = |t: &bluemarble_sim::Tally| (t.shots, t.shots_hit, t.births, t.ends);
        assert_eq!(counts(cut), counts(&whole));
    }
    // Otherwise nothing flew over a border, and equality proves nothing.
    assert!(crossed >= 6, "only {crossed} of {}", whole.shots);
    assert!(
        twins.tallies[3].shots_hit_cross > 10,
        "from where they do not belong"
    );
}

#[test]
fn arrows_over_a_border_hit_whom_they_hit_without_one() {
    assert_shots_crossed(skirmish(PLAIN));
}

#[test]
fn arrows_over_a_corner_of_the_cube_hit_the_same() {
    assert_shots_crossed(skirmish(VERTEX));
}

#[test]
fn shots_end_and_leave_nothing_behind() {
    let (mut twins, _) = skirmish(PLAIN);
    let aloft = twins.of_kind("arrow").len() as u64;
    let tally = twins.tally();
    assert_eq!(tally.births - tally.ends, aloft);
    for _ in 0..40 {
        twins.step(&twins.quiet());
    }
    let tally = twins.tally();
    assert_eq!(
        tally.births - tally.ends,
        twins.of_kind("arrow").len() as u64
    );
    assert_eq!(tally.shots, tally.births);
}

const HOUND: &str = r#"Kind(name: "Hound", radius_m: 0.2,
    role: Projectile(speed_mps: 9.0, life_s: 60.0, homing: true, damage: (30, 30)))"#;
const HUNTER: &str = r#"Kind(name: "Hunter", faction: 0,
    mover: Mover(top_speed_mps: 8.0, accel_mps2: 60.0, jump_mps: 4.0, radius_m: 0.4, eye_m: 1.6, max_slope: 1.2),
    health: 100, attack: Attack(reach_m: 0.5, damage: (1, 1), cooldown_s: 1.0),
    shot: Shot(kind: "hound", range_m: 40.0, cooldown_s: 30.0),
    sight_m: 30.0, roam_m: 60.0, respawn_s: 2.0, rest_s: 1.0)"#;

#[test]
fn a_bolt_chases_a_runner_through_three_zones() {
    let kinds = [("hunter", HUNTER), ("hound", HOUND)];
    let scene = load(&scenario(PLAIN, "hunter", 1.0, ""), &kinds).unwrap();
    // Every cell on the way is a zone of its own.
    let way: Vec<(f64, f64)> = (0..20)
        .map(|n| beside(middle(PLAIN), 0.0, f64::from(n) * 20.0))
        .collect();
    let mut twins = Twins::cut_at(&scene, &way);
    let names = ["ada".to_owned(), "bob".to_owned()];
    let [hunter, runner] = twins.admit(&names)[..] else {
        unreachable!()
    };
    // A head start of some 24 m, eastwards.
    let east = |twins: &Twins| {
        let pos = twins.state(runner).body.0.pos;
        glam::DVec3::Z.cross(pos)
    };
    let way = east(&twins);
    for _ in 0..60 {
        twins.act(vec![(runner, run(way))]);
    }
    let report = twins.act(vec![(runner, run(way)), (hunter, attack(runner))]);
    assert_eq!(report.tally.shots, 1);
    let mut zones = BTreeSet::new();
    let mut flown = 0;
    while let Some(hound) = twins.of_kind("hound").pop() {
        let cell = CellId::at(hound.body.0.pos.normalize(), Level::of(24));
        zones.insert(twins.diced().frames().map.zone_of(cell));
        flown += 1;
        assert!(flown < 900, "it never arrives");
        assert_eq!(twins.own(runner).vitals.health, 100);
        twins.act(vec![(runner, run(way))]);
    }
    // The blow is in the mail.
    twins.act(vec![(runner, run(way))]);
    assert_eq!(twins.own(runner).vitals.health, 70);
    assert_eq!(twins.own(hunter).vitals.health, 100);
    assert!(zones.len() >= 3, "only through {zones:?} in {flown} ticks");
    assert!(twins.tallies[3].handoffs >= 4, "{:?}", twins.tallies[3]);
}

#[test]
fn a_shot_whose_shooter_has_left_still_counts_for_nobody_else() {
    let kinds = [("hunter", HUNTER), ("hound", HOUND)];
    let scene = load(&scenario(PLAIN, "hunter", 1.0, ""), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let names = ["ada".to_owned(), "bob".to_owned()];
    let [hunter, runner] = twins.admit(&names)[..] else {
        unreachable!()
    };
    let way = twins.state(runner).body.0.pos.any_orthonormal_vector();
    for _ in 0..20 {
        twins.act(vec![(runner, run(way))]);
    }
    twins.act(vec![(hunter, attack(runner))]);
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![hunter];
    twins.step(&inputs);
    for _ in 0..60 {
        twins.step(&twins.quiet());
    }
    assert_eq!(twins.own(runner).vitals.health, 70);
    assert_eq!(twins.whole().entities(), 1);
}

#[test]
fn every_client_sees_a_shot_as_an_entity_of_its_kind() {
    let (mut twins, _) = skirmish(PLAIN);
    while twins.of_kind("arrow").is_empty() {
        twins.step(&twins.quiet());
    }
    let arrow = kind_number(&twins, "arrow");
    let arrows: Vec<EntityId> = twins
        .of_kind("arrow")
        .iter()
        .map(|s| s.identity.id)
        .collect();
    let wires = twins.whole().wire_frames();
    let mut seen: Vec<EntityId> = wires
        .iter()
        .flat_map(|wire| wire.ids.iter().zip(&wire.states))
        .filter(|(_, state)| state.kind == arrow && state.flags.airborne && state.health > 0)
        .map(|(id, _)| *id)
        .collect();
    seen.sort();
    assert!(!arrows.is_empty());
    assert_eq!(seen, arrows);
}
