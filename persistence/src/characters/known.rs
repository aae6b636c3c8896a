//! What there is about a character, an account, and what was asked about them.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::EntityId;

use super::{Characters, cipher};
use crate::store::{StoreError, on_backend};

/// Whom a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// One character, by name.
    Character(String),
    /// One character by id, for names are gone once they are erased.
    Id(EntityId),
    /// An account with all its characters.
    Account(String),
}

/// A row of `account`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its number.
    pub number: i64,
    /// As tickets name it; `None` once it is erased.
    pub name: Option<String>,
    /// Since when, Unix milliseconds.
    pub created_ms: u64,
    /// Until when.
    pub erased_ms: Option<u64>,
}

/// A row of `player_character`, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterRow {
    /// Its id.
    pub id: EntityId,
    /// Its name; `None` if the key is gone, or does not fit.
    pub name: Option<String>,
    /// The number of its account.
    pub account: Option<i64>,
    /// Since when, Unix milliseconds.
    pub created_ms: u64,
    /// Until when.
    pub erased_ms: Option<u64>,
}

/// What was done about somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum PrivacyDeed {
    /// All of it was put together.
    Exported = 1,
    /// It was erased.
    Erased = 2,
}

/// A row of `privacy_audit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Counts up.
    pub number: i64,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// By whom, in words.
    pub by_whom: String,
    /// What.
    pub deed: PrivacyDeed,
    /// Of which account.
    pub account: Option<i64>,
    /// Of which character.
    pub character: Option<EntityId>,
}

macro_rules! characters {
    ($where:literal) => {
        concat!(
            "SELECT c.id, c.account, c.created_ms, c.erased_ms, k.key, k.sealed_name \
             FROM player_character c LEFT JOIN character_key k ON k.character = c.id WHERE ",
            $where,
            " ORDER BY c.created_ms, c.id"
        )
    };
}
const BY_HASH: &str = characters!("k.name_hash = $1");
const BY_ID: &str = characters!("c.id = $1");
const BY_ACCOUNT: &str = characters!("c.account = $1");
const ACCOUNT_NAMED: &str =
    "SELECT number, name, created_ms, erased_ms FROM account WHERE name = $1";
const ACCOUNT_NUMBERED: &str =
    "SELECT number, name, created_ms, erased_ms FROM account WHERE number = $1";
const AUDIT: &str = "SELECT number, at_ms, by_whom, deed, account, character FROM privacy_audit \
     WHERE character = $1 OR account = $2 ORDER BY number";
pub(super) const NOTE: &str = "INSERT INTO privacy_audit (at_ms, by_whom, deed, account, character) \
     VALUES ($1, $2, $3, $4, $5)";

type KnownRow = (
    i64,
    Option<i64>,
    i64,
    Option<i64>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);
type AccountColumns = (i64, Option<String>, i64, Option<i64>);
type AuditColumns = (i64, i64, String, i16, Option<i64>, Option<i64>);

impl Characters {
    /// The characters that are meant, and their account if there is one; none if nobody is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn find(
        &self,
        whom: &Whom,
    ) -> Result<(Option<AccountRow>, Vec<CharacterRow>), StoreError> {
        let (accounts, rows) = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    async {
                        let mut accounts: Vec<AccountColumns> = Vec::new();
                        let rows: Vec<KnownRow> = match whom {
                            Whom::Character(name) => {
                                let hash = cipher::hash_of(name);
                                sqlx::query_as(BY_HASH).bind(hash).fetch_all(pool).await?
                            }
                            Whom::Id(id) => {
                                sqlx::query_as(BY_ID).bind(id.0.cast_signed()).fetch_all(pool).await?
                            }
                            Whom::Account(name) => {
                                accounts =
                                    sqlx::query_as(ACCOUNT_NAMED).bind(name).fetch_all(pool).await?;
                                match accounts.first() {
                                    Some((number, ..)) => {
                                        sqlx::query_as(BY_ACCOUNT).bind(number).fetch_all(pool).await?
                                    }
                                    None => Vec::new(),
                                }
                            }
                        };
                        if let (Some((_, Some(number), ..)), true) = (rows.first(), accounts.is_empty()) {
                            accounts =
                                sqlx::query_as(ACCOUNT_NUMBERED).bind(number).fetch_all(pool).await?;
                        }
                        Ok((accounts, rows))
                    }
                    .await
                })
            })
            .await?;
        let account = accounts.into_iter().next();
        let account = account.map(|(number, name, created_ms, erased_ms)| AccountRow {
            number,
            name,
            created_ms: created_ms.cast_unsigned(),
            erased_ms: erased_ms.map(i64::cast_unsigned),
        });
        Ok((account, rows.into_iter().map(character_of).collect()))
    }

    /// The names of those of these characters whose keys there are.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn names(&self, ids: &[EntityId]) -> Result<BTreeMap<EntityId, String>, StoreError> {
        let rows = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    async {
                        let mut rows: Vec<KnownRow> = Vec::new();
                        for id in ids {
                            let id = id.0.cast_signed();
                            rows.extend(sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await?);
                        }
                        Ok(rows)
                    }
                    .await
                })
            })
            .await?;
        let named = rows.into_iter().map(character_of);
        Ok(named.filter_map(|row| Some((row.id, row.name?))).collect())
    }

    /// What was asked about this character, or this account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn audit(
        &self,
        character: Option<EntityId>,
        account: Option<i64>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<AuditColumns> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(AUDIT)
                        .bind(character.map(|id| id.0.cast_signed()))
                        .bind(account)
                        .fetch_all(pool)
                        .await
                })
            })
            .await?;
        Ok(rows.into_iter().map(audit_of).collect())
    }

    /// Writes down that somebody's data was put together.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_export(
        &self,
        account: Option<i64>,
        characters: &[EntityId],
        by_whom: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        // An account without characters is an entry, too.
        let rows: Vec<Option<i64>> = match characters {
            [] => vec![None],
            some => some.iter().map(|id| Some(id.0.cast_signed())).collect(),
        };
        self.store
            .in_time(async {
                on_backend!(self.store.backend, (pool, begin) => {
                    async {
                        let mut work = pool.begin_with(begin).await?;
                        for character in rows {
                            sqlx::query(NOTE)
                                .bind(now_ms.cast_signed())
                                .bind(by_whom)
                                .bind(PrivacyDeed::Exported as i16)
                                .bind(account)
                                .bind(character)
                                .execute(&mut *work)
                                .await?;
                        }
                        work.commit().await
                    }
                    .await
                })
            })
            .await
    }
}

fn character_of((id, account, created_ms, erased_ms, key, sealed): KnownRow) -> CharacterRow {
    let id = EntityId(id.cast_unsigned());
    let pair = key.zip(sealed);
    CharacterRow {
        id,
        name: pair.and_then(|(key, sealed)| cipher::open(&key, id, &sealed)),
        account,
        created_ms: created_ms.cast_unsigned(),
        erased_ms: erased_ms.map(i64::cast_unsigned),
    }
}

fn audit_of((number, at_ms, by_whom, deed, account, character): AuditColumns) -> AuditRow {
    AuditRow {
        number,
        at_ms: at_ms.cast_unsigned(),
        by_whom,
        // The schema takes no other.
        deed: match deed {
            1 => PrivacyDeed::Exported,
            _ => PrivacyDeed::Erased,
        },
        account,
        character: character.map(|id| EntityId(id.cast_unsigned())),
    }
}
