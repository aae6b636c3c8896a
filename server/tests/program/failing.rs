//! What the running world does when something under it breaks: the journal's disk, the database, a
//! rule, or another server that takes the world over.

use super::clients::{Door, Onlooker, client_runtime};
use super::databases::PostgresDatabase;
use super::harness::{Server, WORLD, eventually, refused, said};

fn reason(server: &Server, name: &str) -> Option<String> {
    let health: serde_json::Value = serde_json::from_str(&server.get("/health").1).unwrap();
    health["reasons"][name]["text"].as_str().map(str::to_owned)
}

fn ticks_on(server: &Server) {
    let tick = server.status()["tick"].as_u64().unwrap();
    server.wait_for_tick(tick + 20);
}

#[test]
fn a_journal_that_cannot_be_written_degrades_and_mends_itself() {
    let dir = tempfile::tempdir().unwrap();
    // Frequent checkpoints: each begins a new segment, which is where a lost directory shows.
    let args = [
        "--scenario",
        "lively",
        "--world",
        WORLD,
        "--checkpoint-s",
        "0.5",
    ];
    let server = Server::start(dir.path(), &args);
    server.wait_for_tick(5);
    let runtime = client_runtime();
    let door = Door::of(&server);
    let inside = Onlooker::enter(&runtime, &door, "Ada");
    inside.sees_more(3);
    let journal = dir.path().join("journal");
    // A file in its place: no further segment can be made.
    std::fs::remove_dir_all(&journal).unwrap();
    std::fs::write(&journal, "").unwrap();
    eventually("degraded", || reason(&server, "journal"));
    assert_eq!(server.get("/health").0, 200, "players are still served");
    ticks_on(&server);
    inside.sees_more(10);
    let refused = runtime.block_on(door.enter("Bob")).unwrap_err();
    assert!(refused.to_string().contains("cannot save"), "{refused}");
    server.wait_for_metric("bluemarble_journal_breaks_total", 1.0);
    std::fs::remove_file(&journal).unwrap();
    std::fs::create_dir(&journal).unwrap();
    eventually("whole again", || {
        reason(&server, "journal").is_none().then_some(())
    });
    let late = eventually("let in again", || runtime.block_on(door.enter("Bob")).ok());
    drop(late);
    let mut recorder = server.record_digests();
    recorder.wait_for(30);
    server.kill();
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &args);
    let recovered = &server.status()["recovered"];
    let last = *seen.last_key_value().unwrap().0;
    assert!(
        recovered["tick"].as_u64().unwrap() >= last,
        "{recovered}, last seen {last}"
    );
    server.stop();
}

#[test]
fn a_database_outage_stops_no_tick_and_heals() {
    let Some(database) = PostgresDatabase::create("outage") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = ["--database-url", database.url(), "--checkpoint-s", "0.5"];
    let server = Server::start(dir.path(), &args);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    database.shut();
    eventually("degraded", || reason(&server, "database"));
    ticks_on(&server);
    let failures = server.metrics()["bluemarble_checkpoint_failures_total"];
    assert!(failures >= 1.0, "{failures}");
    database.open();
    eventually("well again", || {
        reason(&server, "database").is_none().then_some(())
    });
    server.stop();
}

#[test]
fn a_kill_during_a_stop_without_the_database_loses_nothing() {
    let Some(database) = PostgresDatabase::create("stopping") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = ["--database-url", database.url(), "--checkpoint-s", "600"];
    let server = Server::start(dir.path(), &args);
    let mut recorder = server.record_digests();
    recorder.wait_for(30);
    database.shut();
    server.terminate();
    eventually("the final checkpoint is being written", || {
        said(dir.path()).contains("telling").then_some(())
    });
    server.kill();
    database.open();
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &args);
    let tick = server.status()["recovered"]["tick"].as_u64().unwrap();
    assert!(
        tick >= *seen.last_key_value().unwrap().0,
        "a planned stop loses no tick"
    );
    server.stop();
}

#[test]
fn a_second_server_of_the_same_world_fences_the_first() {
    let Some(database) = PostgresDatabase::create("fencing") else {
        return;
    };
    let (first_dir, second_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // It must notice without a checkpoint to store.
    let args = ["--database-url", database.url(), "--checkpoint-s", "600"];
    let first = Server::start(first_dir.path(), &args);
    first.wait_for_tick(5);
    let second = Server::start(second_dir.path(), &args);
    assert_eq!((first.epoch(), second.epoch()), (1, 2));
    assert_eq!(first.wait().code(), Some(1));
    let told = said(first_dir.path());
    assert!(
        told.contains("another server has taken this world over"),
        "{told}"
    );
    ticks_on(&second);
    second.stop();
}

#[test]
fn the_journal_of_another_world_is_not_replayed_into_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let one = ["--world", "one", "--checkpoint-s", "600"];
    let two_is_refused = || {
        // Nor may it give up what is not its own.
        for more in [&[][..], &["--discard-journal-tail"]] {
            let (status, text) = refused(dir.path(), &[&["--world", "two"], more].concat());
            assert_eq!(status, 1);
            assert!(text.contains("the world 'one'"), "{text}");
        }
    };
    let server = Server::start(dir.path(), &one);
    server.wait_for_tick(5);
    server.kill();
    two_is_refused();
    // Nor does it matter that a planned stop leaves no tail: the two would share one journal.
    Server::start(dir.path(), &one).stop();
    two_is_refused();
    // Nor that its journal no longer reaches back to where a new world would begin.
    let server = Server::start(dir.path(), &["--world", "one", "--checkpoint-s", "1"]);
    let begins_later = || {
        let journal = std::fs::read_dir(dir.path().join("journal")).unwrap();
        !journal.flatten().any(|segment| {
            let name = segment.file_name().to_string_lossy().into_owned();
            name.ends_with("-00000000000000000001.bmj")
        })
    };
    for tick in (20..2_000).step_by(20) {
        if begins_later() {
            break;
        }
        server.wait_for_tick(tick);
    }
    assert!(begins_later());
    server.kill();
    two_is_refused();
}

