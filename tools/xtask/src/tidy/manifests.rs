//! Rules about the crates: who may know whom, and where versions and lints are written.
//!
//! Arrows are read from the manifests, so that a wrong one is found before anything compiles.
//! What a crate reaches *through* others is read from `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Finding;
use super::allowances::{Allowed, TEST_ARROWS, UNNAMED_DEPENDENCIES};
use super::tree::Tree;

/// Which of our crates a crate may depend on.
enum May {
    Only(&'static [&'static str]),
    /// Everything; in return nothing may depend on it.
    Anything,
}

/// The arrows of `docs/ARCHITECTURE.md`.
const ARROWS: &[(&str, May)] = &[
    (
        "bluemarble-server",
        May::Only(&[
            "bluemarble-net",
            "bluemarble-sim",
            "bluemarble-persistence",
            "bluemarble-spatial",
            "bluemarble-motion",
            "bluemarble-shared-protocol",
        ]),
    ),
    (
        "bluemarble-net",
        May::Only(&[
            "bluemarble-shared-protocol",
            "bluemarble-spatial",
            "bluemarble-motion",
        ]),
    ),
    (
        "bluemarble-sim",
        May::Only(&[
            "bluemarble-spatial",
            "bluemarble-motion",
            "bluemarble-shared-protocol",
        ]),
    ),
    (
        "bluemarble-persistence",
        May::Only(&["bluemarble-shared-protocol"]),
    ),
    ("bluemarble-motion", May::Only(&["bluemarble-spatial"])),
    ("bluemarble-spatial", May::Only(&[])),
    ("bluemarble-shared-protocol", May::Only(&[])),
    ("bluemarble-bench", May::Anything),
    ("bluemarble-cli", May::Anything),
    ("bluemarble-xtask", May::Anything),
];

/// Families of crates that a crate must not reach, not even through others. A family is a name
/// and everything that begins with it and `-` or `_`.
const OUT_OF_REACH: &[(&str, &[&str])] = &[
    ("bluemarble-spatial", &["tokio", "bevy", "quinn", "sqlx"]),
    (
        "bluemarble-shared-protocol",
        &["tokio", "bevy", "quinn", "sqlx"],
    ),
    ("bluemarble-motion", &["tokio", "bevy", "quinn", "sqlx"]),
    ("bluemarble-sim", &["tokio", "quinn", "sqlx"]),
    ("bluemarble-net", &["bevy", "sqlx"]),
    ("bluemarble-persistence", &["bevy", "quinn"]),
];

/// Where following `Cargo.lock` stops: it lists crates for every platform, these are for browsers.
const OTHER_PLATFORMS: &[&str] = &["wasm-bindgen", "wasm-bindgen-futures", "js-sys", "web-sys"];

/// What tells our own crates from others.
const OURS: &str = "bluemarble-";

/// A member of the workspace.
struct Member {
    /// Path of its manifest.
    path: String,
    name: String,
    manifest: Table,
}

/// A line of a dependency table.
struct Dependency<'a> {
    name: &'a str,
    spec: &'a Value,
    for_tests: bool,
}

