//! What an operator orders about players and keys, whichever world it concerns.

use bluemarble_net::server::event::SessionEvent;
use bluemarble_shared_protocol::{CloseCode, EntityId};

use super::residents::Whereabouts;
use super::{State, Worlds, WorldsError};
use crate::bans::BanBook;
use crate::exit::{Failure, chain};
use crate::start;

impl Worlds {
    /// Who may not come in.
    pub fn bans(&self) -> &BanBook {
        &self.0.bans
    }

    /// Has somebody leave the world they are in, with the next tick.
    ///
    /// # Errors
    /// It is in no world, or between two.
    pub fn turn_out(
        &self,
        (name, avatar): (&str, EntityId),
        code: CloseCode,
        reason: &str,
    ) -> Result<(), WorldsError> {
        let book = self.0.book.lock();
        let events = match book.residents.whereabouts(avatar) {
            Whereabouts::Nowhere => return Err(WorldsError::NotHere(name.to_owned())),
            Whereabouts::OnTheWay => return Err(WorldsError::OnTheWay(name.to_owned())),
            Whereabouts::In(world) if world == self.0.main => book.main_events.as_ref(),
            Whereabouts::In(world) => match book.worlds.get(&world).map(|known| &known.state) {
                Some(State::Awake(awake)) => Some(&awake.events),
                _ => None,
            },
        };
        let event = SessionEvent::Expel {
            avatar,
            code,
            reason: reason.to_owned(),
        };
        match events.map(|events| events.try_send(event)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(WorldsError::Disk(
                "the world is overloaded: again".to_owned(),
            )),
            None => Err(WorldsError::Starting),
        }
    }

    /// Reads certificate and ticket keys again; new connections get them. Nobody is dropped.
    ///
    /// # Errors
    /// A file is missing or of no use; nothing has changed.
    pub fn reload_keys(&self) -> Result<(), Failure> {
        let Some(quic) = self.0.quic.get() else {
            return Err(Failure::environment("the server is starting"));
        };
        let context = self.context();
        let (identity, tickets) = start::identity_and_keys(&context.config.net, &context.data)?;
        quic.reload(&identity, tickets)
            .map_err(|error| Failure::environment(chain(&error)))?;
        let certificate = identity.sha256_hex();
        self.0.main_live.show_certificate(certificate.clone());
        tracing::warn!(target: "audit", certificate, "certificate and ticket keys were read again");
        Ok(())
    }
}
