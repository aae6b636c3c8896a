//! A unit vector from the planet's centre: a place on the ball without poles and seams. Made only
//! from finite vectors, so that what takes one need not ask again.

use glam::DVec3;

/// A vector that names no direction: zero, with a NaN or an infinity, or of a length whose square
/// is as good as either.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} has no direction: its length must be finite and greater than zero")]
pub struct BadVector(pub DVec3);

/// A place on the ball: a unit vector, planet frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction(DVec3);

impl Direction {
    /// Normalises a vector.
    ///
    /// # Errors
    /// [`BadVector`] if it is zero, not finite, or shorter than about 10⁻¹⁵⁴ or longer than 10¹⁵⁴,
    /// where the square of its length underflows or overflows.
    pub fn new(vector: DVec3) -> Result<Self, BadVector> {
        // Below this a square has lost digits, and the quotient would be no unit vector.
        let has_length = vector.length_squared() >= f64::MIN_POSITIVE;
        let unit = vector.normalize();
        if has_length && unit.is_finite() && unit != DVec3::ZERO {
            Ok(Self(unit))
        } else {
            Err(BadVector(vector))
        }
    }

    /// Of a vector that is known to be finite and of length one but for rounding.
    #[inline]
    pub(crate) const fn of_unit(unit: DVec3) -> Self {
        Self(unit)
    }

    /// The unit vector.
    #[inline]
    #[must_use]
    pub const fn unit(self) -> DVec3 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_direction_is_refused() {
        for bad in [DVec3::ZERO, DVec3::NAN, DVec3::new(1.0, f64::INFINITY, 0.0)] {
            assert!(Direction::new(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Direction::new(DVec3::Z * 7.0).map(Direction::unit),
            Ok(DVec3::Z)
        );
    }

    #[test]
    fn of_any_length_it_is_a_unit_vector_or_refused() {
        for exponent in -320..=308 {
            let scale = crate::maths::pow(10.0, f64::from(exponent));
            for vector in [
                DVec3::X,
                DVec3::new(3.0, -2.0, 1.0),
                DVec3::new(1.0, 0.0, 1e-9),
            ] {
                match Direction::new(vector * scale) {
                    Ok(direction) => {
                        let off = (direction.unit().length() - 1.0).abs();
                        assert!(off < 1e-15, "{vector} 1e{exponent}: {off}");
                    }
                    Err(_) => assert!(!(-153..=153).contains(&exponent), "1e{exponent}"),
                }
            }
        }
    }
}
