//! A unit vector from the planet's centre: a place on the ball without poles and seams. Made only
//! from finite vectors, so that what takes one need not ask again.

use glam::DVec3;

/// A vector that names no direction: zero, or with a NaN or an infinity.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} has no direction: it must be finite and longer than zero")]
pub struct BadVector(pub DVec3);

/// A place on the ball: a unit vector, planet frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction(DVec3);

impl Direction {
    /// Normalises a vector of any length.
    ///
    /// # Errors
    /// [`BadVector`] if it is zero, not finite, or so long or short that its length is not.
    pub fn new(vector: DVec3) -> Result<Self, BadVector> {
        let unit = vector.normalize();
        if unit.is_finite() && unit != DVec3::ZERO {
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
}
