//! The run second by second as CSV (RFC 4180), a row each.

use std::fmt::Write as _;

use super::{Second, Series};

/// Names and values of a row's columns; what is not known is empty.
fn columns(row: &Second) -> Vec<(&'static str, String)> {
    let number = |value: f64| format!("{value:.3}");
    let maybe = |value: Option<f64>| value.map_or(String::new(), number);
    let cpu = row.cpu;
    let (traffic, bots) = (&row.traffic, &row.bots);
    vec![
        ("end_s", number(row.end_s)),
        ("took_s", number(row.took_s)),
        ("ticks", row.ticks.to_string()),
        ("skipped_ticks", row.skipped_ticks.to_string()),
        ("tick_ms_p50", number(row.tick_ms.p50)),
        ("tick_ms_p99", number(row.tick_ms.p99)),
        ("tick_ms_max", number(row.tick_ms.max)),
        ("cpu_s", maybe(cpu.map(|cpu| cpu.everything))),
        ("cpu_s_ingest", maybe(cpu.map(|cpu| cpu.ingest))),
        ("cpu_s_step", maybe(cpu.map(|cpu| cpu.step))),
        ("cpu_s_replicate", maybe(cpu.map(|cpu| cpu.replicate))),
        ("cpu_s_quic", maybe(cpu.and_then(|cpu| cpu.quic))),
        ("cpu_s_other", maybe(cpu.map(|cpu| cpu.other))),
        ("resident_bytes", maybe(row.resident_bytes)),
        ("overload_level", number(row.overload_level)),
        ("players", row.players.to_string()),
        ("entities", row.entities.to_string()),
        ("down_bytes", traffic.down_bytes.to_string()),
        ("up_bytes", traffic.up_bytes.to_string()),
        ("snapshot_bytes", traffic.snapshot_bytes.to_string()),
        ("intent_bytes", traffic.intent_bytes.to_string()),
        ("datagrams_out", traffic.datagrams_out.to_string()),
        ("datagrams_in", traffic.datagrams_in.to_string()),
        ("packets_lost", traffic.packets_lost.to_string()),
        ("updates", traffic.updates.to_string()),
        ("enters", traffic.enters.to_string()),
        ("removes", traffic.removes.to_string()),
        ("own_states", traffic.own_states.to_string()),
        ("cards", traffic.cards.to_string()),
        ("events", traffic.events.to_string()),
        ("bots_inside", bots.inside.to_string()),
        ("bots_busy_threads", number(bots.busy)),
        ("bots_late_ms_p50", number(bots.late_ms.p50)),
        ("bots_late_ms_p99", number(bots.late_ms.p99)),
        ("bots_late_ms_max", number(bots.late_ms.max)),
        ("snapshots", bots.snapshots.to_string()),
        ("gap_ms_p50", number(bots.gap_ms.p50)),
        ("gap_ms_p99", number(bots.gap_ms.p99)),
        ("gap_ms_max", number(bots.gap_ms.max)),
        ("silent_ms", number(bots.silent_ms)),
        ("blows", bots.blows.to_string()),
        ("blow_ms_p50", number(bots.blow_ms.p50)),
        ("blow_ms_p99", number(bots.blow_ms.p99)),
        ("blow_ms_max", number(bots.blow_ms.max)),
        ("moves", bots.moves.to_string()),
        ("move_ms_p50", number(bots.move_ms.p50)),
        ("move_ms_p99", number(bots.move_ms.p99)),
        ("move_ms_max", number(bots.move_ms.max)),
        ("looks", bots.looks.to_string()),
        ("stale_ms_p50", number(bots.stale_ms.p50)),
        ("stale_ms_p99", number(bots.stale_ms.p99)),
        ("stale_ms_max", number(bots.stale_ms.max)),
        ("error_cm_p50", number(bots.error_cm.p50)),
        ("error_cm_p99", number(bots.error_cm.p99)),
        ("error_cm_max", number(bots.error_cm.max)),
    ]
}

impl Series {
    /// With a line of names first.
    #[must_use]
    pub fn csv(&self) -> String {
        let names: Vec<_> = columns(&Second::default())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut text = names.join(",") + "\r\n";
        for row in &self.0 {
            let values: Vec<_> = columns(row).into_iter().map(|(_, value)| value).collect();
            // Writing to a string cannot fail. Numbers need no quotes.
            let _ = write!(text, "{}\r\n", values.join(","));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;

    #[test]
    fn there_is_a_row_per_second_and_every_row_has_every_column() {
        let mut report = example::report();
        let seconds = report.series.0.len();
        report.series.0[1].cpu = None;
        let text = report.series.csv();
        let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
        assert_eq!(rows.len(), seconds + 1);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        let at = |name| rows[0].iter().position(|column| *column == name).unwrap();
        assert_eq!(rows[2][at("cpu_s")], "", "unknown, not zero");
        let bytes: u64 = rows[1..]
            .iter()
            .map(|row| row[at("down_bytes")].parse::<u64>().unwrap())
            .sum();
        assert_eq!(bytes, report.series.traffic().down_bytes);
    }
}
