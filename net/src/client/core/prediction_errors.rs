//! How far a client's guess of its own place was off, each time the server said exactly where it is.

/// Classes of distance: below a millimetre, then twice as far each; the last has no end (beyond 260 m).
const CLASSES: usize = 20;

/// A histogram of the distances by which an exact state moved the predicted place: what a player
/// without smoothing sees as a jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionErrors {
    counts: [u64; CLASSES],
}

impl PredictionErrors {
    /// One more exact state moved the predicted place by so many metres.
    pub(super) fn note(&mut self, off_m: f64) {
        let mm = (off_m * 1_000.0) as u64;
        let class = (u64::BITS - mm.leading_zeros()) as usize;
        self.counts[class.min(CLASSES - 1)] += 1;
    }

    /// How many exact states were compared with a prediction.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many of them moved the predicted place by a millimetre or more.
    #[must_use]
    pub fn corrections(&self) -> u64 {
        self.counts[1..].iter().sum()
    }

    /// This share of them (0 ..= 1) was off by less than so many metres, to a factor of two; 0 if there
    /// are none.
    #[must_use]
    pub fn quantile_m(&self, share: f64) -> f64 {
        let wanted = (self.compared() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return (1_u64 << class) as f64 / 1_000.0;
            }
        }
        0.0
    }

    /// Adds another client's.
    pub fn add(&mut self, other: &Self) {
        let all = self.counts.iter_mut().zip(other.counts);
        all.for_each(|(count, more)| *count += more);
    }

    /// What has been added since it was `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut gained = *self;
        let all = gained.counts.iter_mut().zip(before.counts);
        all.for_each(|(count, old)| *count = count.saturating_sub(old));
        gained
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_from_above_within_a_factor_of_two() {
        let mut errors = PredictionErrors::default();
        assert_eq!((errors.compared(), errors.quantile_m(0.5)), (0, 0.0));
        (0..90).for_each(|_| errors.note(0.0));
        (0..9).for_each(|_| errors.note(0.05));
        errors.note(5_000.0);
        assert_eq!((errors.compared(), errors.corrections()), (100, 10));
        assert_eq!(errors.quantile_m(0.5), 0.001);
        assert_eq!(errors.quantile_m(0.99), 0.064);
        assert!(errors.quantile_m(1.0) > 260.0);
        let before = errors;
        errors.note(0.5);
        let gained = errors.since(&before);
        assert_eq!((gained.compared(), gained.quantile_m(1.0)), (1, 0.512));
        let mut both = before;
        both.add(&gained);
        assert_eq!(both, errors);
    }
}
