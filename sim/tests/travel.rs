//! Leaving a world for another one, and coming from one: sealed inputs like any other, whose memory is
//! state.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::{Admission, EntityId, Epoch, Tick};
use bluemarble_sim::{
    Arrival, Departure, EntityState, TickInputs, TravelInputs, TravelKey, Traveller, World,
};
use scene::{first_contact, pool};

const KEY: TravelKey = TravelKey {
    world: 4,
    epoch: Epoch(2),
    tick: Tick(1_000),
    avatar: EntityId(0),
};

fn ada() -> EntityId {
    EntityId::of_character("Ada")
}

fn arrival() -> Arrival {
    Arrival {
        key: TravelKey {
            avatar: ada(),
            ..KEY
        },
        traveller: Traveller {
            name: "Ada".into(),
            health: 3,
            kills: 11,
            deaths: 2,
            coins: 7,
        },
    }
}

fn departure(world: &World) -> Departure {
    let key = TravelKey {
        world: 0,
        epoch: Epoch(0),
        tick: world.tick().next(),
        avatar: ada(),
    };
    Departure { key, to: 4 }
}

/// The next tick's inputs with these journeys, after a way through bytes as a replay takes it.
fn sealed(world: &World, travel: TravelInputs) -> TickInputs {
    let inputs = TickInputs {
        travel,
        ..world.scripted_inputs()
    };
    TickInputs::decode(&inputs.encode()).unwrap()
}

fn comes() -> TravelInputs {
    TravelInputs {
        arrivals: vec![arrival()],
        ..TravelInputs::default()
    }
}

fn leaves(world: &World) -> TravelInputs {
    TravelInputs {
        departures: vec![departure(world)],
        ..TravelInputs::default()
    }
}

fn find(world: &World, id: EntityId) -> Option<EntityState> {
    let spec = world.spec();
    let everybody = world.checkpoint();
    let everybody = everybody.entities(&spec.planet, &spec.scenario.kind_names);
    let mut everybody = everybody.unwrap().into_iter();
    everybody.find(|state| state.identity.id == id)
}

#[test]
fn a_traveller_arrives_once_with_what_it_took_along_and_leaves_with_it() {
    let (mut world, pool) = (first_contact(6), pool(1));
    let step = |world: &mut World, travel| {
        let inputs = sealed(world, travel);
        world.step(&inputs, &pool).unwrap()
    };
    assert_eq!(step(&mut world, comes()).tally.arrived, 1);
    let life = find(&world, ada()).unwrap().life;
    assert_eq!((life.health, life.kills, life.deaths), (3, 11, 2));
    // Sent again: while she is there, and when she has left by herself.
    assert_eq!(step(&mut world, comes()).tally.arrived, 0);
    let going = leaves(&world);
    let key = going.departures[0].key;
    assert_eq!(step(&mut world, going).tally.departed, 1);
    assert!(find(&world, ada()).is_none());
    assert_eq!(world.gate().outbound[&key].to, 4);
    assert_eq!(world.gate().outbound[&key].traveller.kills, 11);
    assert_eq!(step(&mut world, comes()).tally.arrived, 0);
    assert!(find(&world, ada()).is_none());
    // Over, on both sides.
    let over = TravelInputs {
        settled: vec![key],
        forgotten: vec![arrival().key],
        ..TravelInputs::default()
    };
    step(&mut world, over.clone());
    assert!(world.gate().is_empty());
    step(&mut world, over);
}

