//! The store: worlds and their checkpoints in SQLite or Postgres, behind one seam.
//!
//! - `address` is where, `backend` the closed choice of two, `schema` the migrations, `error` what
//!   the databases' errors mean, `manifest` how a checkpoint proves itself whole.
//! - Both backends run the same statements in the same transactions; they differ in how a
//!   transaction begins and in how the schema is made.
//! - Every write begins by locking its world's row under the writer's epoch. A newer claim has
//!   changed that epoch, or waits for the lock: no write of an older one can follow it.

mod address;
mod backend;
mod error;
mod manifest;
mod schema;

use std::time::Duration;

use bluemarble_shared_protocol::{Epoch, Tick};

pub use address::sqlite_url;
pub use error::StoreError;
pub(crate) use error::timed_out;

use crate::checkpoint::{CheckpointEntry, CheckpointImage};
use crate::limits::{CHECKPOINTS_KEPT, PART_BYTES_MAX, PARTS_MAX, WORLD_NAME_BYTES_MAX};
use backend::{Backend, on_backend};
use manifest::{Manifest, list_parts};

/// A database that holds worlds; clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    /// The address, without its password.
    place: String,
    /// How long one call may take.
    patience: Duration,
    /// Whether the oldest checkpoint stays, whatever is added.
    keep_oldest: bool,
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

/// Locks the world's row if the epoch is still the newest.
const FENCE: &str = "UPDATE world SET epoch = epoch WHERE name = $1 AND epoch = $2";
const NEWEST_EPOCH: &str = "SELECT epoch FROM world WHERE name = $1";
/// Returns what the claim before said, for the other columns are set in a second step.
const RAISE_EPOCH: &str = "UPDATE world SET epoch = epoch + 1 WHERE name = $1 \
     RETURNING epoch, content_hash, build";
const STAMP: &str = "UPDATE world SET content_hash = $2, build = $3 WHERE name = $1";
const FIRST_CLAIM: &str = "INSERT INTO world (name, epoch, content_hash, build) \
     VALUES ($1, 1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET epoch = world.epoch + 1, \
     content_hash = excluded.content_hash, build = excluded.build RETURNING epoch";
const WORLD: &str = "SELECT epoch, content_hash, build FROM world WHERE name = $1";
const PUT_PART: &str = "INSERT INTO checkpoint_part (world, epoch, tick, zone, bytes) \
     VALUES ($1, $2, $3, $4, $5)";
const PUT_MANIFEST: &str = "INSERT INTO checkpoint \
     (world, epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Newest first: a later epoch's world is the world, wherever an older one had got to.
const MANIFESTS: &str = "SELECT \
     epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance \
     FROM checkpoint WHERE world = $1 ORDER BY epoch DESC, tick DESC";
const PARTS: &str = "SELECT zone, bytes FROM checkpoint_part \
     WHERE world = $1 AND epoch = $2 AND tick = $3 ORDER BY zone";
const REMOVE_WORLD: [&str; 3] = [
    "DELETE FROM checkpoint_part WHERE world = $1",
    "DELETE FROM checkpoint WHERE world = $1",
    "DELETE FROM world WHERE name = $1",
];
const DELETE_PARTS: &str =
    "DELETE FROM checkpoint_part WHERE world = $1 AND epoch = $2 AND tick = $3";
