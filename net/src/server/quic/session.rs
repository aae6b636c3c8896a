//! One session from its hello to its end: a task that reads the stream and writes messages, and one that
//! reads datagrams, until one of the three has a reason to stop.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    ClientMessage, CloseCode, LENGTH_PREFIX_BYTES, MessageError, ServerMessage, SessionId,
    announced_length, clip_reason,
};
use crossbeam_channel::{Sender, TrySendError};
use quinn::{Connection, ConnectionError};
use tokio::sync::mpsc;

use super::admission::Place;
use super::batches::Riding;
use super::paths::Told;
use super::wire::{Gone, RecvHalf, SendHalf, Wire};
use super::{Shared, clock};
use crate::server::event::SessionEvent;
use crate::tickets::Ticket;
use crate::token_bucket::TokenBucket;

/// How often a "closed" event is offered again to a loop whose queue is full.
const CLOSED_RETRY: Duration = Duration::from_millis(5);

/// What the rest of the driver holds of a session.
pub(super) struct Handle {
    pub(super) wire: Wire,
    pub(super) riding: Arc<Riding>,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    /// Where what happens to it is told, once it is opened.
    pub(super) events: OnceLock<Sender<SessionEvent>>,
    /// What was told of its path.
    pub(super) told: Told,
}

impl Handle {
    /// Whether the session's task has not yet begun what it was given last.
    pub(super) fn is_behind(&self) -> bool {
        self.outgoing.capacity() < self.outgoing.max_capacity()
    }
}

/// Something for a session's task to do.
pub(super) enum Outgoing {
    /// Send the datagrams that wait for it, and right after them write these to the stream.
    Messages(Vec<ServerMessage>),
    /// Say why, and close.
    Close { code: CloseCode, reason: String },
}

/// What a session's task owns.
pub(super) struct Session {
    pub(super) id: SessionId,
    /// Whose it is.
    pub(super) ticket: Ticket,
    pub(super) wire: Wire,
    pub(super) riding: Arc<Riding>,
    pub(super) send: SendHalf,
    pub(super) recv: RecvHalf,
    /// Where what happens to it is told: the world it is in.
    pub(super) events: Sender<SessionEvent>,
    /// Its place among [`super::QuicLimits::sessions_max`] and among those of its address and account,
    /// given back at the end.
    pub(super) place: Place,
}

/// Why a session ends.
enum End {
    /// This side closes.
    Close { code: CloseCode, reason: String },
    /// The connection is gone already, or the client finished its stream.
    Gone,
}

impl End {
    fn of(code: CloseCode) -> Self {
        Self::Close {
            code,
            reason: code.reason().to_owned(),
        }
    }
}

/// Runs the session to its end, and reports that exactly once.
pub(super) async fn run(
    shared: Arc<Shared>,
    session: Session,
    mut outgoing: mpsc::Receiver<Outgoing>,
) {
    let Session {
        id,
        ticket,
        wire,
        riding,
        send,
        mut recv,
        events,
        place,
    } = session;
    let mut writer = Writer {
        wire: wire.clone(),
        riding,
        send,
        mid_frame: false,
    };
    let mut reader = tokio::spawn(read_datagrams(
        shared.clone(),
        events.clone(),
        id,
        wire.clone(),
    ));
    let end = tokio::select! {
        end = &mut reader => end.unwrap_or_else(|_panicked| End::of(CloseCode::Internal)),
        end = read_messages(&shared, &events, id, &mut recv) => end,
        () = wire.useless_stream() => End::of(CloseCode::Unexpected),
        end = write_messages(&shared, &mut writer, &mut outgoing, (&ticket, id)) => end,
    };
    reader.abort();
    if !reader.is_finished() {
        // Nothing may be told of it after "closed".
        let _aborted = reader.await;
    }
    match end {
        End::Close { code, reason } => {
            tracing::debug!(session = id.0, %code, reason, "closing");
            writer
                .say_farewell(code, &reason, shared.limits.farewell)
                .await;
            shared.close(&wire, code, &reason);
        }
        End::Gone => {
            count_departure(&shared, &wire);
            wire.close(CloseCode::Normal, "");
        }
    }
    forget(&shared, id, wire.quic());
    drop(place);
    shared.vacated.notify_waiters();
    report_closed(&events, id).await;
}

