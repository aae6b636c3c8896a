//! Postgres as a whole, killed and started again: on Linux, where `/proc` says how it was started.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::database::wait;
use crate::subject::signal;

/// How often it is tried to start it: what a killed one leaves of shared memory has to go first.
const STARTS_MAX: u32 = 200;
const PAUSE: Duration = Duration::from_millis(100);

/// A Postgres on this machine that is ours to kill.
#[derive(Debug)]
pub struct Postmaster {
    data: PathBuf,
    /// Program and arguments.
    command: Vec<String>,
    directory: PathBuf,
    /// Whom it runs as.
    account: (u32, u32),
    /// Whether we are somebody else, who may run it as that.
    switches: bool,
    child: Option<Child>,
}

impl Postmaster {
    /// The one at this address.
    ///
    /// # Errors
    /// It is not on this machine, or may not be looked at.
    pub fn of(url: &str) -> anyhow::Result<Self> {
        let options: sqlx::postgres::PgConnectOptions = url.parse()?;
        let data: String = wait(async {
            let mut connection = options.connect().await?;
            let data = sqlx::query_scalar("SHOW data_directory")
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            Ok(data)
        })?;
        let data = PathBuf::from(data);
        let process = PathBuf::from(format!("/proc/{}", pid(&data)?));
        let about = || format!("{} (Linux only)", process.display());
        let words = fs::read(process.join("cmdline")).with_context(about)?;
        let words = words.split(|byte| *byte == 0);
        let command: Vec<_> = words
            .filter(|word| !word.is_empty())
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        ensure!(
            !command.is_empty(),
            "Postgres does not say how it was started"
        );
        let whose = fs::metadata(&process)?;
        Ok(Self {
            directory: fs::read_link(process.join("cwd")).with_context(about)?,
            account: (whose.uid(), whose.gid()),
            switches: fs::metadata("/proc/self")?.uid() != whose.uid(),
            data,
            command,
            child: None,
        })
    }

    /// `kill -9` to all of its processes.
    ///
    /// # Errors
    /// They cannot be killed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let parent = pid(&self.data)?;
        // First the one that would start others in their place; then they have no parent any more.
        let children = children(parent);
        signal(parent, "KILL")?;
        for child in children {
            let _gone_already = signal(child, "KILL");
        }
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        // Who started it may not have looked yet that it is gone: for the next one it would still be there.
        let file = self.data.join("postmaster.pid");
        let text = fs::read_to_string(&file)?;
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        if let [_pid, _data, _time, port, sockets, ..] = lines[..]
            && !sockets.is_empty()
        {
            let lock = Path::new(sockets).join(format!(".s.PGSQL.{port}.lock"));
            fs::remove_file(lock).context("the lock of a socket")?;
        }
        fs::remove_file(file).context("the lock of a data directory")
    }

    /// Starts it again, and waits until it lets somebody in.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let mut state = String::new();
        for _ in 0..STARTS_MAX {
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended {
                self.child = Some(self.launch()?);
            }
            std::thread::sleep(PAUSE);
            let file = fs::read_to_string(self.data.join("postmaster.pid"));
            state = file.unwrap_or_default();
            let ours = self.child.as_ref().map(|child| child.id().to_string());
            let is_ours = state.lines().next() == ours.as_deref();
            if is_ours
                && state
                    .lines()
                    .last()
                    .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
        }
        bail!("Postgres did not come up again: {state}")
    }

    fn launch(&self) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .current_dir(&self.directory)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.switches {
            command.uid(self.account.0).gid(self.account.1);
        }
        command.spawn().context("Postgres cannot be started again")
    }
}

/// The process that started all others.
fn pid(data: &Path) -> anyhow::Result<u32> {
    let file = data.join("postmaster.pid");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let first = text.lines().next().unwrap_or_default();
    first.trim().parse().context("the process id of Postgres")
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: state, parent.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        fields.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(is_child)
        .collect()
}
