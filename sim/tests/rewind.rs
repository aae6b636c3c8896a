//! A blow is judged by what the player saw: a target that has run behind a border since is hit where it
//! was, however the world is cut, restarted or changed meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::{
    Admission, EntityId, Epoch, InputSeq, Intent, OwnState, Tick, WishDir,
};
use bluemarble_sim::{
    BadCheckpoint, Change, Checkpoint, CheckpointPart, TickInputs, TickReport, World, WorldError,
    WorldSpec,
};
use bluemarble_spatial::CellId;
use glam::DVec3;
use scene::{altered, first_contact, pool};

const REACH_M: f64 = 2.5;
/// 400 ms at 20 ticks a second.
const REWIND_TICKS: u64 = 8;

fn id(name: &str) -> EntityId {
    EntityId::of_character(name)
}

fn own(world: &World, name: &str) -> OwnState {
    let wires = world.wire_frames().iter();
    let found = wires
        .flat_map(|wire| &wire.owned)
        .find(|own| own.id == id(name));
    found.unwrap().clone()
}

fn position(world: &World, name: &str) -> DVec3 {
    let [x, y, z, ..] = own(world, name).body.values;
    DVec3::new(x, y, z)
}

fn cell(world: &World, name: &str) -> CellId {
    let frames = world.frames();
    let of = |cell: CellId, ids: &[EntityId]| ids.contains(&id(name)).then_some(cell);
    let in_frame = |frame: &bluemarble_sim::Frame| {
        frame
            .cells()
            .find_map(|cell| of(cell, &frame.ids[frame.rows_of(cell)]))
    };
    frames
        .zones
        .iter()
        .find_map(|frame| in_frame(frame))
        .unwrap()
}

fn empty_square(zones: usize) -> World {
    altered(zones, |scenario| {
        scenario.camps.clear();
        scenario.puppets = 0;
        scenario.spawn_spread_m = 0.5;
    })
}

/// One tick in which the archer and the runner want something.
fn step(world: &mut World, archer: Intent, runner: Intent) -> TickReport {
    let mut inputs = TickInputs::empty(world.tick().next(), Epoch(1));
    let seq = InputSeq(inputs.tick.0 as u32);
    inputs.players.intents = vec![
        (id("archer"), Intent { seq, ..archer }),
        (id("runner"), Intent { seq, ..runner }),
    ];
    inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
    world.step(&inputs, &pool(1)).unwrap()
}

fn walk(wish: DVec3) -> Intent {
    Intent {
        wish: WishDir::from_dir(wish),
        pace: Intent::PACE_MAX,
        ..Intent::default()
    }
}

fn strike(view_tick: Tick) -> Intent {
    Intent {
        view_tick,
        attack: Some(id("runner")),
        ..Intent::default()
    }
}

/// A world in which the runner is out of the archer's reach and in another zone, and the tick at
/// which it still was within and in the archer's.
fn ran_behind_the_border() -> (World, Tick) {
    (0..20)
        .find_map(|retreat| {
            let mut world = empty_square(6);
            let mut inputs = TickInputs::empty(Tick(1), Epoch(1));
            let names = ["archer", "runner"];
            inputs.players.admissions = names
                .map(|name| Admission {
                    avatar: id(name),
                    name: name.into(),
                })
                .to_vec();
            inputs.players.admissions.sort_by_key(|a| a.avatar);
            world.step(&inputs, &pool(1)).unwrap();
            // From the middle of the one cell to that of the other, over the border between them.
            let middle = world.spawn_dir();
            let here = CellId::at(middle, cell(&world, "archer").level());
            let across = [here.prev(), here.next()]
                .into_iter()
                .min_by(|a, b| {
                    let far = |cell: &CellId| cell.centre().distance(middle);
                    far(a).total_cmp(&far(b))
                })
                .unwrap();
            let way = across.centre() - here.centre();
            for _ in 0..8 + retreat {
                step(&mut world, walk(-way), walk(-way));
            }
            let mut seen: Vec<(Tick, f64, CellId)> = Vec::new();
            for _ in 0..40 {
                step(&mut world, Intent::default(), walk(way));
                let far_m = position(&world, "archer").distance(position(&world, "runner"));
                let at = cell(&world, "runner");
                let before = seen.len().checked_sub(REWIND_TICKS as usize - 1);
                if let Some(&(tick, then_m, then)) = before.map(|at| &seen[at])
                    && then_m < REACH_M - 0.1
                    && far_m > REACH_M + 0.1
                    && world.zone_map().zone_of(then) != world.zone_map().zone_of(at)
                {
                    return Some((world, tick));
                }
                seen.push((world.tick(), far_m, at));
            }
            None
        })
        .expect("some retreat puts the border where the reach ends")
}

fn again(world: &World, checkpoint: &Checkpoint, zones: usize) -> World {
    let spec = WorldSpec {
        zones,
        ..world.spec().clone()
    };
    World::restore(spec, checkpoint).unwrap()
}

