//! The house rules that a program can check, each a function from the tree to its findings.
//!
//! The tree is read once, wholly, into memory; so a rule is pure, and its tests are small trees
//! written in the test. What may deviate stands in `allowances.rs` with its reason, and an
//! allowance that nothing needs any more is a finding itself.

mod allowances;
mod arrows;
mod assets;
mod bounds;
mod dead_files;
mod links;
mod manifests;
mod members;
mod purity;
mod reach;
mod source_text;
mod sources;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use tree::Tree;

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Path below the root, with `/`.
    path: String,
    /// Counted from 1; 0 = the file as a whole.
    line: usize,
    /// What is wrong and what would be right.
    what: String,
}

impl Finding {
    fn in_file(path: &str, what: impl Into<String>) -> Self {
        Self::at(path, 0, what)
    }

    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    (
        "every Rust file opens with //! and is no stub",
        sources::file_docs,
    ),
    ("no Rust file over the length limit", sources::length),
    ("no file named after nothing", sources::names),
    ("no path of somebody's machine", sources::machine_paths),
    ("crate arrows", arrows::arrows),
    ("crates that must not reach others", reach::reach),
    ("every queue has a bound", bounds::bounds),
    ("the simulation knows its inputs only", purity::purity),
    (
        "versions and lints only in the workspace",
        manifests::workspace_only,
    ),
    ("every dependency is used", manifests::used),
    ("no dead Rust file", dead_files::dead_files),
    ("links and paths in documents resolve", links::links),
    ("every third-party asset has its notice", assets::notices),
];

/// Applies every rule to the tree in `root`.
///
/// # Errors
/// If there is a finding; all are printed.
pub fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let mut count = 0;
    for (name, rule) in RULES {
        let mut findings = rule(&tree);
        findings.sort();
        let mark = if findings.is_empty() { "ok  " } else { "FAIL" };
        println!("{mark} {name}");
        for finding in &findings {
            println!("       {finding}");
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("{count} findings");
    }
    Ok(())
}
