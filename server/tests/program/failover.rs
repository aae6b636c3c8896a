//! One world, two data directories: a server takes over what another one began, and the first one
//! comes back. The store is shared, the journals are not.

#[cfg(feature = "sabotage")]
use super::harness::eventually;
use super::harness::{Server, refused, said};

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
    let told = said(second_dir.path());
    assert!(told.contains("no journal of epoch 1"), "{told}");
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

#[cfg(feature = "sabotage")]
#[test]
fn what_the_other_server_stores_between_read_and_claim_is_not_lost() {
    let (store, first_dir, second_dir) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let url = shared(&store);
    let args = [
        "--scenario",
        "lively",
        "--world",
        "w",
        "--database-url",
        url.as_str(),
        "--checkpoint-s",
        "0.5",
    ];
    let first = Server::start(first_dir.path(), &args);
    let recorder = first.record_digests();
    let go = second_dir.path().join("go");
    let second = std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut args = args.to_vec();
            args.extend(["--claim-after", go.to_str().unwrap()]);
            Server::start(second_dir.path(), &args)
        });
        eventually("the second server has read the checkpoint", || {
            let told = said(second_dir.path());
            (told.contains("the world … ") || told.contains(" ticks … ")).then_some(())
        });
        let stored = first.metrics()["bluemarble_checkpoints_saved_total"];
        first.wait_for_metric("bluemarble_checkpoints_saved_total", stored + 2.0);
        std::fs::write(&go, "").unwrap();
        second.join().unwrap()
    });
    let told = said(second_dir.path());
    assert!(told.contains("meanwhile: reading again"), "{told}");
    assert_eq!(first.wait().code(), Some(1), "the first is fenced");
    let seen = recorder.finish();
    let began = second.status()["recovered"].clone();
    let tick = began["tick"].as_u64().unwrap();
    assert!(tick >= 10, "two checkpoints of half a second: {began}");
    if let Some(digest) = seen.get(&tick) {
        assert_eq!(began["digest"], *digest);
    }
    second.stop();
}

#[cfg(feature = "sabotage")]
#[test]
fn a_crash_at_any_step_of_taking_over_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--scenario",
        "lively",
        "--world",
        "w",
        "--checkpoint-s",
        "600",
    ];
    let server = Server::start(dir.path(), &args);
    let mut recorder = server.record_digests();
    recorder.wait_for(30);
    server.kill();
    let seen = recorder.finish();
    let (last, digest) = seen.last_key_value().unwrap();
    for step in ["claim", "checkpoint", "claim", "checkpoint", "checkpoint"] {
        let mut args = args.to_vec();
        args.extend(["--crash-after", step]);
        let status = Server::start_and_wait(dir.path(), &args);
        assert_eq!(status.code(), None, "it dies of a signal");
    }
    let server = Server::start(dir.path(), &args);
    assert_eq!(server.epoch(), 7);
    let (tick, replayed) = recovered(&server);
    assert!(tick >= *last && replayed == 0, "{tick}, {replayed}");
    if tick == *last {
        assert_eq!(server.status()["recovered"]["digest"], *digest);
    }
    // What it goes on with is whole: killed once more, it comes back.
    let mut recorder = server.record_digests();
    recorder.wait_for(10);
    server.kill();
    let newest = *recorder.finish().last_key_value().unwrap().0;
    let server = Server::start(dir.path(), &args);
    assert!(recovered(&server).0 >= newest);
    server.stop();
}

#[test]
fn a_journal_beyond_its_database_is_refused_before_the_claim() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    server.wait_for_tick(5);
    server.kill();
    for file in dir.path().read_dir().unwrap() {
        let path = file.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("world.sqlite")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    for _ in 0..2 {
        let (status, text) = refused(dir.path(), &[]);
        assert_eq!(status, 1);
        assert!(text.contains("only reached epoch 0"), "{text}");
    }
    let server = Server::start(dir.path(), &["--discard-journal-tail"]);
    assert_eq!((server.epoch(), recovered(&server)), (1, (0, 0)));
    server.stop();
}
