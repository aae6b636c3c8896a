//! Polygons against sampling, triangle fans and tilings; and the rings that are refused.

use std::f64::consts::{PI, TAU};

use bluemarble_spatial::{
    BadPolygon, CellId, Covering, Direction, Level, Polygon, Region, Relation, limits, maths,
};
use glam::DVec3;

use crate::scene::{cells_near, check_relation, direction, draw, place, places, random_dir};

/// A ring that all can be seen from its middle, anticlockwise, with reaches up to `widest_rad`.
struct Star {
    middle: DVec3,
    ring: Vec<Direction>,
}

impl Star {
    fn new(middle: DVec3, widest_rad: f64, points: u32, seed: u64) -> Self {
        let east = middle.any_orthonormal_vector();
        let north = middle.cross(east);
        let ring = (0..points).map(|k| {
            let n = seed * 1_000 + u64::from(k);
            let turn = TAU * (f64::from(k) + 0.8 * draw(n * 2)) / f64::from(points);
            let reach = widest_rad * (0.2 + 0.8 * draw(n * 2 + 1));
            let side = east * maths::cos(turn) + north * maths::sin(turn);
            direction(middle * maths::cos(reach) + side * maths::sin(reach))
        });
        Self {
            middle,
            ring: ring.collect(),
        }
    }

    /// By its triangles from the middle.
    fn contains(&self, at: DVec3) -> bool {
        // By differences, or small ones drown in rounding.
        let left = |from: DVec3, to: DVec3| at.dot((from - at).cross(to - at)) >= 0.0;
        (0..self.ring.len()).any(|k| {
            let (a, b) = (
                self.ring[k].unit(),
                self.ring[(k + 1) % self.ring.len()].unit(),
            );
            let m = self.middle;
            left(m, a) && left(a, b) && left(b, m)
        })
    }
}

fn stars() -> Vec<Star> {
    let mut stars = Vec::new();
    for (n, &middle) in (0..).zip(&places()) {
        for (k, widest) in (0..).zip([1e-6, 1e-3, 0.1, 0.8, 1.5, 2.6]) {
            stars.push(Star::new(
                middle,
                widest,
                5 + (n * 7 % 40) as u32,
                n * 10 + k,
            ));
        }
    }
    stars
}

fn widest(star: &Star) -> f64 {
    let reaches = star
        .ring
        .iter()
        .map(|at| crate::scene::angle(star.middle, at.unit()));
    reaches.fold(0.0, |a, b| if a > b { a } else { b })
}

#[test]
fn polygons_contain_what_the_triangles_they_are_made_of_do() {
    for (n, star) in (0..).zip(stars()) {
        let polygon = Polygon::new(star.ring.clone(), vec![]).unwrap();
        let mut turned = star.ring.clone();
        turned.reverse();
        let rest = Polygon::new(turned, vec![]).unwrap();
        let reach = widest(&star);
        let mut inside = 0;
        for k in 0..150 {
            let away = random_dir(n * 1_000 + k) * reach * draw(k);
            for at in [(star.middle + away).normalize(), random_dir(k)] {
                assert_eq!(
                    polygon.contains(direction(at)),
                    star.contains(at),
                    "{at} {:?}",
                    star.ring
                );
                assert_ne!(
                    polygon.contains(direction(at)),
                    rest.contains(direction(at))
                );
                inside += u32::from(star.contains(at));
            }
        }
        assert!(inside > 10, "{inside}");
        assert!((polygon.area_sr() + rest.area_sr() - 4.0 * PI).abs() < 1e-12);
        assert!(
            star.ring
                .iter()
                .all(|&v| polygon.contains(v) != rest.contains(v))
        );
    }
}

#[test]
fn areas_are_the_sums_of_triangles_at_every_size() {
    for star in stars() {
        let polygon = Polygon::new(star.ring.clone(), vec![]).unwrap();
        let sum: f64 = (0..star.ring.len())
            .map(|k| {
                // Girard: the angles of a triangle exceed π by its area; for small ones, flat.
                let (a, b) = (
                    star.ring[k].unit(),
                    star.ring[(k + 1) % star.ring.len()].unit(),
                );
                let m = star.middle;
                if widest(&star) < 1e-2 {
                    return 0.5 * m.dot((a - m).cross(b - m));
                }
                let corner = |p: DVec3, q: DVec3, r: DVec3| {
                    let (u, v) = (p.cross(q), p.cross(r));
                    maths::atan2(u.cross(v).length(), u.dot(v))
                };
                corner(m, a, b) + corner(a, b, m) + corner(b, m, a) - PI
            })
            .sum();
        let area = polygon.area_sr();
        assert!((area / sum - 1.0).abs() < 1e-5, "{area} {sum}");
    }
}

