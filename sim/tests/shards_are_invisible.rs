//! The first promise: a world cut into any number of zones, on any number of threads, is the same
//! world, bit for bit, every tick. And the tests that test this test: amnesia and the mutant.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_sim::{Tally, World};
use scene::{TICKS, first_contact, pool};

/// Steps a world through its script; digests of every tick and the sum of what happened.
fn run(world: &mut World, ticks: u64, threads: usize) -> (Vec<u64>, Tally) {
    let pool = pool(threads);
    let mut tally = Tally::default();
    let digests = (0..ticks)
        .map(|_| {
            let report = world.step(&world.scripted_inputs(), &pool).unwrap();
            tally.add(&report.tally);
            report.digest
        })
        .collect();
    (digests, tally)
}

/// Panics with the first tick at which two runs part.
#[track_caller]
fn assert_same(reference: &[u64], other: &[u64], what: &str) {
    let first = reference.iter().zip(other).position(|(a, b)| a != b);
    assert_eq!(
        first.map(|t| t + 1),
        None,
        "{what}: the first tick that differs"
    );
    assert_eq!(reference.len(), other.len());
}

#[test]
fn the_digest_is_the_same_for_every_partition_and_thread_count() {
    let (reference, whole) = run(&mut first_contact(1), TICKS, 1);
    assert_eq!(
        (whole.contacts_cross, whole.hits_cross, whole.handoffs),
        (0, 0, 0)
    );
    assert!(
        reference.windows(2).all(|pair| pair[0] != pair[1]),
        "every tick changes something"
    );
    for (zones, threads) in [(6, 1), (6, 2), (24, 1), (24, 2), (96, 1), (96, 2), (1, 2)] {
        let (digests, cut) = run(&mut first_contact(zones), TICKS, threads);
        assert_same(
            &reference,
            &digests,
            &format!("{zones} zones on {threads} threads"),
        );
        assert_eq!(
            (cut.contacts, cut.hits, cut.kills, cut.respawns),
            (whole.contacts, whole.hits, whole.kills, whole.respawns),
        );
        eprintln!(
            "{zones} zones, {threads} threads, {TICKS} ticks: across borders {} contacts, {} hits, \
             {} hand-offs (of {} contacts, {} hits; {} kills)",
            cut.contacts_cross, cut.hits_cross, cut.handoffs, cut.contacts, cut.hits, cut.kills,
        );
        if zones > 1 {
            // Otherwise the borders are where nothing happens, and equality proves nothing.
            assert!(cut.contacts_cross > 1_000, "{cut:?}");
            assert!(cut.hits_cross > 1_000, "{cut:?}");
            assert!(cut.handoffs > 1_000, "{cut:?}");
        }
    }
}

#[test]
fn amnesia_changes_nothing() {
    let (reference, _) = run(&mut first_contact(1), 400, 1);
    let mut world = first_contact(24);
    let pool = pool(2);
    let mut digests = Vec::new();
    for tick in 0..400_u64 {
        if bluemarble_shared_protocol::mix64(tick).is_multiple_of(7) {
            world.rebuild_zones();
        }
        digests.push(world.step(&world.scripted_inputs(), &pool).unwrap().digest);
    }
    assert_same(
        &reference,
        &digests,
        "24 zones, rebuilt every seventh tick or so",
    );
}

#[test]
fn a_world_that_reads_its_own_zone_at_t_is_found_out() {
    let mutant = |zones| {
        let mut world = first_contact(zones);
        world.set_mutant(true);
        run(&mut world, 400, 1).0
    };
    let (whole, cut) = (mutant(1), mutant(6));
    let first = whole.iter().zip(&cut).position(|(a, b)| a != b);
    assert!(
        first.is_some(),
        "400 ticks did not tell the mutant by its partition"
    );
    // And the same comparison is silent without the mutant.
    assert_same(
        &run(&mut first_contact(1), 400, 1).0,
        &run(&mut first_contact(6), 400, 1).0,
        "sane",
    );
}

#[test]
fn a_checkpoint_restores_into_any_partition() {
    let mut world = first_contact(6);
    run(&mut world, 150, 2);
    let checkpoint = world.checkpoint();
    let (reference, _) = run(&mut world, 100, 2);
    for zones in [1, 6, 24] {
        let spec = bluemarble_sim::WorldSpec {
            zones,
            ..world.spec().clone()
        };
        let mut again = World::restore(spec, &checkpoint).unwrap();
        assert_eq!(
            (again.tick(), again.digest()),
            (checkpoint.tick, checkpoint.digest)
        );
        let (digests, _) = run(&mut again, 100, 1);
        assert_same(
            &reference,
            &digests,
            &format!("restored into {zones} zones"),
        );
    }
}
