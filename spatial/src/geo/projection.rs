//! Map projections of the unit ball: the plane of a viewer's or a designer's map, x to the right,
//! y up, lengths in radii of the ball (times its radius they are metres, true where the map is).
//!
//! Formulas: J. P. Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395, 1987;
//! written on unit vectors, which need neither latitudes nor cases for the poles.
//!
//! ```text
//!   equirectangular          Web Mercator           orthographic        gnomonic, to 60°
//!   +-------------+ +π/2    +-------------+ +π          ___ +1             ___ +√3
//!   |             |         |   85.05° N  |           /     \            /     \
//!   |      +      |         |             |          |   +   |          |   +   |
//!   |             |         |      +      |           \ ___ /            \ ___ /
//!   +-------------+         |             |          half the ball,     great circles
//!  -π            +π         +-------------+          from far away      are straight
//! ```

use core::f64::consts::{FRAC_PI_2, PI};

use glam::{DVec2, DVec3};

use super::{Direction, TangentFrame};
use crate::maths;

/// How far beyond an edge rounding may put a place that is on it.
const EDGE: f64 = 4e-15;

/// A way to draw the ball on a plane.
///
/// ```
/// use bluemarble_spatial::{LatLng, Projection};
/// use glam::DVec2;
///
/// let paris = LatLng::degrees(48.86, 2.35).to_direction();
/// let map = Projection::Orthographic { centre: paris };
/// assert!(map.forward(paris).is_some_and(|at| at.length() < 1e-15));
/// assert_eq!(map.forward(paris.antipode()), None, "on the far side");
/// assert_eq!(map.inverse(DVec2::new(0.9, 0.9)), None, "in the corner beside the ball");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// Longitude and latitude in radians as x and y (plate carrée; Snyder ch. 12, eq. 12-1 and
    /// 12-2 with the equator as standard parallel). Meridians true to scale. The pole is a line:
    /// it is drawn at longitude 0.
    Equirectangular,
    /// The square of web maps (EPSG:3857; Snyder ch. 7, eq. 7-1 and 7-2 on the sphere): conformal,
    /// up to latitudes ±85.05°, where y = ±π. Web maps of Earth multiply by 6378137 m, whatever the
    /// latitude's ellipsoid.
    WebMercator,
    /// The hemisphere around a place as seen from far away (Snyder ch. 20, eq. 20-3 and 20-4), north
    /// up. Near the rim a distance on the map says little: inverse of forward is right to 10⁻⁸ there.
    Orthographic {
        /// The middle of the map.
        centre: Direction,
    },
    /// From the ball's centre on to the plane that touches it at a place (Snyder ch. 22, eq. 22-4 and
    /// 22-5), north up: every great circle is a straight line. A hemisphere would need an infinite
    /// map; this one ends at [`GNOMONIC_RAD_MAX`](Self::GNOMONIC_RAD_MAX) from the middle.
    Gnomonic {
        /// The middle of the map.
        centre: Direction,
    },
}

impl Projection {
    /// How far from its middle a gnomonic map goes, radians: at 60° lengths are drawn two times
    /// (across) and four times (outwards) too long, beyond that the map is of little use.
    pub const GNOMONIC_RAD_MAX: f64 = PI / 3.0;
    /// Cosine of that angle.
    const GNOMONIC_COS: f64 = 0.5;
    /// Its tangent, √3: the radius of the map.
    const GNOMONIC_TAN: f64 = 1.732_050_807_568_877_2;

    /// Where a place is on the map; `None` if the map does not show it. The date line is at the left
    /// or right edge by the sign of the place's y.
    #[must_use]
    pub fn forward(&self, place: Direction) -> Option<DVec2> {
        let unit = place.unit();
        match *self {
            Self::Equirectangular => {
                let lat = maths::atan2(unit.z, across(unit));
                Some(DVec2::new(maths::atan2(unit.y, unit.x), lat))
            }
            Self::WebMercator => {
                // asinh(tan φ), from which Snyder's ln tan(π/4 + φ/2) does not differ.
                let y = maths::ln((unit.z.abs() + 1.0) / across(unit));
                if y > PI + EDGE {
                    return None;
                }
                let y = y.clamp(0.0, PI);
                let y = if unit.z < 0.0 { -y } else { y };
                Some(DVec2::new(maths::atan2(unit.y, unit.x), y))
            }
            Self::Orthographic { centre } => {
                let local = TangentFrame::at(centre).to_local(unit);
                (local.z >= 0.0).then(|| local.truncate())
            }
            Self::Gnomonic { centre } => {
                let local = TangentFrame::at(centre).to_local(unit);
                (local.z >= Self::GNOMONIC_COS - EDGE).then(|| local.truncate() / local.z)
            }
        }
    }