fn count_departure(shared: &Shared, wire: &Wire) {
    match wire.quic().close_reason() {
        // Closed through `Shared::close`, which has counted it.
        None if wire.is_closed() => {}
        Some(ConnectionError::TimedOut | ConnectionError::Reset) => {
            shared.stats.timed_out.one_more();
        }
        // The same; or the peer ended its WebTransport session, and the library the connection.
        Some(ConnectionError::LocallyClosed) => {}
        _ => shared.stats.closed_by_peer.one_more(),
    }
}

/// Takes the session off the list; its traffic moves to the totals in the same breath.
fn forget(shared: &Shared, id: SessionId, connection: &Connection) {
    let mut sessions = shared.sessions.write();
    sessions.remove(&id);
    let udp = connection.stats();
    shared.stats.ended_rx_bytes.add(udp.udp_rx.bytes);
    shared.stats.ended_tx_bytes.add(udp.udp_tx.bytes);
    shared.stats.ended.one_more();
}

/// "Closed" must not be lost: it waits for a place in the queue. Sessions are bounded, so are
/// those that wait.
async fn report_closed(events: &Sender<SessionEvent>, session: SessionId) {
    while let Err(TrySendError::Full(_)) = events.try_send(SessionEvent::Closed { session }) {
        tokio::time::sleep(CLOSED_RETRY).await;
    }
}

/// A task of its own: a datagram a tick wakes nothing else.
async fn read_datagrams(
    shared: Arc<Shared>,
    events: Sender<SessionEvent>,
    session: SessionId,
    wire: Wire,
) -> End {
    let limits = &shared.limits;
    let began = clock::now();
    let mut rate = TokenBucket::new(0, limits.datagrams_per_s, limits.datagrams_burst);
    loop {
        let Ok(bytes) = wire.read_datagram().await else {
            return End::Gone;
        };
        shared.stats.datagrams_in.one_more();
        if bytes.len() > DATAGRAM_BYTES_MAX {
            let reason = format!("a datagram of {} bytes", bytes.len());
            return End::Close {
                code: CloseCode::Oversized,
                reason,
            };
        }
        if !rate.allows_one(clock::ms_since(began)) {
            return End::of(CloseCode::Flooding);
        }
        match events.try_send(SessionEvent::Datagram { session, bytes }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => shared.stats.dropped_in.one_more(),
            Err(TrySendError::Disconnected(_)) => return End::of(CloseCode::ServerShutdown),
        }
    }
}

async fn read_messages(
    shared: &Shared,
    events: &Sender<SessionEvent>,
    session: SessionId,
    recv: &mut RecvHalf,
) -> End {
    let limits = &shared.limits;
    let began = clock::now();
    let mut rate = TokenBucket::new(0, limits.messages_per_s, limits.messages_burst);
    loop {
        let message = match read_message(recv).await {
            Ok(message) => message,
            Err(ReadError::Ended) => return End::Gone,
            Err(ReadError::Message(error)) => {
                return End::Close {
                    code: error.close_code(),
                    reason: error.to_string(),
                };
            }
        };
        if !rate.allows_one(clock::ms_since(began)) {
            return End::of(CloseCode::Flooding);
        }
        if let ClientMessage::Hello { .. } | ClientMessage::Resume { .. } = message {
            return End::of(CloseCode::Unexpected);
        }
        match events.try_send(SessionEvent::Message { session, message }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return End::of(CloseCode::Overloaded),
            Err(TrySendError::Disconnected(_)) => return End::of(CloseCode::ServerShutdown),
        }
    }
}

