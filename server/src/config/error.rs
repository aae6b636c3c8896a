//! What can be wrong with a configuration, told with the place it stands at.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
    },
    /// A command-line flag, with its dashes.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("built-in default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// Why there is no [`super::Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, an unknown field, or a value of the wrong type.
    #[error("{path}:{line}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What the parser says, with the line quoted.
        message: String,
    },
    /// A value outside what it may be.
    #[error("{origin}: {key} = {value}: {rule}")]
    Value {
        /// Where it was given.
        origin: Origin,
        /// `section.field`
        key: &'static str,
        /// As given.
        value: String,
        /// What it must be.
        rule: String,
    },
}

impl ConfigError {
    /// What an operator can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "check the path, or leave --config out to run on the built-in defaults"
            }
            Self::Syntax { .. } => {
                "`bluemarble-server config` prints every field with its unit and default"
            }
            Self::Value {
                origin: Origin::Flag(_),
                ..
            } => "`bluemarble-server serve --help` lists what each flag takes",
            Self::Value { .. } => {
                "correct the value; `bluemarble-server config` prints every field with its range"
            }
        }
    }
}
