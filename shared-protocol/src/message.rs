//! Messages of the reliable control stream: the hello and its answer, coming back after a lost
//! connection, cards on request, game events, and the announcement of a close.
//!
//! The client opens one bidirectional stream; each side writes frames of a `u32` length (little
//! endian) and that many bytes of [`crate::binary`]. Everything a stranger sends is bounded twice:
//! by the frame ([`MESSAGE_BYTES_MAX`]) and by field, and comes out of [`ClientMessage::decode`]
//! checked. Positions never travel here; they are datagrams.

use serde::{Deserialize, Serialize};

use crate::binary::{self, BinaryError};
use crate::close::CloseCode;
use crate::codec::{FieldVersion, NamedField, Rotation};
use crate::gift::{AssetId, Gift, GiftAnswer, OwnPurse, Stack};
use crate::hash::mix64;
use crate::ids::{EntityId, Epoch, SessionId, Tick};
use crate::limits::{
    CARDS_PER_MESSAGE_MAX, CLIENT_BYTES_MAX, CLOSE_REASON_BYTES_MAX, EVENTS_PER_MESSAGE_MAX,
    FIELD_NAME_BYTES_MAX, FIELDS_MAX, FORGOTTEN_IDS_MAX, HELD_IDS_MAX, KIND_BYTES_MAX, KINDS_MAX,
    MESSAGE_BYTES_MAX, NAME_BYTES_MAX, REPORTED_STATES_MAX, TICKET_BYTES_MAX,
    WOUNDS_PER_MESSAGE_MAX,
};
use crate::wire_frame::{WireEntity, Wound};

/// The protocol this build speaks. It is in the ALPN and, so that a mismatch can be explained to
/// the client in words, once more in the hello.
pub const PROTOCOL_VERSION: u16 = 2;

/// What TLS negotiates: the protocol's name and [`PROTOCOL_VERSION`].
pub const ALPN: &[u8] = b"bluemarble/2";

/// What a client offers that wants to know which version a server speaks: every server accepts it,
/// and closes at once with [`CloseCode::ProtocolVersion`] and its own [`ALPN`] in the reason. TLS
/// itself refuses an unknown ALPN without saying what would be known.
pub const ALPN_PROBE: &[u8] = b"bluemarble";

/// Bytes of the length in front of every message.
pub const LENGTH_PREFIX_BYTES: usize = 4;

/// From a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// The first message, once.
    Hello {
        /// [`PROTOCOL_VERSION`] of the client.
        protocol: u16,
        /// The signed session ticket, a JWT.
        ticket: String,
        /// Which program and version this is, for logs; at most [`CLIENT_BYTES_MAX`] bytes.
        client: String,
        /// Which fields of snapshots the client can read, in which versions; at most [`FIELDS_MAX`].
        knows: Vec<FieldVersion>,
    },
    /// "Who are these?": at most [`CARDS_PER_MESSAGE_MAX`]; unknown or hidden ones are not answered.
    Cards {
        /// The entities.
        ids: Vec<EntityId>,
    },
    /// The client is about to close: its avatar may leave at once.
    Goodbye,
    /// The first message of a client that has lost its connection, in place of a hello.
    Resume {
        /// [`PROTOCOL_VERSION`] of the client.
        protocol: u16,
        /// The newest one of [`ServerMessage::Token`].
        token: String,
        /// Number of the newest snapshot datagram it took, 0 if none.
        newest: u64,
        /// Bit i: whether it took number `newest` − 1 − i, too.
        before: u32,
        /// Number of the newest event it took, 0 if none.
        events: u64,
        /// As in the hello.
        client: String,
        /// As in the hello.
        knows: Vec<FieldVersion>,
    },
    /// The states that a datagram gave did not add up to its check.
    Diverged {
        /// The datagram's whole number.
        number: u64,
        /// What the client made of it, the own view of things; at most [`REPORTED_STATES_MAX`].
        states: Vec<SeenState>,
    },
    /// Those in view were not whom [`ServerMessage::Presence`] counted.
    Held {
        /// Number of the newest datagram taken.
        number: u64,
        /// Who is in view after it, ascending; if there are more than [`HELD_IDS_MAX`], those of the lowest
        /// ids.
        ids: Vec<EntityId>,
    },
    /// Coins for somebody. May be sent again until it is answered; at most
    /// [`GIFTS_REMEMBERED`](crate::limits::GIFTS_REMEMBERED) without an answer.
    Give(Gift),
}

