//! Draws from a seed.

use bluemarble_shared_protocol::{hash_words, mix64};

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Dice {
    key: u64,
    drawn: u64,
}

impl Dice {
    /// Those of one world of a run.
    pub fn new(seed: u64, world: u64) -> Self {
        Self {
            key: hash_words([0x0074_7269_616c, seed, world]),
            drawn: 0,
        }
    }

    /// `from ..= to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        self.drawn += 1;
        from + mix64(hash_words([self.key, self.drawn])) % (to - from + 1)
    }

    /// Once in so many.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.between(1, times) == 1
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.between(0, choices.len() as u64 - 1) as usize]
    }
}
