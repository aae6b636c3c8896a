//! A Postgres database per test, and the schema of a future build.

use std::future::Future;

use sqlx::{ConnectOptions, Connection, Executor};

use super::harness::{Server, refused};

/// Where the tests' Postgres is; `cargo xtask test` starts one and sets this.
const URL_VARIABLE: &str = "BLUEMARBLE_TEST_POSTGRES_URL";

/// A database of its own, dropped at the end.
pub struct PostgresDatabase {
    server: sqlx::postgres::PgConnectOptions,
    name: String,
    url: String,
}

impl PostgresDatabase {
    /// `None`, said aloud, if there is no Postgres to test with.
    pub fn create(purpose: &str) -> Option<Self> {
        let Some(given) = std::env::var(URL_VARIABLE)
            .ok()
            .filter(|url| !url.is_empty())
        else {
            eprintln!("SKIPPED: {URL_VARIABLE} is not set; `cargo xtask test` sets it");
            return None;
        };
        let server: sqlx::postgres::PgConnectOptions = given.parse().unwrap();
        let name = format!("bluemarble_{purpose}_{}", std::process::id());
        execute(&server, &format!("CREATE DATABASE {name}"));
        let url = server.clone().database(&name).to_url_lossy().to_string();
        Some(Self { server, name, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Throws everybody out and lets nobody in.
    pub fn shut(&self) {
        self.execute(&format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS false",
            self.name
        ));
        self.throw_out();
    }

    /// Throws everybody out.
    pub fn throw_out(&self) {
        let name = &self.name;
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
    }

    /// As its administrator, from outside.
    pub fn execute(&self, statement: &str) {
        execute(&self.server, statement);
    }

    /// As its administrator, from inside.
    pub fn within(&self, statement: &str) {
        execute(&self.server.clone().database(&self.name), statement);
    }

    /// Somebody with no more rights than a server needs.
    pub fn user(&self, purpose: &str) -> User<'_> {
        let name = format!("bluemarble_{purpose}_{}", std::process::id());
        self.execute(&format!("CREATE ROLE {name} LOGIN"));
        self.within(&format!("GRANT CREATE ON SCHEMA public TO {name}"));
        let options = self.server.clone().database(&self.name).username(&name);
        User {
            url: options.to_url_lossy().to_string(),
            database: self,
            name,
        }
    }

    /// Does something while a transaction holds what `statement` takes.
    pub fn holding(&self, statement: &str, something: impl FnOnce()) {
        let runtime = runtime();
        let connection = runtime.block_on(async {
            let options = self.server.clone().database(&self.name);
            let mut connection = options.connect().await.unwrap();
            connection.execute("BEGIN").await.unwrap();
            let take = sqlx::AssertSqlSafe(statement.to_owned());
            connection.execute(take).await.unwrap();
            connection
        });
        something();
        runtime.block_on(connection.close()).unwrap();
    }

    /// Lets everybody in again.
    pub fn open(&self) {
        execute(
            &self.server,
            &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name),
        );
    }
}

/// A role, dropped at the end with all it owns.
pub struct User<'a> {
    pub name: String,
    pub url: String,
    database: &'a PostgresDatabase,
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        self.database.throw_out();
        self.database.within(&format!("DROP OWNED BY {name}"));
        self.database.execute(&format!("DROP ROLE {name}"));
    }
}

/// Does something while another program holds a SQLite file's lock.
pub fn holding_sqlite(file: &std::path::Path, something: impl FnOnce()) {
    let runtime = runtime();
    let connection = runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        connection
    });
    something();
    runtime.block_on(connection.close()).unwrap();
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        execute(
            &self.server,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
    }
}

fn execute(server: &sqlx::postgres::PgConnectOptions, statement: &str) {
    wait(async {
        let mut connection = server.connect().await.unwrap();
        connection
            .execute(sqlx::AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_schema_of_a_newer_build_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), &[]).stop();
    let file = dir.path().join("world.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
    wait(async {
        let mut connection = options.connect().await.unwrap();
        connection
            .execute("INSERT INTO bluemarble_schema (version) VALUES (9999)")
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
    let (status, text) = refused(dir.path(), &[]);
    assert_eq!(status, 1);
    assert!(text.contains("9999") && text.contains("newer"), "{text}");
    assert!(text.contains("what to do:"), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.sqlite");
    let text = "Dear diary, ".repeat(500);
    std::fs::write(&file, &text).unwrap();
    let (status, told) = refused(dir.path(), &[]);
    assert_eq!(status, 1);
    assert!(
        told.contains("world.sqlite") && told.contains("what to do:"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}
