//! A place over an ellipsoid, as satellite navigation and surveyed data give it.

use super::LatLng;

/// Latitude, longitude and altitude over an ellipsoid. It exists only with finite numbers.
///
/// ```
/// use bluemarble_spatial::{Geodetic, LatLng};
///
/// let summit = Geodetic::new(LatLng::degrees(27.988, 86.925), 8_820.0)?;
/// assert_eq!(summit.altitude_m(), 8_820.0);
/// assert!(Geodetic::new(summit.at(), f64::NAN).is_err());
/// # Ok::<(), bluemarble_spatial::BadAltitude>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geodetic {
    at: LatLng,
    altitude_m: f64,
}

/// A number that is no altitude.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no altitude: it must be a finite number of metres")]
pub struct BadAltitude(pub f64);

impl Geodetic {
    /// From geodetic latitude and longitude, and metres above the ellipsoid.
    ///
    /// # Errors
    /// [`BadAltitude`] if the altitude is not finite.
    pub fn new(at: LatLng, altitude_m: f64) -> Result<Self, BadAltitude> {
        if altitude_m.is_finite() {
            Ok(Self { at, altitude_m })
        } else {
            Err(BadAltitude(altitude_m))
        }
    }

    /// Geodetic latitude (of the ellipsoid's normal, not of the line to the centre) and longitude.
    #[must_use]
    pub fn at(self) -> LatLng {
        self.at
    }

    /// Along the normal above the ellipsoid's surface, metres; negative below it. Not a height above
    /// sea level, from which the ellipsoid differs by up to 107 m (N. K. Pavlis et al., "The
    /// development and evaluation of the Earth Gravitational Model 2008", 2012).
    #[must_use]
    pub fn altitude_m(self) -> f64 {
        self.altitude_m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altitude_that_is_no_number_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = Geodetic::new(LatLng::default(), bad);
            assert!(refused.is_err(), "{bad}");
        }
    }
}
