//! The cell grid against looking at every pair.

use bluemarble_spatial::{
    CellGrid, CellId, LatLng, Level, Nearby, Nearest, Neighbour, SimdLevel, mix,
};
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

/// Ids in no order that means anything.
fn ids_of(positions: &[DVec3]) -> Vec<u64> {
    (0..positions.len() as u64).map(mix::mix64).collect()
}

/// What the grid must say, found the long way.
fn naive(
    level: Level,
    positions: &[DVec3],
    ids: &[u64],
    pos: DVec3,
    radius_m: f64,
) -> Vec<Neighbour> {
    let all = (0..).zip(positions).zip(ids);
    let mut near: Vec<(CellId, Neighbour)> = all
        .map(|((row, &p), &id)| {
            let dist2_m2 = p.distance_squared(pos);
            (CellId::at(p, level), Neighbour { row, id, dist2_m2 })
        })
        .filter(|(_, other)| radius_m >= 0.0 && other.dist2_m2 <= radius_m * radius_m)
        .collect();
    near.sort_by_key(|(cell, other)| (*cell, other.id));
    near.into_iter().map(|(_, other)| other).collect()
}

fn near(grid: &CellGrid, pos: DVec3, radius_m: f64) -> Vec<Neighbour> {
    let mut found = Nearby::default();
    let near: Vec<Neighbour> = grid.near(pos, radius_m, &mut found).collect();
    near
}

/// A grid for each width of registers that this machine has.
fn grids(level: Level, positions: &[DVec3], ids: &[u64]) -> Vec<CellGrid> {
    let usable = SimdLevel::ALL
        .into_iter()
        .filter(|simd| simd.is_available());
    usable
        .map(|simd| {
            let mut grid = CellGrid::with_simd(simd);
            assert_eq!(grid.simd(), simd);
            grid.rebuild(level, positions, ids);
            grid
        })
        .collect()
}

/// Every register width and every query against the long way; how many were found in all.
fn check(level: u8, positions: &[DVec3], queries: &[DVec3], radius_m: f64) -> usize {
    let (level, ids) = (Level::of(level), ids_of(positions));
    let grids = grids(level, positions, &ids);
    let mut sum = 0;
    for &pos in queries {
        let expected = naive(level, positions, &ids, pos, radius_m);
        for grid in &grids {
            assert_eq!(
                near(grid, pos, radius_m),
                expected,
                "{pos} {radius_m} m, level {level}, {:?}",
                grid.simd()
            );
        }
        sum += expected.len();
        check_nearest(&grids[0], pos, radius_m, expected);
    }
    sum
}

/// The nearest of those in the radius: by distance, then as they came.
fn check_nearest(grid: &CellGrid, pos: DVec3, radius_m: f64, mut expected: Vec<Neighbour>) {
    expected.sort_by(|a, b| a.dist2_m2.total_cmp(&b.dist2_m2));
    let mut nearest = Nearest::default();
    for k in [0, 1, 7, expected.len() + 1] {
        grid.nearest(pos, k, radius_m, &mut nearest);
        let k = k.min(expected.len());
        assert_eq!(
            nearest.as_slice(),
            &expected[..k],
            "{pos} {radius_m} m, {k} nearest"
        );
    }
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
        LatLng::degrees(12.0, 180.0).to_dir(),
        LatLng::degrees(48.9, 2.3).to_dir(),
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
    let places = [DVec3::X * EARTH_M, DVec3::Y * EARTH_M];
    for simd in SimdLevel::ALL {
        let mut grid = CellGrid::with_simd(simd);
        assert!(grid.is_empty() && near(&grid, places[0], 1e9).is_empty());
        grid.rebuild(Level::of(10), &[], &[]);
        assert_eq!(grid.cells().count(), 0);
        assert!(near(&grid, places[0], f64::INFINITY).is_empty());
        grid.rebuild(Level::of(12), &places, &[8, 9]);
        assert_eq!(grid.len(), 2);
        grid.rebuild(Level::of(12), &places[1..], &[9]);
        let found = near(&grid, places[1], 1.0);
        assert_eq!(
            found.iter().map(|o| (o.row, o.id)).collect::<Vec<_>>(),
            [(0, 9)]
        );
    }
}

