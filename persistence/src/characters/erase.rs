//! Erasing: the keys' rows go, and what names the account; the audit trail gets its entries; all in one
//! transaction.

use bluemarble_shared_protocol::EntityId;

use super::known::NOTE;
use super::{Characters, PrivacyDeed, TURN, WIPING, Whom};
use crate::store::{Backend, StoreError, on_backend};

/// Who was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The account's number, if all of it was.
    pub account: Option<i64>,
    /// The characters, and what they were called until now.
    pub characters: Vec<(EntityId, Option<String>)>,
    /// Why the database's files may still hold what was deleted; `None` if they do not.
    pub remnants: Option<String>,
}

/// One who joined the account meanwhile is meant, too.
const OF_ACCOUNT: &str =
    "SELECT id FROM player_character WHERE account = $1 ORDER BY created_ms, id";
const KEY_GOES: &str = "DELETE FROM character_key WHERE character = $1";
const CHARACTER_ERASED: &str = "UPDATE player_character SET account = NULL, \
     erased_ms = COALESCE(erased_ms, $2) WHERE id = $1";
const ACCOUNT_ERASED: &str =
    "UPDATE account SET name = NULL, erased_ms = COALESCE(erased_ms, $2) WHERE number = $1";

impl Characters {
    /// Erases a character, or an account with all its characters. Durable when it returns. `None`, and
    /// nothing is changed, if nobody is meant.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was changed then, or, if the database did not answer in time, all was:
    /// asking again is right either way.
    pub async fn erase(
        &self,
        whom: &Whom,
        by_whom: &str,
        now_ms: u64,
    ) -> Result<Option<Erased>, StoreError> {
        let (account, rows) = self.find(whom).await?;
        let account = match whom {
            Whom::Account(_) => account.map(|account| account.number),
            Whom::Character(_) | Whom::Id(_) => None,
        };
        if account.is_none() && rows.is_empty() {
            return Ok(None);
        }
        let now = now_ms.cast_signed();
        let erased = PrivacyDeed::Erased as i16;
        let mut ids: Vec<i64> = rows.iter().map(|row| row.id.0.cast_signed()).collect();
        self.store
            .in_time(async {
                on_backend!(self.store.backend, (pool, begin) => {
                    async {
                        let mut connection = pool.acquire().await?;
                        let sqlite = matches!(self.store.backend, Backend::Sqlite(_));
                        if sqlite {
                            sqlx::query(WIPING.0).execute(&mut *connection).await?;
                        }
                        let mut work = sqlx::Connection::begin_with(&mut *connection, begin).await?;
                        if !sqlite {
                            sqlx::query(TURN).execute(&mut *work).await?;
                        }
                        if let Some(number) = account {
                            ids = sqlx::query_scalar(OF_ACCOUNT)
                                .bind(number)
                                .fetch_all(&mut *work)
                                .await?;
                        }
                        for &id in &ids {
                            sqlx::query(KEY_GOES).bind(id).execute(&mut *work).await?;
                            sqlx::query(CHARACTER_ERASED).bind(id).bind(now).execute(&mut *work).await?;
                            sqlx::query(NOTE)
                                .bind(now)
                                .bind(by_whom)
                                .bind(erased)
                                .bind(account)
                                .bind(id)
                                .execute(&mut *work)
                                .await?;
                        }
                        if let Some(number) = account {
                            sqlx::query(ACCOUNT_ERASED)
                                .bind(number)
                                .bind(now)
                                .execute(&mut *work)
                                .await?;
                            if ids.is_empty() {
                                sqlx::query(NOTE)
                                    .bind(now)
                                    .bind(by_whom)
                                    .bind(erased)
                                    .bind(account)
                                    .bind(None::<i64>)
                                    .execute(&mut *work)
                                    .await?;
                            }
                        }
                        work.commit().await?;
                        if sqlite {
                            sqlx::query(WIPING.1).execute(&mut *connection).await?;
                        }
                        Ok(())
                    }
                    .await
                })
            })
            .await?;
        Ok(Some(Erased {
            account,
            characters: ids
                .into_iter()
                .map(|id| {
                    let id = EntityId(id.cast_unsigned());
                    let known = rows.iter().find(|row| row.id == id);
                    (id, known.and_then(|row| row.name.clone()))
                })
                .collect(),
            remnants: self.wipe().await,
        }))
    }

    /// Takes what was deleted out of the database's own files, as far as it does that; or why not.
    async fn wipe(&self) -> Option<String> {
        match &self.store.backend {
            Backend::Sqlite(pool) => {
                // Old pages are in the write-ahead log until it is emptied.
                let emptied: Result<(i64, i64, i64), StoreError> = self
                    .store
                    .in_time(async {
                        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                            .fetch_one(pool)
                            .await
                    })
                    .await;
                match emptied {
                    Ok((0, ..)) => None,
                    Ok(_) => Some(
                        "somebody reads the database: its -wal file is emptied at the next checkpoint"
                            .to_owned(),
                    ),
                    Err(error) => Some(error.to_string()),
                }
            }
            Backend::Postgres(pool) => {
                let rewritten = self.store.in_time(async {
                    for table in ["VACUUM FULL character_key", "VACUUM FULL account"] {
                        sqlx::query(table).execute(pool).await?;
                    }
                    Ok(())
                });
                rewritten.await.err().map(|error| error.to_string())
            }
        }
    }
}