/// What the loop says, and resume tokens: the first right before the answer to the hello, so that
/// whoever has the one has the other, and a new one when half of its time is over.
async fn write_messages(
    shared: &Shared,
    writer: &mut Writer,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    whose: (&Ticket, SessionId),
) -> End {
    let mut renewal = None;
    loop {
        let renew = async {
            match renewal {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            biased;
            next = outgoing.recv() => next,
            () = renew => {
                renewal = Some(tokio::time::Instant::now() + shared.limits.resume_valid / 2);
                if writer.write(&token(shared, whose)).await.is_err() {
                    return End::Gone;
                }
                continue;
            }
        };
        match next {
            Some(Outgoing::Messages(messages)) => {
                // Datagrams first: they never wait, and a stream may.
                writer.riding.send(&writer.wire, &shared.stats, None);
                let mut frames = Vec::new();
                for message in messages {
                    let answers = matches!(
                        message,
                        ServerMessage::Welcome(_) | ServerMessage::Resumed { .. }
                    );
                    if answers {
                        let now = tokio::time::Instant::now();
                        renewal = Some(now + shared.limits.resume_valid / 2);
                        frames.extend(token(shared, whose).to_frame());
                    }
                    frames.extend(message.to_frame());
                }
                if writer.write_frames(&frames).await.is_err() {
                    return End::Gone;
                }
            }
            Some(Outgoing::Close { code, reason }) => return End::Close { code, reason },
            None => return End::of(CloseCode::Internal),
        }
    }
}

fn token(shared: &Shared, (ticket, session): (&Ticket, SessionId)) -> ServerMessage {
    shared.stats.tokens_out.one_more();
    let valid_s = shared.limits.resume_valid.as_secs();
    let expires_at_s = clock::unix_now_s().saturating_add(valid_s);
    ServerMessage::Token {
        token: shared.resume.issue(ticket, session, expires_at_s),
        valid_s: u32::try_from(valid_s).unwrap_or(u32::MAX),
    }
}

/// The server's half of the stream, and the datagrams beside it.
struct Writer {
    wire: Wire,
    riding: Arc<Riding>,
    send: SendHalf,
    /// A frame was begun and not finished: nothing readable can follow it.
    mid_frame: bool,
}

impl Writer {
    async fn write(&mut self, message: &ServerMessage) -> Result<(), Gone> {
        self.write_frames(&message.to_frame()).await
    }

    async fn write_frames(&mut self, frames: &[u8]) -> Result<(), Gone> {
        self.mid_frame = true;
        self.send.write_all(frames).await?;
        self.mid_frame = false;
        Ok(())
    }

    /// Announces the close and gives the client a moment to read it: a QUIC close throws away what
    /// is still on its way. The close frame repeats code and reason for those who did not.
    async fn say_farewell(&mut self, code: CloseCode, reason: &str, patience: Duration) {
        if self.mid_frame {
            return;
        }
        let closing = ServerMessage::Closing {
            code,
            reason: clip_reason(reason).to_owned(),
        };
        let farewell = async {
            if self.write(&closing).await.is_ok() {
                self.send.finish().await;
            }
        };
        let _ = tokio::time::timeout(patience, farewell).await;
    }
}

/// Why there is no next message.
pub(super) enum ReadError {
    /// The stream or the connection has ended.
    Ended,
    /// The peer sent something else.
    Message(MessageError),
}

/// The next message of a client's stream.
pub(super) async fn read_message(recv: &mut RecvHalf) -> Result<ClientMessage, ReadError> {
    let ended = |Gone| ReadError::Ended;
    let mut prefix = [0; LENGTH_PREFIX_BYTES];
    recv.read_exact(&mut prefix).await.map_err(ended)?;
    let length = announced_length(prefix).map_err(ReadError::Message)?;
    let mut body = vec![0; length];
    recv.read_exact(&mut body).await.map_err(ended)?;
    ClientMessage::decode(&body).map_err(ReadError::Message)
}
