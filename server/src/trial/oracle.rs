//! What an observer knows who noted everything from outside, and what it therefore expects.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bluemarble_persistence::{AccountKind, JournalHealth, Ledger, LedgerError, Reason, Transfer};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::World;
use tokio::runtime::Runtime;

use super::life::{Begun, Life};
use crate::books::entry;
use crate::world_log::LogReport;

/// What was seen at the end of a tick.
#[derive(Clone, Debug)]
struct Seen {
    digest: u64,
    coins: u64,
    transfers: Vec<Transfer>,
}

/// All that was seen and told.
#[derive(Debug, Default)]
pub struct Oracle {
    seen: BTreeMap<u64, Seen>,
    /// The newest tick that clients were told is durable: survives everything.
    durable: u64,
    /// The newest tick that the recorder was told of: survives the end of the process.
    written: u64,
    epoch: u32,
    /// Ticks that were not in the log, or not handed to the ledger, for a time: single transfers of
    /// them may be missing from it, as the operator is told, and balances are corrected.
    holes: Vec<RangeInclusive<u64>>,
    /// What this process has counted.
    breaks_of_this: u64,
    /// Digests compared.
    pub compared: u64,
    /// Transfers compared.
    pub transfers: u64,
    /// Times a hole was left in the log.
    pub breaks: u64,
}

impl Oracle {
    /// A tick was stepped.
    pub fn note(&mut self, world: &World) {
        let tick = world.tick();
        let seen = Seen {
            digest: world.digest(),
            coins: world.audit().total(),
            transfers: entry::transfers(tick, world.movements()),
        };
        self.seen.insert(tick.0, seen);
    }

    /// What the server tells at this moment; the process is alive.
    pub fn hear(&mut self, life: &Life, told_durable: Tick) -> Result<(), String> {
        let LogReport {
            journal, ledger, ..
        } = life.report();
        let broken = matches!(journal.health, JournalHealth::Broken { .. });
        if broken && life.lets_people_in() {
            return Err("the log is broken, and newcomers are let in".into());
        }
        if broken && !life.is_unwell("journal") {
            return Err("the log is broken, and health does not say so".into());
        }
        self.breaks += journal.breaks.saturating_sub(self.breaks_of_this);
        self.breaks_of_this = journal.breaks;
        // The checkpoint that mends the log cannot wait for the ledger; nor does any for one that has
        // lost count.
        if journal.health != JournalHealth::Whole || ledger.behind || ledger.stopped.is_some() {
            self.hole(ledger.applied.0 + 1..=life.tick().0);
        }
        self.durable = self.durable.max(told_durable.0);
        if let Some(written) = life.written() {
            self.written = self.written.max(written.0);
        }
        Ok(())
    }

    /// A start could not enter what it replayed, for want of what a hole before it had taken: what lies
    /// behind the hole becomes corrections, too. Without a hole nothing may be refused.
    pub fn hear_of_a_refusal(&mut self) -> Result<(), String> {
        let last = self.holes.last_mut();
        let last = last.ok_or("the ledger refused what the world did, and nothing was missing")?;
        *last = *last.start()..=u64::MAX;
        Ok(())
    }

    fn hole(&mut self, ticks: RangeInclusive<u64>) {
        match self.holes.last_mut() {
            Some(last) if last.end().saturating_add(1) >= *ticks.start() => {
                *last = *last.start().min(ticks.start())..=*last.end().max(ticks.end());
            }
            _ => self.holes.push(ticks),
        }
    }

    /// The process has ended, or the machine; the recorder was told of what the database has, or only of
    /// what was written.
    pub fn end(&mut self, power_cut: bool, replicated: bool) {
        self.breaks_of_this = 0;
        if power_cut && !replicated {
            self.written = 0;
        }
    }