    /// The place at a point of the map; `None` outside it, and for points that are not finite.
    #[must_use]
    pub fn inverse(&self, point: DVec2) -> Option<Direction> {
        let DVec2 { x, y } = point;
        let unit = match *self {
            Self::Equirectangular => {
                if !(x.abs() <= PI && y.abs() <= FRAC_PI_2) {
                    return None;
                }
                let (sin_lat, cos_lat) = maths::sin_cos(y);
                on_meridian(x, cos_lat, sin_lat)
            }
            Self::WebMercator => {
                if !(x.abs() <= PI && y.abs() <= PI) {
                    return None;
                }
                // cos φ = 1 / cosh y, sin φ = tanh y, by e^|y|.
                let e = maths::exp(y.abs());
                let sin_lat = (e * e - 1.0) / (e * e + 1.0);
                let sin_lat = if y < 0.0 { -sin_lat } else { sin_lat };
                on_meridian(x, 2.0 * e / (e * e + 1.0), sin_lat)
            }
            Self::Orthographic { centre } => {
                let up_squared = 1.0 - point.length_squared();
                let on_map = up_squared >= 0.0;
                if !on_map {
                    return None;
                }
                TangentFrame::at(centre).to_planet(point.extend(up_squared.sqrt()))
            }
            Self::Gnomonic { centre } => {
                let on_map = point.length() <= Self::GNOMONIC_TAN + EDGE;
                if !on_map {
                    return None;
                }
                TangentFrame::at(centre).to_planet(point.extend(1.0))
            }
        };
        Direction::new(unit).ok()
    }

    /// The corners, lower left and upper right, of the smallest rectangle around the whole map.
    #[must_use]
    pub fn extent(&self) -> (DVec2, DVec2) {
        let corner = match self {
            Self::Equirectangular => DVec2::new(PI, FRAC_PI_2),
            Self::WebMercator => DVec2::splat(PI),
            Self::Orthographic { .. } => DVec2::ONE,
            Self::Gnomonic { .. } => DVec2::splat(Self::GNOMONIC_TAN),
        };
        (-corner, corner)
    }
}

/// Distance from the polar axis.
fn across(unit: DVec3) -> f64 {
    (unit.x * unit.x + unit.y * unit.y).sqrt()
}

