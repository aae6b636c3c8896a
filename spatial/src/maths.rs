//! The single door for transcendental functions.
//!
//! The standard library's versions call the platform's C library, whose last bits differ between
//! machines; these are `libm`, compiled from the same Rust source everywhere. Additions,
//! multiplications, divisions, square roots and rounding are exact by IEEE 754 and need no door.

/// Sine of an angle in radians.
#[inline]
#[must_use]
pub fn sin(radians: f64) -> f64 {
    libm::sin(radians)
}

/// Cosine of an angle in radians.
#[inline]
#[must_use]
pub fn cos(radians: f64) -> f64 {
    libm::cos(radians)
}

/// Sine and cosine of an angle in radians.
#[inline]
#[must_use]
pub fn sin_cos(radians: f64) -> (f64, f64) {
    libm::sincos(radians)
}

/// Tangent of an angle in radians.
#[inline]
#[must_use]
pub fn tan(radians: f64) -> f64 {
    libm::tan(radians)
}

/// Angle in radians whose sine is `x`; an `x` a rounding error outside −1 ..= 1 is taken as the
/// end of that range.
#[inline]
#[must_use]
pub fn asin(x: f64) -> f64 {
    libm::asin(x.clamp(-1.0, 1.0))
}

/// Angle in radians whose cosine is `x`; an `x` a rounding error outside −1 ..= 1 is taken as the
/// end of that range.
#[inline]
#[must_use]
pub fn acos(x: f64) -> f64 {
    libm::acos(x.clamp(-1.0, 1.0))
}

/// Angle in radians whose tangent is `x`.
#[inline]
#[must_use]
pub fn atan(x: f64) -> f64 {
    libm::atan(x)
}

/// Angle in radians of the point (`x`, `y`), −π ..= π.
#[inline]
#[must_use]
pub fn atan2(y: f64, x: f64) -> f64 {
    libm::atan2(y, x)
}

/// e to the power of `x`.
#[inline]
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// Natural logarithm.
#[inline]
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Logarithm to base 2.
#[inline]
#[must_use]
pub fn log2(x: f64) -> f64 {
    libm::log2(x)
}

/// Logarithm to base 10.
#[inline]
#[must_use]
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// `base` to the power of `exponent`.
#[inline]
#[must_use]
pub fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// `x.floor() as i64`, without the call that the standard library makes for it on processors that may
/// lack the instruction.
#[inline]
#[must_use]
pub fn floor_to_int(x: f64) -> i64 {
    // The cast truncates, saturates, and takes NaN to 0.
    let whole = x as i64;
    whole.saturating_sub(i64::from((whole as f64) > x))
}

/// `x.round() as i64` (half away from zero), likewise.
#[inline]
#[must_use]
pub fn round_to_int(x: f64) -> i64 {
    let whole = x as i64;
    // Exact: what is left of a number has no more digits than the number.
    let rest = x - whole as f64;
    whole.saturating_add(i64::from(rest >= 0.5) - i64::from(rest <= -0.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    #[test]
    fn whole_numbers_are_those_of_the_standard_library() {
        let check = |x: f64| {
            assert_eq!(floor_to_int(x), x.floor() as i64, "floor {x:e}");
            assert_eq!(round_to_int(x), x.round() as i64, "round {x:e}");
        };
        for special in [
            0.0,
            0.5,
            0.499_999_999_999_999_94,
            f64::MIN_POSITIVE,
            4_503_599_627_370_495.5,
            9_007_199_254_740_993.0,
            9_223_372_036_854_774_784.0,
            9_223_372_036_854_775_808.0,
            1e300,
            f64::INFINITY,
            f64::NAN,
        ] {
            check(special);
            check(-special);
        }
        for n in 0..200_000_u64 {
            // Every exponent and sign, and halves with their neighbours.
            check(f64::from_bits(mix64(n)));
            let half = (n as f64 - 100_000.0) * 0.5;
            for near in [half.next_down(), half, half.next_up(), half * 3.7e9] {
                check(near);
            }
            check((unit(mix64(n)) - 0.5) * 1e7);
        }
    }

    /// Golden bits: if one of these moves, every recorded world diverges.
    #[test]
    fn results_are_pinned_to_the_last_bit() {
        let x = 0.737_f64;
        let got = [
            sin(x),
            cos(x),
            tan(x),
            asin(x),
            acos(x),
            atan(x),
            atan2(x, -2.0),
            exp(x),
            ln(x),
            log2(x),
            log10(x),
            pow(x, 3.3),
        ]
        .map(f64::to_bits);
        assert_eq!(got, GOLDEN, "{got:#018x?}");
    }

    const GOLDEN: [u64; 12] = [
        0x3fe5_8197_d7f5_f765,
        0x3fe7_b214_1799_43fb,
        0x3fed_0b16_2ce3_4388,
        0x3fea_8410_2330_c836,
        0x3fe7_bfe6_8557_91fa,
        0x3fe4_52fa_2e8a_c5db,
        0x4006_4eea_42e0_5b25,
        0x4000_b79e_2851_bc92,
        0xbfd3_87dc_ca85_2cd1,
        0xbfdc_2d46_db4b_c0ac,
        0xbfc0_f6d3_4aa6_ab1c,
        0x3fd7_60fa_b04c_b97b,
    ];

    #[test]
    fn a_rounding_error_outside_the_domain_is_not_nan() {
        assert_eq!(acos(1.0 + 1e-15), 0.0);
        assert_eq!(asin(-1.0 - 1e-15), -core::f64::consts::FRAC_PI_2);
    }
}
