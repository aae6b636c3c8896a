//! What a client of a scene costs and gets, from what the server used, counted and was seen to do.

use super::Measured;
use super::summary::gained;
use crate::cli::LoadArgs;
use crate::judge::Findings;
use crate::report::{BandQuality, Cost, CpuSplit, Phases, Report, Series};
use crate::scene::Stage;

/// Of a run that is over.
pub(super) fn of(
    args: &LoadArgs,
    stage: &Stage,
    measured: &Measured,
    findings: &Findings,
    report: &Report,
) -> Cost {
    let clients = f64::from(args.clients);
    let sampled = &measured.sampled;
    let ticks = sampled.series.ticks();
    let client_ticks = (clients * ticks as f64).max(1.0);
    let (before, after) = &measured.spent;
    let used = after.server.since(&before.server);
    let us = |seconds: f64| seconds * 1e6 / client_ticks;
    let count = |name: &str| gained(measured, name).unwrap_or(0.0);
    let updates = count("bluemarble_hub_updates_sent_total").max(1.0);
    let quality = &findings.tally.quality;
    let tick_ms = 1_000.0 / f64::from(sampled.after.status.tick_hz.max(1));
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
        phases_us: phases_us(&sampled.series, clients),
        updates_per_client_tick: updates / client_ticks,
        udp_bytes_per_update: count("bluemarble_quic_tx_bytes_total") / updates,
        snapshot_bits_per_update: count("bluemarble_hub_bytes_out_total") * 8.0 / updates,
        near: BandQuality::of(&quality.near(), tick_ms),
        far: BandQuality::of(&quality.far(), tick_ms),
        kib_per_client: (after.server.resident_bytes - stage.empty.resident_bytes)
            / 1_024.0
            / clients,
    }
}

/// The means of the loop's phases, per client and tick, microseconds.
fn phases_us(series: &Series, clients: f64) -> Phases {
    let rows = series.0.iter();
    let sum_ms = rows.fold([0.0; Phases::NAMES.len()], |mut sum, row| {
        sum.iter_mut()
            .zip(row.phases_ms.0)
            .for_each(|(sum, ms)| *sum += ms);
        sum
    });
    let scale = 1_000.0 / (series.0.len().max(1) as f64 * clients);
    Phases(sum_ms.map(|ms| ms * scale))
}
