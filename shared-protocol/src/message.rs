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
use crate::ids::{EntityId, Epoch, SessionId, Tick};
use crate::limits::{
    CARDS_PER_MESSAGE_MAX, CLIENT_BYTES_MAX, CLOSE_REASON_BYTES_MAX, KIND_BYTES_MAX, KINDS_MAX,
    MESSAGE_BYTES_MAX, NAME_BYTES_MAX, TICKET_BYTES_MAX,
};

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
        /// As in the hello.
        client: String,
    },
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The answer to a good hello.
    Welcome(Welcome),
    /// The answer to [`ClientMessage::Cards`], in any order.
    Cards(Vec<Card>),
    /// Something that must not be missed.
    Event(GameEvent),
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

/// What a player must learn, however bad the line.
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
        victim: EntityId,
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
            Self::Hello { ticket, client, .. } => {
                bounded(ticket.len() <= TICKET_BYTES_MAX, "ticket")?;
                bounded(client.len() <= CLIENT_BYTES_MAX, "client")?;
                bounded(!client.chars().any(char::is_control), "client")?;
            }
            Self::Cards { ids } => bounded(ids.len() <= CARDS_PER_MESSAGE_MAX, "ids")?,
            Self::Goodbye => {}
            Self::Resume { token, client, .. } => {
                bounded(token.len() <= TICKET_BYTES_MAX, "token")?;
                bounded(client.len() <= CLIENT_BYTES_MAX, "client")?;
                bounded(!client.chars().any(char::is_control), "client")?;
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
            Self::Event(_) | Self::Queued { .. } | Self::Resumed { .. } => {}
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
mod tests {
    use super::*;
    use crate::hash::mix64;

    fn welcome() -> Welcome {
        Welcome {
            session: SessionId(1),
            avatar: EntityId(2),
            epoch: Epoch(3),
            tick: Tick(4),
            tick_hz: 20,
            planet: "earth".to_owned(),
            planet_hash: 5,
            radius_m: 6_371_000.0,
            frame_level: 14,
            interest_enter_m: 80.0,
            interest_exit_m: 96.0,
            budget_bytes: 1_100,
            kinds: vec!["avatar".to_owned(), "wolf".to_owned()],
        }
    }

    fn body(frame: &[u8]) -> &[u8] {
        &frame[LENGTH_PREFIX_BYTES..]
    }

    #[test]
    fn the_alpn_carries_the_protocol_version() {
        assert_eq!(ALPN, format!("bluemarble/{PROTOCOL_VERSION}").as_bytes());
    }

    #[test]
    fn golden_bytes_of_the_client_messages() {
        let hello = ClientMessage::Hello {
            protocol: 2,
            ticket: "t.k".into(),
            client: "b".into(),
        };
        #[rustfmt::skip]
        assert_eq!(hello.to_frame(), [
            26, 0, 0, 0, // length
            0, 0, 0, 0, // Hello
            2, 0, // protocol
            3, 0, 0, 0, 0, 0, 0, 0, b't', b'.', b'k', // ticket
            1, 0, 0, 0, 0, 0, 0, 0, b'b', // client
        ]);
        let cards = ClientMessage::Cards {
            ids: vec![EntityId(0x0102_0304_0506_0708)],
        };
        #[rustfmt::skip]
        assert_eq!(cards.to_frame(), [
            20, 0, 0, 0,
            1, 0, 0, 0, // Cards
            1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
        ]);
        assert_eq!(ClientMessage::Goodbye.to_frame(), [4, 0, 0, 0, 2, 0, 0, 0]);
        let resume = ClientMessage::Resume {
            protocol: PROTOCOL_VERSION,
            token: "r".into(),
            newest: 300,
            before: 5,
            client: "b".into(),
        };
        #[rustfmt::skip]
        assert_eq!(resume.to_frame(), [
            36, 0, 0, 0,
            3, 0, 0, 0, // Resume
            2, 0, // protocol
            1, 0, 0, 0, 0, 0, 0, 0, b'r', // token
            44, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, // newest, before
            1, 0, 0, 0, 0, 0, 0, 0, b'b', // client
        ]);
    }

    #[test]
    fn golden_bytes_of_the_server_messages() {
        let frame = ServerMessage::Welcome(welcome()).to_frame();
        #[rustfmt::skip]
        let drawn = [
            &[120, 0, 0, 0][..],
            &[0, 0, 0, 0], // Welcome
            &[1, 0, 0, 0, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 0], // session, avatar
            &[3, 0, 0, 0], &[4, 0, 0, 0, 0, 0, 0, 0], &[20, 0, 0, 0], // epoch, tick, tick_hz
            &[5, 0, 0, 0, 0, 0, 0, 0], b"earth", &[5, 0, 0, 0, 0, 0, 0, 0], // planet, planet_hash
            &6_371_000.0_f64.to_le_bytes(), &[14], // radius_m, frame_level
            &80.0_f64.to_le_bytes(), &96.0_f64.to_le_bytes(), &[0x4c, 4, 0, 0], // interest, budget
            &[2, 0, 0, 0, 0, 0, 0, 0], // kinds
            &[6, 0, 0, 0, 0, 0, 0, 0], b"avatar", &[4, 0, 0, 0, 0, 0, 0, 0], b"wolf",
        ].concat();
        assert_eq!(frame, drawn);

        let card = Card {
            id: EntityId(1),
            version: 2,
            kind: 3,
            name: Some("Ada".into()),
        };
        #[rustfmt::skip]
        assert_eq!(ServerMessage::Cards(vec![card]).to_frame(), [
            38, 0, 0, 0,
            1, 0, 0, 0, // Cards
            1, 0, 0, 0, 0, 0, 0, 0, // one
            1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, // id, version, kind
            1, 3, 0, 0, 0, 0, 0, 0, 0, b'A', b'd', b'a', // name
        ]);
        #[rustfmt::skip]
        assert_eq!(ServerMessage::Event(GameEvent::Died { killer: Some(EntityId(9)) }).to_frame(), [
            17, 0, 0, 0,
            2, 0, 0, 0, // Event
            0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, // Died by 9
        ]);
        let closing = ServerMessage::Closing {
            code: CloseCode::Flooding,
            reason: "x".into(),
        };
        #[rustfmt::skip]
        assert_eq!(closing.to_frame(), [
            17, 0, 0, 0,
            3, 0, 0, 0, // Closing
            34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x', // code, reason
        ]);
        let token = ServerMessage::Token {
            token: "r".into(),
            valid_s: 900,
        };
        #[rustfmt::skip]
        assert_eq!(token.to_frame(), [
            17, 0, 0, 0,
            5, 0, 0, 0, // Token
            1, 0, 0, 0, 0, 0, 0, 0, b'r', 0x84, 3, 0, 0, // token, valid_s
        ]);
        let resumed = ServerMessage::Resumed {
            session: SessionId(9),
            tick: Tick(300),
            next: 7,
        };
        #[rustfmt::skip]
        assert_eq!(resumed.to_frame(), [
            28, 0, 0, 0,
            6, 0, 0, 0, // Resumed
            9, 0, 0, 0, 0, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,
        ]);
    }

    #[test]
    fn every_message_comes_back_as_it_was() {
        let messages = [
            ServerMessage::Welcome(welcome()),
            ServerMessage::Cards(vec![Card {
                id: EntityId(1),
                version: 1,
                kind: 0,
                name: None,
            }]),
            ServerMessage::Event(GameEvent::Respawned),
            ServerMessage::Event(GameEvent::Killed {
                victim: EntityId(7),
            }),
            ServerMessage::Closing {
                code: CloseCode::ServerShutdown,
                reason: "bye".into(),
            },
            ServerMessage::Queued { ahead: 7 },
            ServerMessage::Token {
                token: "r".into(),
                valid_s: 60,
            },
            ServerMessage::Resumed {
                session: SessionId(9),
                tick: Tick(8),
                next: 7,
            },
        ];
        for message in messages {
            assert_eq!(
                ServerMessage::decode(body(&message.to_frame())).unwrap(),
                message
            );
        }
    }

    #[test]
    fn the_largest_messages_of_each_kind_fit_a_frame() {
        let long = |n: usize| "x".repeat(n);
        let hello = ClientMessage::Hello {
            protocol: u16::MAX,
            ticket: long(TICKET_BYTES_MAX),
            client: long(CLIENT_BYTES_MAX),
        };
        assert!(ClientMessage::decode(body(&hello.to_frame())).is_ok());
        let name = Some(long(NAME_BYTES_MAX));
        let card = Card {
            id: EntityId(u64::MAX),
            version: 1,
            kind: 1,
            name,
        };
        let cards = ServerMessage::Cards(vec![card; CARDS_PER_MESSAGE_MAX]);
        assert!(ServerMessage::decode(body(&cards.to_frame())).is_ok());
        let full = Welcome {
            kinds: vec![long(KIND_BYTES_MAX); KINDS_MAX],
            ..welcome()
        };
        assert!(ServerMessage::decode(body(&ServerMessage::Welcome(full).to_frame())).is_ok());
    }

    #[test]
    fn fields_beyond_their_bounds_are_malformed() {
        let long_ticket = ClientMessage::Hello {
            protocol: 1,
            ticket: "x".repeat(TICKET_BYTES_MAX + 1),
            client: String::new(),
        };
        let control = ClientMessage::Hello {
            protocol: 1,
            ticket: String::new(),
            client: "line\nbreak".into(),
        };
        let many = ClientMessage::Cards {
            ids: vec![EntityId(1); CARDS_PER_MESSAGE_MAX + 1],
        };
        for message in [long_ticket, control, many] {
            let error = ClientMessage::decode(body(&message.to_frame())).unwrap_err();
            assert_eq!(error.close_code(), CloseCode::Malformed, "{error}");
        }
        let odd = Welcome {
            interest_exit_m: f64::NAN,
            ..welcome()
        };
        assert!(ServerMessage::decode(body(&ServerMessage::Welcome(odd).to_frame())).is_err());
    }

    #[test]
    fn an_announced_length_beyond_the_limit_is_refused_before_reading() {
        let limit = MESSAGE_BYTES_MAX as u32;
        assert_eq!(
            announced_length(limit.to_le_bytes()).unwrap(),
            MESSAGE_BYTES_MAX
        );
        let error = announced_length((limit + 1).to_le_bytes()).unwrap_err();
        assert_eq!(error.close_code(), CloseCode::Oversized);
        assert!(announced_length(u32::MAX.to_le_bytes()).is_err());
    }

    #[test]
    fn mutated_messages_never_panic_and_random_ones_rarely_decode() {
        let seed = ServerMessage::Welcome(welcome()).to_frame();
        let hello = ClientMessage::Hello {
            protocol: 1,
            ticket: "a.b.c".into(),
            client: "bot".into(),
        };
        for (round, original) in [seed, hello.to_frame()].iter().enumerate() {
            for n in 0..4_000_u64 {
                let mut bytes = body(original).to_vec();
                for k in 0..1 + n % 4 {
                    let random = mix64(n * 8 + k + ((round as u64) << 40));
                    let at = (random % bytes.len() as u64) as usize;
                    bytes[at] ^= (random >> 32) as u8;
                }
                bytes.truncate(
                    (mix64(n) % (bytes.len() as u64 + 8)).min(bytes.len() as u64) as usize,
                );
                let _ = ClientMessage::decode(&bytes);
                let _ = ServerMessage::decode(&bytes);
            }
        }
    }
}
