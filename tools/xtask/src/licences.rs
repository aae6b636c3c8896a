//! `cargo xtask deny`: may we depend on what we depend on?
//!
//! `deny.toml` holds the rules in cargo-deny's own format. If cargo-deny is installed it applies
//! them; if not, this does, with what Cargo knows offline: the licence expression of every crate
//! that is built for this machine, and the names and sources in `Cargo.lock`. Known
//! vulnerabilities are in neither; the step says so instead of passing silently.

mod spdx;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use toml::Table;

use crate::cargo::{self, cargo};

/// Runs the check on the workspace in `root`.
///
/// # Errors
/// Names every crate that breaks a rule.
pub fn run(root: &Path) -> Result<()> {
    let rules = Rules::parse(&read(root, "deny.toml")?)?;
    if cargo_deny_is_installed(root) {
        cargo::run(cargo(root).args([
            "deny",
            "--offline",
            "check",
            "licenses",
            "bans",
            "sources",
        ]))?;
    } else {
        println!("cargo-deny is not installed: applying deny.toml with Cargo's own knowledge");
        check_offline(root, &rules)?;
    }
    println!(
        "NOT checked: known vulnerabilities. They need the RustSec database from the network:\n  \
         cargo install --locked cargo-deny && cargo deny check advisories"
    );
    for ignored in &rules.ignored_advisories {
        println!("accepted advisory: {ignored}");
    }
    Ok(())
}

