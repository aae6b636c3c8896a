//! Who leaves the world comes back as it was: where it was, with what it had and what was on its way to it.

use bluemarble_shared_protocol::{
    AssetId, EntityId, Epoch, Gift, GiftInput, GiftOutcome, InputSeq, Tick,
};
use bluemarble_sim::{Arrival, Deed, TravelKey, Traveller, World};

use crate::coins::around_a_chest;
use crate::scene::PLAIN;
use crate::twins::{Twins, admission, attack, run};

/// Somebody with 25 coins, the name, and somebody else.
fn rich() -> (Twins, EntityId, String, EntityId) {
    let (mut twins, avatars, chest) = around_a_chest(PLAIN, 2);
    twins.step(&twins.quiet());
    twins.act(vec![(avatars[0], attack(chest))]);
    for _ in 0..3 {
        twins.step(&twins.quiet());
    }
    assert_eq!(twins.state(avatars[0]).purse.0, 25);
    (twins, avatars[0], "hero-0".to_owned(), avatars[1])
}

fn leave(twins: &mut Twins, avatar: EntityId) {
    let mut inputs = twins.quiet();
    inputs.players.leaves = vec![avatar];
    let report = twins.step(&inputs);
    assert_eq!(report.tally.coins_left, 0, "nobody takes coins anywhere");
}

fn come(twins: &mut Twins, name: &str) {
    let mut inputs = twins.quiet();
    inputs.players.admissions = vec![admission(name)];
    let tally = twins.step(&inputs).tally;
    assert_eq!((tally.minted, tally.returned), (0, 1));
}

#[test]
fn who_comes_back_is_where_it_was_with_what_it_had() {
    let (mut twins, ada, name, _) = rich();
    let way = twins.state(ada).body.0.facing;
    for _ in 0..20 {
        twins.act(vec![(ada, run(way))]);
    }
    let before = twins.state(ada);
    leave(&mut twins, ada);
    assert!(!twins.whole().avatars().contains(&ada));
    assert_eq!(twins.whole().audit().absent, 25);
    let kept = twins.whole().absent().state(ada).unwrap().clone();
    assert_eq!(
        (kept.body, kept.life, kept.purse),
        (before.body, before.life, before.purse)
    );
    for _ in 0..60 {
        twins.step(&twins.quiet());
    }
    come(&mut twins, &name);
    let after = twins.state(ada);
    assert!(twins.whole().absent().is_empty());
    assert_eq!((after.purse, after.life), (before.purse, before.life));
    let steps = after.body.0.pos.distance(before.body.0.pos);
    assert!(steps < 1.0, "{steps} m away: it was running when it left");
    let (player, was) = (after.player.unwrap(), before.player.unwrap());
    assert_eq!(player.applied, InputSeq(0), "its next session counts anew");
    assert_eq!(player.dealings, was.dealings, "it is the same life");
}

#[test]
fn who_leaves_and_returns_in_one_tick_has_not_been_away() {
    let (mut twins, ada, name, _) = rich();
    for _ in 0..30 {
        let mut inputs = twins.quiet();
        inputs.players.leaves = vec![ada];
        inputs.players.admissions = vec![admission(&name)];
        twins.step(&inputs);
        assert_eq!(twins.state(ada).purse.0, 25);
        assert_eq!(twins.whole().audit().absent, 0);
    }
}

