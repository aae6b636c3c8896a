//! Gifts that a client has asked for: each is asked for again until there is an answer, over lost
//! connections and restarts of the server, and answered once.
//!
//! Sans IO: messages to send come out of [`GiftBook::next_message`], answers go in and come out of
//! [`GiftBook::drain_answers`]. Time is any steady clock's milliseconds.

use std::collections::{BTreeMap, VecDeque};

use bluemarble_shared_protocol::limits::GIFTS_REMEMBERED;
use bluemarble_shared_protocol::{
    AssetId, ClientMessage, EntityId, Gift, GiftAnswer, GiftOutcome, OwnPurse, Tick,
};

use crate::token_bucket::TokenBucket;

/// A gift without an answer is asked for again after so long, milliseconds: the server may have been too
/// busy to keep the answer, or was not saving.
const AGAIN_MS: u64 = 2_000;
/// Messages a second, and at once: well within what the server takes from a client before it closes it for
/// `Flooding`, cards and all.
const MESSAGES_PER_S: u32 = 10;
const MESSAGES_BURST: u32 = GIFTS_REMEMBERED as u32;
/// Answers kept until somebody asks; the oldest are forgotten.
const ANSWERS_MAX: usize = 1_024;

/// What became of a gift, for whoever asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GiftReceipt {
    /// As [`GiftBook::give`] named it.
    pub number: u32,
    /// To whom.
    pub to: EntityId,
    /// How many.
    pub amount: u64,
    /// Of what.
    pub asset: AssetId,
    /// What became of it. [`GiftOutcome::Forgotten`] and [`GiftOutcome::OtherLife`] say that the server does
    /// not know any more whether it was carried out; never that of a client that asked all the while.
    pub outcome: GiftOutcome,
    /// In which tick; 0 if that is not known.
    pub tick: Tick,
}

/// More gifts without an answer than the server lets a client have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{GIFTS_REMEMBERED} gifts wait for their answers: ask for more when one has come")]
pub struct TooManyGifts;

#[derive(Clone, Copy, Debug)]
struct Pending {
    to: EntityId,
    amount: u64,
    asset: AssetId,
    /// Under which life and number it was first asked for; none before.
    asked: Option<Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    gift: Gift,
    /// When it was asked for last on this connection.
    at_ms: Option<u64>,
    /// Nothing is being saved, the server says.
    refused: bool,
}

/// One client's gifts.
#[derive(Clone, Debug, Default)]
pub struct GiftBook {
    purse: Option<(Tick, OwnPurse)>,
    /// The name given last.
    last: u32,
    /// The highest number used in this life.
    newest: u32,
    pending: BTreeMap<u32, Pending>,
    /// What may be sent just now.
    allowance: Option<TokenBucket>,
    answers: VecDeque<GiftReceipt>,
}

impl GiftBook {
    /// Asks for a gift, of coins or of things; its name among this client's. It is sent as soon as the server
    /// has said which life the avatar is in.
    ///
    /// # Errors
    /// [`TooManyGifts`].
    pub fn give(&mut self, to: EntityId, amount: u64, asset: AssetId) -> Result<u32, TooManyGifts> {
        if self.pending.len() >= GIFTS_REMEMBERED {
            return Err(TooManyGifts);
        }
        self.last += 1;
        let pending = Pending {
            to,
            amount,
            asset,
            asked: None,
        };
        self.pending.insert(self.last, pending);
        Ok(self.last)
    }

    /// What the avatar has, and as of which tick; none before the server has said it.
    #[must_use]
    pub fn purse(&self) -> Option<(Tick, &OwnPurse)> {
        self.purse.as_ref().map(|(tick, purse)| (*tick, purse))
    }

    /// How many have no answer yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// How many of those the server has put off because it is not saving.
    #[must_use]
    pub fn put_off(&self) -> usize {
        let refused = |pending: &&Pending| pending.asked.is_some_and(|asked| asked.refused);
        self.pending.values().filter(refused).count()
    }

