//! The outage matrix of docs/OPERATIONS.md, with the real server: whatever fails below it, the tick goes
//! on, health and metrics say what is wrong, nothing is told durable that is not, and all is caught up
//! afterwards.

use std::path::Path;
use std::process::Command;

use super::clients::{Door, client_runtime};
use super::databases::PostgresDatabase;
use super::harness::{Server, WORLD, eventually};

/// Coins move, so that there is a ledger to keep; and checkpoints come often.
const BUSY: [&str; 6] = [
    "--scenario",
    "lively",
    "--world",
    WORLD,
    "--checkpoint-s",
    "0.5",
];

fn reason(server: &Server, name: &str) -> Option<String> {
    let health: serde_json::Value = serde_json::from_str(&server.get("/health").1).unwrap();
    health["reasons"][name]["text"].as_str().map(str::to_owned)
}

/// What health says once it says anything that has all these words.
fn says(server: &Server, name: &str, words: &[&str]) {
    let mut last = None;
    eventually(&format!("{name} says {words:?}, not {last:?}"), || {
        last = reason(server, name);
        let text = last.as_ref()?;
        words.iter().all(|word| text.contains(word)).then_some(())
    });
    assert_eq!(server.get("/health").0, 200, "players are still served");
    // An alert can see it, too; metrics are put together once a second.
    server.wait_for_metric("bluemarble_health", 1.0);
}

fn goes_on(server: &Server) {
    let tick = server.status()["tick"].as_u64().unwrap();
    server.wait_for_tick(tick + 20);
}

/// Well again, with checkpoint and ledger where the world was when it was looked at.
fn catches_up(server: &Server, name: &str) {
    let tick = server.metrics()["bluemarble_tick"];
    eventually("well again", || {
        reason(server, name).is_none().then_some(())
    });
    server.wait_for_metric("bluemarble_checkpoint_tick", tick);
    server.wait_for_metric("bluemarble_journal_durable_tick", tick);
    assert_eq!(reason(server, "ledger"), None);
    eventually("the ledger has caught up", || {
        let metrics = server.metrics();
        (metrics["bluemarble_ledger_waiting"] < 100.0).then_some(())
    });
}

/// Killed, it comes back to everything it told of, with books that agree.
fn loses_nothing(server: Server, dir: &Path, args: &[&str]) {
    let mut recorder = server.record_digests();
    recorder.wait_for(10);
    server.kill();
    let seen = recorder.finish();
    let server = Server::start(dir, args);
    let recovered = server.status()["recovered"].clone();
    let last = *seen.last_key_value().unwrap().0;
    assert!(recovered["tick"].as_u64().unwrap() >= last, "{recovered}");
    assert_eq!(recovered["ledger_corrections"], 0, "{recovered}");
    server.stop();
}

fn with(url: &str) -> Vec<&str> {
    [&BUSY[..], &["--database-url", url]].concat()
}

/// Newcomers are let in: what they do is journaled, whatever the database does.
fn lets_in(server: &Server, name: &str) {
    let runtime = client_runtime();
    let entered = runtime.block_on(Door::of(server).enter(name));
    assert!(entered.is_ok(), "{:?}", entered.err());
}

#[test]
fn a_database_that_stands_still_stops_nothing_and_is_caught_up_with() {
    let Some(database) = PostgresDatabase::create("slow") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = with(database.url());
    let server = Server::start(dir.path(), &args);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 2.0);
    let stored = server.metrics()["bluemarble_checkpoint_tick"];
    database.holding(
        "LOCK TABLE checkpoint, ledger IN ACCESS EXCLUSIVE MODE",
        || {
            goes_on(&server);
            goes_on(&server);
            lets_in(&server, "Ada");
            let metrics = server.metrics();
            let behind = metrics["bluemarble_tick"] - metrics["bluemarble_checkpoint_tick"];
            assert!(behind >= 30.0, "{behind} ticks, stored {stored}");
        },
    );
    catches_up(&server, "database");
    loses_nothing(server, dir.path(), &args);
}

