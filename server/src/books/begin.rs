//! At a start: the ledger is brought to where the world is, and compared with it.
//!
//! | the ledger is | because | done |
//! |---|---|---|
//! | not there | the world is new, or older than ledgers | opened with what everybody holds |
//! | behind | a crash, an outage | the movements that replay made again are entered |
//! | ahead | the world went back behind what was durable, as asked or for want of a journal | it goes back, too |
//!
//! Then every account is compared with what its holder has. A difference means that movements were
//! lost with a hole in the log, or that somebody changed the rows: it is entered as a correction, and
//! the operator is told.

use bluemarble_persistence::{Claim, Ledger, LedgerBatch, LedgerError, StoreError};
use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Movement, World};

use super::entry;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// It was not there.
    pub made: bool,
    /// Transfers that were entered.
    pub entered: usize,
    /// Transfers that were taken back.
    pub undone: usize,
    /// Accounts that did not hold what the world says; of a new ledger, none.
    pub corrections: usize,
    /// What the ledger refused; corrections took its place.
    pub refused: Option<String>,
}

impl Begun {
    /// For the line that start-up prints.
    pub fn told(&self) -> String {
        if self.made {
            return "opened".to_owned();
        }
        let mut text = format!("{} transfers entered", self.entered);
        if self.undone > 0 {
            text.push_str(&format!(", {} taken back with the world", self.undone));
        }
        if let Some(refused) = &self.refused {
            text.push_str(&format!(", REFUSED: {refused}"));
        }
        match self.corrections {
            0 => text.push_str(", agrees with the world"),
            some => text.push_str(&format!(", {some} CORRECTED")),
        }
        text
    }

    /// What an operator should look into.
    pub fn trouble(&self) -> Option<String> {
        (self.corrections > 0).then(|| {
            format!(
                "{} accounts did not hold what the world says, and were corrected (reason 1 in \
                 ledger_transfer){}",
                self.corrections,
                match &self.refused {
                    Some(refused) => format!(": {refused}"),
                    None => String::new(),
                }
            )
        })
    }
}

/// Brings the ledger to where `world` is; `movements` are those of the ticks that were replayed to get
/// there, in order.
///
/// # Errors
/// The database does not answer or refuses, or a newer server has the world.
pub async fn begin(
    ledger: &Ledger,
    claim: &Claim,
    world: &World,
    movements: &[(Tick, Vec<Movement>)],
) -> Result<Begun, LedgerError> {
    let through = world.tick();
    let mut begun = Begun::default();
    match ledger.applied().await? {
        None => {}
        Some(applied) if applied > through => {
            begun.undone = ledger.go_back(claim, through).await?;
        }
        Some(after) => {
            let newer = movements.iter().filter(|(tick, _)| *tick > after);
            let transfers = newer.flat_map(|(tick, moved)| entry::transfers(*tick, moved));
            let batch = LedgerBatch {
                after,
                through,
                transfers: transfers.collect(),
            };
            match ledger.apply(claim, &batch).await {
                Ok(applied) => begun.entered = applied.new,
                // Its own reasons are no reason for the world not to go on.
                Err(error) if !matches!(error, LedgerError::Store(_)) => {
                    tracing::error!(target: "audit", %error, "the ledger refuses what the world did");
                    begun.refused = Some(error.to_string());
                }
                Err(LedgerError::Store(error @ StoreError::Unstorable { .. })) => {
                    begun.refused = Some(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
    }
    let opened = ledger
        .open(claim, through, &entry::holdings(&world.holdings()))
        .await?;
    begun.made = opened.made;
    if !opened.made {
        begun.corrections = opened.entries;
    }
    Ok(begun)
}