/// An entity as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenState {
    /// Who.
    pub id: EntityId,
    /// As the client decoded it.
    pub state: WireEntity,
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The answer to a good hello.
    Welcome(Welcome),
    /// The answer to [`ClientMessage::Cards`], in any order.
    Cards(Vec<Card>),
    /// What happened to the own avatar, none left out and each once: at most
    /// [`EVENTS_PER_MESSAGE_MAX`].
    Events {
        /// The first one's number: 1 in a new session, one more with every event, also over a
        /// resumption. Numbers passed over are of events that the server had no room to keep.
        first: u64,
        /// In the order in which they happened.
        events: Vec<TimedEvent>,
    },
    /// The last message before the server closes with the same code.
    Closing {
        /// Why.
        code: CloseCode,
        /// Why, in words; at most [`CLOSE_REASON_BYTES_MAX`] bytes.
        reason: String,
    },
    /// The hello was good, but the world is overloaded: the welcome comes when it is this client's
    /// turn. Repeated as the line moves.
    Queued {
        /// How many go in before this client does.
        ahead: u32,
    },
    /// With this a client comes back after its connection is lost. It replaces the one before; the
    /// first follows the welcome.
    Token {
        /// Opaque; at most [`TICKET_BYTES_MAX`] bytes.
        token: String,
        /// For how long it is good, seconds.
        valid_s: u32,
    },
    /// The answer to [`ClientMessage::Resume`] when nothing was forgotten: the last welcome still
    /// holds, but for what is in here; view, baselines and input numbers go on.
    Resumed {
        /// This connection.
        session: SessionId,
        /// The newest finished tick.
        tick: Tick,
        /// Number of the next snapshot datagram.
        next: u64,
    },
    /// What others lost in one tick, as far as the client sees them: not the own avatar's wounds, nor
    /// what it did to anybody. At most [`WOUNDS_PER_MESSAGE_MAX`].
    Wounds {
        /// The tick.
        tick: Tick,
        /// Nearest target first.
        wounds: Vec<Wound>,
        /// How many more there were, farther away.
        left_out: u32,
    },
    /// Who is in view after a datagram, for a client that took it and had taken none later before.
    Presence {
        /// The datagram's whole number.
        number: u64,
        /// How many.
        count: u32,
        /// The sum of their ids' shares ([`presence_share`]), modulo 2⁶⁴.
        sum: u64,
    },
    /// They are not in view: whom of them a client has since a datagram up to `number`, and in none later, it
    /// shall remove. At most [`FORGOTTEN_IDS_MAX`].
    Forget {
        /// The newest datagram that was sent.
        number: u64,
        /// Who.
        ids: Vec<EntityId>,
    },
    /// What became of a [`ClientMessage::Give`]. Whatever it says survives: it is sent once that is certain.
    Gift(GiftAnswer),
    /// What the own avatar has: before its first gift, and whenever that changes. As new as a snapshot, and
    /// as little to be relied on until the tick is durable.
    Purse {
        /// The tick.
        tick: Tick,
        /// What.
        purse: OwnPurse,
    },
}

/// What somebody in view adds to the sum of [`ServerMessage::Presence`].
#[must_use]
pub fn presence_share(id: EntityId) -> u64 {
    mix64(id.0)
}

/// An event, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedEvent {
    /// The tick whose snapshot shows what came of it.
    pub tick: Tick,
    /// What.
    pub event: GameEvent,
}

/// What a client must know to understand its first datagram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// This connection.
    pub session: SessionId,
    /// The character's avatar.
    pub avatar: EntityId,
    /// The world's epoch; datagrams carry its low bits.
    pub epoch: Epoch,
    /// The newest finished tick.
    pub tick: Tick,
    /// Ticks per second.
    pub tick_hz: u32,
    /// Name of the planet, to find its assets.
    pub planet: String,
    /// Hash of the planet's content: prediction is only possible on the same ground.
    pub planet_hash: u64,
    /// The planet's radius, metres.
    pub radius_m: f64,
    /// S2 level of the frame cells that positions are relative to.
    pub frame_level: u8,
    /// Nearer than this an entity comes into view, metres.
    pub interest_enter_m: f64,
    /// Farther than this it leaves the view, metres.
    pub interest_exit_m: f64,
    /// Most snapshot bytes the server sends this client per tick.
    pub budget_bytes: u32,
    /// Names of the kinds that `WireEntity::kind` indexes.
    pub kinds: Vec<String>,
    /// The fields of this session's snapshots, in the versions they are written in.
    pub fields: Vec<NamedField>,
}

