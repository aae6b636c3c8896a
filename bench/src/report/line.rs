//! A bad line between bots and server: what it did, and what it may not have done to anybody.

use bluemarble_net::testing::{LineQuality, PathStats};
use serde::{Deserialize, Serialize};

use super::Report;

/// Snapshots flow again so soon after a silence, milliseconds.
const FLOWING_AGAIN_MS: f64 = 1_000.0;
/// Of the UDP payload a client is sent, what is not snapshots: QUIC's headers and acknowledgements,
/// messages, and what the line itself doubled. Per tick, bytes, and as a share.
const WRAPPING_BYTES: f64 = 90.0;
const WRAPPING_SHARE: f64 = 0.05;

/// Such a line.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Line {
    /// How good it was.
    #[serde(default)]
    pub quality: String,
    /// What became of packets.
    pub packets: String,
    /// Its longest silence, milliseconds; 0 = it has none.
    pub silence_ms: f64,
    /// Packets that met one.
    pub silenced: u64,
}

impl Line {
    /// A line that has done this to what went up and down.
    #[must_use]
    pub fn new(quality: &LineQuality, up: PathStats, down: PathStats) -> Self {
        let told = |stats: PathStats| {
            format!(
                "{} of {} packets lost, {} in silence, {} for lack of room, {} twice",
                stats.lost, stats.sent, stats.blacked_out, stats.overflowed, stats.duplicated
            )
        };
        let silences = quality.blackouts_us.iter();
        let longest_us = silences.map(|(from_us, to_us)| to_us - from_us).max();
        Self {
            quality: told_quality(quality),
            packets: format!("to the server {}; to the bots {}", told(up), told(down)),
            silence_ms: longest_us.unwrap_or(0) as f64 / 1_000.0,
            silenced: down.blacked_out,
        }
    }
}

fn told_quality(line: &LineQuality) -> String {
    let ms = |us: u64| us as f64 / 1_000.0;
    let (least, most) = (ms(line.delay_us), ms(line.delay_us + line.jitter_us));
    let mut told = vec![format!("{least:.0} to {most:.0} ms each way")];
    let percent = |share: f64| share * 100.0;
    if line.loss > 0.0 {
        let (lost, burst) = (percent(line.loss), line.loss_burst);
        told.push(format!("{lost:.0} % lost, {burst:.0} in a row"));
    }
    if line.duplicated > 0.0 {
        told.push(format!("{:.0} % twice", percent(line.duplicated)));
    }
    if line.unordered > 0.0 {
        told.push(format!("{:.0} % out of order", percent(line.unordered)));
    }
    if let Some(bytes) = line.bytes_per_s {
        told.push(format!("{bytes} bytes/s"));
    }
    if let Some((from_us, to_us)) = line.blackouts_us.first() {
        told.push(format!("silent for {:.0} ms at times", ms(to_us - from_us)));
    }
    if let Some(us) = line.address_change_us {
        told.push(format!("another address every {:.0} ms", ms(us)));
    }
    told.join(", ")
}

impl Report {
    /// What a bad line may not have caused. That nobody is missing and nothing seen was wrong is
    /// judged as over any line.
    pub(super) fn chaos(&self) -> Vec<String> {
        let Some(line) = &self.line else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        let most = self.budget_bytes_per_s * (1.0 + WRAPPING_SHARE)
            + WRAPPING_BYTES * f64::from(self.tick_hz);
        if self.down_bytes_per_s_max > most {
            problems.push(format!(
                "a bot was sent {:.0} bytes/s over the line, of a budget of {:.0}",
                self.down_bytes_per_s_max, self.budget_bytes_per_s
            ));
        }
        if line.silence_ms > 0.0 {
            let most_ms = line.silence_ms + FLOWING_AGAIN_MS;
            if self.gaps_ms.max > most_ms {
                problems.push(format!(
                    "a bot had no snapshot for {:.0} ms: more than {FLOWING_AGAIN_MS:.0} ms beyond the \
                     line's silence of {:.0} ms",
                    self.gaps_ms.max, line.silence_ms
                ));
            }
            if line.silenced == 0 || self.gaps_ms.max < line.silence_ms {
                problems.push("the line has not been silent: measure for longer".to_owned());
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::super::Quantiles;
    use super::*;

    fn silent(gap_ms: f64, silenced: u64) -> Report {
        Report {
            tick_hz: 20,
            budget_bytes_per_s: 20_000.0,
            down_bytes_per_s_max: 19_000.0,
            gaps_ms: Quantiles {
                max: gap_ms,
                ..Quantiles::default()
            },
            line: Some(Line {
                silence_ms: 5_000.0,
                silenced,
                ..Line::default()
            }),
            ..Report::default()
        }
    }

    #[test]
    fn snapshots_flow_again_soon_after_a_silence_that_has_been() {
        assert_eq!(silent(5_900.0, 7).chaos(), [""; 0]);
        assert_eq!(silent(6_100.0, 7).chaos().len(), 1);
        assert_eq!(silent(4_000.0, 7).chaos().len(), 1, "it was not met");
        assert_eq!(silent(5_900.0, 0).chaos().len(), 1);
        assert_eq!(Report::default().chaos(), [""; 0]);
    }

    #[test]
    fn nobody_is_sent_more_than_the_budget() {
        let greedy = Report {
            down_bytes_per_s_max: 24_000.0,
            ..silent(5_900.0, 7)
        };
        assert_eq!(greedy.chaos().len(), 1);
    }
}
