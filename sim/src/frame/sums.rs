//! A frame's share of the digest, for when it is the past. Summed while its rows are written, where they
//! are at hand and all zones work in parallel, instead of when it is remembered.

use bluemarble_shared_protocol::{EntityId, Tick, mix64};
use glam::DVec3;

use crate::entity::digest::{DigestPart, DigestParts};

/// The sums over some rows of one tick, before the tick itself is mixed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    plain: u64,
    weighted: u64,
}

impl Sums {
    /// Adds a row; `odd` is [`DigestParts::odd`] of its id.
    #[inline]
    pub(crate) fn add(&mut self, id: EntityId, odd: u64, pos: DVec3, alive: bool) {
        const SALT: u64 = 0x7061_7374_2072_6f77;
        let [x, y, z] = pos.to_array().map(f64::to_bits);
        let place = x
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(y.wrapping_mul(0xc2b2_ae3d_27d4_eb4f))
            .wrapping_add(z.wrapping_mul(0x1656_67b1_9e37_79f9));
        let hash = mix64(mix64(id.0 ^ SALT).wrapping_add(place) ^ u64::from(alive));
        self.plain = self.plain.wrapping_add(hash);
        self.weighted = self.weighted.wrapping_add(hash.wrapping_mul(odd));
    }

    /// Those of both.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            plain: self.plain.wrapping_add(other.plain),
            weighted: self.weighted.wrapping_add(other.weighted),
        }
    }

    /// What a tick with these sums adds to the world's.
    pub(crate) fn share(self, tick: Tick) -> DigestParts {
        // Odd, so that one row that differs still names its entity.
        let odd = mix64(tick.0 ^ 0x7061_7374_2074_6963) | 1;
        let mut share = DigestParts {
            weighted: self.weighted.wrapping_mul(odd),
            ..DigestParts::default()
        };
        share.components[DigestPart::Past as usize] = self.plain.wrapping_mul(odd);
        share
    }
}
