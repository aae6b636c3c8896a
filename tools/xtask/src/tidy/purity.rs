//! The simulation, what it stands on, and the session logic know their inputs and nothing else: no
//! clock, no environment, no system randomness, no thread of their own.
//!
//! Clippy bans the clocks everywhere (see `clippy.toml`); the rest is allowed elsewhere and so is
//! looked for here, by name, outside of tests.

use super::Finding;
use super::source_text::{before_tests, calls};
use super::tree::Tree;

/// Files and folders this holds for.
const PURE: &[&str] = &[
    "shared-protocol/src/",
    "spatial/src/",
    "sim/src/",
    "sim/motion/src/",
    "net/src/server/hub.rs",
    "net/src/server/hub/",
    "net/src/server/replication/",
];

/// What to look for, and why it is not there.
const FOREIGN: &[(&str, &str)] = &[
    ("std::time::Instant", "time is an argument"),
    ("std::time::SystemTime", "time is an argument"),
    ("std::env", "settings are arguments"),
    ("std::thread", "threads are the caller's"),
    ("thread::spawn", "threads are the caller's"),
    ("tokio::", "only drivers await"),
    (
        "getrandom",
        "random numbers are hashes of (seed, entity, tick, purpose)",
    ),
    (
        "rand::",
        "random numbers are hashes of (seed, entity, tick, purpose)",
    ),
];

/// Finds what knows more than it should.
pub fn purity(tree: &Tree) -> Vec<Finding> {
    let unmatched = PURE
        .iter()
        .filter(|place| !tree.paths().any(|path| path.starts_with(**place)))
        .map(|place| {
            Finding::in_file(place, "does not exist; mend the list in tidy's purity rule")
        });
    tree.texts(".rs")
        .filter(|(path, _)| PURE.iter().any(|place| path.starts_with(place)))
        .filter(|(path, _)| !path.ends_with("tests.rs"))
        .flat_map(|(path, text)| {
            before_tests(text).enumerate().filter_map(move |(n, line)| {
                let (name, why) = FOREIGN.iter().find(|(name, _)| calls(line, name))?;
                Some(Finding::at(path, n + 1, format!("{name}: {why}")))
            })
        })
        .chain(unmatched)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(String, usize)> {
        purity(&Tree::from([(path, text)]))
            .into_iter()
            .filter(|finding| finding.line > 0)
            .map(|finding| (finding.path, finding.line))
            .collect()
    }

    #[test]
    fn a_clock_in_the_simulation_is_found_and_one_in_the_server_is_not() {
        let text = "//! x\nuse std::time::Instant;\n";
        assert_eq!(
            found("sim/src/zone.rs", text),
            [("sim/src/zone.rs".to_owned(), 2)]
        );
        assert_eq!(found("server/src/clock.rs", text), []);
    }

    #[test]
    fn comments_tests_and_longer_words_do_not_count() {
        let text = "//! no std::env here\nlet brand::new = operand::x;\n#[cfg(test)]\nmod tests {\n    std::env::temp_dir();\n}\n";
        assert_eq!(found("spatial/src/lib.rs", text), []);
    }

    #[test]
    fn a_place_that_is_gone_is_found_too() {
        let gone = purity(&Tree::from([("sim/src/lib.rs", "")]));
        assert!(
            gone.iter().any(|finding| finding.path == "spatial/src/"),
            "{gone:?}"
        );
        assert!(
            !gone.iter().any(|finding| finding.path == "sim/src/"),
            "{gone:?}"
        );
    }
}
