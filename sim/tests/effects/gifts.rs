//! Coins that players give each other: carried out once, wherever both are, and never lost.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::limits::GIFTS_REMEMBERED;
use bluemarble_shared_protocol::{
    AssetId, EntityId, Epoch, Gift, GiftInput, GiftOutcome, LifeId, Tick, hash_words,
};
use bluemarble_sim::{Departure, TickInputs, TravelKey, Why};

use crate::scene::{HERO, PLAIN, VERTEX, load, scenario};
use crate::twins::{Twins, admission, attack};

const CHEST: &str = r#"Camp(at: Square(0), kind: "chest", count: 1, spread_m: 0.0)"#;

fn heroes(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("hero-{n}")).collect()
}

fn life(twins: &Twins, avatar: EntityId) -> LifeId {
    twins.own(avatar).purse.life
}

fn coins(twins: &Twins, avatar: EntityId) -> u64 {
    twins.own(avatar).purse.coins
}

fn gift(twins: &Twins, from: EntityId, number: u32, to: EntityId, amount: u64) -> GiftInput {
    let gift = Gift {
        life: life(twins, from),
        number,
        to,
        amount,
        asset: AssetId::COINS,
    };
    GiftInput { from, gift }
}

/// One tick with these gifts, after a way through bytes as a replay takes it; what they came to.
fn give(twins: &mut Twins, gifts: &[GiftInput]) -> Vec<(GiftOutcome, Tick)> {
    give_in(twins, gifts, TickInputs::default())
}

/// The same in a tick in which this happens, too.
fn give_in(twins: &mut Twins, gifts: &[GiftInput], more: TickInputs) -> Vec<(GiftOutcome, Tick)> {
    let quiet = twins.quiet();
    let mut inputs = TickInputs {
        tick: quiet.tick,
        epoch: quiet.epoch,
        ..more
    };
    inputs.players.gifts = gifts.to_vec();
    let inputs = TickInputs::decode(&inputs.encode()).unwrap();
    twins.step(&inputs);
    let answers = twins.whole().gift_answers().iter();
    let answers = answers.map(|of| (of.answer.outcome, of.answer.tick));
    answers.collect()
}

/// Two heroes on different sides of a border, of whom the first has all 25 coins of the chest.
fn rich_and_poor(at: (f64, f64)) -> (Twins, EntityId, EntityId) {
    let scene = load(&scenario(at, "hero", 9.0, CHEST), &[("hero", HERO)]).unwrap();
    let mut twins = Twins::new(&scene);
    let avatars = twins.admit(&heroes(12));
    let chest = twins.of_kind("chest")[0].identity.id;
    twins.step(&twins.quiet());
    let zone = |id: EntityId| {
        let zones = &twins.diced().frames().zones;
        zones.iter().position(|zone| zone.ids.contains(&id))
    };
    let rich = avatars[0];
    let poor = avatars.iter().copied().find(|id| zone(*id) != zone(rich));
    let poor = poor.expect("nobody stands across a border");
    twins.act(vec![(rich, attack(chest))]);
    twins.step(&twins.quiet());
    twins.step(&twins.quiet());
    assert_eq!(coins(&twins, rich), 25);
    (twins, rich, poor)
}

