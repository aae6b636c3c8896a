//! Geodetic coordinates: latitude, longitude and altitude over an ellipsoid of revolution, as
//! satellite navigation and surveyed data give them. The planets of this crate are balls; this is
//! the door for data of the real Earth.

use glam::DVec3;

use super::{BadVector, Geodetic, LatLng};
use crate::maths;

/// A figure between a ball and a flat disc, turned around the polar axis.
///
/// ```
/// use bluemarble_spatial::{Ellipsoid, Geodetic, LatLng};
///
/// let summit = Geodetic::new(LatLng::degrees(27.988, 86.925), 8_820.0)?;
/// let position = Ellipsoid::WGS84.to_position(summit);
/// let back = Ellipsoid::WGS84.to_geodetic(position)?;
/// assert!((back.altitude_m() - summit.altitude_m()).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipsoid {
    equatorial_m: f64,
    flattening: f64,
}

/// Numbers that describe no ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "an ellipsoid of {equatorial_m} m flattened by {flattening}: the radius must be finite and greater than zero, the flattening from 0 to {}",
    Ellipsoid::FLATTENING_MAX
)]
pub struct BadEllipsoid {
    /// The equatorial radius as given, metres.
    pub equatorial_m: f64,
    /// The flattening as given.
    pub flattening: f64,
}

impl Ellipsoid {
    /// The World Geodetic System 1984: equatorial radius 6378137 m, flattening 1/298.257223563
    /// (NIMA TR8350.2, third edition, 2000, table 3.1).
    pub const WGS84: Self = Self {
        equatorial_m: 6_378_137.0,
        flattening: 1.0 / 298.257_223_563,
    };

    /// Most flattened figure: the planets stay far below (Saturn, the flattest, has 0.098), and the
    /// precision promised here has been tested up to it.
    pub const FLATTENING_MAX: f64 = 0.5;

    /// From its equatorial radius, metres, and its flattening (1 − polar radius / equatorial radius).
    ///
    /// # Errors
    /// [`BadEllipsoid`] unless the radius is finite and greater than zero, and the flattening in
    /// 0 ..= [`FLATTENING_MAX`](Self::FLATTENING_MAX).
    pub fn new(equatorial_m: f64, flattening: f64) -> Result<Self, BadEllipsoid> {
        let is_radius = equatorial_m.is_finite() && equatorial_m > 0.0;
        if is_radius && (0.0..=Self::FLATTENING_MAX).contains(&flattening) {
            Ok(Self {
                equatorial_m,
                flattening,
            })
        } else {
            Err(BadEllipsoid {
                equatorial_m,
                flattening,
            })
        }
    }

    /// A ball: geodetic and geocentric latitude are the same.
    ///
    /// # Errors
    /// [`BadEllipsoid`] unless the radius is finite and greater than zero.
    pub fn sphere(radius_m: f64) -> Result<Self, BadEllipsoid> {
        Self::new(radius_m, 0.0)
    }

    /// From the centre to the equator, metres.
    #[must_use]
    pub fn equatorial_m(self) -> f64 {
        self.equatorial_m
    }

    /// From the centre to a pole, metres.
    #[must_use]
    pub fn polar_m(self) -> f64 {
        self.equatorial_m * (1.0 - self.flattening)
    }

    /// Square of the first eccentricity.
    #[must_use]
    pub fn eccentricity_squared(self) -> f64 {
        self.flattening * (2.0 - self.flattening)
    }

    /// The position of a place, metres, planet frame (for Earth: earth-centred, earth-fixed).
    #[must_use]
    pub fn to_position(self, place: Geodetic) -> DVec3 {
        let (sin_lat, cos_lat) = maths::sin_cos(place.at().lat_deg().to_radians());
        let (sin_lng, cos_lng) = maths::sin_cos(place.at().lng_deg().to_radians());
        let e2 = self.eccentricity_squared();
        // From the surface along the normal to the polar axis.
        let normal_m = self.equatorial_m / (1.0 - e2 * sin_lat * sin_lat).sqrt();
        let across_m = (normal_m + place.altitude_m()) * cos_lat;
        DVec3::new(
            across_m * cos_lng,
            across_m * sin_lng,
            (normal_m * (1.0 - e2) + place.altitude_m()) * sin_lat,
        )
    }

