//! All accounts and characters from one database into another: a world that moves takes along who plays in
//! it.

use super::{Characters, TURN, WIPING};
use crate::store::{Backend, StoreError, on_backend};

/// How many rows were copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Accounts, the erased ones included.
    pub accounts: usize,
    /// Characters, the erased ones included.
    pub characters: usize,
    /// Entries of the audit trail.
    pub audit: usize,
}

const READ_ACCOUNTS: &str =
    "SELECT number, name, created_ms, erased_ms FROM account ORDER BY number";
const READ_CHARACTERS: &str =
    "SELECT id, account, created_ms, erased_ms FROM player_character ORDER BY id";
const READ_KEYS: &str =
    "SELECT character, name_hash, key, sealed_name FROM character_key ORDER BY character";
const READ_AUDIT: &str =
    "SELECT at_ms, by_whom, deed, account, character FROM privacy_audit ORDER BY number";
const ANYBODY: &str = "SELECT (SELECT COUNT(*) FROM account) + \
     (SELECT COUNT(*) FROM player_character)";
const WRITE_ACCOUNT: &str =
    "INSERT INTO account (number, name, created_ms, erased_ms) VALUES ($1, $2, $3, $4)";
const WRITE_CHARACTER: &str =
    "INSERT INTO player_character (id, account, created_ms, erased_ms) VALUES ($1, $2, $3, $4)";
const WRITE_KEY: &str = "INSERT INTO character_key (character, name_hash, key, sealed_name) \
     VALUES ($1, $2, $3, $4)";

type AccountColumns = (i64, Option<String>, i64, Option<i64>);
type CharacterColumns = (i64, Option<i64>, i64, Option<i64>);
type KeyColumns = (i64, Vec<u8>, Vec<u8>, Vec<u8>);
type AuditColumns = (i64, String, i16, Option<i64>, Option<i64>);

/// Everything there is.
struct Rows {
    accounts: Vec<AccountColumns>,
    characters: Vec<CharacterColumns>,
    keys: Vec<KeyColumns>,
    audit: Vec<AuditColumns>,
}

impl Characters {
    /// Copies everybody, with keys and audit trail, in one transaction; `None`, and nothing is changed, if
    /// `other` has accounts or characters already, for a name could be two people's.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was changed.
    pub async fn carry_to(&self, other: &Self) -> Result<Option<Carried>, StoreError> {
        let rows = self.read_all().await?;
        let carried = Carried {
            accounts: rows.accounts.len(),
            characters: rows.characters.len(),
            audit: rows.audit.len(),
        };
        Ok(other.write_all(rows).await?.then_some(carried))
    }

    async fn read_all(&self) -> Result<Rows, StoreError> {
        self.store
            .in_time(async {
                on_backend!(self.store.backend, (pool, begin) => {
                    async {
                        let mut work = pool.begin_with(begin).await?;
                        let rows = Rows {
                            keys: sqlx::query_as(READ_KEYS).fetch_all(&mut *work).await?,
                            characters: sqlx::query_as(READ_CHARACTERS).fetch_all(&mut *work).await?,
                            accounts: sqlx::query_as(READ_ACCOUNTS).fetch_all(&mut *work).await?,
                            audit: sqlx::query_as(READ_AUDIT).fetch_all(&mut *work).await?,
                        };
                        work.commit().await?;
                        Ok(rows)
                    }
                    .await
                })
            })
            .await
    }

    async fn write_all(&self, rows: Rows) -> Result<bool, StoreError> {
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
                        let there: i64 = sqlx::query_scalar(ANYBODY).fetch_one(&mut *work).await?;
                        if there == 0 {
                            for (number, name, created, erased) in rows.accounts {
                                let row = sqlx::query(WRITE_ACCOUNT).bind(number).bind(name);
                                row.bind(created).bind(erased).execute(&mut *work).await?;
                            }
                            for (id, account, created, erased) in rows.characters {
                                let row = sqlx::query(WRITE_CHARACTER).bind(id).bind(account);
                                row.bind(created).bind(erased).execute(&mut *work).await?;
                            }
                            for (id, hash, key, sealed) in rows.keys {
                                let row = sqlx::query(WRITE_KEY).bind(id).bind(hash);
                                row.bind(key).bind(sealed).execute(&mut *work).await?;
                            }
                            for (at, by, deed, account, character) in rows.audit {
                                let row = sqlx::query(super::known::NOTE).bind(at).bind(by).bind(deed);
                                row.bind(account).bind(character).execute(&mut *work).await?;
                            }
                        }
                        work.commit().await?;
                        if sqlite {
                            sqlx::query(WIPING.1).execute(&mut *connection).await?;
                        }
                        Ok(there == 0)
                    }
                    .await
                })
            })
            .await
    }
}
