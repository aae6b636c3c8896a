//! What a world's log was computed from, each fact by name, so that a refusal can say which differs.
//!
//! Stored as text, a line `name=value` per fact, beside journals and checkpoints; nobody but this file
//! reads it.

use std::fmt;

use crate::world::{RULES_VERSION, WorldSpec};

/// The facts on which every digest depends, besides the program itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// [`RULES_VERSION`] of whoever computed.
    pub rules: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of the scenario, its kinds included, but not of how it is cut.
    pub scenario_hash: u64,
    /// Name of the planet.
    pub planet: String,
    /// Hash of the planet's files.
    pub planet_hash: u64,
    /// Seed of every draw.
    pub seed: u64,
    /// Ticks per second.
    pub tick_hz: u32,
}

impl Provenance {
    /// Of what is computed here and now.
    #[must_use]
    pub fn of(spec: &WorldSpec) -> Self {
        Self {
            rules: RULES_VERSION,
            scenario: spec.scenario.name.clone(),
            scenario_hash: spec.scenario_hash(),
            planet: spec.planet.name().to_owned(),
            planet_hash: spec.planet.content_hash(),
            seed: spec.seed,
            tick_hz: spec.tick_hz,
        }
    }

    /// From its text; `None` if it is not one, or an older one that lacks a fact.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fact = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let hash = |name: &str| u64::from_str_radix(fact(name)?, 16).ok();
        Some(Self {
            rules: fact("rules")?.parse().ok()?,
            scenario: fact("scenario")?.to_owned(),
            scenario_hash: hash("scenario_hash")?,
            planet: fact("planet")?.to_owned(),
            planet_hash: hash("planet_hash")?,
            seed: fact("seed")?.parse().ok()?,
            tick_hz: fact("tick_hz")?.parse().ok()?,
        })
    }

    /// What differs between what a log was computed from and what there is here, for people; empty
    /// if nothing does.
    #[must_use]
    pub fn differences(&self, here: &Self) -> Vec<String> {
        let mut told = Vec::new();
        if self.rules != here.rules {
            told.push(format!(
                "rules {}, this build has {}",
                self.rules, here.rules
            ));
        }
        let things = [
            (
                "scenario",
                (&self.scenario, self.scenario_hash),
                (&here.scenario, here.scenario_hash),
            ),
            (
                "planet",
                (&self.planet, self.planet_hash),
                (&here.planet, here.planet_hash),
            ),
        ];
        for (thing, (name, hash), (name_here, hash_here)) in things {
            if name != name_here {
                told.push(format!("{thing} '{name}', here '{name_here}'"));
            } else if hash != hash_here {
                told.push(format!(
                    "{thing} '{name}' differs: {hash:016x}, here {hash_here:016x}"
                ));
            }
        }
        if self.seed != here.seed {
            told.push(format!("seed {}, here {}", self.seed, here.seed));
        }
        if self.tick_hz != here.tick_hz {
            told.push(format!(
                "{} ticks a second, here {}",
                self.tick_hz, here.tick_hz
            ));
        }
        told
    }
}

/// As it is stored.
impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rules,
            scenario,
            scenario_hash,
            planet,
            planet_hash,
            seed,
            tick_hz,
        } = self;
        writeln!(f, "rules={rules}")?;
        writeln!(f, "scenario={scenario}\nscenario_hash={scenario_hash:016x}")?;
        writeln!(f, "planet={planet}\nplanet_hash={planet_hash:016x}")?;
        writeln!(f, "seed={seed}\ntick_hz={tick_hz}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earth() -> Provenance {
        Provenance {
            rules: 3,
            scenario: "earth".into(),
            scenario_hash: 0xabc,
            planet: "blue=marble".into(),
            planet_hash: u64::MAX,
            seed: 7,
            tick_hz: 20,
        }
    }

    #[test]
    fn it_survives_being_text_and_what_is_cut_off_is_none() {
        let text = earth().to_string();
        assert_eq!(Provenance::parse(&text), Some(earth()));
        assert_eq!(
            Provenance::parse(&text[..text.len() - "tick_hz=20\n".len()]),
            None
        );
        assert_eq!(Provenance::parse(""), None);
    }

    #[test]
    fn every_difference_is_named() {
        assert!(earth().differences(&earth()).is_empty());
        let elsewhere = Provenance {
            rules: 4,
            scenario: "city".into(),
            planet_hash: 1,
            seed: 8,
            tick_hz: 30,
            ..earth()
        };
        assert_eq!(
            earth().differences(&elsewhere),
            [
                "rules 3, this build has 4",
                "scenario 'earth', here 'city'",
                "planet 'blue=marble' differs: ffffffffffffffff, here 0000000000000001",
                "seed 7, here 8",
                "20 ticks a second, here 30",
            ]
        );
        let edited = Provenance {
            scenario_hash: 1,
            ..earth()
        };
        assert_eq!(
            earth().differences(&edited),
            ["scenario 'earth' differs: 0000000000000abc, here 0000000000000001"]
        );
    }
}
