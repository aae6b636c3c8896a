//! A log run again: equal wherever it is cut, and a single flipped bit is traced to its tick, entity,
//! component and both values, whether it was flipped in the replay or in what was recorded.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Tick};
use bluemarble_sim::replay::{
    Culprit, Divergence, LoggedTick, Remembered, Stopped, differences, replay, show_entity,
};
use bluemarble_sim::{DigestPart, EntityState, Scenario, World, WorldError, WorldSpec};
use bluemarble_spatial::Planet;

const TICKS: u64 = 40;
const BENT_AT: Tick = Tick(23);

type Bend = fn(&mut EntityState);

fn genesis(zones: usize) -> World {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let mut scenario = Scenario::find(&assets, "first-contact").unwrap();
    scenario.squares.truncate(1);
    scenario.camps.truncate(2);
    scenario.puppets = 8;
    World::genesis(WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(50_000.0)),
        tick_hz: 20,
        seed: 1,
        zones,
    })
    .unwrap()
}

fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap()
}

/// The script, played and logged; some are bent at the end of [`BENT_AT`].
fn record(bent: &[(EntityId, Bend)]) -> Vec<LoggedTick> {
    let (mut world, pool) = (genesis(1), pool());
    (0..TICKS)
        .map(|_| {
            let inputs = world.scripted_inputs();
            let before = Remembered::new(world.digest(), &world.digest_parts().to_words());
            assert!(before.parts.is_some());
            world.step(&inputs, &pool).unwrap();
            bend(&mut world, bent);
            LoggedTick {
                tick: inputs.tick,
                before,
                inputs: inputs.encode(),
            }
        })
        .collect()
}

fn bend(world: &mut World, bent: &[(EntityId, Bend)]) {
    if world.tick() == BENT_AT {
        for (id, bend) in bent {
            assert!(world.bend(*id, bend), "{id:?} is not there");
        }
    }
}

/// Replays, bending the subject; the world at the end or where it stopped.
fn run(log: &[LoggedTick], zones: usize, bent: &[(EntityId, Bend)]) -> (World, Option<Divergence>) {
    let (mut world, pool) = (genesis(zones), pool());
    let mut told = Vec::new();
    let outcome = replay(
        &mut world,
        log.iter().cloned().map(Ok::<_, Infallible>),
        |world, inputs| {
            world.step(inputs, &pool)?;
            bend(world, bent);
            Ok::<_, WorldError>(())
        },
        |world| told.push(world.tick().0),
    );
    assert_eq!(told, (0..=world.tick().0).collect::<Vec<_>>());
    match outcome {
        Ok(()) => (world, None),
        Err(Stopped::Diverged(divergence)) => (world, Some(*divergence)),
        Err(other) => panic!("{other:?}"),
    }
}

/// Somebody of whom the condition holds all the time.
fn somebody(is: fn(&EntityState) -> bool) -> EntityId {
    let (mut world, pool) = (genesis(1), pool());
    world.step(&world.scripted_inputs(), &pool).unwrap();
    let found = world.states().into_iter().find(is).unwrap();
    found.identity.id
}

fn flip(x: &mut f64, bit: u32) {
    *x = f64::from_bits(x.to_bits() ^ (1 << bit));
}

