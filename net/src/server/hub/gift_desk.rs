//! Gifts between their clients and the world: asked for, sealed into a tick, carried out, answered once that
//! tick is durable.
//!
//! ```text
//!  Give ─► asked ─seal─► sealed ─what the world says─► decided ─durable─► answer
//! ```
//!
//! Nothing here decides whether a gift is carried out again: the avatar's own memory does, which is state of
//! the world. So a gift that is lost on the way (its session ends before the next tick, its answer finds
//! nobody, the server dies) is lost without harm: its client asks again.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::limits::{GIFTS_PER_TICK_MAX, GIFTS_REMEMBERED};
use bluemarble_shared_protocol::{
    AnsweredGift, CloseCode, EntityId, Gift, GiftAnswer, GiftInput, GiftOutcome, LifeId,
    ServerMessage, SessionId, Tick,
};

use super::Hub;

/// Where a gift is between its client and the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asked,
    /// Into this tick.
    Sealed(Tick),
    /// The answer may be told when this tick is durable.
    Decided(Tick, GiftAnswer),
}

/// Gifts of all avatars.
#[derive(Debug, Default)]
pub(crate) struct GiftDesk {
    /// By giver; of each at most [`GIFTS_REMEMBERED`].
    waiting: BTreeMap<EntityId, Vec<(Gift, Stage)>>,
    /// The oldest tick that has to be durable for an answer; none if nobody waits for that.
    oldest: Option<Tick>,
}

/// What becomes of a gift that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It will be in the next ticks.
    Asked,
    /// It is on its way already.
    Repeated,
    /// Its giver has as many without an answer as it may have.
    TooMany,
}

impl GiftDesk {
    fn ask(&mut self, from: EntityId, gift: Gift) -> Taken {
        let gifts = self.waiting.entry(from).or_default();
        let same = |(other, _): &(Gift, Stage)| is_same(other, gift.life, gift.number);
        if gifts.iter().any(same) {
            Taken::Repeated
        } else if gifts.len() >= GIFTS_REMEMBERED {
            Taken::TooMany
        } else {
            gifts.push((gift, Stage::Asked));
            Taken::Asked
        }
    }

    fn holds(&self, from: EntityId, gift: &Gift) -> bool {
        let gifts = self.waiting.get(&from);
        gifts.is_some_and(|gifts| {
            let mut all = gifts.iter();
            all.any(|(other, _)| is_same(other, gift.life, gift.number))
        })
    }

    /// Drops what is not in a tick yet: another client of this avatar begins.
    pub(super) fn forget_asked(&mut self, from: EntityId) {
        if let Some(gifts) = self.waiting.get_mut(&from) {
            gifts.retain(|(_, stage)| *stage != Stage::Asked);
        }
    }

    /// What goes into a tick: of each giver the lowest numbers.
    pub(super) fn seal(&mut self, tick: Tick) -> Vec<GiftInput> {
        let mut sealed = Vec::new();
        for (from, gifts) in &mut self.waiting {
            let mut asked: Vec<&mut (Gift, Stage)> = gifts
                .iter_mut()
                .filter(|(_, stage)| *stage == Stage::Asked)
                .collect();
            asked.sort_unstable_by_key(|(gift, _)| gift.number);
            for (gift, stage) in asked.into_iter().take(GIFTS_PER_TICK_MAX) {
                *stage = Stage::Sealed(tick);
                sealed.push(GiftInput {
                    from: *from,
                    gift: *gift,
                });
            }
        }
        sealed
    }

    /// The world has carried `tick` out. Returns how many of the sealed it has no answer to: their giver
    /// was not there.
    fn decide(&mut self, tick: Tick, answers: &[AnsweredGift]) -> u64 {
        for AnsweredGift { from, answer } in answers {
            let gifts = self.waiting.get_mut(from).into_iter().flatten();
            for (gift, stage) in gifts {
                if *stage == Stage::Sealed(tick) && is_same(gift, answer.life, answer.number) {
                    *stage = Stage::Decided(tick, *answer);
                    self.oldest.get_or_insert(tick);
                }
            }
        }
        let mut unanswered = 0;
        self.waiting.retain(|_, gifts| {
            let before = gifts.len();
            gifts.retain(|(_, stage)| *stage != Stage::Sealed(tick));
            unanswered += (before - gifts.len()) as u64;
            !gifts.is_empty()
        });
        unanswered
    }

    /// Hands out the answers of what is durable, giver by giver.
    fn release(&mut self, durable: Tick, mut tell: impl FnMut(EntityId, GiftAnswer)) {
        if self.oldest.is_none_or(|oldest| durable < oldest) {
            return;
        }
        self.oldest = None;
        let oldest = &mut self.oldest;
        self.waiting.retain(|from, gifts| {
            gifts.retain(|(_, stage)| match stage {
                Stage::Decided(tick, answer) if *tick <= durable => {
                    tell(*from, *answer);
                    false
                }
                Stage::Decided(tick, _) => {
                    *oldest = Some(oldest.map_or(*tick, |other| other.min(*tick)));
                    true
                }
                Stage::Asked | Stage::Sealed(_) => true,
            });
            !gifts.is_empty()
        });
    }
}

fn is_same(gift: &Gift, life: LifeId, number: u32) -> bool {
    (gift.life, gift.number) == (life, number)
}

