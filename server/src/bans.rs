//! The list of banned characters on disk, `bans.json` in the data directory: a few lines that an operator
//! can read. Written whole and renamed into place before it is in force, so that a ban that was
//! answered is one after a crash, too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bluemarble_net::bans::{Ban, BanList};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::limits::BANS_MAX;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BanRecord {
    /// Who.
    pub character: String,
    /// Why; the player is told.
    pub reason: String,
    /// Since when, Unix seconds.
    pub since_s: u64,
    /// From when on it is over, Unix seconds; absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<u64>,
}

/// The list, and its file.
pub struct BanBook {
    file: PathBuf,
    records: Mutex<BTreeMap<String, BanRecord>>,
    list: BanList,
}

/// Why a ban is not written.
#[derive(Debug, thiserror::Error)]
pub enum BanError {
    /// The list is full.
    #[error("there are {BANS_MAX} bans already: lift some")]
    Full,
    /// The disk.
    #[error("cannot write {file}: {error}")]
    Disk {
        /// The file.
        file: String,
        /// Why not.
        error: std::io::Error,
    },
}

impl BanBook {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or is no list: nobody is let in by mistake.
    pub fn open(file: PathBuf) -> Result<Self, Failure> {
        let refuse = |error: String| {
            Failure::environment(format!("cannot read {}: {error}", file.display()))
                .advise("mend it, or move it away to begin without bans")
        };
        let records: Vec<BanRecord> = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| refuse(e.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(refuse(error.to_string())),
        };
        let records: BTreeMap<String, BanRecord> = records
            .into_iter()
            .map(|record| (record.character.clone(), record))
            .collect();
        let list = BanList::default();
        list.set(in_short(&records));
        Ok(Self {
            file,
            records: Mutex::new(records),
            list,
        })
    }

    /// What the door looks at.
    pub fn list(&self) -> BanList {
        self.list.clone()
    }

    /// All of them, by name.
    pub fn records(&self) -> Vec<BanRecord> {
        self.records.lock().values().cloned().collect()
    }

    /// Writes a ban down; it replaces one of the same character. In force when this returns.
    ///
    /// # Errors
    /// [`BanError`]; nothing has changed.
    pub fn ban(&self, record: BanRecord) -> Result<(), BanError> {
        let mut records = self.records.lock();
        let mut changed = records.clone();
        changed.insert(record.character.clone(), record);
        if changed.len() > BANS_MAX {
            return Err(BanError::Full);
        }
        self.write(&changed)?;
        *records = changed;
        Ok(())
    }

    /// Lifts a ban; false if there was none.
    ///
    /// # Errors
    /// [`BanError::Disk`]; nothing has changed.
    pub fn lift(&self, character: &str) -> Result<bool, BanError> {
        let mut records = self.records.lock();
        let mut changed = records.clone();
        if changed.remove(character).is_none() {
            return Ok(false);
        }
        self.write(&changed)?;
        *records = changed;
        Ok(true)
    }

    fn write(&self, records: &BTreeMap<String, BanRecord>) -> Result<(), BanError> {
        let lines: Vec<&BanRecord> = records.values().collect();
        let text = serde_json::to_vec_pretty(&lines).expect("strings and integers serialise");
        let draft = self.file.with_extension("json.new");
        let written = std::fs::File::create(&draft).and_then(|mut file| {
            std::io::Write::write_all(&mut file, &text)?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.file)
        });
        written.map_err(|error| BanError::Disk {
            file: self.file.display().to_string(),
            error,
        })?;
        self.list.set(in_short(records));
        Ok(())
    }
}

fn in_short(records: &BTreeMap<String, BanRecord>) -> BTreeMap<String, Ban> {
    let ban = |record: &BanRecord| Ban {
        reason: record.reason.clone(),
        until_s: record.until_s,
    };
    let bans = records.iter();
    bans.map(|(name, record)| (name.clone(), ban(record)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_outlives_the_program_until_it_is_lifted() {
        let dir = tempfile::tempdir().unwrap();
        let open = || BanBook::open(dir.path().join("bans.json")).ok().unwrap();
        let book = open();
        book.ban(BanRecord {
            character: "Ada".into(),
            reason: "no".into(),
            since_s: 5,
            until_s: None,
        })
        .unwrap();
        assert_eq!(book.list().refusal("Ada", 9), Some("no".into()));
        let again = open();
        assert_eq!(again.records(), book.records());
        assert_eq!(again.list().refusal("Ada", 9), Some("no".into()));
        assert!(again.lift("Ada").unwrap() && !again.lift("Ada").unwrap());
        assert_eq!(open().list().refusal("Ada", 9), None);
        std::fs::write(dir.path().join("bans.json"), "[{").unwrap();
        assert!(BanBook::open(dir.path().join("bans.json")).is_err());
    }

    #[test]
    fn a_damaged_list_lets_nobody_in_by_mistake() {
        let record = |character: &str, until_s| BanRecord {
            character: character.into(),
            reason: "spoiled \"the\" fun".into(),
            since_s: 5,
            until_s,
        };
        let good = serde_json::to_vec(&[record("Ada", None), record("Bea", Some(7))]).unwrap();
        let (mut refused, mut read) = (0, 0);
        for seed in 0..6_000_u64 {
            let draw = bluemarble_shared_protocol::mix64(seed);
            let (at, byte) = (draw as usize % good.len(), (draw >> 32) as u8);
            let mut bytes = good.clone();
            match draw >> 40 & 3 {
                0 => bytes.truncate(at),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes[at] = byte,
            }
            match serde_json::from_slice::<Vec<BanRecord>>(&bytes) {
                Ok(records) => {
                    // A letter may be another one; nobody is forgotten.
                    assert_eq!(records.len(), 2, "{}", String::from_utf8_lossy(&bytes));
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 1_000 && read > 500, "{refused}, {read}");
    }
}
