//! Accounts and transfers as rows, and the statements that write many of them at once.

use bluemarble_shared_protocol::AssetId;
use sqlx::{Database, Encode, QueryBuilder, Type};

use super::account::{Account, AccountKind};
use super::error::LedgerError;
use super::transfer::{Reason, Transfer, TransferKey};
use crate::store::{StoreError, tick_of};

/// Rows of one statement: thirteen parameters each, and SQLite takes 32,766.
pub(super) const ROWS_PER_STATEMENT: usize = 256;

/// Tick, entity, n, debit kind, debit holder, credit kind, credit holder, amount, reason, peer,
/// external key, asset.
pub(crate) type TransferRow = (
    i64,
    i64,
    i64,
    i16,
    i64,
    i16,
    i64,
    i64,
    i16,
    i64,
    Option<String>,
    i16,
);

macro_rules! columns {
    () => {
        "tick, entity, n, debit_kind, debit_holder, credit_kind, credit_holder, amount, reason, \
         peer, external, asset"
    };
}

pub(super) const NEWEST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ledger_transfer WHERE world = $1 ORDER BY tick DESC, entity DESC, n DESC LIMIT $2"
);
pub(super) const OF_KEY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ledger_transfer WHERE world = $1 AND external = $2"
);
pub(super) const OF_TICKS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM ledger_transfer WHERE world = $1 AND tick > $2 AND tick <= $3 ORDER BY tick, entity, n"
);
pub(super) const UNDO: &str = concat!(
    "INSERT INTO ledger_undone (world, epoch, ",
    columns!(),
    ") SELECT world, $2, ",
    columns!(),
    " FROM ledger_transfer WHERE world = $1 AND tick > $3"
);

/// Accounts that are not there yet begin with nothing.
pub(super) fn insert_accounts<DB>(world: &str, accounts: &[(Account, i64)]) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> i16: Encode<'q, DB> + Type<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let mut query =
        QueryBuilder::new("INSERT INTO ledger_account (world, kind, holder, asset, balance) ");
    query.push_values(accounts, |mut row, (account, _)| {
        row.push_bind(world.to_owned())
            .push_bind(account.kind as i16)
            .push_bind(account.holder.cast_signed())
            .push_bind(asset_column(account))
            .push_bind(0_i64);
    });
    query.push(" ON CONFLICT (world, kind, holder, asset) DO NOTHING");
    query
}

/// What each account gains or loses.
pub(super) fn change_balances<DB>(world: &str, deltas: &[(Account, i64)]) -> QueryBuilder<DB>
where
    DB: Database,
    DB::Arguments: Default,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> i16: Encode<'q, DB> + Type<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new("WITH change (kind, holder, asset, delta) AS (");
    query.push_values(deltas, |mut row, (account, delta)| {
        row.push_bind(account.kind as i16)
            .push_bind(account.holder.cast_signed())
            .push_bind(asset_column(account))
            .push_bind(*delta);
    });
    query.push(
        ") UPDATE ledger_account SET balance = ledger_account.balance + change.delta FROM change \
         WHERE ledger_account.kind = change.kind AND ledger_account.holder = change.holder \
         AND ledger_account.asset = change.asset AND ledger_account.world = ",
    );
    query.push_bind(world.to_owned());
    query
}

/// New transfers; none of the keys may be there.
pub(super) fn insert_transfers<DB>(
    world: &str,
    transfers: &[Transfer],
) -> Result<QueryBuilder<DB>, LedgerError>
where
    DB: Database,
    DB::Arguments: Default,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> i16: Encode<'q, DB> + Type<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
{
    let rows = rows_of(transfers)?;
    let mut query = QueryBuilder::new(concat!(
        "INSERT INTO ledger_transfer (world, ",
        columns!(),
        ") "
    ));
    query.push_values(rows, |mut row, values| {
        let (tick, entity, n, from, from_whom, to, to_whom, amount, reason, peer, external, asset) =
            values;
        row.push_bind(world.to_owned())
            .push_bind(tick)
            .push_bind(entity)
            .push_bind(n)
            .push_bind(from)
            .push_bind(from_whom)
            .push_bind(to)
            .push_bind(to_whom)
            .push_bind(amount)
            .push_bind(reason)
            .push_bind(peer)
            .push_bind(external)
            .push_bind(asset);
    });
    Ok(query)
}

/// Transfers as rows.
pub(super) fn rows_of(transfers: &[Transfer]) -> Result<Vec<TransferRow>, LedgerError> {
    transfers.iter().map(row_of).collect()
}

fn row_of(transfer: &Transfer) -> Result<TransferRow, LedgerError> {
    let TransferKey { tick, entity, n } = transfer.key;
    Ok((
        crate::store::tick_column(tick)?,
        entity.cast_signed(),
        i64::from(n),
        transfer.debit.kind as i16,
        transfer.debit.holder.cast_signed(),
        transfer.credit.kind as i16,
        transfer.credit.holder.cast_signed(),
        amount_column(transfer)?,
        transfer.reason as i16,
        transfer.peer.cast_signed(),
        transfer.external.clone(),
        asset_column(&transfer.debit),
    ))
}

/// An amount as a column.
pub(super) fn amount_column(transfer: &Transfer) -> Result<i64, LedgerError> {
    i64::try_from(transfer.amount).map_err(|_| {
        LedgerError::Store(StoreError::Unstorable {
            what: format!("an amount of {} does not fit", transfer.amount),
        })
    })
}

/// An account's asset as a column.
pub(super) fn asset_column(account: &Account) -> i16 {
    i16::from(account.asset.0)
}

pub(crate) fn account_of(kind: i16, holder: i64, asset: i16) -> Result<Account, LedgerError> {
    let kind = AccountKind::from_number(kind)
        .ok_or_else(|| LedgerError::BadRow(format!("an account of kind {kind}")))?;
    Ok(Account::coins(kind, holder.cast_unsigned()).of(asset_of(asset)?))
}

pub(super) fn asset_of(asset: i16) -> Result<AssetId, LedgerError> {
    let number = u8::try_from(asset);
    let number = number.map_err(|_| LedgerError::BadRow(format!("an account of asset {asset}")))?;
    Ok(AssetId(number))
}

pub(crate) fn transfer_of(row: TransferRow) -> Result<Transfer, LedgerError> {
    let (tick, entity, n, from, from_whom, to, to_whom, amount, reason, peer, external, asset) =
        row;
    let bad = |what: String| LedgerError::BadRow(what);
    Ok(Transfer {
        key: TransferKey {
            tick: tick_of(tick),
            entity: entity.cast_unsigned(),
            n: u32::try_from(n).map_err(|_| bad(format!("number {n}")))?,
        },
        debit: account_of(from, from_whom, asset)?,
        credit: account_of(to, to_whom, asset)?,
        amount: u64::try_from(amount).map_err(|_| bad(format!("an amount of {amount}")))?,
        reason: Reason::from_number(reason).ok_or_else(|| bad(format!("reason {reason}")))?,
        peer: peer.cast_unsigned(),
        external,
    })
}
