//! The log as the loop sees it: append before the step, a checkpoint now and then, and what is done
//! when the journal breaks.
//!
//! ```text
//! whole ──append refused──► broken: degraded, a snapshot at once, new segment behind it
//!   ▲                          │
//!   └── snapshot is stored ────┘  (tried again at most once a second)
//! ```
//!
//! Nothing here waits for a disk or a database.

use std::time::Duration;

use bluemarble_persistence::{
    Appended, CheckpointStatus, Commit, JournalHealth, JournalRecord, JournalStatus, JournalWriter,
    LedgerStatus, ShipStatus,
};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{DigestParts, TickInputs, World};

use crate::books::{self, Books};
use crate::checkpointer::{Checkpointer, Finished, Order};
use crate::clock::unix_ms;
use crate::health::{Grade, Health};
use crate::replica::Replica;
use crate::stepper::Stepper;

/// A broken journal is not restarted more often than this: each attempt costs a checkpoint.
const MEND_PERIOD: Duration = Duration::from_secs(1);

/// Journal and checkpoints of the running world.
pub struct WorldLog {
    journal: JournalWriter,
    /// The journal's copy in the database, if it is shipped.
    replica: Option<Replica>,
    checkpoints: Checkpointer,
    books: Books,
    interval: Duration,
    /// Time of the next regular checkpoint, since the program's start.
    next: Duration,
    /// Time before which a broken journal is left alone.
    mend_after: Duration,
    broken: bool,
}

/// How long a planned stop waits for the journal's copy before it stores its last checkpoint.
const SHIP_BEFORE_CHECKPOINT_WAIT: Duration = Duration::from_secs(5);

/// State and counters of all that is written.
pub struct LogReport {
    /// The journal.
    pub journal: JournalStatus,
    /// Checkpoints.
    pub checkpoints: CheckpointStatus,
    /// The ledger.
    pub ledger: LedgerStatus,
    /// The journal's copy, if there is one.
    pub shipped: Option<ShipStatus>,
}

/// How the log ended.
pub struct LogEnd {
    /// The journal's last words.
    pub journal: JournalStatus,
    /// The checkpoints'.
    pub checkpoints: Finished,
}

impl LogEnd {
    /// As [`WorldLog::written`], at the end.
    pub fn written(&self) -> Option<Tick> {
        (self.journal.health == JournalHealth::Whole).then_some(self.journal.written)
    }
}

impl WorldLog {
    /// The first regular checkpoint comes one `interval` after `now`.
    pub fn new(
        (journal, replica): (JournalWriter, Option<Replica>),
        checkpoints: Checkpointer,
        books: Books,
        interval: Duration,
        now: Duration,
    ) -> Self {
        Self {
            journal,
            replica,
            checkpoints,
            books,
            interval,
            next: now + interval,
            mend_after: Duration::ZERO,
            broken: false,
        }
    }

    /// Logs the sealed inputs of the tick that is about to be stepped, and the
    /// state before; returns the inputs' bytes.
    pub fn append(&mut self, inputs: &TickInputs, before: &DigestParts) -> Vec<u8> {
        let payload = inputs.encode();
        let record = JournalRecord {
            tick: inputs.tick,
            prev_digest: before.digest(),
            sealed_ms: unix_ms(),
            sketch: before.to_words(),
            payload: payload.clone(),
        };
        // Whoever gives or sells something waits to be told.
        let commit = if inputs.players.gifts.is_empty() && inputs.outside.deals.is_empty() {
            Commit::Grouped
        } else {
            Commit::AtOnce
        };
        if self.journal.append_to(record, commit) == Appended::Dropped {
            self.broken = true;
        }
        payload
    }

    /// After a step: enters what it moved, and takes a checkpoint if one is due or the journal needs one.
    pub fn after_step(&mut self, world: &World, stepper: &Stepper, now: Duration) {
        self.books.after_step(world, self.durable());
        if let Some(stored) = self.checkpoints.status().durable {
            self.journal.checkpoint_saved(stored);
        }
        if self.broken {
            if now >= self.mend_after {
                // What the journal lost becomes durable by this checkpoint and nothing else.
                self.checkpoints
                    .submit(stepper.snapshot(world), Order::AtOnce);
                self.journal.restart_after(world.tick());
                self.broken = false;
                self.mend_after = now + MEND_PERIOD;
                self.next = now + self.interval;
            }
        } else if now >= self.next {
            let order = match self.journal.status().health {
                JournalHealth::Whole => Order::AfterTheLedger,
                _ => Order::AtOnce,
            };
            self.checkpoints.submit(stepper.snapshot(world), order);
            self.journal.rotate();
            self.next = now + self.interval;
        }
    }

    /// What an orderly stop tells the books when the journal is closed.
    #[cfg(test)]
    pub(crate) fn hand_on_to_the_books(&self) {
        self.books.durable(self.journal.durable());
    }

