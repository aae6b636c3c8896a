//! A Postgres database of a world's own, and the means to kill Postgres below it.

use std::future::Future;

use anyhow::Context as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::subject::signal;

/// A database; dropped at the end.
#[derive(Debug)]
pub struct Database {
    server: PgConnectOptions,
    name: String,
    url: String,
}

impl Database {
    /// Makes one.
    ///
    /// # Errors
    /// Postgres is not there, or refuses.
    pub fn create(url: &str, world: u32) -> anyhow::Result<Self> {
        let server: PgConnectOptions = url.parse().context("--postgres")?;
        let name = format!("bluemarble_crash_{}_{world}", std::process::id());
        execute(&server, format!("CREATE DATABASE {name}"))?;
        let url = server.clone().database(&name).to_url_lossy().to_string();
        Ok(Self { server, name, url })
    }

    /// Another one beside it, empty.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn another(&self, what_for: &str) -> anyhow::Result<Self> {
        let server = self.server.clone();
        let name = format!("{}_{what_for}", self.name);
        execute(&server, format!("CREATE DATABASE {name}"))?;
        let url = server.clone().database(&name).to_url_lossy().to_string();
        Ok(Self { server, name, url })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it answers: it may be recovering from a kill.
    ///
    /// # Errors
    /// It never does.
    pub fn wait_until_up(&self) -> anyhow::Result<()> {
        let mut tries = 0;
        while let Err(error) = execute(&self.server, "SELECT 1".to_owned()) {
            tries += 1;
            if tries > 300 {
                return Err(error);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Ok(())
    }

    /// `kill -9` to one of the processes that serve it. Postgres takes the shared memory for
    /// damaged, ends all of them, and recovers from its log. Whether there was one.
    ///
    /// # Errors
    /// It cannot be asked or killed.
    pub fn kill_process(&self) -> anyhow::Result<bool> {
        let pid = wait(async {
            let mut connection = self.server.connect().await?;
            let row = sqlx::query("SELECT pid FROM pg_stat_activity WHERE datname = $1 LIMIT 1")
                .bind(&self.name)
                .fetch_optional(&mut connection)
                .await?;
            let pid = row.map(|row| row.try_get::<i32, _>(0)).transpose()?;
            connection.close().await?;
            anyhow::Ok(pid)
        })?;
        let Some(pid) = pid else { return Ok(false) };
        signal(u32::try_from(pid)?, "KILL")?;
        Ok(true)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Postgres may be recovering from a kill just now.
        for _ in 0..100 {
            if execute(&self.server, drop.clone()).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        eprintln!("warning: the database {} could not be dropped", self.name);
    }
}

fn execute(server: &PgConnectOptions, statement: String) -> anyhow::Result<()> {
    wait(async {
        let mut connection = server.connect().await.context("cannot reach Postgres")?;
        connection.execute(AssertSqlSafe(statement)).await?;
        connection.close().await?;
        Ok(())
    })
}

/// Waits for what a database says.
///
/// # Errors
/// As the work says, or for want of a runtime.
pub fn wait<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
