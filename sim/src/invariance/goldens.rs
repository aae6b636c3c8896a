//! The file of golden digests: text, a row per scenario and tick, changed on purpose only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Above the rows of the file.
const HEAD: &str = "\
# What the world is: the state digest of every border scenario at fixed ticks (seed 7, 20 ticks a second,
# any number of zones and threads, test or release build). A change of the rules changes them, nothing
# else may. `cargo xtask golden` checks them all; `cargo xtask golden --bless` writes them anew, and the
# commit says why they changed.
#
# scenario          tick  digest
";

/// A golden file that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "golden digests, line {line}: {problem}; `cargo xtask golden --bless` writes the file anew"
)]
pub struct GoldenError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Digests by scenario and tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goldens {
    rows: BTreeMap<(String, u64), u64>,
}

impl Goldens {
    /// Reads the file's text.
    ///
    /// # Errors
    /// If a line is neither a remark nor `scenario tick digest`.
    pub fn parse(text: &str) -> Result<Self, GoldenError> {
        let mut rows = BTreeMap::new();
        for (n, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |problem| GoldenError {
                line: n + 1,
                problem,
            };
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let [scenario, tick, digest] = words[..] else {
                return Err(bad("a row is `scenario tick digest`"));
            };
            let tick = tick.parse().map_err(|_| bad("the tick is no number"))?;
            let digest = u64::from_str_radix(digest, 16)
                .ok()
                .filter(|_| digest.len() == 16)
                .ok_or_else(|| bad("a digest has 16 hexadecimal digits"))?;
            if rows.insert((scenario.to_owned(), tick), digest).is_some() {
                return Err(bad("this scenario and tick have a row already"));
            }
        }
        Ok(Self { rows })
    }

    /// As the file says it.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((scenario, tick), digest) in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{scenario:<16} {tick:>6}  {digest:016x}");
        }
        text
    }

    /// The digest of a scenario at a tick, if there is one.
    #[must_use]
    pub fn get(&self, scenario: &str, tick: u64) -> Option<u64> {
        self.rows.get(&(scenario.to_owned(), tick)).copied()
    }

    /// Sets a scenario's digests at these ticks. If the first of them changes, so have the others:
    /// those that are not given are forgotten.
    pub fn bless(&mut self, scenario: &str, digests: &[(u64, u64)]) {
        let changed = |(tick, digest): &(u64, u64)| self.get(scenario, *tick) != Some(*digest);
        if digests.iter().any(changed) {
            self.rows.retain(|(name, _), _| name != scenario);
        }
        for &(tick, digest) in digests {
            self.rows.insert((scenario.to_owned(), tick), digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut goldens = Goldens::default();
        goldens.bless("a", &[(1_000, 1), (10_000, u64::MAX)]);
        goldens.bless("b", &[(1_000, 3)]);
        let text = goldens.render();
        assert_eq!(Goldens::parse(&text).as_ref(), Ok(&goldens));
        assert!(
            text.lines()
                .last()
                .is_some_and(|line| line.ends_with("0000000000000003"))
        );
    }

    #[test]
    fn a_changed_beginning_forgets_the_end() {
        let mut goldens = Goldens::default();
        goldens.bless("a", &[(1_000, 1), (10_000, 2)]);
        goldens.bless("a", &[(1_000, 1)]);
        assert_eq!(goldens.get("a", 10_000), Some(2));
        goldens.bless("a", &[(1_000, 9)]);
        assert_eq!(goldens.get("a", 10_000), None);
    }

    #[test]
    fn a_broken_row_is_named_by_its_line() {
        for (text, line) in [
            ("# x\na 1\n", 2),
            ("a one 0000000000000001\n", 1),
            ("a 1 1\n", 1),
            ("a 1 000000000000000g\n", 1),
            ("a 1 0000000000000001\na 1 0000000000000001\n", 2),
        ] {
            assert_eq!(Goldens::parse(text).unwrap_err().line, line);
        }
    }
}
