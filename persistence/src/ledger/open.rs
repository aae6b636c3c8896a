//! How a ledger begins, how it is put right, and how it follows a world that went back.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::{Epoch, Tick};

use super::account::{Account, AccountKind};
use super::apply::{Refused, SET_APPLIED, run, write_transfers};
use super::error::LedgerError;
use super::rows::{self, TransferRow};
use super::transfer::{Reason, Transfer, TransferKey};
use super::{BALANCES, Ledger};
use crate::store::{Claim, StoreError, fence, on_backend, tick_column};

/// Somebody holds so many.
pub type Holding = (Account, u64);

/// What it took to make a ledger say what the world says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Whether there was none.
    pub made: bool,
    /// Accounts that were given what they hold, or put right.
    pub entries: usize,
}

const MAKE: &str = "INSERT INTO ledger (world, applied) VALUES ($1, $2)";
const UNDO_TRANSFERS: &str = "DELETE FROM ledger_transfer WHERE world = $1 AND tick > $2";

/// The number of an entry among its entity's transfers of the tick: from the end, where no tick's own
/// transfers get to, and another one for each asset, and for each epoch that puts the same tick right.
fn entry_n(epoch: Epoch, account: &Account) -> u32 {
    let asset = u32::from(account.asset.0);
    u32::MAX - (asset << 20 | (epoch.0 & 0xffff) << 4 | account.kind as u32)
}

impl Ledger {
    /// Makes the ledger say what the world holds at the end of `tick`, whatever it said before: an
    /// entry per account that differs, from or to the account `opening`. A ledger that is not there
    /// is made by it; of one that is there, the entries are corrections, to be looked into.
    ///
    /// `holdings` is everything held by entities or on its way; sole accounts that issue, and what is
    /// gone, are not the world's to say.
    ///
    /// # Errors
    /// See [`LedgerError`]; the ledger is then as it was. If it is ahead of `tick`, go back first.
    pub async fn open(
        &self,
        claim: &Claim,
        tick: Tick,
        holdings: &[Holding],
    ) -> Result<Opened, LedgerError> {
        let at = tick_column(tick)?;
        let done = self.store.in_time(async {
            on_backend!(self.store.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.store.backend, claim, work, Refused::Fenced);
                    let applied: Option<i64> = sqlx::query_scalar(self.store.backend.book())
                        .bind(&self.world)
                        .fetch_optional(&mut *work)
                        .await?;
                    match applied {
                        None => {
                            run!(sqlx::query(MAKE).bind(&self.world).bind(at), work);
                        }
                        Some(ahead) if ahead > at => {
                            let what = format!(
                                "the ledger is at tick {ahead}, ahead of tick {tick}: it must go back"
                            );
                            return Ok(Err(LedgerError::BadBatch(what).into()));
                        }
                        Some(_) => {
                            run!(sqlx::query(SET_APPLIED).bind(&self.world).bind(at), work);
                        }
                    }
                    let balances: Vec<(i16, i64, i16, i64)> =
                        sqlx::query_as(BALANCES).bind(&self.world).fetch_all(&mut *work).await?;
                    let reason = match applied {
                        None => Reason::Opened,
                        Some(_) => Reason::Corrected,
                    };
                    let entries = match entries((tick, claim.epoch), reason, balances, holdings) {
                        Ok(entries) => entries,
                        Err(error) => return Ok(Err(error.into())),
                    };
                    write_transfers!(&self.world, &entries, work);
                    work.commit().await?;
                    let opened = Opened {
                        made: applied.is_none(),
                        entries: entries.len(),
                    };
                    Ok(Ok(opened))
                }
                .await
            })
        });
        match done.await? {
            Ok(opened) => Ok(opened),
            Err(refused) => Err(self.explain(claim, refused, &[]).await),
        }
    }

    /// Follows a world that went back to `tick`: later transfers no longer count, and are set aside.
    /// How many those were; none if the ledger is not ahead.
    ///
    /// # Errors
    /// See [`LedgerError`]; the ledger is then as it was.
    pub async fn go_back(&self, claim: &Claim, tick: Tick) -> Result<usize, LedgerError> {
        let (at, epoch) = (tick_column(tick)?, i64::from(claim.epoch.0));
        let done = self.store.in_time(async {
            on_backend!(self.store.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.store.backend, claim, work, Refused::Fenced);
                    let applied: Option<i64> = sqlx::query_scalar(self.store.backend.book())
                        .bind(&self.world)
                        .fetch_optional(&mut *work)
                        .await?;
                    let Some(applied) = applied.filter(|applied| *applied > at) else {
                        return Ok(Ok(0));
                    };
                    let undone: Vec<TransferRow> = sqlx::query_as(rows::OF_TICKS)
                        .bind(&self.world)
                        .bind(at)
                        .bind(applied)
                        .fetch_all(&mut *work)
                        .await?;
                    let deltas = match backwards(undone) {
                        Ok(deltas) => deltas,
                        Err(error) => return Ok(Err(error.into())),
                    };
                    let undo = sqlx::query(rows::UNDO).bind(&self.world).bind(epoch).bind(at);
                    run!(undo, work);
                    let delete = sqlx::query(UNDO_TRANSFERS).bind(&self.world).bind(at);
                    let gone = run!(delete, work).rows_affected();
                    for some in deltas.chunks(rows::ROWS_PER_STATEMENT) {
                        let mut query = rows::change_balances(&self.world, some);
                        run!(query.build().persistent(false), work);
                    }
                    run!(sqlx::query(SET_APPLIED).bind(&self.world).bind(at), work);
                    work.commit().await?;
                    Ok(Ok(usize::try_from(gone).unwrap_or(usize::MAX)))
                }
                .await
            })
        });
        match done.await? {
            Ok(undone) => Ok(undone),
            Err(refused) => Err(self.explain(claim, refused, &[]).await),
        }
    }
}

