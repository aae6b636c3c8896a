//! The store: worlds and their checkpoints in SQLite or Postgres, behind one seam.
//!
//! - `address` is where, `backend` the closed choice of two, `schema` the migrations, `error` what
//!   the databases' errors mean.
//! - `claims` is who may write, `checkpoints` and `chunks` (of the journal) what is written, `manifest` how a checkpoint proves itself
//!   whole, `retention` which of them stay.
//! - Both backends run the same statements in the same transactions; they differ in how a
//!   transaction begins and in how the schema is made.
//! - Every write begins by looking at its world's epoch and keeping claims out until it ends, see
//!   `Backend::fence`. A newer claim has changed that epoch, or waits: no write of an older one can
//!   follow it.

mod address;
pub(crate) mod backend;
mod checkpoints;
mod chunks;
mod claims;
mod error;
mod manifest;
mod retention;
mod schema;

use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

pub use address::sqlite_url;
pub(crate) use checkpoints::{tick_column, tick_of};
pub use chunks::{ChunkEntry, JournalChunk, PutChunk};
pub use error::StoreError;
pub(crate) use error::timed_out;
pub use retention::Retention;

pub(crate) use backend::{Backend, fence, on_backend};

/// A database that holds worlds; clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) backend: Backend,
    /// The address, without its password.
    place: String,
    /// How long one call may take.
    patience: Duration,
    /// What stays when a checkpoint is added.
    retention: Retention,
    /// The schema's version; the newest, unless it is only looked at.
    schema: i64,
}

/// What the writer runs: kept with the world so that a later start can say what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentStamp {
    /// Hash of rules, scenario and planet.
    pub content_hash: u64,
    /// The program, for people.
    pub build: String,
}

/// The right to write one world, until a newer claim is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which world.
    pub world: String,
    /// This writer's epoch, from 1.
    pub epoch: Epoch,
    /// What the claim before this one ran.
    pub previous: Option<ContentStamp>,
}

impl Claim {
    /// It is not the newest any more: `newest` is, or the world is gone.
    pub(crate) fn fenced(&self, newest: Option<i64>) -> StoreError {
        StoreError::Fenced {
            world: self.world.clone(),
            ours: self.epoch,
            newest: epoch_of(newest.unwrap_or_default()),
        }
    }
}

/// A world as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldRow {
    /// The newest claim's epoch.
    pub epoch: Epoch,
    /// What that claim ran.
    pub content: ContentStamp,
}

/// What was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedCheckpoint {
    /// The checkpoint's tick.
    pub tick: Tick,
    /// What its parts take in the database, bytes.
    pub bytes: u64,
    /// The tick of the oldest checkpoint that is still kept: the journal up to here can go.
    pub oldest_kept: Tick,
}

/// How long to insist on reaching a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// How often to try, at least once.
    pub attempts: u32,
    /// How long one attempt may take, and how long a statement waits for a connection or for
    /// another writer's lock.
    pub attempt_timeout: Duration,
    /// Pause after the first failed attempt; doubles with each further one.
    pub pause: Duration,
    /// How long a call of the opened store may take before it counts as unavailable.
    pub call_timeout: Duration,
}

impl Default for OpenOptions {
    /// For a database that starts together with the server: 3 s if it refuses, 18 s if it is silent.
    fn default() -> Self {
        Self {
            attempts: 5,
            attempt_timeout: Duration::from_secs(3),
            pause: Duration::from_millis(200),
            call_timeout: Duration::from_secs(30),
        }
    }
}

impl Store {
    /// Opens `sqlite://path` or `postgres://…`, making or migrating the schema as needed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, OpenOptions::default()).await
    }

    /// As [`Store::open`], with patience of one's own.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open_with(url: &str, options: OpenOptions) -> Result<Self, StoreError> {
        let address = address::parse(url)?;
        let place = address.place();
        let mut pause = options.pause;
        for attempt in 1.. {
            match Backend::connect(&address, options.attempt_timeout).await {
                Ok(backend) => {
                    return Ok(Self {
                        backend,
                        place,
                        patience: options.call_timeout,
                        retention: Retention::default(),
                        schema: schema::KNOWN,
                    });
                }
                Err(error) if error.may_pass() && attempt < options.attempts => {
                    tracing::warn!(%error, attempt, "database not reached, trying again");
                }
                Err(StoreError::Unavailable { place, what }) => {
                    let what = format!("{what} (tried {attempt} times)");
                    return Err(StoreError::Unavailable { place, what });
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Opens it for reading only, as it is: nothing is made or migrated, and no server is in the way.
    /// Whatever would write fails.
    ///
    /// # Errors
    /// See [`StoreError`]; also if there is none.
    pub async fn look(url: &str) -> Result<Self, StoreError> {
        let options = OpenOptions::default();
        let address = address::parse(url)?;
        let (backend, schema) = Backend::look(&address, options.attempt_timeout).await?;
        Ok(Self {
            backend,
            place: address.place(),
            patience: options.call_timeout,
            retention: Retention::default(),
            schema,
        })
    }

    /// The schema's version, and number and purpose of each migration that it lacks.
    #[must_use]
    pub fn schema(&self) -> (i64, Vec<(i64, &'static str)>) {
        (self.schema, schema::purposes_after(self.schema))
    }

    /// The same store, but a write that adds a checkpoint leaves the oldest there is besides the
    /// newest: what a recording begins with. As long as every server of a world opens its store so,
    /// `oldest_kept` stands still, and with it the beginning of the journal.
    #[must_use]
    pub fn keeping_the_oldest(self) -> Self {
        Self {
            retention: Retention {
                oldest: true,
                ..self.retention
            },
            ..self
        }
    }

    /// The same store, but a write that adds a checkpoint leaves these.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The address, without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Closes the connections.
    pub async fn close(self) {
        on_backend!(self.backend, (pool, _begin) => pool.close().await);
    }

    /// A database that accepts a call and never answers must not hold a start or a stop up.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        // Large, and held across awaits: on the heap.
        let work = Box::pin(async {
            match tokio::time::timeout(self.patience, Box::pin(work)).await {
                Ok(done) => done.map_err(|error| error::explain(&self.place, &error)),
                Err(_) => Err(timed_out(&self.place, self.patience)),
            }
        });
        #[cfg(feature = "faults")]
        if let Some(machine) = crate::faults::Machine::of(&self.place) {
            return machine.store_call(&self.place, work).await;
        }
        work.await
    }
}

/// A column we wrote; nonsense is caught by the manifest's checksum.
pub(crate) fn epoch_of(column: i64) -> Epoch {
    Epoch(u32::try_from(column).unwrap_or(u32::MAX))
}
