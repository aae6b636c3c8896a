//! What players and creatures can do to the world and to each other, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, Epoch, InputSeq, Intent, OwnState, Tick, WishDir,
};
use bluemarble_sim::{
    AdminCommand, BadCheckpoint, Scenario, TickInputs, World, WorldError, WorldSpec,
};
use glam::DVec3;

/// A world with nobody in it but whom a test brings, and somebody to play them.
struct Play {
    world: World,
    pool: rayon::ThreadPool,
}

impl Play {
    fn new(zones: usize) -> Self {
        let full = scene::first_contact(1);
        let spec = full.spec();
        let scenario = Scenario {
            camps: Vec::new(),
            puppets: 0,
            // Everybody appears in one place: within reach of each other.
            spawn_spread_m: 1.0,
            ..spec.scenario.clone()
        };
        let world = World::genesis(WorldSpec {
            scenario,
            zones,
            ..spec.clone()
        })
        .unwrap();
        Self {
            world,
            pool: scene::pool(1),
        }
    }

    fn inputs(&self) -> TickInputs {
        TickInputs::empty(self.world.tick().next(), Epoch(1))
    }

    fn step(&mut self, inputs: &TickInputs) -> bluemarble_sim::TickReport {
        self.world.step(inputs, &self.pool).unwrap()
    }

    fn admit(&mut self, names: &[&str]) -> Vec<EntityId> {
        let mut inputs = self.inputs();
        inputs.players.admissions = names.iter().map(|name| admission(name)).collect();
        inputs.players.admissions.sort_by_key(|a| a.avatar);
        self.step(&inputs);
        names
            .iter()
            .map(|name| EntityId::of_character(name))
            .collect()
    }

    fn act(&mut self, avatar: EntityId, intent: Intent) -> bluemarble_sim::TickReport {
        let mut inputs = self.inputs();
        let intent = Intent {
            // It strikes at what it sees.
            view_tick: self.world.tick(),
            ..intent
        };
        inputs.players.intents = vec![(avatar, intent)];
        self.step(&inputs)
    }

    fn own(&self, avatar: EntityId) -> OwnState {
        self.find(avatar).expect("the avatar is in the world")
    }

    fn find(&self, avatar: EntityId) -> Option<OwnState> {
        let wires = self.world.wire_frames();
        wires
            .iter()
            .flat_map(|w| &w.owned)
            .find(|own| own.id == avatar)
            .cloned()
    }

    fn position(&self, avatar: EntityId) -> DVec3 {
        let [x, y, z, ..] = self.own(avatar).body.values;
        DVec3::new(x, y, z)
    }
}

fn admission(name: &str) -> Admission {
    Admission {
        avatar: EntityId::of_character(name),
        name: name.into(),
    }
}

fn walk(seq: u32, wish: DVec3) -> Intent {
    Intent {
        seq: InputSeq(seq),
        wish: WishDir::from_dir(wish),
        pace: Intent::PACE_MAX,
        ..Intent::default()
    }
}

fn attack(seq: u32, target: EntityId) -> Intent {
    Intent {
        seq: InputSeq(seq),
        attack: Some(target),
        ..Intent::default()
    }
}

#[test]
fn an_avatar_comes_walks_and_goes() {
    let mut play = Play::new(6);
    let ada = play.admit(&["ada"])[0];
    assert_eq!(&*play.own(ada).name, "ada");
    let start = play.position(ada);
    let wish = start.any_orthonormal_vector();
    for seq in 1..=40 {
        play.act(ada, walk(seq, wish));
    }
    let walked_m = play.position(ada).distance(start);
    assert!(
        (7.0..=10.5).contains(&walked_m),
        "{walked_m} m in two seconds at 5 m/s"
    );
    assert_eq!(play.own(ada).applied, InputSeq(40));
    let mut inputs = play.inputs();
    inputs.players.leaves = vec![ada];
    play.step(&inputs);
    assert!(play.find(ada).is_none());
    assert_eq!(play.world.entities(), 0);
}

