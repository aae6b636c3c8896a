//! Whether the books add up: asked of the rows themselves, by the database.

use std::fmt;

use bluemarble_shared_protocol::AssetId;

use super::account::{Account, AccountKind};
use super::error::LedgerError;
use super::{Ledger, rows};
use crate::store::on_backend;

/// Something that does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imbalance {
    /// All balances of one asset do not add up to zero: so many came from nowhere, or, below zero,
    /// went there.
    Sum {
        /// Which.
        asset: AssetId,
        /// What they add up to.
        sum: i64,
    },
    /// An account does not hold what its transfers say.
    Account {
        /// Which.
        account: Account,
        /// What it holds.
        balance: i64,
        /// What all its transfers add up to.
        transfers: i64,
    },
    /// Somebody holds less than nothing who may not.
    Owes {
        /// Who.
        account: Account,
        /// What it holds.
        balance: i64,
    },
    /// A transfer of a tick that the ledger says it does not hold yet.
    Ahead {
        /// How many.
        transfers: i64,
    },
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum { asset, sum } => write!(
                f,
                "all balances of asset {} add up to {sum}, not to 0",
                asset.0
            ),
            Self::Account {
                account,
                balance,
                transfers,
            } => write!(
                f,
                "{account} holds {balance}, but its transfers add up to {transfers}"
            ),
            Self::Owes { account, balance } => write!(f, "{account} holds {balance}"),
            Self::Ahead { transfers } => write!(
                f,
                "{transfers} transfers are of later ticks than the ledger says it holds"
            ),
        }
    }
}

/// Assets whose balances do not add up to zero.
const SUMS: &str = "SELECT asset, CAST(SUM(balance) AS BIGINT) FROM ledger_account \
     WHERE world = $1 GROUP BY asset HAVING SUM(balance) <> 0 ORDER BY asset";
/// Accounts whose balance is not the sum of what was credited less what was debited, or that owe.
const ACCOUNTS: &str = "WITH moved (kind, holder, asset, amount) AS ( \
         SELECT credit_kind, credit_holder, asset, amount FROM ledger_transfer WHERE world = $1 \
         UNION ALL \
         SELECT debit_kind, debit_holder, asset, -amount FROM ledger_transfer WHERE world = $1 \
     ), summed (kind, holder, asset, amount) AS ( \
         SELECT kind, holder, asset, SUM(amount) FROM moved GROUP BY kind, holder, asset \
     ) \
     SELECT a.kind, a.holder, a.asset, a.balance, CAST(COALESCE(s.amount, 0) AS BIGINT) \
     FROM ledger_account a LEFT JOIN summed s ON s.kind = a.kind AND s.holder = a.holder \
     AND s.asset = a.asset \
     WHERE a.world = $1 \
     AND (a.balance <> COALESCE(s.amount, 0) OR (a.balance < 0 AND a.kind >= $2)) \
     ORDER BY a.kind, a.holder, a.asset";
const AHEAD: &str = "SELECT COUNT(*) FROM ledger_transfer t JOIN ledger l ON l.world = t.world \
     WHERE t.world = $1 AND t.tick > l.applied";

impl Ledger {
    /// Everything that does not add up; nothing if all is well. It reads every transfer.
    ///
    /// # Errors
    /// If the database does not answer, or refuses.
    pub async fn audit(&self) -> Result<Vec<Imbalance>, LedgerError> {
        let (sums, ahead, accounts) = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    async {
                        let sums: Vec<(i16, i64)> = sqlx::query_as(SUMS)
                            .bind(&self.world)
                            .fetch_all(pool)
                            .await?;
                        let ahead: i64 = sqlx::query_scalar(AHEAD)
                            .bind(&self.world)
                            .fetch_one(pool)
                            .await?;
                        let accounts: Vec<(i16, i64, i16, i64, i64)> = sqlx::query_as(ACCOUNTS)
                            .bind(&self.world)
                            .bind(AccountKind::Gone as i16)
                            .fetch_all(pool)
                            .await?;
                        Ok((sums, ahead, accounts))
                    }
                    .await
                })
            })
            .await?;
        let mut found = Vec::new();
        for (asset, sum) in sums {
            let asset = rows::asset_of(asset)?;
            found.push(Imbalance::Sum { asset, sum });
        }
        if ahead != 0 {
            found.push(Imbalance::Ahead { transfers: ahead });
        }
        for (kind, holder, asset, balance, transfers) in accounts {
            let account = rows::account_of(kind, holder, asset)?;
            if balance != transfers {
                found.push(Imbalance::Account {
                    account,
                    balance,
                    transfers,
                });
            }
            if balance < 0 && !account.kind.issues() {
                found.push(Imbalance::Owes { account, balance });
            }
        }
        Ok(found)
    }
}
