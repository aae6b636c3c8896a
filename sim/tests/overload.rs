//! The steps of the overload ladder that change the world: sealed, the same in every partition, and
//! gone without a trace when the ladder has climbed down.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::mix64;
use bluemarble_sim::{OVERLOAD_THINKS_LESS, TickInputs, World};
use scene::{first_contact, pool};

const TICKS: u64 = 300;

/// The scripted inputs of the next tick, sealed at a step of the ladder, after a way through bytes as
/// a replay takes it.
fn sealed(world: &World, overload: u8) -> TickInputs {
    let inputs = TickInputs {
        overload,
        ..world.scripted_inputs()
    };
    TickInputs::decode(&inputs.encode()).unwrap()
}

fn digests(world: &mut World, level: impl Fn(u64) -> u8) -> Vec<u64> {
    let pool = pool(2);
    (0..TICKS)
        .map(|tick| {
            let inputs = sealed(world, level(tick));
            world.step(&inputs, &pool).unwrap().digest
        })
        .collect()
}

/// Up and down at odd times, all steps among them.
fn flips(tick: u64) -> u8 {
    (mix64(tick / 7) % 7) as u8
}

#[test]
fn a_world_under_changing_overload_is_the_same_in_every_partition() {
    let whole = digests(&mut first_contact(1), flips);
    for zones in [6, 24] {
        let cut = digests(&mut first_contact(zones), flips);
        let parted = whole.iter().zip(&cut).position(|(a, b)| a != b);
        assert_eq!(parted, None, "{zones} zones: the first tick that differs");
    }
}

#[test]
fn only_the_steps_that_are_sealed_change_the_world_and_the_highest_no_more_than_the_first() {
    let calm = digests(&mut first_contact(6), |_| 0);
    let below = digests(&mut first_contact(6), |_| OVERLOAD_THINKS_LESS - 1);
    assert_eq!(calm, below);
    let thinks_less = digests(&mut first_contact(6), |_| OVERLOAD_THINKS_LESS);
    assert_ne!(
        calm, thinks_less,
        "creatures that think half as often act otherwise"
    );
    let queued = digests(&mut first_contact(6), |_| 6);
    assert_eq!(thinks_less, queued);
}
