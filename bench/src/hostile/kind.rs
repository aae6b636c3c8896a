//! The kinds of hostile bots, and what `docs/PROTOCOL.md` says becomes of each.

use std::fmt;

use bluemarble_shared_protocol::CloseCode;

/// What a hostile bot does, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Messages that are none.
    Garbled,
    /// Datagrams that are none.
    Noisy,
    /// A message beyond the limit.
    Oversized,
    /// A datagram beyond the limit.
    Wide,
    /// Every datagram several times, and old ones again much later.
    Replaying,
    /// Datagrams in the wrong order.
    Reordering,
    /// Intents far ahead, views of ticks to come, acknowledgements of what was never sent.
    FutureDated,
    /// More datagrams than allowed.
    FloodingDatagrams,
    /// More messages than allowed.
    FloodingMessages,
    /// Takes snapshots and acknowledges none.
    NeverAcking,
    /// Asks, and does not read the answers.
    SlowReading,
    /// TLS, half a hello, and then nothing.
    HalfOpen,
    /// First packets from many addresses that answer nothing.
    Amplifying,
    /// Tickets that nobody signed.
    GuessingTickets,
    /// Resume tokens that nobody issued.
    GuessingTokens,
    /// A resume token that was good once.
    ReplayingTokens,
    /// A ticket that was good once.
    Expired,
    /// A hello behind the hello.
    HelloAgain,
    /// A message before the hello.
    TooEarly,
    /// A stream the protocol does not have.
    SideStream,
    /// Another protocol version.
    Foreign,
}

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The server closed the connection with this code.
    Closed(CloseCode),
    /// The server closed it with a number that is no close code of the protocol.
    ClosedOddly(u64),
    /// The server refused it before TLS.
    Refused,
    /// The connection was lost.
    Lost,
    /// Nothing became of it for long.
    Hung,
    /// It was not closed, though it went on for long.
    Stayed,
    /// It stayed, and was sent a snapshot every now and then to see whether it lives.
    StayedQuiet,
    /// It stayed, and was sent far more than somebody may be who acknowledges nothing.
    Fed,
    /// An address that proved nothing was sent at most three times what came from it, and what was
    /// left of a datagram.
    AtMostThreefold,
    /// It was sent more: so many bytes for every hundred.
    Amplified(u64),
}

impl Kind {
    /// All of them, in the order in which bots get them.
    pub const ALL: [Self; 21] = [
        Self::Garbled,
        Self::FloodingDatagrams,
        Self::NeverAcking,
        Self::HalfOpen,
        Self::Amplifying,
        Self::SlowReading,
        Self::Replaying,
        Self::GuessingTickets,
        Self::FutureDated,
        Self::Oversized,
        Self::FloodingMessages,
        Self::Reordering,
        Self::Noisy,
        Self::Wide,
        Self::ReplayingTokens,
        Self::GuessingTokens,
        Self::Expired,
        Self::HelloAgain,
        Self::TooEarly,
        Self::SideStream,
        Self::Foreign,
    ];

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Garbled => "malformed messages",
            Self::Noisy => "malformed datagrams",
            Self::Oversized => "oversized message",
            Self::Wide => "oversized datagram",
            Self::Replaying => "replayed datagrams",
            Self::Reordering => "reordered datagrams",
            Self::FutureDated => "future-dated",
            Self::FloodingDatagrams => "flood of datagrams",
            Self::FloodingMessages => "flood of messages",
            Self::NeverAcking => "never acknowledging",
            Self::SlowReading => "not reading",
            Self::HalfOpen => "half open",
            Self::Amplifying => "seeking amplification",
            Self::GuessingTickets => "guessing tickets",
            Self::GuessingTokens => "guessing tokens",
            Self::ReplayingTokens => "replayed token",
            Self::Expired => "expired ticket",
            Self::HelloAgain => "second hello",
            Self::TooEarly => "before the hello",
            Self::SideStream => "another stream",
            Self::Foreign => "another version",
        }
    }

    /// What the protocol says becomes of it.
    #[must_use]
    pub const fn due(self) -> Fate {
        match self {
            Self::Garbled | Self::Noisy => Fate::Closed(CloseCode::Malformed),
            Self::Oversized | Self::Wide => Fate::Closed(CloseCode::Oversized),
            Self::Replaying | Self::Reordering | Self::FutureDated => Fate::Stayed,
            Self::FloodingDatagrams | Self::FloodingMessages => Fate::Closed(CloseCode::Flooding),
            Self::NeverAcking => Fate::StayedQuiet,
            Self::SlowReading => Fate::Closed(CloseCode::Overloaded),
            Self::HalfOpen => Fate::Closed(CloseCode::HandshakeTimeout),
            Self::Amplifying => Fate::AtMostThreefold,
            Self::GuessingTickets | Self::GuessingTokens => Fate::Closed(CloseCode::BadTicket),
            Self::ReplayingTokens => Fate::Closed(CloseCode::NothingToResume),
            Self::Expired => Fate::Closed(CloseCode::ExpiredTicket),
            Self::HelloAgain | Self::TooEarly | Self::SideStream => {
                Fate::Closed(CloseCode::Unexpected)
            }
            Self::Foreign => Fate::Closed(CloseCode::ProtocolVersion),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(code) => code.fmt(f),
            Self::ClosedOddly(number) => write!(f, "closed with {number}"),
            Self::Refused => f.write_str("refused"),
            Self::Lost => f.write_str("lost"),
            Self::Hung => f.write_str("hung"),
            Self::Stayed => f.write_str("stayed"),
            Self::StayedQuiet => f.write_str("stayed, hardly served"),
            Self::Fed => f.write_str("stayed, and served on"),
            Self::AtMostThreefold => f.write_str("answered about threefold at most"),
            Self::Amplified(percent) => write!(f, "answered with {percent} % of what it sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_told_apart_and_no_attempt_is_meant_to_fail() {
        let kinds: BTreeSet<Kind> = Kind::ALL.into_iter().collect();
        let labels: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.label()).collect();
        assert_eq!(
            (kinds.len(), labels.len()),
            (Kind::ALL.len(), Kind::ALL.len())
        );
        let bad = [Fate::Refused, Fate::Lost, Fate::Hung, Fate::Fed];
        assert!(Kind::ALL.iter().all(|kind| !bad.contains(&kind.due())));
    }
}