#[test]
fn a_gift_goes_over_a_border_in_one_tick_and_is_answered_in_the_tick_it_was_sealed_in() {
    for at in [PLAIN, VERTEX] {
        let (mut twins, rich, poor) = rich_and_poor(at);
        let input = gift(&twins, rich, 1, poor, 10);
        let answers = give(&mut twins, &[input]);
        let now = twins.whole().tick();
        assert_eq!(answers, [(GiftOutcome::Given, now)]);
        assert_eq!((coins(&twins, rich), coins(&twins, poor)), (15, 0));
        assert_eq!(twins.whole().audit().mail, 10, "on their way");
        let why: Vec<Why> = twins.whole().movements().iter().map(|m| m.why).collect();
        assert_eq!(why, [Why::Given]);
        twins.step(&twins.quiet());
        assert_eq!((coins(&twins, rich), coins(&twins, poor)), (15, 10));
        // What has just arrived can be given away in the same tick.
        let back = gift(&twins, poor, 1, rich, 10);
        let input = gift(&twins, rich, 2, poor, 15);
        give(&mut twins, &[input]);
        let all = GiftInput {
            gift: Gift {
                number: 2,
                amount: 25,
                ..back.gift
            },
            ..back
        };
        assert_eq!(give(&mut twins, &[all])[0].0, GiftOutcome::Given);
        twins.step(&twins.quiet());
        assert_eq!((coins(&twins, rich), coins(&twins, poor)), (25, 0));
        assert_eq!(twins.tally().gifts, 3);
    }
}

#[test]
fn asked_again_a_gift_is_answered_as_the_first_time_and_not_carried_out_again() {
    let (mut twins, rich, poor) = rich_and_poor(PLAIN);
    let input = gift(&twins, rich, 7, poor, 10);
    let first = give(&mut twins, &[input])[0];
    for _ in 0..30 {
        assert_eq!(give(&mut twins, &[input])[0], first);
    }
    // Twice in one tick; and another gift by the same number is none.
    let another = GiftInput {
        gift: Gift {
            amount: 3,
            ..input.gift
        },
        ..input
    };
    let answers = give(&mut twins, &[input, another]);
    let now = twins.whole().tick();
    assert_eq!(answers, [first, (GiftOutcome::OtherGift, now)]);
    assert_eq!((coins(&twins, rich), coins(&twins, poor)), (15, 10));
    // What was refused is refused for good, even if it could be carried out by now.
    let much = gift(&twins, rich, 8, poor, 20);
    let refused = give(&mut twins, &[much])[0];
    assert_eq!(refused.0, GiftOutcome::NotEnough);
    let back = gift(&twins, poor, 1, rich, 10);
    give(&mut twins, &[back]);
    twins.step(&twins.quiet());
    assert_eq!(coins(&twins, rich), 25);
    assert_eq!(give(&mut twins, &[much])[0], refused);
    assert_eq!(coins(&twins, rich), 25);
    // Below the lowest number that is remembered nothing is carried out.
    for number in 100..100 + GIFTS_REMEMBERED as u32 {
        let input = gift(&twins, rich, number, poor, 1);
        assert_eq!(give(&mut twins, &[input])[0].0, GiftOutcome::Given);
    }
    assert_eq!(give(&mut twins, &[input])[0].0, GiftOutcome::Forgotten);
    let low = gift(&twins, rich, 3, poor, 1);
    assert_eq!(give(&mut twins, &[low])[0].0, GiftOutcome::Forgotten);
    let had = 25 - GIFTS_REMEMBERED as u64;
    assert_eq!(coins(&twins, rich), had);
}

#[test]
fn what_cannot_be_given_stays_and_the_reason_is_told() {
    let (mut twins, rich, poor) = rich_and_poor(PLAIN);
    let chest = twins.of_kind("chest")[0].identity.id;
    let absent = EntityId::of_character("nobody");
    let mut number = 0;
    let mut refused = |twins: &mut Twins, to, amount| {
        number += 1;
        let input = gift(twins, rich, number, to, amount);
        let outcome = give(twins, &[input])[0].0;
        assert_eq!(coins(twins, rich), 25);
        outcome
    };
    assert_eq!(refused(&mut twins, poor, 26), GiftOutcome::NotEnough);
    assert_eq!(refused(&mut twins, poor, u64::MAX), GiftOutcome::NotEnough);
    assert_eq!(refused(&mut twins, absent, 1), GiftOutcome::Nobody);
    assert_eq!(refused(&mut twins, chest, 1), GiftOutcome::Nobody);
    assert_eq!(refused(&mut twins, rich, 1), GiftOutcome::Oneself);
    // Another life's; and somebody who is not there gives nothing and is told nothing.
    let mut input = gift(&twins, rich, 50, poor, 1);
    input.gift.life.0 ^= 1;
    assert_eq!(give(&mut twins, &[input])[0].0, GiftOutcome::OtherLife);
    input.from = absent;
    assert_eq!(give(&mut twins, &[input]), []);
    let mut foul = gift(&twins, rich, 51, poor, 1);
    foul.from = chest;
    assert_eq!(give(&mut twins, &[foul]), []);
    // The dead give nothing.
    while twins.own(rich).vitals.health > 0 {
        twins.act(vec![(poor, attack(rich))]);
        assert!(twins.whole().tick().0 < 300, "nobody dies");
    }
    let input = gift(&twins, rich, 60, poor, 1);
    assert_eq!(give(&mut twins, &[input])[0].0, GiftOutcome::Dead);
}

