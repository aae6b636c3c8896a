//! Strangers at the real program: each gets a close code and a reason, is counted in the metrics,
//! and disturbs nobody else.

use std::future::Future;
use std::time::Duration;

use bluemarble_net::client::{ConnectError, Disconnected, Link};
use bluemarble_net::tickets::TicketKeys;
use bluemarble_shared_protocol::codec::IntentDatagram;
use bluemarble_shared_protocol::limits::MESSAGE_BYTES_MAX;
use bluemarble_shared_protocol::{ClientMessage, CloseCode, EntityId};
use bytes::Bytes;
use tokio::runtime::Runtime;

use super::clients::{Door, Onlooker, client_runtime, now_s, sign};
use super::harness::{Server, WORLD, eventually};

/// Only a hang takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    server: Server,
    runtime: Runtime,
    door: Door,
    onlooker: Onlooker,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        Self::with_config("")
    }

    fn with_config(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let server = Server::start(dir.path(), &["--config", file.to_str().unwrap()]);
        let runtime = client_runtime();
        let door = Door::of(&server);
        let onlooker = Onlooker::enter(&runtime, &door, "Onlooker");
        onlooker.sees_more(3);
        Self {
            server,
            runtime,
            door,
            onlooker,
            _dir: dir,
        }
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, what).await })
            .expect("an answer in time")
    }

    /// Counted by the driver or by the session logic.
    fn counted(&self, code: CloseCode) -> f64 {
        let metrics = self.server.metrics();
        ["quic", "hub"]
            .map(|part| format!("bluemarble_{part}_closed_{}_total", code.label()))
            .iter()
            .filter_map(|name| metrics.get(name))
            .sum()
    }

    /// `misbehave` ends with `code`, which is counted, and the onlooker goes on seeing.
    fn expect(&self, code: CloseCode, misbehave: impl Future<Output = Disconnected>) {
        let before = self.counted(code);
        let end = self.wait(misbehave);
        assert_eq!(end.code(), Some(code), "{end}");
        let Disconnected::ByServer { reason, .. } = end else {
            panic!("{end}")
        };
        assert!(!reason.is_empty(), "{code} has a reason");
        eventually(&format!("{code} is counted"), || {
            (self.counted(code) > before).then_some(())
        });
        self.onlooker.sees_more(3);
    }

    fn refused_hello(&self, code: CloseCode, ticket: String) {
        self.expect(code, async {
            refusal(Link::connect(self.door.options(ticket)).await)
        });
    }

    /// A good client that then does something bad.
    fn turns_bad<F>(&self, name: &str, code: CloseCode, bad: impl FnOnce(Link) -> F)
    where
        F: Future<Output = Disconnected>,
    {
        let link = self.wait(self.door.enter(name)).unwrap();
        self.expect(code, bad(link));
    }
}

