//! Versions, lints and package facts stand in the root once, and every dependency is used.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Finding;
use super::allowances::{Allowed, UNNAMED_DEPENDENCIES};
use super::members::{Dependency, OURS, member_dirs, members, owner, parse, stale};
use super::tree::Tree;

/// A crate inherits every version and the lints from the workspace.
pub fn workspace_only(tree: &Tree) -> Vec<Finding> {
    let members = match members(tree) {
        Ok(members) => members,
        Err(finding) => return vec![finding],
    };
    let inherits = |value: Option<&Value>| {
        value
            .and_then(|value| value.get("workspace"))
            .and_then(Value::as_bool)
            == Some(true)
    };
    let mut findings = Vec::new();
    for member in &members {
        for Dependency { name, spec, .. } in member.dependencies() {
            if !inherits(Some(spec)) {
                findings.push(Finding::in_file(
                    &member.path,
                    format!("write `{name}.workspace = true`; versions stand in the root"),
                ));
            }
        }
        if !inherits(member.manifest.get("lints")) {
            findings.push(Finding::in_file(
                &member.path,
                "[lints] workspace = true is missing",
            ));
        }
        let package = member.manifest.get("package");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(package.and_then(|package| package.get(key))) {
                findings.push(Finding::in_file(
                    &member.path,
                    format!("write `{key}.workspace = true`"),
                ));
            }
        }
    }
    findings
}

/// Every dependency is named in its crate's sources, every version is some crate's.
pub fn used(tree: &Tree) -> Vec<Finding> {
    used_with(tree, UNNAMED_DEPENDENCIES)
}

fn used_with(tree: &Tree, allowed: &[Allowed]) -> Vec<Finding> {
    let members = match members(tree) {
        Ok(members) => members,
        Err(finding) => return vec![finding],
    };
    let dirs: Vec<String> = member_dirs(tree);
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for (member, dir) in members.iter().zip(&dirs) {
        let sources: Vec<&str> = tree
            .texts(".rs")
            .filter(|(path, _)| owner(path, &dirs) == Some(dir))
            .map(|(_, text)| text)
            .collect();
        for Dependency { name, .. } in member.dependencies() {
            wanted.insert(name);
            let ident = name.replace('-', "_");
            if sources.iter().any(|text| names_word(text, &ident)) {
                continue;
            }
            let arrow = format!("{} → {name}", member.name);
            if allowed.iter().any(|allowed| allowed.what == arrow) {
                needed.insert(arrow);
            } else {
                findings.push(Finding::in_file(
                    &member.path,
                    format!("{name} is never named"),
                ));
            }
        }
    }
    let root = parse(tree, "Cargo.toml").unwrap_or_default();
    let versions = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    for name in versions
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::keys)
    {
        if !wanted.contains(name.as_str()) && !name.starts_with(OURS) {
            findings.push(Finding::in_file(
                "Cargo.toml",
                format!("no crate depends on {name}"),
            ));
        }
    }
    findings.extend(stale(allowed, &needed));
    findings
}

fn names_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::members::fake::tree;
    use super::*;

    fn whats(findings: &[Finding]) -> Vec<&str> {
        findings
            .iter()
            .map(|finding| finding.what.as_str())
            .collect()
    }

    #[test]
    fn a_version_outside_the_root_is_found() {
        for spec in [
            "glam = \"1\"",
            "glam = { version = \"1\" }",
            "glam = { path = \"../glam\" }",
        ] {
            let found = workspace_only(&tree(&format!("[dependencies]\n{spec}"), ""));
            assert_eq!(found.len(), 1, "{spec}");
            assert!(found[0].what.contains("glam.workspace = true"));
        }
        let inherited = "[dependencies]\nglam = { workspace = true, features = [\"serde\"] }";
        assert_eq!(whats(&workspace_only(&tree(inherited, ""))), [""; 0]);
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_found() {
        let bare = Tree::from([
            ("Cargo.toml", "[workspace]\nmembers = [\"sim\"]"),
            ("sim/Cargo.toml", "[package]\nname = \"bluemarble-sim\""),
        ]);
        assert_eq!(
            workspace_only(&bare).len(),
            6,
            "lints and five keys of the package"
        );
    }

    #[test]
    fn a_dependency_must_be_named_as_a_word_of_its_own_crate() {
        let line = "[dependencies]\nglam.workspace = true";
        assert_eq!(whats(&used_with(&tree(line, ""), &[])), [""; 0]);
        // The word in sim's sources does not count for sim/motion, nor does a longer word.
        let found = used_with(&tree(line, line), &[]);
        assert_eq!(whats(&found), ["glam is never named"]);
        assert_eq!(found[0].path, "sim/motion/Cargo.toml");
        assert_eq!(
            whats(&used_with(&tree("", ""), &[])),
            ["no crate depends on glam"]
        );
    }
}
