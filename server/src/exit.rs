//! How the program ends when it cannot go on: one type that holds what went wrong, what to do
//! about it, and the exit status scripts can rely on.
//!
//! | status | meaning |
//! |---|---|
//! | 0 | stopped as asked |
//! | 1 | the surroundings failed: a port, the database, the disk, the journal |
//! | 2 | asked for something impossible: flags, config, an unknown scenario |
//! | 3 | the world failed: a panic inside a tick |
//! | 130 | second Ctrl-C: stopped at once, without the final checkpoint |

use std::fmt;
use std::process::ExitCode;

/// Which exit status to end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The surroundings: exit status 1.
    Environment,
    /// The request: exit status 2.
    Request,
    /// The world itself: exit status 3.
    World,
}

impl Fault {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Environment => 1,
            Self::Request => 2,
            Self::World => 3,
        }
    }
}

/// Exit status after a second Ctrl-C, as shells report it.
pub const INTERRUPTED_STATUS: i32 = 130;

/// Why the program ends, and what its operator can do.
#[derive(Debug)]
pub struct Failure {
    fault: Fault,
    what: String,
    advice: Option<String>,
}

impl Failure {
    /// Something asked for that cannot be done.
    pub fn request(what: impl Into<String>) -> Self {
        Self {
            fault: Fault::Request,
            what: what.into(),
            advice: None,
        }
    }

    /// Something around the program that failed.
    pub fn environment(what: impl Into<String>) -> Self {
        Self {
            fault: Fault::Environment,
            what: what.into(),
            advice: None,
        }
    }

    /// The world failed.
    pub fn world(what: impl Into<String>) -> Self {
        Self {
            fault: Fault::World,
            what: what.into(),
            advice: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Prints it to stderr and gives the process's exit code.
    pub fn report(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(self.fault.status())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(advice) = &self.advice {
            write!(f, "\n  what to do: {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// An error and its causes on one line, each cause once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_and_what_to_do() {
        let failure = Failure::environment("port 1 is taken").advise("choose another");
        assert_eq!(
            failure.to_string(),
            "error: port 1 is taken\n  what to do: choose another"
        );
        assert_eq!(failure.fault.status(), 1);
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        let io = std::io::Error::other("disk on fire");
        let outer = Outer(io);
        assert_eq!(chain(&outer), "cannot save: disk on fire");
    }

    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot save")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
}