#[test]
fn areas_of_lunes_are_twice_their_angle_whichever_corner_comes_first() {
    // From one place to its antipode along one meridian and back along another, and nearly so.
    for (n, middle) in (0..).zip(places()) {
        let along = middle.any_orthonormal_vector();
        let across = middle.cross(along);
        let meridian = |angle| along * maths::cos(angle) + across * maths::sin(angle);
        for angle in [1e-6, 0.3, 1.5, 3.0] {
            for short in [0.0, 1e-15, 1e-12, 1e-9, 1e-3] {
                let far = meridian(0.5 * angle) * short - middle;
                let mut ring = [middle, meridian(0.0), far, meridian(angle)]
                    .map(direction)
                    .to_vec();
                ring.rotate_left(n % 4);
                let polygon = Polygon::new(ring.clone(), vec![]).unwrap();
                let near = 1e-14 + 2.0 * short;
                assert!(
                    (polygon.area_sr() - 2.0 * angle).abs() < near,
                    "{polygon:?}"
                );
                ring.reverse();
                let rest = Polygon::new(ring.clone(), vec![]).unwrap().area_sr();
                assert!((rest - (4.0 * PI - 2.0 * angle)).abs() < near);
                let smaller = Polygon::smaller_side(ring, vec![]).unwrap().area_sr();
                assert!((smaller - 2.0 * angle).abs() < near);
            }
        }
    }
}

#[test]
fn polygons_know_which_cells_they_hold_and_touch() {
    let mut seen = [0; 3];
    for (n, star) in (0..).zip(stars()).step_by(3) {
        let hole = Star::new(star.middle, 0.15 * widest(&star), 7, n + 900);
        let polygon = Polygon::new(star.ring.clone(), vec![hole.ring.clone()]).unwrap();
        for near in [star.ring[0].unit(), hole.ring[1].unit(), star.middle] {
            for cell in cells_near(near, widest(&star), n) {
                seen[check_relation(&polygon, cell) as usize] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&cells| cells > 100), "{seen:?}");
}

#[test]
fn holes_are_left_out_whichever_way_they_go() {
    for star in stars().into_iter().step_by(2) {
        let hole = Star::new(star.middle, 0.15 * widest(&star), 9, 77);
        let full = Polygon::new(star.ring.clone(), vec![]).unwrap();
        let lake = Polygon::new(hole.ring.clone(), vec![]).unwrap();
        for turns in [false, true] {
            let mut ring = hole.ring.clone();
            if turns {
                ring.reverse();
            }
            let polygon = Polygon::new(star.ring.clone(), vec![ring]).unwrap();
            let area = full.area_sr() - lake.area_sr();
            assert!((polygon.area_sr() / area - 1.0).abs() < 1e-9);
            assert!(!polygon.contains(direction(star.middle)));
            for k in 0..60 {
                let at = direction(star.middle + random_dir(k) * widest(&star) * draw(k));
                let expected = full.contains(at) && !lake.contains(at);
                assert_eq!(polygon.contains(at), expected);
            }
            // A vertex of the hole is in the lake or on land, never in both.
            for &vertex in &hole.ring {
                assert_ne!(polygon.contains(vertex), lake.contains(vertex));
            }
        }
    }
}

/// An octahedron's faces cut into small triangles: many corners exactly on one great circle, and
/// every edge and corner shared.
#[test]
fn of_triangles_that_tile_the_sphere_exactly_one_contains_each_place() {
    let steps = 4_i32;
    let mut tiles = Vec::new();
    let mut at_stake: Vec<DVec3> = (0..60).map(random_dir).collect();
    for face in 0..8 {
        let sign = |bit: i32| if face >> bit & 1 == 0 { 1.0 } else { -1.0 };
        let at = |i: i32, j: i32| {
            let k = steps - i - j;
            DVec3::new(
                sign(0) * f64::from(i),
                sign(1) * f64::from(j),
                sign(2) * f64::from(k),
            )
            .normalize()
        };
        for i in 0..steps {
            for j in 0..steps - i {
                let mut triangles = vec![[at(i, j), at(i + 1, j), at(i, j + 1)]];
                if i + j + 2 <= steps {
                    triangles.push([at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)]);
                }
                for corners in triangles {
                    at_stake.extend(corners);
                    at_stake.push((corners[0] + corners[1]).normalize());
                    let ring = corners.map(direction).to_vec();
                    tiles.push(Polygon::smaller_side(ring, vec![]).unwrap());
                }
            }
        }
    }
    assert_eq!(tiles.len(), 128);
    let area: f64 = tiles.iter().map(Polygon::area_sr).sum();
    assert!((area - 4.0 * PI).abs() < 1e-12);
    // Normalising twice may move a place by a bit: take the corners as the polygons have them.
    at_stake.extend(tiles.iter().flat_map(Polygon::outer));
    for at in at_stake {
        let owners = tiles
            .iter()
            .filter(|tile| tile.contains(direction(at)))
            .count();
        assert_eq!(owners, 1, "{at}");
    }
}

