//! Whom tickets name, as the door sees them: looked up in the database by a task, remembered here. The
//! door asks from many threads and waits for nothing; it is told "ask again" until the answer is there.
//!
//! ```text
//! door ──caller()──► remembered? ──yes──► id and sealed name
//!                        │ no
//!                        └──► queue ──► task: many at once, one transaction ──► remembered
//! ```
//!
//! Nobody is let in before the key of the name is durable: what the journal says of them could never be
//! read again. Everybody there is is remembered from the start on. So while the database is away, whoever
//! was here before comes as who they are, and a newcomer's id and key go to a file of the data directory
//! ([`Spool`]) until the database has them. Only if there are more than can be remembered, a name that is
//! not is told to try again, for nobody knows whether it is new.

mod look_up;
mod naming;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bluemarble_net::server::quic::Caller;
use bluemarble_net::tickets::Ticket;
use bluemarble_persistence::{Asked, Characters, Spool, Store, Whom};
use bluemarble_shared_protocol::EntityId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::clock::{Clock, unix_ms};
use crate::exit::Failure;
use crate::limits::{CHARACTERS_ASKED_MAX, CHARACTERS_KNOWN_MAX};
use crate::live::Live;
use crate::start::store_failure;

pub use look_up::settle;

/// How long a failed look-up is not repeated.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// Everybody who was looked up; clones are the same.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    clock: Clock,
    live: Arc<Live>,
    runtime: Handle,
    book: Mutex<Book>,
    spool: Spool,
    asked: mpsc::Sender<Asked>,
    /// Until the database is open.
    waiting: Mutex<Option<mpsc::Receiver<Asked>>>,
    characters: OnceLock<(Characters, Store)>,
}

/// Who is remembered, by name.
#[derive(Default)]
struct Book {
    entries: HashMap<String, Entry>,
    /// Whoever is not among them has never been here.
    complete: bool,
}

/// What is remembered of a name.
enum Entry {
    /// In the queue, or with the task.
    Asked,
    Known(Caller, Option<String>),
    /// Since when.
    Failed(Duration),
    /// Being erased: let in again as somebody new when that is done.
    Barred,
}

/// The answer to the door.
pub enum Found {
    /// This is who it is.
    Caller(Caller),
    /// Not known yet: ask again.
    Wait,
    /// Not now, and why.
    Refused(&'static str),
}

/// Why a character that an operator names cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// There is no such character.
    #[error("nobody of the name {0:?} has ever been here")]
    Nobody(String),
    /// The server has not opened its database yet.
    #[error("the server is starting")]
    Starting,
    /// The database.
    #[error("characters cannot be looked up: {0}")]
    Away(String),
}

impl Registry {
    /// Nobody is known yet; `runtime` is where the database is asked, `spool` where newcomers are kept
    /// while it is away.
    pub fn new(clock: Clock, live: Arc<Live>, runtime: Handle, spool: Spool) -> Self {
        let (asked, waiting) = mpsc::channel(CHARACTERS_ASKED_MAX);
        Self(Arc::new(Shared {
            clock,
            live,
            runtime,
            book: Mutex::default(),
            spool,
            asked,
            waiting: Mutex::new(Some(waiting)),
            characters: OnceLock::new(),
        }))
    }