/// Of a longitude, and the cosine and sine of a latitude.
fn on_meridian(lng_rad: f64, cos_lat: f64, sin_lat: f64) -> DVec3 {
    let (sin_lng, cos_lng) = maths::sin_cos(lng_rad);
    DVec3::new(cos_lat * cos_lng, cos_lat * sin_lng, sin_lat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LatLng;
    use crate::mix::{mix64, unit as share};

    fn at(lat: f64, lng: f64) -> Direction {
        LatLng::degrees(lat, lng).to_direction()
    }

    fn all(centre: Direction) -> [Projection; 4] {
        [
            Projection::Equirectangular,
            Projection::WebMercator,
            Projection::Orthographic { centre },
            Projection::Gnomonic { centre },
        ]
    }

    fn assert_draws(map: Projection, place: Direction, x: f64, y: f64, within: f64) {
        let got = map.forward(place).expect("on the map");
        assert!(got.distance(DVec2::new(x, y)) < within, "{map:?} {got}");
        let back = map.inverse(got).expect("on the map");
        assert!(back.angle_to(place) < 1e-14, "{map:?}");
    }

    /// Snyder's numerical examples on the unit sphere (appendix A, by projection); and the example of
    /// method 1024 in IOGP Publication 373-7-2.
    #[test]
    fn published_examples_come_out() {
        let centre = at(40.0, -100.0);
        let place = at(30.0, -110.0);
        let orthographic = Projection::Orthographic { centre };
        assert_draws(orthographic, place, -0.150_383_7, -0.165_191_1, 1e-7);
        assert_draws(
            Projection::Gnomonic { centre },
            place,
            -0.154_282_6,
            -0.169_473_9,
            1e-7,
        );
        // Their longitudes count from 180° W and 90° W.
        let mercator = Projection::WebMercator;
        assert_draws(mercator, at(35.0, 105.0), 1.832_595_7, 0.652_836_6, 1e-7);
        let plate_carree = Projection::Equirectangular;
        assert_draws(plate_carree, at(50.0, 15.0), 0.261_799_4, 0.872_664_6, 1e-7);
        let lat = 24.0 + 22.0 / 60.0 + 54.433 / 3_600.0;
        let got = mercator.forward(at(lat, -100.0 - 1.0 / 3.0)).unwrap() * 6_378_137.0;
        assert!(
            got.distance(DVec2::new(-11_169_055.58, 2_800_000.00)) < 0.03,
            "{got}"
        );
    }

    #[test]
    fn places_survive_the_way_to_the_map_and_back() {
        let mut shown = [0; 4];
        for n in 0..4_000_u64 {
            let draw = |k| 2.0 * share(mix64(6 * n + k)) - 1.0;
            let centre = Direction::new(DVec3::new(draw(0), draw(1), draw(2))).unwrap();
            let place = Direction::new(DVec3::new(draw(3), draw(4), draw(5))).unwrap();
            for (map, shown) in all(centre).into_iter().zip(&mut shown) {
                let Some(point) = map.forward(place) else {
                    continue;
                };
                *shown += 1;
                let (low, high) = map.extent();
                assert!(
                    point.cmpge(low).all() && point.cmple(high).all(),
                    "{map:?} {point}"
                );
                let back = map.inverse(point).unwrap();
                // A rim seen edge on: √ of the rounding.
                let near = if matches!(map, Projection::Orthographic { .. }) {
                    3e-8
                } else {
                    2e-15
                };
                assert!(back.angle_to(place) < near, "{map:?} {point}");
            }
        }
        assert_eq!(shown[0], 4_000);
        assert!((3_950..4_000).contains(&shown[1]), "{shown:?}");
        assert!((1_900..2_100).contains(&shown[2]), "half: {shown:?}");
        assert!((900..1_100).contains(&shown[3]), "a quarter: {shown:?}");
    }

    #[test]
    fn points_survive_the_way_to_the_ball_and_back() {
        for centre in [at(90.0, 0.0), at(-90.0, 0.0), at(0.0, 180.0), at(48.0, 2.0)] {
            for map in all(centre) {
                let (low, high) = map.extent();
                for n in 0..500_u64 {
                    let draw = |k| share(mix64(2 * n + k));
                    let point = low + (high - low) * DVec2::new(draw(0), draw(1));
                    let Some(place) = map.inverse(point) else {
                        continue;
                    };
                    let Some(back) = map.forward(place) else {
                        panic!("{map:?} {point} is off the map again")
                    };
                    assert!(back.distance(point) < 2e-14, "{map:?} {point} {back}");
                }
            }
        }
    }

    #[test]
    fn corners_edges_and_poles_are_where_the_extent_says() {
        use Projection::{Equirectangular, WebMercator};
        let pole = Direction::new(DVec3::Z).unwrap();
        assert_eq!(
            Equirectangular.forward(pole),
            Some(DVec2::new(0.0, FRAC_PI_2))
        );
        assert_eq!(WebMercator.forward(pole), None);
        assert_eq!(WebMercator.forward(pole.antipode()), None);
        for map in [Equirectangular, WebMercator] {
            let (low, high) = map.extent();
            for corner in [
                low,
                high,
                DVec2::new(low.x, high.y),
                DVec2::new(high.x, low.y),
            ] {
                let place = map.inverse(corner).expect("on the map");
                assert!(map.forward(place).is_some(), "{map:?} {corner}");
            }
            let right = map.inverse(DVec2::new(PI, 0.3)).unwrap();
            let left = map.inverse(DVec2::new(-PI, 0.3)).unwrap();
            assert!(right.angle_to(left) < 1e-15, "one meridian");
            assert_eq!(map.inverse(high * 1.000_001), None);
        }
        let rim = WebMercator.inverse(DVec2::new(0.0, PI)).unwrap();
        assert!((LatLng::from_direction(rim).lat_deg() - 85.051_128_779_8).abs() < 1e-9);
        let centre = at(12.0, 34.0);
        let gnomonic = Projection::Gnomonic { centre };
        assert!(
            gnomonic
                .forward(centre.destination(1.0, Projection::GNOMONIC_RAD_MAX))
                .is_some()
        );
        assert_eq!(gnomonic.forward(centre.destination(1.0, 1.05)), None);
        assert_eq!(gnomonic.forward(centre.antipode()), None);
        assert_eq!(
            gnomonic.inverse(gnomonic.extent().1),
            None,
            "a corner beside the disc"
        );
    }

    #[test]
    fn great_circles_are_straight_on_a_gnomonic_map() {
        let centre = at(-30.0, 179.0);
        let map = Projection::Gnomonic { centre };
        let (a, b) = (centre.destination(0.4, 0.9), centre.destination(3.0, 0.8));
        let (from, to) = (map.forward(a).unwrap(), map.forward(b).unwrap());
        for n in 0..=20 {
            let between = a.interpolate(b, f64::from(n) / 20.0).unwrap();
            let at = map.forward(between).unwrap();
            assert!((to - from).perp_dot(at - from).abs() < 1e-14);
        }
    }

    #[test]
    fn points_that_are_not_finite_are_off_every_map() {
        for map in all(at(0.0, 0.0)) {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert_eq!(map.inverse(DVec2::new(bad, 0.0)), None, "{map:?}");
                assert_eq!(map.inverse(DVec2::new(0.0, bad)), None, "{map:?}");
            }
        }
    }
}