#[test]
fn who_is_there_already_is_not_let_in_and_who_is_not_there_or_no_avatar_does_not_leave() {
    let (mut world, pool) = (first_contact(6), pool(1));
    let mut inputs = sealed(&world, TravelInputs::default());
    inputs.players.admissions.push(Admission {
        avatar: ada(),
        name: "Ada".into(),
    });
    world.step(&inputs, &pool).unwrap();
    let inputs = sealed(&world, comes());
    assert_eq!(world.step(&inputs, &pool).unwrap().tally.arrived, 0);
    assert!(world.gate().is_empty(), "so the other world keeps her");
    let creature = world.checkpoint();
    let spec = world.spec();
    let creature = creature
        .entities(&spec.planet, &spec.scenario.kind_names)
        .unwrap()
        .into_iter()
        .find(|state| state.player.is_none())
        .unwrap()
        .identity
        .id;
    let mut travel = TravelInputs::default();
    for avatar in [creature, EntityId(12_345)] {
        let Departure { key, to } = departure(&world);
        let key = TravelKey { avatar, ..key };
        travel.departures.push(Departure { key, to });
    }
    let entities = world.entities();
    let inputs = sealed(&world, travel);
    assert_eq!(world.step(&inputs, &pool).unwrap().tally.departed, 0);
    assert_eq!(world.entities(), entities);
    assert!(find(&world, creature).is_some());
    assert!(world.gate().is_empty());
}

#[test]
fn a_crowd_leaves_in_one_tick_each_by_the_first_journey_it_was_given() {
    let (mut world, pool) = (first_contact(6), pool(1));
    let mut inputs = sealed(&world, TravelInputs::default());
    let names: Vec<String> = (0..400).map(|n| format!("pilgrim-{n}")).collect();
    let avatar = |name: &String| EntityId::of_character(name);
    let admissions = names.iter().map(|name| Admission {
        avatar: avatar(name),
        name: name.as_str().into(),
    });
    inputs.players.admissions.extend(admissions);
    inputs.players.admissions.sort_by_key(|a| a.avatar);
    world.step(&inputs, &pool).unwrap();
    let here = world.entities();
    let mut travel = TravelInputs::default();
    for (n, name) in (0..).zip(&names) {
        // Two worlds at once, for every third; the order is not that of the avatars.
        for to in 0..=u64::from(n % 3 == 0) {
            let Departure { key, .. } = departure(&world);
            let key = TravelKey {
                avatar: avatar(name),
                ..key
            };
            let to = 10 + n + 1_000 * to;
            travel.departures.push(Departure { key, to });
        }
    }
    let inputs = sealed(&world, travel);
    assert_eq!(world.step(&inputs, &pool).unwrap().tally.departed, 400);
    assert_eq!((world.entities(), world.fault()), (here - 400, None));
    for (n, name) in (0..).zip(&names) {
        let mut journeys = world.gate().outbound.iter();
        let (_, journey) = journeys
            .find(|(key, _)| key.avatar == avatar(name))
            .unwrap();
        let called = journey.traveller.name.name();
        assert_eq!((journey.to, called), (10 + n, Some(name.as_str())));
    }
}

#[test]
fn journeys_are_state_in_every_partition_and_in_the_checkpoint() {
    let pool = pool(2);
    let run = |zones| {
        let mut world = first_contact(zones);
        let mut digests = Vec::new();
        for tick in 0..30 {
            let travel = match tick {
                3 => comes(),
                20 => leaves(&world),
                _ => TravelInputs::default(),
            };
            let inputs = sealed(&world, travel);
            digests.push(world.step(&inputs, &pool).unwrap().digest);
        }
        (world, digests)
    };
    let (whole, expected) = run(1);
    let (cut, found) = run(24);
    assert_eq!(expected, found);
    assert_eq!(whole.gate(), cut.gate());
    assert_eq!(
        (cut.gate().outbound.len(), cut.gate().admitted.len()),
        (1, 1)
    );

    let checkpoint = cut.checkpoint();
    let mut back = World::restore(whole.spec().clone(), &checkpoint).unwrap();
    assert_eq!(back.gate(), cut.gate());
    assert_eq!(back.digest(), cut.digest());
    assert_eq!(back.digest_parts(), cut.digest_parts());
    // Who has been let in stays let in.
    let inputs = sealed(&back, comes());
    assert_eq!(back.step(&inputs, &pool).unwrap().tally.arrived, 0);

    let mut damaged = checkpoint;
    let gate = damaged.parts.last_mut().unwrap();
    gate.bytes[8] ^= 1;
    assert!(World::restore(whole.spec().clone(), &damaged).is_err());
}
