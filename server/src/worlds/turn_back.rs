//! The way back for travellers whose world has failed: after a while, or at an operator's word, they
//! return to the world they left, which still remembers them whole.
//!
//! A traveller must never be in two worlds, so the failed world's log is asked first: its newest
//! checkpoint and every journaled tick since, read, not replayed. Whoever is in neither has not been
//! let in, and cannot be before the world is woken; whoever is in one of them may be there when it
//! comes back, and waits for that, or for its end. Going back is then one tick of one log: the world
//! that was left settles the journey and lets its traveller in, both or neither
//! ([`Pier::take_back`](super::pier::Pier::take_back)). From the decision on nobody lets the traveller
//! in elsewhere; if the process is killed before it is durable, the journey is what it was before.

use std::collections::BTreeSet;
use std::time::Duration;

use bluemarble_persistence::{Store, read_journal};
use bluemarble_sim::{TickInputs, TravelKey};
use serde::Serialize;

use super::record::WorldRecord;
use super::resolve::Seen;
use super::{Book, State, Worlds, WorldsError};
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::limits::{TURN_BACK_AFTER, WORLD_COMMAND_WAIT};
use crate::recovery;
use crate::{serve, start};

/// How long after a log could not be read, or had let somebody in, it is read again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A world that has failed, as far as those on the way to it are concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failing {
    /// Since when.
    pub(super) since: Duration,
    /// An operator wants those on the way to it to turn back at once.
    pub(super) ordered: bool,
    /// Not before this is its log read again.
    read_again: Duration,
}

/// What became of those who were on the way to a failed world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TurnedBack {
    /// They are in the world they had left.
    pub turned_back: usize,
    /// They may have been let in before it failed: they come back with it, or end with it.
    pub may_be_there: usize,
}

impl Failing {
    pub(super) fn from_now(now: Duration) -> Self {
        Self {
            since: now,
            ordered: false,
            read_again: Duration::ZERO,
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        let waited = now.saturating_sub(self.since) >= TURN_BACK_AFTER;
        (self.ordered || waited) && now >= self.read_again
    }
}

impl Worlds {
    /// Sends everybody who is on the way to a failed world back to where they came from, and waits
    /// until they are there.
    ///
    /// # Errors
    /// See [`WorldsError`]; a world that has not failed lets its travellers in.
    pub fn turn_back(&self, name: &str) -> Result<TurnedBack, WorldsError> {
        let clock = self.0.context.clock;
        let deadline = clock.elapsed() + WORLD_COMMAND_WAIT;
        let mut book = self.0.book.lock();
        let Some(known) = book.worlds.get_mut(name) else {
            return Err(WorldsError::NoSuchWorld(name.to_owned()));
        };
        let number = known.record.number;
        let Some(failing) = known.failing.as_mut() else {
            return Err(WorldsError::Bad(format!(
                "the world '{name}' has not failed: whoever is on the way to it arrives"
            )));
        };
        (failing.ordered, failing.read_again) = (true, Duration::ZERO);
        let before = self.on_the_way_to(&book, number).len();
        loop {
            let rest = self.on_the_way_to(&book, number);
            let failing = book.worlds.get(name).and_then(|known| known.failing);
            let is_read = failing.is_none_or(|failing| failing.read_again > Duration::ZERO);
            let returning = rest.iter().any(|key| book.returning.contains(key));
            if rest.is_empty() || (is_read && !returning) {
                return Ok(TurnedBack {
                    turned_back: before.saturating_sub(rest.len()),
                    may_be_there: rest.len(),
                });
            }
            if book.closing {
                return Err(WorldsError::Stopping);
            }
            if clock.elapsed() >= deadline {
                return Err(WorldsError::StillBusy(name.to_owned(), "sending them back"));
            }
            let _either_way = self
                .0
                .changed
                .wait_for(&mut book, super::travel::LOOK_PERIOD);
        }
    }

