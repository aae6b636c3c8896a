//! The two databases: how to connect and how to begin a transaction. Nothing else differs.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::address::Address;
use super::error::{StoreError, explain, timed_out};
use super::schema;
use crate::limits::{POSTGRES_CONNECTIONS, SQLITE_CONNECTIONS};

/// A closed choice; each holds its connections.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same statements on whichever database it is: `$pool` is its pool, `$begin` how a
/// writing transaction begins. SQLite takes its one write lock at once, for a transaction that
/// reads first and writes later could not wait for it.
macro_rules! on_backend {
    ($backend:expr, ($pool:ident, $begin:ident) => $body:expr) => {
        match &$backend {
            $crate::store::backend::Backend::Sqlite($pool) => {
                let $begin = "BEGIN IMMEDIATE";
                $body
            }
            $crate::store::backend::Backend::Postgres($pool) => {
                let $begin = "BEGIN";
                $body
            }
        }
    };
}
pub(crate) use on_backend;

/// Keeps claims out of a transaction if the writer's epoch is the newest, or ends the block with what
/// `$refused` makes of the newest.
macro_rules! fence {
    ($backend:expr, $claim:expr, $work:expr, $refused:expr) => {{
        let newest: Option<i64> = sqlx::query_scalar($backend.fence())
            .bind(&$claim.world)
            .fetch_optional(&mut *$work)
            .await?;
        if newest != Some(i64::from($claim.epoch.0)) {
            return Ok(Err($refused(newest)));
        }
    }};
}
pub(crate) use fence;

impl Backend {
    /// A write's first statement: the newest epoch of the world `$1`, which stays the newest until the
    /// transaction ends. In Postgres the row is locked so that claims wait and other writes of the same
    /// writer do not; in SQLite the transaction holds the one write lock there is.
    pub(crate) fn fence(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SELECT epoch FROM world WHERE name = $1",
            Self::Postgres(_) => "SELECT epoch FROM world WHERE name = $1 FOR SHARE",
        }
    }

    /// How far the ledger of the world `$1` is, and that nobody else writes it until the transaction
    /// ends: an attempt that was given up may still be at work when it is repeated.
    pub(crate) fn book(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SELECT applied FROM ledger WHERE world = $1",
            Self::Postgres(_) => "SELECT applied FROM ledger WHERE world = $1 FOR UPDATE",
        }
    }

    /// Lets one checkpoint of the world `$1` be written at a time: an attempt that was given up may
    /// still be at work when it is repeated. SQLite has one writer anyway.
    pub(crate) fn turn_of_checkpoints(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_) => {
                Some("SELECT pg_advisory_xact_lock(hashtextextended($1, 4776250187330))")
            }
        }
    }

    /// Connects once, brings the schema up to date, and sets up the pool.
    pub(super) async fn connect(address: &Address, patience: Duration) -> Result<Self, StoreError> {
        match tokio::time::timeout(patience, Self::connect_patiently(address, patience)).await {
            Ok(done) => done,
            Err(_) => Err(timed_out(&address.place(), patience)),
        }
    }

    async fn connect_patiently(address: &Address, patience: Duration) -> Result<Self, StoreError> {
        let place = address.place();
        let refused = |error: sqlx::Error| explain(&place, &error);
        match address {
            Address::Sqlite { options, .. } => {
                address.make_parent()?;
                // Half the patience, so that a lock is named before the time is up.
                let options = (**options).clone().busy_timeout(patience / 2);
                let mut connection = options.connect().await.map_err(refused)?;
                schema::migrate_sqlite(&mut connection, &place).await?;
                connection.close().await.map_err(refused)?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(SQLITE_CONNECTIONS)
                    .acquire_timeout(patience)
                    // When its disk fails SQLite rolls back by itself, and the library, which does not
                    // learn of it, lets no transaction begin on that connection any more.
                    .before_acquire(|connection, _| {
                        let usable = !connection.is_in_transaction();
                        Box::pin(async move { Ok(usable) })
                    })
                    .connect_lazy_with(options);
                Ok(Self::Sqlite(pool))
            }
            Address::Postgres { options, .. } => {
                let mut connection = options.connect().await.map_err(refused)?;
                schema::migrate_postgres(&mut connection, &place).await?;
                warn_without_fsync(&mut connection, &place)
                    .await
                    .map_err(refused)?;
                connection.close().await.map_err(refused)?;
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(patience)
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            for setting in [DURABLE_COMMITS, LOCK_TIMEOUT, IDLE_TIMEOUT] {
                                sqlx::query(setting).execute(&mut *connection).await?;
                            }
                            Ok(())
                        })
                    })
                    .connect_lazy_with((**options).clone());
                Ok(Self::Postgres(pool))
            }
        }
    }
}

impl Backend {
    /// Connects once, for reading only, and says which version the schema has.
    pub(super) async fn look(
        address: &Address,
        patience: Duration,
    ) -> Result<(Self, i64), StoreError> {
        match tokio::time::timeout(patience, Self::look_patiently(address, patience)).await {
            Ok(done) => done,
            Err(_) => Err(timed_out(&address.place(), patience)),
        }
    }

    async fn look_patiently(
        address: &Address,
        patience: Duration,
    ) -> Result<(Self, i64), StoreError> {
        let place = address.place();
        let refused = |error: sqlx::Error| explain(&place, &error);
        let (backend, found) = match address {
            Address::Sqlite { path, .. } => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(true)
                    .busy_timeout(patience / 2);
                let mut connection = options.connect().await.map_err(refused)?;
                let found = schema::found_in_sqlite(&mut connection)
                    .await
                    .map_err(refused)?;
                connection.close().await.map_err(refused)?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(SQLITE_CONNECTIONS)
                    .acquire_timeout(patience)
                    .connect_lazy_with(options);
                (Self::Sqlite(pool), found)
            }
            Address::Postgres { options, .. } => {
                let options = (**options)
                    .clone()
                    .options([("default_transaction_read_only", "on")]);
                let mut connection = options.connect().await.map_err(refused)?;
                let found = schema::found_in_postgres(&mut connection)
                    .await
                    .map_err(refused)?;
                connection.close().await.map_err(refused)?;
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(patience)
                    .connect_lazy_with(options);
                (Self::Postgres(pool), found)
            }
        };
        schema::refuse_newer(&place, found)?;
        Ok((backend, found))
    }
}

/// The journal is pruned once a checkpoint is committed, so a commit must be on the disk. A server
/// may ask for more than that (`remote_apply`), which stays.
const DURABLE_COMMITS: &str = "SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') = 'off'";

/// Another writer may be storing a large checkpoint; one that takes longer is named.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '20s'";

/// A server that stands still in the middle of a transaction would keep its world's row locked,
/// and nobody could take the world over. Ours pause only to hand the next part over.
const IDLE_TIMEOUT: &str = "SET idle_in_transaction_session_timeout = '10s'";

async fn warn_without_fsync(
    connection: &mut sqlx::PgConnection,
    place: &str,
) -> Result<(), sqlx::Error> {
    let fsync: String = sqlx::query_scalar("SELECT current_setting('fsync')")
        .fetch_one(connection)
        .await?;
    if fsync == "off" {
        tracing::warn!(
            database = place,
            "this Postgres runs with fsync = off: a power cut there may lose checkpoints that the \
             journal no longer covers"
        );
    }
    Ok(())
}
