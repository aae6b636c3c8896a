//! Every Rust file is part of some target: reachable by `mod` from a crate's root.
//!
//! Cargo's conventions name the roots (`src/lib.rs`, `src/main.rs`, `src/bin/*`, `tests/*`, …);
//! from there `mod name;`, `#[path]` and `include!` are followed line by line. A `mod name;` inside
//! an inline `mod { }` or a macro is not understood: write a file for the outer module instead.

use std::collections::BTreeSet;

use super::Finding;
use super::members::{member_dirs, owner, parse};
use super::tree::{Tree, dir_of, resolve};

/// Finds files nobody compiles.
pub fn dead_files(tree: &Tree) -> Vec<Finding> {
    let mut dirs = member_dirs(tree);
    dirs.extend(other_workspaces(tree));
    let mut alive = BTreeSet::new();
    for (path, _) in tree.texts(".rs") {
        if let Some(dir) = owner(path, &dirs)
            && is_root(&path[dir.len() + 1..])
        {
            follow(tree, path, dir_of(path).to_owned(), &mut alive);
        }
    }
    tree.texts(".rs")
        .filter(|(path, _)| !alive.contains(*path))
        .map(|(path, _)| Finding::in_file(path, "belongs to no target: no `mod` leads to it"))
        .collect()
}

/// The member directories of workspaces below the root's, which are built only when asked for.
fn other_workspaces(tree: &Tree) -> Vec<String> {
    let manifests = tree
        .texts("/Cargo.toml")
        .filter_map(|(path, _)| Some((dir_of(path), parse(tree, path).ok()?)));
    let mut dirs = Vec::new();
    for (dir, manifest) in manifests {
        let members = manifest
            .get("workspace")
            .and_then(|workspace| workspace.get("members"))
            .and_then(toml::Value::as_array);
        let members = members
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_str);
        dirs.extend(members.map(|member| format!("{dir}/{member}")));
    }
    dirs
}

/// Whether Cargo takes this file, by its path below the package, for the root of a target.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples", _, "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
    )
}

/// Marks the file and all below it; its submodules are looked for in `dir`.
fn follow(tree: &Tree, path: &str, dir: String, alive: &mut BTreeSet<String>) {
    let Some(text) = tree.text(path) else { return };
    if !alive.insert(path.to_owned()) {
        return;
    }
    for lead in leads(text) {
        let candidates = match &lead {
            Lead::Module(name) => vec![
                (format!("{dir}/{name}.rs"), format!("{dir}/{name}")),
                (format!("{dir}/{name}/mod.rs"), format!("{dir}/{name}")),
            ],
            Lead::File(relative) => resolve(dir_of(path), relative)
                .map(|file| (file.clone(), dir_of(&file).to_owned()))
                .into_iter()
                .collect(),
        };
        for (file, dir) in candidates {
            follow(tree, &file, dir, alive);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lead {
    /// `mod name;`
    Module(String),
    /// `#[path = "…"] mod name;` or `include!("…")`
    File(String),
}

fn leads(text: &str) -> Vec<Lead> {
    let mut found = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path") {
            path = rest.split('"').nth(1).map(str::to_owned);
        } else if let Some(name) = declared_module(line) {
            found.push(
                path.take()
                    .map_or_else(|| Lead::Module(name.to_owned()), Lead::File),
            );
        }
        if let Some((before, rest)) = line.split_once("include!(")
            && !before.contains("//")
            && let Some(file) = rest.split('"').nth(1)
        {
            found.push(Lead::File(file.to_owned()));
        }
    }
    found
}

/// `name` of `[pub[(…)]] mod name;`, whatever follows on the line.
fn declared_module(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("mod ")?;
    let before = before.trim();
    let is_declaration = before.is_empty()
        || before == "pub"
        || (before.starts_with("pub(") && before.ends_with(')'));
    let (name, _) = rest.split_once(';')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_declaration && is_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: (&str, &str) = (
        "Cargo.toml",
        "[workspace]\nmembers = [\"sim\", \"sim/motion\"]",
    );
    const SIM: (&str, &str) = ("sim/Cargo.toml", "[package]\nname = \"bluemarble-sim\"");
    const MOTION: (&str, &str) = (
        "sim/motion/Cargo.toml",
        "[package]\nname = \"bluemarble-motion\"",
    );

    fn dead(tree: &Tree) -> Vec<String> {
        dead_files(tree)
            .into_iter()
            .map(|finding| finding.path)
            .collect()
    }

    #[test]
    fn files_that_a_mod_leads_to_live_and_the_others_are_found() {
        let tree = Tree::from([
            WORKSPACE,
            SIM,
            MOTION,
            (
                "sim/src/lib.rs",
                "//! x\npub mod combat;\npub(crate) mod walk; // on foot\nmod tests {}\n",
            ),
            ("sim/src/combat.rs", "mod damage;\n// mod gone;\n"),
            ("sim/src/combat/damage.rs", ""),
            ("sim/src/combat/gone.rs", ""),
            ("sim/src/walk/mod.rs", "mod gait;"),
            ("sim/src/walk/gait.rs", ""),
            ("sim/src/orphan.rs", ""),
            ("sim/motion/src/lib.rs", "mod step;"),
            ("sim/motion/src/step.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["sim/src/combat/gone.rs", "sim/src/orphan.rs"]);
    }

    #[test]
    fn tests_benches_and_binaries_are_roots_their_shared_modules_are_not() {
        let tree = Tree::from([
            WORKSPACE,
            SIM,
            MOTION,
            ("sim/src/bin/tool.rs", ""),
            ("sim/tests/digest.rs", "mod harness;"),
            ("sim/tests/harness/mod.rs", ""),
            ("sim/tests/forgotten/mod.rs", ""),
            ("sim/benches/step.rs", ""),
            ("loose.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["loose.rs", "sim/tests/forgotten/mod.rs"]);
    }

    #[test]
    fn a_workspace_below_has_targets_of_its_own() {
        let tree = Tree::from([
            WORKSPACE,
            SIM,
            MOTION,
            (
                "bench/peers/Cargo.toml",
                "[workspace]\nmembers = [\"other\"]",
            ),
            ("bench/peers/other/src/main.rs", "mod there;"),
            ("bench/peers/other/src/there.rs", ""),
            ("bench/peers/stray.rs", ""),
        ]);
        assert_eq!(dead(&tree), ["bench/peers/stray.rs"]);
    }

    #[test]
    fn path_attributes_and_includes_are_followed() {
        let tree = Tree::from([
            WORKSPACE,
            SIM,
            MOTION,
            (
                "sim/src/lib.rs",
                "#[path = \"odd/name.rs\"]\nmod name;\ninclude!(\"tables.rs\");\n",
            ),
            ("sim/src/odd/name.rs", ""),
            ("sim/src/tables.rs", ""),
        ]);
        assert_eq!(dead(&tree), [""; 0]);
    }
}
