//! What a crate must not reach, not even through others: read from `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Finding;
use super::members::parse;
use super::tree::Tree;

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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            found
                .iter()
                .map(|finding| finding.what.as_str())
                .collect::<Vec<_>>(),
            ["bluemarble-spatial reaches tokio-util"]
        );
    }
}
