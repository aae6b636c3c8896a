//! The store: SQLite or Postgres behind one seam.

use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::checkpoint::{CheckpointEntry, CheckpointImage};

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
    /// Total of the parts, bytes.
    pub bytes: u64,
    /// The oldest checkpoint that is still kept: the journal up to here can go.
    pub oldest_kept: Tick,
}

/// How long to insist on reaching a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// How often to try, at least once.
    pub attempts: u32,
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            attempt_timeout: Duration::from_secs(3),
        }
    }
}

/// Why the store cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a database address this program understands.
    #[error("{0}")]
    BadUrl(String),
    /// The database cannot be reached or does not answer; trying again may help.
    #[error("database {place}: {what}")]
    Unavailable {
        /// The address, without its password.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// The database refuses for good: not a database, read-only, no permission.
    #[error("database {place}: {what}")]
    Refused {
        /// The address, without its password.
        place: String,
        /// What happened and what to do.
        what: String,
    },
    /// Made by a newer build.
    #[error("database schema {found} is newer than this build's {known}")]
    NewerSchema {
        /// The schema in the database.
        found: i64,
        /// The newest this build knows.
        known: i64,
    },
    /// A newer claim exists: this writer must stop.
    #[error("world {world} was claimed by epoch {} while this writer has {}", .newest.0, .ours.0)]
    Fenced {
        /// Which world.
        world: String,
        /// Our epoch.
        ours: Epoch,
        /// The newest epoch.
        newest: Epoch,
    },
    /// A stored checkpoint is not what was written.
    #[error("checkpoint of world {world} at tick {tick} (epoch {}): {what}", .epoch.0)]
    CorruptCheckpoint {
        /// Which world.
        world: String,
        /// Its epoch.
        epoch: Epoch,
        /// Its tick.
        tick: Tick,
        /// What is wrong and what to do.
        what: String,
    },
}

/// A database that holds worlds.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens `sqlite://path` or `postgres://…`, migrating as needed.
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
        let _ = (url, options);
        unimplemented!()
    }

    /// The address, without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        unimplemented!()
    }

    /// What the store knows of a world, without claiming it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn world(&self, world: &str) -> Result<Option<WorldRow>, StoreError> {
        let _ = world;
        unimplemented!()
    }

    /// Becomes the only writer of `world`: its epoch rises by one, older claims are fenced.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, world: &str, content: &ContentStamp) -> Result<Claim, StoreError> {
        let _ = (world, content);
        unimplemented!()
    }

    /// Stores a checkpoint whole and makes it the newest, or changes nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_checkpoint(
        &self,
        claim: &Claim,
        image: &CheckpointImage,
    ) -> Result<SavedCheckpoint, StoreError> {
        let _ = (claim, image);
        unimplemented!()
    }

    /// The newest checkpoint, verified.
    ///
    /// # Errors
    /// See [`StoreError`]; damaged is an error, never a silent fall back to an older one.
    pub async fn latest_checkpoint(
        &self,
        world: &str,
    ) -> Result<Option<CheckpointImage>, StoreError> {
        let _ = world;
        unimplemented!()
    }

    /// The stored checkpoints, newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn checkpoints(&self, world: &str) -> Result<Vec<CheckpointEntry>, StoreError> {
        let _ = world;
        unimplemented!()
    }

    /// One stored checkpoint, verified.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn load_checkpoint(
        &self,
        entry: &CheckpointEntry,
    ) -> Result<CheckpointImage, StoreError> {
        let _ = entry;
        unimplemented!()
    }

    /// Closes the connections.
    pub async fn close(self) {
        unimplemented!()
    }
}
