//! A Postgres of the benchmark's own, as a production one would be set: every commit is on the disk
//! when it returns. It listens on a unix socket only, runs as an ordinary user, and goes with us.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A running server and its directory.
pub struct Postgres {
    bin: PathBuf,
    dir: TempDir,
    account: Option<(u32, u32)>,
    server: Option<Child>,
}

impl Postgres {
    /// Starts one; why not, if there is none to start.
    pub fn start() -> Result<Self, String> {
        let bin = newest_installed().ok_or("Postgres is not installed (/usr/lib/postgresql)")?;
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let account = account()?;
        if let Some((uid, gid)) = account {
            chown(dir.path(), Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        }
        let mut postgres = Self {
            bin,
            dir,
            account,
            server: None,
        };
        postgres.make()?;
        postgres.launch()?;
        Ok(postgres)
    }

    /// How clients reach it.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.dir.path().display()
        )
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .current_dir(self.dir.path())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn make(&self) -> Result<(), String> {
        let made = self
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--no-locale", "-D"])
            .arg(self.data())
            .status();
        match made {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("initdb: {other:?}")),
        }
    }

    fn launch(&mut self) -> Result<(), String> {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data());
        command.arg("-k").arg(self.dir.path());
        command.args(["-c", "listen_addresses="]);
        let server = command.spawn();
        self.server = Some(server.map_err(|error| error.to_string())?);
        let pid_file = self.data().join("postmaster.pid");
        for _ in 0..1_500 {
            let state = std::fs::read_to_string(&pid_file).unwrap_or_default();
            let ready = |line: &str| line.trim() == "ready";
            if state.lines().last().is_some_and(ready) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("Postgres did not become ready".to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let asked = self
            .command("pg_ctl")
            .args(["stop", "--mode=fast", "--wait", "--timeout=20", "-D"])
            .arg(self.data())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }
}

fn newest_installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs
        .filter(|bin: &PathBuf| bin.join("initdb").exists())
        .max_by_key(|bin| version_of(bin))
}

fn version_of(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name);
    let version = version.map(|name| name.to_string_lossy().parse());
    version.and_then(Result::ok).unwrap_or_default()
}

/// Postgres refuses to run as root; its package brings an account to use instead.
fn account() -> Result<Option<(u32, u32)>, String> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output();
        let output = output.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim()
            .parse::<u32>()
            .map_err(|_| "root may not run Postgres, and the account `postgres` is missing")
            .map_err(str::to_owned)
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?)))
}
