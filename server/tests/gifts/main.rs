//! Gifts from end to end in virtual time: real clients' books, the real session logic and the real world,
//! over lines that break, with a server that is killed and comes back to what its disk holds. Every gift is
//! carried out once at most, every answer is true for good, and no coin is lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house;
mod player;

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{EntityId, GiftOutcome};
use bluemarble_sim::Why;

use house::{COINS, House};

/// How bad it gets.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// One in so many ticks a player's connection breaks.
    pub breaks: u64,
    /// One in so many ticks the server is killed; 0: never.
    pub kills: u64,
    /// Most ticks a message is under way, each way.
    pub delay: u64,
    /// Most ticks the disk takes.
    pub disk: u64,
    /// How long somebody stays away at most, ticks. The avatar waits for 200.
    pub away: u64,
}

const CALM: Weather = Weather {
    breaks: 1_000_000,
    kills: 0,
    delay: 1,
    disk: 1,
    away: 1,
};
const BAD_LINES: Weather = Weather {
    breaks: 25,
    delay: 6,
    disk: 4,
    away: 30,
    ..CALM
};
const CRASHES: Weather = Weather {
    kills: 40,
    ..BAD_LINES
};
/// Who stays away for longer than the avatar waits comes back to one that has left the world meanwhile.
const LONG_WAYS: Weather = Weather {
    away: 400,
    kills: 500,
    ..CRASHES
};

/// What the world did in the past that counts: giver and amount (of which no giver has two) with how often.
fn carried_out(house: &House) -> BTreeMap<(EntityId, u64), (u32, EntityId)> {
    let mut done = BTreeMap::new();
    for movement in house.replay_everything() {
        if movement.why == Why::Given {
            let to = movement.peer.unwrap();
            let key = (movement.entity, movement.amount);
            done.entry(key).or_insert((0, to)).0 += 1;
        }
    }
    done
}

/// Plays, lets things calm down, and compares what everybody was told with what the world did.
fn play(seed: u64, weather: Weather, ticks: u64) -> House {
    let mut house = House::new(seed, weather, 6);
    for _ in 0..ticks {
        house.tick();
    }
    house.calm_down();
    let done = carried_out(&house);
    let mut asked = 0;
    for player in &house.players {
        let mut answered = BTreeMap::<u32, GiftOutcome>::new();
        for receipt in &player.receipts {
            let twice = answered.insert(receipt.number, receipt.outcome);
            assert_eq!(twice, None, "seed {seed}: answered twice: {receipt:?}");
            let found = done.get(&(player.avatar, receipt.amount));
            match receipt.outcome {
                GiftOutcome::Given => {
                    let given = Some(&(1, receipt.to));
                    assert_eq!(found, given, "seed {seed}: acknowledged: {receipt:?}");
                }
                _ => assert_eq!(found, None, "seed {seed}: refused: {receipt:?}"),
            }
        }
        asked += player.asked;
        let all = (1..=player.asked).all(|number| answered.contains_key(&number));
        assert!(all, "seed {seed}: some of {} have no answer", player.asked);
    }
    let twice = done.iter().find(|(_, (times, _))| *times != 1);
    assert_eq!(twice, None, "seed {seed}");
    assert!(asked > 50, "seed {seed}: {asked} gifts prove little");
    let here = house.world.audit().total();
    let coins = COINS * house.players.len() as u64;
    assert_eq!(here, coins, "seed {seed}: conservation");
    house
}

#[test]
fn on_good_lines_every_gift_is_answered() {
    let house = play(1, CALM, 200);
    assert_eq!(house.hub.stats().gifts_unanswered, 0);
}

#[test]
fn over_lines_that_break_every_gift_is_carried_out_once_and_answered_once() {
    let mut again = 0;
    for seed in 10..14 {
        let house = play(seed, BAD_LINES, 300);
        again += house.hub.stats().gifts_unanswered;
    }
    assert!(again > 0, "no answer was ever lost");
}

#[test]
fn what_is_acknowledged_is_there_after_any_crash_and_nothing_is_there_twice() {
    let (mut kills, mut taken_back) = (0, 0);
    for seed in 20..26 {
        let house = play(seed, CRASHES, 300);
        kills += house.kills;
        taken_back += house.taken_back;
    }
    assert!(kills > 15, "{kills}");
    assert!(taken_back > 0, "no gift was ever carried out in vain");
}

#[test]
fn who_comes_back_after_its_avatar_has_left_is_told_what_became_of_its_gifts_all_the_same() {
    let mut returned = 0;
    for seed in 30..33 {
        returned += play(seed, LONG_WAYS, 500).returned();
    }
    assert!(
        returned > 5,
        "{returned} came back after their avatar had left"
    );
}