    /// The place of a position (metres, planet frame): that of the nearest point of the surface.
    /// Positions survive the way there and back to within a few units in the last place of the
    /// larger of their length and the radius (on Earth and up to the Moon's orbit, 10⁻⁶ m), anywhere
    /// from next to the centre to far outside. On the polar axis the longitude is 0; deep inside, on
    /// the disc in the equatorial plane where a northern and a southern point are equally near, the
    /// answer is the northern one.
    ///
    /// # Errors
    /// [`BadVector`] for the centre itself, and if the position or its length is not finite.
    ///
    /// # Method
    /// The nearest point of an ellipse as the largest root of a convex function (D. Eberly, "Distance
    /// from a Point to an Ellipse, an Ellipse, or a Hyperellipse", 2013, §2), by Newton's method from
    /// its left, where every step goes right and none beyond the root. Closed forms (H. Vermeille,
    /// Journal of Geodesy 85, 2011, 105–117) take one case more for each region of space.
    pub fn to_geodetic(self, position: DVec3) -> Result<Geodetic, BadVector> {
        let across_m = (position.x * position.x + position.y * position.y).sqrt();
        let height_m = position.z.abs();
        if !(across_m + height_m).is_finite() || across_m + height_m == 0.0 {
            return Err(BadVector(position));
        }
        // In units of the equatorial radius.
        let (p, z) = (across_m / self.equatorial_m, height_m / self.equatorial_m);
        let (cos, sin) = self.normal_of_nearest(p, z);
        let e2 = self.eccentricity_squared();
        let altitude_m =
            across_m * cos + height_m * sin - self.equatorial_m * (1.0 - e2 * sin * sin).sqrt();
        let sin = if position.z < 0.0 { -sin } else { sin };
        let at = LatLng::new(
            maths::atan2(sin, cos).to_degrees(),
            maths::atan2(position.y, position.x).to_degrees(),
        )
        .map_err(|_| BadVector(position))?;
        Geodetic::new(at, altitude_m).map_err(|_| BadVector(position))
    }

    /// Cosine and sine of the geodetic latitude of a point `p` off the axis and `z` ≥ 0 above the
    /// equatorial plane, in units of the equatorial radius.
    ///
    /// The nearest surface point to it is (p / (u + e²), z b² / u), b the polar radius, for the u > 0
    /// at which that lies on the ellipse: (p / (u + e²))² + (b z / u)² = 1.
    fn normal_of_nearest(self, p: f64, z: f64) -> (f64, f64) {
        /// Near the surface 3 to 9; 37 next to the evolute's cusp at the largest flattening, the worst found
        /// in a search of 600,000 places and nine figures.
        const STEPS_MAX: u32 = 64;
        /// So near to the equatorial plane (0.06 nm on Earth) is in it: no position resolves more.
        const IN_PLANE: f64 = 1e-17;
        let e2 = self.eccentricity_squared();
        let polar = 1.0 - self.flattening;
        let bz = if z > IN_PLANE { polar * z } else { 0.0 };
        // Where one of the two terms alone is 1 and their sum at least that.
        let start = if bz > p - e2 { bz } else { p - e2 };
        if start <= 0.0 {
            // On the disc within the evolute's cusps: u = 0, and bz / u follows from the ellipse.
            let off = if e2 > 0.0 { p / e2 } else { 0.0 };
            let up = (1.0 - off * off).sqrt();
            return unit(off, up / polar);
        }
        let mut u = start;
        for _ in 0..STEPS_MAX {
            let (out, up) = (p / (u + e2), bz / u);
            let excess = out * out + up * up - 1.0;
            let slope = out * out / (u + e2) + up * up / u;
            let next = u + 0.5 * excess / slope;
            if next <= u {
                break; // At the root to rounding.
            }
            u = next;
        }
        unit(p / (u + e2), bz / (polar * u))
    }
}

