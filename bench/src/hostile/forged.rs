//! First packets from many addresses, none of which answers: what a server sends to somebody who has
//! proved nothing must be at most three times what came from there (RFC 9000, 8.1), or it could be
//! pointed at others. The library that we use lets itself finish a datagram that it began within that.
//!
//! The packets are real ones. A client begins its handshake with a socket of ours, which passes what it
//! gets on to the server under another address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bluemarble_shared_protocol::hash_words;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::kind::Fate;
use super::stranger::Target;

/// Addresses of one attempt.
const SOURCES: u64 = 8;
/// Silence after which a client has sent all of its first flight.
const FLIGHT_GAP: Duration = Duration::from_millis(30);
/// How long it is listened to what the server sends, its repetitions included.
const LISTEN: Duration = Duration::from_secs(3);
/// What may come back for every byte.
const ANSWER_MAX: usize = 3;
/// And beyond: quinn begins a datagram as long as the limit has not been reached, and sends all of it
/// (quinn-rs/quinn issue 1082). On a path of which nothing is known it is at most so long.
const BEGUN_BYTES_MAX: usize = 1_200;
const PACKET_BYTES_MAX: usize = 2_048;

pub(super) async fn seek(
    target: &Target,
    socket: &quinn::Endpoint,
    seed: u64,
) -> Result<Fate, Fate> {
    let mut sources = JoinSet::new();
    for n in 0..SOURCES {
        let flight = first_flight(target, socket).await.ok_or(Fate::Lost)?;
        let source = source(
            target.server,
            hash_words([seed, super::attacks::now_ns(), n]),
        )
        .await;
        sources.spawn(answered(target.server, source.ok_or(Fate::Lost)?, flight));
    }
    let mut fate = Fate::AtMostThreefold;
    while let Some(answered) = sources.join_next().await {
        let (sent, received) = answered.map_err(|_| Fate::Lost)?.ok_or(Fate::Lost)?;
        if received > ANSWER_MAX * sent + BEGUN_BYTES_MAX {
            fate = fate.max(Fate::Amplified((received * 100 / sent) as u64));
        }
    }
    Ok(fate)
}

/// What a client sends before it hears anything.
async fn first_flight(target: &Target, socket: &quinn::Endpoint) -> Option<Vec<Vec<u8>>> {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
    let _connecting = target.knock_at(socket, sink.local_addr().ok()?)?;
    let mut flight = Vec::new();
    let mut packet = vec![0; PACKET_BYTES_MAX];
    while let Ok(Ok(length)) = timeout(FLIGHT_GAP, sink.recv(&mut packet)).await {
        flight.push(packet[..length].to_vec());
    }
    (!flight.is_empty()).then_some(flight)
}

/// A socket at another address, if the server is on this machine; otherwise another port.
async fn source(server: SocketAddr, draw: u64) -> Option<UdpSocket> {
    let [_, a, b, c, ..] = draw.to_le_bytes();
    let any = match server.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            let elsewhere = Ipv4Addr::new(127, a, b, c.clamp(2, 250));
            if let Ok(socket) = UdpSocket::bind((elsewhere, 0)).await {
                return Some(socket);
            }
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    UdpSocket::bind((any, 0)).await.ok()
}

/// Bytes sent and bytes that came back.
async fn answered(
    server: SocketAddr,
    source: UdpSocket,
    flight: Vec<Vec<u8>>,
) -> Option<(usize, usize)> {
    let mut sent = 0;
    for packet in &flight {
        sent += source.send_to(packet, server).await.ok()?;
    }
    let mut received = 0;
    let mut packet = vec![0; PACKET_BYTES_MAX];
    let listening = async {
        while let Ok(length) = source.recv(&mut packet).await {
            received += length;
        }
    };
    let _until_then = timeout(LISTEN, listening).await;
    Some((sent, received))
}
