//! Which plots there are.

use super::plot::{Along, Fold, Line, Plot, Shape};
use crate::report::{Curve, Report, Second};

/// How much less is left above from one point of a distribution to the next.
const STEP: f64 = 0.8;

/// What is drawn of a second.
type Of = fn(&Second) -> Option<f64>;

/// A line's name, how seconds become one, and its values.
type Drawn = (&'static str, Fold, Of);

/// Everything second by second.
pub(super) fn over_time(report: &Report) -> String {
    let rows = &report.series.0;
    let period_ms = 1_000.0 / f64::from(report.tick_hz.max(1));
    let plot = |title: &str, unit: &str, shape, lines: &[Drawn]| Plot {
        title: title.to_owned(),
        unit: unit.to_owned(),
        shape,
        along: Along::Seconds,
        lines: lines
            .iter()
            .enumerate()
            .map(|(colour, (name, fold, of))| {
                Line::over_time(name, colour, *fold, rows, |row| (row.end_s, of(row)))
            })
            .collect(),
        mark: None,
    };
    let known = rows.iter().filter_map(|row| row.cpu);
    let quic_told = known.clone().all(|cpu| cpu.quic.is_some());
    let other = if quic_told { "other" } else { "QUIC and other" };
    let mut tick = plot("Tick time", "ms", Shape::Lines, &TICK);
    tick.mark = Some((period_ms, "tick period"));
    let mut cpu = plot(
        "CPU of the server by phase",
        "ms per tick",
        Shape::Stack,
        &CPU,
    );
    if let Some(rest) = cpu.lines.last_mut() {
        other.clone_into(&mut rest.name);
    }
    if !quic_told {
        cpu.lines.retain(|line| line.name != "QUIC");
    }
    let blows = rows.iter().any(|row| row.bots.blows > 0);
    let latency = if blows { &LATENCY[..] } else { &LATENCY[..4] };
    let plots = [
        tick,
        cpu,
        plot("Latency", "ms", Shape::Lines, latency),
        plot("Staleness of what is seen", "ms", Shape::Lines, &STALE),
        plot("Bytes down per client", "bytes/s", Shape::Stack, &BYTES),
        plot("Memory of the server", "MiB", Shape::Lines, &MEMORY),
        plot("Clients", "", Shape::Lines, &CLIENTS),
        plot(
            "Datagrams",
            "per second and client",
            Shape::Lines,
            &DATAGRAMS,
        ),
        plot(
            "The bots themselves",
            "ms late, threads",
            Shape::Lines,
            &BOTS,
        ),
    ];
    grid(&plots)
}

const TICK: [Drawn; 3] = [
    ("p50", Fold::Mean, |row| Some(row.tick_ms.p50)),
    ("p99", Fold::Largest, |row| Some(row.tick_ms.p99)),
    ("max", Fold::Largest, |row| Some(row.tick_ms.max)),
];

/// Milliseconds of a row's processor time per tick.
fn per_tick(row: &Second, seconds: Option<f64>) -> Option<f64> {
    (row.ticks > 0).then(|| seconds.map(|s| s * 1_000.0 / row.ticks as f64))?
}

const CPU: [Drawn; 5] = [
    ("QUIC", Fold::Mean, |row| per_tick(row, row.cpu?.quic)),
    ("replicate", Fold::Mean, |row| {
        per_tick(row, Some(row.cpu?.replicate))
    }),
    ("step", Fold::Mean, |row| per_tick(row, Some(row.cpu?.step))),
    ("ingest", Fold::Mean, |row| {
        per_tick(row, Some(row.cpu?.ingest))
    }),
    ("other", Fold::Mean, |row| {
        per_tick(row, Some(row.cpu?.other))
    }),
];

const LATENCY: [Drawn; 6] = [
    ("between two snapshots, p99", Fold::Largest, |row| {
        (row.bots.snapshots > 0).then_some(row.bots.gap_ms.p99)
    }),
    ("max", Fold::Largest, |row| {
        (row.bots.snapshots > 0).then_some(row.bots.gap_ms.max)
    }),
    ("longest wait not over", Fold::Largest, |row| {
        Some(row.bots.silent_ms)
    }),
    ("move to others' view, p99", Fold::Largest, |row| {
        (row.bots.moves > 0).then_some(row.bots.move_ms.p99)
    }),
    ("blow to others' view, p50", Fold::Mean, |row| {
        (row.bots.blows > 0).then_some(row.bots.blow_ms.p50)
    }),
    ("blow to others' view, p99", Fold::Largest, |row| {
        (row.bots.blows > 0).then_some(row.bots.blow_ms.p99)
    }),
];

const STALE: [Drawn; 3] = [
    ("p50", Fold::Mean, |row| {
        (row.bots.looks > 0).then_some(row.bots.stale_ms.p50)
    }),
    ("p99", Fold::Largest, |row| {
        (row.bots.looks > 0).then_some(row.bots.stale_ms.p99)
    }),
    ("max", Fold::Largest, |row| {
        (row.bots.looks > 0).then_some(row.bots.stale_ms.max)
    }),
];

/// Of a row's bytes or datagrams, those of a client and second.
fn per_client(row: &Second, count: u64) -> Option<f64> {
    (row.players > 0 && row.took_s > 0.0).then(|| count as f64 / row.took_s / row.players as f64)
}

const BYTES: [Drawn; 2] = [
    ("snapshots", Fold::Mean, |row| {
        per_client(row, row.traffic.snapshot_bytes)
    }),
    ("QUIC around them, and streams", Fold::Mean, |row| {
        per_client(row, row.traffic.wrapping_bytes())
    }),
];

const MEMORY: [Drawn; 1] = [("resident", Fold::Largest, |row| {
    row.resident_bytes.map(|bytes| bytes / 1_048_576.0)
})];

const CLIENTS: [Drawn; 2] = [
    ("sessions of the server", Fold::Mean, |row| {
        Some(row.players as f64)
    }),
    ("bots inside", Fold::Mean, |row| {
        Some(row.bots.inside as f64)
    }),
];

const DATAGRAMS: [Drawn; 3] = [
    ("snapshots down", Fold::Mean, |row| {
        per_client(row, row.traffic.datagrams_out)
    }),
    ("intents up", Fold::Mean, |row| {
        per_client(row, row.traffic.datagrams_in)
    }),
    ("packets given up", Fold::Mean, |row| {
        per_client(row, row.traffic.packets_lost)
    }),
];

const BOTS: [Drawn; 3] = [
    ("woken late, p99", Fold::Largest, |row| {
        Some(row.bots.late_ms.p99)
    }),
    ("woken late, max", Fold::Largest, |row| {
        Some(row.bots.late_ms.max)
    }),
    ("threads busy", Fold::Mean, |row| Some(row.bots.busy)),
];

/// The report's curves, those of a kind together.
pub(super) fn distributions(report: &Report) -> String {
    let plot = |title: &str, kinds: &[&str]| {
        let about = |curve: &&Curve| kinds.iter().any(|kind| curve.name.starts_with(kind));
        let chosen = report.curves.iter().filter(about);
        // What they have in common is the title.
        let short = |curve: &Curve| curve.name.split(", ").last().unwrap_or_default().to_owned();
        let named: Vec<_> = chosen.map(|curve| (short(curve), curve)).collect();
        percentiles(title, &named)
    };
    grid(&[
        plot("Tick time", &["tick"]),
        plot("Latency", &["between", "blow", "move"]),
        plot("Staleness", &["staleness"]),
        plot("Position error", &["position error"]),
    ])
}

/// Named distributions of one unit.
pub(crate) fn percentiles(title: &str, curves: &[(String, &Curve)]) -> Plot {
    let known = || curves.iter().filter(|(_, curve)| curve.count > 0);
    let lines = known().enumerate().map(|(colour, (name, curve))| Line {
        name: format!("{name} ({})", curve.count),
        colour,
        points: shares(curve.count)
            .map(|share| (share, curve.at(share)))
            .collect(),
    });
    Plot {
        title: title.to_owned(),
        unit: curves
            .first()
            .map_or(String::new(), |(_, curve)| curve.unit.clone()),
        shape: Shape::Lines,
        along: Along::Percentiles(known().map(|(_, curve)| curve.count).max().unwrap_or(0)),
        lines: lines.collect(),
        mark: None,
    }
}

/// Shares of so many values, the closer the nearer to all of them; the same for every line of a plot, as far
/// as it has values.
fn shares(count: u64) -> impl Iterator<Item = f64> {
    let above = std::iter::successors(Some(1.0), |above| Some(above * STEP));
    let least = 1.0 / count.max(1) as f64;
    above
        .take_while(move |above| *above > least)
        .map(|above| 1.0 - above)
        .chain(std::iter::once(1.0))
}

/// Beside and under each other; nothing if there is nothing in them.
pub(crate) fn grid(plots: &[Plot]) -> String {
    let figures: String = plots.iter().map(Plot::figure).collect();
    if figures.is_empty() {
        return figures;
    }
    format!("<div class=\"plots\">\n{figures}</div>\n")
}
