//! From a stranger's first packet to a session: TLS, then one stream, then one hello with a good
//! ticket, all before a deadline. Whoever fails on the way is told why, counted, and forgotten.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bluemarble_shared_protocol::codec::Schema;
use bluemarble_shared_protocol::{
    ALPN, ALPN_PROBE, ClientMessage, CloseCode, PROTOCOL_VERSION, SessionId,
};
use quinn::crypto::rustls::HandshakeData;
use quinn::{ConnectionError, Incoming, TransportErrorCode, VarInt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use super::accounts::{Accounts, OfAccount};
use super::batches::Riding;
use super::crowd::{Crowd, OfCrowd};
use super::doors::{Entry, Visitor};
use super::paths::Told;
use super::session::{self, Handle, ReadError, Session, read_message};
use super::wire::{ALPN_WEB, Gone, RecvHalf, SendHalf, Wire};
use super::{Shared, clock};
use crate::server::event::ResumeClaim;
use crate::tickets::{Ticket, TicketError};

/// TLS alert `no_application_protocol` (RFC 7301) as QUIC reports it.
const NO_APPLICATION_PROTOCOL: u8 = 120;
/// How often a door that is not open yet is knocked at again.
const KNOCK_PERIOD: Duration = Duration::from_millis(20);

/// How long whoever comes back waits for the place of the old connection: its task has to be woken, and to
/// see that it is closed.
const VACATED_WAIT: Duration = Duration::from_millis(500);

/// Takes connections until the server stops.
pub(super) async fn accept(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.accept().await {
        shared.stats.incoming.one_more();
        let Some(incoming) = demand_proof(&shared, incoming) else {
            continue;
        };
        let limits = &shared.limits;
        let address = incoming.remote_address().ip();
        let share = Crowd::enter(
            &shared.at_the_door,
            address,
            limits.handshakes_per_address_max,
        );
        let permit = shared.doorway.clone().try_acquire_owned();
        match (permit, share) {
            (Ok(permit), Some(share)) if !shared.stops() => {
                tokio::spawn(receive(shared.clone(), incoming, (permit, share)));
            }
            (_, None) => {
                shared.stats.refused_address.one_more();
                incoming.refuse();
            }
            _ => {
                shared.stats.refused_busy.one_more();
                incoming.refuse();
            }
        }
    }
}

/// Under pressure an address that has not proved to be one is told to come again with a proof, and
/// nothing is kept for it.
fn demand_proof(shared: &Shared, incoming: Incoming) -> Option<Incoming> {
    let limits = &shared.limits;
    let under_way = limits.handshakes_max - shared.doorway.available_permits();
    let of_address = shared.at_the_door.of(incoming.remote_address().ip());
    let pressure = under_way >= limits.retry_from
        || of_address >= limits.handshakes_per_address_max.div_ceil(2);
    if !pressure || incoming.remote_address_validated() || !incoming.may_retry() {
        return Some(incoming);
    }
    match incoming.retry() {
        Ok(()) => {
            shared.stats.retries.one_more();
            None
        }
        Err(refused) => Some(refused.into_incoming()),
    }
}

/// One stranger: from the first packet to the end of the session, if there comes to be one.
async fn receive(
    shared: Arc<Shared>,
    incoming: Incoming,
    doorway: (OwnedSemaphorePermit, OfCrowd),
) {
    let deadline = Instant::now() + shared.limits.hello_timeout;
    let Some(connection) = shake_hands(&shared, incoming, deadline).await else {
        return;
    };
    let wire = match timeout_at(deadline, speak(connection.clone())).await {
        Ok(Ok(wire)) => wire,
        Ok(Err(Gone)) => {
            connection.close(VarInt::from_u32(0), b"");
            return shared.stats.web_failed.one_more();
        }
        Err(_) => {
            let wire = Wire::Native(connection);
            return shared.close(
                &wire,
                CloseCode::HandshakeTimeout,
                "no WebTransport in time",
            );
        }
    };
    let greeting = timeout_at(deadline, greet(&shared, &wire)).await;
    let refusal = greeting.unwrap_or_else(|_| Err(Refusal::of(CloseCode::HandshakeTimeout)));
    let admitted = match refusal {
        Ok(admitted) => admitted,
        Err(Refusal::Gone) => return shared.stats.abandoned.one_more(),
        Err(Refusal::Close { code, reason }) => {
            tracing::debug!(peer = %wire.peer(), %code, reason, "hello refused");
            return shared.close(&wire, code, &reason);
        }
    };
    drop(doorway);
    if let Wire::Web { .. } = wire {
        shared.stats.web_opened.one_more();
    }
    if let Some((session, outgoing)) = open(&shared, wire, admitted).await {
        session::run(shared, session, outgoing).await;
    }
}

/// TLS. `None` if it failed, which is counted.
async fn shake_hands(
    shared: &Shared,
    incoming: Incoming,
    deadline: Instant,
) -> Option<quinn::Connection> {
    let result = match incoming.accept() {
        Ok(connecting) => match timeout_at(deadline, connecting).await {
            Ok(result) => result,
            Err(_) => {
                shared.stats.count_close(CloseCode::HandshakeTimeout);
                return None;
            }
        },
        Err(error) => Err(error),
    };
    let error = match result {
        Ok(connection) => return Some(connection),
        Err(error) => error,
    };
    if is_unknown_alpn(&error) {
        shared.stats.wrong_alpn.one_more();
    } else {
        shared.stats.handshake_failed.one_more();
    }
    tracing::debug!(%error, "handshake failed");
    None
}

/// The way the peer speaks, by what TLS negotiated.
async fn speak(connection: quinn::Connection) -> Result<Wire, Gone> {
    if negotiated_alpn(&connection).is_some_and(|alpn| alpn == ALPN_WEB) {
        Wire::web(connection).await
    } else {
        Ok(Wire::Native(connection))
    }
}

fn is_unknown_alpn(error: &ConnectionError) -> bool {
    let alert = TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL);
    matches!(error, ConnectionError::TransportError(error) if error.code == alert)
}