/// The target triple of this machine.
///
/// # Errors
/// If rustc cannot be asked.
pub fn host_target(root: &Path) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = cargo::output_of(Command::new(rustc).current_dir(root).arg("-vV"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` did not name its host")
}

fn cargo_deny_is_installed(root: &Path) -> bool {
    cargo(root)
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn read(root: &Path, name: &str) -> Result<String> {
    fs::read_to_string(root.join(name)).with_context(|| format!("{name} cannot be read"))
}

fn check_offline(root: &Path, rules: &Rules) -> Result<()> {
    let tree = cargo::output_of(
        cargo(root)
            .args([
                "tree",
                "--locked",
                "--offline",
                "--workspace",
                "--all-features",
            ])
            .args([
                "--edges",
                "normal,build,dev",
                "--prefix",
                "none",
                "--format",
                "{p}|{l}|",
            ]),
    )
    .context("the dependencies' sources are not all here; `cargo fetch --locked` gets them")?;
    let crates = parse_tree(&tree);
    let mut wrong = rules.check_licences(&crates);
    wrong.extend(rules.check_lock(&read(root, "Cargo.lock")?)?);
    if !wrong.is_empty() {
        bail!(
            "{} against deny.toml:\n  {}",
            wrong.len(),
            wrong.join("\n  ")
        );
    }
    println!(
        "licences: {} crates, all within {}",
        crates.len(),
        join(&rules.allowed)
    );
    println!(
        "bans, sources: none of {}, only {}",
        join(&rules.banned),
        join(&rules.registries)
    );
    let twice = duplicates(&crates);
    println!(
        "in several versions (allowed, costs build time): {}",
        twice.len()
    );
    for (name, versions) in twice {
        println!("  {name} {}", join(&versions));
    }
    Ok(())
}

fn join<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words
        .into_iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A crate as Cargo resolved it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Resolved {
    name: String,
    version: String,
    licence: String,
}

/// Lines of `name vVERSION [(where)]|LICENCE|[ (*)]`.
fn parse_tree(text: &str) -> BTreeSet<Resolved> {
    text.lines()
        .filter_map(|line| {
            let (package, rest) = line.split_once('|')?;
            let (licence, _) = rest.split_once('|')?;
            let mut words = package.split(' ');
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.to_owned();
            Some(Resolved {
                name,
                version,
                licence: licence.to_owned(),
            })
        })
        .collect()
}

fn duplicates(crates: &BTreeSet<Resolved>) -> BTreeMap<&str, BTreeSet<String>> {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for resolved in crates {
        versions
            .entry(&resolved.name)
            .or_default()
            .insert(resolved.version.clone());
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// The part of `deny.toml` that can be applied offline.
struct Rules {
    allowed: Vec<String>,
    exceptions: Vec<(String, Vec<String>)>,
    banned: Vec<String>,
    registries: Vec<String>,
    ignored_advisories: Vec<String>,
}

impl Rules {
    fn parse(text: &str) -> Result<Self> {
        let file: Table = text.parse().context("deny.toml is not valid TOML")?;
        let list = |table: &str, key: &str| -> &[toml::Value] {
            file.get(table)
                .and_then(|table| table.get(key))
                .and_then(toml::Value::as_array)
                .map_or(&[], Vec::as_slice)
        };
        let names = |table, key| list(table, key).iter().filter_map(name_of).collect();
        let exceptions = list("licenses", "exceptions")
            .iter()
            .filter_map(|entry| {
                let allow = entry
                    .get("allow")?
                    .as_array()?
                    .iter()
                    .filter_map(name_of)
                    .collect();
                Some((name_of(entry)?, allow))
            })
            .collect();
        let ignored_advisories = list("advisories", "ignore")
            .iter()
            .filter_map(|entry| {
                let reason = entry.get("reason").and_then(toml::Value::as_str);
                Some(format!(
                    "{} ({})",
                    name_of(entry)?,
                    reason.unwrap_or("no reason given")
                ))
            })
            .collect();
        let rules = Self {
            allowed: names("licenses", "allow"),
            exceptions,
            banned: names("bans", "deny"),
            registries: names("sources", "allow-registry"),
            ignored_advisories,
        };
        if rules.allowed.is_empty() {
            bail!("deny.toml allows no licence at all: [licenses] allow is missing");
        }
        Ok(rules)
    }

    fn check_licences(&self, crates: &BTreeSet<Resolved>) -> Vec<String> {
        crates
            .iter()
            .filter_map(
                |Resolved {
                     name,
                     version,
                     licence,
                 }| {
                    let allowed = |id: &str| {
                        let holds = |list: &[String]| list.iter().any(|allowed| allowed == id);
                        holds(&self.allowed)
                            || self
                                .exceptions
                                .iter()
                                .any(|(of, list)| of == name && holds(list))
                    };
                    match spdx::satisfied(licence, &allowed) {
                        Ok(true) => None,
                        Ok(false) => Some(format!("{name} {version}: licence {licence:?}")),
                        Err(error) => {
                            Some(format!("{name} {version}: licence {licence:?}: {error}"))
                        }
                    }
                },
            )
            .collect()
    }

    fn check_lock(&self, text: &str) -> Result<Vec<String>> {
        let lock: Table = text.parse().context("Cargo.lock is not valid TOML")?;
        let packages = lock
            .get("package")
            .and_then(toml::Value::as_array)
            .context("Cargo.lock lists no package")?;
        let mut wrong = Vec::new();
        for package in packages {
            let name = package
                .get("name")
                .and_then(toml::Value::as_str)
                .unwrap_or_default();
            if self.banned.iter().any(|banned| banned == name) {
                wrong.push(format!("{name}: banned"));
            }
            let Some(source) = package.get("source").and_then(toml::Value::as_str) else {
                continue; // one of ours
            };
            let known = source
                .strip_prefix("registry+")
                .is_some_and(|url| self.registries.iter().any(|allowed| allowed == url));
            if !known {
                wrong.push(format!("{name}: comes from {source}"));
            }
        }
        Ok(wrong)
    }
}

/// cargo-deny writes an entry as `"name"` or as `{ crate | name | id = "name", … }`.
fn name_of(entry: &toml::Value) -> Option<String> {
    let named = ["crate", "name", "id"]
        .iter()
        .find_map(|key| entry.get(key)?.as_str());
    entry.as_str().or(named).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [advisories]
        ignore = [{ id = "RUSTSEC-0000-0001", reason = "told why" }]
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "odd", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "evil", reason = "is evil" }]
        [sources]
        allow-registry = ["https://index"]
    "#;

    fn rules() -> Rules {
        Rules::parse(RULES).expect("valid rules")
    }

    #[test]
    fn the_tree_is_read_with_its_paths_and_repeats() {
        let crates =
            parse_tree("a v1.0.0|MIT|\nb v0.1.0 (/x/b)|MIT OR Apache-2.0|\na v1.0.0|MIT| (*)\n");
        let seen: Vec<_> = crates
            .iter()
            .map(|c| (c.name.as_str(), c.version.as_str(), c.licence.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("a", "1.0.0", "MIT"), ("b", "0.1.0", "MIT OR Apache-2.0")]
        );
    }

    #[test]
    fn an_unknown_or_missing_licence_is_named_with_its_crate() {
        let crates = parse_tree("good v1.0.0|MIT|\nbad v2.0.0|GPL-3.0|\nnone v3.0.0||\n");
        let wrong = rules().check_licences(&crates);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(
            wrong[0].contains("bad 2.0.0") && wrong[1].contains("none 3.0.0"),
            "{wrong:?}"
        );
    }

    #[test]
    fn an_exception_holds_for_its_crate_alone() {
        let crates = parse_tree("odd v1.0.0|MPL-2.0|\nother v1.0.0|MPL-2.0|\n");
        let wrong = rules().check_licences(&crates);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("other"), "{wrong:?}");
    }

    #[test]
    fn banned_names_and_foreign_sources_are_refused() {
        let lock = r#"
            [[package]]
            name = "ours"
            [[package]]
            name = "fine"
            source = "registry+https://index"
            [[package]]
            name = "evil"
            source = "registry+https://index"
            [[package]]
            name = "stray"
            source = "git+https://example.org/stray#1234"
        "#;
        let wrong = rules().check_lock(lock).expect("valid lock file");
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(
            wrong[0].starts_with("evil") && wrong[1].starts_with("stray"),
            "{wrong:?}"
        );
    }

    #[test]
    fn several_versions_of_one_crate_are_reported() {
        let crates = parse_tree("a v1.0.0|MIT|\na v2.0.0|MIT|\nb v1.0.0|MIT|\n");
        let twice = duplicates(&crates);
        assert_eq!(twice.keys().copied().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn an_accepted_advisory_is_shown_with_its_reason() {
        assert_eq!(rules().ignored_advisories, ["RUSTSEC-0000-0001 (told why)"]);
    }
}
