//! The only part of the server's network side that awaits: quinn connections in, verified
//! [`SessionEvent`]s out through a bounded channel; datagrams and messages back.
//!
//! Strangers are held to bounds before anything else sees them: a limited number of handshakes, a
//! deadline for the hello, a signed ticket, a rate per session. The loop that owns time never waits
//! here: [`QuicServer::send_tick`] only puts things into bounded queues, whose overflow has a fate
//! (see [`QuicLimits`]). For each session the events arrive in the order
//! opened, datagrams and messages, closed; "closed" arrives exactly once for every "opened".

mod accounts;
mod admission;
mod batches;
mod clock;
mod config;
mod congestion;
mod crowd;
mod doors;
mod paths;
mod session;
mod stats;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bluemarble_shared_protocol::{CloseCode, SessionId, clip_reason};
use bytes::Bytes;
use crossbeam_channel::Receiver;
use parking_lot::RwLock;
use quinn::{Endpoint, EndpointConfig, VarInt};
use tokio::sync::{Notify, Semaphore};

use self::accounts::Accounts;
use self::batches::Batches;
use self::config::quinn_config;
use self::crowd::{Crowd, Hellos};
use self::doors::OneDoor;
use self::session::{Handle, Outgoing};
use self::wire::Wire;
use super::event::{SessionCommand, SessionEvent};
use crate::bans::BanList;
use crate::certs::ServerIdentity;
use crate::late_alarms::LateAlarms;
use crate::resume_tokens::ResumeTokens;
use crate::tickets::TicketVerifier;
use crate::udp_socket;

pub(crate) use self::config::{
    CLIENT_DATAGRAMS_WAITING, CLIENT_WINDOW_FLOOR_BYTES, bounded_transport,
};
pub use self::config::{INITIAL_RTT, QuicConfig, QuicLimits};
pub use self::congestion::{FlooredCubic, SnapshotCongestion};
pub use self::doors::{Caller, Doors, Entry, Visitor};
pub use self::stats::{Counter, QuicStats};

/// How long [`QuicServer::shutdown`] waits for farewells, and then again for QUIC to fall silent.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(2);
/// How often it looks.
const SHUTDOWN_POLL: Duration = Duration::from_millis(10);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "UDP address {addr} is in use, perhaps by another server: stop that one, or listen on \
         another port"
    )]
    InUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The operating system refuses the address.
    #[error("cannot listen on UDP address {addr}: {source}")]
    Socket {
        /// The address asked for.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Certificate and key are of no use for QUIC.
    #[error("certificate or key cannot be used: {reason}")]
    Identity {
        /// Why.
        reason: String,
    },
    /// Called where no tokio runtime is running.
    #[error("the QUIC server must be bound inside a tokio runtime")]
    NoRuntime,
}

/// UDP payload of all connections since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Received, bytes.
    pub rx_bytes: u64,
    /// Sent, bytes.
    pub tx_bytes: u64,
}

/// A listening server; clones are the same server, and send for the same world.
#[derive(Clone)]
pub struct QuicServer {
    shared: Arc<Shared>,
    lane: batches::Lane,
}

/// What all tasks of one server share.
struct Shared {
    endpoint: Endpoint,
    tickets: RwLock<TicketVerifier>,
    bans: BanList,
    resume: ResumeTokens,
    limits: QuicLimits,
    stats: QuicStats,
    doors: Arc<dyn Doors>,
    next_lane: AtomicU64,
    /// Sessions between "opened" and "closed".
    sessions: RwLock<HashMap<SessionId, Handle>>,
    next_session: AtomicU64,
    /// A permit per session.
    places: Arc<Semaphore>,
    /// Told of every place that a session gives back.
    vacated: Notify,
    /// A permit per connection without a good hello.
    doorway: Arc<Semaphore>,
    /// The same, by address; and sessions by address, and hellos by character.
    at_the_door: Arc<Crowd>,
    inside: Arc<Crowd>,
    /// By account, if tickets name one.
    accounts: Arc<Accounts>,
    hellos: Hellos,
    began: std::time::Instant,
    batches: Batches,
    stopping: AtomicBool,
}