/// Somebody with a good ticket or token, and a place for them.
struct Admitted {
    visitor: Visitor,
    send: SendHalf,
    recv: RecvHalf,
    place: Place,
}

/// Why there will be no session.
enum Refusal {
    /// The peer went away by itself.
    Gone,
    /// It is told to.
    Close { code: CloseCode, reason: String },
}

impl Refusal {
    fn of(code: CloseCode) -> Self {
        Self::Close {
            code,
            reason: code.reason().to_owned(),
        }
    }
}

/// The first stream and its first message.
async fn greet(shared: &Shared, wire: &Wire) -> Result<Admitted, Refusal> {
    let ours = String::from_utf8_lossy(ALPN);
    if negotiated_alpn(wire.quic()).is_none_or(|alpn| alpn == ALPN_PROBE) {
        let reason = format!("this server speaks {ours}");
        return Err(Refusal::Close {
            code: CloseCode::ProtocolVersion,
            reason,
        });
    }
    let (send, mut recv) = wire.accept_bi().await.map_err(|Gone| Refusal::Gone)?;
    let message = read_message(&mut recv).await.map_err(|error| match error {
        ReadError::Ended => Refusal::Gone,
        ReadError::Message(error) => Refusal::Close {
            code: error.close_code(),
            reason: error.to_string(),
        },
    })?;
    let (protocol, client, knows, said) = match message {
        ClientMessage::Hello {
            protocol,
            ticket,
            client,
            knows,
        } => (protocol, client, knows, Said::Ticket(ticket)),
        ClientMessage::Resume {
            protocol,
            token,
            newest,
            before,
            events,
            client,
            knows,
        } => {
            let taken = (newest, before, events);
            (protocol, client, knows, Said::Token(token, taken))
        }
        ClientMessage::Cards { .. }
        | ClientMessage::Goodbye
        | ClientMessage::Diverged { .. }
        | ClientMessage::Held { .. }
        | ClientMessage::Give(_) => {
            let reason = "the first message must be a hello".to_owned();
            return Err(Refusal::Close {
                code: CloseCode::Unexpected,
                reason,
            });
        }
    };
    if protocol != PROTOCOL_VERSION {
        let reason = format!("this server speaks {ours}, the hello says version {protocol}");
        return Err(Refusal::Close {
            code: CloseCode::ProtocolVersion,
            reason,
        });
    }
    let schema = Schema::for_client(&knows).map_err(|mismatch| Refusal::Close {
        code: CloseCode::SchemaMismatch,
        reason: mismatch.to_string(),
    })?;
    let visitor = judge(shared, said, schema).map_err(|error| Refusal::Close {
        code: error.close_code(),
        reason: error.to_string(),
    })?;
    let character = &visitor.ticket.character;
    if let Some(reason) = shared.bans.refusal(character.as_str(), clock::unix_now_s()) {
        let code = CloseCode::Banned;
        return Err(Refusal::Close { code, reason });
    }
    let limits = &shared.limits;
    let now_ms = clock::ms_since(shared.began);
    let (per_s, burst) = (limits.hellos_per_s, limits.hellos_burst);
    if !shared
        .hellos
        .allows(now_ms, character.avatar(), per_s, burst)
    {
        let code = CloseCode::Flooding;
        let reason = "this character says hello too often: wait a little".to_owned();
        return Err(Refusal::Close { code, reason });
    }
    let place = place_for(shared, wire, &visitor).await?;
    let name = visitor.ticket.character.as_str();
    tracing::debug!(peer = %wire.peer(), name, client, "hello");
    Ok(Admitted {
        visitor,
        send,
        recv,
        place,
    })
}

/// A place among all, and among those of the address and of the account.
pub(super) type Place = (OwnedSemaphorePermit, OfCrowd, Option<OfAccount>);

