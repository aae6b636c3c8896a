//! What players give each other and are told of it: an answer that is durable is the last word, however
//! often they ask again and whatever is killed in between.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{
    AnsweredGift, AssetId, EntityId, Gift, GiftInput, GiftOutcome, LifeId, Tick,
};
use bluemarble_sim::World;

use super::dice::Dice;

/// Asked for again, of those decided: as many as an avatar remembers, and fewer than it forgets.
const NEWEST: usize = 6;

/// Giver, life and number.
type Key = (EntityId, LifeId, u32);

/// All players' books of gifts.
#[derive(Debug, Default)]
pub struct Gifts {
    number: u32,
    /// Asked for, and no durable answer heard.
    open: BTreeMap<Key, GiftInput>,
    /// The newest that were answered, durably.
    decided: Vec<GiftInput>,
    answers: BTreeMap<Key, (GiftOutcome, Tick)>,
    /// Answers that wait for their tick to be durable.
    waiting: Vec<(Tick, AnsweredGift)>,
    /// Durable answers heard.
    pub heard: u64,
}

fn key(input: &GiftInput) -> Key {
    (input.from, input.gift.life, input.gift.number)
}

impl Gifts {
    /// What is asked for in the next tick: something new, something again.
    pub fn ask(&mut self, world: &World, dice: &mut Dice) -> Vec<GiftInput> {
        let mut asked = BTreeMap::new();
        let lives: Vec<(EntityId, LifeId)> = world
            .states()
            .iter()
            .filter_map(|state| Some((state.identity.id, state.player.as_ref()?.dealings.life())))
            .collect();
        if lives.len() >= 2 && dice.once_in(2) {
            let (from, life) = dice.one_of(&lives);
            let (to, _) = dice.one_of(&lives);
            self.number += 1;
            let gift = Gift {
                life,
                number: self.number,
                to,
                amount: dice.between(1, 40),
                asset: AssetId::COINS,
            };
            let input = GiftInput { from, gift };
            self.open.insert(key(&input), input);
            asked.insert((from, self.number), input);
        }
        let again = self.open.values().chain(&self.decided);
        let again: Vec<GiftInput> = again.copied().collect();
        if !again.is_empty() && dice.once_in(3) {
            let input = dice.one_of(&again);
            asked.insert((input.from, input.gift.number), input);
        }
        asked.into_values().collect()
    }

    /// The world has decided.
    pub fn note(&mut self, world: &World) {
        let tick = world.tick();
        let answers = world.gift_answers().iter();
        self.waiting.extend(answers.map(|answer| (tick, *answer)));
    }

    /// Everything through this tick is durable: its answers are told.
    pub fn hear(&mut self, durable: Tick) -> Result<(), String> {
        let told: Vec<_> = self
            .waiting
            .extract_if(.., |(tick, _)| *tick <= durable)
            .collect();
        for (_, AnsweredGift { from, answer }) in told {
            let key = (from, answer.life, answer.number);
            let open = self.open.remove(&key);
            if matches!(
                answer.outcome,
                GiftOutcome::Forgotten | GiftOutcome::OtherLife
            ) {
                continue;
            }
            self.heard += 1;
            let now = (answer.outcome, answer.tick);
            let before = *self.answers.entry(key).or_insert(now);
            if before != now {
                return Err(format!(
                    "the gift {} of {from} came to {now:?}, and its giver was told {before:?}",
                    answer.number
                ));
            }
            self.decided.extend(open);
            let old = self.decided.len().saturating_sub(NEWEST);
            self.decided.drain(..old);
        }
        Ok(())
    }

    /// The server is dead: what it had not told it will never tell.
    pub fn end(&mut self) {
        self.waiting.clear();
    }
}