#[cfg(feature = "sabotage")]
const LIVELY: [&str; 4] = ["--scenario", "lively", "--world", "w"];

#[cfg(feature = "sabotage")]
#[test]
fn a_tick_that_panics_stops_the_world_and_if_nothing_helps_no_start_fails_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut args = LIVELY.to_vec();
    args.extend(["--panic-at-tick", "40"]);
    let server = Server::start(dir.path(), &args);
    let recorder = server.record_digests();
    assert_eq!(server.wait().code(), Some(3));
    let told = said(dir.path());
    assert!(
        told.contains("tick 40 failed: asked for with --panic-at-tick"),
        "{told}"
    );
    assert!(dir.path().join("evidence/tick-40.inputs").exists());
    let seen = recorder.finish();
    assert_eq!(seen.last_key_value().map(|(tick, _)| *tick), Some(39));

    // It panics without its inputs too. No world is claimed and brought up only to fail again.
    for _restart in 0..2 {
        let (status, text) = refused(dir.path(), &args);
        assert_eq!(status, 3, "{text}");
        assert!(
            text.contains("tick 40 panics even without its inputs"),
            "{text}"
        );
        assert!(text.contains("--discard-journal-tail"), "{text}");
    }

    let server = Server::start(dir.path(), &LIVELY);
    assert_eq!(server.epoch(), 2, "the refused starts claimed nothing");
    let recovered = &server.status()["recovered"];
    assert_eq!(recovered["tick"], 40, "what was sealed is stepped");
    assert_eq!(recovered["quarantined"], serde_json::Value::Null);
    server.stop();
}

#[cfg(feature = "sabotage")]
#[test]
fn inputs_that_panic_again_are_withheld_and_every_later_replay_goes_the_same_way() {
    let dir = tempfile::tempdir().unwrap();
    let mut args = LIVELY.to_vec();
    args.extend(["--record", "--panic-on-intents-at", "40"]);
    let server = Server::start(dir.path(), &args);
    assert_eq!(server.wait().code(), Some(3));
    std::fs::remove_dir_all(dir.path().join("evidence")).unwrap();

    let server = Server::start(dir.path(), &args);
    let told = said(dir.path());
    let named = "tick 40 panics, so its inputs are quarantined: 10 intents (of ";
    assert!(told.contains(named), "{told}");
    assert!(reason(&server, "recovery").unwrap().contains(named));
    assert!(dir.path().join("evidence/tick-40.inputs").exists());
    let recovered = server.status()["recovered"].clone();
    assert_eq!(recovered["tick"], 39);
    assert!(recovered["quarantined"].as_str().unwrap().contains(named));
    server.wait_for_tick(45);
    let mut recorder = server.record_digests();
    recorder.wait_for(20);
    server.kill();
    let seen = recorder.finish();

    // Tick 40 is in the log as it was stepped: it neither panics nor is quarantined again.
    let server = Server::start(dir.path(), &args);
    let recovered = server.status()["recovered"].clone();
    assert_eq!(recovered["quarantined"], serde_json::Value::Null);
    assert!(reason(&server, "recovery").is_none());
    let (tick, digest) = seen.last_key_value().unwrap();
    assert!(recovered["tick"].as_u64().unwrap() >= *tick);
    let trail = recovered["trail"].as_array().unwrap();
    let noted = trail.iter().find(|entry| entry[0] == *tick).unwrap();
    assert_eq!(noted[1], digest.as_str());
    server.stop();
}

#[cfg(feature = "sabotage")]
#[test]
fn a_panic_around_a_tick_still_closes_the_journal_and_tells_clients() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--scenario", "lively", "--world", "tiny"];
    let mut failing = args.to_vec();
    failing.extend(["--panic-after-tick", "60"]);
    let server = Server::start(dir.path(), &failing);
    let runtime = client_runtime();
    let onlooker = Onlooker::enter(&runtime, &Door::of(&server), "Ada");
    let recorder = server.record_digests();
    assert_eq!(server.wait().code(), Some(3));
    let end = format!("{:?}", onlooker.end(&runtime));
    assert!(end.contains("because of an error"), "{end}");
    let told = said(dir.path());
    assert!(told.contains("around a tick: asked for"), "{told}");
    let seen = recorder.finish();
    let server = Server::start(dir.path(), &args);
    let recovered = &server.status()["recovered"];
    assert_eq!(recovered["tick"], 60);
    assert!(seen.keys().all(|tick| *tick <= 60), "{seen:?}");
    server.stop();
}