/// What can be bent: who, how, and the field that differs.
fn bends() -> [(EntityId, Bend, DigestPart, &'static str); 4] {
    let creature = somebody(|state| state.mind.is_some());
    let avatar = somebody(|state| state.player.is_some());
    [
        (
            creature,
            |state| flip(&mut state.body.0.pos.x, 20),
            DigestPart::Body,
            "Body.pos[0]",
        ),
        (
            creature,
            |state| state.life.kills ^= 1 << 29,
            DigestPart::Life,
            "Life.kills",
        ),
        (
            creature,
            |state| flip(&mut state.mind.as_mut().unwrap().goal.z, 0),
            DigestPart::Mind,
            "Mind.goal[2]",
        ),
        (
            avatar,
            |state| state.player.as_mut().unwrap().idle_ticks ^= 1 << 11,
            DigestPart::Player,
            "Player.idle_ticks",
        ),
    ]
}

fn value(of: &EntityState, culprit: &Culprit) -> String {
    let shown = show_entity(of);
    let path = format!("    {} = ", culprit.fields[0].0);
    let line = shown.lines().find(|line| line.starts_with(&path)).unwrap();
    line[path.len()..].to_owned()
}

/// The states of one entity at the end of [`BENT_AT`], as it was meant and as it was bent.
fn both(log: &[LoggedTick], id: EntityId, bend: Bend) -> (EntityState, EntityState) {
    let (world, _) = run(&log[..BENT_AT.0 as usize], 3, &[]);
    let mut states = world.states().into_iter();
    let state = states.find(|state| state.identity.id == id).unwrap();
    let mut bent = state.clone();
    bend(&mut bent);
    (state, bent)
}

#[test]
fn a_log_runs_to_the_same_world_however_it_is_cut() {
    let log = record(&[]);
    let (one, none) = run(&log, 1, &[]);
    assert_eq!((one.tick(), none), (Tick(TICKS), None));
    let (many, none) = run(&log, 13, &[]);
    assert_eq!((many.digest(), none), (one.digest(), None));
    assert_eq!(differences(&one.states(), &many.states(), 9), (vec![], 0));
}

#[test]
fn a_bit_flipped_in_the_replay_is_found_with_tick_entity_component_and_both_values() {
    let log = record(&[]);
    for (id, bend, component, path) in bends() {
        let (whole, bent) = both(&log, id, bend);
        let (world, divergence) = run(&log, 5, &[(id, bend)]);
        let divergence = divergence.unwrap();
        assert_eq!(divergence.tick, BENT_AT);
        let found = divergence.trace(&world);
        assert_eq!(found.components, [component]);
        assert_eq!(found.entity, Some(id));
        let [culprit] = &found.culprits[..] else {
            panic!("{found:?}")
        };
        assert_eq!((culprit.component, culprit.fields.len()), (component, 1));
        let (here, there) = (value(&bent, culprit), value(&whole, culprit));
        assert_eq!(
            culprit.fields[0],
            (path.to_owned(), Some(here), Some(there))
        );
    }
}

#[test]
fn a_bit_flipped_in_the_recording_is_found_with_tick_entity_component_and_both_values() {
    let clean = record(&[]);
    for (id, bend, component, path) in bends() {
        let (whole, bent) = both(&clean, id, bend);
        let log = record(&[(id, bend)]);
        let (world, divergence) = run(&log, 5, &[]);
        let divergence = divergence.unwrap();
        assert_eq!(divergence.tick, BENT_AT);
        let found = divergence.trace(&world);
        assert_eq!(
            (found.entity, &found.components[..]),
            (Some(id), &[component][..])
        );
        let culprit = &found.culprits[0];
        let (here, there) = (value(&whole, culprit), value(&bent, culprit));
        assert_eq!(culprit.fields, [(path.to_owned(), Some(here), Some(there))]);
        let told = culprit.to_string();
        assert!(
            told.contains(path) && told.contains(component.name()),
            "{told}"
        );
    }
}

#[test]
fn a_change_of_many_bits_is_named_with_what_is_known() {
    let id = somebody(|state| state.mind.is_some());
    let log = record(&[(id, |state| state.life.deaths += 0x0f0f)]);
    let (world, divergence) = run(&log, 2, &[]);
    let found = divergence.unwrap().trace(&world);
    assert_eq!(found.entity, Some(id));
    let culprit = &found.culprits[0];
    assert_eq!(culprit.component, DigestPart::Life);
    let deaths = culprit
        .fields
        .iter()
        .find(|(path, ..)| path == "Life.deaths");
    let (_, here, there) = deaths.unwrap();
    assert!(here.is_some() && there.is_none(), "{culprit}");
}

#[test]
fn when_several_differ_the_components_are_named_and_a_second_world_names_the_rest() {
    let log = record(&[]);
    let [(creature, ..), _, _, (avatar, ..)] = bends();
    let bent: [(EntityId, Bend); 2] = [
        (creature, |state| state.life.kills ^= 1),
        (avatar, |state| flip(&mut state.body.0.pos.y, 3)),
    ];
    let (subject, divergence) = run(&log, 7, &bent);
    let divergence = divergence.unwrap();
    let found = divergence.trace(&subject);
    assert_eq!(found.components, [DigestPart::Body, DigestPart::Life]);
    assert_eq!((found.entity, found.culprits.len()), (None, 0));
    let (reference, none) = run(&log[..divergence.tick.0 as usize], 1, &[]);
    assert_eq!(none, None);
    let (culprits, all) = differences(&subject.states(), &reference.states(), 9);
    assert_eq!(all, 2);
    let mut named: Vec<_> = culprits.iter().map(|c| (c.entity, c.component)).collect();
    named.sort_by_key(|(id, _)| *id);
    let mut expected = [(creature, DigestPart::Life), (avatar, DigestPart::Body)];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(named, expected);
}

#[test]
fn somebody_the_recording_lacks_is_named_as_absent() {
    let log = record(&[]);
    let mut world = genesis(1);
    let gone = world.states()[3].clone();
    let mut parts = *world.digest_parts();
    parts -= gone.digest_parts();
    let recorded = Remembered::new(parts.digest(), &parts.to_words());
    let found = Divergence::of(&world, &recorded).unwrap().trace(&world);
    assert_eq!(found.entity, Some(gone.identity.id));
    let absent = Some("absent".to_owned());
    assert!(
        found
            .culprits
            .iter()
            .flat_map(|c| &c.fields)
            .all(|(.., there)| *there == absent)
    );
    // And what the log does not say cannot be told.
    let silent = Remembered::new(parts.digest(), &[]);
    assert_eq!(silent.parts, None);
    let found = Divergence::of(&world, &silent).unwrap().trace(&world);
    assert_eq!((found.entity, found.components.len()), (None, 0));
    world.step(&world.scripted_inputs(), &pool()).unwrap();
    assert_eq!(world.digest(), log[1].before.digest);
}
