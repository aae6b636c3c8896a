//! The five things a journal asks of a disk, and the real one behind them.
//!
//! The seam exists for the tests: `faulty.rs` is a disk in memory that runs full, writes short,
//! fails to sync, and loses what was not synced when it "crashes".

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A directory of append-only files.
pub(super) trait Disk: std::fmt::Debug + Send {
    /// Names of the files, in any order.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// At most `bytes_max` bytes of a file from its start; fewer where it ends.
    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>>;

    /// Writes some of `bytes` behind what the file holds and says how many. The first call of a
    /// name makes the file and fails if it exists.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize>;

    /// Returns once what was appended, and the file's name, survive a power cut. After an error
    /// nothing appended since the last success can be trusted.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// The disk over `dir`.
pub(super) fn disk_at(dir: &Path) -> Box<dyn Disk> {
    #[cfg(feature = "faults")]
    if let Some(failing) = super::failing::FailingDisk::at(dir) {
        return Box::new(failing);
    }
    Box::new(DirDisk::new(dir))
}

/// A directory of the operating system's.
#[derive(Debug)]
struct DirDisk {
    dir: PathBuf,
    /// The one file being appended to.
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    name: String,
    file: File,
    /// The directory entry has been synced.
    named: bool,
}

impl DirDisk {
    /// A disk over `dir`, which need not exist yet for reading.
    fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            open: None,
        }
    }

    /// Makes the entries of the directory durable, and its own in its parent: a first start makes
    /// both.
    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()?;
        match self.dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    }
}

impl Disk for DirDisk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is not one of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.dir.join(name))?;
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let expected = usize::try_from(size).unwrap_or(usize::MAX).min(bytes_max);
        let mut bytes = Vec::with_capacity(expected);
        file.take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        if self.open.as_ref().is_none_or(|open| open.name != name) {
            std::fs::create_dir_all(&self.dir)?;
            let path = self.dir.join(name);
            let file = OpenOptions::new()
                .create_new(true)
                .append(true)
                .open(path)?;
            self.open = Some(OpenSegment {
                name: name.to_owned(),
                file,
                named: false,
            });
        }
        let open = self.open.as_mut().expect("opened above");
        loop {
            match open.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        match &self.open {
            Some(open) if open.name == name => open.file.sync_data()?,
            // Left by an earlier process: what the page cache still holds of it goes to the disk.
            _ => OpenOptions::new()
                .append(true)
                .open(self.dir.join(name))?
                .sync_data()?,
        }
        match &mut self.open {
            Some(open) if open.name == name && open.named => return Ok(()),
            _ => self.sync_dir()?,
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.name == name) {
            open.named = true;
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }
}
