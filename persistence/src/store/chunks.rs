//! The journal in the database: pieces of its segments, each behind the one before it, byte by byte
//! what lies on the writer's disk. What they mean is for the journal to say.

use bluemarble_shared_protocol::{Epoch, Tick};

use std::convert::identity;

use super::backend::{fence, on_backend};
use super::retention::Fate;
use super::{Claim, Store, StoreError, epoch_of, tick_column, tick_of};
use crate::limits::CHUNK_BYTES_MAX;

/// The first version of the schema that has the table.
const SCHEMA_WITH_CHUNKS: i64 = 5;

const PUT: &str = "INSERT INTO journal_chunk \
     (world, epoch, first_tick, start, ends, through, crc32, bytes) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const THE_SAME: &str = "SELECT COUNT(*) FROM journal_chunk WHERE world = $1 AND epoch = $2 \
     AND first_tick = $3 AND start = $4 AND ends = $5 AND through = $6 AND crc32 = $7 AND bytes = $8";
const LIST: &str = "SELECT epoch, first_tick, start, ends, through, crc32 FROM journal_chunk \
     WHERE world = $1 ORDER BY epoch, first_tick, start";
const LAST_OF_EACH: &str = "SELECT epoch, first_tick, MAX(ends), MAX(through) FROM journal_chunk \
     WHERE world = $1 GROUP BY epoch, first_tick ORDER BY epoch, first_tick";
const BYTES: &str = "SELECT bytes FROM journal_chunk \
     WHERE world = $1 AND epoch = $2 AND first_tick = $3 AND start = $4";
/// Those before the last segment that begins at or before `$2`: of them nothing later counts.
const PRUNE: &str = "DELETE FROM journal_chunk WHERE world = $1 AND (epoch, first_tick) < \
     (SELECT epoch, first_tick FROM journal_chunk WHERE world = $1 AND start = 0 \
     AND first_tick <= $2 ORDER BY epoch DESC, first_tick DESC LIMIT 1)";

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalChunk {
    /// The segment's epoch.
    pub epoch: Epoch,
    /// The segment's first tick.
    pub first_tick: Tick,
    /// Where in the segment it begins, bytes; at 0 the segment's header is part of it.
    pub start: u64,
    /// The tick of its last record.
    pub through: Tick,
    /// Whole records.
    pub bytes: Vec<u8>,
}

/// What the database says of a piece, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkEntry {
    /// The segment's epoch.
    pub epoch: Epoch,
    /// The segment's first tick.
    pub first_tick: Tick,
    /// Where in the segment it begins, bytes.
    pub start: u64,
    /// Where it ends.
    pub ends: u64,
    /// The tick of its last record.
    pub through: Tick,
    /// CRC-32 of its bytes.
    pub crc32: u32,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutChunk {
    /// It is in the database now.
    Stored,
    /// It was already, exactly so: the answer to an earlier attempt was lost.
    Repeated,
    /// What comes before it is not, or something else is in its place: look where the database stands.
    OutOfOrder,
}

