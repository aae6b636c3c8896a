//! A damaged newest checkpoint: the one before and the journal lead to the same world, and say so; what
//! cannot be brought back without loss is refused, until the loss is accepted.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use super::harness::{Server, refused, said};

const ARGS: [&str; 4] = ["--scenario", "lively", "--checkpoint-s", "0.6"];
/// Turns the first byte of every part that the rest says.
const FLIP: &str = "UPDATE checkpoint_part SET bytes = CAST(x'00' || substr(bytes, 2) AS BLOB)";

/// Runs a statement on a stopped server's database.
fn execute(data: &Path, sql: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let file = SqliteConnectOptions::new().filename(data.join("world.sqlite"));
        let mut connection: SqliteConnection = file.connect().await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    })
}

/// A server that was killed after so many checkpoints; the newest digest that somebody was told.
fn killed(data: &Path, checkpoints: u32) -> (u64, String) {
    let server = Server::start(data, &ARGS);
    server.wait_for_metric("bluemarble_checkpoints_saved_total", f64::from(checkpoints));
    let mut recorder = server.record_digests();
    recorder.wait_for(10);
    server.kill();
    recorder.finish().pop_last().unwrap()
}

const NEWEST: &str = " WHERE (epoch, tick) = \
     (SELECT epoch, tick FROM checkpoint ORDER BY epoch DESC, tick DESC LIMIT 1)";

#[test]
fn a_damaged_newest_checkpoint_is_done_without_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (tick, digest) = killed(dir.path(), 3);
    assert!(execute(dir.path(), &format!("{FLIP}{NEWEST}")) > 0);
    let server = Server::start(dir.path(), &ARGS);
    let recovered = &server.status()["recovered"];
    assert!(recovered["tick"].as_u64().unwrap() >= tick);
    let trail = recovered["trail"].as_array().unwrap();
    let there = trail.iter().find(|entry| entry[0] == tick).unwrap();
    assert_eq!(there[1], digest.as_str());
    let told = recovered["stepped_back"].as_str().unwrap();
    assert!(told.contains("nothing is lost"), "{told}");
    let (status, health) = server.get("/health");
    assert_eq!(status, 200);
    assert!(health.contains("is damaged"), "{health}");
    assert!(said(dir.path()).contains("DAMAGE"), "{}", said(dir.path()));
    server.stop();
    let server = Server::start(dir.path(), &ARGS);
    assert!(server.status()["recovered"]["stepped_back"].is_null());
    server.stop();
}

#[test]
fn without_any_good_checkpoint_nothing_is_begun_anew_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    // So many that the journal has been pruned.
    killed(dir.path(), 7);
    assert!(execute(dir.path(), FLIP) > 0);
    // The journal no longer reaches back to the beginning: there is no way.
    let (status, text) = refused(dir.path(), &ARGS);
    assert_eq!(status, 1);
    for said in ["damaged checkpoints: tick", "start state", "--accept-loss"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let args = [ARGS.as_slice(), &["--accept-loss"]].concat();
    let server = Server::start(dir.path(), &args);
    let recovered = &server.status()["recovered"];
    assert_eq!(recovered["tick"], 0);
    let told = recovered["stepped_back"].as_str().unwrap();
    assert!(told.contains("LOST as accepted: ticks 1 to"), "{told}");
    server.stop();
    let aside = dir.path().read_dir().unwrap().any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str().unwrap().starts_with("journal-discarded-")
    });
    assert!(aside, "what was given up is kept");
}

#[test]
fn what_the_journal_does_not_lead_to_is_given_up_only_when_told() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path(), 3);
    assert!(execute(dir.path(), &format!("{FLIP}{NEWEST}")) > 0);
    std::fs::rename(dir.path().join("journal"), dir.path().join("elsewhere")).unwrap();
    let (status, text) = refused(dir.path(), &ARGS);
    assert_eq!(status, 1);
    assert!(text.contains("would be lost"), "{text}");
    assert!(text.contains("restore"), "{text}");
    // With the journal back nothing is.
    std::fs::rename(dir.path().join("elsewhere"), dir.path().join("journal")).unwrap();
    let server = Server::start(dir.path(), &ARGS);
    assert!(server.status()["recovered"]["stepped_back"].is_string());
    server.stop();
}
