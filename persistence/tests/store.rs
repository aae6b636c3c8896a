//! What the store promises, on SQLite and on Postgres.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bluemarble_persistence::{CheckpointImage, Claim, OpenOptions, Store, StoreError, sqlite_url};
use bluemarble_shared_protocol::{Epoch, Tick};
use common::{QUICK, image, on_each_backend, stamp};
use sqlx::{ConnectOptions, Executor};

#[test]
fn a_missing_schema_is_made_once_and_kept_by_later_starts() {
    on_each_backend(|database| async {
        let store = database.open().await;
        assert_eq!(store.world("earth").await.unwrap(), None);
        assert_eq!(store.latest_checkpoint("earth").await.unwrap(), None);
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        store
            .save_checkpoint(&claim, &image(claim.epoch, 7))
            .await
            .unwrap();
        store.close().await;

        let store = database.open().await;
        let row = store.world("earth").await.unwrap().unwrap();
        assert_eq!((row.epoch, row.content), (Epoch(1), stamp(1)));
        let found = store.latest_checkpoint("earth").await.unwrap();
        assert_eq!(found, Some(image(Epoch(1), 7)));
        assert_eq!(
            database
                .number("SELECT COUNT(*) FROM bluemarble_schema")
                .await,
            7
        );
        store.close().await;
        database
    });
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    on_each_backend(|database| async {
        database.open().await.close().await;
        database
            .execute("INSERT INTO bluemarble_schema (version) VALUES (99)")
            .await;
        let refused = database.try_open().await.unwrap_err();
        let text = refused.to_string();
        assert!(
            matches!(
                refused,
                StoreError::NewerSchema {
                    found: 99,
                    known: 7,
                    ..
                }
            ),
            "{text}"
        );
        assert!(text.contains("newer build"), "{text}");
        assert_eq!(
            database
                .number("SELECT MAX(version) FROM bluemarble_schema")
                .await,
            99
        );
        database
    });
}

#[test]
fn servers_that_start_at_once_make_one_schema_and_claim_different_epochs() {
    on_each_backend(|database| async {
        let starts = (0..4_u64).map(|number| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let store = Store::open(&url).await.unwrap();
                let claim = store.claim("earth", &stamp(number)).await.unwrap();
                store.close().await;
                claim.epoch.0
            })
        });
        let starts: Vec<_> = starts.collect();
        let mut epochs = Vec::new();
        for start in starts {
            epochs.push(start.await.unwrap());
        }
        epochs.sort_unstable();
        assert_eq!(epochs, [1, 2, 3, 4]);
        database
    });
}

#[test]
fn a_newer_claim_fences_every_write_of_an_older_one() {
    on_each_backend(|database| async {
        let (old, new) = (database.open().await, database.open().await);
        let first = old.claim("earth", &stamp(1)).await.unwrap();
        assert_eq!((first.epoch, &first.previous), (Epoch(1), &None));
        old.save_checkpoint(&first, &image(first.epoch, 5))
            .await
            .unwrap();

        let second = new.claim("earth", &stamp(2)).await.unwrap();
        assert_eq!(
            (second.epoch, &second.previous),
            (Epoch(2), &Some(stamp(1)))
        );
        for tick in [5, 6] {
            let refused = old.save_checkpoint(&first, &image(first.epoch, tick)).await;
            let world = "earth".to_owned();
            let fenced = StoreError::Fenced {
                world,
                ours: Epoch(1),
                newest: Epoch(2),
            };
            assert_eq!(refused, Err(fenced));
        }
        new.save_checkpoint(&second, &image(second.epoch, 6))
            .await
            .unwrap();
        assert_eq!(
            new.latest_checkpoint("earth").await.unwrap(),
            Some(image(Epoch(2), 6))
        );

        // Another world is nobody's business.
        let moon = old.claim("moon", &stamp(3)).await.unwrap();
        assert_eq!((moon.epoch, moon.previous), (Epoch(1), None));
        old.close().await;
        new.close().await;
        database
    });
}

