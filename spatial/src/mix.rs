//! Integer hashing for procedural ground and content stamps: part of what a world *is*, so it
//! must never change under an existing one.
//!
//! The mixer is SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", OOPSLA 2014). `shared-protocol` has the same function for identities; both crates
//! are leaves, and neither may import the other.

/// Mixes one word; a bijection on `u64`.
#[inline]
#[must_use]
pub const fn mix64(word: u64) -> u64 {
    let z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits of a word as a number in 0 .. 1.
#[inline]
#[must_use]
pub fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Hashes bytes, length first, so that concatenations do not collide.
#[must_use]
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = mix64(seed ^ bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix64(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0u8; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix64(state ^ u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_pinned() {
        assert_eq!(mix64(1), 0x910a_2dec_8902_5cc1);
        assert_ne!(hash_bytes(0, b"ab"), hash_bytes(0, b"ab\0"));
        assert_ne!(hash_bytes(0, b""), hash_bytes(1, b""));
    }

    #[test]
    fn unit_stays_below_one() {
        assert_eq!(unit(0), 0.0);
        assert!(unit(u64::MAX) < 1.0);
    }
}