impl Hub {
    /// A client asks for a gift.
    pub(super) fn give(&mut self, now_ms: u64, id: SessionId, gift: Gift) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let from = session.avatar;
        if !self.saves && !self.gifts.holds(from, &gift) {
            // Nothing is known of it here, and nothing may be begun.
            self.stats.gifts_not_saved += 1;
            let answer = GiftAnswer {
                life: gift.life,
                number: gift.number,
                outcome: GiftOutcome::NotSaving,
                tick: self.newest_tick(),
            };
            return self.send(id, ServerMessage::Gift(answer));
        }
        match self.gifts.ask(from, gift) {
            Taken::Asked => self.stats.gifts_asked += 1,
            Taken::Repeated => self.stats.gifts_repeated += 1,
            Taken::TooMany => self.close(now_ms, id, CloseCode::Flooding),
        }
    }

    /// What the gifts of the last tick came to, by the world; to be told once that tick is durable.
    pub fn gifts_decided(&mut self, tick: Tick, answers: &[AnsweredGift]) {
        self.stats.gifts_unanswered += self.gifts.decide(tick, answers);
    }

    /// Everything through this tick may be acknowledged: tells whose gifts were carried out in it or before.
    pub fn acknowledge(&mut self, durable: Tick) {
        let mut answers = Vec::new();
        self.gifts
            .release(durable, |from, answer| answers.push((from, answer)));
        for (from, answer) in answers {
            match self.seats.session_of(from) {
                Some(session) => {
                    self.stats.gifts_answered += 1;
                    self.send(session, ServerMessage::Gift(answer));
                }
                // Whoever comes back asks again.
                None => self.stats.gifts_unanswered += 1,
            }
        }
    }

    /// Whether somebody waits for nothing but that a tick becomes durable.
    #[must_use]
    pub fn awaits_durable(&self) -> bool {
        self.gifts.oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: EntityId = EntityId(1);

    fn gift(number: u32) -> Gift {
        Gift {
            life: LifeId(9),
            number,
            to: EntityId(2),
            amount: 5,
            asset: bluemarble_shared_protocol::AssetId::COINS,
        }
    }

    fn answered(number: u32, tick: u64) -> AnsweredGift {
        let answer = GiftAnswer {
            life: LifeId(9),
            number,
            outcome: GiftOutcome::Given,
            tick: Tick(tick),
        };
        AnsweredGift { from: ADA, answer }
    }

    fn released(desk: &mut GiftDesk, durable: u64) -> Vec<u32> {
        let mut told = Vec::new();
        desk.release(Tick(durable), |_, answer| told.push(answer.number));
        told
    }

    #[test]
    fn an_answer_waits_for_its_tick_to_be_durable_and_repetitions_wait_with_it() {
        let mut desk = GiftDesk::default();
        assert_eq!(desk.ask(ADA, gift(1)), Taken::Asked);
        assert_eq!(desk.ask(ADA, gift(1)), Taken::Repeated);
        assert_eq!(desk.seal(Tick(10)).len(), 1);
        assert_eq!(desk.seal(Tick(11)), []);
        assert_eq!(desk.ask(ADA, gift(1)), Taken::Repeated);
        assert_eq!(desk.oldest, None);
        assert_eq!(desk.decide(Tick(10), &[answered(1, 10)]), 0);
        assert!(released(&mut desk, 9).is_empty());
        assert_eq!(desk.ask(ADA, gift(1)), Taken::Repeated);
        assert_eq!(released(&mut desk, 10), [1]);
        assert!(released(&mut desk, 10).is_empty());
        assert!(desk.waiting.is_empty() && desk.oldest.is_none());
        // Asked again after that, as whoever has lost the answer does, it is asked of the world again.
        assert_eq!(desk.ask(ADA, gift(1)), Taken::Asked);
    }

    #[test]
    fn a_tick_takes_a_few_of_each_lowest_numbers_first_and_a_client_has_so_many_under_way() {
        let mut desk = GiftDesk::default();
        for number in (1..=GIFTS_REMEMBERED as u32).rev() {
            assert_eq!(desk.ask(ADA, gift(number)), Taken::Asked);
        }
        assert_eq!(desk.ask(ADA, gift(100)), Taken::TooMany);
        assert_eq!(desk.ask(EntityId(3), gift(100)), Taken::Asked);
        let mut numbers = Vec::new();
        for tick in 1..=4 {
            let sealed = desk.seal(Tick(tick));
            let own = sealed.iter().filter(|input| input.from == ADA);
            let own: Vec<u32> = own.map(|input| input.gift.number).collect();
            assert_eq!(own.len(), GIFTS_PER_TICK_MAX);
            numbers.extend(own);
        }
        assert!(numbers.is_sorted() && numbers.len() == GIFTS_REMEMBERED);
        assert_eq!(desk.seal(Tick(5)), []);
    }

    #[test]
    fn what_the_world_does_not_answer_is_forgotten_and_so_is_what_was_not_sealed_yet() {
        let mut desk = GiftDesk::default();
        desk.ask(ADA, gift(1));
        desk.seal(Tick(10));
        desk.ask(ADA, gift(2));
        assert_eq!(desk.decide(Tick(10), &[]), 1);
        assert!(!desk.holds(ADA, &gift(1)) && desk.holds(ADA, &gift(2)));
        desk.forget_asked(ADA);
        assert!(!desk.holds(ADA, &gift(2)));
        // Another life's answer is none for this.
        desk.ask(ADA, gift(3));
        desk.seal(Tick(11));
        let mut other = answered(3, 11);
        other.answer.life = LifeId(8);
        assert_eq!(desk.decide(Tick(11), &[other]), 1);
    }
}