    /// From now on there is a database to ask. Those whom an earlier server could not write down are now,
    /// and everybody is remembered.
    ///
    /// # Errors
    /// The database does not answer, or the file of newcomers cannot be read.
    pub fn open(&self, store: Store) -> Result<(), Failure> {
        let Some(waiting) = self.0.waiting.lock().take() else {
            return Ok(());
        };
        let characters = Characters::new(store.clone());
        let left = settle(&characters, &self.0.spool, unix_ms());
        self.0.runtime.block_on(left)?;
        let everybody = characters.everybody(CHARACTERS_KNOWN_MAX);
        let everybody = self.0.runtime.block_on(everybody).map_err(store_failure)?;
        {
            let mut book = self.0.book.lock();
            book.complete = everybody.len() < CHARACTERS_KNOWN_MAX;
            book.entries = everybody
                .into_iter()
                .filter_map(|(found, account)| {
                    let name = found.tag.name()?.to_owned();
                    let (avatar, name_tag) = (found.id, found.tag);
                    let caller = Caller {
                        avatar,
                        name: name_tag,
                    };
                    Some((name, Entry::Known(caller, account)))
                })
                .collect();
        }
        let _only_once = self.0.characters.set((characters.clone(), store));
        let looking = look_up::look_up(self.clone(), characters, waiting);
        self.0.runtime.spawn(looking);
        Ok(())
    }

    /// The rows themselves, once the database is open.
    pub fn characters(&self) -> Result<&Characters, NotFound> {
        let open = self.0.characters.get().map(|(characters, _)| characters);
        open.ok_or(NotFound::Starting)
    }

    /// The database they are in.
    pub fn store(&self) -> Result<Store, NotFound> {
        let open = self.0.characters.get().map(|(_, store)| store.clone());
        open.ok_or(NotFound::Starting)
    }

    /// Who comes with this ticket. Never waits.
    pub fn caller(&self, ticket: &Ticket) -> Found {
        const AWAY: &str = "characters cannot be looked up just now: try again in a moment";
        const ERASED: &str = "this character is being erased";
        let name = ticket.character.as_str();
        let now = self.0.clock.elapsed();
        let asked = Asked {
            name: name.to_owned(),
            account: ticket.account.clone(),
            id: None,
        };
        let mut book = self.0.book.lock();
        match book.entries.get_mut(name) {
            Some(Entry::Known(caller, account)) => {
                // Whose it is may be written down later.
                if asked.account.is_some()
                    && *account != asked.account
                    && self.0.asked.try_send(asked).is_ok()
                {
                    account.clone_from(&ticket.account);
                }
                return Found::Caller(caller.clone());
            }
            Some(Entry::Asked) => return Found::Wait,
            Some(Entry::Failed(at)) if now < *at + FAILED_FOR => return Found::Refused(AWAY),
            Some(Entry::Barred) => return Found::Refused(ERASED),
            Some(Entry::Failed(_)) | None => {}
        }
        // If the queue is full: asked again at the next knock.
        if self.0.asked.try_send(asked).is_ok() {
            book.put(name.to_owned(), Entry::Asked);
        }
        Found::Wait
    }

    /// The id of a character that an operator names.
    ///
    /// # Errors
    /// See [`NotFound`].
    pub async fn avatar_named(&self, name: &str) -> Result<EntityId, NotFound> {
        if let Some(Entry::Known(caller, _)) = self.0.book.lock().entries.get(name) {
            return Ok(caller.avatar);
        }
        let whom = Whom::Character(name.to_owned());
        let found = self.characters()?.find(&whom).await;
        let (_, rows) = found.map_err(|error| NotFound::Away(error.to_string()))?;
        let first = rows.first().map(|row| row.id);
        first.ok_or_else(|| NotFound::Nobody(name.to_owned()))
    }

    /// Lets nobody of this name in until [`Registry::forget`].
    pub fn bar(&self, name: &str) {
        self.0.book.lock().put(name.to_owned(), Entry::Barred);
    }

    /// Whoever comes with this name next is looked up.
    pub fn forget(&self, name: &str) {
        self.0.book.lock().entries.remove(name);
    }
}

impl Book {
    /// Remembered are so many; beyond, all who could be asked for again are forgotten.
    fn put(&mut self, name: String, entry: Entry) {
        if self.entries.len() >= CHARACTERS_KNOWN_MAX {
            self.complete = false;
            self.entries
                .retain(|_, entry| matches!(entry, Entry::Asked | Entry::Barred));
        }
        self.entries.insert(name, entry);
    }
}
