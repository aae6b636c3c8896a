//! A few cases of the soak in every ordinary test run; `cargo xtask soak` runs them by the thousand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use bluemarble_soak::case::{CaseRun, Workshop};
use bluemarble_soak::kinds::Events;
use bluemarble_soak::{Library, Pools};

fn workshop() -> Workshop {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    Workshop {
        library: Library::open(&assets).unwrap().short(),
        pools: Pools::default(),
    }
}

fn run(case: u64, mutant: bool) -> CaseRun {
    CaseRun {
        seed: 1,
        case,
        events: Events::all(),
        mutant,
    }
}

#[test]
fn tormented_worlds_are_the_same_as_their_peaceful_twins() {
    let mut shop = workshop();
    let (mut handoffs, mut restarts, mut changes) = (0, 0, 0);
    for case in 0..5 {
        let outcome = run(case, false).run(&mut shop).unwrap();
        let stats = outcome.unwrap_or_else(|failure| panic!("case {case}: {failure:#?}"));
        handoffs += stats.tally.handoffs;
        restarts += stats.done.restarts;
        changes += stats.done.zone_changes;
    }
    // Otherwise nothing was tormented.
    assert!(handoffs > 10 && restarts > 3 && changes > 3);
}

#[test]
fn a_case_run_again_is_the_same_case() {
    let mut shop = workshop();
    let mut once = || run(0, false).run(&mut shop).unwrap().unwrap();
    let (first, second) = (once(), once());
    assert_eq!(first.entity_ticks, second.entity_ticks);
    assert_eq!((first.tally, first.done), (second.tally, second.done));
}

#[cfg(feature = "mutants")]
#[test]
fn the_soak_sees_a_world_that_reads_its_own_zone_at_t() {
    let mut shop = workshop();
    let found = (0..6).any(|case| run(case, true).run(&mut shop).unwrap().is_err());
    assert!(found);
}
