//! Rectangles of latitude and longitude: the date line, the poles, and bands around the planet.

use std::f64::consts::PI;

use bluemarble_spatial::{BadRect, Covering, LatLngRect, Level, Region, Relation};

use crate::scene::{
    angle, cells_near, cells_of, check_relation, direction, draw, place, points_of, random_dir,
};

/// South, west, north, east, degrees.
const SHAPES: [[f64; 4]; 20] = [
    [-90.0, -180.0, 90.0, 180.0],
    [0.0, 0.0, 90.0, 90.0],
    [-90.0, -180.0, -60.0, 180.0],
    [-90.0, 30.0, -89.9, 31.0],
    [-10.0, 170.0, 10.0, -170.0],
    [40.0, 0.0, 50.0, 20.0],
    [35.0, -100.0, 36.0, 100.0],
    [-5.0, -179.0, 5.0, 179.0],
    [20.0, 179.9, 20.1, -179.9],
    [0.0, -180.0, 0.0, 180.0],
    [-90.0, 12.0, 90.0, 12.0],
    [45.0, 45.0, 45.0, 45.0],
    [90.0, 0.0, 90.0, 0.0],
    [-90.0, -180.0, -90.0, 180.0],
    [-30.0, -90.0, 30.0, 90.0],
    [35.0, 30.0, 35.5, 60.0],
    [80.0, -120.0, 90.0, 100.0],
    [-45.0, 45.0, 45.0, 135.0],
    [44.9999, -10.0, 45.0, 10.0],
    [-1e-7, -1e-7, 1e-7, 1e-7],
];

fn rects() -> Vec<LatLngRect> {
    let mut rects: Vec<LatLngRect> = SHAPES
        .iter()
        .map(|&[s, w, n, e]| LatLngRect::from_degrees(s, w, n, e).unwrap())
        .collect();
    for n in 0..40_u64 {
        let lat = |k| draw(n * 4 + k) * 180.0 - 90.0;
        let lng = |k| draw(n * 4 + k) * 360.0 - 180.0;
        let (a, b) = (lat(0), lat(1));
        let (south, north) = if a < b { (a, b) } else { (b, a) };
        rects.push(LatLngRect::from_degrees(south, lng(2), north, lng(3)).unwrap());
    }
    rects
}

