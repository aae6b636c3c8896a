//! What a ledger refuses.

use bluemarble_shared_protocol::Tick;

use super::account::Account;
use super::transfer::{Transfer, TransferKey};
use crate::store::StoreError;

/// Why a ledger cannot do it. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The database does not answer or refuses, or a newer writer exists.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The world has no ledger yet.
    #[error("world {world:?} has no ledger: open it first")]
    NotOpen {
        /// Which world.
        world: String,
    },
    /// What is to be applied begins behind the end of what is there.
    #[error(
        "the ledger holds the ticks through {applied}, but the batch begins after tick {after}: \
         those between are missing"
    )]
    Gap {
        /// The newest tick it holds.
        applied: Tick,
        /// The newest tick the batch leaves out.
        after: Tick,
    },
    /// The same tick came out differently before.
    #[error(
        "transfer {key}: {} is stored, {} was given",
        told(stored),
        told(given)
    )]
    Conflict {
        /// Which transfer.
        key: TransferKey,
        /// What is stored under that key.
        stored: Option<Box<Transfer>>,
        /// What was to be stored under it.
        given: Option<Box<Transfer>>,
    },
    /// Somebody would hold less than nothing.
    #[error("{account} holds {balance} coins and would lose {loss}")]
    Overdrawn {
        /// Who.
        account: Account,
        /// What it holds.
        balance: i64,
        /// What it would lose, net.
        loss: i128,
    },
    /// The batch itself is none.
    #[error("not a batch of transfers: {0}")]
    BadBatch(String),
    /// The database refused a row that should have been right.
    #[error("the ledger's constraints refuse the batch: {0}")]
    Constraint(String),
    /// A stored row that nobody can have written.
    #[error("a row of the ledger cannot be read: {0}")]
    BadRow(String),
}

impl LedgerError {
    /// The same call may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(StoreError::Fenced { .. } | StoreError::Unstorable { .. }) => false,
            // A refusal may end: somebody makes room, or grants a right.
            Self::Store(_) => true,
            _ => false,
        }
    }
}

fn told(transfer: &Option<Box<Transfer>>) -> String {
    match transfer {
        Some(transfer) => transfer.to_string(),
        None => "nothing".to_owned(),
    }
}
