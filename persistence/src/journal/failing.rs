//! The disk of a machine that fails when it is told to: see [`Machine`](crate::faults::Machine).

use std::io;
use std::path::Path;

use super::disk::Disk;
use super::faulty::{Faults, FaultyDisk};
use crate::faults::{DiskFault, DiskOp, Fate, Lie, Machine};

/// A handle.
#[derive(Debug)]
pub(crate) struct FailingDisk {
    machine: Machine,
    disk: FaultyDisk,
}

/// What a machine keeps of its disk.
#[derive(Debug, Default)]
pub(crate) struct Platter(FaultyDisk);

impl Platter {
    /// See [`FaultyDisk::cut_power`].
    pub(crate) fn cut_power(&self, seed: u64) {
        self.0.cut_power(seed);
    }

    /// From now on syncs lie so.
    pub(crate) fn tell(&self, lie: Option<Lie>) {
        self.0.set_faults(Faults {
            lying_syncs: lie == Some(Lie::Synced),
            nameless_syncs: lie == Some(Lie::Named),
            ..Faults::default()
        });
    }

    /// Names and sizes of the files.
    pub(crate) fn files(&self) -> Vec<(String, usize)> {
        let mut disk = self.0.another_handle();
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
        let disk = machine.platter(|platter| platter.0.another_handle());
        Some(Self { machine, disk })
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