impl QuicServer {
    /// Listens, and accepts connections from now on, on the current tokio runtime.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(config: QuicConfig) -> Result<(Self, Receiver<SessionEvent>), BindError> {
        let (events, received) = crossbeam_channel::bounded(config.limits.events_max);
        let server = Self::bind_for(config, Arc::new(OneDoor(events)))?;
        Ok((server, received))
    }

    /// As [`QuicServer::bind`], for the worlds behind `doors`.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind_for(config: QuicConfig, doors: Arc<dyn Doors>) -> Result<Self, BindError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| BindError::NoRuntime)?;
        let quinn_config = quinn_config(&config.identity, &config.limits)?;
        let addr = config.addr;
        let refuse = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { addr },
            _ => BindError::Socket { addr, source },
        };
        let socket = udp_socket::bind(addr).map_err(refuse)?;
        let endpoint = Endpoint::new(
            EndpointConfig::default(),
            Some(quinn_config),
            socket,
            Arc::new(LateAlarms),
        )
        .map_err(refuse)?;
        let shared = Arc::new(Shared {
            endpoint,
            tickets: RwLock::new(config.tickets),
            bans: config.bans,
            at_the_door: Arc::default(),
            inside: Arc::default(),
            accounts: Arc::default(),
            hellos: Hellos::default(),
            began: clock::now(),
            resume: config.resume,
            stats: QuicStats::default(),
            doors,
            next_lane: AtomicU64::new(1),
            sessions: RwLock::default(),
            next_session: AtomicU64::new(1),
            places: Arc::new(Semaphore::new(config.limits.sessions_max)),
            vacated: Notify::new(),
            doorway: Arc::new(Semaphore::new(config.limits.handshakes_max)),
            batches: Batches::default(),
            stopping: AtomicBool::new(false),
            limits: config.limits,
        });
        runtime.spawn(admission::accept(shared.clone()));
        runtime.spawn(batches::send(shared.clone()));
        runtime.spawn(paths::watch(shared.clone()));
        Ok(Self { shared, lane: 0 })
    }

    /// The same server, sending for another world: batches of the two do not overtake each other.
    #[must_use]
    pub fn for_another_world(&self) -> Self {
        let lane = self.shared.next_lane.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::clone(&self.shared),
            lane,
        }
    }

    /// Where it listens; the real port if 0 was asked for.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// Hands out what a tick has for the clients: datagrams, sessions ascending, and what the session
    /// logic wants done. What is for the same session leaves together, if possible in one packet.
    ///
    /// Never blocks. If the sender lags, the oldest datagrams that wait for this world's clients are
    /// dropped, because a stale snapshot is worth nothing; commands are not. A command for a session
    /// that has ended already is passed over.
    pub fn send_tick(&self, datagrams: Vec<(SessionId, Bytes)>, commands: Vec<SessionCommand>) {
        self.shared.enqueue(self.lane, datagrams, commands);
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.read().len()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &QuicStats {
        &self.shared.stats
    }

    /// UDP payload so far; takes a look at every connection, so ask once a second, not once a tick.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let sessions = self.shared.sessions.read();
        let mut traffic = Traffic {
            rx_bytes: self.shared.stats.ended_rx_bytes.value(),
            tx_bytes: self.shared.stats.ended_tx_bytes.value(),
        };
        for handle in sessions.values() {
            let udp = handle.wire.quic().stats();
            traffic.rx_bytes += udp.udp_rx.bytes;
            traffic.tx_bytes += udp.udp_tx.bytes;
        }
        traffic
    }

    /// New connections get this certificate, and tickets signed with one of these keys are good from
    /// now on. Sessions are not touched.
    ///
    /// # Errors
    /// [`BindError::Identity`]: certificate and key are of no use; nothing has changed.
    pub fn reload(
        &self,
        identity: &ServerIdentity,
        tickets: TicketVerifier,
    ) -> Result<(), BindError> {
        let shared = &self.shared;
        let config = quinn_config(identity, &shared.limits)?;
        if !shared.stops() {
            shared.endpoint.set_server_config(Some(config));
        }
        *shared.tickets.write() = tickets;
        shared.stats.reloads.one_more();
        Ok(())
    }

    /// Who may not come in.
    #[must_use]
    pub fn bans(&self) -> &BanList {
        &self.shared.bans
    }

    /// Stops accepting, tells every client why, and waits, for a bounded time, until they know.
    pub async fn shutdown(&self, reason: &str) {
        let shared = &self.shared;
        shared.stopping.store(true, Ordering::Release);
        shared.endpoint.set_server_config(None);
        shared.hand_out_all();
        let code = CloseCode::ServerShutdown;
        let ids: Vec<SessionId> = shared.sessions.read().keys().copied().collect();
        for session in ids {
            shared.tell(
                session,
                Outgoing::Close {
                    code,
                    reason: reason.to_owned(),
                },
            );
        }
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, async {
            while self.sessions() > 0 {
                tokio::time::sleep(SHUTDOWN_POLL).await;
            }
        })
        .await;
        shared.endpoint.close(
            VarInt::from_u32(code.number()),
            clip_reason(reason).as_bytes(),
        );
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, shared.endpoint.wait_idle()).await;
        shared.batches.wake();
    }
}

impl Shared {
    /// [`Shared::give`], to a session that may have ended already.
    fn tell(&self, session: SessionId, what: Outgoing) {
        if let Some(handle) = self.sessions.read().get(&session) {
            self.give(handle, what);
        }
    }

    /// Gives a session's task something to do; a session that does not keep up is let go of.
    fn give(&self, handle: &Handle, what: Outgoing) {
        let Err(refused) = handle.outgoing.try_send(what) else {
            return;
        };
        let (code, reason) = match refused.into_inner() {
            Outgoing::Messages(_) => (
                CloseCode::Overloaded,
                CloseCode::Overloaded.reason().to_owned(),
            ),
            Outgoing::Close { code, reason } => (code, reason),
        };
        self.close(&handle.wire, code, &reason);
    }

    /// Closes a connection at once, and counts it unless it has ended already.
    fn close(&self, wire: &Wire, code: CloseCode, reason: &str) {
        if !wire.is_closed() {
            self.stats.count_close(code);
            wire.close(code, reason);
        }
    }

    /// The connection of a session, if it has one.
    fn wire_of(&self, session: SessionId) -> Option<Wire> {
        let sessions = self.sessions.read();
        sessions.get(&session).map(|handle| handle.wire.clone())
    }

    fn stops(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
