//! Coins from outside and to outside: once by key, in every cut, through amnesia and checkpoints.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{EntityId, Tick, hash_words};
use bluemarble_sim::{Deal, DealOutcome, Direction, Holder, OutsideInputs, OutsideKey, TickInputs};

use crate::scene::{HERO, PLAIN, load, scenario};
use crate::twins::{Twins, admission};

fn key(n: u64) -> OutsideKey {
    OutsideKey::new(&format!("order-{n}")).unwrap()
}

fn deal(avatar: EntityId, direction: Direction, amount: u64) -> Deal {
    Deal {
        avatar,
        direction,
        amount,
    }
}

/// One tick in which this is done, after a way through bytes as a replay takes it.
fn trade(twins: &mut Twins, outside: OutsideInputs) -> Vec<DealOutcome> {
    let inputs = TickInputs {
        outside,
        ..twins.quiet()
    };
    let inputs = TickInputs::decode(&inputs.encode()).unwrap();
    twins.step(&inputs);
    let outcomes = twins.whole().deal_outcomes().iter();
    outcomes.map(|(_, outcome)| *outcome).collect()
}

fn one(twins: &mut Twins, n: u64, deal: Deal) -> DealOutcome {
    let deals = vec![(key(n), deal)];
    let settled = Vec::new();
    trade(twins, OutsideInputs { deals, settled })[0]
}

fn heroes(count: usize) -> (Twins, Vec<EntityId>) {
    let scene = load(&scenario(PLAIN, "hero", 9.0, ""), &[("hero", HERO)]).unwrap();
    let mut twins = Twins::new(&scene);
    let names: Vec<String> = (0..count).map(|n| format!("hero-{n}")).collect();
    let avatars = twins.admit(&names);
    (twins, avatars)
}

#[test]
fn a_deal_happens_once_by_its_key_until_it_is_settled_and_what_is_refused_may_be_tried_again() {
    let (mut twins, avatars) = heroes(2);
    let ada = avatars[0];
    let coins = |twins: &Twins| twins.own(ada).purse.coins;
    let grant = deal(ada, Direction::Grant, 100);
    let charge = deal(ada, Direction::Charge, 30);
    assert_eq!(one(&mut twins, 2, charge), DealOutcome::NotEnough);
    let done = one(&mut twins, 1, grant);
    assert_eq!(done, DealOutcome::Done(twins.whole().tick()));
    assert_eq!(coins(&twins), 100);
    let movement = twins.whole().movements()[0];
    assert_eq!(
        (movement.from, movement.external),
        (Holder::Outside, Some(key(1)))
    );
    for _ in 0..20 {
        assert_eq!(one(&mut twins, 1, grant), done);
    }
    assert_eq!(one(&mut twins, 1, charge), DealOutcome::OtherDeal);
    let paid = one(&mut twins, 2, charge);
    assert!(matches!(paid, DealOutcome::Done(_)));
    assert_eq!(one(&mut twins, 2, charge), paid);
    assert_eq!(coins(&twins), 70);
    let nobody = deal(EntityId::of_character("nobody"), Direction::Grant, 1);
    assert_eq!(one(&mut twins, 3, nobody), DealOutcome::Away);
    assert_eq!(twins.whole().till().deals().count(), 2);
    // Settled: the ledger knows it from now on, and the world need not.
    let settled = OutsideInputs {
        deals: Vec::new(),
        settled: vec![key(1), key(2), key(9)],
    };
    trade(&mut twins, settled);
    assert!(twins.whole().till().is_empty());
    assert_eq!(coins(&twins), 70);
}

#[test]
fn who_is_away_can_be_dealt_with_and_who_comes_in_the_tick_of_a_deal_cannot() {
    let (mut twins, avatars) = heroes(2);
    let name = "hero-0";
    let mut try_while = |number, leaves, comes, way, amount| {
        let mut inputs = twins.quiet();
        if leaves {
            inputs.players.leaves = vec![avatars[0]];
        }
        if comes {
            inputs.players.admissions = vec![admission(name)];
        }
        inputs.outside.deals = vec![(key(number), deal(avatars[0], way, amount))];
        twins.step(&inputs);
        let coins = twins.whole().audit().total();
        (twins.whole().deal_outcomes()[0].1, coins)
    };
    let (grant, charge) = (Direction::Grant, Direction::Charge);
    let outcome = try_while(1, true, false, grant, 5);
    assert!(matches!(outcome, (DealOutcome::Done(_), 5)), "{outcome:?}");
    assert_eq!(try_while(1, false, false, grant, 5), outcome, "once");
    let refused = (DealOutcome::NotEnough, 5);
    assert_eq!(try_while(2, false, false, charge, 6), refused);
    let outcome = try_while(2, false, false, charge, 2);
    assert!(matches!(outcome, (DealOutcome::Done(_), 3)), "{outcome:?}");
    for (leaves, comes) in [(false, true), (true, true)] {
        let outcome = try_while(3, leaves, comes, grant, 5);
        assert_eq!(outcome, (DealOutcome::Away, 3));
    }
    assert_eq!(twins.own(avatars[0]).purse.coins, 3);
}

/// Random deals, asked for again and again, some settled, among gifts of nobody's choice: the book of
/// `Twins` has every coin, and every key happens once.
#[test]
fn every_key_happens_once_whatever_is_asked_for_again() {
    let (mut twins, avatars) = heroes(12);
    let mut done = BTreeMap::<OutsideKey, (Deal, Tick)>::new();
    let (mut again, mut charged) = (0, 0);
    for _ in 0..200 {
        let tick = twins.quiet().tick;
        let draw = |n: u64| hash_words([79, tick.0, n]);
        let mut deals = BTreeMap::new();
        for n in 0..6 {
            let number = tick.0 / 2 + draw(n) % 10;
            let of = |n: u64| hash_words([80, n]);
            let direction = if of(number).is_multiple_of(3) {
                Direction::Charge
            } else {
                Direction::Grant
            };
            let avatar = avatars[(of(number) >> 8) as usize % avatars.len()];
            deals.insert(key(number), deal(avatar, direction, of(number) % 50 + 1));
        }
        // Long ago: nobody asks for it any more.
        let old = done.iter().filter(|(_, (_, at))| at.0 + 30 < tick.0);
        let settled = old.map(|(key, _)| *key).collect();
        let deals: Vec<(OutsideKey, Deal)> = deals.into_iter().collect();
        let inputs = OutsideInputs {
            deals: deals.clone(),
            settled,
        };
        let outcomes = trade(&mut twins, inputs);
        for ((key, deal), outcome) in deals.iter().zip(outcomes) {
            let DealOutcome::Done(at) = outcome else {
                assert_eq!(outcome, DealOutcome::NotEnough);
                assert!(!done.contains_key(key));
                continue;
            };
            let known = *done.entry(*key).or_insert((*deal, at));
            assert_eq!(known, (*deal, at), "{key}");
            again += u64::from(at != tick);
            charged += u64::from(at == tick && deal.direction == Direction::Charge);
        }
    }
    assert!(
        done.len() > 80 && again > 100 && charged > 10,
        "{} {again} {charged}",
        done.len()
    );
    let total: i128 = done
        .values()
        .map(|(deal, _)| match deal.direction {
            Direction::Grant => i128::from(deal.amount),
            Direction::Charge => -i128::from(deal.amount),
        })
        .sum();
    assert_eq!(i128::from(twins.whole().audit().total()), total);
}
