//! An operator's kick, ban and change of keys, while others play.

use bluemarble_net::client::{Client, ConnectError, Disconnected, Link};
use bluemarble_net::tickets::TicketKeys;
use bluemarble_shared_protocol::CloseCode;
use serde_json::json;

use super::clients::{Door, Onlooker, client_runtime, now_s, sign};
use super::harness::{Server, WORLD, said, signal};

fn told(error: ConnectError) -> (CloseCode, String) {
    match error {
        ConnectError::Refused(Disconnected::ByServer { code, reason }) => (code, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn an_operator_kicks_and_bans_and_the_ban_outlives_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let runtime = client_runtime();
    let door = Door::of(&server);
    let onlooker = Onlooker::enter(&runtime, &door, "Bea");
    let enter = |door: &Door| {
        let options = door.options(door.ticket("Ada"));
        runtime.block_on(Client::connect(options, None))
    };
    let mut ada = enter(&door).unwrap();
    runtime.block_on(ada.next_snapshot()).unwrap();
    let body = json!({ "character": "Ada", "reason": "be kind" });
    assert_eq!(server.post("/v1/players/kick", &body).0, 204);
    let end = runtime.block_on(ada.ended());
    let kicked = Disconnected::ByServer {
        code: CloseCode::Kicked,
        reason: "be kind".into(),
    };
    assert_eq!(end, kicked);
    server.wait_for_metric("bluemarble_hub_leaves_total", 1.0);
    let mut ada = enter(&door).unwrap();
    runtime.block_on(ada.next_snapshot()).unwrap();
    assert_eq!(server.post("/v1/bans", &body).0, 201);
    assert_eq!(
        runtime.block_on(ada.ended()).code(),
        Some(CloseCode::Banned)
    );
    let banned = (CloseCode::Banned, "be kind".to_owned());
    assert_eq!(told(enter(&door).unwrap_err()), banned);
    assert_eq!(server.post("/v1/bans", &json!({ "character": "" })).0, 400);
    let nobody = json!({ "character": "Nobody" });
    assert_eq!(server.post("/v1/players/kick", &nobody).0, 404);
    onlooker.sees_more(3);
    let log = said(dir.path());
    assert!(
        log.contains("kicked by command") && log.contains("banned by command"),
        "{log}"
    );
    server.stop();

    let server = Server::start(dir.path(), &[]);
    let door = Door::of(&server);
    assert_eq!(told(enter(&door).unwrap_err()), banned);
    assert!(server.get("/v1/bans").1.contains("be kind"));
    assert_eq!(server.delete("/v1/bans/Ada").0, 204);
    assert_eq!(server.delete("/v1/bans/Ada").0, 404);
    assert!(enter(&door).is_ok());
    server.stop();
}

#[test]
fn ticket_keys_change_at_a_hangup_and_by_command_and_nobody_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let runtime = client_runtime();
    let door = Door::of(&server);
    let onlooker = Onlooker::enter(&runtime, &door, "Bea");
    let new = TicketKeys::generate().unwrap();
    let (_, public) = TicketKeys::paths(&dir.path().join("dev"));
    let enter = |keys: &TicketKeys| {
        let ticket = sign(keys, WORLD, "Ada", now_s(), 600);
        runtime
            .block_on(Link::connect(door.options(ticket)))
            .map(drop)
    };
    assert_eq!(told(enter(&new).unwrap_err()).0, CloseCode::BadTicket);
    std::fs::write(
        &public,
        format!("{}{}", door.keys.public_pem, new.public_pem),
    )
    .unwrap();
    signal(server.pid(), "HUP");
    server.wait_for_metric("bluemarble_quic_reloads_total", 1.0);
    enter(&new).unwrap();
    enter(&door.keys).unwrap();
    std::fs::write(&public, "no key").unwrap();
    assert_eq!(server.post("/v1/reload", &json!({})).0, 422);
    enter(&door.keys).unwrap();
    std::fs::write(&public, &new.public_pem).unwrap();
    let (status, body) = server.post("/v1/reload", &json!({}));
    assert_eq!(status, 200);
    let hash = body["certificate_sha256"].as_str().unwrap();
    assert_eq!(server.status()["certificate_sha256"], hash);
    assert_eq!(told(enter(&door.keys).unwrap_err()).0, CloseCode::BadTicket);
    enter(&new).unwrap();
    onlooker.sees_more(3);
    server.stop();
}