    /// One look at worlds that have failed; reads at most one log.
    pub(super) fn look_for_stranded(&self) {
        let now = self.0.context.clock.elapsed();
        let (record, lives) = {
            let book = self.0.book.lock();
            let due = book.worlds.values().find(|known| {
                let is_due = known.failing.is_some_and(|failing| failing.is_due(now));
                is_due
                    && !known.shut
                    && (known.failing.is_some_and(|failing| failing.ordered)
                        || !self.on_the_way_to(&book, known.record.number).is_empty())
            });
            let Some(known) = due else { return };
            (known.record.clone(), known.lives)
        };
        let admitted = self.let_in_by(&record);
        let mut book = self.0.book.lock();
        let again = self.0.context.clock.elapsed() + READ_AGAIN_AFTER;
        let Some(known) = book.worlds.get_mut(record.name.as_str()) else {
            return;
        };
        let Some(failing) = known.failing.as_mut().filter(|_| known.lives == lives) else {
            // It was woken meanwhile: it lets them in itself.
            return;
        };
        (failing.ordered, failing.read_again) = (false, again);
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(failure) => {
                tracing::error!(
                    world = record.name,
                    "whom the failed world has let in cannot be read, so nobody turns back: {failure}"
                );
                return;
            }
        };
        for key in self.on_the_way_to(&book, record.number) {
            if admitted.contains(&key) {
                tracing::warn!(target: "audit", world = record.name, avatar = %key.avatar,
                    "may have been let in by the world that has failed: waits for it");
            } else {
                tracing::warn!(target: "audit", world = record.name, avatar = %key.avatar,
                    "turns back: the world has failed");
                book.returning.insert(key);
            }
        }
        self.0.changed.notify_all();
    }

    /// Journeys to a world that a log remembers for sure.
    fn on_the_way_to(&self, book: &Book, number: u64) -> Vec<TravelKey> {
        let mut keys = Vec::new();
        for seen in self.seen(book).values() {
            let Seen::Open(gate) = seen else { continue };
            let journeys = gate.outbound.iter();
            keys.extend(
                journeys
                    .filter(|(_, journey)| journey.to == number)
                    .map(|(key, _)| *key),
            );
        }
        keys
    }

    /// Whom a world that does not run has let in, or may find that it has when it is woken: what its
    /// newest checkpoint remembers, and every arrival that is in its journal after it.
    fn let_in_by(&self, record: &WorldRecord) -> Result<BTreeSet<TravelKey>, Failure> {
        let context = &self.0.context;
        let url = context.config.store.database_url.clone();
        let url = url.unwrap_or_else(|| context.data.sqlite_url());
        let image = serve::runtime("store", 1)?
            .block_on(async {
                let store = Store::open(&url).await?;
                let image = store.latest_checkpoint(&record.store_name()).await?;
                store.close().await;
                Ok(image)
            })
            .map_err(start::store_failure)?;
        let unreadable = |text: String| Failure::environment(text);
        let (mut admitted, since, after) = match &image {
            None => Default::default(),
            Some(image) => {
                let gate = recovery::checkpoint(image).gate();
                let gate = gate.map_err(|error| unreadable(chain(&error)))?;
                (gate.admitted, image.epoch, image.tick)
            }
        };
        let data = DataDir::at(&self.records().folder(&record.name));
        let tail = read_journal(&data.journal(), since, after);
        let tail = tail.map_err(|error| unreadable(chain(&error)))?;
        for logged in &tail.records {
            let inputs = TickInputs::decode(&logged.payload).map_err(|error| {
                unreadable(format!(
                    "the inputs of tick {}: {}",
                    logged.tick,
                    chain(&error)
                ))
            })?;
            admitted.extend(inputs.travel.arrivals.iter().map(|arrival| arrival.key));
        }
        Ok(admitted)
    }

    /// What has come back for sure is no longer on its way back.
    pub(super) fn forget_returned(&self, book: &mut Book) {
        if book.returning.is_empty() {
            return;
        }
        let seen = self.seen(book);
        book.returning.retain(|key| match seen.get(&key.world) {
            Some(Seen::Open(gate)) => gate.outbound.contains_key(key),
            _ => true,
        });
    }
}

impl super::Known {
    /// Its state has changed.
    pub(super) fn note_failure(&mut self, now: Duration) {
        self.failing = match self.state {
            State::Failed(_) => Some(Failing::from_now(now)),
            _ => None,
        };
    }
}
