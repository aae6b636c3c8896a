//! Which checkpoints stay, how a world comes from elsewhere, and who only looks, on both databases.

mod common;

use bluemarble_persistence::{CheckpointImage, Retention, Store};
use bluemarble_shared_protocol::{Epoch, Tick};
use common::{image, on_each_backend, stamp};

#[test]
fn one_of_each_hour_stays_without_the_journal() {
    const HOUR_MS: u64 = 3_600_000;
    on_each_backend(|database| async {
        let store = database.open().await.keeping(Retention {
            last: 2,
            hourly: 2,
            ..Retention::default()
        });
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let mut saved = None;
        for tick in 1..=6 {
            let image = CheckpointImage {
                // Two in each hour.
                taken_ms: 100 * HOUR_MS + tick / 2 * HOUR_MS + tick,
                ..image(claim.epoch, tick)
            };
            saved = Some(store.save_checkpoint(&claim, &image).await.unwrap());
        }
        let kept = store.checkpoints("earth").await.unwrap();
        let ticks: Vec<_> = kept.iter().map(|entry| entry.tick.0).collect();
        // Hours: 1 | 2 3 | 4 5 | 6.
        assert_eq!(ticks, [6, 5, 4]);
        assert_eq!(saved.unwrap().oldest_kept, Tick(5));
        store.close().await;
        database
    });
}

#[test]
fn a_world_from_elsewhere_is_founded_once_and_its_epochs_go_on() {
    on_each_backend(|database| async {
        let store = database.open().await;
        let from_elsewhere = image(Epoch(7), 5);
        let found = store.found(&stamp(1), &from_elsewhere).await.unwrap();
        assert_eq!(found.unwrap().epoch, Epoch(7));
        let stored = store.latest_checkpoint("earth").await.unwrap();
        assert_eq!(stored, Some(from_elsewhere));
        let again = store.found(&stamp(2), &image(Epoch(10), 6)).await.unwrap();
        assert_eq!(again, None);
        let row = store.world("earth").await.unwrap().unwrap();
        assert_eq!((row.epoch, row.content), (Epoch(7), stamp(1)));
        let next = store.claim("earth", &stamp(1)).await.unwrap();
        assert_eq!(next.epoch, Epoch(8));
        let nameless = CheckpointImage {
            world: String::new(),
            ..image(Epoch(1), 5)
        };
        assert!(store.found(&stamp(1), &nameless).await.is_err());
        store.close().await;
        database
    });
}

#[test]
fn who_looks_reads_everything_and_changes_nothing() {
    on_each_backend(|database| async {
        if !database.is_sqlite() {
            // There is a database before it is opened.
            let empty = Store::look(&database.url).await.unwrap();
            assert_eq!((empty.schema().0, empty.schema().1.len()), (0, 7));
            assert_eq!(empty.world("earth").await.unwrap(), None);
            assert_eq!(empty.latest_checkpoint("earth").await.unwrap(), None);
            empty.close().await;
        } else {
            assert!(Store::look(&database.url).await.is_err(), "nothing is made");
        }
        let store = database.open().await;
        let claim = store.claim("earth", &stamp(1)).await.unwrap();
        let stored = image(claim.epoch, 7);
        store.save_checkpoint(&claim, &stored).await.unwrap();
        let looker = Store::look(&database.url).await.unwrap();
        assert_eq!(looker.schema(), (7, vec![]));
        assert_eq!(
            looker.latest_checkpoint("earth").await.unwrap(),
            Some(stored)
        );
        assert!(looker.claim("earth", &stamp(2)).await.is_err());
        let other = image(claim.epoch, 8);
        assert!(looker.save_checkpoint(&claim, &other).await.is_err());
        looker.close().await;
        let row = store.world("earth").await.unwrap().unwrap();
        assert_eq!(row.epoch, claim.epoch);
        store.close().await;
        database
    });
}
