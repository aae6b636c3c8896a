//! Zones over the people of the real Earth: how evenly they share them, against a fixed grid, and
//! how long their borders are.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::path::Path;
use std::sync::LazyLock;

use bluemarble_spatial::mix::{mix64, unit};
use bluemarble_spatial::{
    Balance, CellId, CellShape, Direction, LatLng, Level, LoadMap, Planet, ZoneMap, maths,
};
use glam::DVec3;

const EARTH_M: f64 = 6_371_000.0;

static PEOPLE: LazyLock<LoadMap> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let earth = Planet::load(&root, "earth").unwrap();
    LoadMap::of_settlements(earth.settlements(), EARTH_M).unwrap()
});

fn total_km(map: &ZoneMap) -> f64 {
    map.borders(EARTH_M).iter().map(|b| b.length_m).sum::<f64>() / 1e3
}

fn direction(n: u64) -> Direction {
    let word = mix64(n);
    let z = 2.0 * unit(word) - 1.0;
    let (sin, cos) = maths::sin_cos(std::f64::consts::TAU * unit(mix64(word)));
    let across = (1.0 - z * z).sqrt();
    Direction::new(DVec3::new(across * cos, across * sin, z)).unwrap()
}

/// A map cut anywhere between cells of a level.
fn cut_at_random(seed: u64, zones: u64, level: u8) -> ZoneMap {
    let mut cells: Vec<CellId> = (0..zones)
        .map(|n| CellId::at(direction(mix64(seed) ^ n).unit(), Level::of(level)))
        .collect();
    cells.push(CellId::face_cell(0).range_min());
    cells.sort();
    cells.dedup_by_key(|cell| cell.range_min());
    ZoneMap::from_starts(&cells).unwrap()
}

fn edge_rad(from: DVec3, to: DVec3) -> f64 {
    2.0 * maths::atan2((from - to).length(), (from + to).length())
}

/// Zone to zone, every edge of every cell of a level: what borders must add up to.
fn borders_by_fine_grid(map: &ZoneMap, level: u8) -> Vec<Vec<f64>> {
    let mut lengths = vec![vec![0.0; map.len()]; map.len()];
    let mut cell = CellId::face_cell(0).range_min().parent(Level::of(level));
    for _ in 0..Level::of(level).cells() {
        let corners = cell.vertices();
        for (side, beyond) in cell.edge_neighbours().into_iter().enumerate() {
            let (a, b) = (map.zone_of(cell), map.zone_of(beyond));
            if a != b {
                lengths[a as usize][b as usize] += edge_rad(corners[side], corners[(side + 1) % 4]);
            }
        }
        cell = cell.next();
    }
    lengths
}

#[test]
fn borders_are_what_a_fine_grid_adds_up_to() {
    for seed in 0..12 {
        let map = cut_at_random(seed, 2 + 3 * seed, 6);
        let naive = borders_by_fine_grid(&map, 6);
        for a in 0..map.len() as u32 {
            let neighbours = map.neighbours(a, 1.0);
            for b in 0..map.len() as u32 {
                let expected = naive[a as usize][b as usize];
                let got = map.border_m(a, b, 1.0);
                assert!(
                    (got - expected).abs() < 1e-12 * (1.0 + expected),
                    "{seed} {a} {b}"
                );
                assert_eq!(got, map.border_m(b, a, 1.0));
                let listed = neighbours.iter().find(|n| n.0 == b).map_or(0.0, |n| n.1);
                assert!((listed - got).abs() < 1e-12);
                assert_eq!(listed > 0.0, expected > 0.0);
            }
        }
    }
}

#[test]
fn faces_meet_along_the_cubes_edges() {
    let cells: Vec<CellId> = (0..6).map(CellId::face_cell).collect();
    let faces = ZoneMap::from_starts(&cells).unwrap();
    let borders = faces.borders(1.0);
    // The angle between two neighbouring corners of a cube: its cosine is a third.
    let edge = maths::acos(1.0 / 3.0);
    assert_eq!(borders.len(), 12);
    assert!(borders.iter().all(|b| (b.length_m - edge).abs() < 1e-14));
    for face in 0..6 {
        assert_eq!(faces.neighbours(face, 1.0).len(), 4);
        assert_eq!(faces.border_m(face, (face + 3) % 6, 1.0), 0.0);
        assert_eq!(faces.outline(face)[0].len(), 5);
    }
    assert_eq!(faces.border_m(2, 9, 1.0), 0.0);
    assert!(ZoneMap::whole().borders(1.0).is_empty());
    assert!(ZoneMap::whole().outline(0).is_empty());
}

