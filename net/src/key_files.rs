//! Reading and writing key material: private files are created readable by their owner alone, are
//! never overwritten, and every error names the file and what to do about it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Why key material could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read {what} from {}: {source}", path.display())]
    Read {
        /// What the file should hold.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {what} to {}: {source}", path.display())]
    Write {
        /// What the file should hold.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} does not hold {what}: {reason}", path.display())]
    Content {
        /// What the file should hold.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Only one half of a pair of files is there.
    #[error(
        "{} is missing although {} exists: restore it, or remove both to have them made anew",
        missing.display(),
        present.display()
    )]
    HalfPair {
        /// The file that is missing.
        missing: PathBuf,
        /// The one that is there.
        present: PathBuf,
    },
    /// The cryptography library refused to make a key.
    #[error("cannot make {what}: {reason}")]
    Generate {
        /// What was to be made.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

/// Who may read a file that is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone: mode 0600.
    Owner,
    /// Anybody: mode 0644.
    Everybody,
}

/// Reads a PEM file as text.
pub(crate) fn read_pem(path: &Path, what: &'static str) -> Result<String, KeyFileError> {
    std::fs::read_to_string(path).map_err(|source| KeyFileError::Read {
        what,
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that must not exist yet, creating its folder.
pub(crate) fn write_new(
    path: &Path,
    what: &'static str,
    contents: &str,
    readers: Readers,
) -> Result<(), KeyFileError> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(match readers {
                Readers::Owner => 0o600,
                Readers::Everybody => 0o644,
            });
        }
        let mut file = options.open(path)?;
        file.write_all(contents.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::Write {
        what,
        path: path.to_owned(),
        source,
    })
}

/// Whether both, or neither, of two files that belong together are there.
pub(crate) fn pair_exists(first: &Path, second: &Path) -> Result<bool, KeyFileError> {
    let half = |missing: &Path, present: &Path| KeyFileError::HalfPair {
        missing: missing.to_owned(),
        present: present.to_owned(),
    };
    match (first.exists(), second.exists()) {
        (true, false) => Err(half(second, first)),
        (false, true) => Err(half(first, second)),
        (both, _) => Ok(both),
    }
}
