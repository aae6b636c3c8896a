//! The task that asks the database for those who wait at the door, many at once; and what it does while
//! there is no answer.

use std::time::Duration;

use bluemarble_net::server::quic::Caller;
use bluemarble_persistence::{Asked, Character, Characters, Drawn, Spool};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Entry, Registry};
use crate::clock::unix_ms;
use crate::exit::Failure;
use crate::health::Grade;
use crate::limits::{CHARACTERS_AT_ONCE_MAX, CHARACTERS_SPOOLED_MAX};
use crate::start::store_failure;

/// How long somebody at the door waits for the database before it counts as away. An answer that comes
/// later names the same character.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// How often those who are not in the database yet are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Puts those whom the file holds into the database.
///
/// # Errors
/// The database does not answer, or the file cannot be read.
pub async fn settle(characters: &Characters, spool: &Spool, now_ms: u64) -> Result<(), Failure> {
    let file = |error: std::io::Error| {
        Failure::environment(format!("{}: {error}", spool.path().display()))
            .advise("check the data directory's disk and rights")
    };
    let drawn = spool.read().map_err(file)?;
    if drawn.is_empty() {
        return Ok(());
    }
    let found = characters.admit_drawn(&drawn, now_ms).await;
    tell_of_others(&drawn, &found.map_err(store_failure)?);
    spool.clear().map_err(file)
}

/// Only if two servers share the database: both met the same newcomer while one could not reach it.
fn tell_of_others(drawn: &[Drawn], found: &[Character]) {
    for (drawn, found) in drawn.iter().zip(found) {
        let (ours, theirs) = (drawn.character().id, found.id);
        if ours != theirs {
            tracing::error!(target: "audit", %ours, %theirs,
                "another server made this character while the database was away: ours is nameless now");
        }
    }
}

/// Works until the server ends.
pub async fn look_up(
    registry: Registry,
    characters: Characters,
    mut waiting: mpsc::Receiver<Asked>,
) {
    let mut asked = Vec::new();
    // In the file, and not in the database.
    let mut spooled: Vec<Drawn> = Vec::new();
    loop {
        let more = waiting.recv_many(&mut asked, CHARACTERS_AT_ONCE_MAX);
        let more = match spooled.is_empty() {
            true => Ok(more.await),
            false => timeout(AGAIN, more).await,
        };
        if more == Ok(0) {
            return;
        }
        let mut trouble = None;
        if !spooled.is_empty() {
            match admit(&characters, &spooled).await {
                Ok(found) => {
                    tell_of_others(&spooled, &found);
                    match registry.0.spool.clear() {
                        Ok(()) => spooled.clear(),
                        Err(error) => trouble = Some(error.to_string()),
                    }
                }
                Err(error) => trouble = Some(error),
            }
        }
        if !asked.is_empty() {
            // A second wait would be a second too long for those at the door.
            let away = trouble.clone();
            trouble = answer(&registry, &characters, &mut asked, &mut spooled, away).await;
        }
        let trouble = trouble.map(|error| {
            format!(
                "{} newcomers are not in the database yet, which does not answer: {error}",
                spooled.len()
            )
        });
        let health = &registry.0.live.health;
        health.set("characters", Grade::Degraded, trouble);
    }
}

async fn admit(characters: &Characters, drawn: &[Drawn]) -> Result<Vec<Character>, String> {
    match timeout(ANSWER_WAIT, characters.admit_drawn(drawn, unix_ms())).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER_WAIT:?}")),
    }
}

/// Answers everybody who asked; why the database did not, if it did not.
async fn answer(
    registry: &Registry,
    characters: &Characters,
    asked: &mut Vec<Asked>,
    spooled: &mut Vec<Drawn>,
    away: Option<String>,
) -> Option<String> {
    let drawn: Result<Vec<Drawn>, _> = asked.iter().map(Drawn::for_one).collect();
    let drawn = match drawn {
        Ok(drawn) => drawn,
        Err(error) => {
            refuse(registry, asked);
            return Some(error.to_string());
        }
    };
    let found = match away {
        None => admit(characters, &drawn).await,
        Some(error) => Err(error),
    };
    match found {
        Ok(found) => {
            let mut book = registry.0.book.lock();
            for (one, found) in asked.drain(..).zip(found) {
                // Unless barred or forgotten meanwhile.
                if let Some(entry @ Entry::Asked) = book.entries.get_mut(&one.name) {
                    *entry = known(found, one.account);
                }
            }
            None
        }
        Err(error) => {
            keep_newcomers(registry, asked, &drawn, spooled);
            Some(error)
        }
    }
}

fn known(found: Character, account: Option<String>) -> Entry {
    let caller = Caller {
        avatar: found.id,
        name: found.tag,
    };
    Entry::Known(caller, account)
}

/// While the database is away: whoever is not remembered is new, if everybody is remembered.
fn keep_newcomers(
    registry: &Registry,
    asked: &mut Vec<Asked>,
    drawn: &[Drawn],
    spooled: &mut Vec<Drawn>,
) {
    let new: Vec<bool> = {
        let book = registry.0.book.lock();
        let is_asked = |one: &Asked| matches!(book.entries.get(&one.name), Some(Entry::Asked));
        let complete = book.complete;
        asked.iter().map(|one| complete && is_asked(one)).collect()
    };
    let newcomers: Vec<Drawn> = drawn
        .iter()
        .zip(&new)
        .filter(|(_, new)| **new)
        .map(|(drawn, _)| drawn.clone())
        .collect();
    let fits = spooled.len() + newcomers.len() <= CHARACTERS_SPOOLED_MAX;
    let kept = fits && (newcomers.is_empty() || registry.0.spool.add(&newcomers).is_ok());
    if !kept {
        return refuse(registry, asked);
    }
    spooled.extend(newcomers);
    let mut book = registry.0.book.lock();
    let at = registry.0.clock.elapsed();
    for ((one, drawn), new) in asked.drain(..).zip(drawn).zip(new) {
        match book.entries.get_mut(&one.name) {
            Some(entry @ Entry::Asked) if new => *entry = known(drawn.character(), one.account),
            Some(entry @ Entry::Asked) => *entry = Entry::Failed(at),
            // Whose it is is not written down: at the next hello again.
            Some(Entry::Known(_, account)) => *account = None,
            _ => {}
        }
    }
}

fn refuse(registry: &Registry, asked: &mut Vec<Asked>) {
    let mut book = registry.0.book.lock();
    let at = registry.0.clock.elapsed();
    for one in asked.drain(..) {
        match book.entries.get_mut(&one.name) {
            Some(entry @ Entry::Asked) => *entry = Entry::Failed(at),
            Some(Entry::Known(_, account)) => *account = None,
            _ => {}
        }
    }
}
