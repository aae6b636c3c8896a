//! What a run found: the report as JSON, as a table, and the verdict.

mod bench_side;
mod cost;

mod csv;
mod curve;
#[cfg(test)]
pub mod example;
mod file;
mod hostile;
pub(crate) mod html;

mod line;
mod series;
mod table;
mod verdict;

use serde::{Deserialize, Serialize};

pub use bench_side::BenchSide;
pub use cost::{BandQuality, Cost, CpuSplit, Phases, Quantiles, band_name};
pub use curve::Curve;
pub use file::FORMAT;
pub use hostile::{Hostility, KindReport};
pub use line::Line;
pub use series::{CpuParts, CpuSeconds, Second, Series, Served, Traffic};
pub use verdict::Verdict;

use crate::verify::{Count, Promise};

/// Everything about one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Of this JSON: [`FORMAT`].
    pub format: u32,
    /// Passed, failed or void.
    pub verdict: Verdict,
    /// What is wrong; empty unless failed.
    pub problems: Vec<String>,
    /// Why the figures are about the bench and not about the server, if so: they do not count then.
    pub void: Option<String>,
    /// When the measurement began, seconds since 1970.
    pub began_unix_s: u64,
    /// What the server ran on.
    pub machine: String,
    /// The server's program.
    pub server_build: String,
    /// The bench's program.
    pub bench_build: String,
    /// The scenario, and where in it.
    pub scene: String,
    /// In a scene: what a client costs and gets.
    pub cost: Option<Cost>,
    /// What became of hostile bots, if there were any.
    pub hostile: Option<Hostility>,
    /// What became of packets on the bad line in between, if there was one.
    pub line: Option<Line>,
    /// Between one snapshot of a bot and its next, milliseconds.
    pub gaps_ms: Quantiles,
    /// From a bot's first packet until its avatar was there, milliseconds.
    pub joined_ms: Option<Quantiles>,
    /// The same after a lost connection; `None` if nobody came back.
    pub returned_ms: Option<Quantiles>,
    /// Bots.
    pub clients: u32,
    /// Seed of the bots' wishes.
    pub seed: u64,
    /// Seed of the world.
    pub world_seed: u64,
    /// Ticks per second.
    pub tick_hz: u32,
    /// Zones.
    pub zones: u64,
    /// Entities at the end.
    pub entities: u64,
    /// Measured for so long, seconds.
    pub seconds: f64,
    /// Tick times of the server in that time.
    pub tick_ms: TickTimes,
    /// Ticks the server gave up because it was too late.
    pub skipped_ticks: u64,
    /// Processor time of the server, microseconds per client and tick.
    pub server_cpu_us_per_client_tick: Option<f64>,
    /// Memory of the server, bytes.
    pub server_resident_bytes: Option<f64>,
    /// UDP payload a client was sent, bytes per second.
    pub down_bytes_per_s: f64,
    /// The same of the client that was sent most.
    pub down_bytes_per_s_max: f64,
    /// Snapshot bytes a client may be sent, per second.
    pub budget_bytes_per_s: f64,
    /// UDP payload a client sent, bytes per second.
    pub up_bytes_per_s: f64,
    /// UDP datagrams a client was sent per tick.
    pub down_packets_per_tick: f64,
    /// UDP datagrams a client sent per tick.
    pub up_packets_per_tick: f64,
    /// Others in view, mean over all views.
    pub seen_mean: f64,
    /// Others in view, the least of all views.
    pub seen_min: u64,
    /// From the order of a blow to its sight in another client.
    pub blow_ms: BlowTimes,
    /// From the intent to move until another client shows it, by those who verify.
    pub move_ms: BlowTimes,
    /// Hand-offs between zones per second.
    pub handoffs_per_s: f64,
    /// Kills per second.
    pub kills_per_s: f64,
    /// Hits per second.
    pub hits_per_s: f64,
    /// Snapshots.
    pub snapshots: Snapshots,
    /// Own movement predicted by the clients.
    pub prediction: Prediction,
    /// Bots that could not connect, or lost their connection, and why (the first few).
    pub lost: Lost,
    /// Verification.
    pub verification: Verification,
    /// How good the view was, by distance: quarters of the radius, the last with what is beyond.
    pub bands: Vec<BandQuality>,
    /// Whether the bots kept up.
    pub bench: BenchSide,
    /// What went over the wire in that time, by the server's count.
    pub traffic: Traffic,
    /// Processor time of the server in that time.
    pub cpu: Option<CpuSeconds>,
    /// Distributions.
    pub curves: Vec<Curve>,
    /// The run second by second.
    pub series: Series,
}

/// Milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TickTimes {
    /// Half of the ticks took less.
    pub p50: Option<f64>,
    /// 95 of 100 did.
    pub p95: Option<f64>,
    /// 99 of 100 did.
    pub p99: Option<f64>,
    /// The longest.
    pub max: f64,
    /// How many there were.
    pub ticks: u64,
}

/// Milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BlowTimes {
    /// Half.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// How many sights were timed.
    pub sights: u64,
}

/// Snapshot datagrams of all bots.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Snapshots {
    /// Received.
    pub received: u64,
    /// As many were numbered.
    pub expected: u64,
    /// Share that is missing.
    pub loss: f64,
    /// Received per bot and tick.
    pub per_tick: f64,
    /// Could not be decoded: baselines lost, or worse.
    pub undecodable: u64,
    /// Came out otherwise than they were meant: their states did not add up to their check.
    pub diverged: u64,
}

/// How well clients guessed their own movement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Prediction {
    /// Whether the bots predicted at all.
    pub on: bool,
    /// Confirmed by the server's hash.
    pub confirmed: u64,
    /// Different although nothing else touched the avatar.
    pub diverged: u64,
    /// Exact states that were compared with a predicted place.
    pub compared: u64,
    /// Those that moved it by a millimetre or more.
    pub corrections: u64,
    /// By less than so many metres, to a factor of two: half of them, 99 of 100, all.
    pub error_m: [f64; 3],
}

/// Bots that are missing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lost {
    /// Never got in.
    pub refused: u64,
    /// Attempts to get in that were made again over a bad line; nobody is missing for these.
    pub joined_again: u64,
    /// How often a bot lost its connection, as it was told to, and came back to its session.
    pub resumed: u64,
    /// Got in and did not stay.
    pub disconnected: u64,
    /// Why, the first few.
    pub reasons: Vec<String>,
}

/// What the judge found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verification {
    /// Views compared with the truth.
    pub samples: u64,
    /// Views that should have been.
    pub samples_expected: u64,
    /// Views whose truth never came, or for which there was no place.
    pub unverified: u64,
    /// Truth frames received.
    pub truths: u64,
    /// Why the truth ended early, if it did.
    pub truth_ended: Option<String>,
    /// The largest age, in received snapshots, at which a state might differ from the truth.
    pub stale_snapshots_max: u64,
    /// The age, in received snapshots, of differing states: 99 of 100, and the oldest.
    pub age_snapshots: (u64, u64),
    /// Per promise.
    pub promises: Vec<PromiseCount>,
}

/// One promise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PromiseCount {
    /// Which.
    pub promise: Promise,
    /// Checks and failures.
    #[serde(flatten)]
    pub count: Count,
}
