//! A database as an older build left it, for `migrate` to be killed on: the one that the tests of
//! persistence keep, in SQLite as it is, in Postgres with the same rows.

use std::path::Path;

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use crate::database::{Database, wait};

/// Which version of the schema it has.
pub const VERSION: i64 = 2;
/// Whose.
pub const WORLD: &str = "lively";
/// What its server was started with.
pub const SETTINGS: [&str; 4] = ["--scenario", "lively", "--seed", "7"];

const LEFT: &[u8] = include_bytes!("../../../persistence/tests/stored/format-2/world.sqlite");
const POSTGRES: [&str; VERSION as usize] = [
    include_str!("../../../persistence/migrations/postgres/0001_worlds_and_checkpoints.sql"),
    include_str!("../../../persistence/migrations/postgres/0002_provenance.sql"),
];

/// Makes the data directory, and fills the database.
///
/// # Errors
/// One of them cannot be written.
pub fn lay_out(dir: &Path, postgres: Option<&Database>) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join("world.sqlite");
    std::fs::write(&file, LEFT)?;
    let Some(database) = postgres else {
        return Ok(());
    };
    wait(copy(&file, database.url())).context("an older schema in Postgres")?;
    std::fs::remove_file(file)?;
    Ok(())
}

async fn copy(file: &Path, url: &str) -> anyhow::Result<()> {
    let mut from = SqliteConnectOptions::new().filename(file).connect().await?;
    let mut to = url.parse::<PgConnectOptions>()?.connect().await?;
    let versions = "CREATE TABLE bluemarble_schema (version BIGINT NOT NULL PRIMARY KEY)";
    for sql in [versions].iter().chain(&POSTGRES) {
        sqlx::raw_sql(AssertSqlSafe(*sql)).execute(&mut to).await?;
    }
    let applied = "INSERT INTO bluemarble_schema SELECT generate_series(1, $1)";
    sqlx::query(applied).bind(VERSION).execute(&mut to).await?;
    worlds(&mut from, &mut to).await?;
    checkpoints(&mut from, &mut to).await?;
    from.close().await?;
    to.close().await?;
    Ok(())
}

async fn worlds(from: &mut SqliteConnection, to: &mut PgConnection) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, i64, i64, String)> =
        sqlx::query_as("SELECT name, epoch, content_hash, build FROM world")
            .fetch_all(from)
            .await?;
    for (name, epoch, content_hash, build) in rows {
        sqlx::query("INSERT INTO world (name, epoch, content_hash, build) VALUES ($1, $2, $3, $4)")
            .bind(name)
            .bind(epoch)
            .bind(content_hash)
            .bind(build)
            .execute(&mut *to)
            .await?;
    }
    Ok(())
}

type Manifest = (String, i64, i64, i64, i64, i64, Vec<u8>, i64, String);

async fn checkpoints(
    from: &mut SqliteConnection,
    to: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    const COLUMNS: &str =
        "world, epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance";
    let rows: Vec<Manifest> =
        sqlx::query_as(AssertSqlSafe(format!("SELECT {COLUMNS} FROM checkpoint")))
            .fetch_all(&mut *from)
            .await?;
    let insert =
        format!("INSERT INTO checkpoint ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    for row in rows {
        sqlx::query(AssertSqlSafe(insert.clone()))
            .bind(row.0)
            .bind(row.1)
            .bind(row.2)
            .bind(row.3)
            .bind(row.4)
            .bind(row.5)
            .bind(row.6)
            .bind(row.7)
            .bind(row.8)
            .execute(&mut *to)
            .await?;
    }
    let parts: Vec<(String, i64, i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT world, epoch, tick, zone, bytes FROM checkpoint_part")
            .fetch_all(from)
            .await?;
    for (world, epoch, tick, zone, bytes) in parts {
        sqlx::query(
            "INSERT INTO checkpoint_part (world, epoch, tick, zone, bytes) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(world)
        .bind(epoch)
        .bind(tick)
        .bind(zone)
        .bind(bytes)
        .execute(&mut *to)
        .await?;
    }
    Ok(())
}
