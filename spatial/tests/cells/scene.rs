//! Where tests look: random places, places where geometry goes wrong, points of a cell.

use bluemarble_spatial::{CellId, Direction, LatLng, Level, Region, Relation, maths, mix};
use glam::DVec3;

pub fn cells_of(level: Level) -> impl Iterator<Item = CellId> {
    let first = CellId::face_cell(0).range_min().parent(level);
    std::iter::successors(Some(first), |cell| Some(cell.next())).take(level.cells() as usize)
}

/// 0 .. 1.
pub fn draw(n: u64) -> f64 {
    mix::unit(mix::mix64(n))
}

pub fn random_dir(n: u64) -> DVec3 {
    let c = |k: u64| draw(n * 3 + k) * 2.0 - 1.0;
    DVec3::new(c(0), c(1), c(2)).normalize()
}

pub fn direction(dir: DVec3) -> Direction {
    Direction::new(dir).unwrap()
}

pub fn place(lat_deg: f64, lng_deg: f64) -> Direction {
    LatLng::degrees(lat_deg, lng_deg).to_direction()
}

pub fn angle(a: DVec3, b: DVec3) -> f64 {
    2.0 * maths::atan2((a - b).length(), (a + b).length())
}

/// Points of a cell, its edges and corners included, evenly in its face's plane.
pub fn points_of(cell: CellId, steps: u32) -> Vec<DVec3> {
    let [a, b, c, d] = cell.vertices();
    let mut points = Vec::new();
    for i in 0..=steps {
        for j in 0..=steps {
            let share = |k: u32| f64::from(k) / f64::from(steps);
            let (s, t) = (share(i), share(j));
            let low = a * (1.0 - s) + b * s;
            let high = d * (1.0 - s) + c * s;
            points.push((low * (1.0 - t) + high * t).normalize());
        }
    }
    points
}

/// Directions where geometry goes wrong, and some where it does not.
pub fn places() -> Vec<DVec3> {
    let mut places = vec![
        DVec3::X,
        DVec3::NEG_Y,
        DVec3::Z,
        DVec3::NEG_Z,
        DVec3::new(1.0, 1.0, 0.0).normalize(),
        DVec3::new(0.3, -1.0, -1.0).normalize(),
        LatLng::degrees(12.0, 180.0).to_dir(),
    ];
    for corner in 0..8 {
        let sign = |bit: u32| if corner >> bit & 1 == 0 { 1.0 } else { -1.0 };
        places.push(DVec3::new(sign(0), sign(1), sign(2)).normalize());
    }
    places.extend((0..12).map(random_dir));
    places
}

/// Asserts that what a region says of a cell is so of many of its points, and that what is said
/// to overlap really has a border of the region in it, by looking for it in ever smaller cells.
pub fn check_relation<R: Region + std::fmt::Debug>(region: &R, cell: CellId) -> Relation {
    let relation = region.relation(cell);
    let mut points = points_of(cell, 6);
    points.push(cell.centre());
    let held = |p: &DVec3| region.contains(direction(*p));
    match relation {
        Relation::Inside => assert!(points.iter().all(held), "{cell} is not inside {region:?}"),
        Relation::Outside => {
            assert!(!points.iter().any(held), "{cell} is not outside {region:?}");
        }
        Relation::Overlaps => {
            let seen = points.iter().filter(|p| held(p)).count();
            if (1..points.len()).contains(&seen) {
                return relation;
            }
            // All points agree, but the border passes between them.
            let mut at = cell;
            let depth = (cell.level().get() + 9).min(27);
            while at.level().get() < depth {
                let children = at.children().map(|child| (child, region.relation(child)));
                let crossed = children.iter().find(|(_, r)| *r == Relation::Overlaps);
                let mixed = children.iter().any(|(_, r)| *r == Relation::Inside)
                    && children.iter().any(|(_, r)| *r == Relation::Outside);
                let Some(&(child, _)) = crossed else {
                    assert!(mixed, "{cell} does not overlap {region:?}");
                    break;
                };
                at = child;
            }
        }
    }
    relation
}

/// Cells of many sizes near a place and anywhere.
pub fn cells_near(near: DVec3, spread: f64, seed: u64) -> Vec<CellId> {
    let mut cells = Vec::new();
    for level in [0, 1, 2, 4, 7, 11, 19].map(Level::of) {
        let seed = seed * 64 + u64::from(level.get());
        let beside = (near + random_dir(seed) * spread * draw(seed)).try_normalize();
        let dirs = [Some(near), beside, Some(random_dir(seed + 7)), Some(-near)];
        cells.extend(dirs.into_iter().flatten().map(|dir| CellId::at(dir, level)));
    }
    cells
}
