//! A throwaway Postgres for tests: started in seconds, gone afterwards whatever happens.
//!
//! Two processes share the work. This program starts a *guard* (itself, with a hidden command) in
//! a process group of its own and holds the guard's standard input open. The guard owns the server
//! and its directory; when its input ends, because the tests are over or because Ctrl-C or a kill
//! ended this program, it stops the server and removes the directory. So nobody has to handle
//! signals, and nothing is left behind.

mod cluster;
mod install;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use cluster::Cluster;

/// Tells the tests where their Postgres is.
pub const URL_VARIABLE: &str = "BLUEMARBLE_TEST_POSTGRES_URL";

/// The hidden command under which this program is the guard.
pub const GUARD_COMMAND: &str = "postgres-guard";

/// The database the tests are given.
pub enum TestDatabase {
    /// One that the caller runs, named by [`URL_VARIABLE`].
    Given(String),
    /// Our own.
    Throwaway(Throwaway),
}

impl TestDatabase {
    /// The caller's database if the environment names one, else a new one.
    ///
    /// # Errors
    /// If Postgres is not installed and may not be, or does not start.
    pub fn given_or_throwaway() -> Result<Self> {
        match std::env::var(URL_VARIABLE) {
            Ok(url) if !url.is_empty() => {
                println!("Postgres: the one that {URL_VARIABLE} names");
                Ok(Self::Given(url))
            }
            _ => Self::throwaway(),
        }
    }

    /// A new one, whatever the environment says.
    ///
    /// # Errors
    /// As [`Self::given_or_throwaway`].
    pub fn throwaway() -> Result<Self> {
        Throwaway::start().map(Self::Throwaway)
    }

    /// How clients reach it, in the form sqlx reads.
    pub fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Throwaway(server) => &server.url,
        }
    }

    /// Stops it if it is ours.
    ///
    /// # Errors
    /// If the server did not stop in an orderly way.
    pub fn stop(self) -> Result<()> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Throwaway(server) => server.stop(),
        }
    }
}

/// A running guard and its server.
pub struct Throwaway {
    guard: Child,
    url: String,
}

impl Throwaway {
    fn start() -> Result<Self> {
        // Here and not in the guard, so that Ctrl-C reaches an installation.
        install::find_or_install()?;
        let program = std::env::current_exe().context("this program's own path is unknown")?;
        let mut guard = Command::new(program)
            .arg(GUARD_COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("the guard of the throwaway Postgres could not be started")?;
        let stdout = guard
            .stdout
            .take()
            .expect("stdout was piped two lines above");
        let mut url = String::new();
        BufReader::new(stdout)
            .read_line(&mut url)
            .context("the guard said nothing")?;
        let url = url.trim().to_owned();
        if url.is_empty() {
            let status = guard.wait().context("the guard cannot be waited for")?;
            bail!("the throwaway Postgres did not start (guard: {status})");
        }
        println!("Postgres: {url}");
        Ok(Self { guard, url })
    }

    fn stop(mut self) -> Result<()> {
        drop(self.guard.stdin.take());
        let status = self
            .guard
            .wait()
            .context("the guard cannot be waited for")?;
        if !status.success() {
            bail!("the throwaway Postgres did not stop well (guard: {status})");
        }
        Ok(())
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// `cargo xtask postgres`: a server until this program is killed.
///
/// # Errors
/// If it does not start, or ends by itself.
pub fn run_until_killed() -> Result<()> {
    let mut server = Throwaway::start()?;
    println!("export {URL_VARIABLE}='{}'", server.url);
    println!("Runs until Ctrl-C; its data goes with it.");
    // `Child::wait` would close the guard's input first, which is its signal to stop.
    let _held = server.guard.stdin.take();
    let status = server
        .guard
        .wait()
        .context("the guard cannot be waited for")?;
    bail!("the throwaway Postgres ended by itself (guard: {status})")
}

/// The guard: one server, for as long as standard input stays open.
///
/// # Errors
/// If the server does not start or stop.
pub fn guard() -> Result<()> {
    let cluster = Cluster::start(&install::find_or_install()?)?;
    let mut stdout = std::io::stdout();
    // Whoever started the guard may be gone already; then standard input has ended, too.
    let _ = writeln!(stdout, "{}", cluster.url()).and_then(|()| stdout.flush());
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    cluster.stop()
}
