//! The machine is lost, and with it the data directory: the database alone brings the world back, to
//! the last tick that was shipped; with `--durable replicated`, to every tick that anybody was told of.

use super::databases::PostgresDatabase;
use super::harness::{Server, assets, eventually, run, said};

fn recovered(server: &Server) -> serde_json::Value {
    server.status()["recovered"].clone()
}

/// Lets a world play, kills it, wipes its directory; what a recorder was told, and on a new directory
/// the world again.
fn lose_everything(args: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let first = Server::start(dir.path(), args);
    let mut recorder = first.record_digests();
    recorder.wait_for(60);
    first.kill();
    let seen = recorder.finish();
    let (&newest, _) = seen.last_key_value().unwrap();
    drop(dir);

    let new = tempfile::tempdir().unwrap();
    let place = new.path().to_str().unwrap();
    let content = assets().to_str().unwrap();
    let mut look = vec![
        "recover",
        "--dry-run",
        "--data-dir",
        place,
        "--assets",
        content,
    ];
    look.extend(args);
    let dry = run(&look);
    let told = String::from_utf8_lossy(&[dry.stdout, dry.stderr].concat()).into_owned();
    assert!(told.contains("of the journal, from the database"), "{told}");
    assert!(
        !new.path().join("journal").exists(),
        "a look writes nothing: {told}"
    );

    let again = Server::start(new.path(), args);
    let back = recovered(&again);
    let tick = back["tick"].as_u64().unwrap();
    assert!(
        tick >= newest,
        "{tick} after {newest} was told: {}",
        said(new.path())
    );
    assert!(back["replayed_ticks"].as_u64().unwrap() > 0, "{back}");
    assert!(
        back["journal_restored"]
            .as_str()
            .unwrap()
            .contains("missing"),
        "{back}"
    );
    let mut compared = 0;
    for state in back["trail"].as_array().unwrap() {
        if let Some(digest) = seen.get(&state[0].as_u64().unwrap()) {
            assert_eq!(state[1], **digest);
            compared += 1;
        }
    }
    assert!(compared > 0);
    again.stop();
}

/// A lively world whose journal is acknowledged by this database; no checkpoint shortens it.
fn replicated(url: &str) -> [&str; 10] {
    [
        "--scenario",
        "lively",
        "--world",
        "w",
        "--database-url",
        url,
        "--durable",
        "replicated",
        "--checkpoint-s",
        "600",
    ]
}

#[test]
fn what_was_told_survives_the_loss_of_the_directory_on_postgres() {
    let Some(database) = PostgresDatabase::create("wiped") else {
        return;
    };
    lose_everything(&replicated(database.url()));
}

#[test]
fn the_same_in_a_sqlite_file_on_another_disk() {
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", elsewhere.path().join("w.sqlite").display());
    lose_everything(&replicated(&url));
}

#[test]
fn while_the_database_is_away_nothing_is_told_and_afterwards_everything() {
    let Some(database) = PostgresDatabase::create("away") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--database-url",
        database.url(),
        "--durable",
        "replicated",
        "--checkpoint-s",
        "600",
    ];
    let server = Server::start(dir.path(), &args);
    server.wait_for_tick(20);
    database.shut();
    let number = |page: &serde_json::Value, name: &str| page[name].as_u64().unwrap();
    let stood = eventually("the durable tick stands still, and health says so", || {
        let (_, health) = server.get("/health");
        let page = server.status();
        let late = health.contains("nobody new is let in");
        let tick = number(&page, "durable_tick");
        (late && tick + 80 < number(&page, "tick")).then_some(tick)
    });
    server.wait_for_tick(stood + 120);
    let page = server.status();
    assert_eq!(number(&page, "durable_tick"), stood, "{page}");
    let ticks_went_on = number(&page, "tick");
    database.open();
    eventually("all is caught up", || {
        let page = server.status();
        let (_, health) = server.get("/health");
        let shipped = number(&page, "shipped_tick");
        (shipped > ticks_went_on && !health.contains("\"replica\"")).then_some(())
    });
    server.stop();
}

#[test]
fn a_server_that_is_taken_over_has_told_nothing_that_the_other_one_lacks() {
    let Some(database) = PostgresDatabase::create("taken") else {
        return;
    };
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut args = replicated(database.url()).to_vec();
    args.extend(["--group-commit-ms", "10"]);
    let first = Server::start(mine.path(), &args);
    let mut recorder = first.record_digests();
    recorder.wait_for(40);
    let second = Server::start(theirs.path(), &args);
    assert_eq!(first.wait().code(), Some(1), "{}", said(mine.path()));
    let seen = recorder.finish();
    let (&newest, digest) = seen.last_key_value().unwrap();
    let back = recovered(&second);
    let tick = back["tick"].as_u64().unwrap();
    assert!(tick >= newest, "{tick}, and {newest} had been told: {back}");
    let trail = back["trail"].as_array().unwrap();
    let there = trail.iter().find(|state| state[0] == newest);
    if let Some(state) = there {
        assert_eq!(state[1], **digest);
    }
    second.stop();
}
