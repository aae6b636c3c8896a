//! The TypeScript client: compiled, tested alone, and tested in a browser against the real server.
//!
//! Node, npm and a Chromium are what this needs beyond Rust; Debian's packages of those that are missing
//! are installed where that is allowed. npm's packages are two, pinned by the lockfile, and only for
//! building and testing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::{self, cargo};
use crate::debian;

const FOLDER: &str = "shared-protocol/ts";
/// The oldest Node that everything runs on: Debian 12's.
const NODE_MAJOR_MIN: u32 = 18;
/// What a browser that speaks Chromium's protocol is called, here and there.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
/// A browser for the tests elsewhere than in `PATH`.
const BROWSER_VARIABLE: &str = "BLUEMARBLE_BROWSER";
/// Where the tests find the server's program.
const SERVER_VARIABLE: &str = "BLUEMARBLE_SERVER";
const SERVER: &str = "bluemarble-server";

/// Builds and tests everything; `build` makes cargo build the server's program.
///
/// # Errors
/// If something that is needed cannot be had, or a test fails.
pub fn run(root: &Path, build: &[&str]) -> Result<()> {
    let browser = find_or_install()?;
    let server = build_server(root, build)?;
    let folder = root.join(FOLDER);
    cargo::run(npm(&folder).args(["ci", "--no-audit", "--no-fund"]))
        .context("npm's packages cannot be had: is the network, or npm's cache, there?")?;
    cargo::run(npm(&folder).args(["run", "build"]))?;
    cargo::run(npm(&folder).args(["test"]))?;
    cargo::run(
        npm(&folder)
            .args(["run", "test:browser"])
            .env(BROWSER_VARIABLE, browser)
            .env(SERVER_VARIABLE, server),
    )
}

fn npm(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn build_server(root: &Path, build: &[&str]) -> Result<PathBuf> {
    cargo::run(cargo(root).args(build))?;
    let said = cargo::output_of(
        cargo(root)
            .args(build)
            .args(["--quiet", "--message-format=json"]),
    )?;
    program_of(&said).context("cargo did not say where the server's program is")
}

/// The server among cargo's messages; its tests are programs with longer names.
fn program_of(messages: &str) -> Option<PathBuf> {
    messages
        .split("\"executable\":\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(path, _)| PathBuf::from(path))
        .find(|path| path.file_name().is_some_and(|name| name == SERVER))
}

/// What is missing, as Debian's packages.
fn missing() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if node_major().is_none() {
        packages.push("nodejs");
    }
    if !debian::succeeds(&["npm", "--version"]) {
        packages.push("npm");
    }
    if browser().is_none() {
        packages.push("chromium");
    }
    packages
}

/// The browser's path, once everything is there.
fn find_or_install() -> Result<PathBuf> {
    let packages = missing();
    if !packages.is_empty() {
        let words = packages.join(" ");
        let Some(rights) = debian::rights_to_install() else {
            bail!(
                "the TypeScript client's tests need what is not in PATH here: {words}.\n\
                 On Debian or Ubuntu:  sudo apt-get install --no-install-recommends {words}\n\
                 Elsewhere: install Node {NODE_MAJOR_MIN} or newer with npm, and Chromium or Chrome; \
                 {BROWSER_VARIABLE} may name the browser's program."
            );
        };
        println!("missing: {words}. Installing Debian's packages");
        let script = format!(
            "set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\n\
             apt-get install -y --no-install-recommends {words}"
        );
        rights.run(&script).with_context(|| {
            format!("{words} could not be installed: is the network there? Otherwise install them by hand")
        })?;
    }
    match node_major() {
        None => bail!("nodejs was installed, but `node` does not start"),
        Some(major) if major < NODE_MAJOR_MIN => {
            bail!("Node {major} is too old: {NODE_MAJOR_MIN} or newer has to be `node` in PATH")
        }
        Some(_) => {}
    }
    browser().context("no browser starts: name a Chromium in BLUEMARBLE_BROWSER")
}

fn node_major() -> Option<u32> {
    let said = cargo::output_of(Command::new("node").arg("--version")).ok()?;
    major_of(&said)
}

/// The 20 of "v20.11.1".
fn major_of(version: &str) -> Option<u32> {
    let (major, _) = version.trim().strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(BROWSER_VARIABLE) {
        return Some(named.into()).filter(|path: &PathBuf| path.is_file());
    }
    let folders = std::env::var_os("PATH")?;
    let in_path = |name: &str| {
        std::env::split_paths(&folders)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    };
    BROWSERS.into_iter().find_map(in_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_program_is_told_from_its_tests() {
        let messages = "{\"executable\":\"/t/debug/deps/bluemarble_server-1a\"}\n\
                        {\"executable\":null}\n{\"executable\":\"/t/debug/bluemarble-server\"}\n";
        let found = program_of(messages).expect("it is there");
        assert_eq!(found, Path::new("/t/debug/bluemarble-server"));
        assert_eq!(program_of("{\"executable\":null}"), None);
    }

    #[test]
    fn nodes_version_is_read_from_what_it_says() {
        assert_eq!(major_of("v20.11.1\n"), Some(20));
        assert_eq!(major_of("20.11.1"), None);
    }
}
