//! A straight piece of a line with a width: which point of it is nearest to something, and whether it
//! may come near to what is in a box.

use glam::DVec3;
use rstar::AABB;

/// The point of a segment that is nearest to something.
pub(super) struct NearestOnSegment {
    /// From its start, metres.
    pub(super) along_m: f64,
    /// Squared, metres.
    pub(super) distance2: f64,
}

/// A straight piece of a line, thickened.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    from: DVec3,
    along: DVec3,
    length2: f64,
    /// By how much a box is grown before it is asked whether the segment meets it.
    margin_m: f64,
}

impl Segment {
    pub(super) fn new(from: DVec3, to: DVec3, reach_m: f64) -> Self {
        let along = to - from;
        Self {
            from,
            along,
            length2: along.length_squared(),
            // Rounding in `meets` must not lose anything: a millionth of a millimetre per metre.
            margin_m: reach_m + 1e-9 * (from.length() + to.length()),
        }
    }

    pub(super) fn nearest_to(&self, point: DVec3) -> NearestOnSegment {
        let share = if self.length2 > 0.0 {
            ((point - self.from).dot(self.along) / self.length2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        NearestOnSegment {
            along_m: share * self.length2.sqrt(),
            distance2: point.distance_squared(self.from + self.along * share),
        }
    }

    /// Whether it meets a box grown by the margin: slab by slab (Kay and Kajiya, "Ray tracing
    /// complex scenes", SIGGRAPH 1986).
    pub(super) fn meets(&self, envelope: &AABB<[f64; 3]>) -> bool {
        let (lower, upper) = (envelope.lower(), envelope.upper());
        let (from, along) = (self.from.to_array(), self.along.to_array());
        let (mut enter, mut leave) = (0.0, 1.0);
        for axis in 0..3 {
            let low = lower[axis] - self.margin_m - from[axis];
            let high = upper[axis] + self.margin_m - from[axis];
            if along[axis] == 0.0 {
                if low > 0.0 || high < 0.0 {
                    return false;
                }
                continue;
            }
            let (a, b) = (low / along[axis], high / along[axis]);
            let (first, last) = if a < b { (a, b) } else { (b, a) };
            enter = if first > enter { first } else { enter };
            leave = if last < leave { last } else { leave };
        }
        enter <= leave
    }
}
