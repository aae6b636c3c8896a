//! Batches: the transfers of consecutive ticks, applied whole or not at all, and once.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::Tick;

use super::Ledger;
use super::account::Account;
use super::at_once::AtOnce;
use super::error::LedgerError;
use super::rows::{self, ROWS_PER_STATEMENT, TransferRow};
use super::transfer::{Reason, Transfer};
use crate::store::{Backend, Claim, fence, on_backend, tick_column};

/// Every transfer of the ticks after one and through another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerBatch {
    /// The newest tick that is not in it.
    pub after: Tick,
    /// The newest tick that is.
    pub through: Tick,
    /// In ascending order of their keys. Most ticks have none.
    pub transfers: Vec<Transfer>,
}

/// What a batch changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Transfers that were new.
    pub new: usize,
    /// Transfers that were there already, exactly so.
    pub repeated: usize,
}

/// The ledger holds the ticks through this one.
pub(super) const SET_APPLIED: &str = "UPDATE ledger SET applied = $2 WHERE world = $1";

/// Why a transaction ends without a commit.
pub(super) enum Refused {
    /// Another server has the world; its epoch.
    Fenced(Option<i64>),
    /// The ledger's own reasons.
    Ledger(LedgerError),
    /// A constraint of the schema, in the database's words.
    Constraint(String),
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Tells a constraint that refuses a row from a database that fails.
pub(super) fn refused_or_failed(error: sqlx::Error) -> Result<Refused, sqlx::Error> {
    use sqlx::error::ErrorKind::{CheckViolation, ForeignKeyViolation, UniqueViolation};
    match error.as_database_error() {
        Some(refusal)
            if matches!(
                refusal.kind(),
                CheckViolation | ForeignKeyViolation | UniqueViolation
            ) =>
        {
            Ok(Refused::Constraint(refusal.message().to_owned()))
        }
        _ => Err(error),
    }
}

/// Runs one statement; ends the transaction's block if a constraint refuses it.
macro_rules! run {
    ($query:expr, $work:expr) => {
        match $query.execute(&mut *$work).await {
            Ok(done) => done,
            Err(error) => return super::apply::refused_or_failed(error).map(Err),
        }
    };
}
pub(super) use run;

/// Writes what is new: accounts, transfers, balances.
macro_rules! write_transfers {
    ($world:expr, $transfers:expr, $work:expr) => {{
        let deltas = match super::apply::net($transfers) {
            Ok(deltas) => deltas,
            Err(error) => return Ok(Err(error.into())),
        };
        for some in deltas.chunks(super::rows::ROWS_PER_STATEMENT) {
            let mut query = super::rows::insert_accounts($world, some);
            run!(query.build().persistent(false), $work);
        }
        for some in $transfers.chunks(super::rows::ROWS_PER_STATEMENT) {
            let mut query = match super::rows::insert_transfers($world, some) {
                Ok(query) => query,
                Err(error) => return Ok(Err(error.into())),
            };
            run!(query.build().persistent(false), $work);
        }
        for some in deltas.chunks(super::rows::ROWS_PER_STATEMENT) {
            let mut query = super::rows::change_balances($world, some);
            run!(query.build().persistent(false), $work);
        }
    }};
}
pub(super) use write_transfers;

impl Ledger {
    /// Extends the ledger by a batch, or finds that it is there already. Ticks that are there must
    /// have come out exactly so.
    ///
    /// # Errors
    /// See [`LedgerError`]; the ledger is then as it was.
    pub async fn apply(&self, claim: &Claim, batch: &LedgerBatch) -> Result<Applied, LedgerError> {
        check(batch)?;
        let (after, through) = (tick_column(batch.after)?, tick_column(batch.through)?);
        if let Backend::Postgres(pool) = &self.store.backend {
            let deltas = net(&batch.transfers)?;
            let at_once = AtOnce {
                world: &self.world,
                epoch: i64::from(claim.epoch.0),
                after,
                through,
                deltas: &deltas,
                transfers: rows::rows_of(&batch.transfers)?,
            };
            let done = self.store.in_time(async {
                match at_once.apply(pool).await {
                    Ok(done) => Ok(Ok(done)),
                    Err(error) => refused_or_failed(error).map(Err),
                }
            });
            match done.await? {
                Ok(true) => {
                    return Ok(Applied {
                        new: batch.transfers.len(),
                        repeated: 0,
                    });
                }
                // Something is in the way; below it is found out what.
                Ok(false) => {}
                Err(refused) => return Err(self.explain(claim, refused, &batch.transfers).await),
            }
        }
        let done = self.store.in_time(async {
            on_backend!(self.store.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.store.backend, claim, work, Refused::Fenced);
                    let applied: Option<i64> = sqlx::query_scalar(self.store.backend.book())
                        .bind(&self.world)
                        .fetch_optional(&mut *work)
                        .await?;
                    let Some(applied) = applied else {
                        return Ok(Err(self.not_open().into()));
                    };
                    if after > applied {
                        let (applied, after) = (crate::store::tick_of(applied), batch.after);
                        return Ok(Err(LedgerError::Gap { applied, after }.into()));
                    }
                    let there = batch
                        .transfers
                        .partition_point(|transfer| transfer.key.tick.0.cast_signed() <= applied);
                    let (repeated, new) = batch.transfers.split_at(there);
                    if after < applied {
                        let stored: Vec<TransferRow> = sqlx::query_as(rows::OF_TICKS)
                            .bind(&self.world)
                            .bind(after)
                            .bind(through.min(applied))
                            .fetch_all(&mut *work)
                            .await?;
                        if let Err(error) = repeats(stored, repeated) {
                            return Ok(Err(error.into()));
                        }
                    }
                    write_transfers!(&self.world, new, work);
                    if through > applied {
                        run!(sqlx::query(SET_APPLIED).bind(&self.world).bind(through), work);
                    }
                    work.commit().await?;
                    Ok(Ok(Applied {
                        new: new.len(),
                        repeated: repeated.len(),
                    }))
                }
                .await
            })
        });
        match done.await? {
            Ok(applied) => Ok(applied),
            Err(refused) => Err(self.explain(claim, refused, &batch.transfers).await),
        }
    }

    pub(super) fn not_open(&self) -> LedgerError {
        LedgerError::NotOpen {
            world: self.world.clone(),
        }
    }

    /// Names what a refused transaction stumbled over.
    pub(super) async fn explain(
        &self,
        claim: &Claim,
        refused: Refused,
        transfers: &[Transfer],
    ) -> LedgerError {
        match refused {
            Refused::Fenced(newest) => LedgerError::Store(claim.fenced(newest)),
            Refused::Ledger(error) => error,
            Refused::Constraint(what) => match self.overdrawn(transfers).await {
                Ok(Some(overdrawn)) => overdrawn,
                Ok(None) => LedgerError::Constraint(what),
                Err(error) => error,
            },
        }
    }

    /// The first account that these transfers would take below nothing, as things are.
    async fn overdrawn(&self, transfers: &[Transfer]) -> Result<Option<LedgerError>, LedgerError> {
        let deltas = net(transfers)?;
        let balances: BTreeMap<Account, i64> = self.balances().await?.into_iter().collect();
        let short = deltas.into_iter().find_map(|(account, delta)| {
            let balance = balances.get(&account).copied().unwrap_or_default();
            let after = i128::from(balance) + i128::from(delta);
            (after < 0 && !account.kind.issues()).then(|| LedgerError::Overdrawn {
                account,
                balance,
                loss: -i128::from(delta),
            })
        });
        Ok(short)
    }
}

