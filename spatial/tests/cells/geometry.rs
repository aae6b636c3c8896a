//! Corners, areas, distances and neighbours of cells, against brute force over shared corners.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;

use bluemarble_spatial::{Cap, CellId, CellShape, Direction, Level, Region, Relation, maths};
use glam::DVec3;

use crate::scene::{angle, cells_of, direction, places, points_of, random_dir};

#[test]
fn areas_add_up_to_the_sphere_on_every_coarse_level() {
    for level in Level::FACE.through(Level::of(6)) {
        let sum: f64 = cells_of(level).map(CellId::area_sr).sum();
        assert!((sum - 4.0 * PI).abs() < 1e-12, "level {level}: {sum}");
    }
}

#[test]
fn four_children_are_as_large_as_their_parent_down_to_the_leaves() {
    for dir in places() {
        for level in Level::all() {
            let cell = CellId::at(dir, level);
            if level == Level::MAX {
                break;
            }
            let children: f64 = cell.children().into_iter().map(CellId::area_sr).sum();
            let share = children / cell.area_sr();
            assert!((share - 1.0).abs() < 1e-13, "{cell}: {share}");
        }
    }
}

#[test]
fn areas_are_those_of_the_s2_crate() {
    for n in 0..2_000 {
        let cell = CellId::at(random_dir(n), Level::of((n % 13) as u8));
        let theirs = s2::cell::Cell::from(&s2::cellid::CellID(cell.0)).exact_area();
        assert!((cell.area_sr() / theirs - 1.0).abs() < 1e-9, "{cell}");
    }
}

#[test]
fn corners_turn_anticlockwise_around_the_centre_and_are_shared() {
    let level = Level::of(4);
    let mut around: BTreeMap<[i64; 3], u32> = BTreeMap::new();
    for cell in cells_of(level) {
        let corners = cell.vertices();
        for k in 0..4 {
            let (a, b) = (corners[k], corners[(k + 1) % 4]);
            assert!(a.cross(b).dot(cell.centre()) > 0.0, "{cell}");
            let normal = CellShape::of(cell).edge_normals()[k];
            assert!(normal.dot(a).abs() < 1e-15 && normal.dot(b).abs() < 1e-15);
            assert!(normal.dot(cell.centre()) > 0.0);
            let key = (a * 1e9).round().to_array().map(|x| x as i64);
            *around.entry(key).or_default() += 1;
        }
    }
    let threes = around.values().filter(|&&cells| cells == 3).count();
    let fours = around.values().filter(|&&cells| cells == 4).count();
    assert_eq!(
        (threes, fours + threes),
        (8, around.len()),
        "three cells meet at cube corners"
    );
}

#[test]
fn distances_are_those_of_the_nearest_and_farthest_of_many_points() {
    for (n, &here) in places().iter().enumerate() {
        for level in [0, 1, 2, 4, 9, 17, 30].map(Level::of) {
            let cell = CellId::at(random_dir(n as u64 * 7 + u64::from(level.get())), level);
            let near = CellId::at((here + random_dir(n as u64) * 1e-3).normalize(), level);
            for cell in [cell, near] {
                let shape = CellShape::of(cell);
                let steps = 40;
                let all = points_of(cell, steps).into_iter().map(|p| angle(here, p));
                let (low, high) = all.fold((PI, 0.0), |(low, high), a| {
                    (
                        if a < low { a } else { low },
                        if a > high { a } else { high },
                    )
                });
                // The samples lie this close to one another.
                let gap = 3.0 / f64::from(level.cells_along_face()) / f64::from(steps);
                let (near, far) = (
                    shape.distance_to(direction(here)),
                    shape.max_distance_to(direction(here)),
                );
                assert!(
                    near <= low + 4e-15 && near > low - gap,
                    "{cell} {here}: {near} {low}"
                );
                assert!(
                    far >= high - 4e-15 && far < high + gap,
                    "{cell} {here}: {far} {high}"
                );
                if shape.contains(direction(here)) {
                    assert_eq!(near, 0.0);
                }
            }
        }
    }
}

#[test]
fn tiny_distances_keep_their_digits() {
    let cell = CellId::at(DVec3::new(0.3, 0.2, 1.0), Level::of(10));
    let shape = CellShape::of(cell);
    let corners = cell.vertices();
    for k in 0..4 {
        let middle = (corners[k] + corners[(k + 1) % 4]).normalize();
        let out = -shape.edge_normals()[k].normalize();
        for angle in [1e-12, 1e-9, 1e-6, 1e-4] {
            let outside = direction(middle + out * angle);
            assert!((shape.distance_to(outside) - maths::atan(angle)).abs() < 1e-15);
        }
    }
}

#[test]
fn a_cell_contains_what_is_in_it() {
    for n in 0..20_000 {
        let dir = random_dir(n);
        let level = Level::of((n % 31) as u8);
        let cell = CellId::at(dir, level);
        let shape = CellShape::of(cell);
        // Rounding may put a place on the very edge into the cell beyond it.
        assert!(shape.distance_to(direction(dir)) < 4e-15, "{cell} {dir}");
        assert!(shape.contains(direction(cell.centre())));
        assert!(!shape.contains(direction(-cell.centre())));
    }
}

