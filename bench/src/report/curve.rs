//! A distribution as it is plotted: the value below which each share lies, the finer the nearer to all.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::Quantiles;

/// Steps per halving of what is still above.
const STEPS: u32 = 4;

/// Such a distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Of what.
    pub name: String,
    /// In which unit.
    pub unit: String,
    /// How many values there are.
    pub count: u64,
    /// Shares, ascending from 0 to 1, and the value at most which so many are.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Of a histogram, whose values become such units by `scale`.
    #[must_use]
    pub fn of(name: &str, unit: &str, values: &Histogram<u64>, scale: f64) -> Self {
        let steps = values.iter_quantiles(STEPS);
        let points = steps.map(|step| (step.quantile(), step.value_iterated_to() as f64 * scale));
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            count: values.len(),
            points: points.collect(),
        }
    }

    /// The value at most which this share is; `None` without any.
    #[must_use]
    pub fn at(&self, share: f64) -> Option<f64> {
        let found = self.points.iter().find(|(upto, _)| *upto >= share);
        found.or(self.points.last()).map(|(_, value)| *value)
    }
}

impl Quantiles {
    /// Of a histogram, whose values become units by `scale`.
    #[must_use]
    pub fn of(values: &Histogram<u64>, scale: f64) -> Self {
        let at = |share| values.value_at_quantile(share) as f64 * scale;
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: values.max() as f64 * scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_and_ends_with_the_largest() {
        let mut values = Histogram::<u64>::new(3).unwrap();
        (1..=1_000).for_each(|value| values.record(value).unwrap());
        let curve = Curve::of("x", "ms", &values, 0.5);
        assert_eq!(curve.count, 1_000);
        let (shares, ends) = (curve.points.iter(), curve.points.last().unwrap());
        assert!(shares.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1));
        assert_eq!(*ends, (1.0, 500.0));
        assert_eq!(curve.at(0.5), Some(250.0));
        assert_eq!(Curve::default().at(0.5), None);
    }
}
