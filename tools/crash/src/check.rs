//! What came back, beside what anybody had been told.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What the outside knows of a world.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The digest of every tick that the recorder was told of.
    pub digests: BTreeMap<u64, String>,
    /// The newest tick that a player was told is durable.
    pub durable: u64,
    /// The newest epoch.
    pub epoch: u32,
    /// What a command says that the next start comes back to.
    pub expected: Option<(u64, String)>,
}

/// What a server says it came back to: `recovered` of `/v1/status`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Recovered {
    /// The first state's tick.
    pub tick: u64,
    /// Its digest.
    pub digest: String,
    /// How many ticks came from the journal.
    pub replayed_ticks: u64,
    /// The first tick of a hole in the log.
    pub lost_from: Option<u64>,
    /// What was withheld of a tick that panics.
    pub quarantined: Option<String>,
    /// Accounts of the ledger that did not hold what the world says.
    #[serde(default)]
    pub ledger_corrections: u64,
    /// The last states on the way there.
    pub trail: Vec<(u64, String)>,
}

impl Recovered {
    /// What is wrong with it, and how many digests were compared.
    #[must_use]
    pub fn against(&self, notes: &Notes, epoch: u32) -> (Vec<String>, usize) {
        let mut problems = Vec::new();
        if let Some((&seen, _)) = notes.digests.last_key_value()
            && self.tick < seen
        {
            problems.push(format!(
                "came back to tick {}, and tick {seen} had been told of",
                self.tick
            ));
        }
        if self.tick < notes.durable {
            problems.push(format!(
                "came back to tick {}, and players were told that tick {} is durable",
                self.tick, notes.durable
            ));
        }
        if let Some((tick, digest)) = &notes.expected
            && (self.tick, &self.digest) != (*tick, digest)
        {
            problems.push(format!(
                "came back to tick {}, digest {}; by a command it was tick {tick}, digest {digest}",
                self.tick, self.digest
            ));
        }
        if epoch <= notes.epoch {
            problems.push(format!(
                "epoch {epoch} after epoch {}: clients cannot tell them apart",
                notes.epoch
            ));
        }
        if let Some(tick) = self.lost_from {
            problems.push(format!("ticks from {tick} on are lost"));
        }
        if let Some(what) = &self.quarantined {
            problems.push(format!("a tick was quarantined: {what}"));
        }
        if self.ledger_corrections > 0 {
            problems.push(format!(
                "{} accounts of the ledger did not hold what the world says",
                self.ledger_corrections
            ));
        }
        let mut compared = 0;
        let last = (self.tick, self.digest.clone());
        for (tick, digest) in self.trail.iter().chain([&last]) {
            let Some(noted) = notes.digests.get(tick) else {
                continue;
            };
            compared += 1;
            if noted != digest {
                problems.push(format!(
                    "tick {tick} has the digest {digest}, and had {noted}"
                ));
            }
        }
        (problems, compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Notes {
        let digests = [(8, "a"), (9, "b"), (10, "c")];
        Notes {
            digests: digests.map(|(tick, digest)| (tick, digest.into())).into(),
            durable: 9,
            epoch: 2,
            expected: None,
        }
    }

    fn back(tick: u64, digest: &str) -> Recovered {
        Recovered {
            tick,
            digest: digest.into(),
            trail: vec![(9, "b".into()), (tick, digest.into())],
            ..Recovered::default()
        }
    }

    #[test]
    fn the_same_world_or_a_newer_one_is_right() {
        assert_eq!(back(10, "c").against(&notes(), 3), (vec![], 3));
        assert_eq!(back(12, "e").against(&notes(), 4), (vec![], 1));
    }

    #[test]
    fn an_older_or_another_world_is_found_out() {
        let said = |recovered: Recovered, epoch| recovered.against(&notes(), epoch).0.join("; ");
        assert!(said(back(9, "b"), 3).contains("tick 10 had been told of"));
        assert!(said(back(10, "x"), 3).contains("tick 10 has the digest x, and had c"));
        assert!(said(back(10, "c"), 2).contains("epoch 2 after epoch 2"));
        let mut promised = notes();
        promised.durable = 11;
        assert!(!back(10, "c").against(&promised, 3).0.is_empty());
        let mut told = notes();
        told.expected = Some((10, "c".into()));
        assert!(back(10, "c").against(&told, 3).0.is_empty());
        assert!(!back(12, "e").against(&told, 3).0.is_empty());
        let unbalanced = Recovered {
            ledger_corrections: 2,
            ..back(10, "c")
        };
        assert!(said(unbalanced, 3).contains("2 accounts"));
        let torn = Recovered {
            lost_from: Some(7),
            ..back(10, "c")
        };
        assert!(said(torn, 3).contains("ticks from 7 on are lost"));
    }
}
