//! Zones over the people of the real Earth: how evenly they share them, against a fixed grid, and
//! how long their borders are.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::path::Path;
use std::sync::LazyLock;

use bluemarble_spatial::{Balance, Level, LoadMap, Planet, ZoneMap};

const EARTH_M: f64 = 6_371_000.0;

static PEOPLE: LazyLock<LoadMap> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let earth = Planet::load(&root, "earth").unwrap();
    LoadMap::of_settlements(earth.settlements(), EARTH_M).unwrap()
});

#[test]
fn zones_by_population_are_even_where_a_fixed_grid_is_not() {
    println!("{} cells of level {}", PEOPLE.cells().len(), PEOPLE.level());
    for (zones, level) in [(24, 1), (96, 2), (384, 3), (1536, 4)] {
        let map = ZoneMap::balanced(zones, &PEOPLE).unwrap();
        let exact = ZoneMap::balanced_within(zones, &PEOPLE, 0).unwrap();
        let (ours, best) = (map.balance(&PEOPLE), exact.balance(&PEOPLE));
        let grid = Balance::fixed_grid(Level::of(level), &PEOPLE);
        println!(
            "{zones:>4} zones: {:.3} × mean ({:.4} without regard to borders), fixed grid {:.1}",
            ours.busiest_over_mean, best.busiest_over_mean, grid.busiest_over_mean,
        );
        assert_eq!((map.len(), exact.len(), grid.zones), (zones, zones, zones));
        assert!(best.busiest_over_mean <= ours.busiest_over_mean);
        assert!(ours.busiest_over_mean <= 1.3);
        assert!(grid.busiest_over_mean > 5.0 * ours.busiest_over_mean);
    }
    let grid = Balance::fixed_grid(Level::of(4), &PEOPLE);
    assert!((35.0..60.0).contains(&grid.busiest_over_mean), "{grid}");
}