impl Member {
    fn dependencies(&self) -> Vec<Dependency<'_>> {
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

fn parse(tree: &Tree, path: &str) -> Result<Table, Finding> {
    let text = tree
        .text(path)
        .ok_or_else(|| Finding::in_file(path, "is missing"))?;
    text.parse()
        .map_err(|error| Finding::in_file(path, format!("is not valid TOML: {error}")))
}

fn members(tree: &Tree) -> Result<Vec<Member>, Finding> {
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
        .map(|member| super::tree::dir_of(&member.path).to_owned())
        .collect()
}

/// Our crates depend on each other along the arrows only.
pub fn arrows(tree: &Tree) -> Vec<Finding> {
    arrows_with(tree, TEST_ARROWS)
}

fn arrows_with(tree: &Tree, allowed: &[Allowed]) -> Vec<Finding> {
    let members = match members(tree) {
        Ok(members) => members,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for member in &members {
        let Some((_, may)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
            findings.push(Finding::in_file(
                &member.path,
                format!(
                    "{} has no arrows in tools/xtask and docs/ARCHITECTURE.md",
                    member.name
                ),
            ));
            continue;
        };
        for dependency in member.dependencies() {
            let name = dependency.name;
            let permitted = match may {
                // Its own tests, with other features of itself.
                _ if dependency.for_tests && name == member.name => true,
                May::Anything => true,
                May::Only(names) => names.contains(&name),
            };
            if !name.starts_with(OURS) || permitted {
                continue;
            }
            let arrow = format!("{} → {name}", member.name);
            if dependency.for_tests && allowed.iter().any(|allowed| allowed.what == arrow) {
                needed.insert(arrow);
                continue;
            }
            findings.push(Finding::in_file(
                &member.path,
                format!("{arrow} is no arrow of ours"),
            ));
        }
    }
    findings.extend(stale(allowed, &needed));
    findings
}

fn stale(allowed: &[Allowed], needed: &BTreeSet<String>) -> Vec<Finding> {
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

/// No crate reaches, through whatever crates, what it must not know.
pub fn reach(tree: &Tree) -> Vec<Finding> {
    let lock = match parse(tree, "Cargo.lock") {
        Ok(lock) => lock,
        Err(finding) => return vec![finding],
    };
    let graph = lock_graph(&lock);
    OUT_OF_REACH
        .iter()
        .flat_map(|(from, families)| {
            reachable(&graph, from)
                .into_iter()
                .filter(|name| families.iter().any(|family| is_of(name, family)))
                .map(|name| Finding::in_file("Cargo.lock", format!("{from} reaches {name}")))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

/// Name → names, versions merged: stricter than Cargo where a crate occurs twice.
fn lock_graph(lock: &Table) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let packages = lock.get("package").and_then(Value::as_array);
    for package in packages.into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else {
            continue;
        };
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        let names = dependencies
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter_map(|entry| entry.split(' ').next());
        graph.entry(name).or_default().extend(names);
    }
    graph
}

fn reachable<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = graph.get(from).into_iter().flatten().copied().collect();
    while let Some(name) = open.pop() {
        if !OTHER_PLATFORMS.contains(&name) && seen.insert(name) {
            open.extend(graph.get(name).into_iter().flatten());
        }
    }
    seen
}

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

/// The member directory that holds the path most closely: `sim/motion/…` is not `sim`'s.
pub fn owner<'a>(path: &str, dirs: &'a [String]) -> Option<&'a String> {
    dirs.iter()
        .filter(|dir| {
            path.strip_prefix(dir.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        })
        .max_by_key(|dir| dir.len())
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
    use super::*;

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

    fn tree(sim: &str, motion: &str) -> Tree {
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

    fn whats(findings: &[Finding]) -> Vec<&str> {
        findings
            .iter()
            .map(|finding| finding.what.as_str())
            .collect()
    }

    #[test]
    fn an_arrow_of_the_design_passes_and_its_reverse_is_found() {
        let forth = tree("[dependencies]\nbluemarble-motion.workspace = true", "");
        assert_eq!(whats(&arrows_with(&forth, &[])), [""; 0]);
        let back = tree("", "[dependencies]\nbluemarble-sim.workspace = true");
        let found = arrows_with(&back, &[]);
        assert_eq!(
            whats(&found),
            ["bluemarble-motion → bluemarble-sim is no arrow of ours"]
        );
        assert_eq!(found[0].path, "sim/motion/Cargo.toml");
    }

    #[test]
    fn an_arrow_for_tests_needs_an_allowance_and_an_allowance_an_arrow() {
        let allowed = [Allowed {
            what: "bluemarble-sim → bluemarble-net",
            reason: "an end-to-end test",
        }];
        let dev = tree("[dev-dependencies]\nbluemarble-net.workspace = true", "");
        assert_eq!(arrows_with(&dev, &[]).len(), 1);
        assert_eq!(whats(&arrows_with(&dev, &allowed)), [""; 0]);
        assert_eq!(
            arrows_with(&tree("", ""), &allowed).len(),
            1,
            "the allowance is stale"
        );
        let normal = tree("[dependencies]\nbluemarble-net.workspace = true", "");
        assert_eq!(
            arrows_with(&normal, &allowed).len(),
            2,
            "allowed for tests alone"
        );
    }

    #[test]
    fn a_dependency_for_one_platform_is_an_arrow_too() {
        let hidden = "[target.'cfg(unix)'.dependencies]\nbluemarble-server.workspace = true";
        assert_eq!(arrows_with(&tree(hidden, ""), &[]).len(), 1);
    }

    #[test]
    fn what_a_crate_reaches_through_others_counts() {
        let lock = r#"
            [[package]]
            name = "bluemarble-spatial"
            dependencies = ["innocent 1.0.0"]
            [[package]]
            name = "innocent"
            dependencies = ["tokio-util", "tokiosk", "web-sys"]
            [[package]]
            name = "web-sys"
            dependencies = ["tokio"]
            [[package]]
            name = "tokio-util"
            [[package]]
            name = "tokiosk"
        "#;
        let found = reach(&Tree::from([("Cargo.lock", lock)]));
        assert_eq!(whats(&found), ["bluemarble-spatial reaches tokio-util"]);
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
