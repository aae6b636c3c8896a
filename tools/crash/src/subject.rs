//! The server's process: started, asked, killed.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

/// How often something is looked for.
const POLL: Duration = Duration::from_millis(5);
/// Only a hang takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server.
#[derive(Debug)]
pub struct Subject {
    child: Child,
    data: PathBuf,
    http: ureq::Agent,
    began: Instant,
}

/// What `server.json` says of a server that is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Whose it is.
    pid: u32,
    /// Where clients connect.
    pub quic: SocketAddr,
    /// The admin HTTP.
    pub admin: SocketAddr,
    /// The world's epoch.
    pub epoch: u32,
}

impl Subject {
    /// Starts one.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(program: &Path, data: &Path, args: &[String]) -> anyhow::Result<Self> {
        let log = |name: &str| -> anyhow::Result<Stdio> {
            let file = File::options()
                .create(true)
                .append(true)
                .open(data.join(name));
            Ok(file.context("no place for a log")?.into())
        };
        let child = Command::new(program)
            .args(["serve", "--quiet", "--data-dir"])
            .arg(data)
            .args(args)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log("stdout.txt")?)
            .stderr(log("stderr.txt")?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let http = ureq::Agent::config_builder()
            .timeout_connect(Some(PATIENCE))
            .build()
            .into();
        Ok(Self {
            child,
            data: data.to_owned(),
            http,
            began: now(),
        })
    }

    /// Waits until it serves; the error is what it said if it ends instead.
    ///
    /// # Errors
    /// It ended, or never becomes ready.
    pub fn ready(&mut self) -> anyhow::Result<(Ready, Duration)> {
        let file = self.data.join("server.json");
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}: {}", self.last_words());
            }
            let ready = std::fs::read(&file).ok();
            let ready = ready.and_then(|bytes| serde_json::from_slice::<Ready>(&bytes).ok());
            match ready {
                Some(ready) if ready.pid == self.child.id() => {
                    return Ok((ready, self.began.elapsed()));
                }
                _ if self.began.elapsed() > PATIENCE => {
                    bail!("the server is not ready: {}", self.last_words());
                }
                _ => std::thread::sleep(POLL),
            }
        }
    }

    /// The status page, once there is one.
    ///
    /// # Errors
    /// There never is.
    pub fn status(&self, ready: &Ready) -> anyhow::Result<Value> {
        let began = now();
        loop {
            let page = self.get(ready, "/v1/status").and_then(|mut body| {
                let text = body.read_to_string()?;
                Ok(serde_json::from_str(&text)?)
            });
            match page {
                Ok(status) => return Ok(status),
                Err(error) if began.elapsed() > PATIENCE => {
                    return Err(error.context("the server tells no status"));
                }
                Err(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// A page as it is now.
    ///
    /// # Errors
    /// It is not given.
    pub fn page(&self, ready: &Ready, path: &str) -> anyhow::Result<String> {
        Ok(self.get(ready, path)?.read_to_string()?)
    }

    /// An endless page.
    ///
    /// # Errors
    /// It is not given.
    pub fn stream(
        &self,
        ready: &Ready,
        path: &str,
    ) -> anyhow::Result<Box<dyn Read + Send + 'static>> {
        Ok(Box::new(self.get(ready, path)?.into_reader()))
    }

    fn get(&self, ready: &Ready, path: &str) -> anyhow::Result<ureq::Body> {
        let token = std::fs::read_to_string(self.data.join("admin.token"))?;
        let answer = self
            .http
            .get(format!("http://{}{path}", ready.admin))
            .header("Authorization", format!("Bearer {}", token.trim()))
            .call();
        Ok(answer
            .map_err(|error| anyhow!("{path}: {error}"))?
            .into_body())
    }

    /// Waits until a checkpoint beyond the ones so far is stored.
    ///
    /// # Errors
    /// None ever is.
    pub fn wait_for_checkpoint(&self, ready: &Ready) -> anyhow::Result<()> {
        let saved = || -> anyhow::Result<f64> {
            let page = self.get(ready, "/metrics")?.read_to_string()?;
            let name = "bluemarble_checkpoints_saved_total ";
            let value = page.lines().find_map(|line| line.strip_prefix(name));
            Ok(value.and_then(|text| text.parse().ok()).unwrap_or(0.0))
        };
        let (before, began) = (saved()?, now());
        while saved()? <= before {
            if began.elapsed() > PATIENCE {
                bail!("no checkpoint was stored: {}", self.last_words());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Asks for an orderly stop.
    ///
    /// # Errors
    /// The signal cannot be sent.
    pub fn terminate(&self) -> anyhow::Result<()> {
        signal(self.child.id(), "TERM")
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// It does not end.
    pub fn end(mut self) -> anyhow::Result<ExitStatus> {
        let began = now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > PATIENCE {
                bail!("the server does not stop: {}", self.last_words());
            }
            std::thread::sleep(POLL);
        }
    }

    /// `kill -9`. Whether it was still alive.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<bool> {
        let lived = self.child.try_wait()?.is_none();
        self.child.kill()?;
        self.child.wait()?;
        Ok(lived)
    }

    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.data.join("stderr.txt")).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(6).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// Sends a signal.
///
/// # Errors
/// It cannot be sent.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("there is no `kill`")?;
    if !status.success() {
        bail!("process {pid} cannot be sent {name}");
    }
    Ok(())
}

/// The clock of the outside.
#[expect(
    clippy::disallowed_methods,
    reason = "a process is waited for in real time"
)]
pub fn now() -> Instant {
    Instant::now()
}