#[test]
fn cells_cover_the_rows_in_order() {
    let mut draws = Draws(4_000_000);
    let people: Vec<DVec3> = (0..500).map(|_| draws.dir() * EARTH_M).collect();
    let ids = ids_of(&people);
    let grid = CellGrid::build(Level::of(3), &people, &ids);
    let rows: Vec<usize> = grid.rows().map(|row| row as usize).collect();
    assert!(rows.iter().map(|&row| ids[row]).eq(grid.ids()));
    let mut next = 0;
    for (cell, slots) in grid.cells() {
        assert_eq!(slots.start, next);
        assert!(!slots.is_empty());
        let of_cell = &rows[slots.clone()];
        assert!(of_cell.is_sorted_by_key(|&row| ids[row]));
        let is_here = |&row: &usize| CellId::at(people[row], Level::of(3)) == cell;
        assert!(of_cell.iter().all(is_here));
        next = slots.end;
    }
    assert_eq!(next, 500);
    assert!(grid.cells().map(|(cell, _)| cell).is_sorted());
}

#[test]
fn any_radius_and_any_place_have_an_answer() {
    let mut draws = Draws(5_000_000);
    let people: Vec<DVec3> = (0..300)
        .map(|_| draws.around(DVec3::Z, 100.0, 50_000.0))
        .collect();
    for radius_m in [
        0.0,
        -0.0,
        1e-300,
        1e17,
        1e18,
        1e19,
        1e160,
        f64::MAX,
        f64::INFINITY,
    ] {
        check(9, &people, &people[..5], radius_m);
    }
    assert_eq!(check(9, &people, &people[..5], f64::INFINITY), 1_500);
    for radius_m in [f64::NAN, -1.0, -1e-300, f64::NEG_INFINITY] {
        assert_eq!(check(9, &people, &people[..5], radius_m), 0);
    }
    // Beyond what the f32 of the boxes can hold, in all directions.
    for far in [3.4e38, 4e38, 1e300, f64::MAX] {
        let places = [1.0, -1.0].map(|x| [1.0, -1.0].map(|y| [1.0, -1.0].map(|z| (x, y, z))));
        let places = places.into_iter().flatten().flatten();
        let places: Vec<DVec3> = places.map(|(x, y, z)| DVec3::new(x, y, z) * far).collect();
        for radius_m in [0.0, 1.0, 1e18] {
            assert_eq!(check(9, &people, &places, radius_m), 0);
            assert_eq!(check(9, &[people[0], places[7]], &places, radius_m), 1);
        }
    }
    let nowhere = [DVec3::NAN, DVec3::INFINITY, DVec3::new(f64::NAN, 0.0, 5e4)];
    for radius_m in [0.0, 100.0, 1e20] {
        assert_eq!(check(9, &people, &nowhere, radius_m), 0);
    }
}

#[test]
fn what_is_nowhere_is_near_to_nothing_and_hides_nobody() {
    let mut draws = Draws(6_000_000);
    let mut people: Vec<DVec3> = (0..300)
        .map(|_| draws.around(DVec3::X, 100.0, 50_000.0))
        .collect();
    let crowd = people.clone();
    for (n, bad) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 1e30]
        .into_iter()
        .enumerate()
    {
        people[n * 17] = DVec3::new(bad, 1.0, 2.0);
        people[n * 17 + 1] = DVec3::splat(bad);
        people[n * 17 + 2].y = bad;
    }
    people[200] = DVec3::ZERO;
    for radius_m in [30.0, 1e5, 1e15] {
        assert!(check(11, &people, &crowd[..40], radius_m) > 0);
    }
}

