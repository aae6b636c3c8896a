//! Which world a hello leads into. A ticket of the main world leads to wherever its character is;
//! a ticket of another world leads there, unless the character is somewhere else.
//!
//! Decision and entry are one step under the book's lock: a character is never let into two worlds,
//! and nobody is put into the queue of a world that has shut its door.

use std::sync::Arc;

use bluemarble_net::server::quic::{Doors, Entry, Visitor};
use bluemarble_shared_protocol::{CloseCode, SessionId};

use super::residents::{Whereabouts, WorldName};
use super::{State, Worlds, WorldsError};
use crate::characters::Found;

impl Doors for Worlds {
    fn enter(&self, visitor: &Visitor, session: SessionId) -> Entry {
        let ticket = &visitor.ticket;
        let mut book = self.0.book.lock();
        if book.closing {
            return Entry::refused(CloseCode::ServerShutdown);
        }
        if self.0.main_pier.durable().is_none() {
            // The main world has not told yet who is in it and who has left it.
            return Entry::Wait;
        }
        let main = &self.0.main;
        let named = ticket.world.as_str();
        let there = book.worlds.get(named).is_some_and(|known| !known.dropping);
        if named != &**main && !there {
            return refused(format!("there is no world '{named}' here"));
        }
        let caller = match self.characters().caller(ticket) {
            Found::Caller(caller) => caller,
            Found::Wait => return Entry::Wait,
            Found::Refused(why) => {
                return Entry::Refused {
                    code: CloseCode::Overloaded,
                    reason: why.to_owned(),
                };
            }
        };
        let avatar = caller.avatar;
        let world = match book.residents.whereabouts(avatar) {
            Whereabouts::OnTheWay => return Entry::Wait,
            // Perhaps in one of those that are not back yet.
            Whereabouts::Nowhere if book.missing > 0 => return Entry::Wait,
            Whereabouts::Nowhere => WorldName::from(named),
            Whereabouts::In(world) if named == &**main || *world == *named => world,
            Whereabouts::In(world) => {
                return refused(format!(
                    "the character is in the world '{world}', the ticket is for '{named}'"
                ));
            }
        };
        let entry = if world == *main {
            match &book.main_events {
                Some(events) => Entry::through(events, (visitor, caller), session),
                None => Entry::Wait,
            }
        } else {
            match book.worlds.get(&world).map(|known| &known.state) {
                Some(State::Awake(awake)) => {
                    Entry::through(&awake.events, (visitor, caller), session)
                }
                Some(State::Failed(_)) => Entry::Refused {
                    code: CloseCode::Internal,
                    reason: format!("the world '{world}' has failed"),
                },
                Some(State::Asleep) => match self.wake_in(&mut book, &world) {
                    Ok(()) | Err(WorldsError::Starting) => Entry::Wait,
                    Err(error) => Entry::Refused {
                        code: CloseCode::ServerFull,
                        reason: error.to_string(),
                    },
                },
                Some(State::Starting | State::Ending) => Entry::Wait,
                None => return refused(format!("there is no world '{world}' here")),
            }
        };
        if let Entry::Entered(_) = entry {
            book.residents.enter(avatar, Arc::clone(&world), session);
        }
        entry
    }
}

fn refused(reason: String) -> Entry {
    Entry::Refused {
        code: CloseCode::WrongWorld,
        reason,
    }
}