#[test]
fn an_admission_of_somebody_present_changes_nothing() {
    let mut play = Play::new(6);
    let ada = play.admit(&["ada"])[0];
    for seq in 1..=10 {
        play.act(ada, walk(seq, DVec3::Z));
    }
    let before = play.own(ada);
    play.admit(&["ada"]);
    assert_eq!(play.own(ada).applied, before.applied);
    assert_eq!(play.world.entities(), 1);
}

#[test]
fn leaving_and_coming_in_one_tick_begins_anew() {
    let mut play = Play::new(6);
    let ada = play.admit(&["ada"])[0];
    play.act(ada, walk(5, DVec3::Z));
    let mut inputs = play.inputs();
    inputs.players.leaves = vec![ada];
    inputs.players.admissions = vec![admission("ada")];
    play.step(&inputs);
    assert_eq!(play.own(ada).applied, InputSeq(0));
    assert_eq!(play.world.entities(), 1);
}

#[test]
fn an_intent_is_applied_once_and_never_out_of_order() {
    let mut play = Play::new(1);
    let ada = play.admit(&["ada"])[0];
    play.act(ada, walk(7, DVec3::Z));
    let report = play.act(
        ada,
        Intent {
            buttons: Buttons { jump: true },
            ..walk(7, DVec3::Z)
        },
    );
    assert_eq!(report.tally.intents_refused, 1);
    assert_eq!(play.act(ada, walk(6, DVec3::Z)).tally.intents_refused, 1);
    assert_eq!(
        play.act(EntityId(99), walk(1, DVec3::Z))
            .tally
            .intents_refused,
        1
    );
    assert_eq!(play.own(ada).applied, InputSeq(7));
}

#[test]
fn a_silent_player_walks_on_for_a_moment_and_stops() {
    let mut play = Play::new(1);
    let ada = play.admit(&["ada"])[0];
    let wish = play.position(ada).any_orthonormal_vector();
    for seq in 1..=20 {
        play.act(ada, walk(seq, wish));
    }
    assert!(!play.own(ada).touched, "it walked by its own intents alone");
    let last_heard = play.position(ada);
    for _ in 0..60 {
        play.step(&play.inputs());
    }
    assert!(play.own(ada).touched, "nobody could have predicted this");
    let stopped = play.position(ada);
    let coasted_m = stopped.distance(last_heard);
    assert!((0.5..=3.0).contains(&coasted_m), "{coasted_m}");
    play.step(&play.inputs());
    assert_eq!(play.position(ada), stopped);
}

#[test]
fn a_blow_within_reach_arrives_a_tick_later_and_another_must_wait() {
    let mut play = Play::new(1);
    let [ada, bob] = play.admit(&["ada", "bob"])[..] else {
        unreachable!()
    };
    let whole = play.own(bob).vitals.health;
    assert_eq!(play.act(ada, attack(1, bob)).tally.hits, 1);
    assert_eq!(play.own(bob).vitals.health, whole, "the blow is under way");
    assert_eq!(play.own(ada).vitals.ready_in_ticks, 20);
    assert_eq!(play.act(ada, attack(2, bob)).tally.misses, 1);
    let wounded = play.own(bob).vitals.health;
    assert!((whole - 20..=whole - 10).contains(&wounded), "{wounded}");
}

#[test]
fn a_blow_out_of_reach_at_oneself_or_at_nobody_misses() {
    let mut play = Play::new(1);
    let [ada, bob] = play.admit(&["ada", "bob"])[..] else {
        unreachable!()
    };
    assert_eq!(play.act(ada, attack(1, ada)).tally.misses, 1);
    assert_eq!(play.act(ada, attack(2, EntityId(5))).tally.misses, 1);
    let away = play.position(bob).any_orthonormal_vector();
    for seq in 1..=40 {
        play.act(bob, walk(seq, away));
    }
    assert_eq!(play.act(ada, attack(3, bob)).tally.misses, 1);
}

