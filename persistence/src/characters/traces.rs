//! What the ledgers of all worlds in a database say of one character.

use bluemarble_shared_protocol::EntityId;

use super::Characters;
use crate::ledger::rows::{account_of, transfer_of};
use crate::ledger::{Account, AccountKind, LedgerError, Transfer};
use crate::store::on_backend;

/// Everything of one character in the ledgers, by world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerTraces {
    /// World, account, and what it holds.
    pub balances: Vec<(String, Account, i64)>,
    /// Transfers that it had to do with, in order.
    pub lines: Vec<LedgerLine>,
}

/// One transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// The world's name in the store.
    pub world: String,
    /// The epoch in which the world went back behind it; `None` if it counts.
    pub undone_in: Option<u32>,
    /// It.
    pub transfer: Transfer,
}

const BALANCES: &str = "SELECT world, kind, holder, asset, balance FROM ledger_account \
     WHERE holder = $1 AND kind = $2 ORDER BY world, asset";
macro_rules! lines {
    ($epoch:literal, $table:literal) => {
        concat!(
            "SELECT world, ",
            $epoch,
            " AS epoch, tick, entity, n, debit_kind, debit_holder, credit_kind, credit_holder, \
             amount, reason, peer, external, asset FROM ",
            $table,
            " WHERE (debit_holder = $1 AND debit_kind = $2) OR (credit_holder = $1 AND credit_kind = $2) \
             OR entity = $1 OR peer = $1 ORDER BY world, tick, entity, n"
        )
    };
}
const TRANSFERS: &str = lines!("CAST(-1 AS BIGINT)", "ledger_transfer");
const UNDONE: &str = lines!("epoch", "ledger_undone");

#[derive(sqlx::FromRow)]
struct Row {
    world: String,
    epoch: i64,
    tick: i64,
    entity: i64,
    n: i64,
    debit_kind: i16,
    debit_holder: i64,
    credit_kind: i16,
    credit_holder: i64,
    amount: i64,
    reason: i16,
    peer: i64,
    external: Option<String>,
    asset: i16,
}

impl Characters {
    /// What the ledgers say of it. Reads every transfer there is.
    ///
    /// # Errors
    /// If the database does not answer, or refuses, or a row makes no sense.
    pub async fn ledger_traces(&self, character: EntityId) -> Result<LedgerTraces, LedgerError> {
        let (id, kind) = (character.0.cast_signed(), AccountKind::Character as i16);
        let (balances, mut rows, undone) = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    async {
                        let balances: Vec<(String, i16, i64, i16, i64)> =
                            sqlx::query_as(BALANCES).bind(id).bind(kind).fetch_all(pool).await?;
                        let rows: Vec<Row> =
                            sqlx::query_as(TRANSFERS).bind(id).bind(kind).fetch_all(pool).await?;
                        let undone: Vec<Row> =
                            sqlx::query_as(UNDONE).bind(id).bind(kind).fetch_all(pool).await?;
                        Ok((balances, rows, undone))
                    }
                    .await
                })
            })
            .await?;
        rows.extend(undone);
        let balances = balances.into_iter();
        Ok(LedgerTraces {
            balances: balances
                .map(|(world, kind, holder, asset, held)| {
                    Ok((world, account_of(kind, holder, asset)?, held))
                })
                .collect::<Result<_, LedgerError>>()?,
            lines: rows.into_iter().map(line_of).collect::<Result<_, _>>()?,
        })
    }
}

fn line_of(row: Row) -> Result<LedgerLine, LedgerError> {
    let (from, to) = (
        (row.debit_kind, row.debit_holder),
        (row.credit_kind, row.credit_holder),
    );
    let transfer = transfer_of((
        row.tick,
        row.entity,
        row.n,
        from.0,
        from.1,
        to.0,
        to.1,
        row.amount,
        row.reason,
        row.peer,
        row.external,
        row.asset,
    ))?;
    Ok(LedgerLine {
        world: row.world,
        undone_in: u32::try_from(row.epoch).ok(),
        transfer,
    })
}
