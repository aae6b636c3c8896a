//! What a run found: the report as JSON, as a table, and the verdict.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::Expect;
use crate::verify::{Count, Promise};

/// Share of the expected views that must have been compared for a verdict.
const SAMPLES_SHARE_MIN: f64 = 0.5;
/// Least checks of each promise per compared view, on average.
const CHECKS_PER_SAMPLE_MIN: f64 = 0.1;
/// Least snapshots per bot and tick: with fewer, bots see a world of the past.
const SNAPSHOTS_PER_TICK_MIN: f64 = 0.5;
/// The promises without which nothing was verified.
const NEEDED: [Promise; 7] = Promise::ALL;

/// Everything about one run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What the server ran on.
    pub machine: String,
    /// The server's program.
    pub server_build: String,
    /// The bench's program.
    pub bench_build: String,
    /// The scenario, and where in it.
    pub scene: String,
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
    /// UDP payload a client sent, bytes per second.
    pub up_bytes_per_s: f64,
    /// Others in view, mean over all views.
    pub seen_mean: f64,
    /// Others in view, the least of all views.
    pub seen_min: u64,
    /// From the order of a blow to its sight in another client.
    pub blow_ms: BlowTimes,
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
    /// What is wrong; empty = passed.
    pub problems: Vec<String>,
}

/// Milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct BlowTimes {
    /// Half.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// How many sights were timed.
    pub sights: u64,
}

/// Snapshot datagrams of all bots.
#[derive(Clone, Debug, Default, Serialize)]
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
}

/// How well clients guessed their own movement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Prediction {
    /// Whether the bots predicted at all.
    pub on: bool,
    /// Confirmed by the server's hash.
    pub confirmed: u64,
    /// Different although nothing else touched the avatar.
    pub diverged: u64,
}

/// Bots that are missing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lost {
    /// Never got in.
    pub refused: u64,
    /// Got in and did not stay.
    pub disconnected: u64,
    /// Why, the first few.
    pub reasons: Vec<String>,
}

/// What the judge found.
#[derive(Clone, Debug, Default, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct PromiseCount {
    /// Which.
    pub promise: Promise,
    /// Checks and failures.
    #[serde(flatten)]
    pub count: Count,
}

impl Report {
    /// Fills in `problems`: what was seen wrong, whether enough was seen, and the gates.
    pub fn judge(&mut self, expect: &Expect) {
        let mut problems = self.wrongs();
        problems.extend(self.ignorance());
        problems.extend(self.missed_gates(expect));
        self.problems = problems;
    }

    /// What bots saw that was not so.
    fn wrongs(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for PromiseCount { promise, count } in &self.verification.promises {
            if count.failures > 0 {
                let example = count.examples.first().map_or("", String::as_str);
                problems.push(format!(
                    "{} was broken {} times in {} checks, first: {example}",
                    promise.label(),
                    count.failures,
                    count.checks
                ));
            }
        }
        if self.snapshots.undecodable > 0 {
            problems.push(format!(
                "{} snapshots could not be decoded",
                self.snapshots.undecodable
            ));
        }
        if self.snapshots.per_tick < SNAPSHOTS_PER_TICK_MIN {
            problems.push(format!(
                "bots received only {:.2} snapshots per tick",
                self.snapshots.per_tick
            ));
        }
        let lost = self.lost.refused + self.lost.disconnected;
        if lost > 0 {
            let reason = self.lost.reasons.first().map_or("", String::as_str);
            problems.push(format!("{lost} bots are missing, first: {reason}"));
        }
        problems
    }

    /// Whether too little was checked to say that all is well.
    fn ignorance(&self) -> Vec<String> {
        let seen = &self.verification;
        let mut problems = Vec::new();
        if let Some(reason) = &seen.truth_ended {
            problems.push(format!("the truth ended early: {reason}"));
        }
        if (seen.samples as f64) < seen.samples_expected as f64 * SAMPLES_SHARE_MIN {
            problems.push(format!(
                "only {} of {} views were compared with the truth: too few to conclude",
                seen.samples, seen.samples_expected
            ));
        }
        for promise in NEEDED {
            let found = seen.promises.iter().find(|found| found.promise == promise);
            let checks = found.map_or(0, |found| found.count.checks);
            if checks == 0 || (checks as f64) < seen.samples as f64 * CHECKS_PER_SAMPLE_MIN {
                problems.push(format!(
                    "{} was checked only {checks} times: too few to conclude",
                    promise.label()
                ));
            }
        }
        problems
    }

