//! Turning a vector by 256ths of a turn in integers, so that every client library agrees.

/// `round(16384 · sin(n · 2π / 256))` for a quarter turn, both ends included.
const QUARTER_SINE: [i32; 65] = [
    0, 402, 804, 1_205, 1_606, 2_006, 2_404, 2_801, 3_196, 3_590, 3_981, 4_370, 4_756, 5_139,
    5_520, 5_897, 6_270, 6_639, 7_005, 7_366, 7_723, 8_076, 8_423, 8_765, 9_102, 9_434, 9_760,
    10_080, 10_394, 10_702, 11_003, 11_297, 11_585, 11_866, 12_140, 12_406, 12_665, 12_916, 13_160,
    13_395, 13_623, 13_842, 14_053, 14_256, 14_449, 14_635, 14_811, 14_978, 15_137, 15_286, 15_426,
    15_557, 15_679, 15_791, 15_893, 15_986, 16_069, 16_143, 16_207, 16_261, 16_305, 16_340, 16_364,
    16_379, 16_384,
];
/// Bits behind the point of the table.
const SCALE_BITS: u32 = 14;

/// `16384 · sin` of an angle.
#[inline]
const fn sine(angle: u8) -> i32 {
    let within = (angle & 63) as usize;
    match angle >> 6 {
        0 => QUARTER_SINE[within],
        1 => QUARTER_SINE[64 - within],
        2 => -QUARTER_SINE[within],
        _ => -QUARTER_SINE[64 - within],
    }
}

/// The vector turned by `angle` 256ths of a turn from +x towards +y; each component is
/// `(… + 8192) >> 14`, rounded down. Components must be within ±32,768.
#[inline]
#[must_use]
pub(crate) const fn turned([x, y]: [i32; 2], angle: u8) -> [i32; 2] {
    let (sin, cos) = (sine(angle), sine(angle.wrapping_add(64)));
    let half = 1 << (SCALE_BITS - 1);
    [
        (x * cos - y * sin + half) >> SCALE_BITS,
        (x * sin + y * cos + half) >> SCALE_BITS,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_are_exact_and_no_turn_changes_nothing() {
        for v in [[500, 0], [-3, 77], [32_767, -32_768]] {
            assert_eq!(turned(v, 0), v);
            assert_eq!(turned(v, 64), [-v[1], v[0]]);
            assert_eq!(turned(v, 128), [-v[0], -v[1]]);
            assert_eq!(turned(v, 192), [v[1], -v[0]]);
        }
    }

    #[test]
    fn length_is_kept_to_a_unit_and_a_half() {
        for angle in 0..=255 {
            let [x, y] = turned([3_000, 4_000], angle).map(f64::from);
            assert!(((x * x + y * y).sqrt() - 5_000.0).abs() < 1.5, "{angle}");
        }
    }
}
