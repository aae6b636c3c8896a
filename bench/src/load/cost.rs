//! What a client of a scene costs and gets, from what the server used, counted and was seen to do.

use hdrhistogram::Histogram;

use super::Measured;
use super::summary::gained;
use crate::cli::LoadArgs;
use crate::judge::Findings;
use crate::report::{BandQuality, Cost, CpuSplit, Quantiles, Report};
use crate::scene::Stage;
use crate::verify::Band;

/// Share of its threads' time beyond which the bench measures itself.
const BENCH_BUSY_MAX: f64 = 0.9;
/// Delay of bots, 99 of 100, beyond which their inputs do not keep their beat, milliseconds.
const LATE_P99_MS_MAX: f64 = 5.0;

/// Of a run that is over.
pub(super) fn of(
    args: &LoadArgs,
    stage: &Stage,
    measured: &Measured,
    findings: &Findings,
    report: &Report,
) -> Cost {
    let clients = f64::from(args.clients);
    let ticks = measured.after.0.tick.saturating_sub(measured.before.0.tick);
    let client_ticks = (clients * ticks as f64).max(1.0);
    let (before, after) = &measured.spent;
    let used = after.server.since(&before.server);
    let us = |seconds: f64| seconds * 1e6 / client_ticks;
    let count = |name: &str| gained(measured, name).unwrap_or(0.0);
    let updates = count("bluemarble_hub_updates_sent_total").max(1.0);
    let quality = &findings.tally.quality;
    let tick_ms = 1_000.0 / f64::from(measured.after.0.tick_hz.max(1));
    let busy = (after.bench_s - before.bench_s) / measured.seconds;
    let late_ms = measured.pulse.late_ms(0.99);
    Cost {
        scene: stage.name.clone(),
        clients: args.clients,
        seen: report.seen_mean,
        seen_within: quality.within as f64 / findings.tally.samples.max(1) as f64,
        patch_m: stage.patch_m,
        cpu_us: CpuSplit {
            everything: us(used.total_s()),
            but_quic: us(used.total_s() - used.quic_s),
            quic: us(used.quic_s),
            main_loop: us(used.loop_s),
            step: us(used.step_s),
            other: us(used.other_s),
        },
        phases_us: measured.phases.per_client_us(args.clients),
        updates_per_client_tick: updates / client_ticks,
        udp_bytes_per_update: count("bluemarble_quic_tx_bytes_total") / updates,
        snapshot_bits_per_update: count("bluemarble_hub_bytes_out_total") * 8.0 / updates,
        near: band(&quality.near, tick_ms),
        far: band(&quality.far, tick_ms),
        kib_per_client: (after.server.resident_bytes - stage.empty.resident_bytes)
            / 1_024.0
            / clients,
        load_average: load_average(),
        bench_busy: busy,
        bench_late_ms_p99: late_ms,
        void: void(args, busy, late_ms),
    }
}

fn band(band: &Band, tick_ms: f64) -> BandQuality {
    let at = |values: &Histogram<u64>, scale: f64| {
        let quantile = |q| values.value_at_quantile(q) as f64 * scale;
        Quantiles {
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: quantile(1.0),
        }
    };
    BandQuality {
        looks: band.error_mm.len(),
        error_cm: at(&band.error_mm, 0.1),
        age_ms: at(&band.age_ticks, tick_ms),
    }
}

/// Why the figures are about the bench and not about the server, if they are.
fn void(args: &LoadArgs, busy: f64, late_ms: f64) -> Option<String> {
    let threads = f64::from(args.bot_threads);
    if busy > threads * BENCH_BUSY_MAX {
        return Some(format!(
            "the bots used {busy:.2} of {threads} threads: they could not keep up"
        ));
    }
    (late_ms > LATE_P99_MS_MAX).then(|| {
        format!(
            "the bots were woken up to {late_ms:.1} ms late (99 of 100): the machine is too busy"
        )
    })
}

/// Of the last minute.
fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
