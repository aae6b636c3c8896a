//! One test body, two databases: a fresh SQLite file always, and a fresh schema on the Postgres
//! that `BLUEMARBLE_TEST_POSTGRES_URL` names, when it names one.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bluemarble_persistence::{
    CheckpointImage, ContentStamp, OpenOptions, Store, StoreError, sqlite_url,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// Set by the project's test command, which starts a Postgres for it.
const POSTGRES_URL: &str = "BLUEMARBLE_TEST_POSTGRES_URL";

/// A database of the test's own.
pub struct Database {
    pub url: String,
    dir: TempDir,
    kind: Kind,
}

enum Kind {
    Sqlite,
    Postgres {
        server: String,
        schema: String,
        proxy: Box<Proxy>,
    },
}

/// Runs the body on every database there is.
pub fn on_each_backend<Body, Done>(body: Body)
where
    Body: Fn(Database) -> Done,
    Done: Future<Output = Database>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        eprintln!("on SQLite");
        body(Database::sqlite()).await;
        match std::env::var(POSTGRES_URL) {
            Ok(server) => {
                eprintln!("on Postgres");
                body(Database::postgres(server).await)
                    .await
                    .drop_schema()
                    .await;
            }
            Err(_) => say_skipped(),
        }
    });
}

/// Straight to stderr, for the test harness swallows what passing tests print.
fn say_skipped() {
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {name} on Postgres, for {POSTGRES_URL} is not set"
    );
}

/// Impatient, for tests that provoke failures.
pub const QUICK: OpenOptions = OpenOptions {
    attempts: 3,
    attempt_timeout: Duration::from_millis(400),
    pause: Duration::from_millis(5),
    call_timeout: Duration::from_secs(30),
};

impl Database {
    fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = sqlite_url(&dir.path().join("made/on the way/world.sqlite"));
        Self {
            url,
            dir,
            kind: Kind::Sqlite,
        }
    }

    async fn postgres(server: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("bluemarble_test_{}_{number}", std::process::id());
        let dir = tempfile::tempdir().expect("a temporary directory");
        let proxy = Box::new(Proxy::to(&server, dir.path().to_owned()));
        let mark = if server.contains('?') { '&' } else { '?' };
        let url = format!(
            "{server}{mark}host={}&options[search_path]={schema}",
            dir.path().display()
        );
        let database = Self {
            url,
            dir,
            kind: Kind::Postgres {
                server,
                schema,
                proxy,
            },
        };
        database
            .execute(&format!("CREATE SCHEMA {}", database.schema()))
            .await;
        database
    }

    pub async fn open(&self) -> Store {
        Store::open_with(&self.url, QUICK_BUT_SURE)
            .await
            .expect("the test's database opens")
    }

    pub async fn try_open(&self) -> Result<Store, StoreError> {
        Store::open_with(&self.url, QUICK).await
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite)
    }

    /// Runs statements as somebody else would.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite_connection().await;
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("it runs");
            }
            Kind::Postgres { .. } => {
                let mut connection = self.postgres_connection().await;
                sqlx::raw_sql(sql)
                    .execute(&mut connection)
                    .await
                    .expect("it runs");
            }
        }
    }

    /// Whether the database does not let somebody else run this.
    pub async fn refuses(&self, sql: &str) -> bool {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite_connection().await;
                sqlx::raw_sql(sql).execute(&mut connection).await.is_err()
            }
            Kind::Postgres { .. } => {
                let mut connection = self.postgres_connection().await;
                sqlx::raw_sql(sql).execute(&mut connection).await.is_err()
            }
        }
    }

    /// A column of bytes, as somebody else reads it.
    pub async fn blobs(&self, sql: &str) -> Vec<Vec<u8>> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite_connection().await;
                let column = sqlx::query_scalar(sql).fetch_all(&mut connection);
                column.await.expect("it runs")
            }
            Kind::Postgres { .. } => {
                let mut connection = self.postgres_connection().await;
                let column = sqlx::query_scalar(sql).fetch_all(&mut connection);
                column.await.expect("it runs")
            }
        }
    }

    /// One number, as somebody else reads it.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite_connection().await;
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("it runs")
            }
            Kind::Postgres { .. } => {
                let mut connection = self.postgres_connection().await;
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("it runs")
            }
        }
    }

    /// Makes the database useless until the outage is ended: SQLite is locked by another program,
    /// Postgres' connections break and no new ones are answered.
    pub async fn begin_outage(&mut self) -> Outage {
        match &mut self.kind {
            Kind::Sqlite => {
                let mut connection = self.sqlite_connection().await;
                let lock = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection);
                lock.await.expect("nobody else holds the lock for long");
                Outage::Locked(connection)
            }
            Kind::Postgres { proxy, .. } => {
                proxy.stop().await;
                Outage::Down
            }
        }
    }

    pub async fn end_outage(&mut self, outage: Outage) {
        match (outage, &mut self.kind) {
            (Outage::Locked(connection), _) => drop(connection),
            (Outage::Down, Kind::Postgres { proxy, .. }) => proxy.start(),
            (Outage::Down, Kind::Sqlite) => unreachable!("SQLite's outage is a lock"),
        }
    }

    fn schema(&self) -> &str {
        match &self.kind {
            Kind::Sqlite => "main",
            Kind::Postgres { schema, .. } => schema,
        }
    }

    async fn sqlite_connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::from_str(&self.url).expect("our own URL");
        options.connect().await.expect("the file opens")
    }

    /// Past the proxy.
    async fn postgres_connection(&self) -> PgConnection {
        let Kind::Postgres { server, schema, .. } = &self.kind else {
            unreachable!("asked of Postgres only")
        };
        let options = PgConnectOptions::from_str(server).expect("a Postgres URL");
        let options = options.options([("search_path", schema.as_str())]);
        options
            .connect()
            .await
            .expect("the test's Postgres answers")
    }

    async fn drop_schema(self) {
        self.execute(&format!(
            "SET client_min_messages = warning; DROP SCHEMA {} CASCADE",
            self.schema()
        ))
        .await;
    }
}

