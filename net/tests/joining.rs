//! Two QUIC ends in virtual time over a bad line: whether a handshake is over before the server gives it
//! up.

#[expect(dead_code, reason = "nothing but handshakes goes on here")]
mod two_ends;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bluemarble_net::server::quic::{INITIAL_RTT, QuicLimits};
use bluemarble_net::testing::{LineQuality, Path};
use bytes::BytesMut;

use two_ends::{End, configs};

const STEP_MS: u64 = 2;
const HANDSHAKES: u64 = 150;

/// How many of some handshakes over a bad line are not over in time, as both ends take a round trip for
/// so long at first.
fn too_late(initial_rtt: Duration) -> u64 {
    let (server_config, client_config) = configs(|transport| {
        transport.initial_rtt(initial_rtt);
    });
    let patience_ms = QuicLimits::default().hello_timeout.as_millis() as u64;
    let at_server: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let at_client: SocketAddr = "127.0.0.1:2".parse().expect("an address");
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant cannot be made of a number; from here on time is counted"
    )]
    let began = Instant::now();
    let over = |seed: u64| {
        let quality = LineQuality::named("bad").expect("it is one");
        let path = |way: u64| Path::<BytesMut>::new(quality.clone(), 2 * seed + way, 0);
        let (mut up, mut down) = (path(0), path(1));
        let server = End::new(Some(server_config.clone()), seed as u8);
        let (mut server, mut client) = (server, End::new(None, !seed as u8));
        let connecting =
            client
                .endpoint
                .connect(began, client_config.clone(), at_server, "localhost");
        client.connection = Some(connecting.expect("a good name"));
        (0..patience_ms).step_by(STEP_MS as usize).any(|ms| {
            let (now, now_us) = (began + Duration::from_millis(ms), ms * 1_000);
            for bytes in server.drive(now, at_client) {
                down.send(now_us, bytes.len(), bytes);
            }
            for bytes in client.drive(now, at_server) {
                up.send(now_us, bytes.len(), bytes);
            }
            let arrived = std::iter::from_fn(|| down.poll(now_us)).map(|bytes| (now, bytes));
            client.arriving.extend(arrived);
            let arrived = std::iter::from_fn(|| up.poll(now_us)).map(|bytes| (now, bytes));
            server.arriving.extend(arrived);
            server.connected && client.connected
        })
    };
    (0..HANDSHAKES).filter(|seed| !over(*seed)).count() as u64
}

#[test]
fn a_bad_line_hardly_ever_keeps_anybody_out() {
    let late = too_late(INITIAL_RTT);
    assert!(late * 100 <= HANDSHAKES, "{late} of {HANDSHAKES}");
}

/// Why both ends begin with less than what RFC 9002 recommends.
#[test]
fn with_the_usual_first_guess_of_a_round_trip_it_often_does() {
    let late = too_late(Duration::from_millis(333));
    assert!(late * 100 > 3 * HANDSHAKES, "{late} of {HANDSHAKES}");
}
