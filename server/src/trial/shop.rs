//! A shop that grants and charges by key, and asks again: a deal that was told done stays done, in the same
//! tick, whatever is killed in between.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Deal, DealOutcome, Direction, OutsideKey};
use tokio::runtime::Runtime;
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

use super::dice::Dice;
use super::life::Life;
use crate::admin::deal_outcome;
use crate::deals::DealAnswer;

/// The newest that are asked for again.
const NEWEST: usize = 12;

/// What the shop remembers.
#[derive(Debug, Default)]
pub struct Shop {
    dealt: u64,
    deals: BTreeMap<OutsideKey, Deal>,
    /// Asked for, and no answer.
    open: Vec<OutsideKey>,
    /// Carried out in these ticks, as it was told; oldest first.
    done: Vec<(OutsideKey, Tick)>,
    /// Handed in, and waited for.
    waiting: Vec<(OutsideKey, Receiver<DealAnswer>)>,
    /// Deals that were told done, and how often again.
    pub acknowledged: u64,
    pub repeated: u64,
}

impl Shop {
    /// Asks for something new, or again. A bug: it is `careless`, and nobody looks into the ledger.
    pub fn ask(
        &mut self,
        life: &Life,
        databases: &Runtime,
        dice: &mut Dice,
        careless: bool,
    ) -> Result<(), String> {
        let newest = self.done.len().saturating_sub(NEWEST);
        let again = self.done[newest..].iter().map(|(key, _)| *key);
        let again: Vec<OutsideKey> = self.open.iter().copied().chain(again).collect();
        let key = if !again.is_empty() && dice.once_in(2) {
            dice.one_of(&again)
        } else if let Some(key) = self.new_deal(life, dice) {
            key
        } else {
            return Ok(());
        };
        let deal = self.deals[&key];
        if !careless {
            match databases.block_on(life.deals.in_ledger(key)) {
                Ok(Some(transfer)) => return self.told(key, deal_outcome(&transfer, &deal)),
                Ok(None) => {}
                // It will ask again.
                Err(_unknown) => return Ok(()),
            }
        }
        self.waiting
            .extend(life.deals.order(key, deal).map(|answer| (key, answer)));
        Ok(())
    }

    fn new_deal(&mut self, life: &Life, dice: &mut Dice) -> Option<OutsideKey> {
        let states = life.world().states();
        let players = states.iter().filter(|state| state.player.is_some());
        let avatars: Vec<_> = players.map(|state| state.identity.id).collect();
        if avatars.is_empty() {
            return None;
        }
        let direction = match dice.once_in(3) {
            true => Direction::Charge,
            false => Direction::Grant,
        };
        let deal = Deal {
            avatar: dice.one_of(&avatars),
            direction,
            amount: dice.between(1, 30),
        };
        self.dealt += 1;
        let key = OutsideKey::new(&format!("deal-{}", self.dealt))?;
        self.deals.insert(key, deal);
        self.open.push(key);
        Some(key)
    }

    /// Whatever has been answered.
    pub fn hear(&mut self) -> Result<(), String> {
        for (key, mut answer) in std::mem::take(&mut self.waiting) {
            match answer.try_recv() {
                Ok(DealAnswer::Decided(outcome)) => self.told(key, outcome)?,
                Ok(DealAnswer::NotSaving) | Err(TryRecvError::Closed) => {}
                Err(TryRecvError::Empty) => self.waiting.push((key, answer)),
            }
        }
        Ok(())
    }

    fn told(&mut self, key: OutsideKey, outcome: DealOutcome) -> Result<(), String> {
        let before = self.done.iter().find(|(done, _)| *done == key);
        match (before, outcome) {
            (None, DealOutcome::Done(tick)) => {
                self.acknowledged += 1;
                self.open.retain(|open| *open != key);
                self.done.push((key, tick));
                Ok(())
            }
            (Some((_, told)), DealOutcome::Done(tick)) if *told == tick => {
                self.repeated += 1;
                Ok(())
            }
            // Nothing was done, and the key is free.
            (None, DealOutcome::NotEnough | DealOutcome::Away | DealOutcome::TooMany) => Ok(()),
            (before, now) => Err(format!(
                "the deal {key} came to {now:?}, and the shop was told {before:?}"
            )),
        }
    }

    /// The server is dead: what it had not told it will never tell.
    pub fn end(&mut self) {
        self.waiting.clear();
    }
}
