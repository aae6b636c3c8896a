//! A shop gives and takes coins: once by key, whatever is killed in between.

use std::collections::BTreeMap;

use bluemarble_net::client::Client;
use bluemarble_shared_protocol::Intent;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::clients::{Door, client_runtime};
use super::harness::{Server, eventually};

fn order(key: &str, what: &str, amount: u64) -> Value {
    json!({"key": key, "character": "Ada", what: amount})
}

/// Plays until the player is told of so many coins.
async fn has_coins(client: &mut Client, wanted: u64) {
    loop {
        client.next_snapshot().await.unwrap();
        client.send_intent(Intent::default()).unwrap();
        if client.gifts().purse().map(|(_, purse)| purse.coins) == Some(wanted) {
            return;
        }
    }
}

async fn enter(server: &Server) -> Client {
    let door = Door::of(server);
    let options = door.options(door.ticket("Ada"));
    Client::connect(options, None).await.unwrap()
}

#[test]
fn a_deal_is_answered_once_it_is_durable_and_the_same_after_a_kill() {
    let dir = tempdir().unwrap();
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &[]);
    let (status, said) = server.post("/v1/coins", &order("k1", "grant", 100));
    assert_eq!(status, 409, "{said}");
    assert!(said["error"].as_str().unwrap().contains("not in the world"));
    let mut client = runtime.block_on(enter(&server));
    let first = eventually("Ada is there", || {
        let (status, said) = server.post("/v1/coins", &order("k1", "grant", 100));
        (status == 200).then_some(said)
    });
    runtime.block_on(has_coins(&mut client, 100));
    let (status, paid) = server.post("/v1/coins", &order("k2", "charge", 30));
    assert_eq!(status, 200, "{paid}");
    let (status, said) = server.post("/v1/coins", &order("k2", "charge", 31));
    assert_eq!(status, 409, "{said}");
    let (status, said) = server.post("/v1/coins", &order("k3", "charge", 71));
    assert_eq!(status, 409, "{said}");
    for bad in [
        json!({"key": "", "character": "Ada", "grant": 1}),
        json!({"key": "k", "character": "Ada"}),
        json!({"key": "k", "character": "Ada", "grant": 1, "charge": 1}),
        json!({"key": "k", "character": "Ada", "grant": 0}),
        json!({"key": "k", "character": "no\nname", "grant": 1}),
    ] {
        assert_eq!(server.post("/v1/coins", &bad).0, 400, "{bad}");
    }
    server.kill();
    let server = Server::start(dir.path(), &[]);
    for (key, what, amount, before) in [("k1", "grant", 100, &first), ("k2", "charge", 30, &paid)] {
        let (status, said) = server.post("/v1/coins", &order(key, what, amount));
        assert_eq!((status, &said), (200, before));
    }
    let mut client = runtime.block_on(enter(&server));
    runtime.block_on(has_coins(&mut client, 70));
    server.stop();
}

#[test]
fn whatever_a_kill_leaves_unanswered_is_asked_for_again_and_happens_once() {
    let dir = tempdir().unwrap();
    let runtime = client_runtime();
    let mut answered = BTreeMap::<u64, Value>::new();
    let mut next = 0;
    for life in 0..4 {
        let server = Server::start(dir.path(), &[]);
        let client = runtime.block_on(enter(&server));
        let ask = |n: u64| server.try_post("/v1/coins", &order(&format!("k{n}"), "grant", n + 1));
        eventually("Ada is there", || {
            ask(0).filter(|(status, _)| *status == 200)
        });
        // Everything from before, answered or not.
        for n in 0..next {
            let (status, said) = ask(n).unwrap();
            assert_eq!(status, 200, "{said}");
            let before = answered.entry(n).or_insert_with(|| said.clone());
            assert_eq!(*before, said);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(150 + 40 * life));
                server.kill_now();
            });
            while let Some((status, said)) = ask(next) {
                assert_eq!(status, 200, "{said}");
                answered.insert(next, said);
                next += 1;
            }
            // This one was under way.
            next += 1;
        });
        drop(client);
    }
    let server = Server::start(dir.path(), &[]);
    let mut client = runtime.block_on(enter(&server));
    for n in 0..next {
        let (status, said) = server.post("/v1/coins", &order(&format!("k{n}"), "grant", n + 1));
        assert_eq!(status, 200, "{said}");
        let before = answered.entry(n).or_insert_with(|| said.clone());
        assert_eq!(*before, said);
    }
    assert!(next > 8, "{next} deals prove little");
    runtime.block_on(has_coins(&mut client, (1..=next).sum()));
    server.stop();
}