const DELETE_MANIFEST: &str =
    "DELETE FROM checkpoint WHERE world = $1 AND epoch = $2 AND tick = $3";

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
                        keep_oldest: false,
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

    /// The same store, but a write that adds a checkpoint leaves the oldest there is besides the
    /// newest: what a recording begins with. As long as every server of a world opens its store so,
    /// `oldest_kept` stands still, and with it the beginning of the journal.
    #[must_use]
    pub fn keeping_the_oldest(self) -> Self {
        Self {
            keep_oldest: true,
            ..self
        }
    }

    /// The address, without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What the store knows of a world, without claiming it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn world(&self, world: &str) -> Result<Option<WorldRow>, StoreError> {
        let row: Option<(i64, i64, String)> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(WORLD).bind(world).fetch_optional(pool).await
                })
            })
            .await?;
        Ok(row.map(|(epoch, hash, build)| WorldRow {
            epoch: epoch_of(epoch),
            content: ContentStamp {
                content_hash: hash.cast_unsigned(),
                build,
            },
        }))
    }

    /// Becomes the only writer of `world`: its epoch rises by one, older claims are fenced. Refuse
    /// to run other content (see [`Store::world`]) before claiming, not after.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, world: &str, content: &ContentStamp) -> Result<Claim, StoreError> {
        if world.is_empty() || world.len() > WORLD_NAME_BYTES_MAX {
            return Err(StoreError::Unstorable {
                what: format!("a world's name takes 1 to {WORLD_NAME_BYTES_MAX} bytes: {world:?}"),
            });
        }
        let hash = content.content_hash.cast_signed();
        let claimed = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    let raised: Option<(i64, i64, String)> =
                        sqlx::query_as(RAISE_EPOCH).bind(world).fetch_optional(&mut *work).await?;
                    let (epoch, previous) = match raised {
                        Some((epoch, hash_before, build)) => {
                            sqlx::query(STAMP)
                                .bind(world)
                                .bind(hash)
                                .bind(&content.build)
                                .execute(&mut *work)
                                .await?;
                            let content_hash = hash_before.cast_unsigned();
                            (epoch, Some(ContentStamp { content_hash, build }))
                        }
                        None => {
                            let epoch: i64 = sqlx::query_scalar(FIRST_CLAIM)
                                .bind(world)
                                .bind(hash)
                                .bind(&content.build)
                                .fetch_one(&mut *work)
                                .await?;
                            (epoch, None)
                        }
                    };
                    work.commit().await?;
                    Ok((epoch, previous))
                }
                .await
            })
        });
        let (epoch, previous) = claimed.await?;
        Ok(Claim {
            world: world.to_owned(),
            epoch: epoch_of(epoch),
            previous,
        })
    }

    /// Stores a checkpoint whole and makes it the newest, or changes nothing; deletes all but the
    /// newest [`CHECKPOINTS_KEPT`] (see [`Store::keeping_the_oldest`]). Storing the same one again replaces it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_checkpoint(
        &self,
        claim: &Claim,
        image: &CheckpointImage,
    ) -> Result<SavedCheckpoint, StoreError> {
        check_storable(claim, image)?;
        let manifest = Manifest::of(image);
        let (epoch, tick) = (i64::from(claim.epoch.0), tick_column(image.tick)?);
        let saved = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    let fence = sqlx::query(FENCE).bind(&claim.world).bind(epoch);
                    if fence.execute(&mut *work).await?.rows_affected() == 0 {
                        let newest: Option<i64> = sqlx::query_scalar(NEWEST_EPOCH)
                            .bind(&claim.world)
                            .fetch_optional(&mut *work)
                            .await?;
                        return Ok(Err(newest.unwrap_or_default()));
                    }
                    for statement in [DELETE_PARTS, DELETE_MANIFEST] {
                        sqlx::query(statement)
                            .bind(&claim.world)
                            .bind(epoch)
                            .bind(tick)
                            .execute(&mut *work)
                            .await?;
                    }
                    for (zone, bytes) in &image.parts {
                        sqlx::query(PUT_PART)
                            .bind(&claim.world)
                            .bind(epoch)
                            .bind(tick)
                            .bind(i64::from(*zone))
                            .bind(bytes.as_slice())
                            .execute(&mut *work)
                            .await?;
                    }
                    sqlx::query(PUT_MANIFEST)
                        .bind(&claim.world)
                        .bind(epoch)
                        .bind(tick)
                        .bind(image.digest.cast_signed())
                        .bind(image.content_hash.cast_signed())
                        .bind(manifest.entry.bytes.cast_signed())
                        .bind(manifest.part_list.as_slice())
                        .bind(i64::from(manifest.crc32()))
                        .bind(&image.provenance)
                        .execute(&mut *work)
                        .await?;
                    let rows: Vec<ManifestRow> =
                        sqlx::query_as(MANIFESTS).bind(&claim.world).fetch_all(&mut *work).await?;
                    let (kept, old) = kept_of(&rows, self.keep_oldest);
                    for old in old {
                        for statement in [DELETE_PARTS, DELETE_MANIFEST] {
                            sqlx::query(statement)
                                .bind(&claim.world)
                                .bind(old.0)
                                .bind(old.1)
                                .execute(&mut *work)
                                .await?;
                        }
                    }
                    work.commit().await?;
                    let oldest = kept.map(|row| row.1).min();
                    Ok(Ok(tick_of(oldest.unwrap_or(tick))))
                }
                .await
            })
        });
        match saved.await? {
            Ok(oldest_kept) => Ok(SavedCheckpoint {
                tick: image.tick,
                bytes: manifest.entry.bytes,
                oldest_kept,
            }),
            Err(newest) => Err(StoreError::Fenced {
                world: claim.world.clone(),
                ours: claim.epoch,
                newest: epoch_of(newest),
            }),
        }
    }

    /// The newest checkpoint, verified.
    ///
    /// # Errors
    /// See [`StoreError`]; damaged is an error, never a silent fall back to an older one.
    pub async fn latest_checkpoint(
        &self,
        world: &str,
    ) -> Result<Option<CheckpointImage>, StoreError> {
        match self.checkpoints(world).await?.first() {
            Some(newest) => self.load_checkpoint(newest).await.map(Some),
            None => Ok(None),
        }
    }

    /// The stored checkpoints, newest first, parts unread. After a damaged newest one an older one
    /// will do only if the journal reaches back to it without a hole.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn checkpoints(&self, world: &str) -> Result<Vec<CheckpointEntry>, StoreError> {
        let manifests = self.manifests(world).await?;
        Ok(manifests
            .into_iter()
            .map(|(manifest, _)| manifest.entry)
            .collect())
    }

    /// One stored checkpoint, verified.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::CorruptCheckpoint`] also when it is no longer there.
    pub async fn load_checkpoint(
        &self,
        entry: &CheckpointEntry,
    ) -> Result<CheckpointImage, StoreError> {
        let damaged = |what: String| StoreError::CorruptCheckpoint {
            world: entry.world.clone(),
            epoch: entry.epoch,
            tick: entry.tick,
            what,
        };
        let wanted = (entry.epoch, entry.tick);
        let (manifest, crc32) = self
            .manifests(&entry.world)
            .await?
            .into_iter()
            .find(|(manifest, _)| (manifest.entry.epoch, manifest.entry.tick) == wanted)
            .ok_or_else(|| damaged("it is not in the database any more".to_owned()))?;
        if i64::from(manifest.crc32()) != crc32 {
            return Err(damaged(
                "its manifest does not have its checksum".to_owned(),
            ));
        }
        let tick = tick_column(entry.tick)?;
        let rows: Vec<(i64, Vec<u8>)> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(PARTS)
                        .bind(&entry.world)
                        .bind(i64::from(entry.epoch.0))
                        .bind(tick)
                        .fetch_all(pool)
                        .await
                })
            })
            .await?;
        manifest.assemble(rows).map_err(damaged)
    }

    /// Deletes a world whole: its checkpoints and its row, so that whoever still writes it is fenced.
    /// A world that is not there is no error.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove_world(&self, world: &str) -> Result<(), StoreError> {
        self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    for statement in REMOVE_WORLD {
                        sqlx::query(statement).bind(world).execute(&mut *work).await?;
                    }
                    work.commit().await
                }
                .await
            })
        })
        .await
    }

    /// Closes the connections.
    pub async fn close(self) {
        on_backend!(self.backend, (pool, _begin) => pool.close().await);
    }

    async fn manifests(&self, world: &str) -> Result<Vec<(Manifest, i64)>, StoreError> {
        let rows: Vec<ManifestRow> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(MANIFESTS).bind(world).fetch_all(pool).await
                })
            })
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| manifest_of(world, row))
            .collect())
    }

    /// A database that accepts a call and never answers must not hold a start or a stop up.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        // Large, and held across awaits: on the heap.
        match tokio::time::timeout(self.patience, Box::pin(work)).await {
            Ok(done) => done.map_err(|error| error::explain(&self.place, &error)),
            Err(_) => Err(timed_out(&self.place, self.patience)),
        }
    }
}

