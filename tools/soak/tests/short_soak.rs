//! A few cases of the soak in every ordinary test run; `cargo xtask soak` runs them by the thousand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use bluemarble_soak::case::{CaseRun, Workshop};
use bluemarble_soak::kinds::EventKind;
use bluemarble_soak::plant::Plant;
use bluemarble_soak::{Library, Pools};

/// Cases of several worlds between which many travel.
const TRAVELLED: [u64; 3] = [2, 10, 13];

fn workshop() -> Workshop {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    Workshop {
        library: Library::open(&assets).unwrap().short(),
        pools: Pools::default(),
    }
}

fn run(case: u64, plant: Option<Plant>) -> CaseRun {
    CaseRun {
        plant,
        ..CaseRun::whole(1, case)
    }
}

#[test]
fn tormented_worlds_are_the_same_as_their_peaceful_twins() {
    let mut shop = workshop();
    let (mut handoffs, mut restarts, mut changes) = (0, 0, 0);
    for case in 0..5 {
        let outcome = run(case, None).run(&mut shop).unwrap();
        let stats = outcome.unwrap_or_else(|failure| panic!("case {case}: {failure:#?}"));
        handoffs += stats.tally.handoffs;
        restarts += stats.done.restarts;
        changes += stats.done.zone_changes;
    }
    // Otherwise nothing was tormented.
    assert!(handoffs > 10 && restarts > 3 && changes > 3);
}

#[test]
fn travellers_are_in_one_world_or_on_one_journey_whatever_is_lost_meanwhile() {
    let mut shop = workshop();
    let (mut came, mut meanwhile, mut lost) = (0, 0, 0);
    for case in TRAVELLED {
        let outcome = run(case, None).run(&mut shop).unwrap();
        let stats = outcome.unwrap_or_else(|failure| panic!("case {case}: {failure:#?}"));
        came += stats.tally.arrived;
        meanwhile += stats.done.restarts_on_the_way;
        lost += stats.done.lost;
    }
    assert!(
        came > 50 && meanwhile > 10 && lost > 10,
        "{came} {meanwhile} {lost}"
    );
}

#[test]
fn a_case_without_travel_is_its_first_world_alone() {
    let mut shop = workshop();
    let whole = run(TRAVELLED[0], None);
    let alone = CaseRun {
        events: whole.events.without(EventKind::Travel),
        ..whole
    };
    let (whole, alone) = (whole.run(&mut shop), alone.run(&mut shop));
    let (whole, alone) = (whole.unwrap().unwrap(), alone.unwrap().unwrap());
    assert_eq!((alone.tally.arrived, alone.tally.departed), (0, 0));
    assert!(alone.ticks > 0 && alone.ticks < whole.ticks);
}

#[test]
fn a_case_run_again_is_the_same_case() {
    let mut shop = workshop();
    let mut once = || run(0, None).run(&mut shop).unwrap().unwrap();
    let (first, second) = (once(), once());
    assert_eq!(first.entity_ticks, second.entity_ticks);
    assert_eq!((first.tally, first.done), (second.tally, second.done));
}

#[cfg(feature = "mutants")]
#[test]
fn the_soak_sees_a_world_that_reads_its_own_zone_at_t() {
    let mut shop = workshop();
    let found = (0..6).any(|case| {
        run(case, Some(Plant::LiveZone))
            .run(&mut shop)
            .unwrap()
            .is_err()
    });
    assert!(found);
}
