//! The tree of standing things against looks at all of them.

use bluemarble_spatial::mix::{mix64, unit};
use bluemarble_spatial::{
    Cap, CellUnion, Covering, Direction, LatLng, LatLngRect, Polygon, Region, StaticTree,
};
use glam::DVec3;

const RADIUS_M: f64 = 50_000.0;

fn draw(n: u64) -> f64 {
    unit(mix64(n))
}

/// Somewhere on or a little above the ball, crowded at the poles, the date line, a cube edge
/// and a cube vertex.
fn position(n: u64) -> DVec3 {
    let c = |k: u64| draw(n * 8 + k);
    let around = match n % 6 {
        0 => DVec3::Z,
        1 => DVec3::NEG_Z,
        2 => DVec3::NEG_X,
        3 => DVec3::new(1.0, 1.0, 0.0),
        4 => DVec3::ONE,
        _ => DVec3::ZERO,
    };
    let spread = if n % 6 == 5 { 1.0 } else { 0.02 };
    let side = DVec3::new(c(0) - 0.5, c(1) - 0.5, c(2) - 0.5) * spread;
    (around + side).normalize() * (RADIUS_M + 20.0 * c(3))
}

fn crowd(count: u64) -> (Vec<DVec3>, StaticTree<u64>) {
    // Every tenth stands where the one before it does.
    let at: Vec<DVec3> = (0..count)
        .map(|n| position(n - u64::from(n % 10 == 9)))
        .collect();
    let placed = at.iter().zip(0..).map(|(&p, n)| (p, n)).collect();
    (at, StaticTree::bulk_load(placed).unwrap())
}

fn centres() -> impl Iterator<Item = DVec3> {
    let corners = [DVec3::Z, DVec3::NEG_Z, DVec3::NEG_X, DVec3::ONE.normalize()];
    let corners = corners.into_iter().map(|c| c * RADIUS_M);
    corners.chain((50_000..50_200).map(position))
}

#[test]
fn nearest_agrees_with_sorting_all_of_them() {
    let (at, tree) = crowd(1_000);
    for (n, centre) in centres().enumerate() {
        let count = [1, 2, 7, 40][n % 4];
        let mut all: Vec<(f64, u32)> = at
            .iter()
            .zip(0..)
            .map(|(p, id)| (p.distance_squared(centre).sqrt(), id))
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let got: Vec<_> = tree
            .nearest(centre, count)
            .iter()
            .map(|near| (near.distance_m, near.id))
            .collect();
        assert_eq!(got, all[..count]);
    }
    assert_eq!(tree.nearest(DVec3::X, 5_000).len(), 1_000);
    assert!(tree.nearest(DVec3::X, 0).is_empty());
}

#[test]
fn of_equally_far_things_the_lower_ids_are_the_nearest() {
    let ring = (0..60).map(|n| {
        (
            DVec3::from_array([[1.0, 2.0, 2.0], [2.0, 1.0, 2.0], [2.0, 2.0, 1.0]][n % 3]),
            n,
        )
    });
    let tree = StaticTree::bulk_load(ring.collect()).unwrap();
    let nearest = tree.nearest(DVec3::ZERO, 7);
    assert_eq!(
        nearest.iter().map(|n| n.id).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6]
    );
}

#[test]
fn within_agrees_with_looking_at_all_of_them() {
    let (at, tree) = crowd(1_000);
    for (n, centre) in centres().enumerate() {
        let radius_m = [0.0, 50.0, 1_000.0, 3.0 * RADIUS_M][n % 4];
        let expected: Vec<u32> = at
            .iter()
            .zip(0..)
            .filter(|(p, _)| p.distance_squared(centre) <= radius_m * radius_m)
            .map(|(_, id)| id)
            .collect();
        let got: Vec<u32> = tree
            .within(centre, radius_m)
            .iter()
            .map(|near| near.id)
            .collect();
        assert_eq!(got, expected);
    }
    // The edge belongs to the circle.
    let one = StaticTree::bulk_load(vec![(DVec3::X * 3.0, ())]).unwrap();
    assert_eq!(one.within(DVec3::X, 2.0).len(), 1);
    assert!(one.within(DVec3::X, 2.0 - 1e-15).is_empty());
}

#[test]
fn a_segment_passes_what_a_look_at_all_of_them_says() {
    let (at, tree) = crowd(600);
    let ends: Vec<DVec3> = centres().collect();
    let mut passed = 0;
    for (n, pair) in ends.windows(2).enumerate() {
        // Some short, some through the whole ball, one of no length, some along an axis.
        let (from, to) = match n % 4 {
            0 => (pair[0], pair[1]),
            1 => (pair[0], pair[0] + (pair[1] - pair[0]) * 0.01),
            2 => (pair[0], pair[0]),
            _ => (pair[0], pair[0] + DVec3::Y * 2_000.0),
        };
        let reach_m = [1.0, 40.0, 900.0][n % 3];
        let mut expected: Vec<(f64, u32)> = Vec::new();
        for (p, id) in at.iter().zip(0..) {
            let along = to - from;
            let length2 = along.length_squared();
            let share = if length2 == 0.0 {
                0.0
            } else {
                ((*p - from).dot(along) / length2).clamp(0.0, 1.0)
            };
            if p.distance_squared(from + along * share) <= reach_m * reach_m {
                expected.push((share * length2.sqrt(), id));
            }
        }
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let got: Vec<_> = tree
            .along_segment(from, to, reach_m)
            .iter()
            .map(|passed| (passed.along_m, passed.id))
            .collect();
        assert_eq!(got, expected);
        passed += got.len();
    }
    assert!(passed > 500, "{passed} is no test");
}

