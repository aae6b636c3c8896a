//! Creatures sleep where no player is, and it shows nowhere: not in how the world is cut, not after
//! amnesia, not after a restart, and not to whoever comes back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::{Admission, EntityId, Epoch, InputSeq, Intent, Tick, WishDir};
use bluemarble_sim::{COARSE_DELAY_TICKS, DigestPart, Tally, TickInputs, World, WorldSpec};
use scene::{altered, pool};

/// Six squares full of raiders and villagers, without scripted players.
fn squares(zones: usize) -> World {
    altered(zones, |scenario| {
        scenario.puppets = 0;
        scenario.sleep_beyond_m = Some(600.0);
    })
}

const TICKS: u64 = 320;

/// Twenty players come to the first square at tick 20, walk about, and leave in the middle of the
/// fighting that they have woken; one comes back much later.
fn visits(tick: Tick) -> TickInputs {
    let mut inputs = TickInputs::empty(tick, Epoch(0));
    for n in 0..20_u32 {
        let name = format!("visitor-{n}");
        let avatar = EntityId::of_character(&name);
        let name = name.into();
        match tick.0 {
            20 => inputs.players.admissions.push(Admission { avatar, name }),
            120 => inputs.players.leaves.push(avatar),
            260 if n == 3 => inputs.players.admissions.push(Admission { avatar, name }),
            _ => {}
        }
        let way = |axis| f64::from(bluemarble_shared_protocol::mix64(avatar.0 ^ axis) as i32);
        if tick.0 > 20 {
            let intent = Intent {
                seq: InputSeq(tick.0 as u32),
                wish: WishDir::from_dir(glam::DVec3::new(way(0), way(1), way(2))),
                pace: Intent::PACE_MAX,
                ..Intent::default()
            };
            inputs.players.intents.push((avatar, intent));
        }
    }
    inputs.players.admissions.sort_by_key(|a| a.avatar);
    inputs.players.leaves.sort();
    inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
    inputs
}

/// What shows of a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shown {
    digest: u64,
    /// Of the entities as they are, without where they were.
    present: u64,
    asleep: usize,
    hits: u64,
}

/// Plays the visits to their end; `meddle` with the world before each tick.
fn play(world: &mut World, threads: usize, mut meddle: impl FnMut(&mut World)) -> Vec<Shown> {
    let pool = pool(threads);
    let mut shown = Vec::new();
    while world.tick() < Tick(TICKS) {
        meddle(world);
        let report = world.step(&visits(world.tick().next()), &pool).unwrap();
        assert_eq!(world.fault(), None, "tick {}", report.tick.0);
        let past = world.digest_parts().components[DigestPart::Past as usize];
        shown.push(Shown {
            digest: report.digest,
            present: report.digest.wrapping_sub(past),
            asleep: world.asleep(),
            hits: report.tally.hits,
        });
    }
    shown
}

#[track_caller]
fn assert_same(reference: &[Shown], other: &[Shown], what: &str) {
    let first = reference.iter().zip(other).find(|(a, b)| a != b);
    assert_eq!(first, None, "{what}");
    assert_eq!(reference.len(), other.len(), "{what}");
}

#[test]
fn who_sleeps_shows_in_no_partition() {
    let mut whole = squares(1);
    let everybody = whole.entities();
    let reference = play(&mut whole, 1, |_| ());
    let at = |tick: u64| reference[tick as usize - 1];
    // Nobody has ever been near: all lie down at once, and nothing changes.
    assert_eq!(at(1).asleep, everybody);
    assert_eq!(at(1).present, at(19).present);
    // Players are known of so many ticks after they came, and only their square gets up.
    assert_eq!(at(20 + COARSE_DELAY_TICKS - 1).asleep, everybody);
    let still = at(20 + COARSE_DELAY_TICKS).asleep;
    assert!((500..everybody - 100).contains(&still), "{still}");
    // When they have left, whoever is hunted or wounded is not asleep, and mail wakes sleepers.
    let alone = 120 + COARSE_DELAY_TICKS..=259;
    let hits: u64 = alone.clone().map(|tick| at(tick).hits).sum();
    assert!(hits > 50, "{hits} blows without players near");
    assert!(
        alone
            .clone()
            .any(|tick| at(tick).asleep < at(tick - 1).asleep),
        "mail wakes"
    );
    assert!(at(259).asleep > still, "the others lie down again");
    assert!(
        at(TICKS).asleep < at(259).asleep,
        "and get up for one player"
    );
    for (zones, threads) in [(6, 2), (24, 1), (96, 2)] {
        let what = format!("{zones} zones on {threads} threads");
        assert_same(
            &reference,
            &play(&mut squares(zones), threads, |_| ()),
            &what,
        );
    }
}

#[test]
fn sleepers_survive_amnesia_scattering_and_changes_of_zones() {
    let reference = play(&mut squares(1), 1, |_| ());
    let forgetful = play(&mut squares(6), 1, |world| {
        if world.tick().0 % 11 == 5 {
            world.rebuild_zones();
        }
    });
    assert_same(&reference, &forgetful, "zones rebuilt every eleventh tick");
    let scattered = play(&mut squares(6), 2, |world| {
        world.set_departures_per_tick(7);
        if world.tick().0 % 60 == 10 {
            world.scatter_residence(world.tick().0);
        }
    });
    assert_same(&reference, &scattered, "sleepers who reside anywhere");
    let maps = [3, 24, 1].map(|zones| squares(zones).zone_map().as_ref().clone());
    let recut = play(&mut squares(6), 1, |world| {
        if world.tick().0 % 25 == 7 {
            let map = maps[(world.tick().0 / 25 % 3) as usize].clone();
            world.recut(map).unwrap();
        }
    });
    assert_same(&reference, &recut, "cut anew every 25 ticks");
}

#[test]
fn a_checkpoint_among_sleepers_goes_on_as_if_nothing_had_happened() {
    let mut world = squares(6);
    let mut taken = Vec::new();
    let reference = play(&mut world, 2, |world| {
        // Before, on the way of, and after the news that players came and left; long asleep.
        if [0, 10, 21, 23, 24, 60, 121, 123, 130, 250].contains(&world.tick().0) {
            taken.push(world.checkpoint());
        }
    });
    for (checkpoint, zones) in taken.iter().zip([1, 6, 24, 1, 6, 24, 1, 6, 24, 1]) {
        let spec = WorldSpec {
            zones,
            ..world.spec().clone()
        };
        let mut again = World::restore(spec, checkpoint).unwrap();
        assert_eq!(again.digest(), checkpoint.digest);
        let rest = play(&mut again, 1, |_| ());
        let at = checkpoint.tick.0;
        assert_same(
            &reference[at as usize..],
            &rest,
            &format!("restored at {at}"),
        );
    }
}

#[test]
fn a_world_in_which_nobody_may_sleep_has_no_sleepers() {
    let mut spec = squares(2).spec().clone();
    spec.scenario.sleep_beyond_m = None;
    let mut world = World::genesis(spec).unwrap();
    let mut total = Tally::default();
    for _ in 0..40 {
        let inputs = TickInputs::empty(world.tick().next(), Epoch(0));
        total.add(&world.step(&inputs, &pool(1)).unwrap().tally);
        assert_eq!(world.asleep(), 0);
    }
    assert!(total.hits > 0, "raiders need no players to raid");
}
