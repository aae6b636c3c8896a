//! Contested items and conserved coins.

use bluemarble_shared_protocol::{EntityId, Intent, hash_words};
use bluemarble_sim::AdminCommand;

use crate::scene::{HERO, PLAIN, VERTEX, load, scenario};
use crate::twins::{Twins, admission, attack, run};

const CHEST: &str = r#"Camp(at: Square(0), kind: "chest", count: 1, spread_m: 0.0)"#;

pub fn heroes(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("hero-{n}")).collect()
}

/// Heroes around one chest that lies on a border.
pub fn around_a_chest(at: (f64, f64), count: usize) -> (Twins, Vec<EntityId>, EntityId) {
    let scene = load(&scenario(at, "hero", 9.0, CHEST), &[("hero", HERO)]).unwrap();
    let mut twins = Twins::new(&scene);
    let avatars = twins.admit(&heroes(count));
    let chest = twins.of_kind("chest")[0].identity.id;
    (twins, avatars, chest)
}

/// Two heroes, of whom the second has taken all that was in the chest.
fn a_poor_and_a_rich_one() -> (Twins, EntityId, EntityId) {
    let (mut twins, avatars, chest) = around_a_chest(PLAIN, 2);
    let [poor, rich] = avatars[..] else {
        unreachable!()
    };
    twins.step(&twins.quiet());
    twins.act(vec![(rich, attack(chest))]);
    twins.step(&twins.quiet());
    twins.step(&twins.quiet());
    assert_eq!(twins.state(rich).purse.0, 25);
    (twins, poor, rich)
}

#[test]
fn of_fifty_takers_in_different_zones_exactly_one_wins_and_the_same_in_every_cut() {
    for at in [PLAIN, VERTEX] {
        let (mut twins, avatars, chest) = around_a_chest(at, 50);
        // From their second tick they see like everybody.
        twins.step(&twins.quiet());
        let populations = twins.diced().populations();
        let peopled = populations.iter().filter(|n| **n > 0).count();
        assert!(
            peopled >= 2,
            "nobody stands across a border: {populations:?}"
        );
        twins.act(avatars.iter().map(|id| (*id, attack(chest))).collect());
        twins.step(&twins.quiet());
        assert_eq!(twins.whole().audit().mail, 25, "on their way to the winner");
        twins.step(&twins.quiet());
        let rich: Vec<EntityId> = avatars
            .iter()
            .copied()
            .filter(|id| twins.state(*id).purse.0 > 0)
            .collect();
        assert_eq!(
            rich,
            [*avatars.iter().min().unwrap()],
            "the first in the order of mail"
        );
        for tally in &twins.tallies {
            assert_eq!((tally.taken, tally.too_late), (1, 49), "{tally:?}");
        }
        let audit = twins.whole().audit();
        assert_eq!((audit.purses, audit.items, audit.mail), (25, 0, 0));
    }
}

#[test]
fn a_taken_chest_is_empty_until_it_is_filled_again() {
    let (mut twins, avatars, chest) = around_a_chest(PLAIN, 2);
    twins.step(&twins.quiet());
    twins.act(vec![(avatars[0], attack(chest))]);
    twins.step(&twins.quiet());
    assert!(!twins.state(chest).life.is_alive());
    twins.act(vec![(avatars[1], attack(chest))]);
    twins.step(&twins.quiet());
    twins.step(&twins.quiet());
    assert_eq!(twins.tally().too_late, 1);
    while !twins.state(chest).life.is_alive() {
        assert!(twins.whole().tick().0 < 500, "it stays empty");
        for _ in 0..20 {
            twins.step(&twins.quiet());
        }
    }
    assert_eq!(twins.tally().minted, 25);
    assert_eq!(twins.whole().audit().total(), 50);
}

#[test]
fn a_chest_sleeps_while_nobody_is_near_and_is_taken_by_whoever_comes() {
    let mut scene = load(&scenario(PLAIN, "hero", 9.0, CHEST), &[("hero", HERO)]).unwrap();
    scene.sleep_beyond_m = Some(200.0);
    let mut twins = Twins::new(&scene);
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().asleep(), 1);
    let avatars = twins.admit(&heroes(1));
    let chest = twins.of_kind("chest")[0].identity.id;
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().asleep(), 1, "nobody knows of the hero yet");
    twins.act(vec![(avatars[0], attack(chest))]);
    for _ in 0..3 {
        twins.step(&twins.quiet());
    }
    assert_eq!(twins.state(avatars[0]).purse.0, 25);
    assert_eq!(twins.whole().asleep(), 0, "it is to be filled again");
}

#[test]
fn coins_for_somebody_who_has_left_return_to_the_chest() {
    let (mut twins, avatars, chest) = around_a_chest(PLAIN, 3);
    twins.step(&twins.quiet());
    twins.act(vec![(avatars[0], attack(chest))]);
    // The chest answers in the tick in which the winner leaves.
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![avatars[0]];
    let report = twins.step(&inputs);
    assert_eq!((report.tally.taken, report.tally.effects_bounced), (1, 1));
    assert_eq!(report.tally.coins_left, 0);
    assert_eq!(twins.whole().audit().mail, 25);
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().audit().items, 25);
    assert!(twins.state(chest).life.is_alive(), "it can be taken again");
    twins.act(vec![(avatars[1], attack(chest))]);
    twins.step(&twins.quiet());
    twins.step(&twins.quiet());
    assert_eq!(twins.state(avatars[1]).purse.0, 25);
}

