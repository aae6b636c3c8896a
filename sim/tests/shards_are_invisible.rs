//! The first promise: a world cut into any number of zones, on any number of threads, is the same
//! world, bit for bit, every tick. And the tests that test this test: amnesia and the mutant.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, InputSeq, Intent, Tick, WishDir, hash_words, mix64,
};
use bluemarble_sim::{AdminCommand, Spot, Tally, TickInputs, World, WorldSpec};
use glam::DVec3;
use scene::{TICKS, altered, first_contact, pool};

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
    for (zones, threads) in [(6, 2), (24, 1), (96, 2), (1, 2)] {
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
            assert!(cut.hits_cross > 500, "{cut:?}");
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
        if mix64(tick).is_multiple_of(7) {
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
    let pool_of_two = pool(2);
    for round in 1..=3 {
        // In the thick of it: mail under way, somebody dead, somebody on the hunt.
        let mut handoffs = 0;
        for _ in 0..90 + 7 * round {
            handoffs += world
                .step(&world.scripted_inputs(), &pool_of_two)
                .unwrap()
                .tally
                .handoffs;
        }
        let checkpoint = world.checkpoint();
        let spec = world.spec().clone();
        let states = checkpoint
            .entities(&spec.planet, &spec.scenario.kind_names)
            .unwrap();
        assert!(handoffs > 0);
        assert!(states.iter().any(|state| !state.mail.0.is_empty()));
        assert!(states.iter().any(|state| !state.life.is_alive()));
        assert!(
            states
                .iter()
                .any(|state| state.mind.is_some_and(|m| m.quarry.is_some()))
        );
        let (reference, _) = run(&mut world, 60, 2);
        for zones in [1, 6, 24] {
            let spec = WorldSpec {
                zones,
                ..spec.clone()
            };
            let mut again = World::restore(spec, &checkpoint).unwrap();
            assert_eq!(
                (again.tick(), again.digest()),
                (checkpoint.tick, checkpoint.digest)
            );
            let resumed = again.checkpoint();
            let kinds = &again.spec().scenario.kind_names;
            assert_eq!(
                resumed.entities(&again.spec().planet, kinds).unwrap(),
                states
            );
            let (digests, _) = run(&mut again, 60, 1);
            assert_same(
                &reference,
                &digests,
                &format!("restored into {zones} zones"),
            );
        }
    }
}

/// A player, a crowd and an operator at their most restless: seeded, so every run has the same.
fn restless(world: &World, seed: u64) -> TickInputs {
    let tick = world.tick().next();
    let draw = |n: u64| hash_words([seed, tick.0, n]);
    let mut inputs = world.scripted_inputs();
    let names: Vec<String> = (0..40).map(|n| format!("restless-{n}")).collect();
    for (n, name) in (0..).zip(&names) {
        let avatar = EntityId::of_character(name);
        match draw(n) % 16 {
            0 => inputs.players.leaves.push(avatar),
            // Also while it is there, and in the same tick as it leaves.
            1..=3 => inputs.players.admissions.push(Admission {
                avatar,
                name: name.as_str().into(),
            }),
            4 => {
                inputs.players.leaves.push(avatar);
                inputs.players.admissions.push(Admission {
                    avatar,
                    name: name.as_str().into(),
                });
            }
            _ => {}
        }
        // Also for avatars that are not there, or come this very tick.
        let target = EntityId::of_character(&names[(draw(n + 100) % 40) as usize]);
        let way = |axis| f64::from(mix64(draw(n + 200) ^ axis) as i32);
        inputs.players.intents.push((
            avatar,
            Intent {
                seq: InputSeq(tick.0 as u32),
                view_tick: Tick(tick.0.saturating_sub(draw(n + 600) % 12)),
                wish: WishDir::from_dir(DVec3::new(way(0), way(1), way(2))),
                pace: (draw(n + 300) % 16) as u8,
                buttons: Buttons {
                    jump: draw(n + 400).is_multiple_of(9),
                },
                attack: (!draw(n + 500).is_multiple_of(3)).then_some(target),
            },
        ));
    }
    if draw(1_000).is_multiple_of(20) {
        inputs.commands.push(AdminCommand::Spawn {
            kind: "raider".into(),
            lat_deg: 48.8655,
            lng_deg: 2.3211,
            spread_m: 150.0,
            count: 5,
        });
    }
    inputs
        .players
        .admissions
        .sort_by_key(|admission| admission.avatar);
    inputs.players.leaves.sort();
    inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
    inputs
}

#[test]
fn comings_goings_and_summons_are_the_same_for_every_partition() {
    let play = |mut world: World| {
        let pool = pool(2);
        let mut total = Tally::default();
        let digests: Vec<u64> = (0..300)
            .map(|_| {
                let report = world.step(&restless(&world, 5), &pool).unwrap();
                total.add(&report.tally);
                report.digest
            })
            .collect();
        (digests, total)
    };
    let (reference, whole) = play(first_contact(1));
    assert!(
        whole.effects_lost > 0,
        "nobody left with mail on its way: {whole:?}"
    );
    for zones in [2, 6, 96] {
        let (digests, cut) = play(first_contact(zones));
        assert_same(&reference, &digests, &format!("{zones} zones"));
        assert!(cut.handoffs > 100, "{cut:?}");
    }
}

#[test]
fn a_square_at_a_corner_of_the_cube_is_cut_as_invisibly() {
    // Where three faces meet, cells have seven neighbours; the pole is in the middle of a face.
    for near in [
        (35.264_389_68, 45.0),
        (-35.264_389_68, -135.0),
        (90.0, 0.0),
        (0.0, 45.0),
    ] {
        let play = |zones| {
            let mut world = altered(zones, |scenario| {
                scenario.squares[0].near = near;
                scenario.camps.retain(|camp| camp.at == Spot::Square(0));
            });
            run(&mut world, 200, 2)
        };
        let (reference, _) = play(1);
        for zones in [6, 24] {
            let (digests, cut) = play(zones);
            assert_same(
                &reference,
                &digests,
                &format!("{zones} zones around {near:?}"),
            );
            assert!(cut.handoffs > 20, "{near:?} {cut:?}");
        }
    }
}

#[test]
fn what_only_says_how_to_cut_is_not_content() {
    let spec = first_contact(6).spec().clone();
    let mut other = spec.clone();
    other.zones = 12;
    other.scenario.zones = 48;
    other.scenario.expected_players = 9;
    assert_eq!(spec.content_hash(), other.content_hash());
    other.scenario.spawn_spread_m += 1.0;
    assert_ne!(spec.content_hash(), other.content_hash());
}

#[test]
fn kinds_keep_their_names_when_the_scenario_is_reordered() {
    let world = first_contact(6);
    let spec = world.spec().clone();
    let checkpoint = world.checkpoint();
    let raiders = |world: &World| {
        let kinds = &world.spec().scenario.kind_names;
        let raider = kinds.iter().position(|name| name == "raider").unwrap() as u16;
        let entities = world
            .checkpoint()
            .entities(&world.spec().planet, kinds)
            .unwrap();
        entities
            .iter()
            .filter(|state| state.identity.kind.0 == raider)
            .count()
    };
    let mut reordered = spec.clone();
    reordered.scenario.kinds.reverse();
    reordered.scenario.kind_names.reverse();
    let again = World::restore(reordered, &checkpoint).unwrap();
    assert!(raiders(&world) > 0);
    assert_eq!(raiders(&again), raiders(&world));
    let mut without = spec;
    without
        .scenario
        .kind_names
        .iter_mut()
        .filter(|n| *n == "raider")
        .for_each(|n| n.push('s'));
    let refused = World::restore(without, &checkpoint)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("raider") || refused.contains("no longer"),
        "{refused}"
    );
}
