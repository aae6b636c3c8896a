//! The map that GeoJSON draws on: longitude across, latitude up, degrees, straight edges.

use glam::DVec3;

use crate::geo::{Direction, LatLng};

/// A place on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MapPoint {
    /// East positive; beyond ±180 where an edge goes on past the antimeridian.
    pub(super) lng_deg: f64,
    /// North positive.
    pub(super) lat_deg: f64,
}

impl MapPoint {
    pub(super) const fn new(lng_deg: f64, lat_deg: f64) -> Self {
        Self { lng_deg, lat_deg }
    }

    pub(super) fn of(direction: Direction) -> Self {
        let at = LatLng::from_direction(direction);
        Self::new(at.lng_deg(), at.lat_deg())
    }

    /// The place itself: the same bits for every longitude of a pole and for 180° and −180°.
    pub(super) fn direction(self) -> Direction {
        if self.is_pole() {
            let pole = DVec3::Z * self.lat_deg.signum();
            return Direction::new(pole).expect("the axis is a direction");
        }
        LatLng::new(self.lat_deg, wrapped(self.lng_deg))
            .expect("a point of the map is finite and not beyond its poles")
            .to_direction()
    }

    pub(super) fn is_pole(self) -> bool {
        self.lat_deg.abs() >= 90.0
    }

    /// The point at a share of the straight way.
    pub(super) fn towards(self, to: Self, share: f64) -> Self {
        Self {
            lng_deg: self.lng_deg + (to.lng_deg - self.lng_deg) * share,
            lat_deg: self.lat_deg + (to.lat_deg - self.lat_deg) * share,
        }
    }

    /// The same place with the longitude that is nearest to another's.
    pub(super) fn unwrapped_beside(self, other: Self) -> Self {
        let off = wrapped(self.lng_deg - other.lng_deg);
        Self {
            lng_deg: other.lng_deg + off,
            lat_deg: self.lat_deg,
        }
    }
}

/// Into −180 < … ≤ 180; what is there already stays as it is.
pub(super) fn wrapped(lng_deg: f64) -> f64 {
    if lng_deg > -180.0 && lng_deg <= 180.0 {
        return lng_deg;
    }
    let turned = lng_deg - 360.0 * ((lng_deg - 180.0) / 360.0).ceil();
    // Rounding may take what is next to the seam a little over it.
    if turned > -180.0 && turned <= 180.0 {
        turned
    } else {
        180.0
    }
}

/// Whether the straight edge between two places leaves the great circle through them by more than
/// a tolerance, judged at its quarters.
pub(super) fn bends(from: MapPoint, to: MapPoint, tolerance_rad: f64) -> bool {
    let (a, b) = (from.direction().unit(), to.direction().unit());
    if a.dot(b) < 0.0 {
        // More than a quarter of the way round: the great circle would be ill defined.
        return true;
    }
    let across = a.cross(b);
    let sine = across.length();
    if sine < tolerance_rad * tolerance_rad {
        return false;
    }
    [0.25, 0.5, 0.75].into_iter().any(|share| {
        let off = from.towards(to, share).direction().unit().dot(across) / sine;
        off.abs() > tolerance_rad
    })
}

/// Twice the area that a ring encloses on the map, square degrees; positive if it runs
/// counterclockwise. The ring closes by itself.
pub(super) fn doubled_area(ring: &[MapPoint]) -> f64 {
    let Some(&origin) = ring.first() else {
        return 0.0;
    };
    let mut doubled = 0.0;
    for pair in ring.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        doubled += (a.lng_deg - origin.lng_deg) * (b.lat_deg - origin.lat_deg)
            - (b.lng_deg - origin.lng_deg) * (a.lat_deg - origin.lat_deg);
    }
    doubled
}

/// Whether a ring goes round a point of the map: crossings of the ray to the east, even or odd.
pub(super) fn goes_round(ring: &[MapPoint], point: MapPoint) -> bool {
    let mut inside = false;
    let mut last = match ring.last() {
        None => return false,
        Some(&last) => last,
    };
    for &here in ring {
        if (here.lat_deg > point.lat_deg) != (last.lat_deg > point.lat_deg) {
            let share = (point.lat_deg - here.lat_deg) / (last.lat_deg - here.lat_deg);
            if point.lng_deg < here.lng_deg + (last.lng_deg - here.lng_deg) * share {
                inside = !inside;
            }
        }
        last = here;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_longitude_wraps_onto_the_map() {
        for turns in -3..=3 {
            for lng in [0.0_f64, 90.0, 179.5, 180.0, -179.5, -180.0] {
                for ulps in -3..=3 {
                    let beside = f64::from_bits(lng.to_bits().saturating_add_signed(ulps));
                    let wound = beside + 360.0 * f64::from(turns);
                    let got = wrapped(wound);
                    assert!(got > -180.0 && got <= 180.0, "{wound}: {got}");
                    let off = (got - beside).abs() % 360.0;
                    assert!(!(1e-9..=360.0 - 1e-9).contains(&off), "{wound}: {got}");
                }
            }
        }
    }
}
