//! All files of the project, in memory.
//!
//! Read from disk without what git ignores by the root's rules (build output, a server's data);
//! in tests, written down in the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What below the root holds nothing of the project. (In a second work tree `.git` is a file.)
const IGNORED: &[&str] = &[
    ".git",
    "target",
    "bluemarble-data",
    "shared-protocol/ts/node_modules",
    "shared-protocol/ts/dist",
];

/// Path below the root, with `/` → content; `None` where it is not UTF-8.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the directory.
    ///
    /// # Errors
    /// If something in it cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_dir(root, "")?;
        Ok(tree)
    }

    fn read_dir(&mut self, dir: &Path, prefix: &str) -> Result<()> {
        let entries =
            fs::read_dir(dir).with_context(|| format!("{} cannot be listed", dir.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if IGNORED.contains(&path.as_str()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.read_dir(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let bytes = match fs::read(entry.path()) {
                    Ok(bytes) => bytes,
                    // Editors and compilers come and go while we read.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error).with_context(|| path.clone()),
                };
                self.files.insert(path, String::from_utf8(bytes).ok());
            }
        }
        Ok(())
    }

    /// Every path, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every text file whose path ends so, with its content.
    pub fn texts(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The content of a text file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is such a file.
    pub fn has_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether there is a file below that directory; the root (empty path) always counts.
    pub fn has_dir(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        path.is_empty()
            || self
                .files
                .range(prefix.clone()..)
                .next()
                .is_some_and(|(first, _)| first.starts_with(&prefix))
    }
}

/// Resolves `relative` against the directory `dir`, both below the root; `None` if it leaves it.
pub fn resolve(dir: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The directory of a path; empty for the root.
pub fn dir_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), Some(text.to_owned())));
        Self {
            files: files.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_may_climb_but_not_leave() {
        assert_eq!(resolve("docs", "../sim/src"), Some("sim/src".into()));
        assert_eq!(resolve("", "./README.md"), Some("README.md".into()));
        assert_eq!(resolve("docs", "../../etc"), None);
    }

    #[test]
    fn a_directory_exists_through_its_files() {
        let tree = Tree::from([("sim/src/lib.rs", "")]);
        assert!(tree.has_dir("sim") && tree.has_dir("sim/src"));
        assert!(!tree.has_dir("si") && !tree.has_dir("sim/src/lib.rs"));
    }
}
