//! A data directory that an older build left after a planned stop is continued by this one.

use std::path::{Path, PathBuf};

use super::harness::{Server, said};

/// What the directory's newest checkpoint is of.
const TICK: u64 = 125;
const DIGEST: &str = "abe9e2262603efbf";

#[test]
fn a_data_directory_of_an_older_build_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../persistence/tests/stored/format-2");
    let file = |name: &str| stored.join(name);
    std::fs::copy(file("world.sqlite"), dir.path().join("world.sqlite")).unwrap();
    let journal = dir.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    for entry in std::fs::read_dir(file("journal")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        std::fs::copy(&path, journal.join(path.file_name().unwrap())).unwrap();
    }
    let args = ["--scenario", "lively", "--seed", "7"];
    let server = Server::start(dir.path(), &args);
    let recovered = &server.status()["recovered"];
    assert_eq!(recovered["tick"], TICK, "{}", said(dir.path()));
    assert_eq!(recovered["digest"], DIGEST);
    assert_eq!(recovered["replayed_ticks"], 0);
    assert_eq!(server.epoch(), 2);
    server.wait_for_tick(TICK + 20);
    server.stop();
    let server = Server::start(dir.path(), &args);
    assert!(server.status()["recovered"]["tick"].as_u64() > Some(TICK));
    server.stop();
}
