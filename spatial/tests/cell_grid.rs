//! The cell grid against looking at every pair.

use bluemarble_spatial::{CellGrid, CellId, LatLng, Level, mix};
use glam::DVec3;

const EARTH_M: f64 = 6_371_000.0;

/// A reproducible stream of numbers in 0 .. 1.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        mix::unit(mix::mix64(self.0))
    }

    fn dir(&mut self) -> DVec3 {
        loop {
            let p = DVec3::new(self.next(), self.next(), self.next()) * 2.0 - 1.0;
            if (0.01..1.0).contains(&p.length_squared()) {
                return p.normalize();
            }
        }
    }

    /// A point within `spread_m` of the ground below `middle`, up to 100 m high.
    fn around(&mut self, middle: DVec3, spread_m: f64, planet_m: f64) -> DVec3 {
        let side = (DVec3::new(self.next(), self.next(), self.next()) - 0.5) * 2.0 * spread_m;
        (middle * planet_m + side).normalize() * (planet_m + self.next() * 100.0)
    }
}

/// What the grid must say, found the long way.
fn naive(level: u8, positions: &[DVec3], pos: DVec3, radius_m: f64) -> Vec<(u32, f64)> {
    let mut near: Vec<(CellId, u32, f64)> = positions
        .iter()
        .enumerate()
        .map(|(row, &p)| {
            (
                CellId::at(p, Level::of(level)),
                row as u32,
                p.distance_squared(pos),
            )
        })
        .filter(|&(_, _, dist2)| dist2 <= radius_m * radius_m)
        .collect();
    near.sort_by_key(|&(cell, row, _)| (cell, row));
    near.into_iter()
        .map(|(_, row, dist2)| (row, dist2))
        .collect()
}

fn check(level: u8, positions: &[DVec3], queries: &[DVec3], radius_m: f64) -> usize {
    let grid = CellGrid::build(Level::of(level), positions);
    let mut sum = 0;
    for &pos in queries {
        let mut got = Vec::new();
        grid.for_each_near(pos, radius_m, |row, dist2| got.push((row, dist2)));
        assert_eq!(
            got,
            naive(level, positions, pos, radius_m),
            "{pos} {radius_m} m, level {level}"
        );
        sum += got.len();
    }
    sum
}

/// Where grids go wrong: poles, corners and edges of the cube, the date line, and anywhere.
fn middles() -> Vec<DVec3> {
    let mut middles = vec![
        DVec3::Z,
        DVec3::NEG_Z,
        DVec3::X,
        DVec3::new(1.0, 1.0, 0.0),
        DVec3::new(-1.0, 0.0, 1.0),
        DVec3::new(1.0, 1.0, 0.37),
        DVec3::new(0.2, -1.0, -1.0),
        LatLng::new(12.0, 180.0).to_dir(),
        LatLng::new(48.9, 2.3).to_dir(),
    ];
    for corner in 0..8 {
        let sign = |bit: u32| if corner >> bit & 1 == 0 { 1.0 } else { -1.0 };
        middles.push(DVec3::new(sign(0), sign(1), sign(2)));
    }
    middles.into_iter().map(DVec3::normalize).collect()
}

#[test]
fn a_crowd_is_found_on_poles_corners_and_seams() {
    let mut draws = Draws(1);
    for middle in middles() {
        for spread_m in [30.0, 300.0] {
            let crowd: Vec<DVec3> = (0..400)
                .map(|_| draws.around(middle, spread_m, EARTH_M))
                .collect();
            for (level, radius_m) in [
                (14, 100.0),
                (16, 100.0),
                (18, 10.0),
                (18, 150.0),
                (11, 50.0),
            ] {
                let found = check(level, &crowd, &crowd[..40], radius_m);
                assert!(found >= 40, "everybody finds at least themselves");
            }
        }
    }
}

#[test]
fn a_sparse_world_is_found_at_any_radius() {
    let mut draws = Draws(1_000_000);
    let planet_m = 50_000.0;
    let everywhere: Vec<DVec3> = (0..1_500)
        .map(|_| draws.dir() * (planet_m + draws.next() * 500.0))
        .collect();
    for (level, radius_m) in [
        (0, 3_000.0),
        (5, 1_000.0),
        (9, 2_000.0),
        (12, 15_000.0),
        (3, 40_000.0),
        (6, 200_000.0),
    ] {
        check(level, &everywhere, &everywhere[..60], radius_m);
    }
}

#[test]
fn seams_of_a_small_planet_hide_nobody() {
    let mut draws = Draws(2_000_000);
    for middle in middles() {
        let people: Vec<DVec3> = (0..300)
            .map(|_| draws.around(middle, 600.0, 2_000.0))
            .collect();
        for radius_m in [5.0, 77.0, 350.0, 499.0, 501.0] {
            check(7, &people, &people[..30], radius_m);
        }
    }
}

#[test]
fn looking_from_the_air_or_from_afar_misses_nobody() {
    let mut draws = Draws(3_000_000);
    let people: Vec<DVec3> = (0..300)
        .map(|_| draws.around(DVec3::Y, 500.0, 10_000.0))
        .collect();
    let birds: Vec<DVec3> = people.iter().map(|p| *p * 1.02).collect();
    check(8, &people, &birds, 250.0);
    check(
        8,
        &people,
        &[DVec3::NEG_Y * 10_000.0, DVec3::Z * 10_000.0],
        900.0,
    );
}

#[test]
fn one_place_may_hold_everybody() {
    let people = vec![DVec3::new(1.0, 2.0, 3.0).normalize() * EARTH_M; 200];
    assert_eq!(check(20, &people, &people[..3], 0.0), 600);
}

#[test]
fn an_empty_grid_answers_nothing_and_rebuilding_forgets() {
    let mut grid = CellGrid::build(Level::of(10), &[]);
    grid.for_each_near(DVec3::X * EARTH_M, 1e9, |_, _| panic!("there is nobody"));
    grid.rebuild(Level::of(12), &[DVec3::X * EARTH_M, DVec3::Y * EARTH_M]);
    assert_eq!(grid.len(), 2);
    grid.rebuild(Level::of(12), &[DVec3::Y * EARTH_M]);
    let mut rows = Vec::new();
    grid.for_each_near(DVec3::Y * EARTH_M, 1.0, |row, _| rows.push(row));
    assert_eq!(rows, [0]);
}

#[test]
fn cells_cover_the_rows_in_order() {
    let mut draws = Draws(4_000_000);
    let people: Vec<DVec3> = (0..500).map(|_| draws.dir() * EARTH_M).collect();
    let grid = CellGrid::build(Level::of(3), &people);
    let rows: Vec<u32> = grid.rows().collect();
    let mut next = 0;
    for (cell, slots) in grid.cells() {
        assert_eq!(slots.start, next);
        assert!(!slots.is_empty());
        assert!(rows[slots.clone()].is_sorted());
        assert!(
            rows[slots.clone()]
                .iter()
                .all(|&r| CellId::at(people[r as usize], Level::of(3)) == cell)
        );
        next = slots.end;
    }
    assert_eq!(next, 500);
    assert!(grid.cells().map(|(cell, _)| cell).is_sorted());
}