    /// A bug: the books take it for durable.
    #[cfg(test)]
    pub(crate) fn tell_the_books(&self, tick: Tick) {
        self.books.durable(tick);
    }

    /// What is durable on this machine's disk, whatever the database has.
    #[cfg(test)]
    pub(crate) fn durable_here(&self) -> Tick {
        self.journal.durable()
    }

    /// What an orderly stop stores when all else is done.
    #[cfg(test)]
    pub(crate) fn submit_the_last(&self, world: &World) {
        self.checkpoints.submit(world.snapshot(), Order::AtOnce);
    }

    /// Everything through this tick survives a power cut, and with `replicated` the loss of this
    /// machine: what happened in it may be acknowledged. Never goes back. This is the one place that says
    /// so, to clients' headers, to the answers to gifts and to the ledger alike.
    pub fn durable(&self) -> Tick {
        self.bound(self.journal.durable())
    }

    /// Everything through this tick survives the end of the process, and with `replicated` the loss of
    /// this machine; `None` while the log has a hole.
    pub fn written(&self) -> Option<Tick> {
        self.journal.written().map(|tick| self.bound(tick))
    }

    fn bound(&self, tick: Tick) -> Tick {
        match &self.replica {
            Some(replica) => replica.bound(tick, self.checkpoints.durable()),
            None => tick,
        }
    }

    /// Whether what happens now will be safe soon: the log has no hole, and, if that is waited for, the
    /// database keeps up.
    pub fn is_whole(&self) -> bool {
        let late = self.replica.as_ref().is_some_and(Replica::is_late);
        !self.broken && !late && self.journal.written().is_some()
    }

    /// How far the ledger has come.
    pub fn ledger(&self) -> LedgerStatus {
        self.books.status()
    }

    /// Whether a newer writer has taken the world over, as whoever wrote to the database last was told.
    pub fn is_fenced(&self) -> bool {
        self.checkpoints.is_fenced()
            || self.books.is_fenced()
            || self.replica.as_ref().is_some_and(Replica::is_fenced)
    }

    /// State and counters, and the health reasons that follow from them.
    pub fn report(&self, health: &Health) -> LogReport {
        let journal = self.journal.status();
        let checkpoints = self.checkpoints.status();
        health.set("journal", Grade::Degraded, self.journal_trouble(&journal));
        let ledger = self.books.status();
        let database = database_trouble(&checkpoints).or_else(|| books::outage(&ledger));
        health.set("database", Grade::Degraded, database);
        health.set("ledger", Grade::Degraded, books::trouble(&ledger));
        let shipped = self.replica.as_ref().map(Replica::status);
        let behind = self.replica.as_ref().zip(shipped.as_ref());
        let behind = behind.and_then(|(replica, status)| replica.trouble(status));
        health.set("replica", Grade::Degraded, behind);
        LogReport {
            journal,
            checkpoints,
            ledger,
            shipped,
        }
    }

    fn journal_trouble(&self, status: &JournalStatus) -> Option<String> {
        match &status.health {
            JournalHealth::Broken { first_lost, reason } => Some(format!(
                "ticks from {first_lost} on are not in the log ({reason}); only checkpoints protect \
                 them, and nobody new is let in"
            )),
            JournalHealth::Mending { base } => Some(format!(
                "logging again; waiting for the checkpoint of tick {base}"
            )),
            JournalHealth::Whole if self.broken => Some("a record was refused".into()),
            JournalHealth::Whole => None,
        }
    }

    /// Closes the log, enters what it has, and stores a last checkpoint if `world` is given.
    pub fn finish(self, world: Option<&World>, patience: Duration) -> LogEnd {
        let journal = self.journal.finish();
        if let Some(replica) = self.replica {
            // A last checkpoint does the same for what is not in by then.
            let patience = world.map_or(patience, |_| patience.min(SHIP_BEFORE_CHECKPOINT_WAIT));
            let shipped = replica.finish(patience);
            if shipped.through < journal.durable {
                let (through, durable) = (shipped.through, journal.durable);
                tracing::warn!(%through, %durable, "the journal in the database is not complete");
            }
        }
        let entered = self.books.finish(journal.durable, patience);
        if !entered.complete {
            let waiting = entered.status.waiting;
            tracing::warn!(
                waiting,
                "the ledger is not complete; the next start completes it"
            );
        }
        LogEnd {
            journal,
            checkpoints: self
                .checkpoints
                .finish(world.map(World::snapshot), patience),
        }
    }
}

fn database_trouble(status: &CheckpointStatus) -> Option<String> {
    if status.fenced {
        return Some("another server has taken this world over".into());
    }
    let error = status.last_error.as_ref()?;
    (status.failing > 0).then(|| {
        format!(
            "{} attempts to store a checkpoint failed: {error}",
            status.failing
        )
    })
}