/// As patient as a busy machine needs.
const QUICK_BUT_SURE: OpenOptions = OpenOptions {
    attempts: 3,
    attempt_timeout: Duration::from_secs(20),
    pause: Duration::from_millis(5),
    call_timeout: Duration::from_secs(30),
};

/// An outage that goes on.
pub enum Outage {
    Locked(SqliteConnection),
    Down,
}

/// Stands between the store and the test's Postgres, so that the one can lose the other.
struct Proxy {
    target: PgConnectOptions,
    socket: PathBuf,
    task: Option<JoinHandle<()>>,
}

impl Proxy {
    fn to(server: &str, dir: PathBuf) -> Self {
        let target = PgConnectOptions::from_str(server).expect("a Postgres URL");
        let socket = dir.join(format!(".s.PGSQL.{}", target.get_port()));
        let mut proxy = Self {
            target,
            socket,
            task: None,
        };
        proxy.start();
        proxy
    }

    fn start(&mut self) {
        let listener = UnixListener::bind(&self.socket).expect("a free socket path");
        let target = self.target.clone();
        self.task = Some(tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(relay(client, target.clone()));
            }
        }));
    }

    async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
        std::fs::remove_file(&self.socket).expect("the socket was bound");
    }
}

async fn relay(mut client: UnixStream, target: PgConnectOptions) {
    let port = target.get_port();
    match target.get_socket() {
        Some(dir) => {
            let path = dir.join(format!(".s.PGSQL.{port}"));
            let mut server = UnixStream::connect(path)
                .await
                .expect("the test's Postgres");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
        None => {
            let address = (target.get_host(), port);
            let mut server = TcpStream::connect(address)
                .await
                .expect("the test's Postgres");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    }
}

pub fn stamp(content_hash: u64) -> ContentStamp {
    ContentStamp {
        content_hash,
        build: format!("build {content_hash}"),
    }
}

/// An image whose parts are known from its tick.
pub fn image(epoch: Epoch, tick: u64) -> CheckpointImage {
    let part = |zone: u32| {
        let bytes = (tick as usize * 37 + zone as usize * 1_000) % 5_000;
        (
            zone * 3,
            (0..bytes)
                .map(|at| (at as u64 ^ tick ^ u64::from(zone)) as u8)
                .collect(),
        )
    };
    CheckpointImage {
        world: "earth".to_owned(),
        tick: Tick(tick),
        epoch,
        digest: u64::MAX - tick,
        content_hash: 1 << 63,
        provenance: "seed=7".to_owned(),
        taken_ms: tick * 50,
        parts: (0..4).map(part).collect(),
    }
}
