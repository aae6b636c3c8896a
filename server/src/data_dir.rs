//! What lies where in the data directory, and who may use it: one server at a time.
//!
//! ```text
//! world.sqlite              checkpoints, unless --database-url says otherwise
//! journal/                  sealed inputs, one segment per incarnation and checkpoint
//! journal-discarded-<e>/    segments given up by --discard-journal-tail before epoch e
//! dev/cert.pem, cert.key.pem, ticket.key.pem, ticket.pub.pem
//! admin.token               0600
//! bans.json                 banned characters
//! newcomers                 0600: ids and keys of characters while the database is away
//! resume.key                0600: signs the tokens with which clients come back
//! evidence/                 inputs of a tick that panicked
//! worlds/<name>/            another world: world.json, journal/, evidence/
//! server.json               while running: {quic, admin, pid, epoch}
//! unfinished                a world is being put here from elsewhere, and is not whole yet
//! ```

use std::fs::File;
use std::path::{Path, PathBuf};

use bluemarble_persistence::DataDirLock;
use serde::Serialize;

use crate::exit::{Failure, chain};

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// What `server.json` tells scripts and tests about the running server.
#[derive(Debug, Serialize)]
pub struct ReadyFile {
    /// Address for QUIC clients, with the real port.
    pub quic: String,
    /// Address of the admin HTTP, with the real port.
    pub admin: String,
    /// Process id.
    pub pid: u32,
    /// Incarnation of the world.
    pub epoch: u32,
}

impl DataDir {
    /// Names a directory without touching it.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Makes it if missing, and takes it for this process alone.
    ///
    /// # Errors
    /// Another server holds it, or it cannot be written.
    pub fn take(&self) -> Result<DataDirLock, Failure> {
        let lock =
            DataDirLock::take(&self.root).map_err(|error| Failure::environment(chain(&error)))?;
        self.remove_ready_file();
        Ok(lock)
    }

    /// Begins to put a world here from elsewhere: until [`Self::whole`], nobody takes what is there for
    /// one, however this process ends. Whether an earlier attempt was cut off here.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn not_whole_yet(&self) -> Result<bool, Failure> {
        let again = self.is_unfinished();
        File::create(self.unfinished())
            .and_then(|file| file.sync_all())
            .and_then(|()| File::open(&self.root)?.sync_all())
            .map_err(|error| Self::cannot_write(&self.unfinished(), &error))?;
        Ok(again)
    }

    /// What is here is whole.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn whole(&self) -> Result<(), Failure> {
        std::fs::remove_file(self.unfinished())
            .map_err(|error| Self::cannot_write(&self.unfinished(), &error))
    }

    /// Whether putting a world here was cut off.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished().exists()
    }

    /// Stops whoever would take what is here for a world.
    ///
    /// # Errors
    /// It is not whole.
    pub fn refuse_unfinished(&self) -> Result<(), Failure> {
        if !self.is_unfinished() {
            return Ok(());
        }
        Err(Failure::environment(format!(
            "a world was being put into {}, and that was cut off: what is there is not whole",
            self.root.display()
        ))
        .advise(format!(
            "give the same `restore` or `recover --branch` again, which completes it; or, to go on \
             without that world, remove {}",
            self.unfinished().display()
        )))
    }

    /// Removes the embedded database.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_database(&self) -> Result<(), Failure> {
        for name in ["world.sqlite", "world.sqlite-wal", "world.sqlite-shm"] {
            let file = self.root.join(name);
            if let Err(error) = std::fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(Self::cannot_write(&file, &error));
            }
        }
        Ok(())
    }

    /// Whether nothing is in it but the lock, which is left behind by whoever had taken it.
    pub fn is_empty(&self) -> bool {
        let Ok(mut entries) = self.root.read_dir() else {
            return true;
        };
        entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lock"))
    }

    fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
        Failure::environment(format!("cannot write {}: {error}", file.display()))
            .advise("check the data directory's disk and rights")
    }

    fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished")
    }

    /// Itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The journal's segments.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Where the other worlds of the process are.
    pub fn worlds(&self) -> PathBuf {
        self.root.join("worlds")
    }

    /// Development certificate and keys.
    pub fn dev(&self) -> PathBuf {
        self.root.join("dev")
    }

    /// The admin token.
    pub fn admin_token(&self) -> PathBuf {
        self.root.join("admin.token")
    }

    /// Who is banned.
    pub fn bans(&self) -> PathBuf {
        self.root.join("bans.json")
    }

    /// Characters that the database does not have yet.
    pub fn newcomers(&self) -> PathBuf {
        self.root.join("newcomers")
    }

    /// Address of the embedded database.
    pub fn sqlite_url(&self) -> String {
        bluemarble_persistence::sqlite_url(&self.root.join("world.sqlite"))
    }

    /// A file for the inputs of a tick that failed.
    pub fn evidence(&self, tick: u64) -> PathBuf {
        self.root
            .join("evidence")
            .join(format!("tick-{tick}.inputs"))
    }

    /// Says where the server is; appears whole or not at all.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn write_ready_file(&self, ready: &ReadyFile) -> Result<(), Failure> {
        let text = serde_json::to_string(ready).expect("strings and integers always serialise");
        let (draft, file) = (self.root.join("server.json.new"), self.ready_file());
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &file))
            .map_err(|error| {
                Failure::environment(format!("cannot write {}: {error}", file.display()))
            })
    }

    /// Nobody is there any more.
    pub fn remove_ready_file(&self) {
        if let Err(error) = std::fs::remove_file(self.ready_file())
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {error}", self.ready_file().display());
        }
    }

    /// Puts the journal aside and begins without one; returns where it went.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn set_journal_aside(&self, epoch: u32) -> Result<PathBuf, Failure> {
        let aside = self.root.join(format!("journal-discarded-{epoch}"));
        std::fs::rename(self.journal(), &aside).map_err(|error| {
            Failure::environment(format!(
                "cannot move the journal to {}: {error}",
                aside.display()
            ))
        })?;
        Ok(aside)
    }

    fn ready_file(&self) -> PathBuf {
        self.root.join("server.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_is_refused_until_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::at(dir.path());
        let lock = data.take().unwrap();
        assert!(data.is_empty());
        data.refuse_unfinished().unwrap();
        assert!(!data.not_whole_yet().unwrap());
        assert!(!data.is_empty());
        drop(lock);
        let refused = data.refuse_unfinished().unwrap_err().to_string();
        assert!(refused.contains("cut off"), "{refused}");
        assert!(data.not_whole_yet().unwrap());
        data.whole().unwrap();
        data.refuse_unfinished().unwrap();
    }

    #[test]
    fn a_ready_file_appears_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::at(dir.path());
        let ready = ReadyFile {
            quic: "127.0.0.1:1".into(),
            admin: "127.0.0.1:2".into(),
            pid: 3,
            epoch: 4,
        };
        data.write_ready_file(&ready).unwrap();
        let text = std::fs::read_to_string(dir.path().join("server.json")).unwrap();
        assert!(text.contains("\"quic\":\"127.0.0.1:1\""), "{text}");
        data.remove_ready_file();
        data.remove_ready_file();
        assert!(!dir.path().join("server.json").exists());
    }
}
