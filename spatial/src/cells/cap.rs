//! All places within an angle of one place: a disc on the sphere, from a point to the whole.

use std::f64::consts::PI;

use glam::DVec3;

use super::arc::{ROUNDING_RAD, angle};
use super::cell_id::CellId;
use super::region::{Region, Relation};
use super::shape::CellShape;
use crate::geo::Direction;
use crate::maths;

/// A disc on the sphere, its rim included.
///
/// ```
/// use bluemarble_spatial::{Cap, LatLng, Region};
///
/// let paris = LatLng::degrees(48.86, 2.35).to_direction();
/// let region = Cap::new(paris, 100_000.0 / 6_371_000.0)?;
/// assert!(region.contains(LatLng::degrees(49.4, 2.3).to_direction()));
/// # Ok::<(), bluemarble_spatial::BadCap>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cap {
    centre: DVec3,
    angle_rad: f64,
}

/// An angle that no cap has.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a cap of {0} rad: its angle must be 0 (a point) to π (the whole sphere)")]
pub struct BadCap(pub f64);

impl Cap {
    /// All within `angle_rad` (arc length over radius) of a place.
    ///
    /// # Errors
    /// [`BadCap`] if the angle is not in 0 ..= π.
    pub fn new(centre: Direction, angle_rad: f64) -> Result<Self, BadCap> {
        if (0.0..=PI).contains(&angle_rad) {
            Ok(Self::bound(centre.unit(), angle_rad))
        } else {
            Err(BadCap(angle_rad))
        }
    }

    /// For a bound: an angle beyond π is the whole.
    pub(super) fn bound(centre: DVec3, angle_rad: f64) -> Self {
        Self {
            centre,
            angle_rad: angle_rad.clamp(0.0, PI),
        }
    }

    /// The whole sphere, around the north pole.
    #[must_use]
    pub const fn whole() -> Self {
        Self {
            centre: DVec3::Z,
            angle_rad: PI,
        }
    }

    /// Unit vector of its middle.
    #[must_use]
    pub fn centre(&self) -> DVec3 {
        self.centre
    }

    /// From its middle to its rim, radians, 0 ..= π.
    #[must_use]
    pub fn angle_rad(&self) -> f64 {
        self.angle_rad
    }

    /// Its area on the unit sphere, steradians.
    #[must_use]
    pub fn area_sr(&self) -> f64 {
        let half = maths::sin(0.5 * self.angle_rad);
        4.0 * PI * half * half
    }

    /// Everything not within it, and its rim.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self {
            centre: -self.centre,
            angle_rad: PI - self.angle_rad,
        }
    }

    /// Whether some place is in both.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        angle(self.centre, other.centre) <= self.angle_rad + other.angle_rad
    }
}

impl Region for Cap {
    fn relation(&self, cell: CellId) -> Relation {
        let Ok(centre) = Direction::new(self.centre) else {
            return Relation::Overlaps; // Never: it was made from a direction.
        };
        let shape = CellShape::of(cell);
        if self.angle_rad >= PI || shape.max_distance_to(centre) + ROUNDING_RAD <= self.angle_rad {
            Relation::Inside
        } else if shape.distance_to(centre) > self.angle_rad + ROUNDING_RAD {
            Relation::Outside
        } else {
            Relation::Overlaps
        }
    }

    fn contains(&self, at: Direction) -> bool {
        angle(self.centre, at.unit()) <= self.angle_rad
    }

    fn bounding_cap(&self) -> Cap {
        *self
    }
}
