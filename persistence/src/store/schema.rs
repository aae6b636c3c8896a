//! The schema's versions: migrations compiled into the program, applied in order, each whole.
//!
//! One row per applied version in `bluemarble_schema`. A version newer than the newest known here
//! means that a later build has been at work: nothing is touched. Two servers that start at once
//! take turns (an advisory lock in Postgres, the write lock in SQLite). Migrations that have been
//! released never change; a correction is a further one. The texts are compiled in by
//! `include_str!`, which cargo tracks, so a changed file rebuilds this crate by itself.

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::error::{StoreError, explain};

const SQLITE: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_worlds_and_checkpoints.sql"),
    include_str!("../../migrations/sqlite/0002_provenance.sql"),
    include_str!("../../migrations/sqlite/0003_packed_parts_and_times.sql"),
    include_str!("../../migrations/sqlite/0004_ledger.sql"),
    include_str!("../../migrations/sqlite/0005_journal_chunks.sql"),
    include_str!("../../migrations/sqlite/0006_assets.sql"),
    include_str!("../../migrations/sqlite/0007_characters.sql"),
];
const POSTGRES: &[&str] = &[
    include_str!("../../migrations/postgres/0001_worlds_and_checkpoints.sql"),
    include_str!("../../migrations/postgres/0002_provenance.sql"),
    include_str!("../../migrations/postgres/0003_packed_parts_and_times.sql"),
    include_str!("../../migrations/postgres/0004_ledger.sql"),
    include_str!("../../migrations/postgres/0005_journal_chunks.sql"),
    include_str!("../../migrations/postgres/0006_assets.sql"),
    include_str!("../../migrations/postgres/0007_characters.sql"),
];
const _: () = assert!(
    SQLITE.len() == POSTGRES.len(),
    "one version number serves both"
);

const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS bluemarble_schema (version BIGINT NOT NULL PRIMARY KEY)";
/// Changes nothing, but is refused where nothing may be changed.
const WRITABLE: &str = "DELETE FROM bluemarble_schema WHERE version < 0";
const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM bluemarble_schema";
const APPLIED: &str = "INSERT INTO bluemarble_schema (version) VALUES ($1)";
/// Any number that no other program uses on the same database.
const TURN: &str = "SELECT pg_advisory_xact_lock(4776250187329)";

/// One statement text for both: `$lock` is what Postgres needs to take turns.
macro_rules! migrate {
    ($connection:expr, $place:expr, $begin:expr, $lock:expr, $migrations:expr) => {{
        let refused = |error: sqlx::Error| explain($place, &error);
        let mut work = $connection.begin_with($begin).await.map_err(refused)?;
        let lock: Option<&'static str> = $lock;
        if let Some(lock) = lock {
            sqlx::query(lock)
                .execute(&mut *work)
                .await
                .map_err(refused)?;
        }
        sqlx::query(VERSIONS)
            .execute(&mut *work)
            .await
            .map_err(refused)?;
        let found: i64 = sqlx::query_scalar(NEWEST)
            .fetch_one(&mut *work)
            .await
            .map_err(refused)?;
        let pending = pending($place, found, $migrations)?;
        sqlx::query(WRITABLE)
            .execute(&mut *work)
            .await
            .map_err(refused)?;
        for (version, sql) in pending {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut *work)
                .await
                .map_err(refused)?;
            sqlx::query(APPLIED)
                .bind(version)
                .execute(&mut *work)
                .await
                .map_err(refused)?;
            tracing::info!(database = $place, version, "schema migrated");
            step($place)?;
        }
        step($place)?;
        work.commit().await.map_err(refused)?;
        step($place)
    }};
}

/// Where a test may end the process.
fn step(place: &str) -> Result<(), StoreError> {
    #[cfg(feature = "faults")]
    if let Some(machine) = crate::faults::Machine::of(place) {
        return machine.store_step(place);
    }
    let _only_in_tests = place;
    Ok(())
}

/// Brings a SQLite file's schema up to date.
pub(super) async fn migrate_sqlite(
    connection: &mut SqliteConnection,
    place: &str,
) -> Result<(), StoreError> {
    migrate!(connection, place, "BEGIN IMMEDIATE", None, SQLITE)
}

/// Brings a Postgres schema up to date.
pub(super) async fn migrate_postgres(
    connection: &mut PgConnection,
    place: &str,
) -> Result<(), StoreError> {
    migrate!(connection, place, "BEGIN", Some(TURN), POSTGRES)
}

/// What each migration is for, in order.
const PURPOSES: [&str; 7] = [
    "worlds and checkpoints",
    "checkpoints say what they were computed from",
    "checkpoints are packed and say when they were taken",
    "a ledger of who holds what",
    "the journal in the database",
    "a ledger of things, too",
    "accounts, characters and the keys of their names",
];
const _: () = assert!(PURPOSES.len() == SQLITE.len(), "every migration is named");

/// The newest version known here.
pub(super) const KNOWN: i64 = SQLITE.len() as i64;

/// Numbers and purposes of the migrations after version `found`.
pub(super) fn purposes_after(found: i64) -> Vec<(i64, &'static str)> {
    let applied = usize::try_from(found).unwrap_or_default();
    (1..).zip(PURPOSES).skip(applied).collect()
}

/// The version of a database in which nothing is to be changed; 0 if it has none yet.
pub(super) async fn found_in_sqlite(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    const THERE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'bluemarble_schema'";
    let there: i64 = sqlx::query_scalar(THERE)
        .fetch_one(&mut *connection)
        .await?;
    match there {
        0 => Ok(0),
        _ => sqlx::query_scalar(NEWEST).fetch_one(connection).await,
    }
}

/// As [`found_in_sqlite`].
pub(super) async fn found_in_postgres(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    const THERE: &str = "SELECT COUNT(*) FROM information_schema.tables \
         WHERE table_name = 'bluemarble_schema' AND table_schema = ANY (current_schemas(false))";
    let there: i64 = sqlx::query_scalar(THERE)
        .fetch_one(&mut *connection)
        .await?;
    match there {
        0 => Ok(0),
        _ => sqlx::query_scalar(NEWEST).fetch_one(connection).await,
    }
}

/// Refuses what a later build has made.
pub(super) fn refuse_newer(place: &str, found: i64) -> Result<(), StoreError> {
    if found > KNOWN {
        return Err(StoreError::NewerSchema {
            place: place.to_owned(),
            found,
            known: KNOWN,
        });
    }
    Ok(())
}

/// The migrations after version `found`, with their numbers.
fn pending(
    place: &str,
    found: i64,
    migrations: &'static [&'static str],
) -> Result<impl Iterator<Item = (i64, &'static str)>, StoreError> {
    refuse_newer(place, found)?;
    let applied = usize::try_from(found).unwrap_or_default();
    Ok((1..).zip(migrations.iter().copied()).skip(applied))
}