/// Cells touch when they share a corner; found for every pair there is.
#[test]
fn neighbours_are_the_cells_that_share_corners_on_every_coarse_level() {
    for level in Level::FACE.through(Level::of(4)) {
        let key = |corner: DVec3| (corner * 1e9).round().to_array().map(|x| x as i64);
        let mut at_corner: BTreeMap<[i64; 3], Vec<CellId>> = BTreeMap::new();
        for cell in cells_of(level) {
            for corner in cell.vertices() {
                at_corner.entry(key(corner)).or_default().push(cell);
            }
        }
        for cell in cells_of(level) {
            let mut shared: BTreeMap<CellId, u32> = BTreeMap::new();
            for corner in cell.vertices() {
                for &other in &at_corner[&key(corner)] {
                    *shared.entry(other).or_default() += 1;
                }
            }
            shared.remove(&cell);
            let touching: Vec<CellId> = shared.keys().copied().collect();
            assert_eq!(cell.all_neighbours().to_vec(), touching, "{cell}");
            let by_edge: BTreeSet<CellId> = shared
                .iter()
                .filter(|&(_, &corners)| corners >= 2)
                .map(|(&other, _)| other)
                .collect();
            assert_eq!(BTreeSet::from(cell.edge_neighbours()), by_edge, "{cell}");
            // Edge k lies between the cell and its neighbour k.
            let corners = cell.vertices();
            for (k, beyond) in cell.edge_neighbours().into_iter().enumerate() {
                let theirs = beyond.vertices().map(key);
                for corner in [corners[k], corners[(k + 1) % 4]] {
                    assert!(theirs.contains(&key(corner)), "{cell} edge {k}");
                }
            }
        }
    }
}

/// What touches a cell from outside are the neighbours of the cells in it that are not in it.
#[test]
fn neighbours_at_other_levels_are_those_of_the_cells_within() {
    for level in Level::FACE.through(Level::of(2)) {
        for cell in cells_of(level) {
            for finer in level.through(Level::of(level.get() + 3)) {
                let mut expected: BTreeSet<CellId> = BTreeSet::new();
                let (mut at, last) = (
                    cell.range_min().parent(finer),
                    cell.range_max().parent(finer),
                );
                loop {
                    expected.extend(at.all_neighbours().iter().filter(|n| !cell.contains(**n)));
                    if at == last {
                        break;
                    }
                    at = at.next();
                }
                let expected: Vec<CellId> = expected.into_iter().collect();
                assert_eq!(cell.all_neighbours_at(finer), expected, "{cell} {finer}");
                for coarser in Level::FACE.through(level) {
                    let touching = cell.all_neighbours_at(coarser);
                    let mutual = touching
                        .iter()
                        .all(|far| far.all_neighbours_at(level).contains(&cell));
                    assert!(mutual && touching.len() <= if coarser == level { 8 } else { 3 });
                }
            }
        }
    }
    // Leaves around a street: 4 × 2^13 + 4 of them, across the edge of a cube face, too.
    for dir in [DVec3::new(1.0, 1.0, 0.1), DVec3::new(0.3, 0.2, 1.0)] {
        let cell = CellId::at(dir, Level::of(17));
        let leaves = cell.all_neighbours_at(Level::MAX);
        assert_eq!(leaves.len(), (4 << 13) + 4);
        let far = leaves
            .iter()
            .map(|leaf| cell.distance_to(direction(leaf.centre())));
        assert!(far.into_iter().all(|far| far > 0.0 && far < 2e-9));
    }
}

#[test]
fn children_know_their_place() {
    for n in 0..3_000 {
        let cell = CellId::at(random_dir(n), Level::of((n % 30) as u8));
        for (k, child) in cell.children().into_iter().enumerate() {
            assert_eq!(usize::from(child.child_index()), k, "{child}");
        }
    }
    assert_eq!(CellId::face_cell(3).child_index(), 0);
}

#[test]
fn caps_know_which_cells_they_hold_and_touch() {
    for (n, &centre) in places().iter().enumerate() {
        for angle_rad in [0.0, 1e-7, 1e-3, 0.05, 0.7, 1.5, 1.6, 2.5, 3.1, PI] {
            let cap = Cap::new(direction(centre), angle_rad).unwrap();
            for level in [0, 1, 3, 6, 12, 24].map(Level::of) {
                let seed = n as u64 * 31 + u64::from(level.get());
                let rim = Direction::new(centre + random_dir(seed) * angle_rad)
                    .map_or(centre, Direction::unit);
                for cell in [
                    CellId::at(rim, level),
                    CellId::at(centre, level),
                    CellId::at(random_dir(seed), level),
                ] {
                    let points = points_of(cell, 12);
                    let held = points
                        .iter()
                        .filter(|p| cap.contains(direction(**p)))
                        .count();
                    match cap.relation(cell) {
                        Relation::Inside => assert_eq!(held, points.len(), "{cap:?} {cell}"),
                        Relation::Outside => assert_eq!(held, 0, "{cap:?} {cell}"),
                        // Never for a cell that is far from the rim.
                        Relation::Overlaps => {
                            let shape = CellShape::of(cell);
                            assert!(shape.distance_to(direction(centre)) <= angle_rad + 1e-14);
                            assert!(shape.max_distance_to(direction(centre)) >= angle_rad - 1e-14);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn caps_of_no_size_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, -1e-300, 3.15] {
        assert!(Cap::new(direction(DVec3::X), bad).is_err(), "{bad}");
    }
    let half = Cap::new(direction(DVec3::X), PI / 2.0).unwrap();
    assert!((half.area_sr() - 2.0 * PI).abs() < 1e-14);
    assert!((half.complement().area_sr() - 2.0 * PI).abs() < 1e-14);
}
