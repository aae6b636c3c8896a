//! Debian's packages, for a machine that lacks what a step needs.
//!
//! Installing needs root: as root it is done, on a CI machine (`CI=true`) through password-less sudo
//! as well, anywhere else the person is told the one command to run.

use std::env;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cargo;

/// The permission to install, and how.
pub struct Rights {
    /// The words to put before a command so that it runs as root.
    prefix: &'static [&'static str],
}

impl Rights {
    /// Runs a shell script as root.
    ///
    /// # Errors
    /// If it fails.
    pub fn run(&self, script: &str) -> Result<()> {
        let words = [self.prefix, &["sh", "-c", script]].concat();
        cargo::run(
            Command::new(words[0])
                .args(&words[1..])
                .stdin(Stdio::null()),
        )
    }
}

/// Whether this is a Debian (or Ubuntu) on which this program may install.
pub fn rights_to_install() -> Option<Rights> {
    if !succeeds(&["apt-get", "--version"]) {
        return None;
    }
    if cargo::output_of(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0") {
        return Some(Rights { prefix: &[] });
    }
    let on_ci = env::var("CI").is_ok_and(|value| value == "true");
    (on_ci && succeeds(&["sudo", "-n", "true"])).then_some(Rights {
        prefix: &["sudo", "-n"],
    })
}

/// Whether a command can be started and ends well; it says nothing.
pub fn succeeds(words: &[&str]) -> bool {
    Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