/// What rarely changes about an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Whose card.
    pub id: EntityId,
    /// Increases with every change.
    pub version: u32,
    /// Index into [`Welcome::kinds`].
    pub kind: u16,
    /// A character's name; creatures have none.
    pub name: Option<String>,
}

/// What a player must learn, however bad the line. Whom the client's layers may not see has no name in
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GameEvent {
    /// The own avatar died.
    Died {
        /// By whose hand, if anybody's.
        killer: Option<EntityId>,
    },
    /// The own avatar lives again.
    Respawned,
    /// The own avatar killed somebody.
    Killed {
        /// Whom.
        victim: Option<EntityId>,
    },
    /// The own avatar lost hit points.
    Wounded {
        /// By whose hand; several attackers share one such event without a name if they are too many.
        attacker: Option<EntityId>,
        /// Hit points, all blows of the attacker in that tick together.
        amount: u16,
    },
    /// Somebody lost hit points by the own avatar's hand.
    Struck {
        /// Who.
        target: Option<EntityId>,
        /// Hit points, all blows in that tick together.
        amount: u16,
        /// Whether it died of it; then `Killed` follows.
        fatal: bool,
    },
}

/// Why a message is refused.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("a message of {0} bytes, where at most {MESSAGE_BYTES_MAX} are allowed")]
    Oversized(usize),
    /// Not a message.
    #[error(transparent)]
    Binary(BinaryError),
    /// A message whose field is out of bounds.
    #[error("the field {0} is out of bounds")]
    Field(&'static str),
}

impl MessageError {
    /// What the sender's connection is closed with.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Oversized(_) => CloseCode::Oversized,
            Self::Binary(_) | Self::Field(_) => CloseCode::Malformed,
        }
    }
}

impl From<BinaryError> for MessageError {
    fn from(error: BinaryError) -> Self {
        match error {
            BinaryError::TooLarge { bytes, .. } => Self::Oversized(bytes),
            other => Self::Binary(other),
        }
    }
}

impl ClientMessage {
    /// Length and body, ready for the stream.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        frame(&binary::encode(self))
    }

    /// Reads and checks one body.
    ///
    /// # Errors
    /// [`MessageError`], whose [`MessageError::close_code`] says how to close.
    pub fn decode(body: &[u8]) -> Result<Self, MessageError> {
        let message: Self = binary::decode::<_, MESSAGE_BYTES_MAX>(body)?;
        match &message {
            Self::Hello {
                ticket,
                client,
                knows,
                ..
            } => {
                bounded(ticket.len() <= TICKET_BYTES_MAX, "ticket")?;
                bounded(client.len() <= CLIENT_BYTES_MAX, "client")?;
                bounded(!client.chars().any(char::is_control), "client")?;
                bounded(knows.len() <= FIELDS_MAX, "knows")?;
            }
            Self::Cards { ids } => bounded(ids.len() <= CARDS_PER_MESSAGE_MAX, "ids")?,
            Self::Goodbye => {}
            Self::Resume {
                token,
                client,
                knows,
                ..
            } => {
                bounded(token.len() <= TICKET_BYTES_MAX, "token")?;
                bounded(client.len() <= CLIENT_BYTES_MAX, "client")?;
                bounded(!client.chars().any(char::is_control), "client")?;
                bounded(knows.len() <= FIELDS_MAX, "knows")?;
            }
            Self::Diverged { states, .. } => {
                bounded(states.len() <= REPORTED_STATES_MAX, "states")?;
                let is_rotation =
                    |turned: Rotation| Rotation::new(turned.largest(), turned.parts()).is_some();
                let real = |seen: &SeenState| seen.state.rotation.is_none_or(is_rotation);
                bounded(states.iter().all(real), "rotation")?;
            }
            Self::Held { ids, .. } => bounded(ids.len() <= HELD_IDS_MAX, "ids")?,
            Self::Give(gift) => {
                bounded(gift.number > 0, "number")?;
                bounded(gift.amount > 0, "amount")?;
            }
        }
        Ok(message)
    }
}