impl JournalChunk {
    /// Where it ends, bytes from the segment's beginning.
    #[must_use]
    pub fn ends(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Store {
    /// Stores a piece of the journal behind those before it. The same one again changes nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_chunk(
        &self,
        claim: &Claim,
        chunk: &JournalChunk,
    ) -> Result<PutChunk, StoreError> {
        let (first, through) = (tick_column(chunk.first_tick)?, tick_column(chunk.through)?);
        let crc32 = i64::from(crc32fast::hash(&chunk.bytes));
        macro_rules! bound {
            ($query:expr) => {
                $query
                    .bind(&claim.world)
                    .bind(i64::from(chunk.epoch.0))
                    .bind(first)
                    .bind(chunk.start.cast_signed())
                    .bind(chunk.ends().cast_signed())
                    .bind(through)
                    .bind(crc32)
                    .bind(chunk.bytes.as_slice())
            };
        }
        let put = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.backend, claim, work, identity);
                    let put = match bound!(sqlx::query(PUT)).execute(&mut *work).await {
                        Err(error) if lacks_the_one_before(&error) => {
                            return Ok(Ok(PutChunk::OutOfOrder));
                        }
                        put => put?,
                    };
                    if put.rows_affected() > 0 {
                        work.commit().await?;
                        return Ok(Ok(PutChunk::Stored));
                    }
                    let same: i64 =
                        bound!(sqlx::query_scalar(THE_SAME)).fetch_one(&mut *work).await?;
                    work.commit().await?;
                    Ok(Ok(match same {
                        0 => PutChunk::OutOfOrder,
                        _ => PutChunk::Repeated,
                    }))
                }
                .await
            })
        });
        put.await?.map_err(|newest| claim.fenced(newest))
    }

    /// Deletes the segments of which nothing after `covered` counts; how many pieces those were.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn prune_chunks(&self, claim: &Claim, covered: Tick) -> Result<u64, StoreError> {
        let begins = tick_column(covered.next())?;
        let pruned = self.in_time(async {
            on_backend!(self.backend, (pool, begin) => {
                async {
                    let mut work = pool.begin_with(begin).await?;
                    fence!(self.backend, claim, work, identity);
                    let gone = sqlx::query(PRUNE)
                        .bind(&claim.world)
                        .bind(begins)
                        .execute(&mut *work)
                        .await?
                        .rows_affected();
                    work.commit().await?;
                    Ok(Ok(gone))
                }
                .await
            })
        });
        pruned.await?.map_err(|newest| claim.fenced(newest))
    }

    /// All pieces of a world's journal without their bytes, in order of epoch, segment and place.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn chunks(&self, world: &str) -> Result<Vec<ChunkEntry>, StoreError> {
        if self.schema < SCHEMA_WITH_CHUNKS {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, i64, i64, i64, i64, i64)> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(LIST).bind(world).fetch_all(pool).await
                })
            })
            .await?;
        let entry =
            |(epoch, first_tick, start, ends, through, crc32): (i64, i64, i64, i64, i64, i64)| {
                ChunkEntry {
                    epoch: epoch_of(epoch),
                    first_tick: tick_of(first_tick),
                    start: start.cast_unsigned(),
                    ends: ends.cast_unsigned(),
                    through: tick_of(through),
                    crc32: u32::try_from(crc32).unwrap_or_default(),
                }
            };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Epoch and first tick of each segment in the database, how many bytes of it are there, and its
    /// newest tick there; in order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn shipped(&self, world: &str) -> Result<Vec<(Epoch, Tick, u64, Tick)>, StoreError> {
        if self.schema < SCHEMA_WITH_CHUNKS {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, i64, i64, i64)> = self
            .in_time(async {
                on_backend!(self.backend, (pool, _begin) => {
                    sqlx::query_as(LAST_OF_EACH).bind(world).fetch_all(pool).await
                })
            })
            .await?;
        Ok(rows
            .into_iter()
            .map(|(epoch, first, ends, through)| {
                (
                    epoch_of(epoch),
                    tick_of(first),
                    ends.cast_unsigned(),
                    tick_of(through),
                )
            })
            .collect())
    }

    /// The bytes of one piece as they are in the database; whether they are what was stored is for
    /// whoever reads them to see. `None` if it is not there any more.
    ///
    /// # Errors
    /// See [`StoreError`]; also if they are more than a piece can have.
    pub async fn chunk_bytes(
        &self,
        world: &str,
        entry: &ChunkEntry,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let first = tick_column(entry.first_tick)?;
        if entry.ends.saturating_sub(entry.start) > CHUNK_BYTES_MAX as u64 {
            return Err(StoreError::Unstorable {
                what: format!(
                    "a piece of the journal of {} bytes, at most {CHUNK_BYTES_MAX} are allowed",
                    entry.ends.saturating_sub(entry.start)
                ),
            });
        }
        self.in_time(async {
            on_backend!(self.backend, (pool, _begin) => {
                sqlx::query_scalar(BYTES)
                    .bind(world)
                    .bind(i64::from(entry.epoch.0))
                    .bind(first)
                    .bind(entry.start.cast_signed())
                    .fetch_optional(pool)
                    .await
            })
        })
        .await
    }

    /// The tick of the oldest checkpoint to which the journal reaches back, if there is any: what the
    /// journal has before it is not needed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn journal_needed_after(&self, world: &str) -> Result<Option<Tick>, StoreError> {
        let entries = self.checkpoints(world).await?;
        let taken_ms: Vec<u64> = entries.iter().map(|entry| entry.taken_ms).collect();
        let fates = self.retention.fates(&taken_ms);
        let kept = entries.iter().zip(fates);
        Ok(kept
            .filter(|(_, fate)| *fate == Fate::Kept)
            .map(|(entry, _)| entry.tick)
            .min())
    }
}

/// The piece before is not there.
fn lacks_the_one_before(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.kind() == sqlx::error::ErrorKind::ForeignKeyViolation)
}
