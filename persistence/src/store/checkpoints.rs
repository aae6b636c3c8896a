//! Checkpoints: written whole or not at all under the writer's epoch, read and verified.

use std::convert::identity;

use bluemarble_shared_protocol::Tick;

use super::backend::{fence, on_backend};
use super::claims::check_name;
use super::manifest::{Manifest, list_parts};
use super::retention::Fate;
use super::{Claim, ContentStamp, SavedCheckpoint, Store, StoreError, epoch_of};
use crate::checkpoint::{CheckpointEntry, CheckpointImage, PackedCheckpoint};
use crate::limits::{PART_BYTES_MAX, PARTS_MAX};

/// For a world that comes from elsewhere: nobody has it yet, and its epochs go on.
const FOUND: &str = "INSERT INTO world (name, epoch, content_hash, build) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
const PUT_PART: &str = "INSERT INTO checkpoint_part (world, epoch, tick, zone, bytes) \
     VALUES ($1, $2, $3, $4, $5)";
const PUT_MANIFEST: &str = "INSERT INTO checkpoint \
     (world, epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance, format, taken_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
/// Newest first: a later epoch's world is the world, wherever an older one had got to.
const MANIFESTS: &str = "SELECT \
     epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance, format, taken_ms \
     FROM checkpoint WHERE world = $1 ORDER BY epoch DESC, tick DESC";
/// The same of a schema of version 2 and 1.
const MANIFESTS_2: &str = "SELECT \
     epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance, \
     CAST(1 AS BIGINT), CAST(0 AS BIGINT) \
     FROM checkpoint WHERE world = $1 ORDER BY epoch DESC, tick DESC";
const MANIFESTS_1: &str = "SELECT \
     epoch, tick, digest, content_hash, bytes, part_list, crc32, CAST('' AS TEXT), \
     CAST(1 AS BIGINT), CAST(0 AS BIGINT) \
     FROM checkpoint WHERE world = $1 ORDER BY epoch DESC, tick DESC";
const PARTS: &str = "SELECT zone, bytes FROM checkpoint_part \
     WHERE world = $1 AND epoch = $2 AND tick = $3 ORDER BY zone";
const DELETE_PARTS: &str =
    "DELETE FROM checkpoint_part WHERE world = $1 AND epoch = $2 AND tick = $3";
const DELETE_MANIFEST: &str =
    "DELETE FROM checkpoint WHERE world = $1 AND epoch = $2 AND tick = $3";

/// Parts and manifest, in the transaction `$work` of whichever database.
macro_rules! put_whole {
    ($work:ident, $image:expr, $manifest:expr, $tick:expr) => {
        let entry = &$image.entry;
        let epoch = i64::from(entry.epoch.0);
        for (zone, bytes) in &$image.parts {
            sqlx::query(PUT_PART)
                .bind(&entry.world)
                .bind(epoch)
                .bind($tick)
                .bind(i64::from(*zone))
                .bind(bytes.as_slice())
                .execute(&mut *$work)
                .await?;
        }
        sqlx::query(PUT_MANIFEST)
            .bind(&entry.world)
            .bind(epoch)
            .bind($tick)
            .bind(entry.digest.cast_signed())
            .bind(entry.content_hash.cast_signed())
            .bind(entry.bytes.cast_signed())
            .bind($manifest.part_list.as_slice())
            .bind(i64::from($manifest.crc32()))
            .bind(&entry.provenance)
            .bind(i64::from($manifest.format))
            .bind(entry.taken_ms.cast_signed())
            .execute(&mut *$work)
            .await?;
    };
}