#[test]
fn the_newest_three_checkpoints_are_kept_and_a_later_epoch_comes_first() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let first = store.claim("earth", &stamp(1)).await.unwrap();
        let mut oldest = Vec::new();
        for tick in [10, 20, 30, 40] {
            let saved = store
                .save_checkpoint(&first, &image(first.epoch, tick))
                .await
                .unwrap();
            assert_eq!(saved.tick, Tick(tick));
            oldest.push(saved.oldest_kept.0);
        }
        assert_eq!(oldest, [10, 10, 10, 20]);
        let second = store.claim("earth", &stamp(1)).await.unwrap();
        let saved = store
            .save_checkpoint(&second, &image(second.epoch, 35))
            .await
            .unwrap();
        assert_eq!(saved.oldest_kept, Tick(30));

        let kept = store.checkpoints("earth").await.unwrap();
        let named: Vec<_> = kept
            .iter()
            .map(|entry| (entry.epoch.0, entry.tick.0))
            .collect();
        assert_eq!(named, [(2, 35), (1, 40), (1, 30)]);
        for entry in &kept {
            let whole = image(entry.epoch, entry.tick.0);
            assert_eq!(
                entry.bytes,
                whole
                    .parts
                    .iter()
                    .map(|part| part.1.len() as u64)
                    .sum::<u64>()
            );
            assert_eq!(store.load_checkpoint(entry).await.unwrap(), whole);
        }
        let parts = database
            .number("SELECT COUNT(*) FROM checkpoint_part")
            .await;
        assert_eq!(parts, 12, "the parts of deleted checkpoints are gone too");
        store.close().await;
        database
    });
}

#[test]
fn a_recording_keeps_its_first_checkpoint_whatever_comes_after() {
    on_each_backend(|database| async {
        let store = database.open().await.keeping_the_oldest();
        let first = store.claim("earth", &stamp(1)).await.unwrap();
        for tick in [10, 20, 30, 40, 50, 60] {
            let image = image(first.epoch, tick);
            let saved = store.save_checkpoint(&first, &image).await.unwrap();
            assert_eq!(saved.oldest_kept, Tick(10));
        }
        let second = store.claim("earth", &stamp(1)).await.unwrap();
        let image = image(second.epoch, 60);
        store.save_checkpoint(&second, &image).await.unwrap();
        let kept = store.checkpoints("earth").await.unwrap();
        let named: Vec<_> = kept
            .iter()
            .map(|entry| (entry.epoch.0, entry.tick.0))
            .collect();
        assert_eq!(named, [(2, 60), (1, 60), (1, 50), (1, 10)]);
        store.load_checkpoint(&kept[3]).await.unwrap();
        store.close().await;
        database
    });
}

#[test]
fn storing_the_same_tick_again_replaces_it() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        store
            .save_checkpoint(&claim, &image(claim.epoch, 5))
            .await
            .unwrap();
        let mut other = image(claim.epoch, 5);
        other.parts.truncate(2);
        store.save_checkpoint(&claim, &other).await.unwrap();
        assert_eq!(store.checkpoints("earth").await.unwrap().len(), 1);
        assert_eq!(store.latest_checkpoint("earth").await.unwrap(), Some(other));
        store.close().await;
        database
    });
}

/// Runs a future for a number of steps and no further, as a killed process would.
struct Cut<F> {
    inner: Pin<Box<F>>,
    steps: u32,
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.steps == 0 {
            return Poll::Ready(None);
        }
        self.steps -= 1;
        self.inner.as_mut().poll(context).map(Some)
    }
}