/// An entry per account whose balance is not what the world says.
fn entries(
    (tick, epoch): (Tick, Epoch),
    reason: Reason,
    balances: Vec<(i16, i64, i16, i64)>,
    holdings: &[Holding],
) -> Result<Vec<Transfer>, LedgerError> {
    let mut accounts: BTreeMap<Account, (i64, u64)> = BTreeMap::new();
    for (kind, holder, asset, balance) in balances {
        let account = rows::account_of(kind, holder, asset)?;
        if account.kind > AccountKind::Gone {
            accounts.entry(account).or_default().0 = balance;
        }
    }
    for (account, held) in holdings {
        let sum = &mut accounts.entry(*account).or_default().1;
        *sum = sum.saturating_add(*held);
    }
    let entry = |(account, (balance, held)): (Account, (i64, u64))| {
        let held = i64::try_from(held).map_err(|_| {
            LedgerError::Store(StoreError::Unstorable {
                what: format!("{account} holds {held}, which does not fit"),
            })
        })?;
        let opening = Account::sole(AccountKind::Opening).of(account.asset);
        let (debit, credit) = match held > balance {
            true => (opening, account),
            false => (account, opening),
        };
        Ok(Transfer {
            key: TransferKey {
                tick,
                entity: account.holder,
                n: entry_n(epoch, &account),
            },
            debit,
            credit,
            amount: held.abs_diff(balance),
            reason,
            peer: 0,
            external: None,
        })
    };
    let entries: Result<Vec<Transfer>, LedgerError> = accounts.into_iter().map(entry).collect();
    Ok(entries?
        .into_iter()
        .filter(|entry| entry.amount > 0)
        .collect())
}

/// What each account gains or loses if these never were.
fn backwards(undone: Vec<TransferRow>) -> Result<Vec<(Account, i64)>, LedgerError> {
    let undone: Vec<Transfer> = undone
        .into_iter()
        .map(rows::transfer_of)
        .collect::<Result<_, _>>()?;
    let deltas = super::apply::net(&undone)?;
    Ok(deltas
        .into_iter()
        .map(|(account, delta)| (account, -delta))
        .collect())
}
