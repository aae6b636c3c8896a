//! Whether a run passes: nothing seen was wrong, enough was seen to say so, and the gates hold.

use serde::{Deserialize, Serialize};

use super::{Hostility, PromiseCount, Quantiles, Report};
use crate::cli::Expect;
use crate::verify::Promise;

/// Share of the expected views that must have been compared for a verdict.
const SAMPLES_SHARE_MIN: f64 = 0.5;
/// Least checks of each promise per compared view, on average.
const CHECKS_PER_SAMPLE_MIN: f64 = 0.1;
/// Least snapshots per bot and tick: with fewer, bots see a world of the past.
const SNAPSHOTS_PER_TICK_MIN: f64 = 0.5;
/// The promises without which nothing was verified. The other two are about blood, which does not flow in
/// every scene.
const NEEDED: [Promise; 7] = [
    Promise::Exact,
    Promise::Stale,
    Promise::Complete,
    Promise::Real,
    Promise::Near,
    Promise::Own,
    Promise::Header,
];

/// What became of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything seen was right, enough was seen, the gates hold, and the figures count.
    Passed,
    /// Something seen was wrong, too little was seen to know, or a gate was missed.
    #[default]
    Failed,
    /// Nothing seen was wrong, but the bots could not keep up: the figures say nothing about the server.
    Void,
}

impl Report {
    /// Fills in `problems`, `void` and `verdict`: what was seen wrong, whether enough was seen, the gates,
    /// and whether the figures count. What was seen wrong is wrong however busy the bots were; a gate that
    /// was missed by figures that do not count is no failure of the server, and no pass either.
    pub fn judge(&mut self, expect: &Expect) {
        let mut problems = self.wrongs();
        problems.extend(self.ignorance());
        problems.extend(self.chaos());
        problems.extend(self.hostile.iter().flat_map(Hostility::problems));
        let gates = self.missed_gates(expect);
        self.void = self.bench.void();
        self.verdict = match (&self.void, problems.is_empty(), gates.is_empty()) {
            (_, false, _) => Verdict::Failed,
            (Some(_), true, _) => Verdict::Void,
            (None, true, false) => Verdict::Failed,
            (None, true, true) => Verdict::Passed,
        };
        problems.extend(gates);
        self.problems = problems;
    }

    /// The verdict in a line, and every reason for it in one more.
    #[must_use]
    pub fn verdict_told(&self) -> (String, Vec<String>) {
        let mut reasons: Vec<String> = self.problems.clone();
        let void = self
            .void
            .iter()
            .map(|why| format!("the run is void: {why}"));
        reasons.splice(0..0, void);
        let line = match self.verdict {
            Verdict::Passed => "passed: everything seen was right",
            Verdict::Failed => "FAILED",
            Verdict::Void => "VOID: the figures do not count; everything seen was right",
        };
        (line.to_owned(), reasons)
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
        if self.snapshots.diverged > 0 {
            problems.push(format!(
                "{} snapshots came out otherwise than they were meant",
                self.snapshots.diverged
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
        let p99 = |times: &Option<Quantiles>| times.as_ref().map(|times| times.p99);
        at_most(
            "time to get in, p99 in ms,",
            p99(&self.joined_ms),
            expect.expect_joined_p99_ms,
        );
        at_most(
            "time to come back, p99 in ms,",
            p99(&self.returned_ms),
            expect.expect_returned_p99_ms,
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
}

#[cfg(test)]
mod tests {
    use super::super::{BenchSide, Snapshots, TickTimes, Verification};
    use super::*;
    use crate::verify::Count;

    fn took(p99: f64) -> Quantiles {
        Quantiles {
            p99,
            ..Quantiles::default()
        }
    }

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
            joined_ms: Some(took(30.0)),
            returned_ms: Some(took(40.0)),
            snapshots: Snapshots {
                per_tick: 1.0,
                ..Snapshots::default()
            },
            tick_ms: TickTimes {
                p99: Some(20.0),
                ..TickTimes::default()
            },
            bench: BenchSide {
                threads: 2,
                ..BenchSide::default()
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
    fn figures_of_bots_that_could_not_keep_up_neither_pass_nor_fail_but_wrongs_fail() {
        let missed = Expect {
            expect_tick_p99_ms: Some(19.0),
            ..Expect::default()
        };
        let verdict = |report: &Report, expect: &Expect| {
            let mut report = report.clone();
            report.judge(expect);
            report.verdict
        };
        let mut busy = good();
        busy.bench.busy = 1.9;
        assert_eq!(verdict(&good(), &Expect::default()), Verdict::Passed);
        assert_eq!(verdict(&good(), &missed), Verdict::Failed);
        assert_eq!(verdict(&busy, &Expect::default()), Verdict::Void);
        assert_eq!(verdict(&busy, &missed), Verdict::Void);
        busy.snapshots.diverged = 1;
        assert_eq!(verdict(&busy, &Expect::default()), Verdict::Failed);
        busy.judge(&missed);
        let (line, reasons) = busy.verdict_told();
        assert_eq!(line, "FAILED");
        assert!(reasons[0].starts_with("the run is void: the bots used 1.90 of 2"));
        assert_eq!(reasons.len(), 3);
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
        for i in 0..NEEDED.len() {
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
        let mut bent = good();
        bent.snapshots.diverged = 1;
        assert_eq!(problems(&bent, &Expect::default()).len(), 1);
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
            expect_joined_p99_ms: Some(30.0),
            expect_returned_p99_ms: Some(40.0),
        };
        assert_eq!(problems(&good(), &met), [""; 0]);
        let missed = Expect {
            expect_tick_p99_ms: Some(19.0),
            expect_seen: Some(41.0),
            expect_handoffs_per_s: Some(2.1),
            expect_kills_per_s: Some(3.1),
            expect_joined_p99_ms: Some(29.0),
            expect_returned_p99_ms: Some(39.0),
            ..Expect::default()
        };
        assert_eq!(problems(&good(), &missed).len(), 6);
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
