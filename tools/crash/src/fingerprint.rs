//! What a data directory and a database hold, to see that nothing changes it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::database::wait;

/// By file or table, what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, Vec<u8>>);

impl Fingerprint {
    /// Files and tables that differ.
    pub fn changes(&self, later: &Self) -> Vec<String> {
        let names = self.0.keys().chain(later.0.keys());
        let mut changed: Vec<_> = names
            .filter(|name| self.0.get(*name) != later.0.get(*name))
            .cloned()
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }
}

/// Of a killed server's data directory, and of its database in Postgres.
///
/// # Errors
/// One of them cannot be read.
pub fn fingerprint(dir: &Path, postgres: Option<&str>) -> anyhow::Result<Fingerprint> {
    let mut found = BTreeMap::new();
    files(dir, "", &mut found)?;
    if let Some(url) = postgres {
        wait(tables(url, &mut found)).context("the database's tables")?;
    }
    Ok(Fingerprint(found))
}

/// Every file and its bytes, but for what SQLite needs to read, and what the trial itself writes.
fn files(dir: &Path, under: &str, found: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for entry in dir.read_dir()? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{under}{name}");
        if path.is_dir() {
            files(&path, &format!("{name}/"), found)?;
        } else if !name.ends_with("-shm") && !["stdout.txt", "stderr.txt"].contains(&&*name) {
            found.insert(name, std::fs::read(&path)?);
        }
    }
    Ok(())
}

async fn tables(url: &str, found: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    const TABLES: &str = "SELECT table_name::text FROM information_schema.tables \
         WHERE table_schema = 'public'";
    let options: PgConnectOptions = url.parse()?;
    let mut connection = options.connect().await?;
    let names: Vec<String> = sqlx::query_scalar(TABLES)
        .fetch_all(&mut connection)
        .await?;
    for name in names {
        let rows = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t");
        let sum: Option<String> = sqlx::query_scalar(AssertSqlSafe(rows))
            .fetch_one(&mut connection)
            .await?;
        let sum = sum.unwrap_or_default().into_bytes();
        found.insert(format!("table {name}"), sum);
    }
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_comes_goes_or_changes_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("under/b"));
        std::fs::create_dir(dir.path().join("under")).unwrap();
        std::fs::write(&a, "1").unwrap();
        let before = fingerprint(dir.path(), None).unwrap();
        std::fs::write(dir.path().join("world.sqlite-shm"), "x").unwrap();
        let same = fingerprint(dir.path(), None).unwrap();
        assert!(before.changes(&same).is_empty());
        std::fs::write(&a, "2").unwrap();
        std::fs::write(&b, "3").unwrap();
        let after = fingerprint(dir.path(), None).unwrap();
        assert_eq!(before.changes(&after), ["a", "under/b"]);
    }
}
