//! The disk of a machine that fails when it is told to: see [`Machine`](crate::faults::Machine).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::disk::Disk;
use super::faulty::{Faults, FaultyDisk};
use crate::faults::{DiskFault, DiskOp, Fate, Lie, Machine};

/// A handle.
#[derive(Debug)]
pub(crate) struct FailingDisk {
    machine: Machine,
    disk: FaultyDisk,
    dir: PathBuf,
}

/// What a machine keeps of its disk.
#[derive(Debug, Default)]
pub(crate) struct Platter {
    disk: FaultyDisk,
    /// What was laid out, where shipping and restoring find it: folder, and bytes by name.
    laid_out: Mutex<Option<LaidOut>>,
}

type LaidOut = (PathBuf, BTreeMap<String, Vec<u8>>);

impl Platter {
    /// Makes the ordinary files in `dir` those of this disk. They serve tests: if one cannot be written,
    /// there is nothing to test.
    pub(crate) fn lay_out(&self, dir: &Path) {
        let mut disk = self.disk.another_handle();
        let names = disk.list().unwrap_or_default();
        let files = names.into_iter().map(|name| {
            let bytes = disk.bytes(&name);
            (name, bytes)
        });
        let files: BTreeMap<_, _> = files.collect();
        let mut laid_out = self.laid_out.lock();
        let (_, before) = laid_out.take().unwrap_or_default();
        if !files.is_empty() {
            std::fs::create_dir_all(dir).expect("the test's folder takes a folder");
        }
        for name in before.keys().filter(|name| !files.contains_key(*name)) {
            let _gone_already = std::fs::remove_file(dir.join(name));
        }
        for (name, bytes) in files
            .iter()
            .filter(|(name, new)| before.get(*name) != Some(*new))
        {
            std::fs::write(dir.join(name), bytes).expect("the test's folder takes a file");
        }
        *laid_out = Some((dir.to_owned(), files));
    }

    /// Takes over what was written there meanwhile: it is on the disk.
    fn take_over(&self, dir: &Path) {
        let mut laid_out = self.laid_out.lock();
        let Some((_, files)) = laid_out.as_mut().filter(|(place, _)| place == dir) else {
            return;
        };
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if !name.ends_with(".bmj") {
                continue;
            }
            let Ok(bytes) = std::fs::read(entry.path()) else {
                continue;
            };
            if files.get(&name) != Some(&bytes) {
                self.disk.adopt(&name, bytes.clone());
                files.insert(name, bytes);
            }
        }
    }

    /// Everything on it is lost.
    pub(crate) fn lose(&self) {
        self.disk.clear();
        if let Some((dir, _)) = self.laid_out.lock().take() {
            let _gone_already = std::fs::remove_dir_all(dir);
        }
    }

    /// See [`FaultyDisk::cut_power`].
    pub(crate) fn cut_power(&self, seed: u64) {
        self.disk.cut_power(seed);
    }

    /// From now on syncs lie so.
    pub(crate) fn tell(&self, lie: Option<Lie>) {
        self.disk.set_faults(Faults {
            lying_syncs: lie == Some(Lie::Synced),
            nameless_syncs: lie == Some(Lie::Named),
            ..Faults::default()
        });
    }

    /// Names and sizes of the files.
    pub(crate) fn files(&self) -> Vec<(String, usize)> {
        let mut disk = self.disk.another_handle();
        let names = disk.list().unwrap_or_default();
        let sized = |name: String| {
            let size = disk.bytes(&name).len();
            (name, size)
        };
        names.into_iter().map(sized).collect()
    }
}

impl FailingDisk {
    /// The disk that `dir` is on, if it is one of those.
    pub(super) fn at(dir: &Path) -> Option<Self> {
        let machine = Machine::of(&dir.to_string_lossy())?;
        let disk = machine.platter(|platter| platter.disk.another_handle());
        Some(Self {
            machine,
            disk,
            dir: dir.to_owned(),
        })
    }

    /// What the machine lets happen to `op`.
    fn fate(&self, op: DiskOp) -> io::Result<Fate<DiskFault>> {
        match self.machine.disk_op(op) {
            Fate::Fails(fault) => Err(error(fault)),
            Fate::Dead | Fate::Dies { done: false } => Err(dead()),
            fate => Ok(fate),
        }
    }
}

impl Disk for FailingDisk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.fate(DiskOp::Read)?;
        self.machine.platter(|platter| platter.take_over(&self.dir));
        self.disk.list()
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        self.fate(DiskOp::Read)?;
        self.disk.read(name, bytes_max)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        let most = self.machine.append_max().min(bytes.len());
        match self.fate(DiskOp::Append)? {
            Fate::Dies { .. } => {
                let some = self.machine.draw(bytes.len());
                self.disk.append(name, &bytes[..some])?;
                Err(dead())
            }
            _ => self.disk.append(name, &bytes[..most]),
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let fate = self.fate(DiskOp::Sync)?;
        self.disk.sync(name)?;
        alive_after(&fate)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let fate = self.fate(DiskOp::Remove)?;
        self.disk.remove(name)?;
        alive_after(&fate)
    }
}

fn alive_after(fate: &Fate<DiskFault>) -> io::Result<()> {
    match fate {
        Fate::Dies { .. } => Err(dead()),
        _ => Ok(()),
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

fn error(fault: DiskFault) -> io::Error {
    match fault {
        DiskFault::Full => io::ErrorKind::StorageFull.into(),
        DiskFault::Denied => io::ErrorKind::PermissionDenied.into(),
        DiskFault::Unsynced | DiskFault::Unreadable | DiskFault::Broken => {
            io::Error::other("input/output error")
        }
    }
}