/// Two legs of a right triangle over its hypotenuse.
fn unit(x: f64, y: f64) -> (f64, f64) {
    let length = (x * x + y * y).sqrt();
    (x / length, y / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit as share};

    fn over(lat: f64, lng: f64, altitude_m: f64) -> Geodetic {
        Geodetic::new(LatLng::degrees(lat, lng), altitude_m).unwrap()
    }

    /// C. F. F. Karney's CartConvert (GeographicLib), example of its manual page; and the example of
    /// method 9602 in IOGP Publication 373-7-2 ("EPSG Guidance Note 7-2").
    #[test]
    fn published_conversions_come_out() {
        let cases = [
            (
                over(33.3, 44.4, 6_000.0),
                DVec3::new(3_816_209.60, 3_737_108.55, 3_485_109.57),
                6e-3,
            ),
            (
                over(
                    53.0 + 48.0 / 60.0 + 33.820 / 3_600.0,
                    2.0 + 7.0 / 60.0 + 46.380 / 3_600.0,
                    73.0,
                ),
                DVec3::new(3_771_793.968, 140_253.342, 5_124_304.349),
                0.02, // The thousandths of a second in the example are 3 cm.
            ),
        ];
        for (place, position, within_m) in cases {
            let got = Ellipsoid::WGS84.to_position(place);
            assert!((got - position).abs().max_element() < within_m, "{got}");
            let back = Ellipsoid::WGS84.to_geodetic(position).unwrap();
            assert!((back.altitude_m() - place.altitude_m()).abs() < 2.0 * within_m);
            assert!((back.at().lat_deg() - place.at().lat_deg()).abs() < within_m * 1e-5);
            assert!((back.at().lng_deg() - place.at().lng_deg()).abs() < within_m * 1e-5);
        }
        // TR8350.2, table 3.3.
        assert!((Ellipsoid::WGS84.polar_m() - 6_356_752.314_2).abs() < 5e-5);
        assert!((Ellipsoid::WGS84.eccentricity_squared() - 6.694_379_990_14e-3).abs() < 5e-15);
    }

    fn assert_returns(ellipsoid: Ellipsoid, position: DVec3) {
        let place = ellipsoid.to_geodetic(position).unwrap();
        let back = ellipsoid.to_position(place);
        let scale_m = position.length().max(ellipsoid.equatorial_m);
        assert!(
            back.distance(position) < 1.5e-15 * scale_m,
            "{position} {place:?} {back}: {} m",
            back.distance(position)
        );
    }

    #[test]
    fn positions_return_from_everywhere_between_the_centre_and_the_moon() {
        for n in 0..40_000_u64 {
            let draw = |k| share(mix64(5 * n + k));
            let dir = LatLng::degrees(180.0 * draw(0) - 90.0, 360.0 * draw(1) - 180.0).to_dir();
            let length_m = maths::pow(10.0, -6.0 + 14.6 * draw(2));
            assert_returns(Ellipsoid::WGS84, dir * length_m);
            let flattening = Ellipsoid::FLATTENING_MAX * draw(3);
            assert_returns(
                Ellipsoid::new(50_000.0, flattening).unwrap(),
                dir * length_m,
            );
            // Near the surface and inside, where the evolute is.
            let within = dir * (6_400_000.0 * draw(4));
            assert_returns(Ellipsoid::WGS84, within);
        }
    }

    #[test]
    fn positions_return_from_the_axis_the_equator_and_the_evolute() {
        let earth = Ellipsoid::WGS84;
        let cusp_m = earth.equatorial_m * earth.eccentricity_squared();
        let polar_cusp_m = cusp_m * earth.equatorial_m / earth.polar_m();
        let lengths = [
            1e-9,
            1e-3,
            1.0,
            1e4,
            cusp_m,
            cusp_m * (1.0 - 1e-15),
            cusp_m * (1.0 + 1e-15),
            polar_cusp_m,
            1e6,
            6_356_752.0,
            6_378_137.0,
            7e6,
            4e8,
        ];
        for length_m in lengths {
            for tiny in [0.0, 1e-300, 1e-20, 1e-12, 1e-9, 1e-6, 1e-3, 1.0] {
                for sign in [-1.0, 1.0] {
                    assert_returns(earth, DVec3::new(length_m, 0.0, sign * tiny));
                    assert_returns(earth, DVec3::new(0.0, -length_m, sign * tiny));
                    assert_returns(earth, DVec3::new(tiny, 0.0, sign * length_m));
                    assert_returns(earth, DVec3::new(0.0, sign * tiny, length_m));
                }
            }
        }
    }

    #[test]
    fn poles_date_line_and_disc_answer_as_documented() {
        let earth = Ellipsoid::WGS84;
        let geodetic = |x, y, z| earth.to_geodetic(DVec3::new(x, y, z)).unwrap();
        assert_eq!(
            geodetic(0.0, 0.0, earth.polar_m() + 100.0).at(),
            LatLng::degrees(90.0, 0.0)
        );
        assert!((geodetic(0.0, 0.0, -earth.polar_m() - 100.0).altitude_m() - 100.0).abs() < 1e-8);
        assert_eq!(
            geodetic(-7e6, 0.0, 0.0),
            over(0.0, 180.0, 7e6 - 6_378_137.0)
        );
        assert_eq!(geodetic(-7e6, -0.0, 0.0).at(), LatLng::degrees(0.0, -180.0));
        assert!(
            geodetic(1.0, 0.0, 0.0).at().lat_deg() > 89.0,
            "the northern of two"
        );
        assert!(
            geodetic(1.0, 0.0, -1e-30).at().lat_deg() < -89.0,
            "the southern"
        );
    }

    #[test]
    fn a_sphere_has_geocentric_latitudes() {
        let ball = Ellipsoid::sphere(1_000.0).unwrap();
        for n in 0..1_000_u64 {
            let draw = |k| share(mix64(3 * n + k)) - 0.5;
            let position = DVec3::new(draw(0), draw(1), draw(2)) * 5_000.0;
            let place = ball.to_geodetic(position).unwrap();
            let below = LatLng::from_dir(position);
            assert!((place.at().lat_deg() - below.lat_deg()).abs() < 1e-13);
            assert!((place.altitude_m() + 1_000.0 - position.length()).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_no_ellipsoid_or_position_is_refused() {
        for bad in [
            DVec3::ZERO,
            DVec3::NAN,
            DVec3::X * f64::INFINITY,
            DVec3::Y * 1e300,
        ] {
            assert!(Ellipsoid::WGS84.to_geodetic(bad).is_err(), "{bad}");
        }
        for (radius_m, flattening) in [
            (0.0, 0.0),
            (f64::NAN, 0.0),
            (f64::INFINITY, 0.0),
            (1.0, -0.1),
            (1.0, 0.6),
            (1.0, f64::NAN),
        ] {
            assert!(Ellipsoid::new(radius_m, flattening).is_err());
        }
        assert!(Ellipsoid::sphere(-1.0).is_err());
    }
}
