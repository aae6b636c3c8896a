//! The simulation, what it stands on, and the session logic know their inputs and nothing else: no
//! clock, no environment, no system randomness, no thread of their own; no order that a hash table
//! happens to have; and nothing that remembers what happened in *this* zone, because an entity that
//! arrived a moment ago has no such past (`docs/DETERMINISM.md`, "Rules for writing rules").
//!
//! Clippy bans what it can name exactly (see `clippy.toml`); the rest is looked for here, in the text,
//! outside of tests. A finding says what to use instead.

mod handles;
mod hash_order;
mod names;

use std::collections::BTreeSet;

use super::Finding;
use super::allowances::{Allowed, IMPURITIES};
use super::members::stale;
use super::tree::Tree;

/// Files and folders this holds for.
const PURE: &[&str] = &[
    "shared-protocol/src/",
    "spatial/src/",
    "sim/src/",
    "sim/motion/src/",
    "net/src/server/hub.rs",
    "net/src/server/hub/",
    "net/src/server/replication.rs",
    "net/src/server/replication/",
    "net/src/client/core.rs",
    "net/src/client/core/",
];

/// The lint that finds `for` loops over hash tables; these crates turn it on as a whole.
const LINT: &str = "#![warn(clippy::iter_over_hash_type)]";
const LINTED: &[&str] = &[
    "shared-protocol/src/lib.rs",
    "spatial/src/lib.rs",
    "sim/src/lib.rs",
    "sim/motion/src/lib.rs",
];

/// Something impure: where, what it is called, and what to do instead.
struct Impurity {
    line: usize,
    name: String,
    instead: &'static str,
}

/// Finds what knows or remembers more than it should.
pub fn purity(tree: &Tree) -> Vec<Finding> {
    purity_with(tree, IMPURITIES)
}

fn purity_with(tree: &Tree, allowed: &[Allowed]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = PURE
        .iter()
        .filter(|place| !tree.paths().any(|path| path.starts_with(**place)))
        .map(|place| Finding::in_file(place, "does not exist; mend the list in tidy's purity rule"))
        .collect();
    findings.extend(
        LINTED
            .iter()
            .filter(|path| tree.text(path).is_some_and(|text| !text.contains(LINT)))
            .map(|path| Finding::in_file(path, format!("{LINT} is missing"))),
    );
    let pure: Vec<(&str, &str)> = tree
        .texts(".rs")
        .filter(|(path, _)| PURE.iter().any(|place| path.starts_with(place)))
        .filter(|(path, _)| !path.ends_with("tests.rs"))
        .collect();
    let tables = hash_order::table_types(pure.iter().map(|(_, text)| *text));
    let mut needed = BTreeSet::new();
    for (path, text) in pure {
        let found = names::find(text)
            .into_iter()
            .chain(hash_order::find(text, &tables))
            .chain(handles::find(text));
        for impurity in found {
            let what = format!("{path} → {}", impurity.name);
            if allowed.iter().any(|allowed| allowed.what == what) {
                needed.insert(what);
                continue;
            }
            let Impurity {
                line,
                name,
                instead,
            } = impurity;
            findings.push(Finding::at(path, line, format!("{name}: {instead}")));
        }
    }
    findings.extend(stale(allowed, &needed));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(String, usize)> {
        purity_with(&Tree::from([(path, text)]), &[])
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

    #[test]
    fn a_pure_crate_without_the_lint_against_hash_loops_is_found() {
        let missing = |text| {
            let found = purity(&Tree::from([("sim/src/lib.rs", text)]));
            found.iter().any(|finding| finding.what.contains(LINT))
        };
        assert!(missing("//! x\n"));
        assert!(!missing("//! x\n#![warn(clippy::iter_over_hash_type)]\n"));
    }

    #[test]
    fn an_allowance_silences_one_name_in_one_file_and_is_found_when_stale() {
        let allowed = [Allowed {
            what: "sim/src/a.rs → Local<",
            reason: "why not",
        }];
        let named = |text| -> Vec<String> {
            let tree = Tree::from([("sim/src/a.rs", text)]);
            let findings = purity_with(&tree, &allowed).into_iter();
            findings
                .filter(|finding| !finding.what.starts_with("does not exist"))
                .map(|finding| finding.what)
                .collect()
        };
        assert_eq!(named("fn f(x: Local<u8>) {}"), Vec::<String>::new());
        let both = named("fn f(x: Local<u8>, y: Added<Body>) {}");
        assert!(both.len() == 1 && both[0].starts_with("Added<"), "{both:?}");
        let stale = named("fn f() {}");
        assert!(
            stale.len() == 1 && stale[0].contains("not needed any more"),
            "{stale:?}"
        );
    }
}