impl ServerMessage {
    /// Length and body, ready for the stream.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        frame(&binary::encode(self))
    }

    /// Reads and checks one body.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(body: &[u8]) -> Result<Self, MessageError> {
        let message: Self = binary::decode::<_, MESSAGE_BYTES_MAX>(body)?;
        match &message {
            Self::Welcome(welcome) => welcome.check()?,
            Self::Cards(cards) => {
                bounded(cards.len() <= CARDS_PER_MESSAGE_MAX, "cards")?;
                let name_fits = |card: &Card| {
                    card.name
                        .as_ref()
                        .is_none_or(|name| name.len() <= NAME_BYTES_MAX)
                };
                bounded(cards.iter().all(name_fits), "name")?;
            }
            Self::Events { first, events } => {
                bounded(events.len() <= EVENTS_PER_MESSAGE_MAX, "events")?;
                let last = first.checked_add(events.len() as u64);
                bounded(*first > 0 && last.is_some(), "first")?;
            }
            Self::Wounds { wounds, .. } => {
                bounded(wounds.len() <= WOUNDS_PER_MESSAGE_MAX, "wounds")?;
            }
            Self::Forget { ids, .. } => bounded(ids.len() <= FORGOTTEN_IDS_MAX, "ids")?,
            Self::Queued { .. } | Self::Resumed { .. } | Self::Presence { .. } | Self::Gift(_) => {}
            Self::Purse { purse, .. } => {
                let things = &purse.things;
                let real = |stack: &Stack| stack.amount > 0 && stack.asset != AssetId::COINS;
                let in_order = things.is_sorted_by(|a, b| a.asset < b.asset);
                bounded(in_order && things.iter().all(real), "things")?;
            }
            Self::Token { token, .. } => bounded(token.len() <= TICKET_BYTES_MAX, "token")?,
            Self::Closing { reason, .. } => {
                bounded(reason.len() <= CLOSE_REASON_BYTES_MAX, "reason")?;
            }
        }
        Ok(message)
    }
}

impl Welcome {
    fn check(&self) -> Result<(), MessageError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        bounded(self.tick_hz > 0, "tick_hz")?;
        bounded(positive(self.radius_m), "radius_m")?;
        bounded(self.frame_level <= 30, "frame_level")?;
        bounded(positive(self.interest_enter_m), "interest_enter_m")?;
        bounded(
            self.interest_exit_m.is_finite() && self.interest_exit_m >= self.interest_enter_m,
            "interest_exit_m",
        )?;
        bounded(self.planet.len() <= KIND_BYTES_MAX, "planet")?;
        bounded(self.kinds.len() <= KINDS_MAX, "kinds")?;
        bounded(
            self.kinds.iter().all(|kind| kind.len() <= KIND_BYTES_MAX),
            "kinds",
        )?;
        let named = |field: &NamedField| field.name.len() <= FIELD_NAME_BYTES_MAX;
        bounded(
            self.fields.len() <= FIELDS_MAX && self.fields.iter().all(named),
            "fields",
        )
    }
}

/// How long a body the four bytes in front of it announce.
///
/// # Errors
/// [`MessageError::Oversized`], before anything is read or reserved.
pub fn announced_length(prefix: [u8; LENGTH_PREFIX_BYTES]) -> Result<usize, MessageError> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > MESSAGE_BYTES_MAX {
        Err(MessageError::Oversized(length))
    } else {
        Ok(length)
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    debug_assert!(
        body.len() <= MESSAGE_BYTES_MAX,
        "our own messages respect the limit"
    );
    let length = u32::try_from(body.len()).expect("a message is far shorter than 4 GiB");
    let mut bytes = Vec::with_capacity(LENGTH_PREFIX_BYTES + body.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn bounded(holds: bool, field: &'static str) -> Result<(), MessageError> {
    if holds {
        Ok(())
    } else {
        Err(MessageError::Field(field))
    }
}

#[cfg(test)]
mod tests;
