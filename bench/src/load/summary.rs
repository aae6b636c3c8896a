//! A run that is over, summed up: the report, unjudged.

use bluemarble_net::client::PredictionErrors;

use hdrhistogram::Histogram;

use super::Measured;
use super::sampler::{self, Page, Sampled};
use crate::blows::latencies;
use crate::cli::LoadArgs;
use crate::judge::Findings;
use crate::outcome::Outcome;
use crate::prometheus::{self, Buckets};
use crate::report::{
    BandQuality, BenchSide, BlowTimes, Curve, FORMAT, Lost, Prediction, PromiseCount, Quantiles,
    Report, Snapshots, TickTimes, Verdict, Verification, band_name,
};
use crate::verify::Promise;

/// Reasons of lost bots that are reported.
const REASONS_MAX: usize = 5;
/// Whoever was measured for less says nothing about rates, seconds.
const SECONDS_MIN: f64 = 2.0;

pub(super) fn report(
    args: &LoadArgs,
    measured: &Measured,
    outcomes: &[Outcome],
    findings: &Findings,
    dropped_views: u64,
) -> Report {
    let sampled = &measured.sampled;
    let (before, after) = (&sampled.before.status, &sampled.after.status);
    let seconds = measured.seconds;
    let rate = |late: u64, early: u64| late.saturating_sub(early) as f64 / seconds;
    let mean = |of: fn(&Outcome) -> f64| {
        let counted: Vec<f64> = outcomes
            .iter()
            .filter(|o| o.seconds > 0.0)
            .map(of)
            .collect();
        counted.iter().sum::<f64>() / counted.len().max(1) as f64
    };
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let mut errors = PredictionErrors::default();
    outcomes
        .iter()
        .for_each(|outcome| errors.add(&outcome.errors));
    let (seen_mean, seen_min) = findings.tally.in_view();
    let ticks = after.tick.saturating_sub(before.tick);
    let lates = Quantiles::of(&sampled.late_us, 1e-3);
    Report {
        format: FORMAT,
        verdict: Verdict::Failed,
        problems: Vec::new(),
        void: None,
        began_unix_s: measured.began_unix_s,
        machine: after.machine.clone(),
        server_build: after.build.clone(),
        bench_build: format!("{} ({profile})", env!("CARGO_PKG_VERSION")),
        scene: match &args.scene {
            Some(scene) => scene.clone(),
            None => format!(
                "{}, square of {:.0} m and {:.0} m around it",
                after.scenario, args.square_m, args.around_m
            ),
        },
        cost: None,
        hostile: None,
        line: None,
        gaps_ms: Quantiles::of(&sampled.timed.gaps_us, 1e-3),
        joined_ms: all(outcomes, |outcome| &outcome.joined_us),
        returned_ms: all(outcomes, |outcome| &outcome.returned_us),
        clients: args.clients,
        seed: args.seed,
        world_seed: after.seed,
        tick_hz: after.tick_hz,
        zones: after.zones,
        entities: after.entities,
        seconds,
        tick_ms: tick_times(measured, ticks),
        skipped_ticks: after.skipped_ticks.saturating_sub(before.skipped_ticks),
        server_cpu_us_per_client_tick: gained(measured, "bluemarble_process_cpu_seconds")
            .map(|cpu_s| cpu_s * 1e6 / (f64::from(args.clients) * ticks.max(1) as f64)),
        server_resident_bytes: prometheus::value(
            &sampled.after.metrics,
            "bluemarble_process_resident_bytes",
        ),
        down_bytes_per_s: mean(|outcome| outcome.down_bytes as f64 / outcome.seconds),
        down_bytes_per_s_max: outcomes
            .iter()
            .filter(|outcome| outcome.seconds >= SECONDS_MIN)
            .map(|outcome| outcome.down_bytes as f64 / outcome.seconds)
            .fold(0.0, f64::max),
        budget_bytes_per_s: 0.0,
        up_bytes_per_s: mean(|outcome| outcome.up_bytes as f64 / outcome.seconds),
        down_packets_per_tick: mean(|outcome| outcome.down_packets as f64 / outcome.seconds)
            / f64::from(after.tick_hz),
        up_packets_per_tick: mean(|outcome| outcome.up_packets as f64 / outcome.seconds)
            / f64::from(after.tick_hz),
        seen_mean,
        seen_min,
        blow_ms: latency(&sampled.timed.blows_us),
        move_ms: latency(&sampled.timed.moves_us),
        handoffs_per_s: rate(after.handoffs, before.handoffs),
        kills_per_s: rate(after.kills, before.kills),
        hits_per_s: rate(after.hits, before.hits),
        snapshots: snapshots(outcomes, ticks as f64 / seconds),
        prediction: Prediction {
            on: outcomes.iter().any(|outcome| outcome.confirmed > 0),
            confirmed: outcomes.iter().map(|outcome| outcome.confirmed).sum(),
            diverged: outcomes.iter().map(|outcome| outcome.diverged).sum(),
            compared: errors.compared(),
            corrections: errors.corrections(),
            error_m: [0.5, 0.99, 1.0].map(|share| errors.quantile_m(share)),
        },
        lost: lost(args, outcomes),
        verification: verification(
            args,
            outcomes,
            findings,
            dropped_views,
            ticks as f64 / seconds,
        ),
        bands: findings
            .tally
            .quality
            .bands
            .each_ref()
            .map(|band| BandQuality::of(band, 1_000.0 / f64::from(after.tick_hz.max(1))))
            .to_vec(),
        bench: BenchSide {
            threads: measured.threads,
            busy: sampled.bench_busy(),
            late_ms: lates,
            load_average: load_average(),
        },
        traffic: sampled.series.traffic(),
        cpu: sampled.series.cpu(),
        curves: curves(sampled, findings, 1_000.0 / f64::from(after.tick_hz.max(1))),
        series: sampled.series.clone(),
    }
}