/// Epoch, tick, digest, content hash, bytes, part list, checksum, provenance.
type ManifestRow = (i64, i64, i64, i64, i64, Vec<u8>, i64, String);

/// Of rows from the newest to the oldest: those that stay, and those that go.
fn kept_of(
    rows: &[ManifestRow],
    keep_oldest: bool,
) -> (impl Iterator<Item = &ManifestRow>, &[ManifestRow]) {
    let (newest, older) = rows.split_at(rows.len().min(CHECKPOINTS_KEPT));
    let (old, oldest) = older.split_at(older.len() - usize::from(keep_oldest).min(older.len()));
    (newest.iter().chain(oldest), old)
}

fn manifest_of(world: &str, row: ManifestRow) -> (Manifest, i64) {
    let (epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance) = row;
    let entry = CheckpointEntry {
        world: world.to_owned(),
        epoch: epoch_of(epoch),
        tick: tick_of(tick),
        digest: digest.cast_unsigned(),
        content_hash: content_hash.cast_unsigned(),
        provenance,
        parts: u32::try_from(list_parts(&part_list).count()).unwrap_or(u32::MAX),
        bytes: bytes.cast_unsigned(),
    };
    (Manifest { entry, part_list }, crc32)
}

fn check_storable(claim: &Claim, image: &CheckpointImage) -> Result<(), StoreError> {
    let what = if (&image.world, image.epoch) != (&claim.world, claim.epoch) {
        format!(
            "an image of {:?}, epoch {}, under a claim on {:?}, epoch {}",
            image.world, image.epoch.0, claim.world, claim.epoch.0
        )
    } else if image.parts.len() > PARTS_MAX {
        format!(
            "{} parts, at most {PARTS_MAX} are allowed",
            image.parts.len()
        )
    } else if image.parts.is_empty() || !image.parts.is_sorted_by(|a, b| a.0 < b.0) {
        "its parts are none, or not in ascending order of zones".to_owned()
    } else if let Some((zone, bytes)) = image
        .parts
        .iter()
        .find(|(_, bytes)| bytes.len() > PART_BYTES_MAX)
    {
        let size = bytes.len();
        format!("the part of zone {zone} takes {size} bytes, at most {PART_BYTES_MAX} are allowed")
    } else {
        return Ok(());
    };
    Err(StoreError::Unstorable {
        what: format!("checkpoint at tick {}: {what}", image.tick),
    })
}

/// A tick as a column; 2⁶³ ticks are 2 billion years at 120 Hz.
fn tick_column(tick: Tick) -> Result<i64, StoreError> {
    i64::try_from(tick.0).map_err(|_| StoreError::Unstorable {
        what: format!("tick {tick} does not fit"),
    })
}

/// A column we wrote; nonsense is caught by the manifest's checksum.
fn tick_of(column: i64) -> Tick {
    Tick(column.cast_unsigned())
}

/// As [`tick_of`].
fn epoch_of(column: i64) -> Epoch {
    Epoch(u32::try_from(column).unwrap_or(u32::MAX))
}
