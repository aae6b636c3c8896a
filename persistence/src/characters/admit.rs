//! Finding characters by name, and making those who are new.

use bluemarble_shared_protocol::{EntityId, NameTag};

use super::{Character, Characters, TURN, WIPING, cipher};
use crate::store::{Backend, StoreError, on_backend};

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The character's name.
    pub name: String,
    /// The account the ticket names.
    pub account: Option<String>,
    /// For a character from before there were these rows: the id it has already. If that id is taken,
    /// or the name is another character's by now, it gets a name that nobody can read any more.
    pub id: Option<EntityId>,
}

const BY_NAME: &str = "SELECT k.character, k.sealed_name, c.account FROM character_key k \
     JOIN player_character c ON c.id = k.character WHERE k.name_hash = $1";
const ACCOUNT: &str = "SELECT number FROM account WHERE name = $1";
const NEW_ACCOUNT: &str = "INSERT INTO account (number, name, created_ms) VALUES ($1, $2, $3)";
const NEW_CHARACTER: &str =
    "INSERT INTO player_character (id, account, created_ms) VALUES ($1, $2, $3)";
const NEW_KEY: &str = "INSERT INTO character_key (character, name_hash, key, sealed_name) \
     VALUES ($1, $2, $3, $4)";
const EVERYBODY: &str = "SELECT k.character, k.key, k.sealed_name, a.name FROM character_key k \
     JOIN player_character c ON c.id = k.character LEFT JOIN account a ON a.number = c.account \
     ORDER BY c.created_ms DESC LIMIT $1";
const THERE: &str = "SELECT COUNT(*) FROM player_character WHERE id = $1";
const MOVES: &str = "UPDATE player_character SET account = $2 WHERE id = $1";

/// Character, key, sealed name, the account's name.
type KnownRow = (i64, Vec<u8>, Vec<u8>, Option<String>);

/// Character, sealed name, account.
type Row = (i64, Vec<u8>, Option<i64>);

/// What is drawn before anybody is asked, in case that somebody is new: whoever asks again with it, having
/// had no answer, finds the same character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub(super) hash: Vec<u8>,
    pub(super) account: Option<String>,
    pub(super) id: EntityId,
    pub(super) key: [u8; cipher::KEY_BYTES],
    pub(super) tag: NameTag,
    pub(super) account_number: i64,
    /// The id was not drawn.
    pub(super) adopted: bool,
}

impl Drawn {
    /// # Errors
    /// The system gives no random numbers, or the name cannot be one.
    pub fn for_one(asked: &Asked) -> Result<Self, StoreError> {
        // Of 2⁶⁴ ids none is drawn twice in a lifetime; if one were, the row would be refused. Zero is
        // nobody's.
        let drawn = EntityId(u64::from_le_bytes(cipher::drawn()?).max(1));
        let id = asked.id.unwrap_or(drawn);
        let key = cipher::drawn()?;
        Ok(Self {
            hash: cipher::hash_of(&asked.name),
            account: asked.account.clone(),
            id,
            tag: cipher::seal(&key, id, &asked.name)?,
            key,
            account_number: i64::from_le_bytes(cipher::drawn()?),
            adopted: asked.id.is_some(),
        })
    }

    /// The character, if it is new.
    #[must_use]
    pub fn character(&self) -> Character {
        Character {
            id: self.id,
            tag: self.tag.clone(),
        }
    }
}

impl Characters {
    /// The characters of these names, in the same order; those who are new are made. Durable when it
    /// returns. One who comes with another account than before belongs to that one from now on.
    ///
    /// # Errors
    /// See [`StoreError`]; nobody was made then.
    pub async fn admit(&self, asked: &[Asked], now_ms: u64) -> Result<Vec<Character>, StoreError> {
        let drawn = asked.iter().map(Drawn::for_one);
        self.admit_drawn(&drawn.collect::<Result<Vec<_>, _>>()?, now_ms)
            .await
    }