impl Store {
    /// Makes a world that this store does not have yet, with a first checkpoint, and becomes its only
    /// writer, in the image's epoch. All of it or nothing: wherever this is cut off, there is no world
    /// without its state. `None`, and nothing is changed, if there is a world of that name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn found(
        &self,
        content: &ContentStamp,
        image: &CheckpointImage,
    ) -> Result<Option<Claim>, StoreError> {
        check_name(&image.world)?;
        let claim = Claim {
            world: image.world.clone(),
            epoch: image.epoch,
            previous: None,
        };
        let image = &PackedCheckpoint::from(image);
        check_storable(&claim, image)?;
        let manifest = Manifest::of(image);
        let tick = tick_column(image.entry.tick)?;
        let made = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    let made = sqlx::query(FOUND)
                        .bind(&claim.world)
                        .bind(i64::from(claim.epoch.0))
                        .bind(content.content_hash.cast_signed())
                        .bind(&content.build)
                        .execute(&mut *work)
                        .await?
                        .rows_affected();
                    if made > 0 {
                        put_whole!(work, image, manifest, tick);
                        work.commit().await?;
                    }
                    Ok(made > 0)
                }
                .await
            })
        });
        Ok(made.await?.then_some(claim))
    }

    /// Stores a checkpoint whole and makes it the newest, or changes nothing; deletes all but the
    /// those that [`Store::keeping`] says. Storing the same one again replaces it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_checkpoint(
        &self,
        claim: &Claim,
        image: &CheckpointImage,
    ) -> Result<SavedCheckpoint, StoreError> {
        self.save_packed(claim, &PackedCheckpoint::from(image))
            .await
    }

    /// As [`Store::save_checkpoint`], of one that has been packed before.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_packed(
        &self,
        claim: &Claim,
        image: &PackedCheckpoint,
    ) -> Result<SavedCheckpoint, StoreError> {
        check_storable(claim, image)?;
        let manifest = Manifest::of(image);
        let entry = &image.entry;
        let (epoch, tick) = (i64::from(claim.epoch.0), tick_column(entry.tick)?);
        let saved = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.backend, claim, work, identity);
                    if let Some(turn) = self.backend.turn_of_checkpoints() {
                        sqlx::query(turn).bind(&claim.world).execute(&mut *work).await?;
                    }
                    for statement in [DELETE_PARTS, DELETE_MANIFEST] {
                        sqlx::query(statement)
                            .bind(&claim.world)
                            .bind(epoch)
                            .bind(tick)
                            .execute(&mut *work)
                            .await?;
                    }
                    put_whole!(work, image, manifest, tick);
                    let rows: Vec<ManifestRow> =
                        sqlx::query_as(MANIFESTS).bind(&claim.world).fetch_all(&mut *work).await?;
                    let (needed, old) = self.sorted_out(&rows);
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
                    let oldest = needed.map(|row| row.1).min();
                    Ok(Ok(tick_of(oldest.unwrap_or(tick))))
                }
                .await
            })
        });
        match saved.await? {
            Ok(oldest_kept) => Ok(SavedCheckpoint {
                tick: entry.tick,
                bytes: entry.stored_bytes,
                oldest_kept,
            }),
            Err(newest) => Err(claim.fenced(newest)),
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
            .map(|manifest| manifest.entry)
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
        let manifest = self
            .manifests(&entry.world)
            .await?
            .into_iter()
            .find(|manifest| (manifest.entry.epoch, manifest.entry.tick) == wanted)
            .ok_or_else(|| damaged("it is not in the database any more".to_owned()))?;
        if !manifest.entry.is_sound {
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

    /// Of rows from the newest to the oldest: those that need the journal, and those that go.
    fn sorted_out<'a>(
        &self,
        rows: &'a [ManifestRow],
    ) -> (
        impl Iterator<Item = &'a ManifestRow>,
        impl Iterator<Item = &'a ManifestRow>,
    ) {
        let taken_ms: Vec<u64> = rows.iter().map(|row| row.9.cast_unsigned()).collect();
        let fates = self.retention.fates(&taken_ms);
        let of = move |fate: Fate| {
            let fates = fates.clone().into_iter();
            rows.iter()
                .zip(fates)
                .filter(move |(_, found)| *found == fate)
                .map(|(row, _)| row)
        };
        (of(Fate::Kept), of(Fate::Deleted))
    }

    async fn manifests(&self, world: &str) -> Result<Vec<Manifest>, StoreError> {
        let manifests = match self.schema {
            0 => return Ok(Vec::new()),
            1 => MANIFESTS_1,
            2 => MANIFESTS_2,
            _ => MANIFESTS,
        };
        let rows: Vec<ManifestRow> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(manifests).bind(world).fetch_all(pool).await
                })
            })
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| manifest_of(world, row))
            .collect())
    }
}

/// Epoch, tick, digest, content hash, bytes, part list, checksum, provenance, format, time.
type ManifestRow = (i64, i64, i64, i64, i64, Vec<u8>, i64, String, i64, i64);

fn manifest_of(world: &str, row: ManifestRow) -> Manifest {
    let (epoch, tick, digest, content_hash, bytes, part_list, crc32, provenance, format, taken) =
        row;
    let stored = list_parts(&part_list).map(|part| u64::from(part.bytes));
    let entry = CheckpointEntry {
        world: world.to_owned(),
        epoch: epoch_of(epoch),
        tick: tick_of(tick),
        digest: digest.cast_unsigned(),
        content_hash: content_hash.cast_unsigned(),
        provenance,
        taken_ms: taken.cast_unsigned(),
        stored_bytes: stored.sum(),
        is_sound: false,
        parts: u32::try_from(list_parts(&part_list).count()).unwrap_or(u32::MAX),
        bytes: bytes.cast_unsigned(),
    };
    let format = u32::try_from(format).unwrap_or(u32::MAX);
    let mut manifest = Manifest {
        entry,
        format,
        part_list,
    };
    manifest.entry.is_sound = i64::from(manifest.crc32()) == crc32;
    manifest
}

fn check_storable(claim: &Claim, image: &PackedCheckpoint) -> Result<(), StoreError> {
    let entry = &image.entry;
    let what = if (&entry.world, entry.epoch) != (&claim.world, claim.epoch) {
        format!(
            "an image of {:?}, epoch {}, under a claim on {:?}, epoch {}",
            entry.world, entry.epoch.0, claim.world, claim.epoch.0
        )
    } else if image.parts.len() > PARTS_MAX {
        format!(
            "{} parts, at most {PARTS_MAX} are allowed",
            image.parts.len()
        )
    } else if image.parts.is_empty() || !image.parts.is_sorted_by(|a, b| a.0 < b.0) {
        "its parts are none, or not in ascending order of zones".to_owned()
    } else if image.longest.1 > PART_BYTES_MAX {
        let (zone, size) = image.longest;
        format!("the part of zone {zone} takes {size} bytes, at most {PART_BYTES_MAX} are allowed")
    } else {
        return Ok(());
    };
    Err(StoreError::Unstorable {
        what: format!("checkpoint at tick {}: {what}", entry.tick),
    })
}

/// A tick as a column; 2⁶³ ticks are 2 billion years at 120 Hz.
pub(crate) fn tick_column(tick: Tick) -> Result<i64, StoreError> {
    i64::try_from(tick.0).map_err(|_| StoreError::Unstorable {
        what: format!("tick {tick} does not fit"),
    })
}

/// A column we wrote; nonsense is caught by the manifest's checksum.
pub(crate) fn tick_of(column: i64) -> Tick {
    Tick(column.cast_unsigned())
}
