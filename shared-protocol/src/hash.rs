//! The one 64-bit mixing function: identities, random numbers and digests are built from it, so
//! it is part of the log format and must never change under an existing world.
//!
//! `mix64` is the finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
//! number generators", OOPSLA 2014).

/// Mixes one word; a bijection on `u64`.
#[inline]
#[must_use]
pub const fn mix64(word: u64) -> u64 {
    let z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes a few words in order; the order matters.
#[inline]
#[must_use]
pub const fn hash_words<const N: usize>(words: [u64; N]) -> u64 {
    let mut state = N as u64;
    let mut i = 0;
    while i < N {
        state = mix64(state ^ words[i]);
        i += 1;
    }
    state
}
