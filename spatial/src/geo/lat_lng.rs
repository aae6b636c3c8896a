//! Geographic coordinates, for people and files. The simulation itself never uses them: they have
//! poles and a date line, directions have neither.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::maths;

/// A place on the sphere in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct LatLng {
    /// Latitude, −90 (south pole) ..= 90.
    pub lat_deg: f64,
    /// Longitude, −180 ..= 180, east positive.
    pub lng_deg: f64,
}

impl LatLng {
    /// From degrees.
    #[must_use]
    pub const fn new(lat_deg: f64, lng_deg: f64) -> Self {
        Self { lat_deg, lng_deg }
    }

    /// Whether both numbers are finite and in range.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.lat_deg.abs() <= 90.0 && self.lng_deg.abs() <= 180.0
    }

    /// The unit direction from the planet's centre: x towards (0°, 0°), z towards the north pole.
    #[must_use]
    pub fn to_dir(self) -> DVec3 {
        let (sin_lat, cos_lat) = maths::sin_cos(self.lat_deg.to_radians());
        let (sin_lng, cos_lng) = maths::sin_cos(self.lng_deg.to_radians());
        DVec3::new(cos_lat * cos_lng, cos_lat * sin_lng, sin_lat)
    }

    /// The place below a direction (of any length but zero). At a pole the longitude is 0.
    #[must_use]
    pub fn from_dir(dir: DVec3) -> Self {
        let across = (dir.x * dir.x + dir.y * dir.y).sqrt();
        Self {
            lat_deg: maths::atan2(dir.z, across).to_degrees(),
            lng_deg: maths::atan2(dir.y, dir.x).to_degrees(),
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
                let here = LatLng::new(f64::from(lat) * 9.9, f64::from(lng) * 10.0);
                let back = LatLng::from_dir(here.to_dir() * 5.0);
                assert!((back.lat_deg - here.lat_deg).abs() < 1e-12);
                assert!((back.lng_deg - here.lng_deg).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_axes_point_where_the_docs_say() {
        let near = |lat, lng, dir| LatLng::new(lat, lng).to_dir().distance(dir) < 1e-15;
        assert!(near(0.0, 0.0, DVec3::X));
        assert!(near(0.0, 90.0, DVec3::Y));
        assert!(near(90.0, 12.0, DVec3::Z));
        assert_eq!(LatLng::from_dir(DVec3::NEG_Z), LatLng::new(-90.0, 0.0));
    }

    #[test]
    fn nan_and_out_of_range_are_invalid() {
        assert!(LatLng::new(90.0, -180.0).is_valid());
        assert!(!LatLng::new(90.1, 0.0).is_valid());
        assert!(!LatLng::new(f64::NAN, 0.0).is_valid());
        assert!(!LatLng::new(0.0, f64::INFINITY).is_valid());
    }
}