fn refusal(answer: Result<Link, ConnectError>) -> Disconnected {
    match answer {
        Err(ConnectError::Refused(end)) => end,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

async fn floods(
    link: Link,
    what: impl AsyncFn(&mut Link) -> Result<(), Disconnected>,
) -> Disconnected {
    let mut link = link;
    loop {
        if let Err(end) = what(&mut link).await {
            return end;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_bad_ticket_or_version_is_refused_with_its_code() {
    let scene = Scene::set();
    let (keys, now) = (scene.door.keys.clone(), now_s());
    let forger = TicketKeys::generate().unwrap();
    scene.refused_hello(
        CloseCode::BadTicket,
        sign(&forger, WORLD, "Mallory", now, 600),
    );
    scene.refused_hello(CloseCode::BadTicket, "not.a.ticket".to_owned());
    scene.refused_hello(
        CloseCode::ExpiredTicket,
        sign(&keys, WORLD, "Late", now - 700, 600),
    );
    scene.refused_hello(
        CloseCode::WrongWorld,
        sign(&keys, "elsewhere", "Lost", now, 600),
    );

    let before = scene.counted(CloseCode::ProtocolVersion);
    let mut options = scene.door.options(scene.door.ticket("Old"));
    options.dialect.protocol = 999;
    let answer = scene.wait(Link::connect(options)).map(|_| ()).unwrap_err();
    assert!(matches!(answer, ConnectError::Version { .. }), "{answer}");
    eventually("the version is counted", || {
        (scene.counted(CloseCode::ProtocolVersion) > before).then_some(())
    });
    let mut options = scene.door.options(scene.door.ticket("Older"));
    options.dialect.alpn = b"bluemarble/0".to_vec();
    let answer = scene.wait(Link::connect(options)).map(|_| ()).unwrap_err();
    assert!(matches!(answer, ConnectError::Version { .. }), "{answer}");
    scene
        .server
        .wait_for_metric("bluemarble_quic_wrong_alpn_total", 1.0);
    scene.onlooker.sees_more(3);
    scene.server.stop();
}

#[test]
fn a_client_that_turns_bad_is_closed_with_its_code() {
    let scene = Scene::set();
    scene.turns_bad("Garbage", CloseCode::Malformed, async |mut link| {
        let _sent = link
            .send_raw(&[8, 0, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4])
            .await;
        link.ended().await
    });
    scene.turns_bad("Giant", CloseCode::Oversized, async |mut link| {
        let length = u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap();
        let _sent = link.send_raw(&length.to_le_bytes()).await;
        link.ended().await
    });
    scene.turns_bad("Twice", CloseCode::Unexpected, async |mut link| {
        let ticket = scene.door.ticket("Twice");
        let again = ClientMessage::Hello {
            protocol: 2,
            ticket,
            client: "twice".into(),
            knows: Vec::new(),
        };
        let _sent = link.send_message(&again).await;
        link.ended().await
    });
    scene.turns_bad("Chatty", CloseCode::Flooding, async |link| {
        let cards = ClientMessage::Cards {
            ids: vec![EntityId(1)],
        };
        floods(link, async |link: &mut Link| {
            link.send_message(&cards).await
        })
        .await
    });
    scene.turns_bad("Noise", CloseCode::Malformed, async |link| {
        floods(link, async |link: &mut Link| {
            tokio::time::sleep(Duration::from_millis(10)).await;
            link.send_datagram(Bytes::from_static(&[0xff; 40]))
        })
        .await
    });
    scene.turns_bad("Hose", CloseCode::Flooding, async |link| {
        // Good ones, as fast as they go: of bad ones a few are as much as a session may send, and which
        // bound is met first depends on how fast the machine is.
        let datagram = Bytes::from(IntentDatagram::encode(None, &[]));
        floods(link, async |link: &mut Link| {
            link.send_datagram(datagram.clone())
        })
        .await
    });
    scene.server.stop();
}

#[test]
fn one_client_more_than_there_are_places_is_refused() {
    let scene = Scene::with_config("[net]\nsessions_max = 1\nwaiting_max = 0\n");
    scene.refused_hello(CloseCode::ServerFull, scene.door.ticket("Late"));
    scene.server.stop();
}

#[test]
fn the_same_character_again_replaces_the_older_session() {
    let scene = Scene::set();
    let first = scene.wait(scene.door.enter("Ada")).unwrap();
    let second = scene.wait(scene.door.enter("Ada")).unwrap();
    let end = scene.wait(first.ended());
    assert_eq!(end.code(), Some(CloseCode::ReplacedByNewSession), "{end}");
    assert!(scene.wait(second.next_datagram()).is_ok());
    scene.onlooker.sees_more(3);
    scene.server.stop();
}

#[test]
fn a_planned_stop_tells_every_client_why() {
    let scene = Scene::set();
    scene.server.terminate();
    let status = scene.server.wait();
    assert!(status.success(), "{status}");
    let end = scene.onlooker.end(&scene.runtime);
    assert_eq!(end.code(), Some(CloseCode::ServerShutdown), "{end}");
}
