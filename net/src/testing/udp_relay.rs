//! A [`Relay`] between real sockets: clients send to its address instead of the server's, and the
//! server sees a socket of its own for each of them.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

use super::path::PathStats;
use super::quality::LineQuality;
use super::relay::{Output, Port, Relay};
use crate::udp_socket;

/// Larger than any UDP packet that is sent here.
const PACKET_BYTES_MAX: usize = 2_048;
/// How long it sleeps when nothing is under way.
const IDLE: Duration = Duration::from_millis(200);

/// A running relay; it stops when this is dropped.
#[derive(Debug)]
pub struct UdpRelay {
    shared: Arc<Shared>,
    addr: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    relay: Mutex<Relay>,
    front: UdpSocket,
    server: SocketAddr,
    began: Instant,
    changed: Notify,
}

impl UdpRelay {
    /// Listens on a free port of loopback, in front of this server. To be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// No socket.
    pub fn start(server: SocketAddr, quality: LineQuality, seed: u64) -> io::Result<Self> {
        let front = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let addr = front.local_addr()?;
        let shared = Arc::new(Shared {
            relay: Mutex::new(Relay::new(quality, seed)),
            front,
            server,
            began: now(),
            changed: Notify::new(),
        });
        tokio::spawn(hear_clients(Arc::downgrade(&shared)));
        tokio::spawn(deliver(Arc::downgrade(&shared)));
        Ok(Self { shared, addr })
    }

    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What became of packets: towards the server, and towards the clients.
    #[must_use]
    pub fn stats(&self) -> (PathStats, PathStats) {
        self.shared.relay.lock().stats()
    }
}

impl Shared {
    fn now_us(&self) -> u64 {
        let since = now().saturating_duration_since(self.began).as_micros();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = udp_socket::bind(addr)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// Takes packets from the clients until the relay is gone.
async fn hear_clients(relay: Weak<Shared>) {
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    while let Some(shared) = relay.upgrade() {
        let heard = tokio::time::timeout(IDLE, shared.front.recv_from(&mut buffer)).await;
        // An error is an echo of a packet that found nobody.
        let Ok(Ok((length, client))) = heard else {
            continue;
        };
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        let now_us = shared.now_us();
        let _full = shared.relay.lock().from_client(now_us, client, bytes);
        shared.changed.notify_one();
    }
}

/// Takes packets from the server that came for one port, until the port is given up.
async fn hear_server(relay: Weak<Shared>, socket: Weak<UdpSocket>, port: Port) {
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    while let (Some(shared), Some(socket)) = (relay.upgrade(), socket.upgrade()) {
        let heard = tokio::time::timeout(IDLE, socket.recv(&mut buffer)).await;
        let Ok(Ok(length)) = heard else {
            continue;
        };
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        let now_us = shared.now_us();
        shared.relay.lock().from_server(now_us, port, bytes);
        shared.changed.notify_one();
    }
}

/// Sends what is due, until the relay is gone.
async fn deliver(relay: Weak<Shared>) {
    // The socket of each client's newest port.
    let mut sockets: HashMap<u32, (Port, Arc<UdpSocket>)> = HashMap::new();
    while let Some(shared) = relay.upgrade() {
        loop {
            let due = shared.relay.lock().poll(shared.now_us());
            match due {
                Some(Output::ToClient { client, bytes }) => {
                    // What the socket does not take is lost, as on any line.
                    let _lost = shared.front.try_send_to(&bytes, client);
                }
                Some(Output::ToServer { port, bytes }) => {
                    if let Some(socket) = socket_of(&mut sockets, &relay, &shared, port).await {
                        let _lost = socket.try_send(&bytes);
                    }
                }
                None => break,
            }
        }
        let next = shared.relay.lock().next_due_us();
        let wait = next.map_or(IDLE, |due_us| {
            Duration::from_micros(due_us.saturating_sub(shared.now_us()))
        });
        let _woken = tokio::time::timeout(wait.min(IDLE), shared.changed.notified()).await;
    }
}

async fn socket_of(
    sockets: &mut HashMap<u32, (Port, Arc<UdpSocket>)>,
    relay: &Weak<Shared>,
    shared: &Shared,
    port: Port,
) -> Option<Arc<UdpSocket>> {
    if let Some((known, socket)) = sockets.get(&port.client)
        && *known == port
    {
        return Some(socket.clone());
    }
    let socket = Arc::new(bind(SocketAddr::from(([127, 0, 0, 1], 0))).ok()?);
    socket.connect(shared.server).await.ok()?;
    // Readiness is learned by waiting for it once.
    socket.writable().await.ok()?;
    tokio::spawn(hear_server(relay.clone(), Arc::downgrade(&socket), port));
    sockets.insert(port.client, (port, socket.clone()));
    Some(socket)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a relay between real sockets keeps real time"
)]
fn now() -> Instant {
    Instant::now()
}