    /// The server says what the avatar has.
    pub fn take_purse(&mut self, tick: Tick, purse: OwnPurse) {
        let before = self.purse.as_ref();
        let other_life = before.is_none_or(|(_, old)| old.life != purse.life);
        let (life, newest) = (purse.life, purse.newest);
        self.purse = Some((tick, purse));
        if !other_life {
            // Another client of the same character may have been here meanwhile.
            self.newest = self.newest.max(newest);
            return;
        }
        self.newest = newest;
        // What was asked for in another life cannot be asked for in this one.
        let lost = |pending: &Pending| {
            let asked = pending.asked?;
            (asked.gift.life != life).then_some(asked)
        };
        let lost: Vec<u32> = self
            .pending
            .iter()
            .filter_map(|(name, pending)| lost(pending).map(|_| *name))
            .collect();
        for name in lost {
            self.settle(name, GiftOutcome::OtherLife, Tick(0));
        }
    }

    /// The server answers.
    pub fn take_answer(&mut self, answer: &GiftAnswer) {
        let found = self.pending.iter_mut().find_map(|(name, pending)| {
            let asked = pending.asked.as_mut()?;
            let same = (asked.gift.life, asked.gift.number) == (answer.life, answer.number);
            same.then_some((*name, asked))
        });
        let Some((name, asked)) = found else {
            return;
        };
        if answer.outcome.is_final() {
            self.settle(name, answer.outcome, answer.tick);
        } else {
            asked.refused = true;
        }
    }

    /// Another connection: what was under way on the one before may be lost.
    pub fn begin_connection(&mut self) {
        self.allowance = None;
        for pending in self.pending.values_mut() {
            if let Some(asked) = &mut pending.asked {
                asked.at_ms = None;
            }
        }
    }

    /// What to send next, if anything; ask until there is nothing.
    pub fn next_message(&mut self, now_ms: u64) -> Option<ClientMessage> {
        let life = self.purse.as_ref()?.1.life;
        for pending in self.pending.values_mut() {
            let asked = pending.asked.get_or_insert_with(|| {
                self.newest = self.newest.saturating_add(1);
                let gift = Gift {
                    life,
                    number: self.newest,
                    to: pending.to,
                    amount: pending.amount,
                    asset: pending.asset,
                };
                Asked {
                    gift,
                    at_ms: None,
                    refused: false,
                }
            });
            let due = asked
                .at_ms
                .is_none_or(|at| now_ms.saturating_sub(at) >= AGAIN_MS);
            if due {
                let full = || TokenBucket::new(now_ms, MESSAGES_PER_S, MESSAGES_BURST);
                let allowance = self.allowance.get_or_insert_with(full);
                if !allowance.allows_one(now_ms) {
                    return None;
                }
                asked.at_ms = Some(now_ms);
                return Some(ClientMessage::Give(asked.gift));
            }
        }
        None
    }

