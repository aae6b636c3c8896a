//! Sleepers to whom something happens before it is known that a player is near: their mail wakes them,
//! nothing else does, and what they hold is as safe as anybody's.

use bluemarble_shared_protocol::EntityId;
use bluemarble_sim::EntityState;

use crate::scene::{HERO, PLAIN, load, scenario};
use crate::twins::{Twins, attack};

/// Who lies about with some coins, and is nobody's foe.
const MISER: &str = r#"Kind(name: "Miser", faction: 0,
    mover: Mover(top_speed_mps: 2.0, accel_mps2: 20.0, jump_mps: 4.0, radius_m: 0.4, eye_m: 1.6, max_slope: 1.2),
    health: 90, attack: Attack(reach_m: 2.0, damage: (1, 2), cooldown_s: 1.0), coins: 10,
    sight_m: 30.0, roam_m: 0.5, respawn_s: 30.0, rest_s: 1.0)"#;
const MISERS: usize = 5;

/// Misers asleep, and a hero among them of whom nobody knows yet.
fn asleep(miser: &str) -> (Twins, EntityId, EntityState) {
    let camp = format!(r#"Camp(at: Square(0), kind: "miser", count: {MISERS}, spread_m: 4.0)"#);
    let kinds = [("hero", HERO), ("miser", miser)];
    let mut scene = load(&scenario(PLAIN, "hero", 4.0, &camp), &kinds).unwrap();
    scene.sleep_beyond_m = Some(200.0);
    let mut twins = Twins::new(&scene);
    twins.step(&twins.quiet());
    let hero = twins.admit(&["hero-0".to_owned()])[0];
    twins.step(&twins.quiet());
    assert_eq!(
        twins.whole().asleep(),
        MISERS,
        "nobody knows of the hero yet"
    );
    let at = twins.state(hero).body.0.pos;
    let far = |miser: &EntityState| miser.body.0.pos.distance_squared(at);
    let mut misers = twins.of_kind("miser").into_iter();
    let first = misers.next().unwrap();
    let nearest = misers.fold(first, |a, b| if far(&b) < far(&a) { b } else { a });
    (twins, hero, nearest)
}

#[test]
fn mail_wakes_whom_it_is_for_and_nobody_else() {
    let (mut twins, hero, miser) = asleep(MISER);
    let id = miser.identity.id;
    let report = twins.act(vec![(hero, attack(id))]);
    assert_eq!(report.tally.hits, 1);
    // It is on its way, and changes nothing yet.
    assert_eq!(twins.whole().asleep(), MISERS);
    assert_eq!(twins.state(id).life, miser.life);
    assert_eq!(twins.state(id).mail.0.len(), 1);
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().asleep(), MISERS - 1, "one has mail");
    let struck = twins.state(id);
    assert!(struck.life.health < miser.life.health && struck.mail.0.is_empty());
    let others = twins.of_kind("miser").into_iter();
    let hurt = others.filter(|other| other.life != miser.life);
    assert_eq!(hurt.count(), 1);
}

#[test]
fn who_is_struck_asleep_is_awake_until_it_is_over_and_lies_down_again() {
    let (mut twins, hero, miser) = asleep(MISER);
    twins.act(vec![(hero, attack(miser.identity.id))]);
    // Before anybody knew.
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![hero];
    twins.step(&inputs);
    assert_eq!(twins.whole().asleep(), MISERS - 1);
    let mut most = 0;
    for _ in 0..200 {
        twins.step(&twins.quiet());
        most = most.max(twins.whole().asleep());
    }
    assert_eq!(most, MISERS);
    let there = twins.state(miser.identity.id);
    assert!(there.life.health < miser.life.health, "it was no dream");
}

#[test]
fn coins_of_sleepers_are_counted_and_go_to_whoever_kills_one() {
    let frail = MISER.replace("health: 90", "health: 5");
    let (mut twins, hero, miser) = asleep(&frail);
    let all = 10 * MISERS as u64;
    let audit = twins.whole().audit();
    assert_eq!((audit.purses, audit.mail), (all, 0));
    twins.act(vec![(hero, attack(miser.identity.id))]);
    assert_eq!(twins.whole().audit().purses, all);
    let report = twins.step(&twins.quiet());
    assert_eq!(report.tally.kills, 1);
    assert_eq!(twins.whole().asleep(), MISERS - 1);
    let audit = twins.whole().audit();
    assert_eq!((audit.purses, audit.mail), (all - 10, 10));
    twins.step(&twins.quiet());
    assert_eq!(twins.state(hero).purse.0, 10);
    assert_eq!(twins.whole().audit().purses, all);
    // And they stay with whoever has them and leaves, while the others go on sleeping.
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![hero];
    assert_eq!(twins.step(&inputs).tally.coins_left, 0);
    let mut most = 0;
    for _ in 0..200 {
        twins.step(&twins.quiet());
        most = most.max(twins.whole().asleep());
    }
    assert_eq!(most, MISERS - 1);
    let audit = twins.whole().audit();
    assert_eq!((audit.purses, audit.absent), (all - 10, 10));
}
