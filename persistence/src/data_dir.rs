//! One server per data directory, by an exclusive lock the kernel drops with the process.
//!
//! Two servers on one directory would interleave two worlds in one journal. The file's content
//! (the holder's process id) is for people; only the kernel's lock counts, so a file left by a
//! killed server stops nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The locked file, inside the directory.
const LOCK_FILE: &str = "lock";

/// The right to use a data directory, until dropped or until the process ends in any way.
///
/// Servers take it for themselves; who only reads a stopped server's directory shares it.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Somebody else holds it.
    #[error(
        "another server uses the data directory {}{}, or a replay reads it: stop it first, or use another directory",
        .dir.display(),
        .holder.as_deref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The process id the holder wrote, if it could be read.
        holder: Option<String>,
    },
    /// It cannot be made or opened.
    #[error("cannot use the data directory {}: {source}", .dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DataDirLock {
    /// Makes `dir` (and its parents) if missing and locks it.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn take(dir: &Path) -> Result<Self, DataDirError> {
        let failed = |source| DataDirError::Io {
            dir: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse {
                    dir: dir.to_owned(),
                    holder: holder(&path),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Shares the lock of a directory that no server uses, changing nothing in it; `None` if there is
    /// no lock: no server ever used the directory, or it is a copy without one.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn share(dir: &Path) -> Result<Option<Self>, DataDirError> {
        let path = dir.join(LOCK_FILE);
        let failed = |source| DataDirError::Io {
            dir: dir.to_owned(),
            source,
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                dir: dir.to_owned(),
                holder: holder(&path),
            }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The process id in a lock file, for the message.
fn holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let pid: u32 = text.trim().parse().ok()?;
    Some(pid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_one_directory_is_refused_until_the_first_has_gone() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("missing/parents");
        let first = DataDirLock::take(&dir).unwrap();
        let refused = DataDirLock::take(&dir).unwrap_err();
        assert!(matches!(refused, DataDirError::InUse { .. }));
        let text = refused.to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())),
            "{text}"
        );
        drop(first);
        DataDirLock::take(&dir).unwrap();
    }

    #[test]
    fn readers_share_a_directory_that_no_server_uses() {
        let base = tempfile::tempdir().unwrap();
        assert!(DataDirLock::share(base.path()).unwrap().is_none());
        let server = DataDirLock::take(base.path()).unwrap();
        assert!(matches!(
            DataDirLock::share(base.path()),
            Err(DataDirError::InUse { .. })
        ));
        drop(server);
        let readers = [0, 1].map(|_| DataDirLock::share(base.path()).unwrap().unwrap());
        assert!(DataDirLock::take(base.path()).is_err());
        drop(readers);
        DataDirLock::take(base.path()).unwrap();
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_a_clear_error() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        std::fs::write(&path, b"x").unwrap();
        let text = DataDirLock::take(&path).unwrap_err().to_string();
        assert!(text.contains("cannot use the data directory"), "{text}");
    }
}
