//! The ledger as the loop sees it: every tick's movements of coins are handed over, and entered once the
//! journal is durable through their tick.
//!
//! ```text
//! step(t) ──movements──► queue ──journal durable through t──► ledger, in order, exactly once
//! recovery: replay makes the movements again that the ledger does not have yet ──► [`begin`]
//! ```
//!
//! A checkpoint is handed to the store only when the ledger has everything through its tick
//! ([`Books::monitor`]), so that what a crash leaves unentered can always be computed again. Only a
//! checkpoint that is to mend a broken journal does not wait: nothing else makes those ticks durable.
//!
//! Nothing here waits for a disk or a database.

pub mod begin;
pub mod entry;

use std::time::Duration;

use bluemarble_persistence::{
    Claim, Ledger, LedgerDrained, LedgerMonitor, LedgerOptions, LedgerStatus, LedgerSubmitted,
    LedgerWriter,
};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::World;
use tokio::runtime::Handle;

/// The books of the running world.
pub struct Books {
    writer: LedgerWriter,
    runtime: Handle,
}

impl Books {
    /// Goes on from a ledger that holds everything through `applied`, the tick the world is at.
    pub fn go_on(runtime: &Handle, ledger: Ledger, claim: Claim, applied: Tick) -> Self {
        let options = LedgerOptions::default();
        Self {
            writer: LedgerWriter::start(runtime, ledger, claim, applied, options),
            runtime: runtime.clone(),
        }
    }

    /// With a writer whose work is done by hand.
    #[cfg(test)]
    pub(crate) fn of(runtime: &Handle, writer: LedgerWriter) -> Self {
        Self {
            writer,
            runtime: runtime.clone(),
        }
    }

    /// The journal has everything through this tick.
    #[cfg(test)]
    pub(crate) fn durable(&self, tick: Tick) {
        self.writer.durable(tick);
    }

    /// After a step: what it moved; and through which tick the journal is durable.
    pub fn after_step(&self, world: &World, durable: Tick) {
        let tick = world.tick();
        let transfers = entry::transfers(tick, world.movements());
        if self.writer.submit(tick, transfers) == LedgerSubmitted::Behind {
            // Once per overflow: it takes a look at everybody.
            self.writer
                .put_right(tick, entry::holdings(&world.holdings()));
        }
        self.writer.durable(durable);
    }

    /// Whether a newer server has the world.
    pub fn is_fenced(&self) -> bool {
        self.writer.is_fenced()
    }

    /// State and counters.
    pub fn status(&self) -> LedgerStatus {
        self.writer.status()
    }

    /// Tells other threads what is not entered yet.
    pub fn monitor(&self) -> LedgerMonitor {
        self.writer.monitor()
    }

    /// Enters what is durable, waiting at most `patience`, and ends.
    pub fn finish(self, durable: Tick, patience: Duration) -> LedgerDrained {
        self.writer.durable(durable);
        self.runtime.block_on(self.writer.drain(patience))
    }
}

/// What an operator should know.
pub fn trouble(status: &LedgerStatus) -> Option<String> {
    let error = status.last_error.as_deref().unwrap_or("no reason given");
    if let Some(why) = &status.stopped {
        return Some(format!(
            "the ledger stands at tick {}: {why}. The world is whole; the next start puts the ledger \
             right",
            status.applied
        ));
    }
    if status.behind {
        return Some(format!(
            "the ledger stands at tick {}, and too much waited for it: {error}. It will be put right \
             by corrections",
            status.applied
        ));
    }
    None
}

/// The same of a database that does not answer, for now.
pub fn outage(status: &LedgerStatus) -> Option<String> {
    let error = status.last_error.as_ref()?;
    (status.failing > 0).then(|| {
        format!(
            "{} attempts to write the ledger failed, {} transfers wait: {error}",
            status.failing, status.waiting
        )
    })
}

#[cfg(test)]
mod tests;
