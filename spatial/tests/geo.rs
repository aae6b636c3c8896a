//! Great circles, frames, transport, ellipsoids and maps as a geographer would doubt them: laws that
//! must hold at drawn places and at every awkward one, and bits that must not move.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use bluemarble_spatial::{
    Direction, Ellipsoid, Geodetic, LatLng, Projection, TangentFrame, maths, mix, transport,
    transport_along,
};
use glam::{DVec2, DVec3};

/// 0 ..< 1, different for each pair.
fn draw(n: u64, purpose: u64) -> f64 {
    mix::unit(mix::mix64(mix::mix64(n) ^ purpose))
}

/// Uniform over the ball.
fn drawn(n: u64) -> Direction {
    let (z, lng) = (2.0 * draw(n, 1) - 1.0, TAU * draw(n, 2));
    let across = (1.0 - z * z).sqrt();
    Direction::new(DVec3::new(
        across * maths::cos(lng),
        across * maths::sin(lng),
        z,
    ))
    .unwrap()
}

/// Poles and next to them, the date line from both sides, edges and vertices of the cube, and drawn
/// places.
fn places() -> Vec<Direction> {
    let mut places = vec![
        DVec3::Z,
        DVec3::NEG_Z,
        DVec3::new(1e-12, -1e-13, 1.0),
        DVec3::new(-1e-9, 0.0, -1.0),
        DVec3::NEG_X,
        DVec3::new(-1.0, 1e-16, 0.0),
        DVec3::new(-1.0, -1e-16, 0.3),
        DVec3::X,
        DVec3::NEG_Y,
        DVec3::ONE,
        DVec3::NEG_ONE,
        DVec3::new(1.0, -1.0, 0.0),
        DVec3::new(0.0, 1.0, 1.0),
    ];
    places.extend((0..27).map(|n| drawn(n).unit()));
    places.extend((0..5).map(|n| -drawn(n).unit()));
    places
        .into_iter()
        .map(|v| Direction::new(v).unwrap())
        .collect()
}

fn at(lat: f64, lng: f64) -> Direction {
    LatLng::degrees(lat, lng).to_direction()
}

/// Between bearings.
fn turn(a: f64, b: f64) -> f64 {
    let turn = (a - b).abs() % TAU;
    if turn > PI { TAU - turn } else { turn }
}

#[test]
fn angles_are_a_metric_that_agrees_with_the_chord() {
    let places = places();
    for &a in &places {
        assert_eq!(a.angle_to(a), 0.0);
        for &b in &places {
            let ab = a.angle_to(b);
            assert_eq!(
                ab.to_bits(),
                b.angle_to(a).to_bits(),
                "symmetric to the bit"
            );
            assert!((0.0..=PI).contains(&ab));
            assert!(ab > 0.0 || a.unit() == b.unit());
            assert!((a.chord_to(b) - 2.0 * maths::sin(0.5 * ab)).abs() < 1e-15);
            // The naive formulas, where they are good.
            let (sin, cos) = (a.unit().cross(b.unit()).length(), a.unit().dot(b.unit()));
            assert!((ab - maths::atan2(sin, cos)).abs() < 1e-15);
            for &c in &places {
                assert!(
                    a.angle_to(c) <= ab + b.angle_to(c) + 2e-15,
                    "{a:?} {b:?} {c:?}"
                );
            }
        }
    }
}

#[test]
fn destination_bearing_and_distance_agree() {
    for (n, place) in places().into_iter().enumerate() {
        for k in 0..200 {
            let n = n as u64;
            let bearing = TAU * draw(n, 10 + k);
            // From a micrometre on Earth to next to the antipode.
            let angle = maths::pow(10.0, -13.0 + 13.49 * draw(n, 5_000 + k));
            let there = place.destination(bearing, angle);
            assert!((place.angle_to(there) - angle).abs() < 1e-15, "{angle}");
            assert!((there.unit().length() - 1.0).abs() < 5e-16);
            let off = turn(place.initial_bearing_to(there).unwrap(), bearing);
            // Rounding of the destination, seen from here.
            let near = 2e-15 + 1e-15 / maths::sin(angle).abs();
            assert!(off < near, "{place:?} {bearing} {angle}: {off}");
            // Behind one is where one came from.
            let back = there.destination(there.initial_bearing_to(place).unwrap(), angle);
            assert!(back.angle_to(place) < 4e-15);
        }
    }
}

