//! Counters that are cut to their low bits on the wire, and made whole again near a known value.

use crate::ids::{InputSeq, Tick};

/// The number nearest to `near` whose low `bits` (1 ..= 63) are `low`; never below zero.
#[must_use]
pub fn nearest(low: u64, bits: u32, near: u64) -> u64 {
    let span = 1_u64 << bits;
    let half = span / 2;
    // The only candidate in near - half .. near + half.
    let ahead = low.wrapping_sub(near) & (span - 1);
    if ahead < half {
        near.saturating_add(ahead)
    } else {
        let behind = span - ahead;
        near.checked_sub(behind)
            .unwrap_or_else(|| near.saturating_add(ahead))
    }
}

/// A tick from its low 32 bits, as intents carry it.
#[must_use]
pub fn tick_near(low: u32, near: Tick) -> Tick {
    Tick(nearest(u64::from(low), 32, near.0))
}

/// A tick from its low 16 bits, as snapshots carry it.
#[must_use]
pub fn snapshot_tick_near(low: u16, near: Tick) -> Tick {
    Tick(nearest(u64::from(low), 16, near.0))
}

/// An input number from its low 16 bits.
#[must_use]
pub fn input_near(low: u16, near: InputSeq) -> InputSeq {
    let whole = nearest(u64::from(low), 16, u64::from(near.0));
    InputSeq(u32::try_from(whole).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_number_is_found_on_both_sides_of_a_wrap() {
        assert_eq!(nearest(3, 16, 65_530), 65_539);
        assert_eq!(nearest(65_530, 16, 65_539), 65_530);
        assert_eq!(nearest(7, 16, 7), 7);
        assert_eq!(nearest(65_535, 16, 0), 65_535);
        for near in [0, 1, 1 << 15, 1 << 16, (1 << 40) + 12_345] {
            for offset in -32_000_i64..32_000 {
                let Some(number) = u64::checked_add_signed(near, offset) else {
                    continue;
                };
                assert_eq!(nearest(number & 0xffff, 16, near), number);
            }
        }
    }
}
