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
/// `round(16384 · tan(n · π / 256))`, the tangent of half an angle, up to an eighth of a turn.
const HALF_TANGENT: [i32; 33] = [
    0, 201, 402, 603, 805, 1_007, 1_209, 1_411, 1_614, 1_817, 2_021, 2_225, 2_430, 2_636, 2_843,
    3_050, 3_259, 3_469, 3_679, 3_891, 4_104, 4_318, 4_534, 4_751, 4_970, 5_190, 5_413, 5_636,
    5_862, 6_090, 6_320, 6_552, 6_786,
];
/// Bits behind the point of the tables.
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

/// A vector's components along and across a heading, exactly reversible by [`uprighted`].
///
/// A rotation as three shears (Paeth, "A fast algorithm for general raster rotation", Graphics
/// Interface 1986), each of which integers can undo (Bruekers, van den Enden, "New networks for
/// perfect inversion and perfect reconstruction", IEEE J. Sel. Areas Commun. 1992), after taking
/// out quarter turns.
#[inline]
#[must_use]
pub(crate) fn along([x, y]: [i32; 2], heading: u8) -> [i32; 2] {
    let (quarters, tangent, sine) = split(heading);
    let x = x.wrapping_add(sheared(y, tangent));
    let y = y.wrapping_sub(sheared(x, sine));
    let x = x.wrapping_add(sheared(y, tangent));
    match quarters {
        0 => [x, y],
        1 => [y, x.wrapping_neg()],
        2 => [x.wrapping_neg(), y.wrapping_neg()],
        _ => [y.wrapping_neg(), x],
    }
}

/// The inverse of [`along`].
#[inline]
#[must_use]
pub(crate) fn uprighted([a, b]: [i32; 2], heading: u8) -> [i32; 2] {
    let (quarters, tangent, sine) = split(heading);
    let [x, y] = match quarters {
        0 => [a, b],
        1 => [b.wrapping_neg(), a],
        2 => [a.wrapping_neg(), b.wrapping_neg()],
        _ => [b, a.wrapping_neg()],
    };
    let x = x.wrapping_sub(sheared(y, tangent));
    let y = y.wrapping_add(sheared(x, sine));
    let x = x.wrapping_sub(sheared(y, tangent));
    [x, y]
}

/// In what steps a walker's velocity is told, cm/s: along its heading, across it, and up. Ten centimetres,
/// because people choose speeds in tenths of a metre, and a speed between two steps would be now one, now the
/// other; twice that across, because who runs where he looks, at up to 7 m/s, is off his heading by rounding
/// alone.
pub(crate) const VELOCITY_STEPS_CMPS: [i32; 3] = [10, 20, 10];

/// A velocity along and across a heading, and up, in those steps: to the nearest, halves up.
#[inline]
#[must_use]
pub(crate) fn in_steps(ahead_cmps: [i32; 3]) -> [i32; 3] {
    [0, 1, 2].map(|k| {
        let step = VELOCITY_STEPS_CMPS[k];
        (2 * ahead_cmps[k] + step).div_euclid(2 * step)
    })
}

/// A heading as quarter turns and a rest of at most an eighth; of the rest, half its tangent and sine.
fn split(heading: u8) -> (u8, i32, i32) {
    let quarters = heading.wrapping_add(32) >> 6;
    let rest = heading.wrapping_sub(quarters << 6) as i8;
    let size = usize::from(rest.unsigned_abs());
    let sign = i32::from(rest.signum());
    (
        quarters,
        sign * HALF_TANGENT[size],
        sign * QUARTER_SINE[size],
    )
}

/// `round(n · factor / 16384)`, halves up.
fn sheared(n: i32, factor: i32) -> i32 {
    ((i64::from(n) * i64::from(factor) + (1 << (SCALE_BITS - 1))) >> SCALE_BITS) as i32
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

    #[test]
    fn along_and_uprighted_undo_each_other_for_any_vector_and_heading() {
        let mut dice = crate::codec::testing::Dice(1);
        for heading in 0..=255 {
            for _ in 0..200 {
                let shift = dice.below(32);
                let v = [dice.word() as i32 >> shift, dice.word() as i32 >> shift];
                assert_eq!(uprighted(along(v, heading), heading), v, "{heading}");
                assert_eq!(along(uprighted(v, heading), heading), v, "{heading}");
            }
        }
    }

    #[test]
    fn what_points_along_the_heading_has_no_part_across() {
        for heading in 0..=255 {
            let [a, b] = along(turned([5_000, 0], heading), heading);
            assert!((a - 5_000).abs() <= 2 && b.abs() <= 2, "{heading}: {a} {b}");
        }
    }
}
