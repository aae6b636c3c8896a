//! As much of the Prometheus text format as the report needs: plain values, and what a histogram
//! gained between two pages.

use crate::report::Curve;

/// The value of a metric whose labels, if any, are given with its name.
#[must_use]
pub fn value(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line[name.len()..].trim().parse().ok()
}

/// Observations up to each bound, ascending, the last bound being infinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<(f64, f64)>);

impl Buckets {
    /// Of a histogram without other labels than `le`.
    #[must_use]
    pub fn parse(page: &str, name: &str) -> Self {
        let prefix = format!("{name}_bucket{{le=\"");
        let parse = |line: &str| {
            let (bound, rest) = line.strip_prefix(&prefix)?.split_once("\"}")?;
            let bound = if bound == "+Inf" {
                f64::INFINITY
            } else {
                bound.parse().ok()?
            };
            Some((bound, rest.trim().parse().ok()?))
        };
        Self(page.lines().filter_map(parse).collect())
    }

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bound: f64| {
            let same = earlier.0.iter().find(|(known, _)| *known == bound);
            same.map_or(0.0, |(_, count)| *count)
        };
        Self(
            self.0
                .iter()
                .map(|(bound, count)| (*bound, count - before(*bound)))
                .collect(),
        )
    }

    /// How many observations there are.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// The value at a quantile, interpolated within its bucket; `None` without observations, and
    /// the last finite bound if it lies beyond that.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = self.count() * quantile;
        if self.count() <= 0.0 {
            return None;
        }
        let (mut below, mut seen) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count >= rank && *count > seen {
                let share = (rank - seen) / (count - seen);
                return Some(if bound.is_finite() {
                    below + (bound - below) * share
                } else {
                    below
                });
            }
            (below, seen) = (*bound, *count);
        }
        Some(below)
    }
}

impl Buckets {
    /// As a distribution, in units of `scale`; what lies beyond the last bound counts as that.
    #[must_use]
    pub fn curve(&self, name: &str, unit: &str, scale: f64) -> Curve {
        let (mut points, mut below) = (Vec::new(), (0.0, 0.0));
        for (bound, count) in &self.0 {
            let bound = if bound.is_finite() { *bound } else { below.0 };
            if *count > below.1 {
                if points.is_empty() {
                    points.push((0.0, below.0 * scale));
                }
                points.push((count / self.count(), bound * scale));
            }
            below = (bound, *count);
        }
        Curve {
            name: name.to_owned(),
            unit: unit.to_owned(),
            count: self.count() as u64,
            points,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = "\
# TYPE t histogram
t_bucket{le=\"0.01\"} 5
t_bucket{le=\"0.05\"} 5
t_bucket{le=\"+Inf\"} 5
cpu_seconds 1.5
cpu_seconds_more 9
";
    const LATE: &str = "\
t_bucket{le=\"0.01\"} 95
t_bucket{le=\"0.05\"} 105
t_bucket{le=\"+Inf\"} 105
";

    #[test]
    fn plain_values_are_found_by_their_whole_name() {
        assert_eq!(value(EARLY, "cpu_seconds"), Some(1.5));
        assert_eq!(value(EARLY, "cpu"), None);
    }

    #[test]
    fn quantiles_are_of_what_came_between_two_pages() {
        let gained = Buckets::parse(LATE, "t").since(&Buckets::parse(EARLY, "t"));
        assert_eq!(gained.count(), 100.0);
        assert_eq!(gained.quantile(0.45), Some(0.005));
        assert_eq!(gained.quantile(0.9), Some(0.01));
        assert!((gained.quantile(0.95).unwrap() - 0.03).abs() < 1e-12);
        assert_eq!(Buckets::parse("", "t").quantile(0.5), None);
    }

    #[test]
    fn buckets_become_a_curve_from_where_there_is_something() {
        let gained = Buckets::parse(LATE, "t").since(&Buckets::parse(EARLY, "t"));
        let curve = gained.curve("t", "ms", 1_000.0);
        assert_eq!(curve.points, [(0.0, 0.0), (0.9, 10.0), (1.0, 50.0)]);
        assert_eq!(curve.count, 100);
        assert!(Buckets::default().curve("t", "ms", 1.0).points.is_empty());
    }

    #[test]
    fn beyond_the_last_bound_there_is_only_the_last_bound() {
        let page = "t_bucket{le=\"1\"} 0\nt_bucket{le=\"+Inf\"} 3\n";
        assert_eq!(Buckets::parse(page, "t").quantile(0.5), Some(1.0));
    }
}
