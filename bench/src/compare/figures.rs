//! Which figures of runs are compared.

use crate::report::{CpuSeconds, Report};

/// A figure.
#[derive(Debug)]
pub(super) struct Figure {
    /// With its unit.
    pub name: &'static str,
    /// Which is better; `None` if neither.
    pub less_is_better: Option<bool>,
    /// Of a run; `None` if it has none.
    pub of: fn(&Report) -> Option<f64>,
}

impl Figure {
    /// For people.
    pub fn better(&self) -> &'static str {
        match self.less_is_better {
            Some(true) => "less is better",
            Some(false) => "more is better",
            None => "",
        }
    }
}

const fn less(name: &'static str, of: fn(&Report) -> Option<f64>) -> Figure {
    Figure {
        name,
        less_is_better: Some(true),
        of,
    }
}

const fn neither(name: &'static str, of: fn(&Report) -> Option<f64>) -> Figure {
    Figure {
        name,
        less_is_better: None,
        of,
    }
}

/// Microseconds per client and tick.
fn cpu_us(run: &Report, of: fn(&CpuSeconds) -> Option<f64>) -> Option<f64> {
    let client_ticks = f64::from(run.clients) * run.tick_ms.ticks as f64;
    let seconds = of(run.cpu.as_ref()?)?;
    (client_ticks > 0.0).then(|| seconds * 1e6 / client_ticks)
}

/// All, in the order of the table.
pub(super) const FIGURES: [Figure; 29] = [
    less("tick p50, ms", |run| run.tick_ms.p50),
    less("tick p99, ms", |run| run.tick_ms.p99),
    less("tick max, ms", |run| Some(run.tick_ms.max)),
    less("ticks skipped", |run| Some(run.skipped_ticks as f64)),
    less("CPU per client and tick, us", |run| {
        run.server_cpu_us_per_client_tick
    }),
    less("- QUIC", |run| cpu_us(run, |cpu| cpu.quic)),
    less("- ingest", |run| cpu_us(run, |cpu| Some(cpu.ingest))),
    less("- step", |run| cpu_us(run, |cpu| Some(cpu.step))),
    less("- replicate", |run| cpu_us(run, |cpu| Some(cpu.replicate))),
    less("- other", |run| cpu_us(run, |cpu| Some(cpu.other))),
    less("memory of the server, MiB", |run| {
        run.server_resident_bytes.map(|bytes| bytes / 1_048_576.0)
    }),
    less("memory per client, KiB", |run| {
        Some(run.cost.as_ref()?.kib_per_client)
    }),
    less("down per client, bytes/s", |run| Some(run.down_bytes_per_s)),
    less("up per client, bytes/s", |run| Some(run.up_bytes_per_s)),
    less("datagrams down per client, tick", |run| {
        Some(run.down_packets_per_tick)
    }),
    less("snapshots lost, %", |run| Some(run.snapshots.loss * 100.0)),
    neither("others seen, mean", |run| Some(run.seen_mean)),
    less("staleness near, p99, ms", |run| {
        Some(run.bands.first()?.age_ms.p99)
    }),
    less("staleness far, p99, ms", |run| {
        Some(run.bands.last()?.age_ms.p99)
    }),
    less("position error near, p99, cm", |run| {
        Some(run.bands.first()?.error_cm.p99)
    }),
    less("position error far, p99, cm", |run| {
        Some(run.bands.last()?.error_cm.p99)
    }),
    less("between two snapshots, p99, ms", |run| {
        Some(run.gaps_ms.p99)
    }),
    less("between two snapshots, max, ms", |run| {
        Some(run.gaps_ms.max)
    }),
    less("move to others' view, p50, ms", |run| {
        (run.move_ms.sights > 0).then_some(run.move_ms.p50)
    }),
    less("move to others' view, p99, ms", |run| {
        (run.move_ms.sights > 0).then_some(run.move_ms.p99)
    }),
    less("blow to others' view, p50, ms", |run| {
        sights(run).then_some(run.blow_ms.p50)
    }),
    less("blow to others' view, p99, ms", |run| {
        sights(run).then_some(run.blow_ms.p99)
    }),
    neither("threads the bots kept busy", |run| Some(run.bench.busy)),
    neither("bots woken late, p99, ms", |run| {
        Some(run.bench.late_ms.p99)
    }),
];

fn sights(run: &Report) -> bool {
    run.blow_ms.sights > 0
}

/// Three figures or so.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
