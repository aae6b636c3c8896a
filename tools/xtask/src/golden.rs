//! The golden digests of the border scenarios: checked, or written anew on purpose.
//!
//! A release build runs them for 10,000 ticks, a test build (`--quick`) for the first 1,000, which
//! `cargo test` looks at as well. `--cpu` builds for another instruction set: the digests are the same,
//! or the compiler has done something that IEEE arithmetic does not allow.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::cargo::{self, cargo};

/// Where the digests are, from the workspace's root.
const FILE: &str = "sim/tests/golden/digests.txt";
/// Ticks of a full and of a quick run.
const TICKS: [&str; 2] = ["10000", "1000"];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Golden {
    bless: bool,
    quick: bool,
    cpu: Option<String>,
}

impl Golden {
    /// Reads the command's arguments.
    ///
    /// # Errors
    /// Names the one that is wrong.
    pub fn parse(args: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bless" => wanted.bless = true,
                "--quick" => wanted.quick = true,
                "--cpu" => match args.next() {
                    Some(cpu) if is_cpu(cpu) => wanted.cpu = Some(cpu.clone()),
                    _ => bail!("`golden --cpu` takes a name such as x86-64-v3 or native"),
                },
                _ => bail!("`golden` does not take {arg:?}; see `cargo xtask help`"),
            }
        }
        Ok(wanted)
    }

    /// Runs every border scenario in one zone, and compares or writes the digests.
    ///
    /// # Errors
    /// If a digest is not the golden one, or the program cannot be built.
    pub fn run(&self) -> Result<()> {
        let root = cargo::workspace_root()?;
        cargo::run(&mut self.command(&root))
    }

    fn command(&self, root: &Path) -> Command {
        let mut command = cargo(root);
        command.args([
            "run",
            "--quiet",
            "-p",
            "bluemarble-cli",
            "--bin",
            "bluemarble",
        ]);
        if !self.quick {
            command.arg("--release");
        }
        if let Some(cpu) = &self.cpu {
            // Beside the usual build, or each would have the other built again.
            command.args(["--target-dir", &format!("target/{cpu}")]);
            command.env("RUSTFLAGS", format!("-C target-cpu={cpu}"));
        }
        let ticks = TICKS[usize::from(self.quick)];
        command.args(["--", "invariance", "--alone", "--ticks", ticks]);
        command.args(["--goldens", FILE]);
        if self.bless {
            command.arg("--bless");
        }
        command
    }
}

fn is_cpu(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Golden> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Golden::parse(&words)
    }

    #[test]
    fn a_full_check_is_a_release_build_and_a_quick_one_is_not() {
        let words = |line: &str| -> Vec<String> {
            let command = parse(line).unwrap().command(Path::new("/"));
            let args = command.get_args();
            args.map(|arg| arg.to_string_lossy().into_owned()).collect()
        };
        let full = words("");
        assert!(full.contains(&"--release".into()) && full.contains(&"10000".into()));
        assert!(!full.contains(&"--bless".into()));
        let quick = words("--quick --bless");
        assert!(!quick.contains(&"--release".into()) && quick.contains(&"1000".into()));
        assert!(quick.contains(&"--bless".into()));
        assert!(words("--cpu x86-64-v3").contains(&"target/x86-64-v3".into()));
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for bad in ["--slow", "--cpu", "--cpu ../x", "--cpu -v"] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains("golden"), "{error}");
        }
    }
}