#[test]
fn points_between_divide_the_arc() {
    let places = places();
    for &a in &places {
        for &b in &places {
            let Some(middle) = a.midpoint(b) else {
                assert!(a.angle_to(b.antipode()) < 1e-14);
                assert_eq!(a.interpolate(b, 0.5), None);
                continue;
            };
            let whole = a.angle_to(b);
            // Near antipodes the middle is as uncertain as the arc's plane; not its distances.
            assert!((a.angle_to(middle) - 0.5 * whole).abs() < 2e-15);
            assert!((b.angle_to(middle) - 0.5 * whole).abs() < 2e-15);
            assert_eq!(a.interpolate(b, 1.0), Some(b));
            assert!(a.interpolate(b, 0.0).unwrap().angle_to(a) < 1e-15);
            for share in [0.25, 0.5, 0.9] {
                let part = a.interpolate(b, share).unwrap();
                assert!((a.angle_to(part) - share * whole).abs() < 3e-15);
                assert!(
                    (part.angle_to(b) - (1.0 - share) * whole).abs() < 1e-14 + 1e-15 / (PI - whole)
                );
            }
        }
    }
}

#[test]
fn cross_and_along_track_are_the_legs_of_a_right_triangle() {
    for n in 0..3_000 {
        let [start, end, place] = [3 * n, 3 * n + 1, 3 * n + 2].map(drawn);
        let cross = place.cross_track_to(start, end).unwrap();
        let along = place.along_track_to(start, end).unwrap();
        let course = start.initial_bearing_to(end).unwrap();
        let foot = start.destination(course, along);
        assert!((foot.angle_to(place) - cross.abs()).abs() < 1e-14);
        // Napier: cos c = cos a cos b.
        let cos = maths::cos(cross) * maths::cos(along);
        assert!((cos - start.unit().dot(place.unit())).abs() < 1e-14);
        // No other point of the circle is nearer.
        for k in 0..20 {
            let other = start.destination(course, TAU * draw(n, 100 + k));
            assert!(other.angle_to(place) >= cross.abs() - 1e-14);
        }
        // Right of the course on the way there is left of it on the way back.
        let back = place.cross_track_to(end, start).unwrap();
        assert!((back + cross).abs() < 1e-13);
        let bearing = start.initial_bearing_to(place).unwrap();
        let is_right = maths::sin(bearing - course) > 0.0;
        assert_eq!(cross > 0.0, is_right);
    }
}

