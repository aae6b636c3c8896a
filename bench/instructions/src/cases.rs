//! What is counted. A new case: a function here that answers how often it did its thing, a line
//! in [`ALL`], and `cargo xtask instructions --bless`.

use std::path::Path;

use bluemarble_spatial::{CellGrid, CellId, Level, Nearby, Nearest, Planet, SimdLevel};
use glam::DVec3;

use crate::measured;
use crate::scene::{Crowd, Draws};

/// Does its thing and answers how many times; none if the processor cannot.
type Case = fn() -> Option<usize>;

/// Names and cases.
pub const ALL: &[(&str, Case)] = &[
    ("cell at, level 18", cell_at),
    ("cell neighbours, level 18", cell_neighbours),
    ("grid rebuild, per walker", grid_rebuild),
    ("grid near, portable", || grid_near(SimdLevel::Portable)),
    ("grid near, AVX2", || grid_near(SimdLevel::Avx2)),
    ("grid nearest 10", grid_nearest),
    ("ground of the moon, warm", ground),
    ("obstacles near", obstacles_near),
];

const SEED: u64 = 20_261_121;
const PLANET_M: f64 = 50_000.0;
const RADIUS_M: f64 = 50.0;
/// 24 m wide: half the radius.
const LEVEL: Level = Level::of(10);

fn cell_at() -> Option<usize> {
    let dirs = directions(10_000);
    let at = |sum, dir: &DVec3| sum ^ CellId::at(*dir, Level::of(18)).0;
    assert_ne!(measured(|| dirs.iter().fold(0, at)), 0);
    Some(dirs.len())
}

fn cell_neighbours() -> Option<usize> {
    let cells: Vec<CellId> = directions(2_000)
        .into_iter()
        .map(|dir| CellId::at(dir, Level::of(18)))
        .collect();
    let count = |cell: &CellId| cell.all_neighbours().len();
    let sum: usize = measured(|| cells.iter().map(count).sum());
    assert_eq!(sum, 8 * cells.len());
    Some(cells.len())
}

fn grid_rebuild() -> Option<usize> {
    let (mut crowd, mut grid) = (crowd(), CellGrid::default());
    // Two to grow, the third is like all that follow.
    for _ in 0..2 {
        grid.rebuild(LEVEL, &crowd.positions, &crowd.ids);
        crowd.walk(0.25);
    }
    measured(|| grid.rebuild(LEVEL, &crowd.positions, &crowd.ids));
    let built = CellGrid::build(LEVEL, &crowd.positions, &crowd.ids);
    assert!(grid.ids().eq(built.ids()));
    Some(grid.len())
}

fn grid_near(simd: SimdLevel) -> Option<usize> {
    if !simd.is_available() {
        return None;
    }
    let (crowd, mut grid) = (crowd(), CellGrid::with_simd(simd));
    grid.rebuild(LEVEL, &crowd.positions, &crowd.ids);
    let observers = &crowd.positions[..500];
    let mut room = Nearby::default();
    let mut ask = |pos: &DVec3| grid.near(*pos, RADIUS_M, &mut room).len();
    let expected: usize = observers.iter().map(&mut ask).sum();
    let found: usize = measured(|| observers.iter().map(ask).sum());
    assert!(found == expected && found > 80 * observers.len());
    Some(observers.len())
}

fn grid_nearest() -> Option<usize> {
    let crowd = crowd();
    let grid = CellGrid::build(LEVEL, &crowd.positions, &crowd.ids);
    let observers = &crowd.positions[..200];
    let mut nearest = Nearest::default();
    let mut ask = |pos: &DVec3| {
        grid.nearest(*pos, 10, f64::INFINITY, &mut nearest);
        nearest.as_slice().len()
    };
    let _room: usize = observers.iter().map(&mut ask).sum();
    let found: usize = measured(|| observers.iter().map(ask).sum());
    assert_eq!(found, 10 * observers.len());
    Some(observers.len())
}

fn ground() -> Option<usize> {
    let moon = moon();
    // A neighbourhood: whatever is remembered of the ground is remembered after the first time.
    let dirs = crowd().positions.into_iter().map(DVec3::normalize);
    let dirs: Vec<DVec3> = dirs.collect();
    let sum = || dirs.iter().map(|&dir| moon.ground_m(dir)).sum::<f64>();
    let expected = sum();
    assert_eq!(measured(sum), expected);
    Some(dirs.len())
}

fn obstacles_near() -> Option<usize> {
    let moon = moon();
    let obstacles = moon.obstacles();
    let places: Vec<DVec3> = obstacles.as_slice().iter().map(|o| o.base).collect();
    let mut found = 0;
    measured(|| {
        let near = places.iter();
        near.for_each(|&place| obstacles.near(place, 20.0, |_| found += 1));
    });
    assert!(
        found > places.len(),
        "everybody has a neighbour, and themselves"
    );
    Some(places.len())
}

fn directions(count: usize) -> Vec<DVec3> {
    let mut draws = Draws::new(SEED);
    (0..count).map(|_| draws.dir()).collect()
}

/// W(4000, 100).
fn crowd() -> Crowd {
    let middle = DVec3::new(0.3, -0.5, 0.8);
    Crowd::new(SEED, 4_000, PLANET_M, middle, 310.0)
}

fn moon() -> Planet {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    Planet::load(&assets, "moon").expect("the repository's own planet")
}
