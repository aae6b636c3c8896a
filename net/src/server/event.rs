//! What passes between the QUIC driver and the session logic: things that happened to sessions,
//! and what is to be done with them.

use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    ClientMessage, CloseCode, EntityId, NameTag, ServerMessage, SessionId,
};
use bytes::Bytes;

/// A client whose ticket was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHello {
    /// What the character is called.
    pub name: NameTag,
    /// Its avatar.
    pub avatar: EntityId,
    /// How it wants its snapshots written.
    pub schema: Schema,
}

/// What a client that comes back says it has: its token was good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeClaim {
    /// The session the token was made for.
    pub session: SessionId,
    /// Number of the newest snapshot datagram it took, 0 if none.
    pub newest: u64,
    /// Bit i: whether it took number `newest` − 1 − i, too.
    pub before: u32,
    /// Number of the newest event it took, 0 if none.
    pub events: u64,
}

/// What congestion control thinks of a session's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathReport {
    /// What may be under way at once, bytes.
    pub window_bytes: u64,
    /// Smoothed round trip, microseconds.
    pub rtt_us: u32,
    /// Packets lost since the report before.
    pub lost: u32,
}

/// Something that happened to a session.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// A client said a good hello.
    Opened {
        /// The new session.
        session: SessionId,
        /// Who.
        hello: VerifiedHello,
    },
    /// A client came back with a good token.
    Resumed {
        /// The new session.
        session: SessionId,
        /// Who.
        hello: VerifiedHello,
        /// What of.
        claim: ResumeClaim,
    },
    /// An unreliable datagram arrived.
    Datagram {
        /// From whom.
        session: SessionId,
        /// As received, at most `DATAGRAM_BYTES_MAX` bytes.
        bytes: Bytes,
    },
    /// The driver has looked at its path; a few times a second, if anything has changed.
    Path {
        /// Whose.
        session: SessionId,
        /// What it saw.
        path: PathReport,
    },
    /// An operator wants somebody out of the world, whether connected or not.
    Expel {
        /// Whom.
        avatar: EntityId,
        /// With what the session is closed, if there is one.
        code: CloseCode,
        /// Why, in words.
        reason: String,
    },
    /// A message arrived on the stream; never a hello.
    Message {
        /// From whom.
        session: SessionId,
        /// Checked.
        message: ClientMessage,
    },
    /// The session has ended; exactly once for every `Opened` or `Resumed`.
    Closed {
        /// Which.
        session: SessionId,
    },
}

/// Something to be done with a session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionCommand {
    /// Write a message to its stream.
    Send {
        /// Whose.
        session: SessionId,
        /// What.
        message: ServerMessage,
    },
    /// Tell it why, and close it.
    Close {
        /// Whom.
        session: SessionId,
        /// Why.
        code: CloseCode,
        /// Why, in words.
        reason: String,
    },
}

impl SessionCommand {
    /// Whose affair it is.
    #[must_use]
    pub fn session(&self) -> SessionId {
        match self {
            Self::Send { session, .. } | Self::Close { session, .. } => *session,
        }
    }
}