#[test]
fn the_very_edge_of_the_radius_counts() {
    // Exactly on the edge of radius and box, where a filter that rounds wrongly shows.
    let steps = (0..40).flat_map(|x| (0..40).map(move |y| (f64::from(x), f64::from(y))));
    let lattice: Vec<DVec3> = steps
        .map(|(x, y)| DVec3::new(6_371_000.0 + x / 8.0, y / 8.0, 0.0))
        .collect();
    for radius_m in [0.125, 0.25, 0.625, 1.625, 2.125] {
        check(24, &lattice, &lattice[..200], radius_m);
    }
}

/// A crowd that walks, jumps, grows, shrinks and is shuffled: rebuilding in place is the same as
/// building anew.
#[test]
fn a_grid_that_remembers_says_what_a_new_one_says() {
    let mut draws = Draws(7_000_000);
    for (middle, level) in [
        (DVec3::ONE, 13),
        (DVec3::Z, 16),
        (DVec3::NEG_X, 20),
        (DVec3::Y, 30),
    ] {
        let middle = middle.normalize();
        let mut people: Vec<(DVec3, u64)> = (0..400)
            .map(|n| (draws.around(middle, 80.0, 50_000.0), mix::mix64(n)))
            .collect();
        let mut grid = CellGrid::default();
        for tick in 0..60u64 {
            for (pos, _) in &mut people {
                let step = DVec3::new(draws.next(), draws.next(), draws.next()) - 0.5;
                *pos = (*pos + step).normalize() * 50_000.0;
            }
            match tick % 10 {
                3 => people.truncate(150),
                4 => people.extend((0..250).map(|n| {
                    (
                        draws.around(middle, 80.0, 50_000.0),
                        mix::mix64(tick * 1_000 + n),
                    )
                })),
                5 => people.reverse(),
                6 => people[..50].iter_mut().for_each(|(pos, _)| *pos = -*pos),
                7 => {
                    people.remove(20);
                }
                8 => people.retain(|(pos, _)| pos.dot(middle) > 0.0),
                _ => {}
            }
            // Everybody gone, and somewhere else altogether.
            if tick == 39 {
                people.clear();
            } else if tick == 40 {
                people.extend((0..300).map(|n| (draws.dir() * 50_000.0, mix::mix64(n))));
            }
            let (positions, ids): (Vec<DVec3>, Vec<u64>) = people.iter().copied().unzip();
            // Another level now and then.
            let level = Level::of(if tick % 20 == 19 { 7 } else { level });
            grid.rebuild(level, &positions, &ids);
            let mut keys: Vec<(CellId, u64)> = (positions.iter().zip(&ids))
                .map(|(&pos, &id)| (CellId::at(pos, level), id))
                .collect();
            keys.sort_unstable();
            let cells = grid
                .cells()
                .flat_map(|(cell, slots)| slots.map(move |_| cell));
            assert!(cells.zip(grid.ids()).eq(keys), "tick {tick}");
            for &pos in positions.iter().step_by(40) {
                assert_eq!(
                    near(&grid, pos, 20.0),
                    naive(level, &positions, &ids, pos, 20.0)
                );
            }
        }
    }
}

#[test]
fn a_crowd_in_one_cell_is_in_the_order_of_its_ids() {
    // More out of order than is put right step by step.
    let people = vec![DVec3::new(0.3, 0.4, 0.5) * EARTH_M; 5_000];
    let mut ids = ids_of(&people);
    let mut grid = CellGrid::build(Level::of(10), &people, &ids);
    assert!(grid.ids().is_sorted());
    ids.reverse();
    grid.rebuild(Level::of(10), &people, &ids);
    assert!(grid.ids().is_sorted());
    // Equal ids, which should not be, come in row order.
    grid.rebuild(Level::of(10), &people, &vec![7; 5_000]);
    assert!(grid.rows().is_sorted());
}

#[test]
fn a_large_crowd_has_nodes_over_nodes() {
    let mut draws = Draws(8_000_000);
    let people: Vec<DVec3> = (0..40_000).map(|_| draws.dir() * EARTH_M).collect();
    assert!(check(8, &people, &people[..6], 500_000.0) > 0);
}