#[test]
fn the_dead_lie_still_credit_their_killer_and_return() {
    let mut play = Play::new(1);
    let [ada, bob] = play.admit(&["ada", "bob"])[..] else {
        unreachable!()
    };
    let mut seq = 0;
    while play.own(bob).vitals.health > 0 {
        seq += 1;
        assert!(seq < 400, "bob does not die");
        play.act(ada, attack(seq, bob));
    }
    assert_eq!(play.own(bob).fell_to, Some(ada));
    play.step(&play.inputs());
    assert_eq!(play.own(ada).felled, [bob]);
    assert_eq!(play.own(bob).fell_to, None, "told once");
    assert_eq!(play.own(ada).vitals.kills, 1);
    assert_eq!(play.own(bob).vitals.deaths, 1);
    let fell = play.position(bob);
    assert_eq!(
        play.act(bob, attack(1, ada)).tally.hits,
        0,
        "the dead strike nobody"
    );
    assert_eq!(
        play.act(ada, attack(seq + 1, bob)).tally.hits,
        0,
        "nor are they struck"
    );
    for n in 2..60 {
        play.act(bob, walk(n, DVec3::Z));
        if play.own(bob).vitals.respawn_in_ticks > 0 {
            assert_eq!(play.position(bob), fell, "the dead do not walk");
        }
    }
    for _ in 0..40 {
        play.step(&play.inputs());
    }
    assert_eq!(play.own(bob).vitals.health, play.own(bob).vitals.health_max);
}

#[test]
fn an_operator_summons_creatures_or_is_refused() {
    let mut play = Play::new(6);
    let spawn = |kind: &str, lat_deg: f64, count: u32| AdminCommand::Spawn {
        kind: kind.into(),
        lat_deg,
        lng_deg: 2.0,
        spread_m: 10.0,
        count,
    };
    let mut inputs = play.inputs();
    inputs.commands = vec![
        spawn("adventurer", 48.0, 3),
        spawn("dragon", 48.0, 3),
        spawn("adventurer", 148.0, 3),
        spawn("adventurer", f64::NAN, 3),
        spawn("adventurer", 48.0, u32::MAX),
    ];
    let report = play.step(&inputs);
    assert_eq!((report.entities, report.tally.commands_refused), (3, 4));
}

#[test]
fn inputs_of_another_tick_are_refused_and_change_nothing() {
    let mut play = Play::new(1);
    play.admit(&["ada"]);
    let before = play.world.digest();
    let wrong = TickInputs::empty(Tick(7), Epoch(1));
    assert!(matches!(
        play.world.step(&wrong, &play.pool),
        Err(WorldError::WrongTick { .. })
    ));
    assert_eq!((play.world.digest(), play.world.tick()), (before, Tick(1)));
}

#[test]
fn sealed_inputs_survive_the_journal() {
    let mut inputs = TickInputs::empty(Tick(9), Epoch(3));
    inputs.players.admissions = vec![admission("ada")];
    inputs.players.intents = vec![(EntityId(4), attack(3, EntityId(2)))];
    let bytes = inputs.encode();
    assert_eq!(TickInputs::decode(&bytes).unwrap(), inputs);
    for cut in 0..bytes.len() {
        assert!(TickInputs::decode(&bytes[..cut]).is_err());
    }
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let mut play = Play::new(6);
    play.admit(&["ada", "bob"]);
    let checkpoint = play.world.checkpoint();
    let spec = play.world.spec().clone();
    let mut wrong = checkpoint.clone();
    wrong.digest ^= 1;
    assert!(matches!(
        World::restore(spec.clone(), &wrong),
        Err(WorldError::Checkpoint {
            problem: BadCheckpoint::WrongDigest { .. },
            ..
        })
    ));
    let part = checkpoint
        .parts
        .iter()
        .position(|part| part.bytes.len() > 8)
        .unwrap();
    for at in 0..checkpoint.parts[part].bytes.len() {
        for bit in 0..8 {
            let mut damaged = checkpoint.clone();
            damaged.parts[part].bytes[at] ^= 1 << bit;
            assert!(
                World::restore(spec.clone(), &damaged).is_err(),
                "byte {at}, bit {bit}"
            );
        }
    }
}