#[test]
fn the_smaller_side_is_taken_where_directions_cannot_be_trusted() {
    for star in stars() {
        for turns in [false, true] {
            let mut ring = star.ring.clone();
            if turns {
                ring.reverse();
            }
            let polygon = Polygon::smaller_side(ring, vec![]).unwrap();
            assert!(polygon.area_sr() <= 2.0 * PI + 1e-9);
        }
    }
}

#[test]
fn coverings_of_polygons_cover_and_fill_them() {
    for (n, star) in (0..).zip(stars()).step_by(5) {
        let polygon = Polygon::new(star.ring.clone(), vec![]).unwrap();
        let rules = Covering::of(120);
        let (inner, outer) = (rules.inner(&polygon), rules.outer(&polygon));
        assert!(inner.area_sr() <= polygon.area_sr() * (1.0 + 1e-9));
        assert!(outer.area_sr() >= polygon.area_sr() * (1.0 - 1e-9));
        assert!(inner.cells().len() <= 120 && outer.cells().len() <= 120);
        let cap = polygon.bounding_cap();
        for k in 0..200 {
            let away = random_dir(n * 1_000 + k) * widest(&star) * draw(k);
            let at = direction(star.middle + away);
            let is_in = polygon.contains(at);
            assert!(!is_in || (outer.contains(at) && cap.contains(at)));
            assert!(is_in || !inner.contains(at));
        }
    }
}

#[test]
fn distances_to_the_border_are_those_of_its_nearest_point() {
    let star = Star::new(random_dir(3), 0.5, 12, 4);
    let polygon = Polygon::new(star.ring.clone(), vec![]).unwrap();
    for k in 0..50 {
        let at = random_dir(k);
        let mut least = PI;
        for n in 0..star.ring.len() {
            let (a, b) = (star.ring[n].unit(), star.ring[(n + 1) % 12].unit());
            for step in 0..=200 {
                let share = f64::from(step) / 200.0;
                let far = crate::scene::angle(at, (a * (1.0 - share) + b * share).normalize());
                if far < least {
                    least = far;
                }
            }
        }
        let got = polygon.border_distance_to(direction(at));
        assert!(got <= least + 1e-14 && got > least - 1e-3, "{got} {least}");
    }
}

#[test]
fn rings_that_enclose_nothing_in_particular_are_refused_by_vertex() {
    let refused = |outer: &[(f64, f64)], holes: &[&[(f64, f64)]]| {
        let ring = |r: &[(f64, f64)]| {
            r.iter()
                .map(|&(lat, lng)| place(lat, lng))
                .collect::<Vec<_>>()
        };
        Polygon::new(ring(outer), holes.iter().map(|h| ring(h)).collect()).unwrap_err()
    };
    let square = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0)];
    assert_eq!(
        refused(&square[..2], &[]),
        BadPolygon::TooFewVertices {
            ring: 0,
            vertices: 2
        }
    );
    assert_eq!(
        refused(&[], &[]),
        BadPolygon::TooFewVertices {
            ring: 0,
            vertices: 0
        }
    );
    assert_eq!(
        refused(&square, &[&[]]),
        BadPolygon::TooFewVertices {
            ring: 1,
            vertices: 0
        }
    );
    let closed = [square[0], square[1], square[2], square[0]];
    assert_eq!(
        refused(&closed, &[]),
        BadPolygon::RepeatedVertex {
            ring: 0,
            vertex: 3,
            other_ring: 0,
            other_vertex: 0
        }
    );
    let bow_tie = [square[0], square[2], square[1], square[3]];
    assert_eq!(
        refused(&bow_tie, &[]),
        BadPolygon::Crossing {
            ring: 0,
            vertex: 0,
            other_ring: 0,
            other_vertex: 2
        }
    );
    assert_eq!(
        refused(&[(0.0, 0.0), (0.0, 180.0), (50.0, 90.0)], &[]),
        BadPolygon::HalfCircle { ring: 0, vertex: 0 }
    );
    // Exactly back along the equator.
    assert_eq!(
        refused(&[(0.0, 0.0), (0.0, 20.0), (0.0, 10.0), (10.0, 5.0)], &[]),
        BadPolygon::Spike { ring: 0, vertex: 1 }
    );
    let far = [(20.0, 20.0), (20.0, 21.0), (21.0, 20.0)];
    assert_eq!(
        refused(&square, &[&far]),
        BadPolygon::HoleOutside { ring: 1 }
    );
    let (hole, within) = (
        [(2.0, 2.0), (2.0, 8.0), (8.0, 8.0), (8.0, 2.0)],
        [(3.0, 3.0), (3.0, 4.0), (4.0, 3.0)],
    );
    assert_eq!(
        refused(&square, &[&within, &hole]),
        BadPolygon::HoleInHole {
            ring: 1,
            other_ring: 2
        }
    );
    let across = [(5.0, 5.0), (5.0, 15.0), (6.0, 15.0)];
    assert_eq!(
        refused(&square, &[&across]),
        BadPolygon::Crossing {
            ring: 0,
            vertex: 1,
            other_ring: 1,
            other_vertex: 0
        }
    );
    let touching = [square[2], (8.0, 8.0), (8.0, 9.0)];
    assert_eq!(
        refused(&square, &[&touching]),
        BadPolygon::RepeatedVertex {
            ring: 1,
            vertex: 0,
            other_ring: 0,
            other_vertex: 2
        }
    );
    let many = vec![place(1.0, 1.0); limits::POLYGON_VERTICES_MAX + 1];
    let vertices = many.len();
    assert_eq!(
        Polygon::new(many, vec![]).unwrap_err(),
        BadPolygon::TooManyVertices { vertices }
    );
}

