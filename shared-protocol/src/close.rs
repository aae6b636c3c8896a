//! Why a connection ends, as the QUIC application error code of its close frame and as the `code`
//! of [`crate::ServerMessage::Closing`]. The numbers are part of the protocol and never change.
//!
//! Codes below 16 are nobody's fault, 16..=31 concern the hello, 32..=47 a peer's bytes, 48.. the
//! server's own state.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::CLOSE_REASON_BYTES_MAX;

/// Why a connection was closed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
#[repr(u32)]
#[non_exhaustive]
pub enum CloseCode {
    /// The client said goodbye.
    Normal = 0,
    /// The server stops in an orderly way; come back later.
    ServerShutdown = 1,
    /// The same character connected again; this, the older connection, gives way.
    ReplacedByNewSession = 2,
    /// The character has gone to another world of this server: connect again to follow.
    Travelled = 3,
    /// An operator ended this session; the character may come back.
    Kicked = 4,
    /// The hello names a protocol version the server does not speak.
    ProtocolVersion = 16,
    /// The ticket is not a ticket, or not signed with the server's key.
    BadTicket = 17,
    /// The ticket was good once.
    ExpiredTicket = 18,
    /// The ticket was issued for another world.
    WrongWorld = 19,
    /// No hello arrived in time.
    HandshakeTimeout = 20,
    /// The token is good for nothing here (any more): say hello with a ticket.
    NothingToResume = 21,
    /// The client cannot read a field of the server's snapshots; the reason names it.
    SchemaMismatch = 22,
    /// An operator has banned the character.
    Banned = 23,
    /// Bytes that are not a message or datagram of this protocol.
    Malformed = 32,
    /// A message or datagram larger than the protocol allows.
    Oversized = 33,
    /// More messages or datagrams than the protocol allows in a time.
    Flooding = 34,
    /// A well-formed message at a moment where it makes no sense, a second hello for example.
    Unexpected = 35,
    /// As many sessions as the server is configured for.
    ServerFull = 48,
    /// The server could not keep up with this session and let go of it.
    Overloaded = 49,
    /// As many connections of this address as the server allows.
    TooMany = 51,
    /// The server's disk takes nothing: whoever came in now might not have been there.
    NotSaving = 52,
    /// The server's own fault.
    Internal = 50,
}

impl CloseCode {
    /// All of them, by number.
    pub const ALL: [Self; 22] = [
        Self::Normal,
        Self::ServerShutdown,
        Self::ReplacedByNewSession,
        Self::Travelled,
        Self::Kicked,
        Self::ProtocolVersion,
        Self::BadTicket,
        Self::ExpiredTicket,
        Self::WrongWorld,
        Self::HandshakeTimeout,
        Self::NothingToResume,
        Self::SchemaMismatch,
        Self::Banned,
        Self::Malformed,
        Self::Oversized,
        Self::Flooding,
        Self::Unexpected,
        Self::ServerFull,
        Self::Overloaded,
        Self::Internal,
        Self::TooMany,
        Self::NotSaving,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The code of a number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|code| u64::from(code.number()) == number)
    }

    /// A short name for metrics and reports: lower case with underscores.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ServerShutdown => "server_shutdown",
            Self::ReplacedByNewSession => "replaced_by_new_session",
            Self::Travelled => "travelled",
            Self::ProtocolVersion => "protocol_version",
            Self::BadTicket => "bad_ticket",
            Self::ExpiredTicket => "expired_ticket",
            Self::WrongWorld => "wrong_world",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Kicked => "kicked",
            Self::NothingToResume => "nothing_to_resume",
            Self::SchemaMismatch => "schema_mismatch",
            Self::Banned => "banned",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Flooding => "flooding",
            Self::Unexpected => "unexpected",
            Self::ServerFull => "server_full",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
            Self::TooMany => "too_many",
            Self::NotSaving => "not_saving",
        }
    }

    /// A sentence for the person at the other end; a closer may say something more exact.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "goodbye",
            Self::ServerShutdown => "the server is shutting down",
            Self::ReplacedByNewSession => "this character connected from elsewhere",
            Self::Travelled => "the character has gone to another world: connect again to follow",
            Self::ProtocolVersion => "the server speaks another protocol version",
            Self::BadTicket => "the ticket is not valid here",
            Self::ExpiredTicket => "the ticket has expired",
            Self::WrongWorld => "the ticket is for another world",
            Self::HandshakeTimeout => "no hello arrived in time",
            Self::Kicked => "an operator has ended this session",
            Self::Banned => "this character is banned",
            Self::NothingToResume => "there is nothing to resume: say hello with a ticket",
            Self::SchemaMismatch => "the server's snapshots have a field in another version",
            Self::Malformed => "bytes that are not of this protocol",
            Self::Oversized => "a message larger than the protocol allows",
            Self::Flooding => "too many messages",
            Self::Unexpected => "a message that makes no sense at this moment",
            Self::ServerFull => "the server is full",
            Self::Overloaded => "the server could not keep up with this session",
            Self::TooMany => "too many connections of this address",
            Self::NotSaving => "the server cannot save what happens: try again later",
            Self::Internal => "an error of the server",
        }
    }
}

/// As much of a reason as a close frame may carry.
#[must_use]
pub fn clip_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)]
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label(), self.number())
    }
}

impl From<CloseCode> for u32 {
    fn from(code: CloseCode) -> Self {
        code.number()
    }
}

/// A close code of a later version, or no close code at all.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a close code of this protocol version")]
pub struct UnknownCloseCode(pub u32);

impl TryFrom<u32> for CloseCode {
    type Error = UnknownCloseCode;

    fn try_from(number: u32) -> Result<Self, UnknownCloseCode> {
        Self::from_number(number.into()).ok_or(UnknownCloseCode(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_published_ones_and_lead_back_to_their_code() {
        let numbers: Vec<u32> = CloseCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(
            numbers,
            [
                0, 1, 2, 3, 4, 16, 17, 18, 19, 20, 21, 22, 23, 32, 33, 34, 35, 48, 49, 50, 51, 52
            ]
        );
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number().into()), Some(code));
        }
        assert_eq!(CloseCode::from_number(5), None);
        assert_eq!(CloseCode::from_number(1 << 40), None);
    }

    #[test]
    fn labels_are_distinct_and_reasons_fit_a_close_frame() {
        let mut labels: Vec<&str> = CloseCode::ALL.iter().map(|code| code.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), CloseCode::ALL.len());
        assert!(
            CloseCode::ALL
                .iter()
                .all(|code| code.reason().len() <= CLOSE_REASON_BYTES_MAX)
        );
        assert_eq!(clip_reason("short"), "short");
        assert_eq!(clip_reason(&"é".repeat(200)).len(), CLOSE_REASON_BYTES_MAX);
        assert_eq!(
            clip_reason(&"€".repeat(200)).len(),
            CLOSE_REASON_BYTES_MAX - 1
        );
    }

    #[test]
    fn on_the_wire_it_is_its_number() {
        assert_eq!(crate::binary::encode(&CloseCode::Flooding), [34, 0, 0, 0]);
        assert!(crate::binary::decode::<CloseCode, 4>(&[5, 0, 0, 0]).is_err());
    }
}
