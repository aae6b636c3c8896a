//! What older builds stored is still read: data directories as they left them, kept in `stored/`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod common;

use std::path::{Path, PathBuf};

use bluemarble_persistence::{JournalTail, Store, read_journal, sqlite_url};
use bluemarble_shared_protocol::{Epoch, Tick};
use common::stamp;
use tempfile::TempDir;

/// What is known of a stored directory.
struct Kept {
    name: &'static str,
    /// Tick and digest, newest first.
    checkpoints: [(u64, u64); 3],
    /// First and last tick of the journal.
    journal: (u64, u64),
    has_sketch: bool,
}

const FORMAT_1: Kept = Kept {
    name: "format-1",
    checkpoints: [
        (123, -8_908_076_416_606_322_119_i64 as u64),
        (82, 5_902_511_515_682_455_138),
        (41, 1_649_299_952_569_996_058),
    ],
    journal: (1, 123),
    has_sketch: false,
};

const FORMAT_2: Kept = Kept {
    name: "format-2",
    checkpoints: [
        (125, -6_059_063_170_175_864_897_i64 as u64),
        (122, -6_649_064_966_664_615_728_i64 as u64),
        (82, -6_175_017_862_386_548_309_i64 as u64),
    ],
    journal: (42, 125),
    has_sketch: true,
};

/// A copy to work on.
fn copy_of(kept: &Kept) -> TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/stored")
        .join(kept.name);
    let dir = tempfile::tempdir().unwrap();
    copy_folder(&from, dir.path());
    dir
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn checkpoints_of_older_builds_load_and_newer_ones_join_them() {
    for kept in [FORMAT_1, FORMAT_2] {
        let dir = copy_of(&kept);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = sqlite_url(&dir.path().join("world.sqlite"));
            let store = Store::open(&url).await.unwrap();
            let entries = store.checkpoints("lively").await.unwrap();
            let found: Vec<_> = entries
                .iter()
                .map(|entry| (entry.tick.0, entry.digest))
                .collect();
            assert_eq!(found, kept.checkpoints, "{}", kept.name);
            let mut last = None;
            for entry in &entries {
                let image = store.load_checkpoint(entry).await.unwrap();
                assert_eq!(image.taken_ms, 0, "nobody noted it");
                assert_eq!(entry.bytes, entry.stored_bytes, "stored as they are");
                last = last.or(Some(image));
            }
            let claim = store.claim("lively", &stamp(1)).await.unwrap();
            let mut image = last.unwrap();
            image.epoch = claim.epoch;
            image.taken_ms = 5;
            store.save_checkpoint(&claim, &image).await.unwrap();
            let entries = store.checkpoints("lively").await.unwrap();
            assert!(entries[0].stored_bytes < entries[0].bytes, "packed");
            assert_eq!(store.load_checkpoint(&entries[0]).await.unwrap(), image);
            store.load_checkpoint(&entries[1]).await.unwrap();
        });
    }
}

#[test]
fn journals_of_older_builds_are_read_to_the_last_tick() {
    for kept in [FORMAT_1, FORMAT_2] {
        let dir = copy_of(&kept);
        let (first, last) = kept.journal;
        let journal = dir.path().join("journal");
        let JournalTail { records, torn, .. } =
            read_journal(&journal, Epoch(1), Tick(first - 1)).unwrap();
        assert!(torn.is_none());
        let ticks: Vec<u64> = records.iter().map(|record| record.tick.0).collect();
        assert_eq!(ticks, (first..=last).collect::<Vec<_>>(), "{}", kept.name);
        for (tick, digest) in kept.checkpoints {
            if let Some(after) = records.iter().find(|record| record.tick.0 == tick + 1) {
                assert_eq!(after.prev_digest, digest, "{} at tick {tick}", kept.name);
            }
        }
        assert!(
            records
                .iter()
                .all(|record| record.sketch.is_empty() != kept.has_sketch)
        );
        assert!(records.iter().all(|record| record.sealed_ms == 0));
        assert!(records.iter().all(|record| !record.payload.is_empty()));
    }
}
