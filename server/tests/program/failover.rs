//! One world, two data directories: a server takes over what another one began, and the first one
//! comes back. The store is shared, the journals are not.

use super::harness::{Server, said};

/// A SQLite file that both servers use.
fn shared(dir: &tempfile::TempDir) -> String {
    format!("sqlite://{}", dir.path().join("shared.sqlite").display())
}

fn recovered(server: &Server) -> (u64, u64) {
    let recovered = &server.status()["recovered"];
    let number = |field: &str| recovered[field].as_u64().unwrap();
    (number("tick"), number("replayed_ticks"))
}

#[test]
fn a_directory_left_behind_by_a_fail_over_adds_nothing_to_what_happened_since() {
    let (store, first_dir, second_dir) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let url = shared(&store);
    let args = ["--database-url", url.as_str(), "--checkpoint-s", "600"];
    let first = Server::start(first_dir.path(), &args);
    first.wait_for_tick(150);
    first.kill();

    // The other machine has the checkpoint of tick 0 only, and stops long before tick 150.
    let second = Server::start(second_dir.path(), &args);
    assert_eq!((second.epoch(), recovered(&second)), (2, (0, 0)));
    let mut recorder = second.record_digests();
    recorder.wait_for(3);
    second.stop();
    let seen = recorder.finish();
    let (last, digest) = seen.last_key_value().unwrap();
    assert!(*last < 140, "the test needs a journal that reaches further");

    let first = Server::start(first_dir.path(), &args);
    assert_eq!((first.epoch(), recovered(&first)), (3, (*last, 0)));
    assert_eq!(first.status()["recovered"]["digest"], *digest);
    let mut recorder = first.record_digests();
    recorder.wait_for(20);
    first.kill();
    let seen = recorder.finish();
    let newest = *seen.last_key_value().unwrap().0;

    let first = Server::start(first_dir.path(), &args);
    let (tick, replayed) = recovered(&first);
    assert!(
        tick >= newest && replayed >= 20,
        "{tick} of {newest}: {}",
        said(first_dir.path())
    );
    first.stop();
}
