//! A world that gets more work than time: the ladder goes up step by step, is sealed and journaled
//! where it changes the world, comes down by itself, and a replay of it all is the same world.

#![cfg(feature = "sabotage")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bluemarble_net::client::{ConnectError, Link};
use bluemarble_persistence::read_journal;
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::TickInputs;

use super::clients::{Door, Onlooker, client_runtime};
use super::harness::{Server, eventually};

/// Reacts within a few ticks instead of seconds.
const QUICK: &str = "[overload]\nclimb_s = 0.1\nrest_s = 0.2\n";

#[test]
fn an_overloaded_run_is_sealed_step_by_step_and_its_replay_is_the_same_world() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("server.toml");
    std::fs::write(&config, QUICK).unwrap();
    let common = ["--config", config.to_str().unwrap(), "--scenario", "lively"];
    let more = [
        "--tick-hz",
        "40",
        "--checkpoint-s",
        "600",
        "--slow-ticks",
        "20-90:60",
    ];
    let data = folder.path().join("data");
    let server = Server::start(&data, &[&common[..], &more[..]].concat());
    let mut recorder = server.record_digests();
    // While it is overloaded, everybody who asks is told.
    eventually("the last step", || {
        (server.status()["overload"]["level"] == 6).then_some(())
    });
    assert!(server.get("/health").1.contains("new logins wait in line"));
    assert!(server.status()["overload"]["tick_share"].as_f64().unwrap() > 1.0);
    assert!(server.metrics()["bluemarble_overload_level"] >= 5.0);
    eventually("it has come down", || {
        let overload = server.status()["overload"].clone();
        (overload["level"] == 0 && overload["descents"].as_u64()? >= 6).then_some(())
    });
    let calm = server.status()["tick"].as_u64().unwrap();
    server.wait_for_tick(calm + 20);
    recorder.wait_for(20);
    server.kill();
    let seen = recorder.finish();

    let journal = read_journal(&data.join("journal"), Epoch(1), Tick(0)).unwrap();
    let mut levels: Vec<u8> = journal
        .records
        .iter()
        .map(|record| TickInputs::decode(&record.payload).unwrap().overload)
        .collect();
    levels.dedup();
    let climb = [0, 4, 5, 6];
    assert_eq!(levels[..climb.len()], climb, "{levels:?}");
    assert_eq!(*levels.last().unwrap(), 0, "{levels:?}");
    let neighbours = |pair: &[u8]| pair[0].max(3).abs_diff(pair[1].max(3)) == 1;
    assert!(
        levels.windows(2).all(neighbours),
        "a step was skipped: {levels:?}"
    );

    let again = [&common[..], &["--tick-hz", "40", "--zones", "1"]].concat();
    is_replayed_to_the_same_world(&data, &again, calm, &seen);
}

/// Starts once more on what a killed server left, and compares what the replay gives with what an
/// outside recorder saw.
fn is_replayed_to_the_same_world(
    data: &Path,
    args: &[&str],
    ticks: u64,
    seen: &BTreeMap<u64, String>,
) {
    let server = Server::start(data, args);
    let recovered = &server.status()["recovered"];
    assert!(recovered["replayed_ticks"].as_u64().unwrap() >= ticks);
    let trail = recovered["trail"].as_array().unwrap();
    let known = |entry: &&serde_json::Value| seen.contains_key(&entry[0].as_u64().unwrap());
    let known: Vec<_> = trail.iter().filter(known).collect();
    assert!(known.len() >= 10, "{trail:?}");
    for entry in known {
        assert_eq!(
            seen[&entry[0].as_u64().unwrap()],
            entry[1].as_str().unwrap()
        );
    }
}

#[test]
fn on_the_last_step_who_comes_new_waits_in_line_and_who_is_there_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("server.toml");
    std::fs::write(&config, QUICK).unwrap();
    let common = ["--config", config.to_str().unwrap(), "--tick-hz", "40"];
    let slow = ["--checkpoint-s", "600", "--slow-ticks", "60-220:60"];
    let data = folder.path().join("data");
    let server = Server::start(&data, &[&common[..], &slow[..]].concat());
    let mut recorder = server.record_digests();
    let (runtime, door) = (client_runtime(), Door::of(&server));
    let ada = Onlooker::enter(&runtime, &door, "Ada");
    ada.sees_more(3);
    eventually("the last step", || {
        (server.status()["overload"]["level"] == 6).then_some(())
    });

    // Bob is told that he has to wait, and does.
    let options = door.options(door.ticket("Bob"));
    let bob = runtime.spawn(Link::connect(options));
    server.wait_for_metric("bluemarble_hub_waiting", 1.0);
    // Cy is told how many are ahead of him, and loses patience.
    let mut options = door.options(door.ticket("Cy"));
    options.queue_patience = Duration::from_millis(100);
    match runtime.block_on(Link::connect(options)) {
        Err(ConnectError::StillQueued { ahead }) => assert_eq!(ahead, 1),
        other => panic!("{other:?}"),
    }
    assert!(
        !bob.is_finished(),
        "Bob is in while the world is overloaded"
    );
    assert_eq!(server.status()["overload"]["level"], 6);
    // Ada plays on, also from another connection: her avatar is in the world.
    ada.sees_more(3);
    let again = Onlooker::enter(&runtime, &door, "Ada");
    again.sees_more(3);

    let bob = runtime.block_on(bob).unwrap().unwrap();
    runtime.block_on(bob.next_datagram()).unwrap();
    eventually("the door is open again", || {
        let status = server.status();
        let open = status["overload"]["level"].as_u64()? < 6;
        (open && status["waiting"] == 0).then_some(())
    });
    let calm = server.status()["tick"].as_u64().unwrap();
    server.wait_for_tick(calm + 20);
    recorder.wait_for(20);
    server.kill();
    let seen = recorder.finish();
    let again = [&common[..], &["--zones", "1"]].concat();
    is_replayed_to_the_same_world(&data, &again, calm, &seen);
}
