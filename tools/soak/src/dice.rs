//! Everything random in a case, as hashes of (seed, case, what for, tick): no draw shifts another, so
//! a case can be run again without one sort of event and is otherwise the same.

use bluemarble_shared_protocol::{hash_words, mix64};

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Dice {
    key: u64,
    drawn: u64,
}

impl Dice {
    /// The stream of one case; everything about it is forked from this one.
    #[must_use]
    pub fn of_case(seed: u64, case: u64) -> Self {
        Self {
            key: hash_words([0x736f_616b, seed, case]),
            drawn: 0,
        }
    }

    /// Another stream, for one purpose; how much was drawn here does not matter to it.
    #[must_use]
    pub fn fork(&self, purpose: u64, n: u64) -> Self {
        Self {
            key: hash_words([self.key, purpose, n]),
            drawn: 0,
        }
    }

    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.drawn += 1;
        mix64(hash_words([self.key, self.drawn]))
    }

    /// 0 ..= `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.word() % most.saturating_add(1).max(1)
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.word() % 1_000 < permille
    }

    /// At least 0, below 1.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly between the two.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Between the two, every order of magnitude as likely as the next.
    pub fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        use bluemarble_spatial::maths;
        maths::exp(self.between(maths::ln(low), maths::ln(high)))
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.up_to(from.len() as u64 - 1) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_is_the_same_however_much_was_drawn_before() {
        let mut dice = Dice::of_case(1, 2);
        let early = dice.fork(3, 4).word();
        dice.word();
        assert_eq!(dice.fork(3, 4).word(), early);
        assert_ne!(dice.fork(3, 5).word(), early);
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut dice = Dice::of_case(7, 7);
        for _ in 0..2_000 {
            assert!(dice.up_to(3) <= 3);
            assert!((2.0..3.0).contains(&dice.between(2.0, 3.0)));
            assert!((0.99..101.0).contains(&dice.magnitude(1.0, 100.0)));
        }
        assert_eq!(dice.up_to(0), 0);
    }
}