#[test]
fn a_write_cut_off_anywhere_leaves_the_old_checkpoint_or_the_new_one_whole() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let mut newest = image(claim.epoch, 1);
        store.save_checkpoint(&claim, &newest).await.unwrap();
        let (mut cuts, mut tick) = (0, 1);
        // What a step does depends on how fast the database answers: several rounds, other cuts.
        for _round in 0..5 {
            for steps in 1.. {
                tick += 1;
                let next = image(claim.epoch, tick);
                let inner = Box::pin(store.save_checkpoint(&claim, &next));
                let outcome = Cut { inner, steps }.await;
                let found = store.latest_checkpoint("earth").await.unwrap().unwrap();
                assert!(found == newest || found == next, "cut after {steps} steps");
                newest = found;
                if let Some(saved) = outcome {
                    saved.unwrap();
                    assert_eq!(newest, next);
                    break;
                }
                cuts += 1;
            }
        }
        assert!(cuts >= 10, "only {cuts} writes were cut off");
        let parts = database
            .number("SELECT COUNT(*) FROM checkpoint_part")
            .await;
        assert_eq!(
            parts,
            4 * store.checkpoints("earth").await.unwrap().len() as i64
        );
        store.close().await;
        database
    });
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_still_loads() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let flip = match database.is_sqlite() {
            true => {
                "UPDATE checkpoint_part SET bytes = CAST(x'00' || substr(bytes, 2) AS BLOB) \
                 WHERE tick = 20 AND zone = 3"
            }
            false => {
                "UPDATE checkpoint_part SET bytes = '\\x00'::bytea || substr(bytes, 2) \
                 WHERE tick = 20 AND zone = 3"
            }
        };
        for (damage, what) in [
            (flip, "zone 3 does not have its checksum"),
            (
                "DELETE FROM checkpoint_part WHERE tick = 20 AND zone = 9",
                "3 of its 4 parts",
            ),
            (
                "UPDATE checkpoint_part SET zone = 4 WHERE tick = 20 AND zone = 3",
                "zone 4",
            ),
            (
                "UPDATE checkpoint SET digest = digest + 1 WHERE tick = 20",
                "manifest",
            ),
            (
                "UPDATE checkpoint SET crc32 = 5 WHERE tick = 20",
                "manifest",
            ),
        ] {
            for tick in [10, 20] {
                store
                    .save_checkpoint(&claim, &image(claim.epoch, tick))
                    .await
                    .unwrap();
            }
            database.execute(damage).await;
            match store.latest_checkpoint("earth").await.unwrap_err() {
                StoreError::CorruptCheckpoint {
                    tick: Tick(20),
                    what: found,
                    ..
                } => {
                    assert!(found.contains(what), "{damage}: {found}");
                }
                other => panic!("{damage}: {other}"),
            }
            let kept = store.checkpoints("earth").await.unwrap();
            assert_eq!(
                store.load_checkpoint(&kept[1]).await.unwrap(),
                image(claim.epoch, 10)
            );
        }
        store.close().await;
        database
    });
}

#[test]
fn a_removed_world_leaves_nothing_behind_fences_its_writer_and_begins_anew() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let kept = store.claim("moon", &stamp(1)).await.unwrap();
        let claim = store.claim("pit", &stamp(1)).await.unwrap();
        for claim in [&kept, &claim] {
            let image = CheckpointImage {
                world: claim.world.clone(),
                ..image(claim.epoch, 10)
            };
            store.save_checkpoint(claim, &image).await.unwrap();
        }
        store.remove_world("pit").await.unwrap();
        store.remove_world("pit").await.unwrap();
        assert!(store.world("pit").await.unwrap().is_none());
        assert!(store.latest_checkpoint("pit").await.unwrap().is_none());
        let late = CheckpointImage {
            world: "pit".into(),
            ..image(claim.epoch, 20)
        };
        assert!(matches!(
            store.save_checkpoint(&claim, &late).await,
            Err(StoreError::Fenced { .. })
        ));
        assert!(store.latest_checkpoint("moon").await.unwrap().is_some());
        assert_eq!(store.claim("pit", &stamp(1)).await.unwrap().epoch, Epoch(1));
        store.close().await;
        database
    });
}