#[test]
fn purse_and_mail_of_who_leaves_stay_its_own() {
    let (mut twins, avatars, chest) = around_a_chest(PLAIN, 2);
    twins.step(&twins.quiet());
    twins.act(vec![(avatars[0], attack(chest))]);
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().audit().mail, 25);
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![avatars[0]];
    let report = twins.step(&inputs);
    assert_eq!(report.tally.coins_left, 0);
    let audit = twins.whole().audit();
    assert_eq!((audit.absent, audit.total()), (25, 25));
}

#[test]
fn death_moves_the_purse_to_the_killer() {
    let (mut twins, poor, rich) = a_poor_and_a_rich_one();
    while twins.own(rich).vitals.health > 0 {
        twins.act(vec![(poor, attack(rich))]);
        assert!(twins.whole().tick().0 < 200, "nobody dies");
    }
    assert_eq!(twins.whole().audit().mail, 25);
    twins.step(&twins.quiet());
    assert_eq!(
        (twins.state(rich).purse.0, twins.state(poor).purse.0),
        (0, 25)
    );
    assert_eq!(twins.whole().audit().purses, 25);
}

#[test]
fn spoils_of_a_killer_who_left_return_to_the_dead_and_stay_theirs() {
    for both in [false, true] {
        let (mut twins, poor, rich) = a_poor_and_a_rich_one();
        // The blow that will kill is the one after which health is at most the least damage; rather
        // than guess, the killer leaves in the tick in which each blow arrives, and returns.
        let mut fell = false;
        for _ in 0..40 {
            twins.act(vec![(poor, attack(rich))]);
            let mut inputs = twins.quiet();
            inputs.players.leaves = vec![poor];
            let report = twins.step(&inputs);
            if report.tally.kills == 1 {
                assert_eq!(report.tally.effects_bounced, 1);
                fell = true;
                break;
            }
            let mut inputs = twins.quiet();
            inputs.players.admissions = vec![admission("hero-0")];
            twins.step(&inputs);
            twins.step(&twins.quiet());
        }
        assert!(fell, "nobody dies");
        let mut inputs = twins.quiet();
        if both {
            // The purse is in the mail of its old owner, who goes too.
            inputs.players.leaves = vec![rich];
        }
        let report = twins.step(&inputs);
        assert_eq!(report.tally.coins_left, 0);
        let audit = twins.whole().audit();
        let (here, away) = if both { (0, 25) } else { (25, 0) };
        assert_eq!((audit.purses, audit.absent), (here, away));
    }
}

#[test]
fn no_coin_is_lost_or_doubled_among_leaves_joins_deaths_and_summons() {
    let camps = r#"
        Camp(at: Square(0), kind: "chest", count: 6, spread_m: 10.0),
        Camp(at: Square(0), kind: "mage", count: 8, spread_m: 15.0),
        Camp(at: Square(0), kind: "archer", count: 8, spread_m: 15.0)"#;
    let quick = r#"Kind(name: "Chest", role: Item(coins: 25), radius_m: 0.4, respawn_s: 0.5)"#;
    let kinds = [("hero", HERO), ("chest", quick)];
    let scene = load(&scenario(PLAIN, "hero", 9.0, camps), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let names = heroes(24);
    let chests: Vec<EntityId> = twins
        .of_kind("chest")
        .iter()
        .map(|s| s.identity.id)
        .collect();
    for _ in 0..240 {
        let mut inputs = twins.quiet();
        let tick = inputs.tick;
        let draw = |n: u64| hash_words([77, tick.0, n]);
        for (n, name) in (0..).zip(&names) {
            let avatar = EntityId::of_character(name);
            match draw(n) % 12 {
                0 => inputs.players.leaves.push(avatar),
                1..=3 => inputs.players.admissions.push(admission(name)),
                4 => {
                    inputs.players.leaves.push(avatar);
                    inputs.players.admissions.push(admission(name));
                }
                _ => {}
            }
            let other = EntityId::of_character(&names[(draw(n + 100) % 24) as usize]);
            let chest = chests[(draw(n + 200) % 6) as usize];
            let way = |axis| f64::from(draw(n + 300 + axis) as i32);
            let deed = if draw(n + 400).is_multiple_of(2) {
                attack(chest)
            } else {
                attack(other)
            };
            let moving = run(glam::DVec3::new(way(0), way(1), way(2)));
            inputs.players.intents.push((
                avatar,
                Intent {
                    seq: bluemarble_shared_protocol::InputSeq(tick.0 as u32),
                    wish: moving.wish,
                    pace: moving.pace / 2,
                    // What was seen a while ago, more or less.
                    view_tick: bluemarble_shared_protocol::Tick(
                        tick.0.saturating_sub(draw(n + 500) % 12),
                    ),
                    ..deed
                },
            ));
        }
        if draw(1_000).is_multiple_of(16) {
            for (kind, count) in [("mage", 2), ("chest", 1), ("arrow", 3)] {
                inputs.commands.push(AdminCommand::Spawn {
                    kind: kind.into(),
                    lat_deg: PLAIN.0,
                    lng_deg: PLAIN.1,
                    spread_m: 20.0,
                    count,
                });
            }
        }
        inputs.players.admissions.sort_by_key(|a| a.avatar);
        inputs.players.leaves.sort();
        inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
        twins.step(&inputs);
    }
    let tally = twins.tally();
    // Otherwise nothing was at stake.
    assert!(tally.minted > 100 && tally.returned > 20, "{tally:?}");
    assert!(tally.effects_bounced > 0 && tally.taken > 5, "{tally:?}");
    assert!(tally.kills > 10 && tally.too_late > 5, "{tally:?}");
    assert!(tally.commands_refused > 0, "an arrow is summoned by nobody");
}
