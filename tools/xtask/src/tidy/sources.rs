//! Rules about single files: how they open, how long they are, what they are called, and that
//! they say nothing about the machine they were written on.

use super::Finding;
use super::allowances::{Allowed, LONG_FILES};
use super::tree::Tree;

/// Near 500 lines one looks for a second noun; past this one has to find it, or say why not.
const LINES_MAX: usize = 600;

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: &[&str] = &[
    "common", "helper", "helpers", "manager", "misc", "util", "utils",
];

/// Every Rust file opens with `//!`: what it holds and why.
pub fn file_docs(tree: &Tree) -> Vec<Finding> {
    tree.texts(".rs")
        .filter_map(|(path, text)| {
            let first = text
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default();
            let docs = first.strip_prefix("//!")?.trim();
            docs.starts_with("Stub")
                .then(|| Finding::in_file(path, "is a stub"))
        })
        .chain(
            tree.texts(".rs")
                .filter(|(_, text)| !text.trim_start().starts_with("//!"))
                .map(|(path, _)| Finding::in_file(path, "does not open with //!")),
        )
        .collect()
}

/// No Rust file is longer than [`LINES_MAX`].
pub fn length(tree: &Tree) -> Vec<Finding> {
    length_with(tree, LONG_FILES)
}

fn length_with(tree: &Tree, allowed: &[Allowed]) -> Vec<Finding> {
    let long: Vec<(&str, usize)> = tree
        .texts(".rs")
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    let unlisted = long
        .iter()
        .filter(|(path, _)| !allowed.iter().any(|allowed| allowed.what == *path))
        .map(|(path, lines)| {
            Finding::in_file(path, format!("{lines} lines; the limit is {LINES_MAX}"))
        });
    let stale = allowed
        .iter()
        .filter(|allowed| !long.iter().any(|(path, _)| *path == allowed.what))
        .map(|allowed| Finding::in_file(allowed.what, "needs no allowance for its length"));
    unlisted.chain(stale).collect()
}

/// A file below `src` is named after the noun it holds.
pub fn names(tree: &Tree) -> Vec<Finding> {
    tree.paths()
        .filter(|path| path.contains("src/"))
        .filter(|path| {
            path.split('/')
                .any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
        })
        .map(|path| Finding::in_file(path, "its name says nothing about what it holds"))
        .collect()
}

/// No text names a directory that exists on one machine only.
pub fn machine_paths(tree: &Tree) -> Vec<Finding> {
    // In pieces, so that this file does not find itself.
    let homes: Vec<String> = ["work", "home", "root", "Users"]
        .iter()
        .map(|name| format!("/{name}/"))
        .collect();
    tree.texts("")
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .map(move |(n, line)| (path, n + 1, line))
        })
        .filter_map(|(path, n, line)| {
            let home = homes.iter().find(|home| begins_a_path(line, home))?;
            Some(Finding::at(
                path,
                n,
                format!("a path below {home} exists on one machine only"),
            ))
        })
        .collect()
}

/// Whether `home` occurs as the beginning of a path, not in its middle.
fn begins_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-~$}*".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(findings: &[Finding]) -> Vec<&str> {
        findings
            .iter()
            .map(|finding| finding.path.as_str())
            .collect()
    }

    #[test]
    fn a_file_without_docs_or_with_a_stub_is_found() {
        let tree = Tree::from([
            ("a.rs", "//! Says what it holds.\n"),
            ("b.rs", "use std::fmt;\n"),
            ("c.rs", "//! Stub.\n"),
            ("d.rs", "\n//! An empty line first is fine.\n"),
            ("e.md", "no Rust"),
        ]);
        assert_eq!(paths(&file_docs(&tree)), ["c.rs", "b.rs"]);
    }

    #[test]
    fn a_long_file_needs_an_allowance_and_an_allowance_a_long_file() {
        let long = "//! x\n".repeat(LINES_MAX + 1);
        let tree = Tree::from([("long.rs", long.as_str()), ("short.rs", "//! x\n")]);
        assert_eq!(paths(&length_with(&tree, &[])), ["long.rs"]);
        let allow = |what| {
            [Allowed {
                what,
                reason: "a test",
            }]
        };
        assert_eq!(paths(&length_with(&tree, &allow("long.rs"))), [""; 0]);
        assert_eq!(
            paths(&length_with(&tree, &allow("short.rs"))),
            ["long.rs", "short.rs"]
        );
    }

    #[test]
    fn a_name_that_holds_anything_is_found_in_src_only() {
        let tree = Tree::from([
            ("sim/src/utils.rs", ""),
            ("sim/src/helpers/mod.rs", ""),
            ("sim/src/weather.rs", ""),
            ("sim/tests/common/mod.rs", ""),
        ]);
        assert_eq!(
            paths(&names(&tree)),
            ["sim/src/helpers/mod.rs", "sim/src/utils.rs"]
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_not_a_word_that_contains_one() {
        let home = ["", "home", "me"].join("/");
        let found = format!("see `{home}/x`\nDIR={home}/y\nok\n");
        let tree = Tree::from([
            ("found.md", found.as_str()),
            (
                "fine.md",
                "https://example.org/home/page\nnet/work/\n$HOME/x\n",
            ),
        ]);
        let lines: Vec<_> = machine_paths(&tree)
            .iter()
            .map(|f| (f.path.clone(), f.line))
            .collect();
        assert_eq!(
            lines,
            [("found.md".to_owned(), 1), ("found.md".to_owned(), 2)]
        );
    }
}