#[test]
fn a_target_that_ran_behind_a_border_is_hit_where_it_was_seen() {
    let (mut world, view) = ran_behind_the_border();
    assert!(world.tick().since(view) < REWIND_TICKS);
    let checkpoint = world.checkpoint();
    // By what is true now, it is out of reach.
    let mut honest = again(&world, &checkpoint, 1);
    let now = honest.tick();
    assert_eq!(
        step(&mut honest, strike(now), Intent::default())
            .tally
            .misses,
        1
    );
    // By what was seen it is not, in any world.
    let mut restored: Vec<World> = [1, 2, 24]
        .map(|zones| again(&world, &checkpoint, zones))
        .into();
    // In this one all borders change in the very tick of the blow.
    let at = cell(&world, "archer");
    let zone = restored[0].zone_map().zone_of(at);
    restored[0]
        .change_zones(&[Change::Split { zone, at }])
        .unwrap();
    restored[1].set_departures_per_tick(0);
    restored[1].scatter_residence(1);
    let health = own(&world, "runner").vitals.health;
    let report = step(&mut world, strike(view), Intent::default());
    assert_eq!((report.tally.hits, report.tally.misses), (1, 0));
    assert_eq!(report.tally.hits_cross, 1);
    for other in &mut restored {
        let same = step(other, strike(view), Intent::default());
        assert_eq!((same.digest, same.tally.hits), (report.digest, 1));
    }
    step(&mut world, Intent::default(), Intent::default());
    assert!(own(&world, "runner").vitals.health < health);
}

#[test]
fn what_was_seen_too_long_ago_counts_as_the_oldest_that_is_remembered() {
    let (mut world, _) = ran_behind_the_border();
    let checkpoint = world.checkpoint();
    let oldest = Tick(world.tick().0 - REWIND_TICKS);
    let mut ancient = again(&world, &checkpoint, 6);
    let report = step(&mut world, strike(oldest), Intent::default());
    assert_eq!(report.tally.hits, 1);
    assert_eq!(
        step(&mut ancient, strike(Tick(0)), Intent::default()),
        report
    );
    // After as many ticks it is out of what anybody may claim to have seen.
    let mut later = again(&world, &checkpoint, 6);
    for _ in 0..REWIND_TICKS + 1 {
        step(&mut later, Intent::default(), Intent::default());
    }
    let late = step(&mut later, strike(oldest), Intent::default());
    assert_eq!((late.tally.hits, late.tally.misses), (0, 1));
}

#[test]
fn nobody_strikes_who_is_not_there_any_more() {
    let (mut world, view) = ran_behind_the_border();
    let mut inputs = TickInputs::empty(world.tick().next(), Epoch(1));
    inputs.players.leaves = vec![id("runner")];
    world.step(&inputs, &pool(1)).unwrap();
    let report = step(&mut world, strike(view), Intent::default());
    assert_eq!((report.tally.hits, report.tally.misses), (0, 1));
    // Who left is remembered over a restart nevertheless, and the digest knows.
    let restored = again(&world, &world.checkpoint(), 1);
    assert_eq!(restored.digest(), world.digest());
}

#[test]
fn a_past_that_is_damaged_or_missing_is_refused() {
    let (world, _) = ran_behind_the_border();
    let checkpoint = world.checkpoint();
    let refused = |parts: Vec<CheckpointPart>| {
        let checkpoint = Checkpoint {
            parts,
            ..checkpoint.clone()
        };
        match World::restore(world.spec().clone(), &checkpoint) {
            Err(WorldError::Checkpoint { problem, .. }) => problem,
            other => panic!("{:?}", other.map(|world| world.digest())),
        }
    };
    let is_past = |part: &CheckpointPart| part.zone == CheckpointPart::PAST;
    let past = checkpoint.parts.iter().position(is_past).unwrap();
    let mut without = checkpoint.parts.clone();
    without.remove(past);
    assert!(matches!(
        refused(without),
        BadCheckpoint::WrongDigest { .. }
    ));
    for byte in 0..checkpoint.parts[past].bytes.len() {
        let mut bent = checkpoint.parts.clone();
        bent[past].bytes[byte] ^= 0x10;
        let problem = refused(bent);
        assert!(
            matches!(problem, BadCheckpoint::DamagedPast(_)),
            "{problem}"
        );
    }
    let mut short = checkpoint.parts.clone();
    short[past].bytes.truncate(5);
    assert!(refused(short).to_string().contains("ticks before"));
}

#[test]
fn who_is_at_rest_takes_no_room_in_the_past() {
    let mut world = first_contact(6);
    for _ in 0..20 {
        let inputs = TickInputs::empty(world.tick().next(), Epoch(1));
        world.step(&inputs, &pool(2)).unwrap();
    }
    let size = |world: &World| {
        let parts = world.checkpoint().parts;
        let past = parts.iter().find(|p| p.zone == CheckpointPart::PAST);
        past.unwrap().bytes.len()
    };
    // Strollers take 25 bytes a tick; two avatars that stand, next to nothing.
    assert!(size(&world) < world.entities() * 8 * 26 + 64);
    let (mut still, _) = ran_behind_the_border();
    assert!(size(&still) > 8 * 25);
    for _ in 0..20 {
        step(&mut still, Intent::default(), Intent::default());
    }
    assert!(size(&still) < 32, "{} bytes", size(&still));
}
