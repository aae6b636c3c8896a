//! Whom tickets name: accounts and characters as rows, and of each character the key under which its
//! name is sealed wherever it is written.
//!
//! ```text
//! account 1 ─ n player_character 1 ─ 0..1 character_key      privacy_audit
//!                id: the avatar's           key, sealed name    who asked for what, and when
//! ```
//!
//! The key's row is the one place. Whoever deletes it has erased the character: journals, their copies,
//! checkpoints and archives hold an id and bytes that nobody can read any more. What stays are the
//! numbers, for the books of others add up with them.
//!
//! These rows belong to no world: a character is the same in all of them, and no claim fences them. They
//! are read and written by whoever opens the door, never by a tick.
//!
//! - `cipher` seals and opens, `admit` finds characters or makes them, `spool` keeps new ones while the
//!   database is away, `erase` takes them out,
//!   `known` answers what there is about one, `traces` what the ledgers say of it, `carry`
//!   takes everybody to another database.

mod admit;
mod carry;
mod cipher;
mod erase;
mod known;
mod spool;
mod traces;

pub use admit::{Asked, Drawn};
pub use carry::Carried;
pub use erase::Erased;
pub use known::{AccountRow, AuditRow, CharacterRow, PrivacyDeed, Whom};
pub use spool::Spool;
pub use traces::{LedgerLine, LedgerTraces};

use bluemarble_shared_protocol::{EntityId, NameTag};

use crate::store::Store;

/// The characters that one store knows.
#[derive(Clone, Debug)]
pub struct Characters {
    store: Store,
}

/// A character as the door needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    /// The id, which its avatar has.
    pub id: EntityId,
    /// Its name, sealed under its key, and told.
    pub tag: NameTag,
}

impl Characters {
    /// Those whose rows `store` has.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

/// Takes turns in Postgres with whoever else makes or erases characters; SQLite has one writer anyway.
const TURN: &str = "SELECT pg_advisory_xact_lock(4776250187331)";

/// What SQLite deletes, or moves from one page to another, it leaves where it was unless told otherwise.
/// Costs something, so not for everybody's writes.
const WIPING: (&str, &str) = ("PRAGMA secure_delete = ON", "PRAGMA secure_delete = OFF");
