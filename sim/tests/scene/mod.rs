//! The scene of the determinism tests: `assets/scenarios/first-contact.ron` on the real Earth.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bluemarble_sim::{Scenario, World, WorldSpec};
use bluemarble_spatial::Planet;

/// How long the partitions are compared.
#[allow(
    dead_code,
    reason = "not every test file that shares this scene runs it for so long"
)]
pub const TICKS: u64 = 2_000;

/// The scene, cut into `zones`.
pub fn first_contact(zones: usize) -> World {
    static EARTH: OnceLock<Arc<Planet>> = OnceLock::new();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let scenario = Scenario::find(&assets, "first-contact").unwrap();
    let planet = EARTH.get_or_init(|| Arc::new(Planet::load(&assets, "earth").unwrap()));
    let spec = WorldSpec {
        scenario,
        planet: Arc::clone(planet),
        tick_hz: 20,
        seed: 7,
        zones,
    };
    World::genesis(spec).unwrap()
}

/// A pool of so many threads.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}
