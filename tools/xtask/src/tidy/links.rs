//! Links and paths in documents lead somewhere.
//!
//! Checked are inline links (`[text](target)`) to files and headings of this repository, and, in
//! documents that describe the present (not in the changelog), paths in code spans that begin with
//! one of the root's directories. Links to other sites would need the network.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{Tree, dir_of, resolve};

/// Tells the past; its paths may be gone.
const HISTORY: &str = "CHANGELOG.md";

/// Finds links and paths that lead nowhere.
pub fn links(tree: &Tree) -> Vec<Finding> {
    let top: BTreeSet<&str> = tree
        .paths()
        .filter_map(|path| path.split_once('/'))
        .map(|(dir, _)| dir)
        .collect();
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".md") {
        for (n, line) in prose_lines(text) {
            for target in link_targets(&without_code(line)) {
                if let Some(what) = broken_link(tree, path, target) {
                    findings.push(Finding::at(path, n, what));
                }
            }
            if path == HISTORY {
                continue;
            }
            for span in code_spans(line).filter(|span| is_path(span, &top)) {
                let span = span.trim_end_matches('/');
                if !tree.has_file(span) && !tree.has_dir(span) {
                    findings.push(Finding::at(path, n, format!("`{span}` does not exist")));
                }
            }
        }
    }
    findings
}

/// Numbered lines outside of fenced code.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(n, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((n + 1, line))
    })
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

fn is_path(span: &str, top: &BTreeSet<&str>) -> bool {
    span.split_once('/')
        .is_some_and(|(dir, _)| top.contains(dir))
        && span
            .chars()
            .all(|c| c.is_alphanumeric() || "_-./".contains(c))
}

fn broken_link(tree: &Tree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        from.to_owned()
    } else {
        match resolve(dir_of(from), file) {
            Some(path) => path,
            None => return Some(format!("the link {target} leaves the repository")),
        }
    };
    if !tree.has_file(&path) && !tree.has_dir(&path) {
        return Some(format!("the link {target} leads to no file"));
    }
    let known = anchor.is_empty()
        || tree
            .text(&path)
            .is_some_and(|text| headings(text).any(|slug| slug == anchor));
    (!known).then(|| format!("the link {target} leads to no heading"))
}

/// The names under which a web view of the repository offers a document's headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose_lines(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str) -> Vec<String> {
        let tree = Tree::from([
            ("README.md", readme),
            ("CHANGELOG.md", "moved from `sim/old.rs`"),
            (
                "docs/ARCHITECTURE.md",
                "# The map\n## One tick, followed through\n",
            ),
            ("sim/src/lib.rs", ""),
        ]);
        links(&tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn links_to_files_directories_and_headings_resolve() {
        for fine in [
            "[map](docs/ARCHITECTURE.md)",
            "[tick](docs/ARCHITECTURE.md#one-tick-followed-through) and [sim](sim/)",
            "[site](https://example.org/none) [mail](mailto:a@example.org)",
            "`[no](link.md)` in code",
            "```\n[no](link.md)\n```",
        ] {
            assert_eq!(found(fine), [""; 0], "{fine}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for broken in [
            "[x](docs/NONE.md)",
            "[x](docs/ARCHITECTURE.md#nowhere)",
            "[x](#nowhere)",
            "[x](../outside.md)",
        ] {
            assert_eq!(found(broken).len(), 1, "{broken}");
        }
    }

    #[test]
    fn a_path_in_a_code_span_must_exist_a_command_need_not() {
        assert_eq!(
            found("`sim/src/lib.rs`, `sim/src/`, `cargo run`, `net/x`, `sim/*`"),
            [""; 0]
        );
        assert_eq!(
            found("`sim/src/gone.rs`"),
            ["`sim/src/gone.rs` does not exist"]
        );
    }
}
