//! Journeys between the worlds of the process: begun by command, brought to their end by a thread
//! that looks at the worlds' durable gates again and again (see [`resolve`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bluemarble_shared_protocol::EntityId;

use super::pier::Pier;
use super::residents::{Whereabouts, WorldName};
use super::resolve::{MAIN, Seen, Step, resolve};
use super::{Book, State, Worlds, WorldsError};
use crate::exit::Failure;
use crate::limits::WORLD_COMMAND_WAIT;

/// How often journeys are looked at: shorter than a tick, so that it adds little to the two group
/// commits a journey takes.
pub(super) const LOOK_PERIOD: Duration = Duration::from_millis(20);

impl Worlds {
    /// Sends a character from wherever it is to another world, and waits until it is there.
    ///
    /// # Errors
    /// See [`WorldsError`]; after [`WorldsError::StillBusy`] the journey goes on.
    pub fn travel(
        &self,
        (character, avatar): (&str, EntityId),
        to: &str,
    ) -> Result<(), WorldsError> {
        let nobody = || WorldsError::NotHere(character.to_owned());
        let clock = self.0.context.clock;
        let deadline = clock.elapsed() + WORLD_COMMAND_WAIT;
        let mut book = self.0.book.lock();
        match book.residents.whereabouts(avatar) {
            Whereabouts::Nowhere => return Err(nobody()),
            Whereabouts::OnTheWay => return Err(WorldsError::OnTheWay(character.to_owned())),
            Whereabouts::In(world) if *world == *to => return Ok(()),
            Whereabouts::In(_) => self.set_out(&mut book, avatar, to)?,
        }
        loop {
            match book.residents.whereabouts(avatar) {
                Whereabouts::OnTheWay => {}
                Whereabouts::In(world) if *world == *to => return Ok(()),
                // It was not there when it should have left, has gone on already, or turned back.
                Whereabouts::In(_) | Whereabouts::Nowhere => {
                    return Err(match book.worlds.get(to).map(|known| &known.state) {
                        Some(State::Failed(why)) => WorldsError::Failed(to.to_owned(), why.clone()),
                        _ => nobody(),
                    });
                }
            }
            if book.closing {
                return Err(WorldsError::Stopping);
            }
            if clock.elapsed() >= deadline {
                return Err(WorldsError::StillBusy(to.to_owned(), "on the way"));
            }
            let _either_way = self.0.changed.wait_for(&mut book, LOOK_PERIOD);
        }
    }

    /// Begins the journey of a character that is in some world.
    pub(super) fn set_out(
        &self,
        book: &mut Book,
        avatar: EntityId,
        to: &str,
    ) -> Result<(), WorldsError> {
        if book.closing {
            return Err(WorldsError::Stopping);
        }
        let number = if to == &*self.0.main {
            MAIN
        } else {
            let Some(known) = book.worlds.get(to).filter(|known| !known.dropping) else {
                return Err(WorldsError::NoSuchWorld(to.to_owned()));
            };
            if let State::Failed(why) = &known.state {
                return Err(WorldsError::Failed(to.to_owned(), why.clone()));
            }
            let number = known.record.number;
            // Before anybody leaves for it: it may be one world too many.
            self.wake_in(book, to)?;
            number
        };
        let from = match book.residents.whereabouts(avatar) {
            Whereabouts::In(world) => self.pier_of(book, &world),
            Whereabouts::Nowhere | Whereabouts::OnTheWay => None,
        };
        let Some(pier) = from else {
            return Err(WorldsError::NotHere(avatar.to_string()));
        };
        book.residents.set_out(avatar);
        pier.depart(avatar, number);
        Ok(())
    }

    /// Sends everybody in a world to the main one, and waits until no journey to or from it is under
    /// way. From then on it takes part in none: whoever may still be on the way to it arrives in
    /// the main world. A world that has failed takes whoever is in it along.
    pub(super) fn empty(&self, name: &str) -> Result<(), WorldsError> {
        let world = WorldName::from(name);
        let clock = self.0.context.clock;
        let deadline = clock.elapsed() + WORLD_COMMAND_WAIT;
        let mut book = self.0.book.lock();
        loop {
            let Some(known) = book.worlds.get_mut(name) else {
                return Err(WorldsError::NoSuchWorld(name.to_owned()));
            };
            known.dropping = true;
            let clear = match &known.state {
                State::Asleep | State::Failed(_) => true,
                State::Starting | State::Ending => false,
                State::Awake(awake) => awake.pier.durable().is_some_and(|gate| gate.is_empty()),
            };
            let busy = known.state.name();
            if clear && !book.residents.has_any(&world) {
                break;
            }
            if matches!(book.worlds[name].state, State::Asleep | State::Failed(_)) {
                break;
            }
            for avatar in book.residents.of(&world) {
                if let Err(error) = self.set_out(&mut book, avatar, &self.0.main) {
                    tracing::debug!(%avatar, %error, "does not set out yet");
                }
            }
            if book.closing {
                return Err(WorldsError::Stopping);
            }
            if clock.elapsed() >= deadline {
                return Err(WorldsError::StillBusy(name.to_owned(), busy));
            }
            let _either_way = self.0.changed.wait_for(&mut book, LOOK_PERIOD);
        }
        if let Some(known) = book.worlds.get_mut(name) {
            known.shut = true;
        }
        Ok(())
    }