    /// The answers since this was asked last.
    pub fn drain_answers(&mut self) -> impl Iterator<Item = GiftReceipt> + '_ {
        self.answers.drain(..)
    }

    fn settle(&mut self, name: u32, outcome: GiftOutcome, tick: Tick) {
        let Some(pending) = self.pending.remove(&name) else {
            return;
        };
        if self.answers.len() == ANSWERS_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back(GiftReceipt {
            number: name,
            to: pending.to,
            amount: pending.amount,
            asset: pending.asset,
            outcome,
            tick,
        });
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::LifeId;

    use super::*;

    const BOB: EntityId = EntityId(2);

    fn purse(life: u64, newest: u32) -> OwnPurse {
        let (life, coins) = (LifeId(life), 100);
        OwnPurse {
            life,
            newest,
            coins,
            things: Vec::new(),
        }
    }

    fn sent(book: &mut GiftBook, now_ms: u64) -> Vec<(u64, u32)> {
        let mut sent = Vec::new();
        while let Some(ClientMessage::Give(gift)) = book.next_message(now_ms) {
            sent.push((gift.life.0, gift.number));
        }
        sent
    }

    fn answer(life: u64, number: u32, outcome: GiftOutcome) -> GiftAnswer {
        GiftAnswer {
            life: LifeId(life),
            number,
            outcome,
            tick: Tick(40),
        }
    }

    fn outcomes(book: &mut GiftBook) -> Vec<(u32, GiftOutcome)> {
        let receipts = book.drain_answers();
        receipts.map(|of| (of.number, of.outcome)).collect()
    }

    #[test]
    fn a_gift_waits_for_the_life_counts_on_from_its_newest_and_is_asked_for_until_answered() {
        let mut book = GiftBook::default();
        let first = book.give(BOB, 5, AssetId::COINS).unwrap();
        assert_eq!(sent(&mut book, 0), []);
        book.take_purse(Tick(9), purse(7, 41));
        assert_eq!(sent(&mut book, 10), [(7, 42)]);
        assert_eq!(sent(&mut book, 11), []);
        let second = book.give(BOB, 6, AssetId::COINS).unwrap();
        assert_eq!(sent(&mut book, 12), [(7, 43)]);
        // The purse changes with every coin: no reason to count otherwise.
        book.take_purse(Tick(10), purse(7, 42));
        assert_eq!(sent(&mut book, 10 + AGAIN_MS), [(7, 42)]);
        book.begin_connection();
        assert_eq!(sent(&mut book, 10 + AGAIN_MS), [(7, 42), (7, 43)]);
        book.take_answer(&answer(7, 42, GiftOutcome::Given));
        book.take_answer(&answer(7, 42, GiftOutcome::Given));
        book.take_answer(&answer(7, 99, GiftOutcome::Given));
        book.take_answer(&answer(6, 43, GiftOutcome::Given));
        assert_eq!(outcomes(&mut book), [(first, GiftOutcome::Given)]);
        book.take_answer(&answer(7, 43, GiftOutcome::NotEnough));
        assert_eq!(outcomes(&mut book), [(second, GiftOutcome::NotEnough)]);
        assert_eq!(book.waiting(), 0);
    }

    #[test]
    fn what_is_not_saved_is_asked_for_again() {
        let mut book = GiftBook::default();
        book.take_purse(Tick(9), purse(7, 0));
        book.give(BOB, 5, AssetId::COINS).unwrap();
        assert_eq!(sent(&mut book, 0), [(7, 1)]);
        book.take_answer(&answer(7, 1, GiftOutcome::NotSaving));
        assert_eq!((book.waiting(), book.put_off()), (1, 1));
        assert_eq!(sent(&mut book, AGAIN_MS - 1), []);
        assert_eq!(sent(&mut book, AGAIN_MS), [(7, 1)]);
    }

    #[test]
    fn in_another_life_what_was_asked_for_is_unknown_and_what_was_not_begins() {
        let mut book = GiftBook::default();
        book.take_purse(Tick(9), purse(7, 0));
        let asked = book.give(BOB, 5, AssetId::COINS).unwrap();
        assert_eq!(sent(&mut book, 0), [(7, 1)]);
        let new = book.give(BOB, 6, AssetId::COINS).unwrap();
        book.take_purse(Tick(30), purse(8, 0));
        assert_eq!(outcomes(&mut book), [(asked, GiftOutcome::OtherLife)]);
        assert_eq!(sent(&mut book, 1), [(8, 1)]);
        book.take_answer(&answer(8, 1, GiftOutcome::Given));
        assert_eq!(outcomes(&mut book), [(new, GiftOutcome::Given)]);
    }

    #[test]
    fn a_client_keeps_within_what_the_server_allows() {
        let mut book = GiftBook::default();
        book.take_purse(Tick(9), purse(7, 0));
        let mut messages = 0;
        for ms in 0..10_000 {
            book.give(BOB, 1, AssetId::COINS).unwrap();
            for (life, number) in sent(&mut book, ms) {
                messages += 1;
                book.take_answer(&answer(life, number, GiftOutcome::Given));
            }
            while book.waiting() == GIFTS_REMEMBERED - 1 {
                let oldest = *book.pending.keys().next().unwrap();
                book.settle(oldest, GiftOutcome::Nobody, Tick(1));
            }
        }
        let most = 10 * MESSAGES_PER_S + MESSAGES_BURST;
        assert!((most - 2..=most).contains(&messages), "{messages}");
        let mut book = GiftBook::default();
        for _ in 0..GIFTS_REMEMBERED {
            book.give(BOB, 1, AssetId::COINS).unwrap();
        }
        assert_eq!(book.give(BOB, 1, AssetId::COINS), Err(TooManyGifts));
    }
}