#[test]
fn rects_know_which_cells_they_hold_and_touch() {
    let mut seen = [0; 3];
    for (n, rect) in (0..).zip(rects()) {
        let (south, north) = (rect.south_deg(), rect.north_deg());
        let (west, east) = (rect.west_deg(), rect.west_deg() + rect.width_deg());
        for (lat, lng) in [
            (south, west),
            (south, east),
            (north, west),
            (north, east),
            (0.5 * (south + north), 0.5 * (west + east)),
            (north, 0.5 * (west + east)),
        ] {
            let near = place(lat, if lng > 180.0 { lng - 360.0 } else { lng });
            for cell in cells_near(near.unit(), 0.3, n) {
                seen[check_relation(&rect, cell) as usize] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&cells| cells > 500), "{seen:?}");
}

/// Parallels bulge over the straight edges of cells, and a cell may touch a rectangle with no
/// corner of either in the other.
#[test]
fn no_touching_cell_is_missed_on_the_coarse_levels() {
    for rect in rects() {
        for level in Level::FACE.through(Level::of(3)) {
            for cell in cells_of(level) {
                check_relation(&rect, cell);
            }
        }
        // Every place of the rectangle is in a cell it touches.
        for n in 0..200 {
            let lat = rect.south_deg() + (rect.north_deg() - rect.south_deg()) * draw(n);
            let lng = rect.west_deg() + rect.width_deg() * draw(n + 1_000);
            let at = place(lat, if lng > 180.0 { lng - 360.0 } else { lng });
            for level in [0, 2, 5, 9, 16, 30].map(Level::of) {
                let cell = bluemarble_spatial::CellId::at(at.unit(), level);
                assert_ne!(rect.relation(cell), Relation::Outside, "{rect:?} {cell}");
            }
        }
    }
}

#[test]
fn the_s2_crate_agrees_about_cells() {
    use s2::region::Region as _;
    for (n, rect) in (0..).zip(rects().into_iter().skip(20)) {
        let lat = s2::r1::interval::Interval::new(
            rect.south_deg().to_radians(),
            rect.north_deg().to_radians(),
        );
        let lng = s2::s1::interval::Interval::new(
            rect.west_deg().to_radians(),
            rect.east_deg().to_radians(),
        );
        let theirs = s2::rect::Rect { lat, lng };
        let mid = place(0.5 * (rect.south_deg() + rect.north_deg()), rect.west_deg());
        for cell in cells_near(mid.unit(), 0.4, n + 5_000) {
            let s2_cell = s2::cell::Cell::from(&s2::cellid::CellID(cell.0));
            let relation = rect.relation(cell);
            // Theirs may say less than it could of what a rectangle holds, ours may not.
            if theirs.contains_cell(&s2_cell) {
                assert_eq!(relation, Relation::Inside, "{rect:?} {cell}");
            }
            if relation != Relation::Outside {
                assert!(theirs.intersects_cell(&s2_cell), "{rect:?} {cell}");
            }
        }
    }
}

#[test]
fn areas_lie_between_those_of_inner_and_outer_coverings() {
    for rect in rects() {
        let rules = Covering::of(400);
        let (inner, outer) = (rules.inner(&rect).area_sr(), rules.outer(&rect).area_sr());
        let area = rect.area_sr();
        assert!(inner <= area + 1e-12 && area <= outer + 1e-12, "{rect:?}");
        assert!(
            area < 0.5 || outer - inner <= 0.5 * area.sqrt(),
            "{rect:?} {inner} {area} {outer}"
        );
    }
    assert!((LatLngRect::whole().area_sr() - 4.0 * PI).abs() < 1e-14);
    assert_eq!(Covering::of(6).outer(&LatLngRect::whole()).cells().len(), 6);
}

#[test]
fn caps_around_rects_hold_them() {
    for rect in rects() {
        let cap = rect.bounding_cap();
        for n in 0..500 {
            let at = random_dir(n);
            assert!(
                !rect.contains(direction(at)) || cap.contains(direction(at)),
                "{rect:?}"
            );
        }
        for cell in Covering::of(60).inner(&rect).cells() {
            for point in points_of(*cell, 2) {
                assert!(angle(point, cap.centre()) <= cap.angle_rad(), "{rect:?}");
            }
        }
    }
}

#[test]
fn poles_lie_on_every_meridian_and_the_date_line_has_two_numbers() {
    let rect = |s, w, n, e| LatLngRect::from_degrees(s, w, n, e).unwrap();
    let pole = direction(glam::DVec3::Z);
    assert!(rect(80.0, 10.0, 90.0, 11.0).contains(pole));
    assert!(!rect(80.0, 10.0, 89.9, 11.0).contains(pole));
    for lng in [180.0, -180.0] {
        assert!(rect(-1.0, 170.0, 1.0, -170.0).contains(place(0.0, lng)));
        assert!(rect(-1.0, 170.0, 1.0, 180.0).contains(place(0.0, 179.999_999)));
    }
    for y in [0.0, -0.0] {
        let seam = direction(glam::DVec3::new(-1.0, y, 0.0));
        for (west, east) in [
            (-180.0, -170.0),
            (170.0, 180.0),
            (170.0, -170.0),
            (180.0, -170.0),
            (170.0, -180.0),
            (180.0, 180.0),
            (-180.0, -180.0),
            (180.0, -180.0),
            (-180.0, 180.0),
        ] {
            assert!(
                rect(-1.0, west, 1.0, east).contains(seam),
                "{west} {east} {y}"
            );
        }
        assert!(!rect(-1.0, -179.0, 1.0, 179.0).contains(seam));
    }
    // The sides belong to it: their numbers are compared, not a difference that rounds.
    for n in 0..2_000 {
        let at = direction(random_dir(n));
        let lng = bluemarble_spatial::LatLng::from_direction(at).lng_deg();
        if lng.to_radians() == bluemarble_spatial::maths::atan2(at.unit().y, at.unit().x) {
            let other = 360.0 * draw(n) - 180.0;
            assert!(rect(-90.0, lng, 90.0, other).contains(at), "{lng} {other}");
            assert!(rect(-90.0, other, 90.0, lng).contains(at), "{other} {lng}");
        }
    }
    assert_eq!(rect(0.0, 180.0, 1.0, -180.0).width_deg(), 0.0);
    assert_eq!(rect(0.0, -180.0, 1.0, 180.0).width_deg(), 360.0);
}

#[test]
fn bounds_of_no_rectangle_are_refused() {
    let bad = |s, w, n, e| LatLngRect::from_degrees(s, w, n, e).unwrap_err();
    for nan in [f64::NAN, f64::INFINITY, 90.1] {
        assert!(matches!(bad(nan, 0.0, 1.0, 1.0), BadRect::Latitude { .. }));
        assert!(matches!(bad(0.0, 0.0, nan, 1.0), BadRect::Latitude { .. }));
    }
    for nan in [f64::NAN, f64::NEG_INFINITY, -180.1] {
        assert!(matches!(bad(0.0, nan, 1.0, 1.0), BadRect::Longitude { .. }));
        assert!(matches!(bad(0.0, 0.0, 1.0, nan), BadRect::Longitude { .. }));
    }
    assert!(matches!(
        bad(2.0, 0.0, 1.0, 1.0),
        BadRect::UpsideDown { .. }
    ));
}
