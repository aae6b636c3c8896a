//! A fixed run, for tests of what is made of a report.

use super::*;
use crate::verify::Promise;

/// Seconds it has.
const SECONDS: u64 = 5;

/// A run that passed.
pub fn report() -> Report {
    let seconds = (1..=SECONDS).map(second).collect();
    let curve = |name: &str, unit: &str| Curve {
        name: name.to_owned(),
        unit: unit.to_owned(),
        count: 1_000,
        points: vec![(0.0, 1.0), (0.5, 2.0), (0.99, 8.0), (1.0, 32.0)],
    };
    let promises = Promise::ALL.map(|promise| PromiseCount {
        promise,
        count: Count {
            checks: 12_345,
            ..Count::default()
        },
    });
    let series = Series(seconds);
    Report {
        traffic: series.traffic(),
        cpu: series.cpu(),
        format: FORMAT,
        verdict: Verdict::Passed,
        began_unix_s: 1_735_689_599,
        machine: "Abacus 9, 2 hardware threads".into(),
        server_build: "0.1.0+12345678".into(),
        bench_build: "0.1.0 (release)".into(),
        scene: "meadow".into(),
        cost: Some(Cost {
            scene: "meadow".into(),
            clients: 100,
            seen_within: 30.5,
            ..Cost::default()
        }),
        clients: 100,
        seed: 1,
        world_seed: 1,
        tick_hz: 20,
        zones: 1,
        entities: 100,
        seconds: SECONDS as f64,
        tick_ms: TickTimes {
            p50: Some(2.0),
            p95: Some(4.0),
            p99: Some(8.0),
            max: 32.0,
            ticks: SECONDS * 20,
        },
        server_cpu_us_per_client_tick: Some(21.5),
        server_resident_bytes: Some(67_108_864.0),
        down_bytes_per_s: 3_456.0,
        seen_mean: 31.0,
        verification: Verification {
            samples: 900,
            samples_expected: 1_000,
            promises: promises.to_vec(),
            ..Verification::default()
        },
        bands: vec![BandQuality::default(); crate::verify::BANDS],
        bench: BenchSide {
            threads: 2,
            busy: 0.5,
            ..BenchSide::default()
        },
        curves: vec![
            curve("tick", "ms"),
            curve("between two snapshots", "ms"),
            curve("blow to others' view", "ms"),
            curve("staleness, near", "ms"),
            curve("staleness, far", "ms"),
            curve("position error, near", "cm"),
        ],
        series,
        ..Report::default()
    }
}

fn second(n: u64) -> Second {
    let quantiles = Quantiles {
        p50: 2.0,
        p99: 4.0 + n as f64,
        max: 16.0,
    };
    Second {
        end_s: n as f64,
        took_s: 1.0,
        ticks: 20,
        tick_ms: quantiles,
        cpu: Some(CpuSeconds {
            everything: 0.5,
            ingest: 0.0625,
            step: 0.125,
            replicate: 0.125,
            quic: Some(0.125),
            other: 0.0625,
        }),
        resident_bytes: Some(67_108_864.0),
        players: 100,
        entities: 100,
        traffic: Traffic {
            down_bytes: 345_600 + n,
            snapshot_bytes: 300_000,
            datagrams_out: 2_000,
            datagrams_in: 2_000,
            ..Traffic::default()
        },
        bots: Served {
            inside: 100,
            busy: 0.5,
            snapshots: 2_000,
            gap_ms: quantiles,
            blows: 10,
            blow_ms: quantiles,
            looks: 500,
            stale_ms: quantiles,
            ..Served::default()
        },
        ..Second::default()
    }
}
