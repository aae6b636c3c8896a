//! What became of hostile bots, and whether it is what the protocol says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Memory the server may gain with hostile bots, bytes: for each of them far more than a session costs
/// and far less than it could send in a run, and what a server gains by itself in a while.
const GAIN_EACH_MAX: f64 = 1_048_576.0;
const GAIN_ANYWAY_MAX: f64 = 64.0 * 1_048_576.0;

/// All hostile bots of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hostility {
    /// How many.
    pub bots: u32,
    /// Memory of the server before the first of them came, bytes.
    pub resident_before: Option<f64>,
    /// And when the last had gone.
    pub resident_after: Option<f64>,
    /// By kind.
    pub kinds: Vec<KindReport>,
    /// Closes that they saw and that no metric has.
    pub uncounted: Vec<String>,
}

/// One kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KindReport {
    /// Which.
    pub kind: String,
    /// Attempts begun.
    pub attempts: u64,
    /// Of those, how many met a fate before the run was over.
    pub ended: u64,
    /// What the protocol says becomes of them.
    pub due: String,
    /// How many met another fate.
    pub wrong: u64,
    /// What became of how many.
    pub fates: BTreeMap<String, u64>,
}

impl Hostility {
    /// What is not as it should be, or not known.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for kind in &self.kinds {
            if kind.wrong > 0 {
                problems.push(format!(
                    "{} of {} hostile attempts ({}) did not meet their due, {}: {}",
                    kind.wrong,
                    kind.ended,
                    kind.kind,
                    kind.due,
                    kind.fates_told()
                ));
            }
            if kind.ended == 0 {
                problems.push(format!(
                    "no hostile attempt ({}) came to an end: measure for longer, 30 seconds say",
                    kind.kind
                ));
            }
        }
        let uncounted = self.uncounted.iter();
        problems.extend(uncounted.map(|what| format!("the server's metrics lack closes: {what}")));
        let most = GAIN_ANYWAY_MAX + GAIN_EACH_MAX * f64::from(self.bots);
        match self.gain() {
            Some(gain) if gain <= most => {}
            Some(gain) => problems.push(format!(
                "the server gained {:.0} MiB under {} hostile bots, at most {:.0} are theirs",
                gain / 1_048_576.0,
                self.bots,
                most / 1_048_576.0
            )),
            None => problems.push("the server does not say how much memory it has".to_owned()),
        }
        problems
    }

    fn gain(&self) -> Option<f64> {
        Some(self.resident_after? - self.resident_before?)
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mib = |bytes: Option<f64>| {
            bytes.map_or("?".to_owned(), |bytes| {
                format!("{:.1}", bytes / 1_048_576.0)
            })
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} hostile bots; server memory {} MiB before, {} MiB after\n{:<24} {:>8} {:>8}  what became of them",
            self.bots,
            mib(self.resident_before),
            mib(self.resident_after),
            "hostile",
            "attempts",
            "wrong"
        );
        for kind in &self.kinds {
            let _ = writeln!(
                text,
                "{:<24} {:>8} {:>8}  {}",
                kind.kind,
                kind.attempts,
                kind.wrong,
                kind.fates_told()
            );
        }
        text
    }
}

impl KindReport {
    /// For people.
    pub(super) fn fates_told(&self) -> String {
        let told: Vec<String> = self
            .fates
            .iter()
            .map(|(fate, count)| format!("{count} {fate}"))
            .collect();
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Hostility {
        Hostility {
            bots: 20,
            resident_before: Some(1e8),
            resident_after: Some(1.2e8),
            kinds: vec![KindReport {
                kind: "half open".into(),
                attempts: 3,
                ended: 2,
                due: "handshake_timeout (20)".into(),
                wrong: 0,
                fates: [("handshake_timeout (20)".to_owned(), 2)].into(),
            }],
            uncounted: Vec::new(),
        }
    }

    #[test]
    fn each_way_to_go_wrong_is_one_problem() {
        assert_eq!(good().problems(), [""; 0]);
        let mut wrong = good();
        wrong.kinds[0].wrong = 1;
        let mut endless = good();
        endless.kinds[0].ended = 0;
        let mut silent = good();
        silent.uncounted.push("2 closed with flooding".into());
        let mut fat = good();
        fat.resident_after = Some(9e8);
        let mut unknown = good();
        unknown.resident_before = None;
        for bad in [wrong, endless, silent, fat, unknown] {
            assert_eq!(bad.problems().len(), 1, "{bad:?}");
        }
        assert!(good().table().contains("2 handshake_timeout (20)"));
    }
}
