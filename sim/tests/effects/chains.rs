//! Consequences of consequences.

use crate::scene::{HERO, PLAIN, beside, load, middle, scenario};
use crate::twins::{Twins, attack};

#[test]
fn a_chain_of_consequences_ends_after_eight_wherever_borders_lie() {
    let here = middle(PLAIN);
    // Twelve kegs in a row, each within the burst of its neighbours alone.
    let camps: String = (0..12)
        .map(|n| {
            let (lat, lng) = beside(here, 0.0, f64::from(n) * 5.0);
            format!(r#"Camp(at: At({lat:?}, {lng:?}), kind: "keg", count: 1, spread_m: 0.0),"#)
        })
        .collect();
    let hero = HERO.replace("reach_m: 12.0", "reach_m: 40.0");
    let scene = load(&scenario(PLAIN, "hero", 1.0, &camps), &[("hero", &hero)]).unwrap();
    let row: Vec<(f64, f64)> = (0..8)
        .map(|n| beside(here, 0.0, f64::from(n) * 10.0))
        .collect();
    let mut twins = Twins::cut_at(&scene, &row);
    let hero = twins.admit(&["ada".to_owned()])[0];
    let mut kegs = twins.of_kind("keg");
    kegs.sort_by(|a, b| {
        let east = |s: &bluemarble_sim::EntityState| {
            bluemarble_spatial::maths::atan2(s.body.0.pos.y, s.body.0.pos.x)
        };
        east(a).total_cmp(&east(b))
    });
    let first = kegs[0].identity.id;
    twins.step(&twins.quiet());
    twins.act(vec![(hero, attack(first))]);
    for n in 1..=12_u64 {
        twins.step(&twins.quiet());
        let dead = n.min(9);
        let expected: Vec<bool> = (0..12).map(|keg| keg >= dead).collect();
        let alive: Vec<bool> = kegs
            .iter()
            .map(|keg| twins.state(keg.identity.id).life.is_alive())
            .collect();
        assert_eq!(alive, expected, "{n} ticks after the blow");
    }
    for tally in &twins.tallies {
        // The ninth harms nobody any more, and is nobody's merit: both would be a ninth consequence.
        assert_eq!((tally.kills, tally.effects_too_deep), (9, 2), "{tally:?}");
    }
    assert_eq!(
        twins.own(hero).vitals.kills,
        8,
        "who struck the first has struck them all"
    );
}
