//! One connection, whichever way it speaks: the protocol straight on QUIC, or inside WebTransport as
//! browsers do. From here on there is no difference: one bidirectional stream, datagrams, a close code.
//!
//! Inside WebTransport (draft-ietf-webtrans-http3) every stream begins, and every datagram is prefixed,
//! with the number of the session's CONNECT stream, and close codes travel in a capsule; all of that
//! is the library's affair. What a stranger can make us hold before the hello is bounded there as well:
//! header sections of 16 KiB, frames of 64 KiB, and our stream windows and deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bluemarble_shared_protocol::{CloseCode, clip_reason};
use bytes::Bytes;
use quinn::VarInt;

/// What TLS negotiates with browsers.
pub(super) const ALPN_WEB: &[u8] = web_transport_quinn::ALPN.as_bytes();
/// Bidirectional streams of a WebTransport connection: the CONNECT request's and the control stream.
const WEB_BIDI_STREAMS: u32 = 2;
/// Unidirectional ones: HTTP/3's control stream, QPACK's two, and some that browsers open only to see
/// that unknown kinds are passed over.
const WEB_UNI_STREAMS: u32 = 8;

/// The stream or the connection is gone; why, the connection knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// A connection.
#[derive(Clone)]
pub(super) enum Wire {
    Native(quinn::Connection),
    Web {
        session: Arc<web_transport_quinn::Session>,
        /// The capsule with the close code is under way; QUIC does not know yet.
        closing: Arc<AtomicBool>,
    },
}

/// The server's half of a stream.
pub(super) enum SendHalf {
    Native(quinn::SendStream),
    Web(web_transport_quinn::SendStream),
}

/// The client's half.
pub(super) enum RecvHalf {
    Native(quinn::RecvStream),
    Web(web_transport_quinn::RecvStream),
}

impl Wire {
    /// Carries out WebTransport's handshake on a connection that negotiated [`ALPN_WEB`]. Any path is
    /// good: who may come in is for the ticket to say.
    pub(super) async fn web(connection: quinn::Connection) -> Result<Self, Gone> {
        connection.set_max_concurrent_bi_streams(VarInt::from_u32(WEB_BIDI_STREAMS));
        connection.set_max_concurrent_uni_streams(VarInt::from_u32(WEB_UNI_STREAMS));
        let request = web_transport_quinn::Request::accept(connection).await;
        let request = request.map_err(|_| Gone)?;
        let session = request.ok().await.map_err(|_| Gone)?;
        Ok(Self::Web {
            session: Arc::new(session),
            closing: Arc::default(),
        })
    }

    /// Underneath, for addresses, statistics and how it ended.
    pub(super) fn quic(&self) -> &quinn::Connection {
        match self {
            Self::Native(connection) => connection,
            Self::Web { session, .. } => session,
        }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.quic().remote_address()
    }

    pub(super) async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), Gone> {
        match self {
            Self::Native(connection) => {
                let (send, recv) = connection.accept_bi().await.map_err(|_| Gone)?;
                Ok((SendHalf::Native(send), RecvHalf::Native(recv)))
            }
            Self::Web { session, .. } => {
                let (send, recv) = session.accept_bi().await.map_err(|_| Gone)?;
                Ok((SendHalf::Web(send), RecvHalf::Web(recv)))
            }
        }
    }

    /// Until the client opens a stream that has no meaning. HTTP/3's own are the library's affair.
    pub(super) async fn useless_stream(&self) {
        if let Self::Native(connection) = self
            && connection.accept_uni().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    pub(super) async fn read_datagram(&self) -> Result<Bytes, Gone> {
        match self {
            Self::Native(connection) => connection.read_datagram().await.map_err(|_| Gone),
            Self::Web { session, .. } => session.read_datagram().await.map_err(|_| Gone),
        }
    }

    /// Puts a datagram into the connection's short queue; never waits.
    pub(super) fn send_datagram(&self, bytes: Bytes) -> Result<(), Gone> {
        match self {
            Self::Native(connection) => connection.send_datagram(bytes).map_err(|_| Gone),
            Self::Web { session, .. } => session.send_datagram(bytes).map_err(|_| Gone),
        }
    }

    /// Whether it has ended, or is about to by our will.
    pub(super) fn is_closed(&self) -> bool {
        let closing = match self {
            Self::Native(_) => false,
            Self::Web { closing, .. } => closing.load(Ordering::Acquire),
        };
        closing || self.quic().close_reason().is_some()
    }

    pub(super) fn close(&self, code: CloseCode, reason: &str) {
        let reason = clip_reason(reason).as_bytes();
        match self {
            Self::Native(connection) => {
                connection.close(VarInt::from_u32(code.number()), reason);
            }
            Self::Web { session, closing } => {
                closing.store(true, Ordering::Release);
                session.close(code.number(), reason);
                hold_until_closed(session.clone());
            }
        }
    }
}

/// HTTP/3's own streams end with the session's last handle, and a browser that sees one of them end calls
/// the connection broken and never looks at the code. So a handle is held until the connection is closed;
/// the library sees to that soon after its capsule.
fn hold_until_closed(session: Arc<web_transport_quinn::Session>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { session.closed().await });
    }
}

impl SendHalf {
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        match self {
            Self::Native(stream) => stream.write_all(bytes).await.map_err(|_| Gone),
            Self::Web(stream) => stream.write_all(bytes).await.map_err(|_| Gone),
        }
    }

    /// Ends the stream and waits until all of it is acknowledged.
    pub(super) async fn finish(&mut self) {
        match self {
            Self::Native(stream) => {
                if stream.finish().is_ok() {
                    let _heard_or_gone = stream.stopped().await;
                }
            }
            Self::Web(stream) => {
                if stream.finish().is_ok() {
                    let _heard_or_gone = stream.stopped().await;
                }
            }
        }
    }
}

impl RecvHalf {
    pub(super) async fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), Gone> {
        match self {
            Self::Native(stream) => stream.read_exact(bytes).await.map_err(|_| Gone),
            Self::Web(stream) => stream.read_exact(bytes).await.map_err(|_| Gone),
        }
    }
}
