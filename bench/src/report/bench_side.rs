//! Whether the bots kept up: if not, the figures are about the bench, and the run is void.

use serde::{Deserialize, Serialize};

use super::Quantiles;

/// Share of its threads' time beyond which the bench measures itself.
const BUSY_MAX: f64 = 0.9;
/// Delay of bots, 99 of 100, beyond which their inputs do not keep their beat, milliseconds.
const LATE_P99_MS_MAX: f64 = 5.0;

/// This program while it measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BenchSide {
    /// Threads that ran bots.
    pub threads: u16,
    /// Threads' worth of time the whole program used, the judge included.
    pub busy: f64,
    /// How late bots were woken, milliseconds: by so much their inputs missed their beat.
    pub late_ms: Quantiles,
    /// The machine's load average at the end.
    pub load_average: Option<f64>,
}

impl BenchSide {
    /// Why the figures do not count, if so.
    #[must_use]
    pub fn void(&self) -> Option<String> {
        let threads = self.threads;
        if self.busy > f64::from(threads) * BUSY_MAX {
            return Some(format!(
                "the bots used {:.2} of {threads} threads, more than {:.0} %: they could not keep up",
                self.busy,
                BUSY_MAX * 100.0
            ));
        }
        (self.late_ms.p99 > LATE_P99_MS_MAX).then(|| {
            format!(
                "the bots were woken up to {:.1} ms late (99 of 100), more than {LATE_P99_MS_MAX:.0} ms: \
                 the machine is too busy",
                self.late_ms.p99
            )
        })
    }

    /// For people.
    #[must_use]
    pub fn told(&self) -> String {
        let load = self.load_average;
        let load = load.map_or("?".to_owned(), |load| format!("{load:.2}"));
        format!(
            "{:.2} of {} threads busy, woken {:.1} ms late (p99), load average {load}",
            self.busy, self.threads, self.late_ms.p99
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(busy: f64, late_p99_ms: f64) -> BenchSide {
        BenchSide {
            threads: 2,
            busy,
            late_ms: Quantiles {
                p99: late_p99_ms,
                ..Quantiles::default()
            },
            load_average: None,
        }
    }

    #[test]
    fn a_run_whose_bots_could_not_keep_up_is_void() {
        assert_eq!(side(1.8, 5.0).void(), None);
        assert!(side(1.81, 0.0).void().unwrap().contains("1.81 of 2"));
        assert!(side(0.1, 5.1).void().unwrap().contains("5.1 ms late"));
    }
}
