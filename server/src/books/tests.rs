//! The books of a world in which everybody goes for the same chests: after a crash at any moment, and
//! when the world goes back, they say what the world says, and add up.

use std::path::Path;
use std::sync::Arc;

use bluemarble_persistence::{AccountKind, ContentStamp, Store, sqlite_url};
use bluemarble_sim::{AdminCommand, Checkpoint, Movement, Scenario, WorldSpec};
use bluemarble_spatial::Planet;
use tempfile::TempDir;

use super::begin::begin;
use super::*;

fn world() -> World {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let scenario = Scenario::find(&assets, "treasure").unwrap();
    let spec = WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(50_000.0)),
        tick_hz: 20,
        seed: 3,
        zones: 6,
    };
    World::genesis(spec).unwrap()
}

/// A world that is stepped, and the books of it.
struct Kept {
    world: World,
    pool: rayon::ThreadPool,
    movements: Vec<(Tick, Vec<Movement>)>,
    store: Store,
    ledger: Ledger,
    _dir: TempDir,
}

impl Kept {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = sqlite_url(&dir.path().join("world.sqlite"));
        let store = Store::open(&url).await.unwrap();
        Self {
            world: world(),
            pool: rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .unwrap(),
            movements: Vec::new(),
            ledger: Ledger::new(store.clone(), "w"),
            store,
            _dir: dir,
        }
    }

    async fn claim(&self) -> Claim {
        let content = ContentStamp {
            content_hash: 1,
            build: "this".into(),
        };
        self.store.claim("w", &content).await.unwrap()
    }

    fn step(&mut self) {
        let mut inputs = self.world.scripted_inputs();
        // Chests rain, for there to be something to keep books of.
        if inputs.tick.0.is_multiple_of(2) {
            inputs.commands.push(AdminCommand::Spawn {
                kind: "chest".into(),
                lat_deg: -5.0,
                lng_deg: 100.0,
                spread_m: 10.0,
                count: 3,
            });
        }
        self.world.step(&inputs, &self.pool).unwrap();
        let moved = self.world.movements().to_vec();
        self.movements.push((self.world.tick(), moved));
    }

    /// Ticks whose movements are handed over; the journal is durable `behind` ticks later.
    fn play(&mut self, books: &Books, ticks: u64, behind: u64) {
        for _ in 0..ticks {
            self.step();
            let durable = Tick(self.world.tick().0.saturating_sub(behind));
            books.after_step(&self.world, durable);
        }
    }

    /// The query after every test: the books add up, and every purse is what its account says.
    async fn agrees(&self) {
        assert_eq!(self.ledger.audit().await.unwrap(), []);
        let world = entry::holdings(&self.world.holdings());
        let mut books = self.ledger.balances().await.unwrap();
        books.retain(|(account, balance)| {
            *balance != 0 && (account.kind.is_of_entities() || account.kind == AccountKind::Mail)
        });
        let mut world: Vec<_> = world
            .into_iter()
            .map(|(account, coins)| (account, coins.cast_signed()))
            .collect();
        // The database knows ids as signed numbers.
        world.sort_unstable();
        books.sort_unstable();
        assert_eq!(books, world);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_crash_leaves_unentered_the_next_start_enters_exactly_once() {
    let mut kept = Kept::new().await;
    let runtime = Handle::current();
    let mut entered = 0;
    for life in 0..5 {
        let claim = kept.claim().await;
        let begun = begin(&kept.ledger, &claim, &kept.world, &kept.movements)
            .await
            .unwrap();
        assert_eq!((begun.made, begun.corrections), (life == 0, 0), "{begun:?}");
        assert_eq!(begun.refused, None);
        entered += begun.entered;
        kept.agrees().await;
        let at = kept.world.tick();
        let books = Books::go_on(&runtime, kept.ledger.clone(), claim, at);
        kept.play(&books, 30 + life, 3);
        // The end of the process, in the middle of whatever it does.
        drop(books);
    }
    assert!(entered > 0, "something moved that was not entered in time");
    let moved: usize = kept.movements.iter().map(|(_, moved)| moved.len()).sum();
    assert!(moved > 100, "{moved} movements prove little");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_that_goes_back_takes_its_books_along() {
    let mut kept = Kept::new().await;
    let claim = kept.claim().await;
    begin(&kept.ledger, &claim, &kept.world, &[]).await.unwrap();
    let runtime = Handle::current();
    let books = Books::go_on(&runtime, kept.ledger.clone(), claim, Tick(0));
    kept.play(&books, 30, 0);
    let old: Checkpoint = kept.world.checkpoint();
    kept.play(&books, 30, 0);
    let monitor = books.monitor();
    assert!(books.writer.drain(Duration::from_secs(60)).await.complete);
    assert!(!monitor.is_due(kept.world.tick()));
    kept.agrees().await;

    kept.world = World::restore(kept.world.spec().clone(), &old).unwrap();
    let claim = kept.claim().await;
    let begun = begin(&kept.ledger, &claim, &kept.world, &[]).await.unwrap();
    assert!(begun.undone > 0, "{begun:?}");
    assert_eq!(begun.corrections, 0, "{begun:?}");
    kept.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_movements_become_corrections_that_the_operator_is_told_of() {
    let mut kept = Kept::new().await;
    let claim = kept.claim().await;
    begin(&kept.ledger, &claim, &kept.world, &[]).await.unwrap();
    for _ in 0..40 {
        kept.step();
    }
    let begun = begin(&kept.ledger, &claim, &kept.world, &kept.movements[20..])
        .await
        .unwrap();
    assert!(begun.corrections > 0, "{begun:?}");
    assert!(begun.trouble().unwrap().contains("corrected"));
    kept.agrees().await;
}