#[test]
fn what_the_store_cannot_take_is_refused_and_changes_nothing() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let good = || image(claim.epoch, 5);
        let mut unsorted = good();
        unsorted.parts.swap(0, 1);
        let mut none = good();
        none.parts.clear();
        let mut foreign = good();
        foreign.world = "moon".to_owned();
        let mut stale = good();
        stale.epoch = Epoch(9);
        let mut late = good();
        late.tick = Tick(u64::MAX);
        for image in [unsorted, none, foreign, stale, late] {
            let refused = store.save_checkpoint(&claim, &image).await.unwrap_err();
            assert!(
                matches!(refused, StoreError::Unstorable { .. }),
                "{refused}"
            );
        }
        for name in [String::new(), "w".repeat(64)] {
            let refused = store.claim(&name, &stamp(1)).await.unwrap_err();
            assert!(
                matches!(refused, StoreError::Unstorable { .. }),
                "{refused}"
            );
        }
        let unclaimed = Claim {
            world: "mars".to_owned(),
            epoch: Epoch(1),
            previous: None,
        };
        let mut lost = image(Epoch(1), 5);
        lost.world = "mars".to_owned();
        let refused = store.save_checkpoint(&unclaimed, &lost).await.unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Fenced {
                    newest: Epoch(0),
                    ..
                }
            ),
            "{refused}"
        );
        assert_eq!(store.checkpoints("earth").await.unwrap(), []);
        store.close().await;
        database
    });
}

#[test]
fn a_database_that_is_out_at_the_start_is_an_error_after_a_few_attempts() {
    on_each_backend(|mut database| async {
        database.open().await.close().await;
        let outage = database.begin_outage().await;
        match database.try_open().await.unwrap_err() {
            StoreError::Unavailable { what, .. } => {
                assert!(what.contains("(tried 3 times)"), "{what}");
            }
            other => panic!("{other}"),
        }
        database.end_outage(outage).await;
        database.open().await.close().await;
        database
    });
}

#[tokio::test]
async fn a_call_that_gets_no_answer_ends_as_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("world.sqlite");
    let hasty = OpenOptions {
        call_timeout: Duration::from_millis(50),
        ..OpenOptions::default()
    };
    let store = Store::open_with(&sqlite_url(&path), hasty).await.unwrap();
    // Somebody holds the one write lock, and would be waited for much longer.
    let other = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut other = other.connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let error = store.claim("earth", &stamp(1)).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert!(error.to_string().contains("no answer within"), "{error}");
}

#[tokio::test]
async fn files_that_are_no_database_of_ours_are_clear_errors() {
    let dir = tempfile::tempdir().unwrap();
    let text_file = dir.path().join("notes.txt");
    std::fs::write(
        &text_file,
        "these are notes, much longer than any file header\n".repeat(40),
    )
    .unwrap();
    let in_a_file = text_file.join("world.sqlite");
    let fresh = dir.path().join("fresh.sqlite");
    Store::open(&sqlite_url(&fresh))
        .await
        .unwrap()
        .close()
        .await;
    let missing = format!("{}?mode=ro", sqlite_url(&dir.path().join("none.sqlite")));
    for (url, what) in [
        (sqlite_url(&text_file), "not a SQLite database"),
        (sqlite_url(dir.path()), "cannot be opened"),
        (sqlite_url(&in_a_file), "cannot make its directory"),
        (format!("{}?mode=ro", sqlite_url(&fresh)), "read-only"),
        (missing, "cannot be opened"),
    ] {
        let refused = Store::open_with(&url, QUICK).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, StoreError::Refused { .. }), "{text}");
        assert!(text.contains(what), "{url}: {text}");
    }
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_named_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    for url in [
        format!(
            "postgres:///world?host={}&user=me&password=secret",
            dir.path().display()
        ),
        "postgres://me:secret@127.0.0.1:1/world".to_owned(),
    ] {
        let refused = Store::open_with(&url, QUICK).await.unwrap_err();
        let text = refused.to_string();
        assert!(refused.may_pass(), "{text}");
        assert!(text.contains("is it running"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn postgres_says_what_to_make_first() {
    on_each_backend(|database| async {
        if database.is_sqlite() {
            return database;
        }
        let mut wrong_schema = database.url.clone();
        wrong_schema.push_str("_nowhere");
        let mark = if database.url.contains('?') { '&' } else { '?' };
        let wrong_database = format!("{}{mark}dbname=bluemarble_nowhere", database.url);
        for (url, what) in [
            (wrong_schema, "CREATE SCHEMA"),
            (wrong_database, "createdb"),
        ] {
            let refused = Store::open_with(&url, QUICK).await.unwrap_err();
            let text = refused.to_string();
            assert!(matches!(refused, StoreError::Refused { .. }), "{text}");
            assert!(text.contains(what), "{text}");
        }
        database
    });
}
