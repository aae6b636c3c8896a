//! Our crates know each other along the arrows of `docs/ARCHITECTURE.md` only.
//!
//! Read from the manifests, so that a wrong arrow is found before anything compiles.

use std::collections::BTreeSet;

use super::Finding;
use super::allowances::{Allowed, TEST_ARROWS};
use super::members::{OURS, members, stale};
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
    (
        "bluemarble-instructions",
        May::Only(&["bluemarble-spatial"]),
    ),
    ("bluemarble-cli", May::Anything),
    ("bluemarble-soak", May::Anything),
    ("bluemarble-crash", May::Anything),
    ("bluemarble-fuzz", May::Anything),
    ("bluemarble-xtask", May::Anything),
];

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
}
