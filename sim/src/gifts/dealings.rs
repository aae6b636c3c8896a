//! What an avatar remembers of its gifts, so that each number is carried out once.
//!
//! ```text
//!   numbers   1 … floor │ … those remembered, and gaps between them …
//!             Forgotten │ remembered: the answer it had    else: carried out, remembered
//! ```
//!
//! The memory is bounded: beyond [`GIFTS_REMEMBERED`] numbers the lowest is forgotten and becomes the
//! floor. No number at or below the floor is carried out any more, whether it ever was or not. So no order
//! of numbers, and no repetition, carries one out twice; who counts upwards and waits for answers never
//! meets the floor.

use bluemarble_shared_protocol::limits::GIFTS_REMEMBERED;
use bluemarble_shared_protocol::{
    AssetId, EntityId, Gift, GiftAnswer, GiftOutcome, LifeId, Tick, hash_words,
};
use serde::{Deserialize, Serialize};

use crate::travel::TravelKey;

/// One life's memory.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Dealings {
    life: LifeId,
    floor: u32,
    /// By number.
    done: Vec<Done>,
    /// Its share of the digest, computed when it changes: hardly ever.
    hash: u64,
}

/// One number's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    number: u32,
    /// A hash of whom it was for, how much it was, and of what.
    what: u32,
    outcome: GiftOutcome,
    tick: Tick,
}

fn what(gift: &Gift) -> u32 {
    let coins = hash_words([gift.to.0, gift.amount]);
    match gift.asset {
        // As before there was anything else.
        AssetId::COINS => coins as u32,
        AssetId(number) => hash_words([coins, u64::from(number)]) as u32,
    }
}

/// As stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDealings {
    pub(crate) life: LifeId,
    pub(crate) floor: u32,
    pub(crate) done: Vec<Done>,
}

impl Dealings {
    /// Of an avatar that comes into the world at `tick`.
    pub(crate) fn of_newcomer(seed: u64, avatar: EntityId, tick: Tick) -> Self {
        const ADMITTED: u64 = 0x6c69_6665;
        Self::of_life(hash_words([ADMITTED, seed, avatar.0, tick.0]))
    }

    /// Of one that comes from another world: no two journeys begin one life.
    pub(crate) fn of_traveller(key: &TravelKey) -> Self {
        const ARRIVED: u64 = 0x6172_7269_7665;
        let TravelKey {
            world,
            epoch,
            tick,
            avatar,
        } = key;
        Self::of_life(hash_words([
            ARRIVED,
            *world,
            u64::from(epoch.0),
            tick.0,
            avatar.0,
        ]))
    }

    fn of_life(life: u64) -> Self {
        let mut dealings = Self {
            // 0 are those from before there were gifts.
            life: LifeId(life.max(1)),
            ..Self::default()
        };
        dealings.rehash();
        dealings
    }

    /// Which life this is of.
    #[must_use]
    pub fn life(&self) -> LifeId {
        self.life
    }

