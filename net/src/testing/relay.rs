//! A line with many clients on one side and a server on the other, as a box in between that forwards
//! packets: each client has a path either way, and a port the server sees it behind, which changes now
//! and then if the line says so.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use super::path::{Path, PathStats};
use super::quality::LineQuality;

/// Clients at most; a packet of one more is dropped.
const CLIENTS_MAX: usize = 4_096;

/// What the server sees a client behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Which client, in the order in which they came.
    pub client: u32,
    /// How many times its address has changed.
    pub generation: u32,
}

/// A packet that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// For the server, from this port.
    ToServer {
        /// From.
        port: Port,
        /// What.
        bytes: Bytes,
    },
    /// For a client.
    ToClient {
        /// Whom.
        client: SocketAddr,
        /// What.
        bytes: Bytes,
    },
}

/// Such a box, sans IO.
#[derive(Debug)]
pub struct Relay {
    quality: LineQuality,
    seed: u64,
    clients: Vec<Client>,
    numbers: BTreeMap<SocketAddr, u32>,
}

#[derive(Debug)]
struct Client {
    addr: SocketAddr,
    began_us: u64,
    up: Path<Bytes>,
    down: Path<Bytes>,
}

impl Relay {
    /// Nobody there yet. Every client has a line of its own of this quality, in either direction.
    #[must_use]
    pub fn new(quality: LineQuality, seed: u64) -> Self {
        Self {
            quality,
            seed,
            clients: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// A client sent something; the port behind which the server shall see it, unless there is no room
    /// for one more client.
    pub fn from_client(&mut self, now_us: u64, addr: SocketAddr, bytes: Bytes) -> Option<Port> {
        let number = match self.numbers.get(&addr) {
            Some(number) => *number,
            None if self.clients.len() < CLIENTS_MAX => self.welcome(now_us, addr),
            None => return None,
        };
        self.clients[number as usize]
            .up
            .send(now_us, bytes.len(), bytes);
        Some(self.port(now_us, number))
    }

    /// The server sent something to a port. Nobody listens any more to one that was given up.
    pub fn from_server(&mut self, now_us: u64, port: Port, bytes: Bytes) {
        if port.client as usize >= self.clients.len() || self.port(now_us, port.client) != port {
            return;
        }
        self.clients[port.client as usize]
            .down
            .send(now_us, bytes.len(), bytes);
    }

    /// When the next packet comes out.
    #[must_use]
    pub fn next_due_us(&self) -> Option<u64> {
        let each = |client: &Client| [client.up.next_due_us(), client.down.next_due_us()];
        self.clients.iter().flat_map(each).flatten().min()
    }

    /// A packet that is due by now.
    pub fn poll(&mut self, now_us: u64) -> Option<Output> {
        for number in 0..self.clients.len() {
            let client = &mut self.clients[number];
            if let Some(bytes) = client.down.poll(now_us) {
                let client = client.addr;
                return Some(Output::ToClient { client, bytes });
            }
            if let Some(bytes) = client.up.poll(now_us) {
                let port = self.port(now_us, number as u32);
                return Some(Output::ToServer { port, bytes });
            }
        }
        None
    }

    /// What became of everybody's packets: towards the server, and towards the clients.
    #[must_use]
    pub fn stats(&self) -> (PathStats, PathStats) {
        let sum = |of: fn(&Client) -> &PathStats| {
            let mut sum = PathStats::default();
            for stats in self.clients.iter().map(of) {
                sum.sent += stats.sent;
                sum.delivered += stats.delivered;
                sum.lost += stats.lost;
                sum.blacked_out += stats.blacked_out;
                sum.overflowed += stats.overflowed;
                sum.duplicated += stats.duplicated;
            }
            sum
        };
        (
            sum(|client| client.up.stats()),
            sum(|client| client.down.stats()),
        )
    }

    fn welcome(&mut self, now_us: u64, addr: SocketAddr) -> u32 {
        let number = self.clients.len() as u32;
        let seed = self.seed ^ (u64::from(number) << 32);
        self.clients.push(Client {
            addr,
            began_us: now_us,
            up: Path::new(self.quality.clone(), seed ^ 1, now_us),
            down: Path::new(self.quality.clone(), seed ^ 2, now_us),
        });
        self.numbers.insert(addr, number);
        number
    }

    fn port(&self, now_us: u64, client: u32) -> Port {
        let since_us = now_us.saturating_sub(self.clients[client as usize].began_us);
        let generation = match self.quality.address_change_us {
            Some(every_us) => (since_us / every_us.max(1)) as u32,
            None => 0,
        };
        Port { client, generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn drain(relay: &mut Relay, now_us: u64) -> Vec<Output> {
        std::iter::from_fn(|| relay.poll(now_us)).collect()
    }

    #[test]
    fn each_client_has_its_own_port_and_gets_its_own_answers() {
        let mut relay = Relay::new(LineQuality::default(), 1);
        let bytes = |n: u8| Bytes::from(vec![n]);
        let a = relay.from_client(0, addr(1), bytes(1)).unwrap();
        let b = relay.from_client(0, addr(2), bytes(2)).unwrap();
        assert_ne!(a, b);
        assert_eq!(relay.from_client(0, addr(1), bytes(3)), Some(a));
        let to_server = |port, n| Output::ToServer {
            port,
            bytes: bytes(n),
        };
        assert_eq!(
            drain(&mut relay, 0),
            [to_server(a, 1), to_server(a, 3), to_server(b, 2)]
        );
        relay.from_server(5, b, bytes(9));
        let client = addr(2);
        assert_eq!(
            drain(&mut relay, 5),
            [Output::ToClient {
                client,
                bytes: bytes(9)
            }]
        );
    }

    #[test]
    fn a_change_of_address_gives_another_port_and_the_old_one_is_dead() {
        let quality = LineQuality {
            address_change_us: Some(1_000),
            ..LineQuality::default()
        };
        let mut relay = Relay::new(quality, 1);
        let old = relay.from_client(100, addr(1), Bytes::new()).unwrap();
        let new = relay.from_client(1_100, addr(1), Bytes::new()).unwrap();
        assert_eq!(
            (old.client, old.generation, new.generation),
            (new.client, 0, 1)
        );
        drain(&mut relay, 2_000);
        relay.from_server(1_200, old, Bytes::new());
        assert_eq!(relay.next_due_us(), None);
        relay.from_server(1_200, new, Bytes::new());
        assert_eq!(relay.next_due_us(), Some(1_200));
    }

    #[test]
    fn one_client_too_many_is_not_served() {
        let mut relay = Relay::new(LineQuality::default(), 1);
        for n in 0..=CLIENTS_MAX as u16 {
            let served = relay.from_client(0, addr(n), Bytes::new()).is_some();
            assert_eq!(served, usize::from(n) < CLIENTS_MAX);
        }
    }
}
