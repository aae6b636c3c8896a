//! A disk in memory that misbehaves as real ones do: it runs full, writes short, fails to sync,
//! and at a crash keeps of the unsynced bytes, and of files made and removed, whatever it likes.
//!
//! As with a directory of the operating system's, the first sync of a file makes the directory
//! durable: all names that are there, and that those removed are not.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bluemarble_shared_protocol::mix64;
use parking_lot::Mutex;

use super::disk::Disk;

/// Handles to one disk.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultyDisk {
    state: Arc<Mutex<State>>,
    /// The file this handle made and appends to.
    open: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, FileState>,
    /// Removed, which a crash may forget.
    ghosts: BTreeMap<String, FileState>,
    faults: Faults,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    bytes: Vec<u8>,
    /// How many of them, from the start, a crash leaves alone.
    synced: usize,
    /// The name survives a crash.
    named: bool,
}

/// What goes wrong, from when it is set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// Room left, bytes; appends beyond it fail as on a full disk.
    pub(super) room: Option<usize>,
    /// Most bytes one append takes.
    pub(super) append_max: Option<usize>,
    /// Syncs that still succeed.
    pub(super) syncs_left: Option<usize>,
    /// A lie: syncs succeed and nothing is on the disk.
    pub(super) lying_syncs: bool,
    /// A lie: syncs bring bytes to the disk, and no names.
    pub(super) nameless_syncs: bool,
}

/// What a crash does to bytes that were not synced.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crash {
    #[cfg(test)]
    /// They stay up to this many, of all files together in name order; the rest are cut off.
    Keep(usize),
    /// Of every sector some stay and some are zero, chosen by the seed; so are unsynced names.
    Scramble(u64),
}

/// What the disk writes as a whole, bytes; small, so that records straddle it.
const SECTOR_BYTES: usize = 16;

impl FaultyDisk {
    pub(super) fn set_faults(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        self.state.lock().files[name].bytes.clone()
    }

    #[cfg(test)]
    pub(super) fn flip(&self, name: &str, at: usize, bit: u32) {
        let mut state = self.state.lock();
        let file = state
            .files
            .get_mut(name)
            .expect("the test names a file it wrote");
        file.bytes[at] ^= 1 << bit;
    }

    #[cfg(test)]
    /// Bytes that a crash could take.
    pub(super) fn unsynced(&self) -> usize {
        self.state
            .lock()
            .files
            .values()
            .map(|file| file.bytes.len() - file.synced)
            .sum()
    }

    #[cfg(test)]
    /// The disk as it is found after a crash; this one stays as it is.
    pub(super) fn crashed(&self, crash: Crash) -> Self {
        let files = self.state.lock().after(crash);
        let state = State {
            files,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            open: None,
        }
    }

    /// A power cut: what is found afterwards is on the disk.
    #[cfg(feature = "faults")]
    pub(super) fn cut_power(&self, seed: u64) {
        let mut state = self.state.lock();
        state.files = state.after(Crash::Scramble(seed));
        state.ghosts.clear();
        for file in state.files.values_mut() {
            file.synced = file.bytes.len();
            file.named = true;
        }
    }

    /// A file that somebody else has made, durably.
    #[cfg(feature = "faults")]
    pub(super) fn adopt(&self, name: &str, bytes: Vec<u8>) {
        let file = FileState {
            synced: bytes.len(),
            named: true,
            bytes,
        };
        self.state.lock().files.insert(name.to_owned(), file);
    }

    /// Nothing is on it any more.
    #[cfg(feature = "faults")]
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.files.clear();
        state.ghosts.clear();
    }

    /// The same disk, for somebody who has nothing open.
    #[cfg(feature = "faults")]
    pub(super) fn another_handle(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            open: None,
        }
    }
}

impl State {
    fn after(&self, crash: Crash) -> BTreeMap<String, FileState> {
        let mut files = self.files.clone();
        match crash {
            #[cfg(test)]
            Crash::Keep(mut left) => {
                for file in files.values_mut() {
                    let kept = left.min(file.bytes.len() - file.synced);
                    left -= kept;
                    file.bytes.truncate(file.synced + kept);
                }
            }
            Crash::Scramble(seed) => {
                let mut dice = seed;
                let mut roll = || {
                    dice = mix64(dice);
                    dice as usize >> 8
                };
                files.retain(|_, file| file.named || roll() % 2 == 0);
                for (name, file) in &self.ghosts {
                    if file.named && roll() % 2 == 0 {
                        files.insert(name.clone(), file.clone());
                    }
                }
                for file in files.values_mut() {
                    let synced = file.synced;
                    for sector in file.bytes[synced..].chunks_mut(SECTOR_BYTES) {
                        if roll() % 2 == 0 {
                            sector.fill(0);
                        }
                    }
                    if roll() % 2 == 0 {
                        file.bytes
                            .truncate(synced + roll() % (file.bytes.len() - synced + 1));
                    }
                }
            }
        }
        files
    }
}

impl Disk for FaultyDisk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.state.lock().files.keys().cloned().collect())
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        let state = self.state.lock();
        let file = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.bytes[..file.bytes.len().min(bytes_max)].to_vec())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        let State { files, faults, .. } = &mut *state;
        if self.open.as_deref() != Some(name) {
            if files.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            self.open = Some(name.to_owned());
        }
        let mut sent = bytes.len().min(faults.append_max.unwrap_or(usize::MAX));
        if let Some(room) = &mut faults.room {
            if *room == 0 {
                files.entry(name.to_owned()).or_default();
                return Err(io::ErrorKind::StorageFull.into());
            }
            sent = sent.min(*room);
            *room -= sent;
        }
        files
            .entry(name.to_owned())
            .or_default()
            .bytes
            .extend_from_slice(&bytes[..sent]);
        Ok(sent)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(left) = &mut state.faults.syncs_left {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::Other)?;
        }
        let lies = state.faults;
        let State { files, ghosts, .. } = &mut *state;
        let file = files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        if lies.lying_syncs {
            return Ok(());
        }
        file.synced = file.bytes.len();
        if !file.named && !lies.nameless_syncs {
            ghosts.clear();
            for file in files.values_mut() {
                file.named = true;
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let removed = state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.ghosts.insert(name.to_owned(), removed);
        Ok(())
    }
}
