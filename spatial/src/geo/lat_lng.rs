//! Geographic coordinates, for people and files. The simulation itself never uses them: they have
//! poles and a date line, directions have neither.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use super::Direction;
use crate::maths;

/// A place on the sphere in degrees. It exists only with both numbers finite and in range.
///
/// At a pole every longitude is the same place, and −180° is the same meridian as 180°; the numbers
/// are kept as they were given and compare as numbers. Compare places by their direction.
///
/// ```
/// use bluemarble_spatial::LatLng;
///
/// let paris = LatLng::new(48.86, 2.35)?;
/// let back = LatLng::from_direction(paris.to_direction());
/// assert!((back.lng_deg() - 2.35).abs() < 1e-12);
/// assert!(LatLng::new(2.35, f64::NAN).is_err());
/// # Ok::<(), bluemarble_spatial::BadCoordinate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Degrees", into = "Degrees")]
pub struct LatLng {
    lat_deg: f64,
    lng_deg: f64,
}

/// Numbers that name no place on the globe.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "there is no latitude {lat_deg} with longitude {lng_deg}: they go from -90 to 90 and from -180 to 180 degrees"
)]
pub struct BadCoordinate {
    /// The latitude as given, degrees.
    pub lat_deg: f64,
    /// The longitude as given, degrees.
    pub lng_deg: f64,
}

/// What is in files, not yet checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "LatLng")]
struct Degrees {
    lat_deg: f64,
    lng_deg: f64,
}

impl LatLng {
    /// From degrees: latitude −90 (south pole) ..= 90, longitude −180 ..= 180, east positive.
    ///
    /// # Errors
    /// [`BadCoordinate`] if either is out of its range or not a number.
    pub const fn new(lat_deg: f64, lng_deg: f64) -> Result<Self, BadCoordinate> {
        // Not the negation: a NaN fails every comparison.
        if lat_deg.abs() <= 90.0 && lng_deg.abs() <= 180.0 {
            Ok(Self { lat_deg, lng_deg })
        } else {
            Err(BadCoordinate { lat_deg, lng_deg })
        }
    }

    /// The same for numbers that stand in the program; in a `const`, a wrong one does not compile.
    ///
    /// # Panics
    /// If they name no place.
    #[must_use]
    pub const fn degrees(lat_deg: f64, lng_deg: f64) -> Self {
        match Self::new(lat_deg, lng_deg) {
            Ok(place) => place,
            Err(_) => panic!("a latitude is -90 ..= 90 degrees, a longitude -180 ..= 180"),
        }
    }

    /// Latitude in degrees, −90 (south pole) ..= 90.
    #[inline]
    #[must_use]
    pub const fn lat_deg(self) -> f64 {
        self.lat_deg
    }

    /// Longitude in degrees, −180 ..= 180, east positive.
    #[inline]
    #[must_use]
    pub const fn lng_deg(self) -> f64 {
        self.lng_deg
    }

    /// The unit direction from the planet's centre: x towards (0°, 0°), z towards the north pole.
    #[must_use]
    pub fn to_dir(self) -> DVec3 {
        let (sin_lat, cos_lat) = maths::sin_cos(self.lat_deg.to_radians());
        let (sin_lng, cos_lng) = maths::sin_cos(self.lng_deg.to_radians());
        DVec3::new(cos_lat * cos_lng, cos_lat * sin_lng, sin_lat)
    }

    /// The same, typed.
    #[must_use]
    pub fn to_direction(self) -> Direction {
        Direction::of_unit(self.to_dir())
    }

    /// The place below a vector of any length that [`Direction::new`] takes. At a pole the
    /// longitude is 0; the date line is 180 or −180 by the sign of `dir.y`. Without a direction the
    /// answer means nothing, (0°, 0°) for a NaN; where that may happen, ask [`Direction::new`] first.
    #[must_use]
    pub fn from_dir(dir: DVec3) -> Self {
        let across = (dir.x * dir.x + dir.y * dir.y).sqrt();
        let lat_deg = maths::atan2(dir.z, across).to_degrees();
        let lng_deg = maths::atan2(dir.y, dir.x).to_degrees();
        Self::new(lat_deg, lng_deg).unwrap_or_default()
    }

    /// The place below a direction; see [`from_dir`](Self::from_dir).
    #[must_use]
    pub fn from_direction(direction: Direction) -> Self {
        Self::from_dir(direction.unit())
    }
}

impl TryFrom<Degrees> for LatLng {
    type Error = BadCoordinate;

    fn try_from(degrees: Degrees) -> Result<Self, BadCoordinate> {
        Self::new(degrees.lat_deg, degrees.lng_deg)
    }
}

impl From<LatLng> for Degrees {
    fn from(place: LatLng) -> Self {
        Self {
            lat_deg: place.lat_deg,
            lng_deg: place.lng_deg,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_survive_the_way_to_a_direction_and_back() {
        for lat in -9..=9 {
            for lng in -17..=18 {
                let here = LatLng::degrees(f64::from(lat) * 9.9, f64::from(lng) * 10.0);
                let back = LatLng::from_dir(here.to_dir() * 5.0);
                assert!((back.lat_deg - here.lat_deg).abs() < 1e-12);
                assert!((back.lng_deg - here.lng_deg).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_axes_point_where_the_docs_say() {
        let near = |lat, lng, dir| LatLng::degrees(lat, lng).to_dir().distance(dir) < 1e-15;
        assert!(near(0.0, 0.0, DVec3::X));
        assert!(near(0.0, 90.0, DVec3::Y));
        assert!(near(90.0, 12.0, DVec3::Z));
        assert_eq!(LatLng::from_dir(DVec3::NEG_Z), LatLng::degrees(-90.0, 0.0));
    }

    #[test]
    fn nan_and_out_of_range_are_refused() {
        assert!(LatLng::new(90.0, -180.0).is_ok());
        for (lat, lng) in [
            (90.1, 0.0),
            (0.0, -180.000_001),
            (f64::NAN, 0.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
        ] {
            let error = LatLng::new(lat, lng).expect_err("no such place");
            assert!(error.to_string().contains(&lat.to_string()), "{error}");
        }
        assert_eq!(LatLng::from_dir(DVec3::NAN), LatLng::default());
    }

    #[test]
    fn a_file_cannot_hold_a_place_that_is_none() {
        let read = |text| ron::from_str::<LatLng>(text);
        assert_eq!(
            read("(lat_deg: 10.0, lng_deg: -180.0)"),
            Ok(LatLng::degrees(10.0, -180.0))
        );
        let error = read("(lat_deg: 91.0, lng_deg: 0.0)").expect_err("beyond the pole");
        assert!(error.to_string().contains("no latitude 91"), "{error}");
        assert!(read("(lat_deg: 1.0)").is_err());
        let text = ron::to_string(&LatLng::degrees(1.5, 2.5)).expect("numbers");
        assert_eq!(read(&text), Ok(LatLng::degrees(1.5, 2.5)));
    }
}
