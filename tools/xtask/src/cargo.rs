//! Starting cargo in the workspace's root, as if a person had typed it there.
//!
//! `cargo run` tells its child about the package it runs (`CARGO_PKG_NAME` and others). A nested
//! cargo must not inherit that: build scripts that watch these variables would run again at every
//! change between `cargo xtask test` and `cargo test`.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The workspace's root directory.
///
/// # Errors
/// If neither the running package nor the current directory lies in a workspace.
pub fn workspace_root() -> Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => env::current_dir().context("the current directory cannot be read")?,
    };
    start
        .ancestors()
        .find(|dir| is_workspace(dir))
        .map(Path::to_path_buf)
        .with_context(|| format!("{} is not inside the workspace", start.display()))
}

fn is_workspace(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join("Cargo.toml"))
        .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
}

/// A cargo command in `root`, without the variables of the cargo that runs this program.
pub fn cargo(root: &Path) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        if is_about_the_running_package(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn is_about_the_running_package(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
        || name == "CARGO_PRIMARY_PACKAGE"
}

/// Runs the command to its end with its output shown.
///
/// # Errors
/// If it cannot be started or ends with a failure; the error holds the command line.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    println!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs the command to its end and returns what it printed.
///
/// # Errors
/// If it cannot be started or ends with a failure; the error holds what it said.
pub fn output_of(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command
        .output()
        .with_context(|| format!("`{line}` could not be started"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed invalid UTF-8"))
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_the_running_package_is_withheld() {
        for withheld in [
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_PRIMARY_PACKAGE",
        ] {
            assert!(
                is_about_the_running_package(OsStr::new(withheld)),
                "{withheld}"
            );
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_INCREMENTAL",
            "CARGO_TERM_COLOR",
            "PATH",
        ] {
            assert!(!is_about_the_running_package(OsStr::new(kept)), "{kept}");
        }
    }

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no luck >&2; exit 3"]);
        let error = output_of(&mut command)
            .expect_err("it exits with 3")
            .to_string();
        assert!(
            error.contains("sh -c") && error.contains("no luck"),
            "{error}"
        );
    }

    #[test]
    fn the_root_is_the_directory_with_the_workspace_table() {
        let root = workspace_root().expect("tests run inside the workspace");
        assert!(root.join("tools/xtask/Cargo.toml").is_file());
    }
}
