//! Things: found in items, given away, kept through death, leaves and journeys. `Twins` compares every movement and
//! holding, sort by sort, in every cut, through amnesia and checkpoints.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{
    AssetId, EntityId, Epoch, Gift, GiftInput, GiftOutcome, LifeId, Stack, hash_words,
};
use bluemarble_sim::{Departure, Holder, TickInputs, TravelKey, Why};

use crate::coins::heroes;
use crate::scene::{HERO, PLAIN, VERTEX, load, scenario};
use crate::twins::{Twins, admission, attack};

const AMBER: AssetId = AssetId(1);
const PILE: &str = r#"Kind(name: "Pile", role: Item(things: Find(asset: 1, name: "amber", count: 10)),
    radius_m: 0.4, respawn_s: 100.0)"#;
const CAMP: &str = r#"Camp(at: Square(0), kind: "pile", count: 1, spread_m: 0.1)"#;

/// Heroes around a pile of ten pieces of amber, of whom the first has them all.
fn with_amber(at: (f64, f64)) -> (Twins, Vec<EntityId>) {
    let kinds = [("hero", HERO), ("pile", PILE)];
    let scene = load(&scenario(at, "hero", 9.0, CAMP), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let avatars = twins.admit(&heroes(12));
    let pile = twins.of_kind("pile")[0].identity.id;
    assert_eq!(twins.whole().holdings(), [(Holder::Item(pile), AMBER, 10)]);
    assert_eq!(twins.whole().audit().total(), 0, "amber is no coin");
    twins.step(&twins.quiet());
    // Everybody grasps for it; the first alone is near enough in time.
    twins.act(vec![(avatars[0], attack(pile))]);
    let grasps = avatars[1..].iter().map(|avatar| (*avatar, attack(pile)));
    twins.act(grasps.collect());
    twins.step(&twins.quiet());
    assert_eq!(amber(&twins, avatars[0]), 10);
    assert_eq!(twins.tally().minted, 0, "no coins were made");
    (twins, avatars)
}

fn amber(twins: &Twins, avatar: EntityId) -> u64 {
    let things = twins.own(avatar).purse.things;
    let state = twins.state(avatar).player.unwrap();
    assert_eq!(
        things,
        state.things.stacks(),
        "its owner is told what it has"
    );
    state.things.count(AMBER)
}

fn life(twins: &Twins, avatar: EntityId) -> LifeId {
    twins.own(avatar).purse.life
}

fn gift(twins: &Twins, from: EntityId, number: u32, to: EntityId, amount: u64) -> GiftInput {
    let gift = Gift {
        life: life(twins, from),
        number,
        to,
        amount,
        asset: AMBER,
    };
    GiftInput { from, gift }
}

fn give(twins: &mut Twins, gift: GiftInput) -> GiftOutcome {
    let mut inputs = twins.quiet();
    inputs.players.gifts = vec![gift];
    let inputs = TickInputs::decode(&inputs.encode()).unwrap();
    twins.step(&inputs);
    twins.whole().gift_answers()[0].answer.outcome
}

#[test]
fn a_gift_of_things_is_carried_out_once_by_its_number_and_takes_a_tick() {
    for at in [PLAIN, VERTEX] {
        let (mut twins, avatars) = with_amber(at);
        let (ada, bob) = (avatars[0], avatars[1]);
        let asked = gift(&twins, ada, 1, bob, 4);
        for _ in 0..5 {
            assert_eq!(give(&mut twins, asked), GiftOutcome::Given);
        }
        assert_eq!((amber(&twins, ada), amber(&twins, bob)), (6, 4));
        let much = gift(&twins, ada, 2, bob, 7);
        assert_eq!(give(&mut twins, much), GiftOutcome::NotEnough);
        let mut coins = asked;
        coins.gift.asset = AssetId::COINS;
        assert_eq!(give(&mut twins, coins), GiftOutcome::OtherGift);
        let mut unknown = gift(&twins, ada, 3, bob, 1);
        unknown.gift.asset = AssetId(200);
        assert_eq!(give(&mut twins, unknown), GiftOutcome::NotEnough);
        let all = gift(&twins, ada, 4, bob, 6);
        assert_eq!(give(&mut twins, all), GiftOutcome::Given);
        let held = (Holder::Mail, AMBER, 6);
        assert!(twins.whole().holdings().contains(&held), "on their way");
        twins.step(&twins.quiet());
        assert_eq!((amber(&twins, ada), amber(&twins, bob)), (0, 10));
    }
}

#[test]
fn the_dead_keep_their_things() {
    let (mut twins, avatars) = with_amber(PLAIN);
    let (ada, bob) = (avatars[0], avatars[1]);
    while twins.own(ada).vitals.health > 0 {
        twins.act(vec![(bob, attack(ada))]);
        assert!(twins.whole().tick().0 < 300, "nobody dies");
    }
    let asked = gift(&twins, ada, 1, bob, 1);
    assert_eq!(give(&mut twins, asked), GiftOutcome::Dead);
    for _ in 0..60 {
        twins.step(&twins.quiet());
    }
    assert!(twins.own(ada).vitals.health > 0, "lives again");
    assert_eq!((amber(&twins, ada), amber(&twins, bob)), (10, 0));
}

#[test]
fn things_for_somebody_who_has_left_return_to_where_they_were() {
    let kinds = [("hero", HERO), ("pile", PILE)];
    let scene = load(&scenario(PLAIN, "hero", 9.0, CAMP), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let ada = twins.admit(&heroes(1))[0];
    let pile = twins.of_kind("pile")[0].identity.id;
    twins.step(&twins.quiet());
    twins.act(vec![(ada, attack(pile))]);
    // The pile answers in the tick in which the winner leaves.
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![ada];
    assert_eq!(twins.step(&inputs).tally.effects_bounced, 1);
    twins.step(&twins.quiet());
    assert_eq!(twins.whole().holdings(), [(Holder::Item(pile), AMBER, 10)]);
    assert!(twins.state(pile).life.is_alive(), "it can be taken again");
}

#[test]
fn things_stay_with_who_leaves_and_do_not_travel() {
    let (mut twins, avatars) = with_amber(PLAIN);
    let ada = avatars[0];
    let name = "hero-0";
    assert_eq!(EntityId::of_character(name), ada);
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![ada];
    twins.step(&inputs);
    let mut inputs = twins.quiet();
    inputs.players.admissions = vec![admission(name)];
    twins.step(&inputs);
    assert_eq!(amber(&twins, ada), 10);
    let key = TravelKey {
        world: 0,
        epoch: Epoch(1),
        tick: twins.quiet().tick,
        avatar: ada,
    };
    let mut inputs = twins.quiet();
    inputs.travel.departures = vec![Departure { key, to: 4 }];
    assert_eq!(twins.step(&inputs).tally.departed, 1);
    let traveller = twins.whole().gate().outbound[&key].traveller.clone();
    let kept = twins.whole().absent().state(ada).unwrap();
    let stack = Stack {
        asset: AMBER,
        amount: 10,
    };
    assert_eq!(kept.player.as_ref().unwrap().things.stacks(), [stack]);
    assert_eq!(kept.purse.0, 0);
    // And back from there.
    let mut inputs = twins.quiet();
    let key = TravelKey { world: 4, ..key };
    inputs.travel.arrivals = vec![bluemarble_sim::Arrival { key, traveller }];
    twins.step(&inputs);
    assert_eq!(amber(&twins, ada), 10);
    assert!(twins.whole().absent().is_empty());
}

/// Gifts of coins and things by random numbers, asked for again and again, among finds, deaths, leaves and
/// returns: what everybody holds of each sort is what the movements say (`Twins::step`), nothing is made or lost
/// but by items, and every number is carried out once.
#[test]
fn no_thing_is_lost_or_doubled_whatever_happens() {
    let camps = r#"
        Camp(at: Square(0), kind: "pile", count: 5, spread_m: 10.0),
        Camp(at: Square(0), kind: "shells", count: 5, spread_m: 10.0),
        Camp(at: Square(0), kind: "chest", count: 3, spread_m: 10.0),
        Camp(at: Square(0), kind: "mage", count: 4, spread_m: 15.0)"#;
    let quick = PILE.replace("100.0", "0.5");
    let shells = quick
        .replace("asset: 1", "asset: 9")
        .replace("amber", "shells");
    let kinds = [("hero", HERO), ("pile", &quick), ("shells", &shells)];
    let scene = load(&scenario(PLAIN, "hero", 9.0, camps), &kinds).unwrap();
    let mut twins = Twins::new(&scene);
    let names = heroes(16);
    let avatars = twins.admit(&names);
    let (mut given, mut again, mut asked) = (BTreeMap::new(), 0, Vec::<GiftInput>::new());
    let mut moved = BTreeMap::<AssetId, i128>::new();
    let begin = total(&twins);
    for _ in 0..240 {
        let mut inputs = twins.quiet();
        let tick = inputs.tick;
        let draw = |n: u64| hash_words([83, tick.0, n]);
        let there = twins.whole().avatars();
        for (n, (avatar, name)) in (0..).zip(avatars.iter().zip(&names)) {
            match draw(n) % 40 {
                0 => inputs.players.leaves.push(*avatar),
                1..=4 => inputs.players.admissions.push(admission(name)),
                _ => {}
            }
            if there.contains(avatar) {
                let items: Vec<EntityId> = ["pile", "shells", "chest"]
                    .iter()
                    .flat_map(|kind| twins.of_kind(kind))
                    .map(|item| item.identity.id)
                    .collect();
                let mut intent = attack(items[(draw(n) >> 8) as usize % items.len()]);
                intent.seq = bluemarble_shared_protocol::InputSeq(tick.0 as u32);
                intent.view_tick = twins.whole().tick();
                inputs.players.intents.push((*avatar, intent));
                let mut input = gift(&twins, *avatar, (draw(n) >> 16) as u32 % 30 + 1, *avatar, 1);
                input.gift.to = avatars[(draw(n) >> 24) as usize % avatars.len()];
                input.gift.amount = (draw(n) >> 32) % 4 + 1;
                input.gift.asset = AssetId([0, 1, 9][(draw(n) >> 40) as usize % 3]);
                inputs.players.gifts.push(input);
                asked.push(input);
            }
        }
        for n in 100..108 {
            // The newest are still remembered.
            let back = (draw(n) % 60) as usize;
            let old = asked.len().checked_sub(back + 1);
            inputs.players.gifts.extend(old.map(|old| asked[old]));
        }
        inputs
            .players
            .gifts
            .sort_by_key(|given| (given.from, given.gift.number));
        inputs
            .players
            .gifts
            .dedup_by_key(|given| (given.from, given.gift.number));
        inputs.players.admissions.sort_by_key(|a| a.avatar);
        inputs.players.leaves.sort();
        inputs.players.intents.sort_by_key(|(avatar, _)| *avatar);
        twins.step(&inputs);
        for answered in twins.whole().gift_answers() {
            let answer = answered.answer;
            if answer.outcome == GiftOutcome::Given {
                let key = (answered.from, answer.life, answer.number);
                let first = *given.entry(key).or_insert(answer.tick);
                assert_eq!(first, answer.tick, "{key:?} was carried out twice");
                again += u64::from(answer.tick != tick);
            }
        }
        for movement in twins.whole().movements() {
            let amount = i128::from(movement.amount);
            let change = moved.entry(movement.asset).or_default();
            match (movement.from, movement.to) {
                (Holder::Mint, _) => *change += amount,
                (_, to) if to < Holder::Mail => *change -= amount,
                _ => {}
            }
        }
        let carried = twins.whole().movements().iter();
        let carried = carried.filter(|m| m.why == Why::Given).count() as u64;
        let news = given.values().filter(|at| **at == tick).count() as u64;
        assert_eq!(carried, news);
    }
    let end = total(&twins);
    for asset in [AssetId::COINS, AMBER, AssetId(9)] {
        let of = |sums: &BTreeMap<AssetId, i128>| sums.get(&asset).copied().unwrap_or_default();
        assert_eq!(of(&end), of(&begin) + of(&moved), "{asset:?}");
        assert!(of(&end) > 50, "{asset:?}: {} prove little", of(&end));
    }
    let tally = twins.tally();
    assert!(given.len() > 100 && again > 50, "{} {again}", given.len());
    assert!(tally.returned > 20 && tally.taken > 50, "{tally:?}");
}

fn total(twins: &Twins) -> BTreeMap<AssetId, i128> {
    let mut sums = BTreeMap::new();
    for (_, asset, amount) in twins.whole().holdings() {
        *sums.entry(asset).or_default() += i128::from(amount);
    }
    sums
}
