//! Worlds and their writers: who may write one, and since when.

use super::backend::on_backend;
use super::{Claim, ContentStamp, Store, StoreError, WorldRow, epoch_of};
use crate::limits::WORLD_NAME_BYTES_MAX;

/// Returns what the claim before said, for the other columns are set in a second step.
const RAISE_EPOCH: &str = "UPDATE world SET epoch = epoch + 1 WHERE name = $1 \
     RETURNING epoch, content_hash, build";
const STAMP: &str = "UPDATE world SET content_hash = $2, build = $3 WHERE name = $1";
const FIRST_CLAIM: &str = "INSERT INTO world (name, epoch, content_hash, build) \
     VALUES ($1, 1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET epoch = world.epoch + 1, \
     content_hash = excluded.content_hash, build = excluded.build RETURNING epoch";
const WORLD: &str = "SELECT epoch, content_hash, build FROM world WHERE name = $1";
const WORLDS: &str = "SELECT name FROM world ORDER BY name";
/// The first ends the right of whoever still writes it, and waits for what is being written.
const REMOVE_WORLD: [&str; 9] = [
    "UPDATE world SET epoch = epoch + 1 WHERE name = $1",
    "DELETE FROM journal_chunk WHERE world = $1",
    "DELETE FROM ledger_undone WHERE world = $1",
    "DELETE FROM ledger_transfer WHERE world = $1",
    "DELETE FROM ledger_account WHERE world = $1",
    "DELETE FROM ledger WHERE world = $1",
    "DELETE FROM checkpoint_part WHERE world = $1",
    "DELETE FROM checkpoint WHERE world = $1",
    "DELETE FROM world WHERE name = $1",
];

impl Store {
    /// What the store knows of a world, without claiming it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn world(&self, world: &str) -> Result<Option<WorldRow>, StoreError> {
        if self.schema == 0 {
            return Ok(None);
        }
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

    /// The names of all worlds there are.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn worlds(&self) -> Result<Vec<String>, StoreError> {
        if self.schema == 0 {
            return Ok(Vec::new());
        }
        self.in_time(async {
            on_backend!(self.backend, (pool, _begin) => {
                sqlx::query_scalar(WORLDS).fetch_all(pool).await
            })
        })
        .await
    }

    /// Becomes the only writer of `world`: its epoch rises by one, older claims are fenced. Refuse
    /// to run other content (see [`Store::world`]) before claiming, not after.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn claim(&self, world: &str, content: &ContentStamp) -> Result<Claim, StoreError> {
        check_name(world)?;
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

    /// Deletes a world whole: its checkpoints, its journal, its ledger and its row, so that whoever still writes it is fenced.
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
}

pub(super) fn check_name(world: &str) -> Result<(), StoreError> {
    if world.is_empty() || world.len() > WORLD_NAME_BYTES_MAX {
        return Err(StoreError::Unstorable {
            what: format!("a world's name takes 1 to {WORLD_NAME_BYTES_MAX} bytes: {world:?}"),
        });
    }
    Ok(())
}