#[test]
fn inside_agrees_with_asking_the_region_about_all_of_them() {
    let (at, tree) = crowd(2_000);
    let mut found = 0;
    for (n, centre) in centres().enumerate() {
        let angle_rad = [0.0, 1e-4, 0.01, 0.5, 2.0, core::f64::consts::PI][n % 6];
        let cap = Cap::new(Direction::new(centre).unwrap(), angle_rad).unwrap();
        let expected: Vec<u32> = at
            .iter()
            .zip(0..)
            .filter(|(p, _)| cap.contains(Direction::new(**p).unwrap()))
            .map(|(_, id)| id)
            .collect();
        let got: Vec<u32> = tree.inside(&cap).iter().map(|&(id, _)| id).collect();
        assert_eq!(got, expected, "{centre} {angle_rad}");
        found += got.len();
    }
    assert!(found > 10_000, "{found} is no test");
}

#[test]
fn inside_agrees_for_regions_of_every_kind() {
    let (at, tree) = crowd(1_000);
    let mut found = 0;
    for n in 0..60 {
        let c = |k: u64| draw(90_000 + n * 5 + k);
        let (a, b) = (180.0 * c(0) - 90.0, 180.0 * c(1) - 90.0);
        let (south, north) = if a < b { (a, b) } else { (b, a) };
        let (west, east) = (360.0 * c(2) - 180.0, 360.0 * c(3) - 180.0);
        let rect = LatLngRect::from_degrees(south, west, north, east).unwrap();
        let cells: CellUnion = Covering::of(12).outer(&rect);
        let corners = (0..3).map(|k| Direction::new(position(n * 30 + 5 + 6 * k)).unwrap());
        let polygon = Polygon::new(corners.collect(), vec![]).unwrap();
        let regions: [&dyn Region; 3] = [&rect, &cells, &polygon];
        for region in regions {
            let is_in = |p: DVec3| region.contains(Direction::new(p).unwrap());
            let all = at.iter().zip(0..).filter(|&(&p, _)| is_in(p));
            let expected: Vec<u32> = all.map(|(_, id)| id).collect();
            let got: Vec<u32> = tree.inside(region).iter().map(|&(id, _)| id).collect();
            assert_eq!(got, expected, "{rect:?} {polygon:?}");
            found += got.len();
        }
    }
    assert!(found > 10_000, "{found} is no test");
}

#[test]
fn what_is_not_finite_cannot_stand_and_finds_nothing() {
    for bad in [f64::NAN, f64::INFINITY, -2e12] {
        let position = DVec3::new(0.0, bad, 0.0);
        let error = StaticTree::bulk_load(vec![(DVec3::X, 0), (position, 1)]).unwrap_err();
        assert_eq!(error.index, 1);
        let (_, tree) = crowd(50);
        assert!(tree.nearest(position, 3).is_empty());
        assert!(tree.within(position, 1e9).is_empty());
        assert!(tree.along_segment(position, DVec3::X, 1e9).is_empty());
        assert!(tree.along_segment(DVec3::X, position, 1e9).is_empty());
    }
    let (_, tree) = crowd(50);
    assert!(tree.within(DVec3::X, f64::NAN).is_empty());
    assert!(tree.within(DVec3::X, -1.0).is_empty());
    assert_eq!(tree.within(DVec3::X, f64::INFINITY).len(), 50);
    assert!(tree.along_segment(DVec3::X, DVec3::Y, f64::NAN).is_empty());
    let ray = Direction::new(DVec3::X).unwrap();
    assert!(
        tree.along_ray(DVec3::ZERO, ray, f64::INFINITY, 1.0)
            .is_empty()
    );
}

#[test]
fn an_empty_tree_answers() {
    let tree = StaticTree::<()>::bulk_load(Vec::new()).unwrap();
    assert!(tree.is_empty() && tree.nearest(DVec3::X, 3).is_empty());
    assert!(tree.along_segment(DVec3::X, DVec3::Y, 5.0).is_empty());
}

#[test]
fn the_date_line_is_no_border() {
    let at = |lng: f64| LatLng::degrees(0.0, lng).to_dir() * RADIUS_M;
    let tree = StaticTree::bulk_load(vec![(at(179.999), 'w'), (at(-179.999), 'e')]).unwrap();
    let passed = tree.along_segment(at(179.99), at(-179.99), 1.0);
    assert_eq!(passed.iter().map(|p| *p.thing).collect::<String>(), "we");
}
