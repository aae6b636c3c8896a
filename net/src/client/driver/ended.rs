//! Why a client is not, or no longer, connected; the texts are for the person at the keyboard.

use std::net::SocketAddr;

use bluemarble_shared_protocol::CloseCode;
use quinn::{ConnectionError, TransportErrorCode};

use crate::client::gift_book::TooManyGifts;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The trusted certificates are of no use.
    #[error("cannot set up TLS: {0}")]
    Trust(String),
    /// No socket.
    #[error("cannot open a UDP socket: {0}")]
    Socket(std::io::Error),
    /// The address or server name makes no sense.
    #[error("cannot connect to {server}: {reason}")]
    Address {
        /// The address.
        server: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// Nobody answered.
    #[error("no answer from {server}: is the server running, and is this its address?")]
    NoAnswer {
        /// The address.
        server: SocketAddr,
    },
    /// The server speaks another version.
    #[error("this client speaks {ours}; {server_says}")]
    Version {
        /// What this client offered.
        ours: String,
        /// What the server said, in its words.
        server_says: String,
    },
    /// TLS failed: most often a certificate that is not trusted.
    #[error(
        "TLS failed: {0} (is the trusted certificate the one this server uses? a development \
         certificate is in the server's data directory)"
    )]
    Tls(String),
    /// The server is there and said no.
    #[error("refused: {0}")]
    Refused(Disconnected),
    /// The server is overloaded, and the line did not move fast enough.
    #[error("the world is overloaded: still {ahead} in line ahead of this client; try again later")]
    StillQueued {
        /// How many.
        ahead: u32,
    },
    /// The server sent something that is not of this protocol.
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(String),
}

impl ConnectError {
    /// Whether a bad line alone explains it: another try may do better.
    pub(super) fn is_of_the_line(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused(Disconnected::DuringHandshake) => true,
            Self::Refused(end) => end.code() == Some(CloseCode::HandshakeTimeout),
            _ => false,
        }
    }
}

/// Why a gift is not asked for, or not yet: what was asked for before a connection was lost is asked for
/// again on the next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiveError {
    /// It is not asked for.
    #[error(transparent)]
    TooMany(#[from] TooManyGifts),
    /// It is asked for once there is a connection again.
    #[error(transparent)]
    Disconnected(#[from] Disconnected),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnected {
    /// The server closed it, and said why.
    #[error("{code}: {reason}")]
    ByServer {
        /// The close code.
        code: CloseCode,
        /// In words.
        reason: String,
    },
    /// This client closed it.
    #[error("closed by this client")]
    ByClient,
    /// The server closed it before the handshake was over, and QUIC keeps why to itself until then
    /// (RFC 9000, 10.2.3): its patience was at an end, most likely.
    #[error("closed by the server during the handshake")]
    DuringHandshake,
    /// Anything else: silence, a reset, a close code nobody knows.
    #[error("connection lost: {0}")]
    Lost(String),
}

impl Disconnected {
    /// The server's close code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<CloseCode> {
        match self {
            Self::ByServer { code, .. } => Some(*code),
            Self::ByClient | Self::DuringHandshake | Self::Lost(_) => None,
        }
    }
}

impl Disconnected {
    /// Whether the character is in another world of the same server now, where the same ticket
    /// leads.
    #[must_use]
    pub fn has_travelled(&self) -> bool {
        self.code() == Some(CloseCode::Travelled)
    }
}

impl From<ConnectionError> for Disconnected {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason).into_owned();
                match CloseCode::from_number(close.error_code.into_inner()) {
                    Some(code) => Self::ByServer { code, reason },
                    None => Self::Lost(format!("close code {}: {reason}", close.error_code)),
                }
            }
            ConnectionError::LocallyClosed => Self::ByClient,
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::APPLICATION_ERROR =>
            {
                Self::DuringHandshake
            }
            other => Self::Lost(other.to_string()),
        }
    }
}
