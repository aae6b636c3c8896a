//! What operators do with a world that does not run: look, branch, back up, restore, migrate.

use std::path::Path;

use super::databases::PostgresDatabase;
use super::harness::{Server, assets, run};

const SETTINGS: [&str; 2] = ["--scenario", "lively"];

/// A command on a data directory: exit status, and what it said on both streams.
fn ask(command: &[&str], data: &Path, more: &[&str]) -> (i32, String) {
    let (data, assets) = (data.to_str().unwrap(), assets().to_str().unwrap());
    let mut args = command.to_vec();
    args.extend(["--data-dir", data, "--assets", assets, "--threads", "1"]);
    args.extend(SETTINGS);
    args.extend(more);
    let output = run(&args);
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), told.join("\n"))
}

/// Every file of a directory and its bytes, but for what SQLite needs to read.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(content(&path));
        } else if !name.ends_with("-shm") {
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// A killed server's directory: digests that an outside recorder was told, newest last.
fn killed(data: &Path) -> Vec<(u64, String)> {
    let server = Server::start(data, &[&SETTINGS[..], &["--checkpoint-s", "0.6"]].concat());
    server.wait_for_metric("bluemarble_checkpoints_saved_total", 2.0);
    let mut recorder = server.record_digests();
    recorder.wait_for(30);
    server.kill();
    recorder.finish().into_iter().collect()
}

#[test]
fn a_dry_run_says_what_a_start_would_do_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let seen = killed(dir.path());
    let before = content(dir.path());
    let (status, told) = ask(&["recover", "--dry-run"], dir.path(), &[]);
    assert_eq!(status, 0, "{told}");
    assert!(content(dir.path()) == before, "something was written");
    for line in ["begin from", "replay", "epoch 2", "Nothing was written"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let server = Server::start(dir.path(), &SETTINGS);
    let recovered = &server.status()["recovered"];
    let (tick, digest) = (&recovered["tick"], recovered["digest"].as_str().unwrap());
    assert!(
        told.contains(&format!("tick {tick}, digest {digest}")),
        "{told}"
    );
    assert!(tick.as_u64() >= seen.last().map(|last| last.0));
    // And while it runs.
    let (status, told) = ask(&["recover", "--dry-run"], dir.path(), &[]);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("a server uses this directory"), "{told}");
    server.stop();
}

#[test]
fn a_refusal_is_told_before_anybody_starts() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path());
    let (status, told) = ask(&["recover", "--dry-run"], dir.path(), &["--seed", "9"]);
    assert_eq!(status, 1, "{told}");
    assert!(
        told.contains("REFUSED") && told.contains("seed 1, here 9"),
        "{told}"
    );
    let (status, told) = ask(&["recover"], dir.path(), &[]);
    assert_eq!(status, 2, "{told}");
    let nowhere = dir.path().join("nowhere");
    let (status, told) = ask(&["recover", "--dry-run"], &nowhere, &[]);
    assert_eq!(status, 0, "{told}");
    assert!(
        told.contains("begin a new world") && !nowhere.exists(),
        "{told}"
    );
}

#[test]
fn a_branch_is_the_world_as_it_was_and_the_original_stays() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let seen = killed(&original);
    let before = content(&original);
    let (tick, digest) = &seen[seen.len() / 2];
    let branch = dir.path().join("branch");
    let (at, to) = (tick.to_string(), branch.to_str().unwrap());
    let command = ["recover", "--to-tick", &at, "--branch", to];
    let (status, told) = ask(&command, &original, &[]);
    assert_eq!(status, 0, "{told}");
    assert!(
        told.contains(&format!("tick {tick}, digest {digest}")),
        "{told}"
    );
    assert!(content(&original) == before, "the original was changed");
    let server = Server::start(&branch, &SETTINGS);
    let recovered = &server.status()["recovered"];
    assert_eq!(recovered["tick"], *tick);
    assert_eq!(recovered["digest"], digest.as_str());
    server.stop();
    let (status, told) = ask(&command, &original, &[]);
    assert_eq!(status, 2, "{told}");
    assert!(told.contains("not overwritten"), "{told}");

    // By the clock: just before it was sealed is the tick before, long after is the newest.
    let command = ["recover", "--dry-run", "--to-time", "2099-01-01T00:00:00Z"];
    let (status, told) = ask(&command, &original, &[]);
    assert_eq!(status, 0, "{told}");
    let (newest, _) = seen.last().unwrap();
    assert!(
        told.contains(&format!("tick {newest},")) || told.contains("come to"),
        "{told}"
    );
    let command = ["recover", "--dry-run", "--to-time", "2001-01-01T00:00:00Z"];
    let (status, told) = ask(&command, &original, &[]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("that moment cannot be had"), "{told}");
    let (status, told) = ask(
        &["recover", "--dry-run", "--to-tick", "999999"],
        &original,
        &[],
    );
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("leads only to tick"), "{told}");
}

