//! The walk through the boxes for wider registers: AVX2 and AVX-512.
//!
//! The same subtractions, products and sums in the same order as the portable walk, none of them
//! fused, so the same bits. Measured with `cargo bench -p bluemarble-spatial --bench moving`; the
//! only `unsafe` of the crate, because a wide load reads through a pointer and calling code for a
//! CPU that is not there is undefined.
#![allow(
    unsafe_code,
    reason = "SIMD loads, and calls that the CPU was asked about"
)]

use super::boxes::{BoxTree, Found, Query, portable};

/// How wide the registers are that a grid uses. All give the same answers, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SimdLevel {
    /// What the compiler makes of plain code.
    Portable,
    /// 256 bits: x86-64 since 2013.
    Avx2,
    /// 512 bits: many servers' x86-64.
    Avx512,
}

impl SimdLevel {
    /// All of them, narrowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The widest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        Usable::at_most(Self::Avx512).0
    }

    /// Whether this CPU has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        Usable::at_most(self).0 == self
    }
}

/// A level that this CPU has: there is no way to another value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usable(SimdLevel);

impl Default for Usable {
    fn default() -> Self {
        Self::at_most(SimdLevel::Avx512)
    }
}

impl Usable {
    /// The widest that this CPU has, up to `level`.
    pub(super) fn at_most(level: SimdLevel) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt");
            let has_avx512 = has_avx2 && is_x86_feature_detected!("avx512f");
            if level >= SimdLevel::Avx512 && has_avx512 {
                return Self(SimdLevel::Avx512);
            }
            if level >= SimdLevel::Avx2 && has_avx2 {
                return Self(SimdLevel::Avx2);
            }
        }
        let _ = level;
        Self(SimdLevel::Portable)
    }

    pub(super) fn level(self) -> SimdLevel {
        self.0
    }

    /// Finds every row within the radius.
    #[inline]
    pub(super) fn search(self, tree: &BoxTree, query: &Query, found: &mut Found) {
        match self.0 {
            SimdLevel::Portable => portable::search(tree, query, found),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the value exists only if this CPU has what `search` enables.
            SimdLevel::Avx2 => unsafe { avx2::search(tree, query, found) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the value exists only if this CPU has what `search` enables.
            SimdLevel::Avx512 => unsafe { avx512::search(tree, query, found) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => portable::search(tree, query, found),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{BoxTree, Found, Query};

    #[target_feature(enable = "avx512f,bmi1,popcnt")]
    pub(super) fn search(tree: &BoxTree, query: &Query, found: &mut Found) {
        let at = query.point.to_array().map(|c| _mm512_set1_pd(c));
        let at_low = query.point_low.map(|c| _mm512_set1_ps(c));
        let at_high = query.point_high.map(|c| _mm512_set1_ps(c));
        let reach = _mm512_set1_pd(query.reach2);
        let box_reach = _mm512_set1_ps(query.box_reach2);
        let ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let numbers = |first: u32| _mm512_add_epi32(_mm512_set1_epi32(first as i32), ramp);
        let load = |lanes: &[f64; 16], half: usize| {
            // SAFETY: both halves of eight lie within the sixteen.
            unsafe { _mm512_loadu_pd(lanes.as_ptr().add(8 * (half & 1))) }
        };
        // SAFETY: sixteen are sixteen.
        let load_box = |lanes: &[f32; 16]| unsafe { _mm512_loadu_ps(lanes.as_ptr()) };
        tree.walk(
            found,
            |node, first, list| {
                let outside = |axis: usize| {
                    let below = _mm512_sub_ps(load_box(&node.low[axis]), at_high[axis]);
                    let above = _mm512_sub_ps(at_low[axis], load_box(&node.high[axis]));
                    let outside = _mm512_max_ps(_mm512_max_ps(below, above), _mm512_setzero_ps());
                    _mm512_mul_ps(outside, outside)
                };
                let sum = _mm512_add_ps(_mm512_add_ps(outside(0), outside(1)), outside(2));
                let mask = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(sum, box_reach);
                let children = _mm512_maskz_compress_epi32(mask, numbers(first));
                // SAFETY: the list has room for sixteen.
                unsafe { _mm512_storeu_epi32(list.as_mut_ptr().cast(), children) };
                mask.count_ones() as usize
            },
            |rows, first, slots, dist2| {
                let half = |half| {
                    let away = |axis: usize| {
                        let away = _mm512_sub_pd(load(&rows.0[axis], half), at[axis]);
                        _mm512_mul_pd(away, away)
                    };
                    let sum = _mm512_add_pd(_mm512_add_pd(away(0), away(1)), away(2));
                    (sum, _mm512_cmp_pd_mask::<_CMP_LE_OQ>(sum, reach))
                };
                let ((near, mask), (far, far_mask)) = (half(0), half(1));
                let both = u16::from(mask) | u16::from(far_mask) << 8;
                let places = _mm512_maskz_compress_epi32(both, numbers(first));
                let near = _mm512_maskz_compress_pd(mask, near);
                let far = _mm512_maskz_compress_pd(far_mask, far);
                // SAFETY: there are sixteen places of each, and at most eight come before `far`.
                unsafe {
                    _mm512_storeu_epi32(slots.as_mut_ptr().cast(), places);
                    _mm512_storeu_pd(dist2.as_mut_ptr(), near);
                    let after = mask.count_ones() as usize;
                    _mm512_storeu_pd(dist2.as_mut_ptr().add(after), far);
                }
                both.count_ones() as usize
            },
        );
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{BoxTree, Found, Query};

    /// Of each mask of four lanes, which to take in order, as pairs of 32-bit halves.
    static PAIRS: [[i32; 8]; 16] = pairs();

    const fn pairs() -> [[i32; 8]; 16] {
        let mut table = [[0; 8]; 16];
        let mut mask = 0;
        while mask < 16 {
            let (mut lane, mut place) = (0, 0);
            while lane < 4 {
                if mask >> lane & 1 == 1 {
                    table[mask][place] = 2 * lane;
                    table[mask][place + 1] = 2 * lane + 1;
                    place += 2;
                }
                lane += 1;
            }
            mask += 1;
        }
        table
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn search(tree: &BoxTree, query: &Query, found: &mut Found) {
        let at = query.point.to_array().map(|c| _mm256_set1_pd(c));
        let at_low = query.point_low.map(|c| _mm256_set1_ps(c));
        let at_high = query.point_high.map(|c| _mm256_set1_ps(c));
        let reach = _mm256_set1_pd(query.reach2);
        let box_reach = _mm256_set1_ps(query.box_reach2);
        let load = |lanes: &[f64; 16], quarter: usize| {
            // SAFETY: each quarter of four lies within the sixteen.
            unsafe { _mm256_loadu_pd(lanes.as_ptr().add(4 * (quarter & 3))) }
        };
        let load_box = |lanes: &[f32; 16], half: usize| {
            // SAFETY: both halves of eight lie within the sixteen.
            unsafe { _mm256_loadu_ps(lanes.as_ptr().add(8 * (half & 1))) }
        };
        tree.walk(
            found,
            |node, first, list| {
                let half = |half| {
                    let outside = |axis: usize| {
                        let below = _mm256_sub_ps(load_box(&node.low[axis], half), at_high[axis]);
                        let above = _mm256_sub_ps(at_low[axis], load_box(&node.high[axis], half));
                        let outside =
                            _mm256_max_ps(_mm256_max_ps(below, above), _mm256_setzero_ps());
                        _mm256_mul_ps(outside, outside)
                    };
                    let sum = _mm256_add_ps(_mm256_add_ps(outside(0), outside(1)), outside(2));
                    _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(sum, box_reach)) as u32
                };
                let mut mask = half(0) | half(1) << 8;
                let mut count = 0;
                while mask != 0 {
                    list[count % 16] = first + mask.trailing_zeros();
                    count += 1;
                    mask &= mask - 1;
                }
                count
            },
            |rows, first, slots, dist2| {
                let mut count = 0;
                for quarter in 0..4 {
                    let away = |axis: usize| {
                        let away = _mm256_sub_pd(load(&rows.0[axis], quarter), at[axis]);
                        _mm256_mul_pd(away, away)
                    };
                    let sum = _mm256_add_pd(_mm256_add_pd(away(0), away(1)), away(2));
                    let mask = _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(sum, reach));
                    // The pairs' first halves, halved, are the lanes' own numbers.
                    let pairs = &PAIRS[(mask & 15) as usize];
                    // SAFETY: a row of the table is eight numbers; there are sixteen places of
                    // each, and at most four were filled by each quarter before this one.
                    unsafe {
                        let order = _mm256_loadu_si256(pairs.as_ptr().cast());
                        let sum = _mm256_permutevar8x32_ps(_mm256_castpd_ps(sum), order);
                        _mm256_storeu_pd(dist2.as_mut_ptr().add(count), _mm256_castps_pd(sum));
                        let lanes = _mm256_permutevar8x32_epi32(
                            _mm256_srli_epi32::<1>(order),
                            _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6),
                        );
                        let first = _mm_set1_epi32((first + 4 * quarter as u32) as i32);
                        let places = _mm_add_epi32(_mm256_castsi256_si128(lanes), first);
                        _mm_storeu_si128(slots.as_mut_ptr().add(count).cast(), places);
                    }
                    count += (mask as u32).count_ones() as usize;
                }
                count
            },
        );
    }
}
