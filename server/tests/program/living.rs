//! A server's ordinary life: it starts, tells how it is, stops, goes on; and the ways in which the
//! surroundings can refuse it.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};

use bluemarble_shared_protocol::TruthFrame;

use super::harness::{Server, WORLD, refused, said, signal};

#[test]
fn a_server_tells_how_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--zones", "6"]);
    let (status, health) = server.get("/health");
    assert_eq!(status, 200);
    assert!(health.contains("\"status\":\"ok\""), "{health}");
    server.wait_for_tick(30);
    let page = server.status();
    assert_eq!(page["world"], WORLD);
    assert_eq!(
        (page["epoch"].as_u64(), page["zones"].as_u64()),
        (Some(1), Some(6))
    );
    assert_eq!(page["entities"], 20);
    assert_eq!(page["recovered"]["tick"], 0);
    assert!(page["tick_ms"]["p99"].as_f64().unwrap() > 0.0);
    assert_eq!(page["digest"].as_str().unwrap().len(), 16);
    let metrics = server.metrics();
    assert!(metrics["bluemarble_tick_seconds_count"] >= 20.0);
    assert!(metrics["bluemarble_journal_records_total"] >= 20.0);
    assert_eq!(metrics["bluemarble_health"], 0.0);
    assert!(metrics.contains_key("bluemarble_tick_ms{quantile=\"0.99\"}"));
    server.stop();
    let told = said(dir.path());
    for expected in [
        "loading planet moon",
        "Clients connect to 127.0.0.1:",
        "Try next",
        "tick ",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn the_truth_stream_shows_the_whole_world() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mut stream = server.stream("/v1/truth?every=5");
    for _ in 0..3 {
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut body = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut body).unwrap();
        let truth = TruthFrame::decode(&body).unwrap();
        assert!(truth.tick.0.is_multiple_of(5));
        assert_eq!((truth.epoch.0, truth.ids.len()), (1, 20));
    }
    drop(stream);
    server.stop();
}

#[test]
fn an_admin_call_without_its_token_is_refused_counted_and_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--quiet"]);
    for token in [None, Some("wrong"), Some("")] {
        let (status, body) = server.get_with("/v1/status", token);
        assert_eq!(status, 401);
        assert!(body.contains("admin.token"), "{body}");
    }
    assert_eq!(server.metrics()["bluemarble_admin_unauthorised_total"], 3.0);
    assert_eq!(server.get("/health").0, 200);
    server.stop();
}

#[test]
fn a_planned_stop_leaves_a_checkpoint_and_no_tail() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--scenario", "lively", "--world", "w"]);
    let mut recorder = server.record_digests();
    recorder.wait_for(25);
    server.stop();
    let seen = recorder.finish();
    let (last, digest) = seen.last_key_value().unwrap();
    let again = Server::start(dir.path(), &["--scenario", "lively", "--world", "w"]);
    let page = again.status();
    assert_eq!(again.epoch(), 2);
    assert_eq!(page["recovered"]["tick"].as_u64(), Some(*last));
    assert_eq!(page["recovered"]["digest"].as_str(), Some(digest.as_str()));
    assert_eq!(page["recovered"]["replayed_ticks"], 0);
    assert_eq!(page["recovered"]["epoch"], 1);
    again.stop();
}

#[test]
fn after_a_planned_stop_other_settings_may_continue_the_world() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), &["--zones", "4", "--tick-hz", "20"]).stop();
    let again = Server::start(dir.path(), &["--zones", "9", "--tick-hz", "40"]);
    assert_eq!(
        (again.epoch(), again.status()["zones"].as_u64()),
        (2, Some(9))
    );
    again.stop();
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    // Stopped, so that the two signals are both there before either is handled.
    let pid = u32::try_from(server_pid(&server)).unwrap();
    for name in ["STOP", "INT", "TERM", "CONT"] {
        signal(pid, name);
    }
    assert_eq!(server.wait().code(), Some(130));
    assert!(said(dir.path()).contains("stopped at once"));
}

fn server_pid(server: &Server) -> u64 {
    let text = std::fs::read_to_string(server.data().join("server.json")).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&text).unwrap();
    ready["pid"].as_u64().unwrap()
}

#[test]
fn a_data_directory_takes_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (status, text) = refused(dir.path(), &[]);
    assert_eq!(status, 1);
    assert!(
        text.contains("another server uses the data directory"),
        "{text}"
    );
    assert_eq!(server.get("/health").0, 200);
    server.stop();
}

#[test]
fn a_port_in_use_is_named_for_both_protocols() {
    let dir = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = udp.local_addr().unwrap().to_string();
    let (status, text) = refused(&dir.path().join("a"), &["--listen", &taken]);
    assert_eq!(status, 1);
    assert!(text.contains(&taken) && text.contains("--listen"), "{text}");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = tcp.local_addr().unwrap().to_string();
    let (status, text) = refused(&dir.path().join("b"), &["--admin", &taken]);
    assert_eq!(status, 1);
    assert!(text.contains(&taken) && text.contains("--admin"), "{text}");
}

#[test]
fn a_refused_start_claims_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = udp.local_addr().unwrap().to_string();
    assert_eq!(refused(dir.path(), &["--listen", &taken]).0, 1);
    let server = Server::start(dir.path(), &[]);
    assert_eq!(
        server.epoch(),
        1,
        "the failed start did not become an incarnation"
    );
    server.stop();
}

#[test]
fn a_database_that_is_down_is_named_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let url = "postgres://somebody:geheim@127.0.0.1:1/nowhere";
    let (status, text) = refused(dir.path(), &["--database-url", url]);
    assert_eq!(status, 1);
    assert!(
        text.contains("127.0.0.1:1") && !text.contains("geheim"),
        "{text}"
    );
    assert!(text.contains("what to do:"), "{text}");
}