    /// The highest number that was ever carried out or refused.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.done.last().map_or(self.floor, |done| done.number)
    }

    /// What is known about a gift: the answer, if it may not be carried out (again).
    pub(crate) fn answer(&self, gift: &Gift, now: Tick) -> Option<GiftAnswer> {
        let Gift { life, number, .. } = *gift;
        let told = |outcome, tick| GiftAnswer {
            life,
            number,
            outcome,
            tick,
        };
        if life != self.life {
            return Some(told(GiftOutcome::OtherLife, now));
        }
        let found = self.done.iter().find(|done| done.number == number);
        match found {
            Some(done) if done.what != what(gift) => Some(told(GiftOutcome::OtherGift, now)),
            Some(done) => Some(told(done.outcome, done.tick)),
            None if number <= self.floor => Some(told(GiftOutcome::Forgotten, now)),
            None => None,
        }
    }

    /// A gift of whose number nothing was known has come to this.
    pub(crate) fn remember(&mut self, gift: &Gift, outcome: GiftOutcome, tick: Tick) -> GiftAnswer {
        let number = gift.number;
        let at = self.done.partition_point(|done| done.number < number);
        let done = Done {
            number,
            what: what(gift),
            outcome,
            tick,
        };
        self.done.insert(at, done);
        if self.done.len() > GIFTS_REMEMBERED {
            self.floor = self.done.remove(0).number;
        }
        self.rehash();
        GiftAnswer {
            life: self.life,
            number,
            outcome,
            tick,
        }
    }

    /// What the digest takes of it; 0 of an avatar from before there were gifts that has made none.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    fn rehash(&mut self) {
        let Self {
            life, floor, done, ..
        } = &*self;
        let head = [life.0, u64::from(*floor)];
        let each = done.iter().flat_map(|done| {
            [
                u64::from(done.number) | u64::from(done.what) << 32,
                done.outcome as u64,
                done.tick.0,
            ]
        });
        self.hash = head
            .into_iter()
            .chain(each)
            .fold(1, |hash, word| hash_words([hash, word]));
    }

    pub(crate) fn to_stored(&self) -> Option<StoredDealings> {
        (*self != Self::default()).then(|| StoredDealings {
            life: self.life,
            floor: self.floor,
            done: self.done.clone(),
        })
    }

    /// `None` if it cannot have been: too many, out of order, or at or below the floor.
    pub(crate) fn of_stored(stored: Option<StoredDealings>) -> Option<Self> {
        let Some(StoredDealings { life, floor, done }) = stored else {
            return Some(Self::default());
        };
        let in_order = done.is_sorted_by(|a, b| a.number < b.number)
            && done.first().is_none_or(|first| first.number > floor);
        if !in_order || done.len() > GIFTS_REMEMBERED {
            return None;
        }
        let mut dealings = Self {
            life,
            floor,
            done,
            hash: 0,
        };
        dealings.rehash();
        Some(dealings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ADA: EntityId = EntityId(7);

    fn gift(life: LifeId, number: u32) -> Gift {
        Gift {
            life,
            number,
            to: EntityId(4),
            amount: 1,
            asset: AssetId::COINS,
        }
    }

    /// Asks for a number as a zone does; whether it was carried out now.
    fn ask(dealings: &mut Dealings, number: u32, now: u64) -> (GiftOutcome, bool) {
        let gift = gift(dealings.life(), number);
        match dealings.answer(&gift, Tick(now)) {
            Some(answer) => (answer.outcome, false),
            None => {
                let answer = dealings.remember(&gift, GiftOutcome::Given, Tick(now));
                (answer.outcome, true)
            }
        }
    }

    #[test]
    fn a_number_is_carried_out_once_whatever_the_order_and_however_often_it_comes() {
        for seed in 0..200_u64 {
            let mut dealings = Dealings::of_newcomer(1, ADA, Tick(5));
            let mut carried = BTreeMap::<u32, u32>::new();
            for step in 0..400_u64 {
                let drawn = hash_words([seed, step]);
                // Some ways of counting: near each other, anywhere, from above.
                let number = match seed % 4 {
                    0 => (drawn % 40) as u32 + 1,
                    1 => drawn as u32,
                    2 => u32::MAX - step as u32 / 3,
                    _ => (step / 3) as u32 + (drawn % 12) as u32,
                };
                if ask(&mut dealings, number, step).1 {
                    *carried.entry(number).or_default() += 1;
                }
                assert!(dealings.done.len() <= GIFTS_REMEMBERED);
            }
            assert!(carried.values().all(|times| *times == 1), "seed {seed}");
            assert!(!carried.is_empty());
        }
    }

    #[test]
    fn who_counts_upwards_is_answered_what_it_was_answered_for_as_many_as_it_may_ask_at_once() {
        let mut dealings = Dealings::of_newcomer(1, ADA, Tick(5));
        for number in 1..=100 {
            assert_eq!(ask(&mut dealings, number, 9), (GiftOutcome::Given, true));
            let oldest = number.saturating_sub(GIFTS_REMEMBERED as u32 - 1).max(1);
            for known in oldest..=number {
                assert_eq!(ask(&mut dealings, known, 10), (GiftOutcome::Given, false));
            }
        }
        let long_ago = ask(&mut dealings, 3, 10);
        assert_eq!(long_ago, (GiftOutcome::Forgotten, false));
        let other = Dealings::of_newcomer(1, ADA, Tick(6)).life();
        let answer = dealings.answer(&gift(other, 500), Tick(10)).unwrap();
        assert_eq!(answer.outcome, GiftOutcome::OtherLife);
        let another = Gift {
            amount: 2,
            ..gift(dealings.life(), 100)
        };
        let answer = dealings.answer(&another, Tick(10)).unwrap();
        assert_eq!(answer.outcome, GiftOutcome::OtherGift);
        let of_things = Gift {
            asset: AssetId(1),
            ..gift(dealings.life(), 100)
        };
        let answer = dealings.answer(&of_things, Tick(10)).unwrap();
        assert_eq!(answer.outcome, GiftOutcome::OtherGift);
        assert_eq!(dealings.newest(), 100);
    }

    #[test]
    fn what_is_stored_comes_back_and_what_cannot_be_does_not() {
        assert_eq!(Dealings::default().hash(), 0);
        assert_eq!(Dealings::default().to_stored(), None);
        assert_eq!(Dealings::of_stored(None), Some(Dealings::default()));
        let mut dealings = Dealings::of_newcomer(1, ADA, Tick(5));
        for number in [9, 2, 4] {
            ask(&mut dealings, number, 11);
        }
        let stored = dealings.to_stored().unwrap();
        assert_eq!(Dealings::of_stored(Some(stored.clone())), Some(dealings));
        let mut bent = stored.clone();
        bent.done.swap(0, 1);
        assert_eq!(Dealings::of_stored(Some(bent)), None);
        let floor = 2;
        let bent = StoredDealings { floor, ..stored };
        assert_eq!(Dealings::of_stored(Some(bent)), None);
    }

    #[test]
    fn everything_in_it_is_in_its_hash() {
        let mut hashes = std::collections::BTreeSet::new();
        let base = Dealings::of_newcomer(1, ADA, Tick(5));
        hashes.insert(base.hash());
        hashes.insert(Dealings::of_newcomer(1, ADA, Tick(6)).hash());
        for (number, outcome, tick) in [
            (1, GiftOutcome::Given, 3),
            (2, GiftOutcome::Given, 3),
            (1, GiftOutcome::Dead, 3),
            (1, GiftOutcome::Given, 4),
        ] {
            let mut dealings = base.clone();
            dealings.remember(&gift(base.life(), number), outcome, Tick(tick));
            hashes.insert(dealings.hash());
        }
        let mut dealings = base.clone();
        let more = Gift {
            amount: 2,
            ..gift(base.life(), 1)
        };
        dealings.remember(&more, GiftOutcome::Given, Tick(3));
        hashes.insert(dealings.hash());
        assert_eq!(hashes.len(), 7);
    }
}