    /// Looks after journeys until the worlds end.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn look_after_journeys(&self) -> Result<JoinHandle<()>, Failure> {
        let worlds = self.clone();
        std::thread::Builder::new()
            .name("journeys".into())
            .spawn(move || {
                while !worlds.0.book.lock().closing {
                    worlds.resolve_journeys();
                    worlds.look_for_stranded();
                    std::thread::sleep(LOOK_PERIOD);
                }
            })
            .map_err(|error| Failure::environment(format!("cannot start a thread: {error}")))
    }

    /// One look.
    fn resolve_journeys(&self) {
        let mut book = self.0.book.lock();
        let seen = self.seen(&book);
        self.note_arrivals(&mut book, &seen);
        self.forget_returned(&mut book);
        for step in resolve(&seen, &book.returning) {
            match step {
                Step::Wake { world } => {
                    let name = book.name_of(world);
                    if let Some(Err(error)) = name.map(|name| self.wake_in(&mut book, &name)) {
                        tracing::debug!(world, %error, "a traveller waits");
                    }
                }
                Step::Admit {
                    world,
                    key,
                    traveller,
                } => {
                    let from = self.name_numbered(&book, key.world);
                    let may = from.is_some_and(|from| book.residents.may_arrive(key, &from));
                    if let Some(pier) = self.pier_numbered(&book, world).filter(|_| may) {
                        pier.admit(key, traveller);
                    }
                }
                Step::TakeBack { key, traveller } => {
                    if let Some(pier) = self.pier_numbered(&book, key.world) {
                        pier.take_back(key, traveller);
                    }
                }
                Step::Settle { key } => {
                    if let Some(pier) = self.pier_numbered(&book, key.world) {
                        pier.settle(key);
                    }
                }
                Step::Forget { world, key } => {
                    if let Some(pier) = self.pier_numbered(&book, world) {
                        pier.forget(key);
                    }
                }
            }
        }
    }

    /// Whoever a world has let in for sure is there, or has gone on from there, whether or not the
    /// world that was left runs.
    fn note_arrivals(&self, book: &mut Book, seen: &BTreeMap<u64, Seen>) {
        for (number, seen) in seen {
            let Seen::Open(gate) = seen else { continue };
            let Some(name) = self.name_numbered(book, *number) else {
                continue;
            };
            for key in &gate.admitted {
                if book.residents.is_away(*key) {
                    let mut later = gate.outbound.keys().rev();
                    let next = later.find(|next| next.avatar == key.avatar).copied();
                    book.residents.arrived(*key, &name, next);
                    self.0.changed.notify_all();
                }
            }
        }
    }

    /// What the logs hold of every world's gate.
    pub(super) fn seen(&self, book: &Book) -> BTreeMap<u64, Seen> {
        let open = |pier: &Pier| pier.durable().map_or(Seen::Unknown, Seen::Open);
        let mut seen = BTreeMap::from([(MAIN, open(&self.0.main_pier))]);
        for known in book.worlds.values() {
            let its = match &known.state {
                _ if known.shut => Seen::Unknown,
                State::Awake(awake) => open(&awake.pier),
                State::Asleep if known.record.asleep => Seen::Asleep,
                State::Asleep | State::Starting | State::Ending | State::Failed(_) => Seen::Unknown,
            };
            seen.insert(known.record.number, its);
        }
        seen
    }

    fn pier_of(&self, book: &Book, world: &str) -> Option<Arc<Pier>> {
        if world == &*self.0.main {
            return Some(Arc::clone(&self.0.main_pier));
        }
        match &book.worlds.get(world)?.state {
            State::Awake(awake) => Some(Arc::clone(&awake.pier)),
            _ => None,
        }
    }

    fn pier_numbered(&self, book: &Book, number: u64) -> Option<Arc<Pier>> {
        self.pier_of(book, &self.name_numbered(book, number)?)
    }

    fn name_numbered(&self, book: &Book, number: u64) -> Option<WorldName> {
        if number == MAIN {
            return Some(Arc::clone(&self.0.main));
        }
        book.name_of(number)
    }
}

impl Book {
    fn name_of(&self, number: u64) -> Option<WorldName> {
        let mut worlds = self.worlds.iter();
        worlds
            .find(|(_, known)| known.record.number == number)
            .map(|(name, _)| Arc::clone(name))
    }
}
