//! Zoning over a small world, between ticks, with a clock that is an argument.

use std::path::Path;

use bluemarble_sim::{Scenario, WorldSpec};
use bluemarble_spatial::Planet;

use super::*;

const ZONES: usize = 6;

struct Room {
    world: World,
    zoning: Zoning,
    pool: rayon::ThreadPool,
    now: Duration,
}

/// A crowd in a square, cut into zones; a tick has so much time.
fn room(config: ZonesConfig, period_ns: u64) -> Room {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let scenario = Scenario::find(&assets, "first-contact").unwrap();
    let spec = WorldSpec {
        scenario,
        planet: Arc::new(Planet::smooth(6_371_000.0)),
        tick_hz: 20,
        seed: 3,
        zones: ZONES,
    };
    let mut world = World::genesis(spec).unwrap();
    let rules = ZoningRules {
        world: "square".into(),
        config,
        target: ZONES,
        period_ns,
        threads: 2,
    };
    let zoning = Zoning::begin(rules, &mut world, Arc::default(), Clock::start());
    Room {
        world,
        zoning,
        pool: rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap(),
        now: Duration::from_secs(1_000),
    }
}

fn config(balance: bool) -> ZonesConfig {
    ZonesConfig {
        balance,
        target: None,
        min: 4,
        max: 8,
        departures_per_tick: 64,
    }
}

impl Room {
    /// Steps, each tick a twentieth of a second later; the digest of the last.
    fn run(&mut self, ticks: u32) -> u64 {
        for _ in 0..ticks {
            let inputs = self.world.scripted_inputs();
            self.world.step(&inputs, &self.pool).unwrap();
            self.now += Duration::from_millis(50);
            self.zoning.between(&mut self.world, self.now);
        }
        self.world.digest()
    }

    /// What the loop answers to a wish.
    fn order(&mut self, wish: Wish) -> Result<Accepted, Refused> {
        let mut answer = self.zoning.desk.order(wish).unwrap();
        self.run(1);
        answer.try_recv().unwrap()
    }
}

#[test]
fn orders_change_the_zones_and_nothing_else() {
    let mut still = room(config(false), 50_000_000);
    let mut moved = room(config(false), 50_000_000);
    let split = moved.order(Wish::Split { zone: 2, at: None }).unwrap();
    assert_eq!(
        (split.zones, split.tick),
        (ZONES + 1, moved.world.tick().next())
    );
    moved.run(20);
    assert_eq!(moved.world.zones(), ZONES + 1);
    let merged = moved.order(Wish::Merge { zone: 4 }).unwrap();
    assert_eq!(merged.zones, ZONES);
    moved.run(20);
    let (first, _) = moved.world.zone_map().ranges().nth(3).unwrap();
    let to = Place::Cell(first.parent(Level::of(9)).next());
    let shifted = moved.order(Wish::Move { zone: 3, to });
    assert!(
        shifted.is_ok() || matches!(shifted, Err(Refused::Unfit(_))),
        "{shifted:?}"
    );
    moved.run(57);
    assert_eq!(still.run(100), moved.world.digest());
    assert_eq!(moved.world.tick(), still.world.tick());
    let changes = moved.zoning.changes();
    assert_eq!((changes.splits, changes.merges, changes.plans), (1, 1, 0));
}

#[test]
fn orders_that_do_not_fit_say_why_and_change_nothing() {
    let mut room = room(config(false), 50_000_000);
    let nowhere = Place::At(LatLng::degrees(10.0, 10.0));
    for (wish, why) in [
        (Wish::Merge { zone: 77 }, "zone 77 cannot change so"),
        (Wish::Split { zone: 77, at: None }, "no such zone"),
        (
            Wish::Move {
                zone: 0,
                to: nowhere,
            },
            "zone 0 cannot change so",
        ),
        (
            Wish::Split {
                zone: 0,
                at: Some(Place::Cell(CellId(3))),
            },
            "grid cell",
        ),
    ] {
        let refused = room.order(wish).unwrap_err().to_string();
        assert!(refused.contains(why), "{wish:?}: {refused}");
    }
    for _ in 0..2 {
        room.order(Wish::Split { zone: 0, at: None }).unwrap();
    }
    let full = room.order(Wish::Split { zone: 0, at: None }).unwrap_err();
    assert_eq!(full, Refused::Most(8));
    for _ in 0..4 {
        room.order(Wish::Merge { zone: 0 }).unwrap();
    }
    assert_eq!(room.order(Wish::Merge { zone: 0 }), Err(Refused::Least(4)));
    assert_eq!(room.zoning.changes().refused, 6);
}

#[test]
fn the_balancer_evens_zones_out_leaves_idle_ones_alone_and_shows_nowhere() {
    let mut still = room(config(false), 50_000_000);
    // A period in which no step is little.
    let mut busy = room(config(true), 50);
    let mut idle = room(config(true), 50_000_000_000);
    // One zone has all the work.
    for room in [&mut busy, &mut idle] {
        let load = LoadMap::new(Level::of(3), [(CellId::face_cell(5), 100)]).unwrap();
        room.world
            .recut(ZoneMap::balanced(ZONES, &load).unwrap())
            .unwrap();
    }
    let reference = still.run(260);
    assert_eq!(busy.run(260), reference);
    assert_eq!(idle.run(260), reference);
    assert!(
        busy.zoning.changes().plans >= 1,
        "{:?}",
        busy.zoning.changes()
    );
    let largest = |room: &Room| {
        let loads = room.world.zone_loads();
        loads.iter().map(|load| load.entities).max().unwrap() * 3 / room.world.entities()
    };
    assert_eq!(
        (largest(&idle), largest(&busy)),
        (3, 0),
        "thirds of everybody"
    );
    assert_eq!(idle.zoning.changes().plans, 0);
    assert_eq!(busy.world.zones(), ZONES);
}

#[test]
fn a_table_says_where_every_zone_is_and_draws_it() {
    let room = room(config(false), 50_000_000);
    let table = ZoneTable::of("square", &room.world);
    let page = serde_json::to_value(table.page()).unwrap();
    assert_eq!(page["world"], "square");
    for row in page["zones"].as_array().unwrap() {
        let radius_km = row["radius_km"].as_f64().unwrap();
        assert!(radius_km > 0.0 && radius_km < 20_100.0, "{row}");
    }
    let drawn: serde_json::Value = serde_json::from_str(&table.geo_json().unwrap()).unwrap();
    let features = drawn["features"].as_array().unwrap();
    assert_eq!(features.len(), ZONES);
    for feature in features {
        assert!(
            feature["geometry"]["coordinates"][0].is_array(),
            "{feature}"
        );
        assert!(feature["properties"]["entities"].is_u64(), "{feature}");
    }
}

#[test]
fn a_queue_of_orders_is_short() {
    let desk = OrderDesk::default();
    let held: Vec<_> = (0..crate::limits::ORDERS_WAITING_MAX)
        .map(|_| desk.order(Wish::Merge { zone: 0 }).unwrap())
        .collect();
    assert!(desk.order(Wish::Merge { zone: 0 }).is_none());
    drop(held);
    assert!(desk.table().is_none());
}
