//! Blasts and fires over borders.

use crate::scene::{PLAIN, VERTEX, load, scenario};
use crate::twins::Twins;

fn siege(at: (f64, f64)) -> Twins {
    let camps = r#"
        Camp(at: Square(0), kind: "mage", count: 14, spread_m: 25.0),
        Camp(at: Square(0), kind: "villager", count: 40, spread_m: 12.0)"#;
    // Wider than those of the shipped mage, so that much of what they do is over a border.
    let bolt = r#"Kind(name: "Bolt", radius_m: 0.2, role: Projectile(speed_mps: 12.0, life_s: 8.0,
        homing: true, damage: (5, 9), blast_m: 9.0, leaves: "fire"))"#;
    let fire = r#"Kind(name: "Fire", radius_m: 0.5,
        role: Hazard(reach_m: 7.0, damage: (1, 2), every_s: 0.5, life_s: 5.0))"#;
    let kinds = [("bolt", bolt), ("fire", fire)];
    let scene = load(&scenario(at, "adventurer", 5.0, camps), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    for _ in 0..160 {
        twins.step(&twins.quiet());
    }
    twins
}

#[track_caller]
fn assert_areas_crossed(twins: &Twins) {
    let whole = twins.tally();
    assert!(whole.shots > 20 && whole.kills > 0, "{whole:?}");
    for cut in &twins.tallies[1..] {
        let counts = |t: &bluemarble_sim::Tally| (t.blasted, t.burns, t.kills, t.births, t.ends);
        assert_eq!(counts(cut), counts(&whole));
    }
    let crossed: Vec<_> = twins
        .tallies
        .iter()
        .map(|t| (t.blasted_cross, t.burns_cross))
        .collect();
    assert!(
        crossed[1..].iter().all(|n| n.0 >= 3 && n.1 >= 3),
        "{crossed:?}"
    );
}

#[test]
fn blasts_and_fires_over_a_border_harm_the_same() {
    assert_areas_crossed(&siege(PLAIN));
}

#[test]
fn blasts_and_fires_over_a_corner_of_the_cube_harm_the_same() {
    assert_areas_crossed(&siege(VERTEX));
}

#[test]
fn fires_burn_out() {
    let mut twins = siege(PLAIN);
    assert!(!twins.of_kind("fire").is_empty());
    // The mages do not stop; but no fire is older than its five seconds.
    let old: Vec<_> = twins
        .of_kind("fire")
        .iter()
        .map(|s| s.identity.id)
        .collect();
    for _ in 0..101 {
        twins.step(&twins.quiet());
    }
    let burning = twins.of_kind("fire");
    assert!(burning.iter().all(|fire| !old.contains(&fire.identity.id)));
}

#[test]
fn nobody_is_harmed_by_their_own_side() {
    let camps = r#"Camp(at: Square(0), kind: "mage", count: 14, spread_m: 6.0),
        Camp(at: Square(0), kind: "chest", count: 3, spread_m: 6.0)"#;
    let scene = load(&scenario(PLAIN, "adventurer", 5.0, camps), &[]).unwrap();
    let mut twins = Twins::new(&scene);
    for _ in 0..60 {
        twins.step(&twins.quiet());
    }
    let tally = twins.tally();
    assert_eq!(
        (tally.shots, tally.hits, tally.burns),
        (0, 0, 0),
        "{tally:?}"
    );
}
