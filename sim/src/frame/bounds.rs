//! A box around positions: who looks for somebody within a few metres need not look at everybody in
//! nine cells.

use glam::DVec3;

/// The least box around some positions, along the planet's axes, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    low: DVec3,
    high: DVec3,
}

impl Bounds {
    /// Around nothing.
    const NOTHING: Self = Self {
        low: DVec3::INFINITY,
        high: DVec3::NEG_INFINITY,
    };

    /// Around these.
    pub(super) fn of(positions: &[DVec3]) -> Self {
        positions.iter().fold(Self::NOTHING, |bounds, at| {
            let less = |a: f64, b: f64| if b < a { b } else { a };
            let more = |a: f64, b: f64| if b > a { b } else { a };
            Self {
                low: DVec3::new(
                    less(bounds.low.x, at.x),
                    less(bounds.low.y, at.y),
                    less(bounds.low.z, at.z),
                ),
                high: DVec3::new(
                    more(bounds.high.x, at.x),
                    more(bounds.high.y, at.y),
                    more(bounds.high.z, at.z),
                ),
            }
        })
    }

    /// Its longest side: along which axis (0, 1, 2), from where, and how long.
    pub(super) fn longest(&self) -> (usize, f64, f64) {
        let size = self.high - self.low;
        let axis = if size.x >= size.y && size.x >= size.z {
            0
        } else if size.y >= size.z {
            1
        } else {
            2
        };
        (axis, self.low[axis], size[axis])
    }

    /// Squared distance from `pos`, m². Never more, rounding included, than `distance_squared` of any
    /// position inside: each coordinate is nearer, and rounding keeps the order.
    #[inline]
    pub(super) fn distance_squared(&self, pos: DVec3) -> f64 {
        let outside = |x: f64, low: f64, high: f64| {
            if x < low {
                low - x
            } else if x > high {
                x - high
            } else {
                0.0
            }
        };
        let x = outside(pos.x, self.low.x, self.high.x);
        let y = outside(pos.y, self.low.y, self.high.y);
        let z = outside(pos.z, self.low.z, self.high.z);
        x * x + y * y + z * z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::hash_words;

    #[test]
    fn a_box_is_never_further_than_what_is_in_it() {
        let place = |n, size: f64| {
            let axis = |k| f64::from(hash_words([n, k]) as i32) * size;
            DVec3::new(axis(0), axis(1), axis(2)) + DVec3::new(6e6, 1.0, -3e5)
        };
        for n in 0..2_000 {
            let inside: Vec<DVec3> = (0..5).map(|k| place(n * 9 + k, 1e-8)).collect();
            let bounds = Bounds::of(&inside);
            let pos = place(n * 9 + 7, 3e-8);
            for at in inside {
                assert!(bounds.distance_squared(pos) <= at.distance_squared(pos));
                assert_eq!(bounds.distance_squared(at), 0.0);
            }
        }
        assert!(Bounds::of(&[]).distance_squared(DVec3::ZERO) > 1e300);
    }
}
