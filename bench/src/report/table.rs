//! The report as a table for people.

use std::fmt::Write as _;

use super::{Cost, Hostility, PromiseCount, Quantiles, Report};
use crate::verify::BANDS;

fn in_turn(times: &Quantiles) -> String {
    format!("{:.0} / {:.0} / {:.0}", times.p50, times.p99, times.max)
}

/// Bands of distance, as shares of the radius.
const BAND_ROWS: [&str; BANDS] = [
    "seen at 0 to 25 % of radius",
    "  at 25 to 50 %",
    "  at 50 to 75 %",
    "  farther",
];

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.all_rows() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<28} {value}");
        }
        let _ = writeln!(
            text,
            "\n{:<10} {:>12} {:>10}",
            "promise", "checks", "failures"
        );
        for PromiseCount { promise, count } in &self.verification.promises {
            let label = promise.label();
            let _ = writeln!(
                text,
                "{label:<10} {:>12} {:>10}",
                count.checks, count.failures
            );
            for example in &count.examples {
                let _ = writeln!(text, "           {example}");
            }
        }
        text.extend(self.hostile.iter().map(Hostility::table));
        text
    }

    /// Every line of it.
    pub(super) fn all_rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = self.rows();
        // p50 / p99 / max.
        let bands = BAND_ROWS.into_iter().zip(&self.bands);
        rows.extend(bands.map(|(name, band)| (name, band.told())));
        rows.extend(self.cost.iter().flat_map(Cost::rows));
        rows
    }

    /// Microseconds per client and tick.
    fn cpu_told(&self) -> String {
        let Some(cpu) = &self.cpu else {
            return "?".to_owned();
        };
        let client_ticks = f64::from(self.clients) * self.tick_ms.ticks.max(1) as f64;
        let us = |seconds: f64| format!("{:.2}", seconds * 1e6 / client_ticks);
        let (quic, other) = match cpu.quic {
            Some(quic) => (format!("QUIC {}, ", us(quic)), "other"),
            None => (String::new(), "QUIC and other"),
        };
        format!(
            "{quic}ingest {}, step {}, replicate {}, {other} {}",
            us(cpu.ingest),
            us(cpu.step),
            us(cpu.replicate),
            us(cpu.other)
        )
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let ms = |value: Option<f64>| value.map_or("?".to_owned(), |value| format!("{value:.2}"));
        let tick = &self.tick_ms;
        let seen = &self.verification;
        let prediction = match self.prediction.on {
            true => format!(
                "{} confirmed, {} diverged; {} of {} exact states corrected, p50 / p99 / max < \
                 {:.3} / {:.3} / {:.3} m",
                self.prediction.confirmed,
                self.prediction.diverged,
                self.prediction.corrections,
                self.prediction.compared,
                self.prediction.error_m[0],
                self.prediction.error_m[1],
                self.prediction.error_m[2],
            ),
            false => "off (no planet content)".to_owned(),
        };
        vec![
            ("machine", self.machine.clone()),
            (
                "server / bench",
                format!("{} / {}", self.server_build, self.bench_build),
            ),
            (
                "scene",
                format!(
                    "{}, world seed {}, {} zones, {} entities",
                    self.scene, self.world_seed, self.zones, self.entities
                ),
            ),
            (
                "load",
                format!(
                    "{} clients, seed {}, {:.1} s at {} Hz",
                    self.clients, self.seed, self.seconds, self.tick_hz
                ),
            ),
            (
                "tick p50 / p95 / p99 / max",
                format!(
                    "{} / {} / {} / {:.2} ms over {} ticks, {} skipped",
                    ms(tick.p50),
                    ms(tick.p95),
                    ms(tick.p99),
                    tick.max,
                    tick.ticks,
                    self.skipped_ticks
                ),
            ),
            (
                "server CPU, memory",
                format!(
                    "{} us per client and tick, {} MiB",
                    ms(self.server_cpu_us_per_client_tick),
                    ms(self.server_resident_bytes.map(|bytes| bytes / 1_048_576.0))
                ),
            ),
            ("  by phase", self.cpu_told()),
            (
                "bytes/s per client",
                format!(
                    "{:.0} down (most {:.0}, budget {:.0}), {:.0} up",
                    self.down_bytes_per_s,
                    self.down_bytes_per_s_max,
                    self.budget_bytes_per_s,
                    self.up_bytes_per_s
                ),
            ),
            (
                "packets per tick",
                format!(
                    "{:.2} down, {:.2} up",
                    self.down_packets_per_tick, self.up_packets_per_tick
                ),
            ),
            (
                "others seen mean / min",
                format!("{:.1} / {}", self.seen_mean, self.seen_min),
            ),
            (
                "blow -> others' view",
                format!(
                    "p50 {:.1} ms, p99 {:.1} ms, {} sights",
                    self.blow_ms.p50, self.blow_ms.p99, self.blow_ms.sights
                ),
            ),
            (
                "move -> others' view",
                format!(
                    "p50 {:.1} ms, p99 {:.1} ms, {} sights",
                    self.move_ms.p50, self.move_ms.p99, self.move_ms.sights
                ),
            ),
            (
                "per second",
                format!(
                    "{:.2} hand-offs, {:.2} kills, {:.1} hits",
                    self.handoffs_per_s, self.kills_per_s, self.hits_per_s
                ),
            ),
            (
                "snapshots",
                format!(
                    "{} of {} received, loss {:.3} %, {:.2} per tick, {} undecodable, {} diverged",
                    self.snapshots.received,
                    self.snapshots.expected,
                    self.snapshots.loss * 100.0,
                    self.snapshots.per_tick,
                    self.snapshots.undecodable,
                    self.snapshots.diverged
                ),
            ),
            (
                "between two, p50 / p99 / max",
                format!(
                    "{:.1} / {:.1} / {:.1} ms",
                    self.gaps_ms.p50, self.gaps_ms.p99, self.gaps_ms.max
                ),
            ),
            (
                "into the world, p50/p99/max",
                match (&self.joined_ms, &self.returned_ms) {
                    (None, _) => "?".to_owned(),
                    (Some(joined), None) => format!("{} ms", in_turn(joined)),
                    (Some(joined), Some(returned)) => {
                        format!("{} ms; back: {} ms", in_turn(joined), in_turn(returned))
                    }
                },
            ),
            (
                "the line",
                match &self.line {
                    Some(line) => {
                        let again = self.lost.joined_again;
                        format!(
                            "{}; {}; {again} tries to join again",
                            line.quality, line.packets
                        )
                    }
                    None => "perfect".to_owned(),
                },
            ),
            ("the bench itself", self.bench.told()),
            ("prediction", prediction),
            (
                "views compared",
                format!(
                    "{} of {} with {} truth frames; {} without truth",
                    seen.samples, seen.samples_expected, seen.truths, seen.unverified
                ),
            ),
            (
                "age of differing states",
                format!(
                    "p99 {} snapshots, oldest {}, bound {}",
                    seen.age_snapshots.0, seen.age_snapshots.1, seen.stale_snapshots_max
                ),
            ),
        ]
    }
}
