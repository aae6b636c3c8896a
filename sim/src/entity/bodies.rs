//! Hashes of bodies, eight at a time.
//!
//! A body's hash is a chain of eleven steps of which each waits for the one before: one body after
//! another, that is most of what the digest costs. Eight chains side by side wait together. The sums are
//! those of the plain way, word for word.

use std::mem::take;

use bluemarble_shared_protocol::{EntityId, mix64};

use super::components::Body;
use super::digest::{DigestPart, DigestParts};
use super::words::canonical;

/// Chains side by side: what one step takes longer than the processor begins of them in that time.
const LANES: usize = 8;
/// Of each chain: the entity, the support, nine numbers.
const WORDS: usize = 11;

/// Bodies whose hashes have yet to be computed.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// Step by step, the word of each chain.
    words: [[u64; LANES]; WORDS],
    odd: [u64; LANES],
    waiting: usize,
}

impl Bodies {
    /// Takes a body in; `odd` is [`DigestParts::odd`] of the id. When enough are waiting, their hashes are
    /// added to the sums.
    #[inline]
    pub(crate) fn add(&mut self, id: EntityId, odd: u64, body: &Body, sums: &mut DigestParts) {
        let lane = self.waiting % LANES;
        let (values, support) = body.0.to_values();
        let (heads, numbers) = self.words.split_at_mut(WORDS - values.len());
        heads[0][lane] = DigestPart::Body.word_of(id);
        heads[1][lane] = u64::from(support);
        for (words, value) in numbers.iter_mut().zip(values) {
            words[lane] = canonical(value);
        }
        self.odd[lane] = odd;
        self.waiting += 1;
        if self.waiting == LANES {
            self.finish(sums);
        }
    }

    /// Adds the hashes of those who are still waiting.
    pub(crate) fn finish(&mut self, sums: &mut DigestParts) {
        let mut hashes = [0; LANES];
        for words in &self.words {
            for (hash, word) in hashes.iter_mut().zip(words) {
                *hash = mix64(*hash ^ word);
            }
        }
        for (hash, odd) in hashes.iter().zip(self.odd).take(take(&mut self.waiting)) {
            sums.add_weighed(DigestPart::Body, odd, *hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_spatial::Planet;
    use glam::DVec3;

    #[test]
    fn any_number_of_bodies_adds_up_to_what_they_add_one_by_one() {
        let planet = Planet::smooth(50_000.0);
        let crowd: Vec<(EntityId, Body)> = (0..100_u64)
            .map(|n| {
                let axis = |k| f64::from(mix64(n * 7 + k) as i32);
                let dir = DVec3::new(axis(0), axis(1), axis(2));
                let mut body = bluemarble_motion::Body::standing(&planet, dir, DVec3::X);
                if n % 3 == 0 {
                    body.vel = DVec3::new(-0.0, axis(3), f64::NAN);
                    body.support = bluemarble_motion::Support::Air;
                }
                (EntityId(mix64(n)), Body(body))
            })
            .collect();
        for count in 0..=crowd.len() {
            let (mut plain, mut sums) = (DigestParts::default(), DigestParts::default());
            let mut bodies = Bodies::default();
            for (id, body) in &crowd[..count] {
                plain.add(DigestPart::Body, *id, body.digest(*id));
                bodies.add(*id, DigestParts::odd(*id), body, &mut sums);
            }
            bodies.finish(&mut sums);
            assert_eq!(sums, plain, "{count} bodies");
        }
    }
}