/// What each account gains or loses by all of them, by account; those that come out even, too, for
/// their rows are referred to.
pub(super) fn net(transfers: &[Transfer]) -> Result<Vec<(Account, i64)>, LedgerError> {
    let mut sums: BTreeMap<Account, i128> = BTreeMap::new();
    for transfer in transfers {
        let amount = i128::from(rows::amount_column(transfer)?);
        *sums.entry(transfer.debit).or_default() -= amount;
        *sums.entry(transfer.credit).or_default() += amount;
    }
    let fits = |(account, sum): (Account, i128)| match i64::try_from(sum) {
        Ok(sum) => Ok((account, sum)),
        Err(_) => Err(LedgerError::BadBatch(format!(
            "{account} would change by {sum}, which does not fit"
        ))),
    };
    sums.into_iter().map(fits).collect()
}

fn check(batch: &LedgerBatch) -> Result<(), LedgerError> {
    let bad = |what: String| Err(LedgerError::BadBatch(what));
    if batch.through < batch.after {
        return bad(format!(
            "it ends with tick {}, before it begins after tick {}",
            batch.through, batch.after
        ));
    }
    if let Some(pair) = batch.transfers.windows(2).find(|w| w[0].key >= w[1].key) {
        return bad(format!("{} comes before {}", pair[0].key, pair[1].key));
    }
    let outside = |transfer: &&Transfer| {
        transfer.key.tick <= batch.after || transfer.key.tick > batch.through
    };
    if let Some(transfer) = batch.transfers.iter().find(outside) {
        return bad(format!("{} is of none of its ticks", transfer.key));
    }
    let absurd = |transfer: &&Transfer| {
        transfer.amount == 0
            || transfer.debit == transfer.credit
            || transfer.debit.asset != transfer.credit.asset
            // What only the opening of a ledger may say.
            || matches!(transfer.reason, Reason::Opened | Reason::Corrected)
    };
    match batch.transfers.iter().find(absurd) {
        Some(transfer) => bad(format!("{}: {transfer}", transfer.key)),
        None => Ok(()),
    }
}

/// Whether ticks that are there came out exactly as given now.
fn repeats(stored: Vec<TransferRow>, given: &[Transfer]) -> Result<(), LedgerError> {
    let stored: Vec<Transfer> = stored
        .into_iter()
        .map(rows::transfer_of)
        .collect::<Result<_, _>>()?;
    // How a ledger began is no part of any tick.
    let mut stored: Vec<Transfer> = stored
        .into_iter()
        .filter(|transfer| !matches!(transfer.reason, Reason::Opened | Reason::Corrected))
        .collect();
    // The database knows ids as signed numbers, and orders them so.
    stored.sort_unstable_by_key(|transfer| transfer.key);
    let mut stored = stored.into_iter();
    let mut given = given.iter();
    loop {
        let (stored, given) = match (stored.next(), given.next()) {
            (None, None) => return Ok(()),
            (Some(stored), Some(given)) if stored == *given => continue,
            differing => differing,
        };
        let keys = [stored.as_ref().map(|of| of.key), given.map(|of| of.key)];
        let key = keys.into_iter().flatten().min();
        let key = key.expect("one of them is there, or they would not differ");
        return Err(LedgerError::Conflict {
            key,
            stored: stored.filter(|of| of.key == key).map(Box::new),
            given: given.filter(|of| of.key == key).cloned().map(Box::new),
        });
    }
}

const _: () = assert!(ROWS_PER_STATEMENT * 12 < 32_766);