#[test]
fn who_comes_or_goes_in_the_tick_of_the_gift_gets_it_or_is_not_there() {
    let (mut twins, rich, poor) = rich_and_poor(PLAIN);
    let mut number = 0;
    let mut give_while = |twins: &mut Twins, to, more: TickInputs| {
        number += 1;
        let input = gift(twins, rich, number, to, 5);
        let before = coins(twins, rich);
        let outcome = give_in(twins, &[input], more)[0].0;
        let given = if outcome == GiftOutcome::Given { 5 } else { 0 };
        assert_eq!(coins(twins, rich), before - given);
        twins.step(&twins.quiet());
        assert_eq!(coins(twins, rich), before - given, "nothing bounces");
        outcome
    };
    let mut leaves = TickInputs::default();
    leaves.players.leaves = vec![poor];
    let outcome = give_while(&mut twins, poor, leaves.clone());
    assert_eq!(outcome, GiftOutcome::Nobody);
    let name = heroes(12)
        .into_iter()
        .find(|name| EntityId::of_character(name) == poor)
        .unwrap();
    let mut comes = TickInputs::default();
    comes.players.admissions = vec![admission(&name)];
    assert_eq!(
        give_while(&mut twins, poor, comes.clone()),
        GiftOutcome::Given
    );
    assert_eq!(coins(&twins, poor), 5);
    // Leaves and comes back in one tick: it was not away, and gets it.
    let before = life(&twins, poor);
    let mut both = leaves;
    both.players.admissions = comes.players.admissions;
    assert_eq!(give_while(&mut twins, poor, both), GiftOutcome::Given);
    assert_eq!(coins(&twins, poor), 10);
    assert_eq!(life(&twins, poor), before);
    // To another world: not to be reached any more; and the giver's last gift counts.
    let mut travels = TickInputs::default();
    let key = |twins: &Twins, avatar| TravelKey {
        world: 0,
        epoch: Epoch(1),
        tick: twins.whole().tick().next(),
        avatar,
    };
    let to = 4;
    travels.travel.departures = vec![Departure {
        key: key(&twins, poor),
        to,
    }];
    assert_eq!(give_while(&mut twins, poor, travels), GiftOutcome::Nobody);
    let other = twins.whole().avatars().into_iter().find(|id| *id != rich);
    let other = other.unwrap();
    let mut travels = TickInputs::default();
    travels.travel.departures = vec![Departure {
        key: key(&twins, rich),
        to,
    }];
    let input = gift(&twins, rich, 99, other, 5);
    assert_eq!(
        give_in(&mut twins, &[input], travels)[0].0,
        GiftOutcome::Given
    );
    twins.step(&twins.quiet());
    assert_eq!(coins(&twins, other), 5);
}