pub(super) fn gained(measured: &Measured, name: &str) -> Option<f64> {
    let sampled = &measured.sampled;
    sampler::gained(&sampled.before, &sampled.after, name)
}

fn tick_times(measured: &Measured, ticks: u64) -> TickTimes {
    let sampled = &measured.sampled;
    let buckets = tick_buckets(sampled);
    let ms = |quantile| buckets.quantile(quantile).map(|seconds| seconds * 1_000.0);
    let rows = sampled.series.0.iter();
    TickTimes {
        p50: ms(0.5),
        p95: ms(0.95),
        p99: ms(0.99),
        max: rows.map(|row| row.tick_ms.max).fold(0.0, f64::max),
        ticks,
    }
}

fn tick_buckets(sampled: &Sampled) -> Buckets {
    const NAME: &str = "bluemarble_tick_seconds";
    let of = |page: &Page| Buckets::parse(&page.metrics, NAME);
    of(&sampled.after).since(&of(&sampled.before))
}

/// What is plotted as a distribution.
fn curves(sampled: &Sampled, findings: &Findings, tick_ms: f64) -> Vec<Curve> {
    let (timed, quality) = (&sampled.timed, &findings.tally.quality);
    let mut curves = vec![
        tick_buckets(sampled).curve("tick", "ms", 1_000.0),
        Curve::of("between two snapshots", "ms", &timed.gaps_us, 1e-3),
        Curve::of("blow to others' view", "ms", &timed.blows_us, 1e-3),
        Curve::of("move to others' view", "ms", &timed.moves_us, 1e-3),
        Curve::of("bots woken late", "ms", &sampled.late_us, 1e-3),
    ];
    for (n, band) in quality.bands.iter().enumerate() {
        let name = band_name(n);
        let (stale, off) = (
            format!("staleness, {name}"),
            format!("position error, {name}"),
        );
        curves.push(Curve::of(&stale, "ms", &band.age_ticks, tick_ms));
        curves.push(Curve::of(&off, "cm", &band.error_mm, 0.1));
    }
    curves
}

/// Of the last minute.
fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn latency(all: &Histogram<u64>) -> BlowTimes {
    let ms = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
    BlowTimes {
        p50: ms(0.5),
        p99: ms(0.99),
        sights: all.len(),
    }
}

/// Of all bots, milliseconds; `None` if there is nothing.
fn all(outcomes: &[Outcome], of: fn(&Outcome) -> &Histogram<u64>) -> Option<Quantiles> {
    let mut all = latencies();
    for outcome in outcomes {
        all.add(of(outcome)).expect("all are made alike");
    }
    (!all.is_empty()).then(|| Quantiles::of(&all, 1e-3))
}

fn snapshots(outcomes: &[Outcome], ticks_per_s: f64) -> Snapshots {
    let received = outcomes.iter().map(|outcome| outcome.received).sum::<u64>();
    let expected = outcomes.iter().map(|outcome| outcome.expected).sum::<u64>();
    let played_s = outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>();
    Snapshots {
        received,
        expected,
        loss: expected.saturating_sub(received) as f64 / expected.max(1) as f64,
        per_tick: received as f64 / (played_s * ticks_per_s).max(1.0),
        undecodable: outcomes.iter().map(|outcome| outcome.undecodable).sum(),
        diverged: outcomes.iter().map(|outcome| outcome.bent).sum(),
    }
}

fn lost(args: &LoadArgs, outcomes: &[Outcome]) -> Lost {
    let missing = u64::from(args.clients) - outcomes.len() as u64;
    let mut reasons: Vec<String> = outcomes.iter().filter_map(|o| o.lost.clone()).collect();
    if missing > 0 {
        reasons.push("did not leave in time".to_owned());
    }
    let (inside, outside): (Vec<_>, Vec<_>) = outcomes
        .iter()
        .filter(|outcome| outcome.lost.is_some())
        .partition(|o| o.was_inside);
    reasons.truncate(REASONS_MAX);
    Lost {
        refused: outside.len() as u64,
        joined_again: outcomes.iter().map(|outcome| outcome.joined_again).sum(),
        resumed: outcomes.iter().map(|outcome| outcome.resumed).sum(),
        disconnected: inside.len() as u64 + missing,
        reasons,
    }
}

fn verification(
    args: &LoadArgs,
    outcomes: &[Outcome],
    findings: &Findings,
    dropped_views: u64,
    ticks_per_s: f64,
) -> Verification {
    let tally = &findings.tally;
    let headers = outcomes.iter().map(|outcome| &outcome.headers);
    let promises = Promise::ALL.map(|promise| {
        let mut count = tally.of(promise).clone();
        if promise == Promise::Header {
            headers.clone().for_each(|header| count.merge(header));
        }
        PromiseCount { promise, count }
    });
    let verifiers = outcomes.iter().filter(|outcome| outcome.verifies);
    let played_s = verifiers.map(|outcome| outcome.seconds).sum::<f64>();
    Verification {
        samples: tally.samples,
        samples_expected: (played_s * ticks_per_s / args.truth_every as f64) as u64,
        unverified: findings.unverified + dropped_views,
        truths: findings.truths,
        truth_ended: findings.truth_ended.clone(),
        stale_snapshots_max: tally.stale_max(),
        age_snapshots: (tally.age(0.99), tally.age(1.0)),
        promises: promises.to_vec(),
    }
}
