//! One Postgres server in a directory of its own, reachable by a unix socket only.
//!
//! It runs as an ordinary user (Postgres refuses root) and does not sync to disk: its data dies
//! with it, and the tests that kill a process kill ours, not the database.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cargo::output_of;

/// A unix socket's path has at most 107 bytes; this leaves room for the socket's own name.
const SOCKET_DIR_BYTES_MAX: usize = 80;
/// How long a start may take: a new data directory on a slow disk, with much to spare.
const START_POLLS_MAX: u32 = 1_500;
const START_POLL: Duration = Duration::from_millis(20);

/// The account the server runs under, when it must not be ours.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// A running server and its directory.
pub struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    account: Option<Account>,
    server: Option<Child>,
}

impl Cluster {
    /// Creates a data directory and starts a server on it.
    ///
    /// # Errors
    /// If the directory cannot be made, or the server does not become ready.
    pub fn start(bin: &Path) -> Result<Self> {
        let account = account_for_server()?;
        let dir = make_dir(account)?;
        let mut cluster = Self {
            bin: bin.to_path_buf(),
            dir,
            account,
            server: None,
        };
        cluster.initialise()?;
        cluster.launch()?;
        cluster.await_ready()?;
        Ok(cluster)
    }

    /// How clients reach it, in the form sqlx reads.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.dir.display()
        )
    }

    /// Stops the server and removes its directory.
    ///
    /// # Errors
    /// If the server had to be killed.
    pub fn stop(mut self) -> Result<()> {
        self.stop_server()
        // The directory goes with `drop`.
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .current_dir(&self.dir)
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn initialise(&self) -> Result<()> {
        output_of(
            self.command("initdb")
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
                .args(["--no-locale", "--no-sync", "-D"])
                .arg(self.data()),
        )
        .map(drop)
    }

    fn launch(&mut self) -> Result<()> {
        let log = File::create(self.log()).context("the server's log cannot be created")?;
        let settings = [
            "listen_addresses=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=200",
            "shared_buffers=32MB",
        ];
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.dir);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let copy = log
            .try_clone()
            .context("the server's log cannot be shared")?;
        let server = command.stdout(log).stderr(copy).spawn();
        self.server = Some(server.context("the Postgres server could not be started")?);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn await_ready(&mut self) -> Result<()> {
        let pid_file = self.data().join("postmaster.pid");
        for _ in 0..START_POLLS_MAX {
            // The file's last line is the server's state in one word.
            let state = fs::read_to_string(&pid_file).unwrap_or_default();
            if state
                .lines()
                .last()
                .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
            let server = self.server.as_mut().expect("launched before it is awaited");
            if let Some(status) = server.try_wait().context("the server cannot be watched")? {
                self.server = None;
                bail!("Postgres ended with {status}:\n{}", self.log_text());
            }
            thread::sleep(START_POLL);
        }
        bail!("Postgres did not become ready:\n{}", self.log_text())
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn stop_server(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        // pg_ctl finds the server's process id in the data directory: ours and no other.
        let asked = output_of(
            self.command("pg_ctl")
                .args(["stop", "--mode=fast", "--wait", "--timeout=20", "-D"])
                .arg(self.data()),
        );
        if asked.is_err() {
            let _ = server.kill();
        }
        server
            .wait()
            .context("the Postgres server cannot be waited for")?;
        asked.map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.stop_server();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Postgres refuses to run as root; its package brings an account to use instead.
fn account_for_server() -> Result<Option<Account>> {
    let id = |args: &[&str]| -> Result<u32> {
        let text = output_of(Command::new("id").args(args))?;
        text.trim()
            .parse()
            .with_context(|| format!("`id` said {text:?}"))
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    let about = "root may not run Postgres, and the account `postgres` is missing";
    let uid = id(&["-u", "postgres"]).context(about)?;
    let gid = id(&["-g", "postgres"]).context(about)?;
    Ok(Some(Account { uid, gid }))
}

fn make_dir(account: Option<Account>) -> Result<PathBuf> {
    let name = format!("bluemarble-postgres-{}", std::process::id());
    let mut dir = std::env::temp_dir().join(&name);
    if dir.as_os_str().len() > SOCKET_DIR_BYTES_MAX {
        dir = Path::new("/tmp").join(&name);
    }
    // Fails if it exists: nobody can have prepared it for us.
    DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("{} cannot be created", dir.display()))?;
    if let Some(Account { uid, gid }) = account {
        chown(&dir, Some(uid), Some(gid))
            .with_context(|| format!("{} cannot be handed to `postgres`", dir.display()))?;
    }
    Ok(dir)
}