    /// The same. If the database did not answer, they may have been made or not: asking again with the
    /// same ones gives the same characters.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn admit_drawn(
        &self,
        drawn: &[Drawn],
        now_ms: u64,
    ) -> Result<Vec<Character>, StoreError> {
        let now_ms = now_ms.cast_signed();
        let mut gone = Vec::new();
        let mut found: Vec<Option<Row>> = Vec::with_capacity(drawn.len());
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
                        for drawn in drawn {
                            let row: Option<Row> =
                                sqlx::query_as(BY_NAME).bind(&drawn.hash).fetch_optional(&mut *work).await?;
                            let mut account = None;
                            if let Some(name) = &drawn.account {
                                account = sqlx::query_scalar(ACCOUNT)
                                    .bind(name)
                                    .fetch_optional(&mut *work)
                                    .await?;
                                if account.is_none() {
                                    sqlx::query(NEW_ACCOUNT)
                                        .bind(drawn.account_number)
                                        .bind(name)
                                        .bind(now_ms)
                                        .execute(&mut *work)
                                        .await?;
                                    account = Some(drawn.account_number);
                                }
                            }
                            match &row {
                                Some((id, _, before)) if account.is_some() && account != *before => {
                                    sqlx::query(MOVES).bind(id).bind(account).execute(&mut *work).await?;
                                }
                                Some(_) => {}
                                None => {
                                    let id = drawn.id.0.cast_signed();
                                    let there: i64 =
                                        sqlx::query_scalar(THERE).bind(id).fetch_one(&mut *work).await?;
                                    if drawn.adopted && there > 0 {
                                        // Erased since, and it stays so: the drawn key is kept nowhere.
                                        found.push(None);
                                        gone.push(drawn.id);
                                        continue;
                                    }
                                    sqlx::query(NEW_CHARACTER)
                                        .bind(id)
                                        .bind(account)
                                        .bind(now_ms)
                                        .execute(&mut *work)
                                        .await?;
                                    sqlx::query(NEW_KEY)
                                        .bind(id)
                                        .bind(&drawn.hash)
                                        .bind(&drawn.key[..])
                                        .bind(drawn.tag.written())
                                        .execute(&mut *work)
                                        .await?;
                                }
                            }
                            found.push(row);
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
        let pairs = drawn.iter().zip(found);
        pairs
            .map(|(drawn, row)| found_or_made(drawn, row, &gone))
            .collect()
    }

    /// Everybody who is not erased, at most so many, each with the account.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn everybody(
        &self,
        most: usize,
    ) -> Result<Vec<(Character, Option<String>)>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows: Vec<KnownRow> = self
            .store
            .in_time(async {
                on_backend!(self.store.backend, (pool, _begin) => {
                    sqlx::query_as(EVERYBODY).bind(most).fetch_all(pool).await
                })
            })
            .await?;
        let known = rows.into_iter().filter_map(|(id, key, sealed, account)| {
            let id = EntityId(id.cast_unsigned());
            let name = cipher::open(&key, id, &sealed)?;
            let tag = NameTag::sealed(&sealed)?.told(&name);
            Some((Character { id, tag }, account))
        });
        Ok(known.collect())
    }
}

fn found_or_made(
    drawn: &Drawn,
    row: Option<Row>,
    gone: &[EntityId],
) -> Result<Character, StoreError> {
    let Some((id, sealed, _)) = row else {
        return Ok(match gone.contains(&drawn.id) {
            true => nameless(drawn),
            false => drawn.character(),
        });
    };
    let id = EntityId(id.cast_unsigned());
    if drawn.adopted && drawn.id != id {
        return Ok(nameless(drawn));
    }
    let tag = NameTag::sealed(&sealed).ok_or_else(|| StoreError::Unstorable {
        what: format!("the character {id}: its row holds no sealed name"),
    })?;
    let told = drawn.tag.name().map(|name| tag.told(name));
    Ok(Character {
        id,
        tag: told.unwrap_or(tag),
    })
}

/// With a name under a key that is kept nowhere.
fn nameless(drawn: &Drawn) -> Character {
    let tag = NameTag::sealed(drawn.tag.written());
    Character {
        id: drawn.id,
        tag: tag.expect("what was sealed is a sealed name"),
    }
}
