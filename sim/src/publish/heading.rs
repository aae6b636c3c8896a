//! Headings in 256ths of a turn, nearly always without an arctangent to the last bit.

use bluemarble_shared_protocol::codec::quantise;
use bluemarble_spatial::maths;

/// 256ths of a turn per radian.
const PER_RAD: f64 = 128.0 / std::f64::consts::PI;
/// How far [`roughly`] may be off, and a little more, 256ths of a turn.
const ERROR: f64 = 1e-3;

/// The heading of the direction (`x`, `y`): exactly `quantise::yaw(maths::atan2(y, x))`. What is so near
/// to the edge between two headings that a rough angle cannot tell is asked exactly.
#[inline]
pub(super) fn yaw(x: f64, y: f64) -> u8 {
    // Never negative, so that the cast is a floor.
    let turn = roughly(x, y) + 256.5;
    let heading = turn as u32;
    let past_edge = turn - f64::from(heading);
    if past_edge > ERROR && past_edge < 1.0 - ERROR {
        heading as u8
    } else {
        quantise::yaw(maths::atan2(y, x))
    }
}

/// The angle in 256ths of a turn, −128 ..= 128, or NaN where it says nothing.
#[inline]
fn roughly(x: f64, y: f64) -> f64 {
    let (across, up) = (x.abs(), y.abs());
    let steep = up > across;
    let t = if steep { across / up } else { up / across };
    // Abramowitz and Stegun, 4.4.49: within 1.15 · 10⁻⁵ rad, which is 0.0005 of these units.
    let t2 = t * t;
    let rad = t
        * (0.999_866
            + t2 * (-0.330_299_5 + t2 * (0.180_141 + t2 * (-0.085_133 + t2 * 0.020_835_1))));
    let eighth = rad * PER_RAD;
    let quarter = if steep { 64.0 - eighth } else { eighth };
    let half = if x < 0.0 { 128.0 - quarter } else { quarter };
    if y < 0.0 { -half } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::mix64;

    fn exact(x: f64, y: f64) -> u8 {
        quantise::yaw(maths::atan2(y, x))
    }

    #[test]
    fn it_is_the_exact_one_everywhere_and_above_all_at_the_edges() {
        for edge in 0..512 {
            // Both the middles of headings and the edges between them.
            let angle = f64::from(edge) / (2.0 * PER_RAD);
            for n in -300..=300_i32 {
                // Steps from the last bit to further than the error.
                let off = f64::from(n) * maths::pow(10.0, f64::from(n.abs() % 14) - 17.0);
                let (sin, cos) = maths::sin_cos(angle + off);
                for scale in [1.0, 1e-12, 3e8] {
                    let (x, y) = (cos * scale, sin * scale);
                    assert_eq!(yaw(x, y), exact(x, y), "{x:e} {y:e}");
                }
            }
        }
        for n in 0..200_000_u64 {
            let axis = |k: u64| mix64(n * 2 + k) as i64 as f64;
            let (x, y) = (axis(0), axis(1));
            assert_eq!(yaw(x, y), exact(x, y), "{x:e} {y:e}");
        }
        let odd = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            f64::MIN_POSITIVE,
            1e300,
            f64::NAN,
            f64::INFINITY,
        ];
        for (x, y) in odd.iter().flat_map(|x| odd.map(|y| (*x, y))) {
            for (x, y) in [(x, y), (-x, y), (x, -y)] {
                assert_eq!(yaw(x, y), exact(x, y), "{x:e} {y:e}");
            }
        }
    }

    #[test]
    fn the_rough_angle_is_within_its_error() {
        for n in 0..100_000 {
            let angle = (f64::from(n) / 50_000.0 - 0.999_99) * std::f64::consts::PI;
            let (sin, cos) = maths::sin_cos(angle);
            let off = roughly(cos, sin) - angle * PER_RAD;
            assert!(off.abs() < 0.5 * ERROR, "{off} at {angle}");
        }
    }
}