#[test]
fn a_pool_that_is_exhausted_is_named_and_caught_up_with() {
    let Some(database) = PostgresDatabase::create("pool") else {
        return;
    };
    let user = database.user("pool");
    let dir = tempfile::tempdir().unwrap();
    let args = with(&user.url);
    let server = Server::start(dir.path(), &args);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    database.execute(&format!("ALTER ROLE {} CONNECTION LIMIT 0", user.name));
    database.throw_out();
    says(
        &server,
        "database",
        &["pool timed out", "connections to spare"],
    );
    goes_on(&server);
    lets_in(&server, "Ada");
    database.execute(&format!("ALTER ROLE {} CONNECTION LIMIT -1", user.name));
    catches_up(&server, "database");
    loses_nothing(server, dir.path(), &args);
}

#[test]
fn a_right_that_is_taken_away_is_named_and_once_given_back_all_is_caught_up() {
    let Some(database) = PostgresDatabase::create("denied") else {
        return;
    };
    let user = database.user("denied");
    let dir = tempfile::tempdir().unwrap();
    let args = with(&user.url);
    let server = Server::start(dir.path(), &args);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    database.within(&format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}",
        user.name
    ));
    says(&server, "database", &["permission denied", "grant"]);
    goes_on(&server);
    lets_in(&server, "Ada");
    database.within(&format!(
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO {}",
        user.name
    ));
    catches_up(&server, "database");
    loses_nothing(server, dir.path(), &args);
}

#[test]
fn a_database_that_comes_and_goes_loses_nothing() {
    let Some(database) = PostgresDatabase::create("comesandgoes") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = with(database.url());
    let server = Server::start(dir.path(), &args);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    for _ in 0..3 {
        database.shut();
        says(&server, "database", &["attempts"]);
        goes_on(&server);
        database.open();
        catches_up(&server, "database");
    }
    loses_nothing(server, dir.path(), &args);
}

#[test]
fn a_sqlite_file_that_another_program_locks_is_named_and_caught_up_with() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &BUSY);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    super::databases::holding_sqlite(&dir.path().join("world.sqlite"), || {
        says(&server, "database", &["locked"]);
        goes_on(&server);
        lets_in(&server, "Ada");
    });
    catches_up(&server, "database");
    loses_nothing(server, dir.path(), &BUSY);
}

/// Largest file the process may write from now on, as a disk that is full; `None`: no limit any more.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let done = Command::new("prlimit")
        .args(["--pid", &server.pid().to_string()])
        .arg(format!("--fsize={limit}:"))
        .status();
    assert!(done.unwrap().success());
}

fn prlimit_is_there() -> bool {
    let there = Command::new("prlimit").arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIPPED: there is no `prlimit` here (util-linux, Linux only)");
    }
    there
}

#[test]
fn a_disk_that_is_full_for_the_embedded_database_is_named_and_caught_up_with() {
    if !prlimit_is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_without_signals(dir.path(), &BUSY);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 1.0);
    // No more than the log of the database has already. A journal's segment has as much room, and
    // begins anew with every checkpoint that is tried.
    let log = dir.path().join("world.sqlite-wal");
    let size = std::fs::metadata(log).unwrap().len();
    limit_files(&server, Some(size.max(16 << 10)));
    says(&server, "database", &["disk"]);
    goes_on(&server);
    limit_files(&server, None);
    catches_up(&server, "database");
    loses_nothing(server, dir.path(), &BUSY);
}

#[test]
fn a_disk_that_is_full_for_the_journal_keeps_newcomers_out_until_there_is_room() {
    let Some(database) = PostgresDatabase::create("full") else {
        return;
    };
    if !prlimit_is_there() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Checkpoints do not need the disk.
    let args = with(database.url());
    let server = Server::start_without_signals(dir.path(), &args);
    server.wait_for_tick(20);
    limit_files(&server, Some(16));
    says(&server, "journal", &["cannot", "nobody new is let in"]);
    let runtime = client_runtime();
    let refused = runtime
        .block_on(Door::of(&server).enter("Bob"))
        .unwrap_err();
    assert!(refused.to_string().contains("cannot save"), "{refused}");
    goes_on(&server);
    server.wait_for_metric("bluemarble_journal_breaks_total", 1.0);
    limit_files(&server, None);
    catches_up(&server, "journal");
    lets_in(&server, "Bob");
    loses_nothing(server, dir.path(), &args);
}
