//! How good a line is, in each direction.

/// A line's properties. The default is a perfect one.
#[derive(Clone, Debug, PartialEq)]
pub struct LineQuality {
    /// Every packet takes at least so long, microseconds.
    pub delay_us: u64,
    /// And up to so much longer, evenly drawn, microseconds.
    pub jitter_us: u64,
    /// Share of the packets that are lost in the long run, 0 to below 1.
    pub loss: f64,
    /// Packets lost in a row, mean, at least 1; 1 / (1 − loss) is what independent losses have.
    pub loss_burst: f64,
    /// Share of the packets that arrive twice.
    pub duplicated: f64,
    /// Share of the packets that may overtake those before them; the others wait their turn, as in a
    /// queue.
    pub unordered: f64,
    /// Bytes a second the line carries; `None` = any number.
    pub bytes_per_s: Option<u64>,
    /// Bytes that may wait for that; what comes beyond is lost.
    pub queue_bytes_max: usize,
    /// Times in which nothing gets in, microseconds since the line began, ascending.
    pub blackouts_us: Vec<(u64, u64)>,
    /// How often the client's address changes, as if a phone moved on; `None` = never.
    pub address_change_us: Option<u64>,
}

impl Default for LineQuality {
    fn default() -> Self {
        Self {
            delay_us: 0,
            jitter_us: 0,
            loss: 0.0,
            loss_burst: 1.0,
            duplicated: 0.0,
            unordered: 0.0,
            bytes_per_s: None,
            queue_bytes_max: 64 * 1_024,
            blackouts_us: Vec::new(),
            address_change_us: None,
        }
    }
}

/// No line is called that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no line '{name}'; there are: {}", LineQuality::NAMES.join(", "))]
pub struct UnknownLine {
    name: String,
}

impl LineQuality {
    /// What [`LineQuality::named`] knows.
    pub const NAMES: [&str; 6] = ["good", "mobile", "bad", "narrow", "blackout", "roaming"];

    /// A line people know:
    ///
    /// - `good`: a wired line, 15 to 20 ms each way;
    /// - `mobile`: 30 to 60 ms, 1 % lost three at a time, a little reordering;
    /// - `bad`: 40 to 120 ms, 10 % lost three at a time, 1 % twice, a tenth out of order;
    /// - `narrow`: 20 ms, 16 KB/s with a quarter second of queue;
    /// - `blackout`: `good`, silent for five seconds out of every twenty, from the tenth on;
    /// - `roaming`: `mobile`, with another address every seven seconds.
    ///
    /// # Errors
    /// [`UnknownLine`].
    pub fn named(name: &str) -> Result<Self, UnknownLine> {
        let good = Self {
            delay_us: 15_000,
            jitter_us: 5_000,
            ..Self::default()
        };
        let mobile = Self {
            delay_us: 30_000,
            jitter_us: 30_000,
            loss: 0.01,
            loss_burst: 3.0,
            unordered: 0.02,
            ..Self::default()
        };
        const SECOND_US: u64 = 1_000_000;
        Ok(match name {
            "good" => good,
            "mobile" => mobile,
            "bad" => Self {
                delay_us: 40_000,
                jitter_us: 80_000,
                loss: 0.1,
                loss_burst: 3.0,
                duplicated: 0.01,
                unordered: 0.1,
                ..Self::default()
            },
            "narrow" => Self {
                delay_us: 20_000,
                bytes_per_s: Some(16_000),
                queue_bytes_max: 4_000,
                ..Self::default()
            },
            "blackout" => Self {
                blackouts_us: (0..180)
                    .map(|n| (10 + 20 * n) * SECOND_US)
                    .map(|from_us| (from_us, from_us + 5 * SECOND_US))
                    .collect(),
                ..good
            },
            "roaming" => Self {
                address_change_us: Some(7 * SECOND_US),
                ..mobile
            },
            unknown => {
                let name = unknown.to_owned();
                return Err(UnknownLine { name });
            }
        })
    }

    /// Whether nothing gets in at this time since the line began.
    pub(super) fn is_blacked_out(&self, since_us: u64) -> bool {
        let begun = self
            .blackouts_us
            .partition_point(|(from_us, _)| *from_us <= since_us);
        begun > 0 && since_us < self.blackouts_us[begun - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_line_is_known_and_no_other() {
        for name in LineQuality::NAMES {
            let quality = LineQuality::named(name).unwrap();
            assert!(quality.loss < 1.0 && quality.loss_burst >= 1.0, "{name}");
        }
        let error = LineQuality::named("perfect").unwrap_err();
        assert!(error.to_string().contains("good, mobile"), "{error}");
    }

    #[test]
    fn a_blackout_begins_and_ends() {
        let quality = LineQuality {
            blackouts_us: vec![(10, 20), (30, 40)],
            ..LineQuality::default()
        };
        let out: Vec<u64> = (0..50).filter(|us| quality.is_blacked_out(*us)).collect();
        assert_eq!(out, (10..20).chain(30..40).collect::<Vec<_>>());
    }
}
