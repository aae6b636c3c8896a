//! Starts the program, talks to its admin HTTP, stops or kills it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// Only a hang takes this long.
const DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// The name of the world most tests run.
pub const WORLD: &str = "tiny";

/// An assets directory with the project's creatures, the small moon, and a scenario that a debug
/// build steps in well under a millisecond.
pub fn assets() -> &'static Path {
    static ASSETS: OnceLock<TempDir> = OnceLock::new();
    ASSETS
        .get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
            for (folder, only) in [
                ("creatures", None),
                ("features", None),
                ("planets", Some("moon.ron")),
            ] {
                copy_folder(&project.join(folder), &dir.path().join(folder), only);
            }
            let scenarios = dir.path().join("scenarios");
            std::fs::create_dir(&scenarios).unwrap();
            std::fs::write(scenarios.join("tiny.ron"), TINY).unwrap();
            std::fs::write(scenarios.join("lively.ron"), LIVELY).unwrap();
            dir
        })
        .path()
}

const TINY: &str = r#"Scenario(
    planet: "moon",
    zones: 4,
    squares: [Square(name: "Landing Field", near: (0.0, 0.0))],
    spawn_spread_m: 20.0,
    avatar: "adventurer",
    camps: [Camp(at: Square(0), kind: "villager", count: 20, spread_m: 30.0)],
)"#;

/// The same with fights and scripted players, so that every tick's digest differs and inputs matter.
const LIVELY: &str = r#"Scenario(
    planet: "moon",
    zones: 4,
    squares: [Square(name: "Landing Field", near: (0.0, 0.0))],
    spawn_spread_m: 20.0,
    avatar: "adventurer",
    camps: [
        Camp(at: Square(0), kind: "villager", count: 40, spread_m: 30.0),
        Camp(at: Square(0), kind: "raider", count: 40, spread_m: 30.0),
    ],
    puppets: 10,
)"#;

