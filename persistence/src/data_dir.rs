//! One server per data directory, by an exclusive lock the kernel drops with the process.

use std::path::{Path, PathBuf};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Somebody else holds it.
    #[error("another server uses the data directory {}: stop it, or give this one its own with --data-dir", .0.display())]
    InUse(PathBuf),
    /// It cannot be made or opened.
    #[error("cannot use the data directory {}: {source}", .dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The right to use a data directory, until dropped.
#[derive(Debug)]
pub struct DataDirLock {
    _file: std::fs::File,
}

impl DataDirLock {
    /// Makes `dir` if missing and locks it.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn take(dir: &Path) -> Result<Self, DataDirError> {
        let _ = dir;
        unimplemented!()
    }
}