#[test]
fn transport_keeps_lengths_angles_and_tangency() {
    let places = places();
    for (n, &a) in places.iter().enumerate() {
        for &b in &places {
            let frame = TangentFrame::at(a);
            let heading = frame.heading(TAU * draw(n as u64, 7)) * 3.0;
            let Some(there) = transport(heading, a, b) else {
                assert!(a.angle_to(b.antipode()) < 1e-14);
                continue;
            };
            assert!((there.length() - 3.0).abs() < 1e-14);
            // Near antipodes the rounding of the ends counts over their distance from being so.
            let near = 1e-14 + 1e-14 / a.angle_to(b.antipode());
            assert!(there.dot(b.unit()).abs() < near, "{a:?} {b:?}");
            let other = transport(frame.heading(1.0), a, b).unwrap();
            let before = heading.dot(frame.heading(1.0));
            assert!((there.dot(other) - before).abs() < 1e-14);
            let back = transport(there, b, a).unwrap();
            assert!(back.distance(heading) < near);
            // The course keeps ahead.
            if let (Some(ahead), Some(behind)) = (a.initial_bearing_to(b), b.initial_bearing_to(a))
            {
                let ahead = transport(frame.heading(ahead), a, b).unwrap();
                let behind = TangentFrame::at(b).heading(behind);
                let near = near + 1e-14 / maths::sin(a.angle_to(b));
                assert!(ahead.distance(-behind) < near, "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn around_a_triangle_a_heading_turns_by_the_enclosed_area() {
    for n in 0..3_000 {
        let [a, b, c] = [3 * n, 3 * n + 1, 3 * n + 2].map(drawn);
        let (ua, ub, uc) = (a.unit(), b.unit(), c.unit());
        // Signed area of a triangle on the unit sphere (A. van Oosterom and J. Strackee, "The solid
        // angle of a plane triangle", IEEE Trans. Biomed. Eng. 30, 1983, eq. 8).
        let volume = ua.dot(ub.cross(uc));
        let area = 2.0 * maths::atan2(volume, 1.0 + ua.dot(ub) + ub.dot(uc) + uc.dot(ua));
        let frame = TangentFrame::at(a);
        let turned = transport_along(frame.north, &[a, b, c, a]).unwrap();
        // Anticlockwise for a loop that goes anticlockwise.
        let left = maths::atan2(-turned.dot(frame.east), turned.dot(frame.north));
        assert!(turn(left, area) < 1e-12, "{area} {left}");
    }
}

#[test]
fn around_a_parallel_a_heading_turns_by_the_cap() {
    // Many short arcs: the loop tends to the parallel, the area to the cap's 2π (1 − sin φ).
    for lat in [89.0, 60.0, 10.0, -45.0] {
        let steps = 20_000;
        let path: Vec<_> = (0..=steps)
            .map(|n| at(lat, 360.0 * f64::from(n % steps) / f64::from(steps) - 180.0))
            .collect();
        let frame = TangentFrame::at(path[0]);
        let turned = transport_along(frame.north, &path).unwrap();
        assert!((turned.length() - 1.0).abs() < 1e-12);
        let left = maths::atan2(-turned.dot(frame.east), turned.dot(frame.north));
        let cap = TAU * (1.0 - maths::sin(lat.to_radians()));
        assert!(turn(left, cap) < 1e-6, "{lat} {left} {cap}");
    }
}

#[test]
fn a_fixed_bearing_is_not_straight_but_a_transported_heading_is() {
    let (start, step) = (at(60.0, 0.0), 1e-3);
    let mut place = start;
    let mut heading = TangentFrame::at(start).east;
    for _ in 0..1_000 {
        let bearing = TangentFrame::at(place).bearing_of(heading).unwrap();
        let next = place.destination(bearing, step);
        heading = transport(heading, place, next).unwrap();
        place = next;
    }
    assert!(place.angle_to(start.destination(FRAC_PI_2, 1.0)) < 1e-12);
    let parallel = at(60.0, (1.0 / maths::cos(60_f64.to_radians())).to_degrees());
    assert!(place.angle_to(parallel) > 0.1);
}

#[test]
fn geodetic_places_survive_every_altitude() {
    for n in 0..20_000 {
        let at = LatLng::degrees(180.0 * draw(n, 1) - 90.0, 360.0 * draw(n, 2) - 180.0);
        // From 100 km above the evolute's outermost cusp to a geostationary orbit.
        let altitude_m = -6_200_000.0 + 42_000_000.0 * draw(n, 3) * draw(n, 4);
        let place = Geodetic::new(at, altitude_m).unwrap();
        let position = Ellipsoid::WGS84.to_position(place);
        let back = Ellipsoid::WGS84.to_geodetic(position).unwrap();
        let off_m = Ellipsoid::WGS84.to_position(back).distance(position);
        assert!(off_m < 1e-7, "{place:?}: {off_m} m");
        assert!((back.altitude_m() - place.altitude_m()).abs() < 1e-7);
        // A micrometre seen from as near to the centre as this goes.
        assert!(
            (back.at().lat_deg() - place.at().lat_deg()).abs() < 1e-10,
            "{place:?} {back:?}"
        );
    }
}

/// The nearest of many points of the surface, by brute force.
#[test]
fn the_altitude_is_the_distance_from_the_surface() {
    let squashed = Ellipsoid::new(1_000.0, 0.3).unwrap();
    for n in 0..40 {
        let position = drawn(n).unit() * (2_000.0 * draw(n, 9));
        let got = squashed.to_geodetic(position).unwrap();
        let mut nearest_m = f64::INFINITY;
        for k in -9_000..=9_000 {
            let at = LatLng::degrees(f64::from(k) * 0.01, got.at().lng_deg());
            let on = Geodetic::new(at, 0.0).unwrap();
            let distance_m = squashed.to_position(on).distance(position);
            if distance_m < nearest_m {
                nearest_m = distance_m;
            }
        }
        assert!(
            got.altitude_m().abs() <= nearest_m + 1e-9,
            "{position} {got:?}"
        );
        assert!(
            got.altitude_m().abs() >= nearest_m - 0.01,
            "{position} {got:?}"
        );
    }
}

/// Golden bits: the same on every CPU and with every target feature, or recorded worlds diverge.
#[test]
fn results_are_pinned_to_the_last_bit() {
    let (a, b, c) = (
        at(48.8566, 2.3522),
        at(-33.8688, 151.2093),
        at(64.1466, -21.9426),
    );
    let map = |projection: Projection| projection.forward(c).unwrap();
    let inverse =
        |projection: Projection| projection.inverse(DVec2::new(0.3, -0.2)).unwrap().unit();
    let orthographic = Projection::Orthographic { centre: a };
    let gnomonic = Projection::Gnomonic { centre: a };
    let geodetic = Ellipsoid::WGS84
        .to_geodetic(a.unit() * 6_400_000.0)
        .unwrap();
    let heading = TangentFrame::at(a).heading(0.7);
    let results = [
        a.angle_to(b),
        a.initial_bearing_to(b).unwrap(),
        c.cross_track_to(a, b).unwrap(),
        c.along_track_to(a, b).unwrap(),
        a.midpoint(b).unwrap().unit().x,
        a.interpolate(b, 0.3).unwrap().unit().y,
        a.destination(2.1, 0.4).unit().z,
        transport(heading, a, b).unwrap().x,
        geodetic.at().lat_deg(),
        geodetic.altitude_m(),
        Ellipsoid::WGS84.to_position(geodetic).z,
        map(Projection::Equirectangular).y,
        map(Projection::WebMercator).y,
        map(orthographic).x,
        map(gnomonic).y,
        inverse(Projection::WebMercator).z,
        inverse(orthographic).x,
        inverse(gnomonic).y,
    ];
    let bits = results.map(f64::to_bits);
    assert_eq!(bits, GOLDEN, "{bits:#018x?} {results:?}");
}

const GOLDEN: [u64; 18] = [
    0x4005_4c10_56cf_fd8f,
    0x3ff3_2661_cfd8_0e25,
    0xbfd6_129f_10c8_12a0,
    0xbfb0_59d3_f6ab_4759,
    0xbfc2_f1e9_07d1_7e13,
    0x3fe5_aac4_d5cc_c654,
    0x3fe2_0e7e_6c56_806b,
    0xbfd6_5880_f864_2c1e,
    0x4048_85e9_5d5b_06e2,
    0x40e0_9c15_1f4f_7f00,
    0x4152_62a8_5f1f_8743,
    0x3ff1_e9c1_936c_2b0f,
    0x3ff7_8c54_a9fc_88e9,
    0xbfc6_f701_552e_1dd6,
    0x3fd3_f395_6e71_bfd9,
    0xbfc9_4398_30b3_a592,
    0x3fe8_0b09_d9c3_1e68,
    0x3fd4_0b68_4c18_0e22,
];