#[test]
fn what_was_on_its_way_waits_for_whoever_returns() {
    let (mut twins, ada, name, bob) = rich();
    let health = twins.state(ada).life.health;
    twins.act(vec![(bob, attack(ada))]);
    let blow = twins.state(ada).mail.0[0];
    let Deed::Damage { amount } = blow.deed else {
        panic!("{blow:?}");
    };
    let amount_given = 4;
    let give = GiftInput {
        from: ada,
        gift: Gift {
            life: twins.state(ada).player.unwrap().dealings.life(),
            number: 1,
            to: bob,
            amount: amount_given,
            asset: AssetId::COINS,
        },
    };
    leave(&mut twins, ada);
    twins.step(&twins.quiet());
    come(&mut twins, &name);
    assert_eq!(
        twins.state(ada).life.health,
        health - amount,
        "no way out of a blow"
    );
    // The same the other way round: coins on their way.
    let mut inputs = twins.quiet();
    inputs.players.gifts = vec![give];
    twins.step(&inputs);
    leave(&mut twins, bob);
    assert_eq!(twins.whole().audit().absent, amount_given, "in its mail");
    come(&mut twins, "hero-1");
    assert_eq!(twins.state(bob).purse.0, amount_given);
}

#[test]
fn a_gift_asked_for_again_after_a_leave_is_the_one_that_was_carried_out() {
    let (mut twins, ada, name, bob) = rich();
    let gift = GiftInput {
        from: ada,
        gift: Gift {
            life: twins.state(ada).player.unwrap().dealings.life(),
            number: 1,
            to: bob,
            amount: 10,
            asset: AssetId::COINS,
        },
    };
    let mut answers = Vec::new();
    for again in 0..4 {
        let mut inputs = twins.quiet();
        inputs.players.gifts = vec![gift];
        twins.step(&inputs);
        answers.extend(twins.whole().gift_answers().iter().map(|told| told.answer));
        leave(&mut twins, ada);
        if again % 2 == 0 {
            twins.step(&twins.quiet());
        }
        come(&mut twins, &name);
    }
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0].outcome, GiftOutcome::Given);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(
        (twins.state(ada).purse.0, twins.state(bob).purse.0),
        (15, 10)
    );
}

#[test]
fn a_traveller_who_had_left_this_world_before_gets_back_what_it_had_here() {
    let (mut twins, ada, name, _) = rich();
    leave(&mut twins, ada);
    let arrival = Arrival {
        key: TravelKey {
            world: 9,
            epoch: Epoch(1),
            tick: Tick(3),
            avatar: ada,
        },
        traveller: Traveller {
            name: name.into(),
            health: 5,
            kills: 2,
            deaths: 1,
            coins: 100,
        },
    };
    let mut inputs = twins.quiet();
    inputs.travel.arrivals = vec![arrival.clone()];
    assert_eq!(twins.step(&inputs).tally.minted, 100);
    let state = twins.state(ada);
    assert_eq!((state.purse.0, state.life.kills), (125, 2));
    assert_eq!(twins.whole().audit().absent, 0);
    // The same traveller sent again is nobody, also if it has left meanwhile.
    leave(&mut twins, ada);
    let mut inputs = twins.quiet();
    inputs.travel.arrivals = vec![arrival];
    assert_eq!(twins.step(&inputs).tally.minted, 0);
    assert_eq!(twins.whole().audit().absent, 125);
}

#[test]
fn a_checkpoint_keeps_who_is_away_and_a_bent_one_is_refused() {
    let (mut twins, ada, name, _) = rich();
    leave(&mut twins, ada);
    let stored = twins.whole().checkpoint();
    let spec = twins.whole().spec().clone();
    let again = World::restore(spec.clone(), &stored).unwrap();
    assert_eq!(again.digest(), twins.whole().digest());
    assert_eq!(again.absent().state(ada), twins.whole().absent().state(ada));
    assert_eq!(again.holdings(), twins.whole().holdings());
    let at = stored
        .parts
        .iter()
        .position(|part| part.zone == u32::MAX - 3);
    let at = at.expect("who is away has a part");
    let mut lost = stored.clone();
    lost.parts.remove(at);
    assert!(World::restore(spec.clone(), &lost).is_err());
    for byte in 0..stored.parts[at].bytes.len() {
        let mut bent = stored.clone();
        bent.parts[at].bytes[byte] ^= 16;
        assert!(World::restore(spec.clone(), &bent).is_err(), "byte {byte}");
    }
    come(&mut twins, &name);
}