/// Gifts of random numbers between everybody, asked for again and again, among leaves, joins, deaths and
/// chests: every number of a life has one outcome and is carried out at most once, in every cut, through
/// amnesia and checkpoints; and every coin is accounted for (`Twins::step`).
#[test]
fn every_number_of_a_life_has_one_outcome_whatever_happens() {
    let camps = r#"
        Camp(at: Square(0), kind: "chest", count: 6, spread_m: 10.0),
        Camp(at: Square(0), kind: "mage", count: 4, spread_m: 15.0)"#;
    let quick = r#"Kind(name: "Chest", role: Item(coins: 25), radius_m: 0.4, respawn_s: 0.5)"#;
    let kinds = [("hero", HERO), ("chest", quick)];
    let scene = load(&scenario(PLAIN, "hero", 9.0, camps), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let names = heroes(16);
    let avatars = twins.admit(&names);
    let chests = twins.of_kind("chest");
    // By giver, life and number: the outcome, and in which tick.
    let mut known = BTreeMap::<(EntityId, LifeId, u32), (GiftOutcome, Tick)>::new();
    let mut asked = Vec::<GiftInput>::new();
    let (mut again, mut forgotten) = (0, 0);
    for _ in 0..240 {
        let mut inputs = twins.quiet();
        let tick = inputs.tick;
        let draw = |n: u64| hash_words([78, tick.0, n]);
        for (n, (name, avatar)) in (0..).zip(names.iter().zip(&avatars)) {
            match draw(n) % 40 {
                0 => inputs.players.leaves.push(*avatar),
                1..=3 => inputs.players.admissions.push(admission(name)),
                _ => {}
            }
            let chest = chests[(draw(n + 200) % 6) as usize].identity.id;
            inputs.players.intents.push((
                *avatar,
                bluemarble_shared_protocol::Intent {
                    seq: bluemarble_shared_protocol::InputSeq(tick.0 as u32),
                    view_tick: twins.whole().tick(),
                    ..attack(if draw(n + 700).is_multiple_of(2) {
                        chest
                    } else {
                        avatars[(draw(n + 800) % 3) as usize]
                    })
                },
            ));
            if twins.whole().avatars().contains(avatar) {
                let to = avatars[(draw(n + 300) % 16) as usize];
                let number = (tick.0 / 4 + draw(n + 400) % 24) as u32 + 1;
                let new = gift(&twins, *avatar, number, to, draw(n + 500) % 9 + 1);
                inputs.players.gifts.push(new);
                asked.push(new);
            }
            // Something old, from this life or another.
            let old = asked.get((draw(n + 600) % 1_000) as usize);
            inputs.players.gifts.extend(old);
        }
        inputs.players.admissions.sort_by_key(|a| a.avatar);
        inputs.players.leaves.sort();
        inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
        let order = |of: &GiftInput| (of.from, of.gift.number);
        inputs.players.gifts.sort_by_key(order);
        let report = twins.step(&inputs);
        let mut carried = 0;
        for of in twins.whole().gift_answers() {
            let answer = of.answer;
            let what = (answer.outcome, answer.tick);
            if matches!(
                answer.outcome,
                GiftOutcome::Forgotten | GiftOutcome::OtherLife | GiftOutcome::OtherGift
            ) {
                forgotten += 1;
                continue;
            }
            let key = (of.from, answer.life, answer.number);
            match known.get(&key) {
                Some(first) => {
                    assert_eq!(*first, what, "{key:?}");
                    again += 1;
                }
                None => {
                    assert_eq!(answer.tick, tick, "{key:?} is news");
                    carried += u64::from(answer.outcome == GiftOutcome::Given);
                    known.insert(key, what);
                }
            }
        }
        assert_eq!(report.tally.gifts, carried);
        let sent = twins.whole().movements().iter();
        assert_eq!(sent.filter(|m| m.why == Why::Given).count() as u64, carried);
    }
    let given = known
        .values()
        .filter(|(what, _)| *what == GiftOutcome::Given);
    let given = given.count();
    let tally = twins.tally();
    assert!(
        given > 100 && again > 200 && forgotten > 200,
        "{given} {again} {forgotten}"
    );
    assert!(tally.kills > 0 && tally.returned > 0, "{tally:?}");
}