    /// A world was brought back: is it the one that was told of?
    pub fn judge(&mut self, life: &Life, begun: &Begun) -> Result<(), String> {
        let (world, tick) = (life.world(), life.tick().0);
        for (told, whom) in [
            (self.durable, "players were"),
            (self.written, "the recorder was"),
        ] {
            if tick < told {
                return Err(format!(
                    "came back to tick {tick}, and {whom} told that tick {told} is kept"
                ));
            }
        }
        if begun.epoch <= self.epoch {
            return Err(format!("epoch {} after epoch {}", begun.epoch, self.epoch));
        }
        if let Some(seen) = self.seen.get(&tick) {
            self.compared += 1;
            if seen.digest != world.digest() {
                return Err(format!("tick {tick} came back with another digest"));
            }
            if seen.coins != world.audit().total() {
                return Err(format!(
                    "{} coins at tick {tick}, and there were {}",
                    world.audit().total(),
                    seen.coins
                ));
            }
        } else if tick > 0 {
            return Err(format!("came back to tick {tick}, which nobody has seen"));
        }
        if let Some(lost) = begun.lost_from
            && !self.holes.iter().any(|hole| hole.contains(&lost))
        {
            return Err(format!(
                "ticks from {lost} on are lost, and nobody was told that they might be"
            ));
        }
        if begun.ledger.undone > 0 && begun.lost_from.is_none() {
            return Err(format!(
                "{} transfers were taken back: they had been entered too early",
                begun.ledger.undone
            ));
        }
        let hole = self.holes.iter().any(|hole| *hole.start() <= tick);
        if begun.ledger.corrections > 0 && !hole {
            return Err(format!(
                "{} accounts were corrected: {:?}",
                begun.ledger.corrections, begun.ledger
            ));
        }
        // The past that was not taken.
        self.seen.split_off(&(tick + 1));
        self.holes.retain(|hole| *hole.start() <= tick);
        self.holes = self
            .holes
            .iter()
            .map(|hole| *hole.start()..=(*hole.end()).min(tick))
            .collect();
        self.epoch = begun.epoch;
        self.durable = tick;
        self.written = tick;
        Ok(())
    }

    /// The books, once they are said to hold everything through the world's tick.
    pub fn judge_books(
        &mut self,
        databases: &Runtime,
        ledger: &Ledger,
        world: &World,
    ) -> Result<(), String> {
        const ALL: u32 = 1_000_000;
        let failed = |error: LedgerError| format!("the ledger cannot be read: {error}");
        let (wrong, balances, entered) = databases
            .block_on(async {
                Ok((
                    ledger.audit().await?,
                    ledger.balances().await?,
                    ledger.newest(ALL).await?,
                ))
            })
            .map_err(failed)?;
        if let Some(wrong) = wrong.first() {
            return Err(format!("the ledger does not add up: {wrong}"));
        }
        let mut held: BTreeMap<_, i64> = balances
            .into_iter()
            .filter(|(account, balance)| {
                !account.kind.issues() && *balance != 0 && account.kind != AccountKind::Gone
            })
            .collect();
        for (account, coins) in entry::holdings(&world.holdings()) {
            if held.remove(&account) != Some(coins.cast_signed()) {
                return Err(format!(
                    "the ledger does not say that {account} holds {coins}"
                ));
            }
        }
        if let Some((account, balance)) = held.first_key_value() {
            return Err(format!("the ledger says that {account} holds {balance}"));
        }
        let mut by_tick: BTreeMap<u64, BTreeMap<_, Transfer>> = BTreeMap::new();
        for transfer in entered
            .into_iter()
            .filter(|one| !matches!(one.reason, Reason::Opened | Reason::Corrected))
        {
            let tick = by_tick.entry(transfer.key.tick.0).or_default();
            tick.insert((transfer.key.entity, transfer.key.n), transfer);
        }
        for (tick, seen) in &self.seen {
            // Of the start state there are no transfers, but what everybody held.
            let mut entered = by_tick.remove(tick).unwrap_or_default();
            let may_lack = self.holes.iter().any(|hole| hole.contains(tick));
            for transfer in &seen.transfers {
                self.transfers += 1;
                match entered.remove(&(transfer.key.entity, transfer.key.n)) {
                    Some(found) if found == *transfer => {}
                    None if may_lack => {}
                    found => {
                        return Err(format!(
                            "the ledger has {found:?} at tick {tick} for {transfer}; holes {:?}",
                            self.holes
                        ));
                    }
                }
            }
            if let Some((_, transfer)) = entered.first_key_value() {
                return Err(format!("the ledger has {transfer}, which never was"));
            }
        }
        match by_tick.first_key_value() {
            Some((tick, _)) => Err(format!(
                "the ledger has transfers of tick {tick}, which is not of this world"
            )),
            None => Ok(()),
        }
    }
}
