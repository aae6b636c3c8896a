//! The scenes of the determinism tests: the shipped scenarios on the planets they name, each planet
//! loaded once.

#![allow(
    dead_code,
    reason = "not every test file that shares these uses all of them"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bluemarble_sim::invariance::{SEED, TICK_HZ};
use bluemarble_sim::{Scenario, World, WorldSpec};
use bluemarble_spatial::Planet;

/// How long the partitions are compared.
pub const TICKS: u64 = 1_000;

/// The shipped assets.
pub fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
}

/// A shipped scenario.
pub fn spec(name: &str) -> WorldSpec {
    static PLANETS: Mutex<BTreeMap<String, Arc<Planet>>> = Mutex::new(BTreeMap::new());
    let scenario = Scenario::find(&assets(), name).unwrap();
    let mut planets = PLANETS.lock().unwrap();
    let planet = planets
        .entry(scenario.planet.clone())
        .or_insert_with(|| Arc::new(Planet::load(&assets(), &scenario.planet).unwrap()));
    WorldSpec {
        planet: Arc::clone(planet),
        tick_hz: TICK_HZ,
        seed: SEED,
        zones: scenario.zones,
        scenario,
    }
}

/// `assets/scenarios/first-contact.ron` on the real Earth, cut into `zones`.
pub fn first_contact(zones: usize) -> World {
    altered(zones, |_| ())
}

/// The same, after some changes to its scenario.
pub fn altered(zones: usize, change: impl FnOnce(&mut Scenario)) -> World {
    let mut spec = WorldSpec {
        zones,
        ..spec("first-contact")
    };
    change(&mut spec.scenario);
    World::genesis(spec).unwrap()
}

/// A pool of so many threads.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}
