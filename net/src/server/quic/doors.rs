//! Several worlds behind one port: which of them a good ticket leads into is asked of [`Doors`], once
//! per hello, and from then on the session's events go to that world alone.

use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{CloseCode, EntityId, NameTag};
use crossbeam_channel::{Sender, TrySendError};

use crate::server::event::{ResumeClaim, SessionEvent, VerifiedHello};
use crate::tickets::{CharacterName, Ticket};
use bluemarble_shared_protocol::SessionId;

/// Somebody whose ticket or resume token was good.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who, and where to.
    pub ticket: Ticket,
    /// How their snapshots are written.
    pub schema: Schema,
    /// Set if they come back to a session.
    pub claim: Option<ResumeClaim>,
}

/// The character that a ticket names, as the worlds know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its avatar's id.
    pub avatar: EntityId,
    /// What it is called.
    pub name: NameTag,
}

impl Caller {
    /// A character of whom nothing is kept: its id follows from its name, which is written as it is.
    #[must_use]
    pub fn unkept(name: &CharacterName) -> Self {
        Self {
            avatar: name.avatar(),
            name: NameTag::open(name.as_str()),
        }
    }
}

/// Whoever knows the worlds.
pub trait Doors: Send + Sync + 'static {
    /// Lets a session in by putting "opened" or "resumed" into a world's queue, or says why not. Asked from many
    /// threads; must not wait for anything. Asked again and again while it answers [`Entry::Wait`].
    fn enter(&self, visitor: &Visitor, session: SessionId) -> Entry;
}

/// The answer.
pub enum Entry {
    /// "Opened" or "resumed" is in this queue; everything else of the session goes there too.
    Entered(Sender<SessionEvent>),
    /// The world is waking, or the character is on its way there: ask again in a moment.
    Wait,
    /// Not here.
    Refused {
        /// What the connection is closed with.
        code: CloseCode,
        /// Why, in words.
        reason: String,
    },
}

impl Entry {
    /// A refusal in the close code's own words.
    #[must_use]
    pub fn refused(code: CloseCode) -> Self {
        let reason = code.reason().to_owned();
        Self::Refused { code, reason }
    }

    /// Puts "opened" or "resumed" into a world's queue.
    #[must_use]
    pub fn through(
        events: &Sender<SessionEvent>,
        (visitor, caller): (&Visitor, Caller),
        session: SessionId,
    ) -> Self {
        let hello = VerifiedHello {
            name: caller.name,
            avatar: caller.avatar,
            schema: visitor.schema,
        };
        let event = match visitor.claim {
            None => SessionEvent::Opened { session, hello },
            Some(claim) => SessionEvent::Resumed {
                session,
                hello,
                claim,
            },
        };
        match events.try_send(event) {
            Ok(()) => Self::Entered(events.clone()),
            Err(TrySendError::Disconnected(_)) => Self::refused(CloseCode::ServerShutdown),
            Err(TrySendError::Full(_)) => Self::refused(CloseCode::Overloaded),
        }
    }
}

/// The only world there is; the tickets' verifier has seen to it that they are for that one.
pub(super) struct OneDoor(pub(super) Sender<SessionEvent>);

impl Doors for OneDoor {
    fn enter(&self, visitor: &Visitor, session: SessionId) -> Entry {
        let caller = Caller::unkept(&visitor.ticket.character);
        Entry::through(&self.0, (visitor, caller), session)
    }
}
