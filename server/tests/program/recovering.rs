//! `kill -9` and restart, for both stores: an outside recorder has noted every digest, and the world
//! that comes back must be no older than the newest of them, and the same.

use std::collections::BTreeMap;
use std::path::Path;

use super::clients::{Door, Onlooker, client_runtime, walk};
use super::databases::PostgresDatabase;
use super::harness::{Server, WORLD, eventually, refused, said};

const ROUNDS: usize = 3;

fn lively<'a>(database: Option<&'a str>, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "--scenario",
        "lively",
        "--world",
        WORLD,
        "--group-commit-ms",
        "100",
    ];
    args.extend(database.iter().flat_map(|url| ["--database-url", url]));
    args.extend(more);
    args
}

/// What the server says it came back to, checked against what was seen before.
fn check(server: &Server, seen: &BTreeMap<u64, String>, round: usize) {
    let recovered = &server.status()["recovered"];
    let tick = recovered["tick"].as_u64().unwrap();
    let last = *seen.last_key_value().unwrap().0;
    assert!(
        tick >= last,
        "round {round}: recovered tick {tick}, last seen {last}"
    );
    let trail = recovered["trail"].as_array().unwrap();
    let mut compared = 0;
    for entry in trail {
        let (at, digest) = (entry[0].as_u64().unwrap(), entry[1].as_str().unwrap());
        if let Some(noted) = seen.get(&at) {
            assert_eq!(
                noted, digest,
                "round {round}: tick {at} is another one than was seen"
            );
            compared += 1;
        }
    }
    assert!(
        compared > 0,
        "round {round}: nothing to compare: {last} against {recovered}"
    );
}

fn killed_again_and_again(data: &Path, database: Option<&str>) {
    // Checkpoints in the midst of it, so that every round replays a tail behind one.
    let args = lively(database, &["--checkpoint-s", "0.7"]);
    let mut server = Server::start(data, &args);
    let mut replayed = 0;
    for round in 1..=ROUNDS {
        let mut recorder = server.record_digests();
        recorder.wait_for(25 + 7 * round);
        server.kill();
        let seen = recorder.finish();
        server = Server::start(data, &args);
        assert_eq!(server.epoch(), round as u64 + 1);
        check(&server, &seen, round);
        replayed += server.status()["recovered"]["replayed_ticks"]
            .as_u64()
            .unwrap();
    }
    assert!(replayed > 0, "no round had a tail to replay");
    server.stop();
}

#[test]
fn a_killed_server_comes_back_to_what_was_seen_with_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(dir.path(), None);
}

#[test]
fn a_killed_server_comes_back_to_what_was_seen_with_postgres() {
    let Some(database) = PostgresDatabase::create("recovering") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    killed_again_and_again(dir.path(), Some(database.url()));
    assert!(!dir.path().join("world.sqlite").exists());
}

#[test]
fn without_any_checkpoint_since_the_start_the_journal_alone_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let args = lively(None, &["--checkpoint-s", "600"]);
    let server = Server::start(dir.path(), &args);
    let mut recorder = server.record_digests();
    recorder.wait_for(60);
    server.kill();
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &args);
    check(&server, &seen, 1);
    assert!(
        server.status()["recovered"]["replayed_ticks"]
            .as_u64()
            .unwrap()
            >= 55
    );
    server.stop();
}

#[test]
fn what_players_did_is_replayed_to_the_same_world() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--checkpoint-s", "600"];
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &args);
    let door = Door::of(&server);
    walk(&runtime, &door, &["Ada", "Bob", "Cleo", "Dora"]);
    server.wait_for_metric("bluemarble_hub_intents_sealed_total", 100.0);
    let mut recorder = server.record_digests();
    recorder.wait_for(60);
    server.kill();
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &args);
    check(&server, &seen, 1);
    server.stop();
}

#[test]
fn an_avatar_outlives_the_crash_and_waits_for_its_owner_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.toml");
    std::fs::write(&file, "[net]\ngrace_s = 2.0\n").unwrap();
    let args = ["--config", file.to_str().unwrap()];
    let runtime = client_runtime();
    let server = Server::start(dir.path(), &args);
    let creatures = server.status()["entities"].as_u64().unwrap();
    let door = Door::of(&server);
    for name in ["Ada", "Bob"] {
        Onlooker::enter(&runtime, &door, name).sees_more(3);
    }
    server.kill();

    let server = Server::start(dir.path(), &args);
    assert_eq!(server.status()["entities"].as_u64().unwrap(), creatures + 2);
    let ada = Onlooker::enter(&runtime, &Door::of(&server), "Ada");
    ada.sees_more(3);
    eventually("Bob has left, Ada has not", || {
        (server.status()["entities"].as_u64()? == creatures + 1).then_some(())
    });
    ada.sees_more(3);
    server.stop();
}

#[test]
fn a_world_recovers_into_another_number_of_zones() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &lively(None, &["--zones", "4"]));
    let mut recorder = server.record_digests();
    recorder.wait_for(40);
    server.kill();
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &lively(None, &["--zones", "13"]));
    check(&server, &seen, 1);
    server.stop();
}

#[test]
fn other_content_after_a_crash_is_refused_until_the_tail_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &lively(None, &["--checkpoint-s", "600"]));
    server.wait_for_tick(10);
    server.kill();
    let other = lively(None, &["--seed", "7"]);
    let (status, text) = refused(dir.path(), &other);
    assert_eq!(status, 1);
    assert!(text.contains("seed 1, here 7"), "{text}");
    assert!(text.contains("--discard-journal-tail"), "{text}");
    // Giving it up is not done by a start that fails for another reason.
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = udp.local_addr().unwrap().to_string();
    let failing = ["--discard-journal-tail", "--listen", taken.as_str()];
    assert_eq!(refused(dir.path(), &lively(None, &failing)).0, 1);
    assert!(dir.path().join("journal").read_dir().unwrap().count() > 0);
    let server = Server::start(dir.path(), &lively(None, &["--discard-journal-tail"]));
    assert_eq!(server.status()["recovered"]["tick"], 0);
    assert!(
        said(dir.path()).contains("going back to tick 0"),
        "{}",
        said(dir.path())
    );
    server.stop();
    assert!(dir.path().read_dir().unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .starts_with("journal-discarded-")
    }));
}

#[test]
fn a_damaged_journal_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let args = lively(None, &["--checkpoint-s", "600"]);
    let server = Server::start(dir.path(), &args);
    server.wait_for_tick(30);
    server.kill();
    let journal = dir.path().join("journal");
    let segment = journal.read_dir().unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&segment, bytes).unwrap();
    let (status, text) = refused(dir.path(), &args);
    assert_eq!(status, 1);
    assert!(
        text.contains(segment.file_name().unwrap().to_str().unwrap()),
        "{text}"
    );
}
