//! What is remembered of a world on disk: `worlds/<name>/world.json`, written whole or not at all. The
//! folder with its file *is* the world's existence; nothing else lists the worlds.
//!
//! ```text
//! create: folder ─► world.json          drop: world.json ─► world.dropped ─► rows deleted ─► folder gone
//! ```
//!
//! A crash between two of these leaves a folder without either file (never existed, swept away) or
//! one with `world.dropped` (the drop is finished at the next start).

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::limits::INSTANCE_NAME_BYTES_MAX;

const FILE: &str = "world.json";
const DRAFT: &str = "world.json.new";
const DROPPED: &str = "world.dropped";

/// A world beside the main one, as its creator wanted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldRecord {
    /// Its name: in the admin HTTP, in tickets, and its folder.
    pub name: String,
    /// Drawn at its creation and never again: a world of the same name made later is another one.
    pub number: u64,
    /// What it is played from.
    pub scenario: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Zones; `None` = as the scenario says.
    pub zones: Option<usize>,
    /// Seconds without anybody after which it hibernates; `None` = never.
    pub hibernate_s: Option<u64>,
    /// It sleeps: its last checkpoint is whole and nobody is on the way in or out.
    pub asleep: bool,
}

impl WorldRecord {
    /// Its name in the store and in its journal.
    pub fn store_name(&self) -> String {
        // The main world's name has no tilde, so none of ours is ever its.
        format!("{}~{:016x}", self.name, self.number)
    }
}

/// Whether a text can name a world: in a path, a URL and the store.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=INSTANCE_NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// The folder of all of them.
#[derive(Clone, Debug)]
pub struct Records {
    root: PathBuf,
}

/// What a start finds.
#[derive(Debug, Default)]
pub struct Found {
    /// Worlds there are.
    pub worlds: Vec<WorldRecord>,
    /// Worlds that were being dropped.
    pub dropped: Vec<WorldRecord>,
}

impl Records {
    /// Names the folder without touching it.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// A world's own folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Everything there is, by name. What was never finished is swept away.
    ///
    /// # Errors
    /// The folder cannot be read, or a record is damaged.
    pub fn load(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let folder = entry?.path();
            if !folder.is_dir() {
                continue;
            }
            if let Some(record) = read(&folder.join(FILE))? {
                found.worlds.push(record);
            } else if let Some(record) = read(&folder.join(DROPPED))? {
                found.dropped.push(record);
            } else {
                tracing::warn!("{} was never finished: removed", folder.display());
                std::fs::remove_dir_all(&folder)?;
            }
        }
        found.worlds.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Writes a record, durably: the world exists from here on, as the record says.
    ///
    /// # Errors
    /// The disk.
    pub fn save(&self, record: &WorldRecord) -> io::Result<()> {
        let folder = self.folder(&record.name);
        std::fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec_pretty(record).expect("plain fields always serialise");
        let draft = folder.join(DRAFT);
        let mut file = File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&draft, folder.join(FILE))?;
        sync(&folder)?;
        sync(&self.root)
    }

    /// The world is no more from here on, whatever is left of it.
    ///
    /// # Errors
    /// The disk.
    pub fn mark_dropped(&self, name: &str) -> io::Result<()> {
        let folder = self.folder(name);
        std::fs::rename(folder.join(FILE), folder.join(DROPPED))?;
        sync(&folder)
    }

    /// Removes what is left of a dropped world.
    ///
    /// # Errors
    /// The disk.
    pub fn sweep(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_dir_all(self.folder(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn read(file: &Path) -> io::Result<Option<WorldRecord>> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        let text = format!("{} is damaged: {error}", file.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

/// A rename is durable once its folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> WorldRecord {
        WorldRecord {
            name: name.into(),
            number: 7,
            scenario: "tiny".into(),
            seed: 1,
            tick_hz: 20,
            zones: None,
            hibernate_s: Some(60),
            asleep: false,
        }
    }

    #[test]
    fn what_was_saved_is_found_and_what_was_begun_is_swept_away() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::at(dir.path().join("worlds"));
        assert!(records.load().unwrap().worlds.is_empty());
        records.save(&record("b")).unwrap();
        records.save(&record("a")).unwrap();
        let asleep = WorldRecord {
            asleep: true,
            ..record("a")
        };
        records.save(&asleep).unwrap();
        std::fs::create_dir_all(records.folder("half").join("journal")).unwrap();
        let found = records.load().unwrap();
        assert_eq!(found.worlds, [asleep, record("b")]);
        assert!(!records.folder("half").exists());
    }

    #[test]
    fn a_drop_that_was_cut_short_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::at(dir.path().join("worlds"));
        records.save(&record("a")).unwrap();
        records.mark_dropped("a").unwrap();
        let found = records.load().unwrap();
        assert!(found.worlds.is_empty());
        assert_eq!(found.dropped, [record("a")]);
        records.sweep("a").unwrap();
        records.sweep("a").unwrap();
        assert!(records.load().unwrap().dropped.is_empty());
    }

    #[test]
    fn names_are_safe_in_a_path() {
        assert!(is_name("match-17_b"));
        for bad in ["", "..", "a/b", "a~b", "ä", &"x".repeat(41)] {
            assert!(!is_name(bad), "{bad}");
        }
        let longest = record(&"x".repeat(INSTANCE_NAME_BYTES_MAX)).store_name();
        assert!(longest.len() <= bluemarble_persistence::limits::WORLD_NAME_BYTES_MAX);
    }
}
