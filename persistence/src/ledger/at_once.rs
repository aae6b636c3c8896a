//! A batch in one statement, for Postgres: one way there and back instead of eight, which is most of
//! what a small batch takes.
//!
//! It does what the ordinary transaction does where all is as it should be: the writer's epoch is the
//! newest, and the ledger stands where the batch begins. Otherwise it changes nothing, and the ordinary
//! transaction finds out why. Epoch and ledger row are locked, so both are read as they are when the locks
//! are had; accounts are written by nobody who does not hold the ledger's lock.

use sqlx::postgres::PgPool;

use super::account::Account;
use super::rows::{self, TransferRow};

const APPLY: &str = "WITH \
     fence AS MATERIALIZED (SELECT epoch FROM world WHERE name = $1 FOR SHARE), \
     book AS MATERIALIZED (SELECT applied FROM ledger WHERE world = $1 FOR UPDATE), \
     go AS MATERIALIZED (SELECT 1 FROM fence, book WHERE epoch = $2 AND applied = $3), \
     change AS MATERIALIZED (SELECT kind, holder, delta, asset \
         FROM unnest($5::smallint[], $6::bigint[], $7::bigint[], $20::smallint[]) \
         AS c (kind, holder, delta, asset), go), \
     known AS (UPDATE ledger_account AS account SET balance = account.balance + change.delta \
         FROM change WHERE account.world = $1 AND account.kind = change.kind \
         AND account.holder = change.holder AND account.asset = change.asset \
         RETURNING account.kind, account.holder, account.asset), \
     fresh AS (INSERT INTO ledger_account (world, kind, holder, asset, balance) \
         SELECT $1, kind, holder, asset, delta FROM change WHERE NOT EXISTS (SELECT FROM known \
         WHERE known.kind = change.kind AND known.holder = change.holder \
         AND known.asset = change.asset)), \
     entered AS (INSERT INTO ledger_transfer (world, tick, entity, n, debit_kind, debit_holder, \
         credit_kind, credit_holder, amount, reason, peer, external, asset) \
         SELECT $1, t.* FROM unnest($8::bigint[], $9::bigint[], $10::bigint[], $11::smallint[], \
         $12::bigint[], $13::smallint[], $14::bigint[], $15::bigint[], $16::smallint[], \
         $17::bigint[], $18::text[], $19::smallint[]) AS t (tick, entity, n, debit_kind, debit_holder, credit_kind, \
         credit_holder, amount, reason, peer, external, asset), go), \
     moved AS (UPDATE ledger SET applied = $4 FROM go WHERE world = $1) \
     SELECT EXISTS (SELECT FROM go)";

/// A batch as columns.
pub(super) struct AtOnce<'a> {
    pub(super) world: &'a str,
    pub(super) epoch: i64,
    pub(super) after: i64,
    pub(super) through: i64,
    /// What each account gains or loses.
    pub(super) deltas: &'a [(Account, i64)],
    pub(super) transfers: Vec<TransferRow>,
}

impl AtOnce<'_> {
    /// Whether it was applied; if not, nothing has changed.
    pub(super) async fn apply(self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let kinds: Vec<i16> = self.deltas.iter().map(|(of, _)| of.kind as i16).collect();
        let holders = self.deltas.iter().map(|(of, _)| of.holder.cast_signed());
        let assets = self.deltas.iter().map(|(of, _)| rows::asset_column(of));
        let deltas: Vec<i64> = self.deltas.iter().map(|(_, delta)| *delta).collect();
        macro_rules! column {
            ($place:tt) => {
                self.transfers
                    .iter()
                    .map(|row| row.$place)
                    .collect::<Vec<_>>()
            };
        }
        sqlx::query_scalar(APPLY)
            .bind(self.world)
            .bind(self.epoch)
            .bind(self.after)
            .bind(self.through)
            .bind(kinds)
            .bind(holders.collect::<Vec<i64>>())
            .bind(deltas)
            .bind(column!(0))
            .bind(column!(1))
            .bind(column!(2))
            .bind(column!(3))
            .bind(column!(4))
            .bind(column!(5))
            .bind(column!(6))
            .bind(column!(7))
            .bind(column!(8))
            .bind(column!(9))
            .bind(
                self.transfers
                    .iter()
                    .map(|row| row.10.clone())
                    .collect::<Vec<Option<String>>>(),
            )
            .bind(column!(11))
            .bind(assets.collect::<Vec<i16>>())
            .fetch_one(pool)
            .await
    }
}