    fn missed_gates(&self, expect: &Expect) -> Vec<String> {
        let mut problems = Vec::new();
        let mut at_most = |what: &str, is: Option<f64>, bound: Option<f64>| {
            let Some(bound) = bound else { return };
            match is {
                Some(is) if is <= bound => {}
                Some(is) => problems.push(format!("{what} is {is:.3}, expected at most {bound}")),
                None => problems.push(format!("{what} is unknown, expected at most {bound}")),
            }
        };
        at_most(
            "tick time p99 in ms",
            self.tick_ms.p99,
            expect.expect_tick_p99_ms,
        );
        at_most(
            "bytes/s per client",
            Some(self.down_bytes_per_s),
            expect.expect_bytes_per_s,
        );
        at_most(
            "datagram loss",
            Some(self.snapshots.loss),
            expect.expect_loss,
        );
        let mut at_least = |what: &str, is: f64, bound: Option<f64>| {
            if let Some(bound) = bound.filter(|bound| is < *bound) {
                problems.push(format!("{what} is {is:.3}, expected at least {bound}"));
            }
        };
        at_least("others seen on average", self.seen_mean, expect.expect_seen);
        at_least(
            "hand-offs per second",
            self.handoffs_per_s,
            expect.expect_handoffs_per_s,
        );
        at_least(
            "kills per second",
            self.kills_per_s,
            expect.expect_kills_per_s,
        );
        problems
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.rows() {
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
        text
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let ms = |value: Option<f64>| value.map_or("?".to_owned(), |value| format!("{value:.2}"));
        let tick = &self.tick_ms;
        let seen = &self.verification;
        let prediction = match self.prediction.on {
            true => format!(
                "{} confirmed, {} diverged",
                self.prediction.confirmed, self.prediction.diverged
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
            (
                "bytes/s per client",
                format!(
                    "{:.0} down, {:.0} up",
                    self.down_bytes_per_s, self.up_bytes_per_s
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
                "per second",
                format!(
                    "{:.2} hand-offs, {:.2} kills, {:.1} hits",
                    self.handoffs_per_s, self.kills_per_s, self.hits_per_s
                ),
            ),
            (
                "snapshots",
                format!(
                    "{} of {} received, loss {:.3} %, {:.2} per tick, {} undecodable",
                    self.snapshots.received,
                    self.snapshots.expected,
                    self.snapshots.loss * 100.0,
                    self.snapshots.per_tick,
                    self.snapshots.undecodable
                ),
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        let count = Count {
            checks: 900,
            ..Count::default()
        };
        let count = |promise| PromiseCount {
            promise,
            count: count.clone(),
        };
        Report {
            seen_mean: 40.0,
            handoffs_per_s: 2.0,
            kills_per_s: 3.0,
            snapshots: Snapshots {
                per_tick: 1.0,
                ..Snapshots::default()
            },
            tick_ms: TickTimes {
                p99: Some(20.0),
                ..TickTimes::default()
            },
            verification: Verification {
                samples: 1_000,
                samples_expected: 1_100,
                promises: Promise::ALL.map(count).to_vec(),
                ..Verification::default()
            },
            ..Report::default()
        }
    }

    fn problems(report: &Report, expect: &Expect) -> Vec<String> {
        let mut report = report.clone();
        report.judge(expect);
        report.problems
    }

    #[test]
    fn a_good_run_has_no_problems() {
        assert_eq!(problems(&good(), &Expect::default()), [""; 0]);
        assert!(good().table().contains("promise"));
    }

    #[test]
    fn a_single_broken_promise_is_a_problem() {
        for i in 0..Promise::ALL.len() {
            let mut report = good();
            report.verification.promises[i].count.failures = 1;
            assert_eq!(problems(&report, &Expect::default()).len(), 1);
        }
    }

    #[test]
    fn too_few_checks_are_a_problem_and_not_a_pass() {
        let mut few = good();
        few.verification.samples = 100;
        assert_eq!(problems(&few, &Expect::default()).len(), 1);
        for i in 0..Promise::ALL.len() {
            let mut blind = good();
            blind.verification.promises[i].count.checks = 3;
            assert_eq!(problems(&blind, &Expect::default()).len(), 1);
        }
        assert!(problems(&Report::default(), &Expect::default()).len() >= 7);
        let mut deaf = good();
        deaf.verification.truth_ended = Some("gone".into());
        assert_eq!(problems(&deaf, &Expect::default()).len(), 1);
    }

    #[test]
    fn missing_bots_and_undecodable_snapshots_are_problems() {
        let mut lonely = good();
        lonely.lost.disconnected = 1;
        assert_eq!(problems(&lonely, &Expect::default()).len(), 1);
        let mut garbled = good();
        garbled.snapshots.undecodable = 1;
        assert_eq!(problems(&garbled, &Expect::default()).len(), 1);
    }

    #[test]
    fn gates_are_off_unless_given_and_hold_at_their_bound() {
        let met = Expect {
            expect_tick_p99_ms: Some(20.0),
            expect_seen: Some(40.0),
            expect_handoffs_per_s: Some(2.0),
            expect_kills_per_s: Some(3.0),
            expect_bytes_per_s: Some(0.0),
            expect_loss: Some(0.0),
        };
        assert_eq!(problems(&good(), &met), [""; 0]);
        let missed = Expect {
            expect_tick_p99_ms: Some(19.0),
            expect_seen: Some(41.0),
            expect_handoffs_per_s: Some(2.1),
            expect_kills_per_s: Some(3.1),
            ..Expect::default()
        };
        assert_eq!(problems(&good(), &missed).len(), 4);
        let unknown = Report {
            tick_ms: TickTimes::default(),
            ..good()
        };
        let gate = Expect {
            expect_tick_p99_ms: Some(50.0),
            ..Expect::default()
        };
        assert_eq!(problems(&unknown, &gate).len(), 1);
    }
}