fn take_place(shared: &Shared, address: IpAddr, ticket: &Ticket) -> Result<Place, Refusal> {
    let limits = &shared.limits;
    let of_account = match &ticket.account {
        Some(account) => {
            let (character, most) = (ticket.character.avatar(), limits.sessions_per_account_max);
            let entered = Accounts::enter(&shared.accounts, account, character, most);
            Some(entered.ok_or_else(|| Refusal::Close {
                code: CloseCode::TooMany,
                reason: "too many characters of this account are connected".to_owned(),
            })?)
        }
        None => None,
    };
    let share = Crowd::enter(&shared.inside, address, limits.sessions_per_address_max);
    let share = share.ok_or_else(|| Refusal::of(CloseCode::TooMany))?;
    let place = shared.places.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::of(CloseCode::ServerFull))?;
    Ok((place, share, of_account))
}

/// Whoever comes back before anybody has noticed that the old connection is dead has a place: the one that
/// the old connection still holds, which the session logic would close in any case.
async fn place_for(shared: &Shared, wire: &Wire, visitor: &Visitor) -> Result<Place, Refusal> {
    let address = wire.peer().ip();
    let mut taken = take_place(shared, address, &visitor.ticket);
    if taken.is_err()
        && let Some(claim) = &visitor.claim
        && let Some(older) = shared.wire_of(claim.session)
    {
        let code = CloseCode::ReplacedByNewSession;
        shared.close(&older, code, code.reason());
        let deadline = Instant::now() + VACATED_WAIT;
        while taken.is_err() {
            // Asked for before it is looked, so that none is missed in between.
            let vacated = shared.vacated.notified();
            taken = take_place(shared, address, &visitor.ticket);
            if taken.is_err() && timeout_at(deadline, vacated).await.is_err() {
                break;
            }
        }
    }
    taken
}

/// What a client has to show for itself.
enum Said {
    Ticket(String),
    /// And what it took.
    Token(String, (u64, u32, u64)),
}

fn judge(shared: &Shared, said: Said, schema: Schema) -> Result<Visitor, TicketError> {
    let now_s = clock::unix_now_s();
    match said {
        Said::Ticket(ticket) => Ok(Visitor {
            ticket: shared.tickets.read().verify(&ticket, now_s)?,
            schema,
            claim: None,
        }),
        Said::Token(token, (newest, before, events)) => {
            let good = shared.resume.verify(&token, now_s)?;
            shared.stats.tokens_in.one_more();
            Ok(Visitor {
                ticket: good.ticket,
                schema,
                claim: Some(ResumeClaim {
                    // Sessions are numbered from 1: nobody's.
                    session: good.session.unwrap_or(SessionId(0)),
                    newest,
                    before,
                    events,
                }),
            })
        }
    }
}

fn negotiated_alpn(connection: &quinn::Connection) -> Option<Vec<u8>> {
    connection
        .handshake_data()?
        .downcast::<HandshakeData>()
        .ok()?
        .protocol
}

/// Makes the session known, first to the driver, then to the session logic of its world. A world
/// that is waking is waited for, a bounded time.
async fn open(
    shared: &Shared,
    wire: Wire,
    admitted: Admitted,
) -> Option<(Session, mpsc::Receiver<session::Outgoing>)> {
    let Admitted {
        visitor,
        send,
        recv,
        place,
    } = admitted;
    let id = SessionId(shared.next_session.fetch_add(1, Ordering::Relaxed));
    let (outgoing, queue) = mpsc::channel(shared.limits.messages_queued_max);
    let riding = Arc::<Riding>::default();
    let handle = Handle {
        wire: wire.clone(),
        riding: riding.clone(),
        outgoing,
        events: OnceLock::new(),
        told: Told::default(),
    };
    shared.sessions.write().insert(id, handle);
    let knocking = async {
        loop {
            match shared.doors.enter(&visitor, id) {
                Entry::Entered(events) => return Ok(events),
                Entry::Refused { code, reason } => return Err((code, reason)),
                Entry::Wait => tokio::time::sleep(KNOCK_PERIOD).await,
            }
        }
    };
    let entry = tokio::select! {
        biased;
        entry = knocking => entry,
        _gone = wire.quic().closed() => Err((CloseCode::Normal, String::new())),
        () = tokio::time::sleep(shared.limits.world_wait) => {
            Err((CloseCode::Overloaded, "the world is not awake yet: try again".to_owned()))
        }
    };
    match entry {
        Ok(events) => {
            shared.stats.opened.one_more();
            if let Some(handle) = shared.sessions.read().get(&id) {
                let _only_here = handle.events.set(events.clone());
            }
            Some((
                Session {
                    id,
                    ticket: visitor.ticket,
                    wire,
                    riding,
                    send,
                    recv,
                    events,
                    place,
                },
                queue,
            ))
        }
        Err((code, reason)) => {
            shared.sessions.write().remove(&id);
            shared.close(&wire, code, &reason);
            None
        }
    }
}
