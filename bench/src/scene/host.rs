//! A server of our own for a scene: its world is written to a folder that goes again, the server runs
//! as a child, and ends with the run.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tempfile::TempDir;

use super::Scene;

/// How often it is looked for, and how many times: the planet's content is read meanwhile.
const POLL: Duration = Duration::from_millis(50);
const POLLS_MAX: u32 = 600;

/// How far players and creatures may reach or look: what the kinds of the content ask for.
const INTERACTION_M: f64 = 48.0;

/// What a host is told beside the scene.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The server's program; beside this one unless given.
    pub program: Option<PathBuf>,
    /// The content.
    pub assets: PathBuf,
    /// The world's seed.
    pub seed: u64,
    /// Threads for sockets.
    pub net_threads: usize,
    /// Places beyond those of the players.
    pub strangers: u32,
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    folder: TempDir,
    ready: Ready,
}

/// `server.json`.
#[derive(Clone, Debug, Deserialize)]
struct Ready {
    quic: SocketAddr,
    admin: SocketAddr,
}

impl Host {
    /// Starts a server for `players` on a patch of this radius, and waits until it listens.
    ///
    /// # Errors
    /// The program is not there, or ended again.
    pub fn start(
        scene: &Scene,
        name: &str,
        players: u32,
        patch_m: f64,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        let program = program(options.program.as_deref())?;
        let folder = tempfile::tempdir().context("no place for a world")?;
        write_world(&folder, scene, name, players, patch_m, options)?;
        let log = File::create(folder.path().join("log")).context("no place for a log")?;
        let mut child = Command::new(&program)
            .args([
                "serve",
                "--quiet",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
            ])
            .args(["--zones", &scene.zones.to_string()])
            .args(["--threads", &scene.threads.to_string()])
            .args(["--scenario", name])
            .args(["--tick-hz", &scene.tick_hz.to_string()])
            .args(["--seed", &options.seed.to_string()])
            .arg("--config")
            .arg(folder.path().join("server.toml"))
            .arg("--assets")
            .arg(folder.path().join("assets"))
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let ready = wait_for_ready(&mut child, folder.path());
        match ready {
            Ok(ready) => Ok(Self {
                child,
                folder,
                ready,
            }),
            Err(error) => {
                let _gone_already = child.kill();
                let _gone_already = child.wait();
                Err(error)
            }
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn quic(&self) -> SocketAddr {
        self.ready.quic
    }

    /// The admin HTTP.
    #[must_use]
    pub fn admin(&self) -> String {
        format!("http://{}", self.ready.admin)
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its content.
    #[must_use]
    pub fn assets(&self) -> PathBuf {
        self.folder.path().join("assets")
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

fn program(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()
            .context("cannot tell where this program is")?
            .with_file_name("bluemarble-server"),
    };
    if !program.exists() {
        bail!(
            "no server program at {}: build it (cargo build --release -p bluemarble-server) or name it \
             with --server-program",
            program.display()
        );
    }
    Ok(program)
}

/// The content with one scenario more, and the settings.
fn write_world(
    folder: &TempDir,
    scene: &Scene,
    name: &str,
    players: u32,
    patch_m: f64,
    options: &HostOptions,
) -> anyhow::Result<()> {
    let assets = folder.path().join("assets");
    let content = options
        .assets
        .canonicalize()
        .with_context(|| format!("no content in {}", options.assets.display()))?;
    std::fs::create_dir_all(assets.join("scenarios"))?;
    for entry in std::fs::read_dir(&content)?.flatten() {
        if entry.file_name() != "scenarios" {
            link(&entry.path(), &assets.join(entry.file_name()))?;
        }
    }
    let camps: String = scene
        .camps
        .iter()
        .map(|camp| {
            let (kind, count, spread_m) = (&camp.kind, camp.count, camp.spread_m);
            format!("Camp(at: Square(0), kind: {kind:?}, count: {count}, spread_m: {spread_m:?}),")
        })
        .collect();
    let scenario = format!(
        "Scenario(planet: {:?}, interaction_radius_m: {INTERACTION_M:?}, zones: {}, squares: [Square(name: {name:?}, \
         near: ({:?}, {:?}))], spawn_spread_m: {patch_m:?}, expected_players: {players}, avatar: {:?}, \
         camps: [{camps}])",
        scene.planet, scene.zones, scene.at.0, scene.at.1, scene.avatar
    );
    std::fs::write(
        assets.join("scenarios").join(name).with_extension("ron"),
        scenario,
    )?;
    let settings = format!(
        "[net]\ninterest_m = {:?}\nclient_bytes_per_s_max = {}\nthreads = {}\nsessions_max = {}\n\
         [overload]\nlevel_max = 0\n",
        scene.radius_m,
        scene.client_bytes_per_s_max,
        options.net_threads,
        // The scout's session may still be there, and those of hostile bots that have just gone.
        players + 8 + 2 * options.strangers,
    );
    std::fs::write(folder.path().join("server.toml"), settings)?;
    Ok(())
}

#[cfg(unix)]
fn link(there: &Path, here: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(there, here)
}

#[cfg(not(unix))]
fn link(there: &Path, here: &Path) -> std::io::Result<()> {
    if !there.is_dir() {
        return std::fs::copy(there, here).map(drop);
    }
    std::fs::create_dir_all(here)?;
    for entry in std::fs::read_dir(there)? {
        let entry = entry?;
        link(&entry.path(), &here.join(entry.file_name()))?;
    }
    Ok(())
}

fn wait_for_ready(child: &mut Child, folder: &Path) -> anyhow::Result<Ready> {
    let told = || {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        log.lines().take(8).collect::<Vec<_>>().join(" / ")
    };
    for _ in 0..POLLS_MAX {
        if let Ok(text) = std::fs::read_to_string(folder.join("data/server.json")) {
            return serde_json::from_str(&text).context("server.json");
        }
        if let Some(status) = child.try_wait()? {
            bail!("the server ended with {status}: {}", told());
        }
        std::thread::sleep(POLL);
    }
    bail!("the server does not listen: {}", told())
}