#[test]
fn a_wobbly_coastline_of_many_vertices_is_taken_and_told_in_good_time() {
    let star = Star::new(random_dir(11), 0.6, 20_000, 5);
    let polygon = Polygon::new(star.ring, vec![]).unwrap();
    let cells = Covering {
        min_level: Level::of(4),
        max_level: Level::of(6),
        max_cells: 300,
    };
    let outer = cells.outer(&polygon);
    assert!(outer.area_sr() > polygon.area_sr());
    assert_eq!(
        polygon.relation(CellId::at(-star.middle, Level::of(3))),
        Relation::Outside
    );
}

/// The teeth of a comb, each a quarter of the way round the planet and close to the next.
fn comb(teeth: u32) -> Vec<Direction> {
    let tooth = |k: u32| {
        let lng = -170.0 + 340.0 * f64::from(k) / f64::from(teeth);
        let (from, to) = if k.is_multiple_of(2) {
            (-44.0, 44.0)
        } else {
            (44.0, -44.0)
        };
        [place(from, lng), place(to, lng + 0.001)]
    };
    let ends = [
        place(-44.0, 175.0),
        place(-60.0, 175.0),
        place(-60.0, -175.0),
    ];
    (0..teeth).flat_map(tooth).chain(ends).collect()
}

#[test]
fn long_lines_all_near_one_another_are_refused_before_each_is_held_against_each() {
    assert!(Polygon::smaller_side(comb(500), vec![]).is_ok());
    let ring = comb(5_000);
    let vertices = ring.len();
    assert_eq!(
        Polygon::new(ring, vec![]).unwrap_err(),
        BadPolygon::TooEntangled { vertices }
    );
}

#[test]
fn of_many_holes_the_misplaced_one_is_found() {
    let square = |lat: f64, lng: f64, side: f64| {
        let corners = [(0.0, 0.0), (0.0, side), (side, side), (side, 0.0)];
        corners
            .map(|(up, along)| place(lat + up, lng + along))
            .to_vec()
    };
    let outer = [(-50.0, -60.0), (-50.0, 60.0), (50.0, 60.0), (50.0, -60.0)];
    let outer = outer.map(|(lat, lng)| place(lat, lng)).to_vec();
    let lakes =
        || (0..60 * 60).map(|n| square(f64::from(n / 60) - 30.0, f64::from(n % 60) - 30.0, 0.5));
    let polygon = Polygon::new(outer.clone(), lakes().collect()).unwrap();
    for k in 0..2_000 {
        let (lat, lng) = (58.0 * draw(k) - 29.0, 58.0 * draw(k + 5_000) - 29.0);
        let is_lake = (lat - lat.floor()) < 0.5 && (lng - lng.floor()) < 0.5;
        let near_shore = [lat, lng].map(|deg| (2.0 * deg - (2.0 * deg).round()).abs() < 1e-3);
        if near_shore == [false; 2] {
            assert_eq!(polygon.contains(place(lat, lng)), !is_lake, "{lat} {lng}");
        }
    }
    let with = |wrong: Vec<Direction>| {
        let holes = lakes().chain([wrong]).collect();
        Polygon::new(outer.clone(), holes).unwrap_err()
    };
    let ring = 60 * 60 + 1;
    assert_eq!(
        with(square(0.1, 70.0, 0.3)),
        BadPolygon::HoleOutside { ring }
    );
    // The lake at 12° N 7° E, and one around that at 20° N 20° E.
    assert_eq!(
        with(square(12.1, 7.1, 0.3)),
        BadPolygon::HoleInHole {
            ring,
            other_ring: 42 * 60 + 37 + 1
        }
    );
    assert_eq!(
        with(square(19.9, 19.9, 0.8)),
        BadPolygon::HoleInHole {
            ring: 50 * 60 + 50 + 1,
            other_ring: ring
        }
    );
}
