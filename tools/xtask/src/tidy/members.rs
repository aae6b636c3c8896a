//! The workspace's crates as their manifests describe them.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Finding;
use super::allowances::Allowed;
use super::tree::{Tree, dir_of};

/// What tells our own crates from others.
pub const OURS: &str = "bluemarble-";

/// A member of the workspace.
pub struct Member {
    /// Path of its manifest.
    pub path: String,
    /// The package's name.
    pub name: String,
    /// The manifest.
    pub manifest: Table,
}

/// A line of a dependency table.
pub struct Dependency<'a> {
    /// Its name in the manifest.
    pub name: &'a str,
    /// Version or table.
    pub spec: &'a Value,
    /// A dev-dependency.
    pub for_tests: bool,
}

impl Member {
    /// All of them, whatever table they stand in.
    pub fn dependencies(&self) -> Vec<Dependency<'_>> {
        let mut found = Vec::new();
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let tables = std::iter::once(&self.manifest).chain(
            targets
                .into_iter()
                .flat_map(Table::values)
                .filter_map(Value::as_table),
        );
        for table in tables {
            for (key, for_tests) in [
                ("dependencies", false),
                ("build-dependencies", false),
                ("dev-dependencies", true),
            ] {
                let Some(entries) = table.get(key).and_then(Value::as_table) else {
                    continue;
                };
                found.extend(entries.iter().map(|(name, spec)| Dependency {
                    name,
                    spec,
                    for_tests,
                }));
            }
        }
        found
    }
}

/// Reads a TOML file of the tree.
pub fn parse(tree: &Tree, path: &str) -> Result<Table, Finding> {
    let text = tree
        .text(path)
        .ok_or_else(|| Finding::in_file(path, "is missing"))?;
    text.parse()
        .map_err(|error| Finding::in_file(path, format!("is not valid TOML: {error}")))
}

/// The members, in the root's order.
pub fn members(tree: &Tree) -> Result<Vec<Member>, Finding> {
    let root = parse(tree, "Cargo.toml")?;
    let dirs = root
        .get("workspace")
        .and_then(|workspace| workspace.get("members"));
    let dirs = dirs
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    dirs.iter()
        .filter_map(Value::as_str)
        .map(|dir| {
            let path = format!("{dir}/Cargo.toml");
            let manifest = parse(tree, &path)?;
            let name = manifest
                .get("package")
                .and_then(|package| package.get("name"));
            let name = name
                .and_then(Value::as_str)
                .ok_or_else(|| Finding::in_file(&path, "names no package"))?
                .to_owned();
            Ok(Member {
                path,
                name,
                manifest,
            })
        })
        .collect()
}

/// The members' directories, for rules that go crate by crate.
pub fn member_dirs(tree: &Tree) -> Vec<String> {
    let Ok(members) = members(tree) else {
        return Vec::new();
    };
    members
        .iter()
        .map(|member| dir_of(&member.path).to_owned())
        .collect()
}

/// The member directory that holds the path most closely: `sim/motion/…` is not `sim`'s.
pub fn owner<'a>(path: &str, dirs: &'a [String]) -> Option<&'a String> {
    dirs.iter()
        .filter(|dir| {
            path.strip_prefix(dir.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        })
        .max_by_key(|dir| dir.len())
}

/// A finding for each allowance that nothing needed.
pub fn stale(allowed: &[Allowed], needed: &BTreeSet<String>) -> Vec<Finding> {
    allowed
        .iter()
        .filter(|allowed| !needed.contains(allowed.what))
        .map(|allowed| {
            Finding::in_file(
                "tools/xtask/src/tidy/allowances.rs",
                format!(
                    "{} is not needed any more ({})",
                    allowed.what, allowed.reason
                ),
            )
        })
        .collect()
}

/// Small workspaces for the tests of the rules about manifests.
#[cfg(test)]
pub mod fake {
    use super::Tree;

    const ROOT: &str = r#"
        [workspace]
        members = ["sim", "sim/motion"]
        [workspace.dependencies]
        glam = "1"
    "#;

    const INHERITED: &str = "
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        publish.workspace = true
        [lints]
        workspace = true
    ";

    /// `sim` and `sim/motion`, with these lines added to their manifests.
    pub fn tree(sim: &str, motion: &str) -> Tree {
        let manifest =
            |name, rest| format!("[package]\nname = \"bluemarble-{name}\"\n{INHERITED}\n{rest}");
        Tree::from([
            ("Cargo.toml", ROOT),
            ("sim/Cargo.toml", &manifest("sim", sim)),
            ("sim/src/lib.rs", "use glam::DVec3;"),
            ("sim/motion/Cargo.toml", &manifest("motion", motion)),
            ("sim/motion/src/lib.rs", "fn hologlam() {}"),
        ])
    }
}
