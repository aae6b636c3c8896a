//! The ledger: who holds how many coins, and how many things of each sort, and every transfer that made it so, as rows with
//! constraints.
//!
//! Double entry: a transfer takes from one account what it gives to another of the same asset, so that
//! all balances of a world add up to zero, asset by asset. What rules make out of nothing, and what comes from outside, is taken from
//! accounts that *issue* and may go below it; nobody else can.
//!
//! The ledger is a projection of durable ticks and nothing else: whatever is in it can be made again
//! from the journal. It holds the transfers of all ticks through one (`applied`) and of none
//! beyond; a batch extends it, or repeats what is there, or is refused. So the same batch twice
//! changes nothing, and what a crash cut off is sent again.
//!
//! - `account` and `transfer` are what it is about, `rows` how that is written, `apply` the batches
//!   (`at_once` in one statement, where that can be),   `open` how it begins and how it follows a world that went back, `audit` whether it adds up,
//!   `writer` the task that applies batches in the background.

mod account;
mod apply;
mod at_once;
mod audit;
mod error;
mod open;
pub(crate) mod rows;
mod transfer;
mod writer;

pub use account::{Account, AccountKind};
pub use apply::{Applied, LedgerBatch};
pub use audit::Imbalance;
pub use error::LedgerError;
pub use open::{Holding, Opened};
pub use transfer::{Reason, Transfer, TransferKey};
#[cfg(feature = "faults")]
pub use writer::LedgerHand;
pub use writer::{
    LedgerDrained, LedgerMonitor, LedgerOptions, LedgerStatus, LedgerSubmitted, LedgerWriter,
};

use bluemarble_shared_protocol::Tick;

use crate::store::{Store, on_backend, tick_of};

/// The ledger of one world.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
    world: String,
}

const APPLIED: &str = "SELECT applied FROM ledger WHERE world = $1";
const BALANCES: &str = "SELECT kind, holder, asset, balance FROM ledger_account WHERE world = $1 \
     ORDER BY kind, holder, asset";

impl Ledger {
    /// The ledger that `store` keeps of `world`; whether it does is another question.
    #[must_use]
    pub fn new(store: Store, world: &str) -> Self {
        let world = world.to_owned();
        Self { store, world }
    }

    /// It holds every transfer of the ticks through this one; `None` if it was never opened.
    ///
    /// # Errors
    /// If the database does not answer, or refuses.
    pub async fn applied(&self) -> Result<Option<Tick>, LedgerError> {
        let applied: Option<i64> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_scalar(APPLIED).bind(&self.world).fetch_optional(pool).await
                })
            })
            .await?;
        Ok(applied.map(tick_of))
    }

    /// Every account and what it holds, by account.
    ///
    /// # Errors
    /// As [`Ledger::applied`].
    pub async fn balances(&self) -> Result<Vec<(Account, i64)>, LedgerError> {
        let rows: Vec<(i16, i64, i16, i64)> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(BALANCES).bind(&self.world).fetch_all(pool).await
                })
            })
            .await?;
        rows.into_iter()
            .map(|(kind, holder, asset, balance)| {
                Ok((rows::account_of(kind, holder, asset)?, balance))
            })
            .collect()
    }

    /// The transfers of the ticks after one and through another, in order.
    ///
    /// # Errors
    /// As [`Ledger::applied`].
    pub async fn transfers(
        &self,
        after: Tick,
        through: Tick,
    ) -> Result<Vec<Transfer>, LedgerError> {
        let found: Vec<rows::TransferRow> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(rows::OF_TICKS)
                        .bind(&self.world)
                        .bind(after.0.cast_signed())
                        .bind(through.0.cast_signed())
                        .fetch_all(pool)
                        .await
                })
            })
            .await?;
        found.into_iter().map(rows::transfer_of).collect()
    }

    /// The transfer that came from outside, or went there, under this key.
    ///
    /// # Errors
    /// As [`Ledger::applied`].
    pub async fn of_key(&self, external: &str) -> Result<Option<Transfer>, LedgerError> {
        let found: Option<rows::TransferRow> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(rows::OF_KEY)
                        .bind(&self.world)
                        .bind(external)
                        .fetch_optional(pool)
                        .await
                })
            })
            .await?;
        found.map(rows::transfer_of).transpose()
    }

    /// The newest `most` transfers, newest first.
    ///
    /// # Errors
    /// As [`Ledger::applied`].
    pub async fn newest(&self, most: u32) -> Result<Vec<Transfer>, LedgerError> {
        let found: Vec<rows::TransferRow> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(rows::NEWEST)
                        .bind(&self.world)
                        .bind(i64::from(most))
                        .fetch_all(pool)
                        .await
                })
            })
            .await?;
        found.into_iter().map(rows::transfer_of).collect()
    }
}