fn copy_folder(from: &Path, to: &Path, only: Option<&str>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_file() && only.is_none_or(|only| only == name) {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A call of the program that is expected to end by itself.
pub fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// `serve` that is expected to refuse; gives its exit status and what it said on stderr.
pub fn refused(data: &Path, args: &[&str]) -> (i32, String) {
    let output = serve_command(data, args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("ends by itself"), told)
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bluemarble-server"));
    command.env_remove("RUST_LOG");
    command
}

fn serve_command(data: &Path, args: &[&str]) -> Command {
    let mut command = program();
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(data)
        .arg("--assets")
        .arg(assets());
    let defaults = [
        ("--scenario", WORLD),
        ("--listen", "127.0.0.1:0"),
        ("--admin", "127.0.0.1:0"),
        ("--threads", "1"),
    ];
    for (flag, value) in defaults {
        if !args.contains(&flag) {
            command.args([flag, value]);
        }
    }
    command.args(args);
    command
}

/// Starts a server whose output goes to files.
fn spawn(data: &Path, args: &[&str]) -> Child {
    spawn_as(data, serve_command(data, args))
}

fn spawn_as(data: &Path, mut command: Command) -> Child {
    std::fs::create_dir_all(data).unwrap();
    let log = |name: &str| Stdio::from(File::create(data.join(name)).unwrap());
    command
        .stdin(Stdio::null())
        .stdout(log("stdout.txt"))
        .stderr(log("stderr.txt"));
    command.spawn().unwrap()
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    data: PathBuf,
    ready: Value,
    token: String,
    http: ureq::Agent,
}

impl Server {
    /// Starts one that is expected to end by itself, and waits for that.
    #[cfg(feature = "sabotage")]
    pub fn start_and_wait(data: &Path, args: &[&str]) -> ExitStatus {
        let mut child = spawn(data, args);
        eventually("the server has ended", || child.try_wait().unwrap())
    }

    /// Starts one and waits until it serves.
    pub fn start(data: &Path, args: &[&str]) -> Self {
        Self::ready(data, spawn(data, args))
    }

    /// As [`Server::start`], of a process that a limit on the size of files does not kill: a write
    /// beyond it fails, as on a full disk.
    pub fn start_without_signals(data: &Path, args: &[&str]) -> Self {
        let serve = serve_command(data, args);
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(serve.get_program())
            .args(serve.get_args())
            .env_remove("RUST_LOG");
        Self::ready(data, spawn_as(data, command))
    }

    fn ready(data: &Path, mut child: Child) -> Self {
        let ready = eventually("the server is ready", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", said(data));
            }
            let ready: Value =
                serde_json::from_slice(&std::fs::read(data.join("server.json")).ok()?).ok()?;
            (ready["pid"] == child.id()).then_some(ready)
        });
        let token = std::fs::read_to_string(data.join("admin.token"))
            .unwrap()
            .trim()
            .to_owned();
        let http = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(DEADLINE))
            .build()
            .into();
        let server = Self {
            child,
            data: data.to_owned(),
            ready,
            token,
            http,
        };
        eventually("the first status", || {
            (server.get("/v1/status").0 == 200).then_some(())
        });
        server
    }

    /// Where clients connect.
    pub fn quic(&self) -> std::net::SocketAddr {
        self.ready["quic"].as_str().unwrap().parse().unwrap()
    }

    /// The admin HTTP's address.
    pub fn admin(&self) -> &str {
        self.ready["admin"].as_str().unwrap()
    }

    pub fn epoch(&self) -> u64 {
        self.ready["epoch"].as_u64().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Status and body of an admin page, with the token.
    pub fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, Some(&self.token))
    }

    /// Status and body of an admin page, with any or no token.
    pub fn get_with(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut response = self.request(path, token);
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap(),
        )
    }

    /// Status and JSON of an admin command.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.admin());
        let request = self
            .http
            .post(url)
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        told(request.send(body.to_string()).unwrap())
    }

    /// As [`Server::post`], of a server that may be killed meanwhile.
    pub fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let url = format!("http://{}{path}", self.admin());
        let request = self
            .http
            .post(url)
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        request.send(body.to_string()).ok().map(told)
    }

    /// Kills the process and leaves the rest for later.
    pub fn kill_now(&self) {
        signal(self.child.id(), "KILL");
    }

    /// Status and JSON of an admin deletion.
    pub fn delete(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.admin());
        let request = self
            .http
            .delete(url)
            .header("Authorization", format!("Bearer {}", self.token));
        told(request.call().unwrap())
    }

    /// The body of an endless admin page.
    pub fn stream(&self, path: &str) -> Box<dyn Read + Send> {
        Box::new(
            self.request(path, Some(&self.token))
                .into_body()
                .into_reader(),
        )
    }

    fn request(&self, path: &str, token: Option<&str>) -> ureq::http::Response<ureq::Body> {
        let mut request = self.http.get(format!("http://{}{path}", self.admin()));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.call().unwrap()
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.get("/v1/status").1).unwrap()
    }

    /// The metrics page as name (with labels) → value.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let (status, page) = self.get("/metrics");
        assert_eq!(status, 200);
        page.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }

    /// Waits until a metric is at least `least`.
    pub fn wait_for_metric(&self, name: &str, least: f64) {
        eventually(&format!("{name} >= {least}"), || {
            (self.metrics().get(name).copied().unwrap_or(0.0) >= least).then_some(())
        });
    }

    /// Waits until the world has reached a tick.
    pub fn wait_for_tick(&self, tick: u64) {
        eventually(&format!("tick {tick}"), || {
            (self.status()["tick"].as_u64()? >= tick).then_some(())
        });
    }

    /// Records `/v1/digests` from now on.
    pub fn record_digests(&self) -> Recorder {
        let lines = BufReader::new(self.stream("/v1/digests")).lines();
        let (seen, received) = crossbeam_channel::unbounded();
        std::thread::spawn(move || {
            // The stream breaks off in the middle of a line when the server is killed.
            for line in lines.map_while(Result::ok) {
                let Some((tick, digest)) = line.split_once(' ') else {
                    return;
                };
                if digest.len() == 16 {
                    let _ = seen.send((tick.parse().unwrap(), digest.to_owned()));
                }
            }
        });
        Recorder {
            received,
            seen: BTreeMap::new(),
        }
    }

    /// Asks for an orderly stop, as Ctrl-C does.
    pub fn terminate(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Waits for the end.
    pub fn wait(mut self) -> ExitStatus {
        eventually("the server has ended", || self.child.try_wait().unwrap())
    }

    /// An orderly stop that must succeed.
    pub fn stop(self) {
        self.terminate();
        let data = self.data.clone();
        let status = self.wait();
        assert!(status.success(), "{status}: {}", said(&data));
    }

    /// As a power cut of the process: no handler runs.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Status and JSON, if any.
fn told(mut response: ureq::http::Response<ureq::Body>) -> (u16, Value) {
    let text = response.body_mut().read_to_string().unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    (response.status().as_u16(), json)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What an outside recorder saw.
pub struct Recorder {
    received: crossbeam_channel::Receiver<(u64, String)>,
    seen: BTreeMap<u64, String>,
}

impl Recorder {
    /// Waits for a number of ticks.
    pub fn wait_for(&mut self, ticks: usize) {
        eventually(&format!("{ticks} digests"), || {
            self.seen.extend(self.received.try_iter());
            (self.seen.len() >= ticks).then_some(())
        });
    }

    /// Everything seen, once the stream has ended.
    pub fn finish(mut self) -> BTreeMap<u64, String> {
        while let Ok((tick, digest)) = self.received.recv_timeout(DEADLINE) {
            self.seen.insert(tick, digest);
        }
        self.seen
    }
}

/// Everything a server has said so far.
pub fn said(data: &Path) -> String {
    ["stdout.txt", "stderr.txt"]
        .map(|name| std::fs::read_to_string(data.join(name)).unwrap_or_default())
        .join("\n")
}

pub fn signal(pid: u32, name: &str) {
    let done = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

/// Waits until `look` finds something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let rounds = DEADLINE.as_millis() / POLL.as_millis();
    for _ in 0..rounds {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(POLL);
    }
    panic!("{what}: not within {DEADLINE:?}");
}
