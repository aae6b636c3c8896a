//! What the players gave each other by their own record, beside what the ledger has.
//!
//! A player notes a gift when it is acknowledged, and not before. So the ledger must have each that is noted,
//! and for what it has beyond that somebody must still be waiting for an answer, or have been told that
//! nobody knows.

use std::collections::BTreeMap;

use bluemarble_net::client::GiftReceipt;
use bluemarble_persistence::{Ledger, Reason, Store, Transfer};
use bluemarble_shared_protocol::{EntityId, GiftOutcome, Tick};

/// One gift as both sides know it: giver, tick, to whom, how many coins.
type Given = (EntityId, Tick, EntityId, u64);

/// What one player knows.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Gifts asked for.
    asked: u64,
    /// Gifts that were refused.
    refused: u64,
    /// Gifts of which nobody knows whether they were carried out: their avatar has left meanwhile.
    unknown: u64,
    /// Answers altogether.
    answered: u64,
    /// What was acknowledged, with how often.
    given: BTreeMap<(Tick, EntityId, u64), u64>,
}

/// What all players know, by avatar.
#[derive(Clone, Debug, Default)]
pub struct Records(BTreeMap<EntityId, Record>);

impl Records {
    /// A player has asked for another one.
    pub fn asked(&mut self, from: EntityId) {
        self.0.entry(from).or_default().asked += 1;
    }

    /// A player has been answered.
    pub fn answered(&mut self, from: EntityId, receipt: &GiftReceipt) {
        let record = self.0.entry(from).or_default();
        record.answered += 1;
        match receipt.outcome {
            GiftOutcome::Given => {
                let what = (receipt.tick, receipt.to, receipt.amount);
                *record.given.entry(what).or_default() += 1;
            }
            GiftOutcome::OtherLife | GiftOutcome::Forgotten => record.unknown += 1,
            _ => record.refused += 1,
        }
    }

    /// How many were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        let all = self.0.values().flat_map(|record| record.given.values());
        all.sum()
    }

    /// How many have no answer.
    pub fn waiting(&self) -> u64 {
        let waits = |record: &Record| record.asked - record.answered;
        self.0.values().map(waits).sum()
    }

    /// What is wrong with the gifts of a ledger.
    pub fn against(&self, ledger: &[Given]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut there = BTreeMap::<Given, u64>::new();
        let mut by_giver = BTreeMap::<EntityId, u64>::new();
        for gift in ledger {
            *there.entry(*gift).or_default() += 1;
            *by_giver.entry(gift.0).or_default() += 1;
        }
        for (from, record) in &self.0 {
            for (&(tick, to, amount), times) in &record.given {
                let found = there.get(&(*from, tick, to, amount)).copied();
                let found = found.unwrap_or(0);
                if found < *times {
                    problems.push(format!(
                        "{from} was told {times} times that {to} has {amount} coins since tick {tick}; \
                         the ledger has it {found} times"
                    ));
                }
            }
            // Once each, at most: as many as were acknowledged, or may yet be.
            let most = record.asked - record.refused;
            let found = by_giver.get(from).copied().unwrap_or(0);
            if found > most {
                problems.push(format!(
                    "{from} gave {found} times by the ledger, and asked for {most} gifts that were \
                     not refused"
                ));
            }
        }
        problems
    }

    /// The same when nobody waits any more: then both have the same, but for what nobody knows.
    pub fn against_in_the_end(&self, ledger: &[Given]) -> Vec<String> {
        let mut problems = self.against(ledger);
        for (from, record) in &self.0 {
            let found = ledger.iter().filter(|gift| gift.0 == *from).count() as u64;
            let known: u64 = record.given.values().sum();
            if record.asked == record.answered && !(known..=known + record.unknown).contains(&found)
            {
                problems.push(format!(
                    "{from} gave {found} times by the ledger, {known} times by what it was told"
                ));
            }
        }
        problems
    }
}

/// The players' gifts in a world's ledger, through a tick.
///
/// # Errors
/// The database does not answer.
pub async fn of_ledger(url: &str, world: &str, through: Tick) -> anyhow::Result<Vec<Given>> {
    let store = Store::open(url).await?;
    let transfers = Ledger::new(store.clone(), world)
        .transfers(Tick(0), through)
        .await;
    store.close().await;
    let given = |transfer: Transfer| {
        let (giver, to) = (EntityId(transfer.key.entity), EntityId(transfer.peer));
        let is_gift = transfer.reason == Reason::Given;
        is_gift.then_some((giver, transfer.key.tick, to, transfer.amount))
    };
    Ok(transfers?.into_iter().filter_map(given).collect())
}

/// What does not add up in a world's ledger.
///
/// # Errors
/// As [`of_ledger`].
pub async fn audit(url: &str, world: &str) -> anyhow::Result<Vec<String>> {
    let store = Store::open(url).await?;
    let found = Ledger::new(store.clone(), world).audit().await;
    store.close().await;
    let words = |imbalance| format!("the ledger: {imbalance}");
    Ok(found?.iter().map(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: EntityId = EntityId(1);
    const BOB: EntityId = EntityId(2);

    fn receipt(outcome: GiftOutcome, tick: u64) -> GiftReceipt {
        GiftReceipt {
            number: 1,
            to: BOB,
            amount: 3,
            asset: bluemarble_shared_protocol::AssetId::COINS,
            outcome,
            tick: Tick(tick),
        }
    }

    fn given(tick: u64) -> Given {
        (ADA, Tick(tick), BOB, 3)
    }

    /// Two acknowledged, one refused, one waiting.
    fn records() -> Records {
        let mut records = Records::default();
        (0..4).for_each(|_| records.asked(ADA));
        for (outcome, tick) in [
            (GiftOutcome::Given, 10),
            (GiftOutcome::Given, 11),
            (GiftOutcome::NotEnough, 11),
        ] {
            records.answered(ADA, &receipt(outcome, tick));
        }
        assert_eq!((records.acknowledged(), records.waiting()), (2, 1));
        records
    }

    #[test]
    fn what_was_acknowledged_must_be_there_and_what_waits_may_be() {
        let records = records();
        assert!(records.against(&[given(10), given(11)]).is_empty());
        let more = [given(10), given(11), given(12)];
        assert!(records.against(&more).is_empty());
        assert_eq!(records.against(&[given(10), given(12)]).len(), 1);
        assert_eq!(records.against(&[]).len(), 2);
    }

    #[test]
    fn what_happens_twice_is_found_out() {
        let twice = [given(10), given(11), given(12), given(12)];
        assert_eq!(records().against(&twice).len(), 1);
    }

    #[test]
    fn in_the_end_both_have_the_same() {
        let mut records = records();
        records.answered(ADA, &receipt(GiftOutcome::Given, 12));
        let all = [given(10), given(11), given(12)];
        assert!(records.against_in_the_end(&all).is_empty());
        let other = [given(10), given(11), given(12), given(13)];
        assert!(!records.against_in_the_end(&other).is_empty());
        records.asked(ADA);
        records.answered(ADA, &receipt(GiftOutcome::OtherLife, 0));
        assert!(records.against_in_the_end(&all).is_empty());
        assert!(records.against_in_the_end(&other).is_empty());
    }
}