#[test]
fn what_a_killed_command_left_is_no_world_and_giving_it_again_completes_it() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let seen = killed(&original);
    let (tick, digest) = &seen[seen.len() / 2];
    let archive = dir.path().join("lively.bma");
    let (at, file) = (tick.to_string(), archive.to_str().unwrap());
    // Killed before the archive had its name.
    std::fs::write(dir.path().join("lively.bma.partial"), b"BMARCH").unwrap();
    let (status, told) = ask(&["backup", file, "--to-tick", &at], &original, &[]);
    assert_eq!(status, 0, "{told}");

    let [branch, copy] = ["branch", "copy"].map(|name| dir.path().join(name));
    let make_branch = [
        "recover",
        "--to-tick",
        &at,
        "--branch",
        branch.to_str().unwrap(),
    ];
    let commands = [
        (&make_branch[..], &original, &branch, 2),
        (&["restore", file][..], &copy, &copy, 1),
    ];
    for (command, on, made, refusal) in commands {
        std::fs::create_dir(made).unwrap();
        for name in ["lock", "unfinished", "world.sqlite"] {
            std::fs::write(made.join(name), b"").unwrap();
        }
        let free = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        for (who, more) in [
            (&["serve"][..], &free[..]),
            (&["recover", "--dry-run"], &[]),
        ] {
            let (status, told) = ask(who, made, more);
            assert_eq!(status, 1, "{told}");
            assert!(told.contains("was cut off"), "{told}");
        }
        let (status, told) = ask(command, on, &[]);
        assert_eq!(status, 0, "{told}");
        let state = format!("tick {tick}, digest {digest}");
        let (status, told) = ask(&["recover", "--dry-run"], made, &[]);
        assert_eq!(status, 0, "{told}");
        assert!(told.contains(&state), "{told}");
        let (status, told) = ask(command, on, &[]);
        assert_eq!(status, refusal, "{told}");
        assert!(told.contains("not overwritten"), "{told}");
        // Killed when only the mark was left to be removed.
        std::fs::write(made.join("unfinished"), b"").unwrap();
        let (status, told) = ask(command, on, &[]);
        assert_eq!(status, 0, "{told}");
        assert!(told.contains(&state), "{told}");
    }
}

fn round_trip(database: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    killed(&original);
    let file = dir.path().join("lively.bma");
    let archive = file.to_str().unwrap();
    let (status, told) = ask(&["backup", archive], &original, &[]);
    assert_eq!(status, 0, "{told}");
    let (status, again) = ask(&["backup", archive], &original, &[]);
    assert_eq!(status, 2, "{again}");
    let server = Server::start(&original, &SETTINGS);
    let went = server.status()["recovered"].clone();
    server.stop();

    let other = dir.path().join("other");
    let to: Vec<&str> = database
        .iter()
        .flat_map(|url| ["--database-url", url])
        .collect();
    let (status, told) = ask(&["restore", archive], &other, &to);
    assert_eq!(status, 0, "{told}");
    let (status, again) = ask(&["restore", archive], &other, &to);
    assert_eq!(status, 1, "{again}");
    assert!(again.contains("not overwritten"), "{again}");
    let server = Server::start(&other, &[&SETTINGS[..], &to].concat());
    let came = &server.status()["recovered"];
    assert_eq!(came["tick"], went["tick"]);
    assert_eq!(came["digest"], went["digest"]);
    assert_eq!(server.epoch(), 3, "epochs go on");
    server.stop();

    if database.is_some() {
        // And back.
        let file = dir.path().join("back.bma");
        let archive = file.to_str().unwrap();
        let (status, told) = ask(&["backup", archive], &other, &to);
        assert_eq!(status, 0, "{told}");
        let (status, told) = ask(&["restore", archive], &dir.path().join("third"), &[]);
        assert_eq!(status, 0, "{told}");
    }
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (status, told) = ask(&["restore", archive], &dir.path().join("fourth"), &[]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("damaged or not complete"), "{told}");
    assert!(!dir.path().join("fourth").exists());
}

#[test]
fn an_archive_moves_a_world_to_another_directory() {
    round_trip(None);
}

#[test]
fn an_archive_moves_a_world_to_postgres_and_back() {
    if let Some(database) = PostgresDatabase::create("salvaging") {
        round_trip(Some(database.url()));
    }
}

#[test]
fn an_older_schema_is_looked_at_as_it_is_and_migrated_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../persistence/tests/stored/format-2");
    let database = dir.path().join("world.sqlite");
    std::fs::copy(stored.join("world.sqlite"), &database).unwrap();
    let bytes = || std::fs::read(&database).unwrap();
    let before = bytes();
    let seed = ["--seed", "7"];
    let (status, told) = ask(&["recover", "--dry-run"], dir.path(), &seed);
    assert_eq!(status, 0, "{told}");
    assert!(
        told.contains("migrate") && told.contains("tick 125"),
        "{told}"
    );
    let (status, told) = ask(&["migrate", "--dry-run"], dir.path(), &seed);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("version 2") && told.contains("3  "), "{told}");
    assert!(bytes() == before, "it was changed");
    let (status, told) = ask(&["migrate"], dir.path(), &seed);
    assert_eq!(status, 0, "{told}");
    let (status, told) = ask(&["migrate"], dir.path(), &seed);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("nothing to do"), "{told}");
}
