//! Two QUIC ends in virtual time, with a line between them that goes dead for five seconds: how soon
//! snapshots flow again.

mod two_ends;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_net::server::quic::SnapshotCongestion;
use bytes::Bytes;

use two_ends::{End, configs};

const DELAY: Duration = Duration::from_millis(80);
const STEP: Duration = Duration::from_millis(1);

/// Plays, with the line dead from 3 s to 8 s; how long after that the first snapshot arrives, and the
/// second in which the last one of the client's answers does.
fn snapshots_flow_again_after(floor_bytes: Option<u64>) -> (Duration, Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant cannot be made of a number; from here on time is counted"
    )]
    let began = Instant::now();
    let (server_config, client_config) = configs(|transport| {
        if let Some(floor_bytes) = floor_bytes {
            let congestion = SnapshotCongestion::with_floor(floor_bytes);
            transport.congestion_controller_factory(Arc::new(congestion));
        }
    });
    let (mut server, mut client) = (End::new(Some(server_config), 1), End::new(None, 2));
    let at_server: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let at_client: SocketAddr = "127.0.0.1:2".parse().expect("an address");
    let connecting = client
        .endpoint
        .connect(began, client_config, at_server, "localhost");
    client.connection = Some(connecting.expect("a good name"));
    let (dead_from, dead_to) = (Duration::from_secs(3), Duration::from_secs(8));
    let (mut snapshot_at, mut answer_at) = (None, None);
    let mut heard_ms = 0;
    for ms in 0..20_000_u64 {
        let now = began + STEP * u32::try_from(ms).expect("20 s");
        let dead = (dead_from..dead_to).contains(&(now - began));
        let from_server = server.drive(now, at_client);
        let from_client = client.drive(now, at_server);
        if !dead {
            let due = now + DELAY;
            client
                .arriving
                .extend(from_server.into_iter().map(|bytes| (due, bytes)));
            server
                .arriving
                .extend(from_client.into_iter().map(|bytes| (due, bytes)));
        }
        if !(server.connected && client.connected) {
            assert!(ms < 2_000, "no handshake");
            heard_ms = ms;
            continue;
        }
        if server.received() > 0 {
            heard_ms = ms;
            if now - began > dead_to {
                answer_at.get_or_insert(now);
            }
        }
        // As the session logic: every tick, four a second to a quiet client.
        let quiet = ms - heard_ms > 1_000;
        if ms % if quiet { 250 } else { 50 } == 0 {
            server.send(Bytes::from(vec![0; 1_100]));
        }
        let snapshots = client.received();
        if snapshots > 0 {
            if now - began > dead_to {
                snapshot_at.get_or_insert(now);
            }
            client.send(Bytes::from_static(&[0; 60]));
        }
    }
    let since = |at: Option<Instant>| at.expect("in twelve seconds") - (began + dead_to);
    (since(snapshot_at), since(answer_at))
}

#[test]
fn snapshots_flow_again_within_a_second_of_a_line_that_was_dead_for_five() {
    let (snapshot, answer) = snapshots_flow_again_after(Some(64 * 1024));
    assert!(snapshot < Duration::from_millis(400), "{snapshot:?}");
    assert!(answer < Duration::from_millis(600), "{answer:?}");
}

/// Why the window has a floor: with quinn's own the sender is blocked by what never arrived, and the
/// next probe timeout is far off by then.
#[test]
fn without_the_floor_they_do_not() {
    let (snapshot, _) = snapshots_flow_again_after(None);
    assert!(snapshot > Duration::from_secs(1), "{snapshot:?}");
}