#[test]
fn a_disc_reaches_the_zones_whose_cells_are_near_enough() {
    for seed in 0..40 {
        let map = cut_at_random(seed, 30, 12);
        let shapes: Vec<Vec<CellShape>> = (0..map.len() as u32)
            .map(|zone| map.cells(zone).into_iter().map(CellShape::of).collect())
            .collect();
        for n in 0..20 {
            let at = match n {
                0 => LatLng::degrees(90.0, 0.0).to_direction(),
                1 => LatLng::degrees(0.0, 180.0).to_direction(),
                2 => Direction::new(DVec3::splat(-1.0)).unwrap(),
                _ => direction(1_000 * seed + n),
            };
            let angle = unit(mix64(n)) * [1e-4, 0.01, 0.3, 3.2][n as usize % 4];
            let near = |shapes: &Vec<CellShape>| shapes.iter().any(|s| s.distance_to(at) <= angle);
            let expected: Vec<u32> = (0..map.len() as u32)
                .filter(|&zone| near(&shapes[zone as usize]))
                .collect();
            assert_eq!(map.zones_within(at, angle * EARTH_M, EARTH_M), expected);
        }
        let at = direction(seed);
        let own = map.zone_of(CellId::leaf_at(at.unit()));
        assert!(map.zones_within(at, 0.0, EARTH_M).contains(&own));
        assert_eq!(
            map.zones_within(at, f64::INFINITY, EARTH_M).len(),
            map.len()
        );
        assert!(map.zones_within(at, -1.0, EARTH_M).is_empty());
        assert!(map.zones_within(at, f64::NAN, EARTH_M).is_empty());
    }
}

/// Twice the signed area that a ring encloses on its left, by fans of triangles from a place:
/// angles turned at the corners against those of a plane (Gauss and Bonnet).
fn area_on_the_left(rings: &[Vec<Direction>]) -> f64 {
    use std::f64::consts::TAU;
    let turned = |ring: &Vec<Direction>| -> f64 {
        let corners: Vec<DVec3> = ring[1..].iter().map(|d| d.unit()).collect();
        let count = corners.len();
        (0..count)
            .map(|k| {
                let (a, b, c) = (
                    corners[k],
                    corners[(k + 1) % count],
                    corners[(k + 2) % count],
                );
                let (come, go) = (a.cross(b), b.cross(c));
                maths::atan2(b.dot(come.cross(go)), come.dot(go))
            })
            .sum()
    };
    // 2π for each ring less what it turned, and 2 − rings = Euler's number of the piece.
    let turns: f64 = rings.iter().map(turned).sum();
    TAU * (2.0 - rings.len() as f64) - turns
}

#[test]
fn outlines_are_closed_as_long_as_the_borders_and_hold_the_zones_area() {
    for seed in 0..30 {
        let map = cut_at_random(seed, 12, 7);
        for zone in 0..map.len() as u32 {
            let rings = map.outline(zone);
            let mut length = 0.0;
            for ring in &rings {
                assert!(ring.len() >= 5 && ring.first() == ring.last());
                length += ring
                    .windows(2)
                    .map(|pair| edge_rad(pair[0].unit(), pair[1].unit()))
                    .sum::<f64>();
            }
            let around: f64 = map.neighbours(zone, 1.0).iter().map(|n| n.1).sum();
            assert!((length - around).abs() < 1e-11, "{seed} {zone}");
            let area: f64 = map.cells(zone).iter().map(|cell| cell.area_sr()).sum();
            assert!(
                (area_on_the_left(&rings) - area).abs() < 1e-9,
                "{seed} {zone}"
            );
        }
    }
}

#[test]
fn zones_by_population_are_even_where_a_fixed_grid_is_not() {
    println!("{} cells of level {}", PEOPLE.cells().len(), PEOPLE.level());
    for (zones, level) in [(24, 1), (96, 2), (384, 3), (1536, 4)] {
        let map = ZoneMap::balanced(zones, &PEOPLE).unwrap();
        let exact = ZoneMap::balanced_within(zones, &PEOPLE, 0).unwrap();
        let (ours, best) = (map.balance(&PEOPLE), exact.balance(&PEOPLE));
        let grid = Balance::fixed_grid(Level::of(level), &PEOPLE);
        let [ours_km, best_km] = [&map, &exact].map(total_km);
        println!(
            "{zones:>4} zones: {:.3} × mean, borders {ours_km:.0} km; \
             {:.4} and {best_km:.0} km without regard to borders; fixed grid {:.1}",
            ours.busiest_over_mean, best.busiest_over_mean, grid.busiest_over_mean,
        );
        assert!(ours_km < best_km);
        assert_eq!((map.len(), exact.len(), grid.zones), (zones, zones, zones));
        assert!(best.busiest_over_mean <= ours.busiest_over_mean);
        assert!(ours.busiest_over_mean <= 1.3);
        assert!(grid.busiest_over_mean > 5.0 * ours.busiest_over_mean);
    }
    let grid = Balance::fixed_grid(Level::of(4), &PEOPLE);
    assert!((35.0..60.0).contains(&grid.busiest_over_mean), "{grid}");
}
