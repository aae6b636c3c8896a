//! The bench as a person runs it, against a real server in another process: an honest one passes,
//! each kind of liar is caught, and what cannot be run is explained.
//!
//! The server's program is built by `cargo test --workspace --all-features`; it lies only in builds
//! with the feature `sabotage`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic, helpers too"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const POLL: Duration = Duration::from_millis(50);
/// Only a hang takes this long.
const POLLS_MAX: u32 = 1_200;
/// The exit status of a run whose bots could not keep up.
const VOID: i32 = 3;

fn bench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bluemarble-bench"));
    command.env_remove("RUST_LOG").arg("load");
    command
}

/// A running server; killed in the end.
struct Server {
    child: Child,
    folder: Option<TempDir>,
    ready: Value,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args)
    }

    fn start_in(folder: TempDir, args: &[&str]) -> Self {
        let program =
            Path::new(env!("CARGO_BIN_EXE_bluemarble-bench")).with_file_name("bluemarble-server");
        assert!(
            program.exists(),
            "build the server first: cargo build -p bluemarble-server --features sabotage"
        );
        let log = || Stdio::from(File::create(folder.path().join("log")).unwrap());
        let mut child = Command::new(program)
            .env_remove("RUST_LOG")
            .args([
                "serve",
                "--quiet",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
            ])
            .arg("--assets")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets"))
            .arg("--data-dir")
            .arg(folder.path())
            .args(args)
            .stdout(Stdio::null())
            .stderr(log())
            .spawn()
            .unwrap();
        let ready = wait_for_ready(&mut child, folder.path());
        Self {
            child,
            folder: Some(folder),
            ready,
        }
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// As a power cut of the process, and the next start on what it left.
    fn kill_and_restart(mut self, args: &[&str]) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::fs::remove_file(self.folder().join("server.json")).unwrap();
        Self::start_in(self.folder.take().unwrap(), args)
    }

    fn call(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let token = std::fs::read_to_string(self.folder().join("admin.token")).unwrap();
        let token = format!("Bearer {}", token.trim());
        let url = format!("http://{}{path}", self.text("admin"));
        let http: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let answer = match body {
            Some(body) => http
                .post(url)
                .header("Authorization", token)
                .send(body.to_string()),
            None => http.get(url).header("Authorization", token).call(),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (answer.status().as_u16(), json)
    }

    /// An admin page, once it is there.
    fn get(&self, path: &str) -> Value {
        for _ in 0..POLLS_MAX {
            let (status, page) = self.call(path, None);
            if status == 200 {
                return page;
            }
            std::thread::sleep(POLL);
        }
        panic!("{path} never came");
    }

    fn text(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap()
    }

    /// The report, the exit status, and what was printed.
    fn load(&self, args: &[&str]) -> (Value, i32, String) {
        let json = self.folder().join("report.json");
        let output = bench()
            .args(["--clients", "40", "--seconds", "5", "--ramp", "0.5"])
            .args(["--server", self.text("quic")])
            .args(["--admin", &format!("http://{}", self.text("admin"))])
            .arg("--data-dir")
            .arg(self.folder())
            .arg("--json")
            .arg(&json)
            .args(args)
            .output()
            .unwrap();
        let told = told(&output);
        let report = std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("{told}"));
        let report: Value = serde_json::from_str(&report).unwrap();
        let status = output.status.code().unwrap();
        // A busy machine makes the figures void, but not what was seen.
        let status = match (status, report["problems"].as_array().unwrap().len()) {
            (VOID, 0) => 0,
            (VOID, _) => 1,
            _ => status,
        };
        (report, status, told)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// What `server.json` says, once the server listens.
fn wait_for_ready(child: &mut Child, folder: &Path) -> Value {
    for _ in 0..POLLS_MAX {
        if let Ok(text) = std::fs::read_to_string(folder.join("server.json"))
            && let Ok(ready) = serde_json::from_str(&text)
        {
            return ready;
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(POLL);
    }
    panic!(
        "no server: {}",
        std::fs::read_to_string(folder.join("log")).unwrap_or_default()
    );
}

fn told(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// How often a promise was checked and broken.
fn count(report: &Value, promise: &str) -> (u64, u64) {
    let promises = report["verification"]["promises"].as_array().unwrap();
    let found = promises
        .iter()
        .find(|found| found["promise"] == promise)
        .unwrap();
    (
        found["checks"].as_u64().unwrap(),
        found["failures"].as_u64().unwrap(),
    )
}

#[test]
fn an_honest_server_passes_and_the_report_says_how_much_was_checked() {
    let server = Server::start(&[]);
    let (report, status, told) = server.load(&["--expect-seen", "10"]);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("everything seen was right"), "{told}");
    for promise in [
        "exact", "stale", "complete", "real", "near", "own", "header", "fate", "hearsay",
    ] {
        let (checks, failures) = count(&report, promise);
        assert!(
            checks > 100 && failures == 0,
            "{promise}: {checks} checks, {told}"
        );
    }
    assert!(report["down_bytes_per_s"].as_f64().unwrap() > 100.0);
    assert!(
        report["prediction"]["confirmed"].as_u64().unwrap() > 0,
        "{told}"
    );
    assert_eq!(report["prediction"]["diverged"], 0, "{told}");
    assert_eq!(report["clients"], 40);

    let (_, status, told) = server.load(&["--expect-seen", "1000"]);
    assert_eq!(status, 1, "a missed gate fails: {told}");
    assert!(told.contains("others seen"), "{told}");
}

#[test]
fn who_loses_the_connection_over_a_bad_line_still_learns_of_every_blow() {
    let server = Server::start(&[]);
    let (report, status, told) = server.load(&["--link", "bad", "--drop-every", "2"]);
    assert_eq!(status, 0, "{told}");
    assert!(report["lost"]["resumed"].as_u64().unwrap() >= 4, "{told}");
    let (checks, failures) = count(&report, "fate");
    assert!(checks > 100 && failures == 0, "{checks} checks, {told}");
}

#[test]
fn abusers_of_every_kind_meet_their_due_and_the_honest_ones_notice_nothing() {
    let server = Server::start(&[]);
    let (report, status, told) = server.load(&["--hostile", "21"]);
    assert_eq!(status, 0, "{told}");
    let kinds = report["hostile"]["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), 21, "{told}");
    for kind in kinds {
        assert!(kind["ended"].as_u64().unwrap() > 0, "{kind}");
        assert_eq!(kind["wrong"], 0, "{kind}");
    }
}

/// Between two orders: a few ticks, so that some come while others are still being carried out.
const PAUSE: Duration = Duration::from_millis(150);
/// Rounds of orders: they outlast the load.
const ROUNDS: u64 = 16;

/// Round after round: cut the busiest zone, join the first two, push a boundary about.
fn orders(server: &Server) -> (u64, u64) {
    let (mut accepted, mut refused) = (0, 0);
    let mut order = |path: &str, body: Value| {
        let (status, answer) = server.call(path, Some(&body));
        match status {
            200 => accepted += 1,
            409 => refused += 1,
            other => panic!("{path} {body}: {other} {answer}"),
        }
        std::thread::sleep(PAUSE);
    };
    for round in 0..ROUNDS {
        let zones = server.get("/v1/zones")["zones"].as_array().unwrap().clone();
        let busiest = zones
            .iter()
            .max_by_key(|row| row["entities"].as_u64())
            .unwrap();
        let zone = busiest["zone"].as_u64().unwrap();
        order("/v1/zones/split", json!({ "zone": zone }));
        let begin = json!({ "cell": busiest["first"] });
        order("/v1/zones/move", json!({ "zone": zone + 1, "to": begin }));
        order("/v1/zones/merge", json!({ "zone": zone }));
        order("/v1/zones/merge", json!({ "zone": round % 2 }));
        order("/v1/zones/split", json!({ "zone": round % 2 }));
    }
    (accepted, refused)
}

#[test]
fn zones_change_under_a_fight_and_nobody_notices() {
    let server = Server::start(&["--zones", "6", "--checkpoint-s", "600"]);
    let ((report, status, told), (accepted, refused)) = std::thread::scope(|scope| {
        let orders = scope.spawn(|| orders(&server));
        let load = server.load(&["--expect-seen", "10"]);
        (load, orders.join().unwrap())
    });
    assert_eq!(status, 0, "{told}");
    assert_eq!(report["lost"]["disconnected"], 0, "{told}");
    assert_eq!(report["prediction"]["diverged"], 0, "{told}");
    assert!(
        accepted >= 40 && refused > 0,
        "{accepted} accepted, {refused} refused"
    );
    let before = server.get("/v1/status");
    assert!(
        before["zone_changes"]["splits"].as_u64().unwrap() >= 20,
        "{before}"
    );

    let server = server.kill_and_restart(&["--zones", "1"]);
    let recovered = &server.get("/v1/status")["recovered"];
    assert!(
        recovered["tick"].as_u64() >= before["tick"].as_u64(),
        "{recovered}"
    );
    // Every replayed tick was compared with the digest in the log.
    assert!(
        recovered["replayed_ticks"].as_u64().unwrap() > 100,
        "{recovered}"
    );
    assert_eq!(recovered["quarantined"], Value::Null);
}

/// Which promises a lying server breaks.
fn caught(kind: &str) -> Vec<String> {
    let server = Server::start(&["--sabotage", kind]);
    let (report, status, told) = server.load(&[]);
    assert_eq!(status, 1, "{told}");
    let promises = report["verification"]["promises"].as_array().unwrap();
    let broken = promises
        .iter()
        .filter(|found| found["failures"].as_u64().unwrap() > 0);
    broken
        .map(|found| found["promise"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_server_that_hides_somebody_is_caught() {
    assert_eq!(caught("drop"), ["complete"]);
}

#[test]
fn a_server_that_moves_somebody_is_caught() {
    assert!(caught("teleport").contains(&"exact".to_owned()));
}

#[test]
fn a_server_that_shows_the_past_as_the_present_is_caught() {
    assert!(caught("stale").contains(&"exact".to_owned()));
}

#[test]
fn a_server_that_invents_somebody_is_caught() {
    assert!(caught("ghost").contains(&"real".to_owned()));
}

#[test]
fn a_server_whose_snapshots_are_not_what_it_believes_is_told_so_and_the_run_fails() {
    let server = Server::start(&["--sabotage", "bend"]);
    let (report, status, told) = server.load(&[]);
    assert_eq!(status, 1, "{told}");
    assert!(
        report["snapshots"]["diverged"].as_u64().unwrap() > 0,
        "{told}"
    );
    assert!(told.contains("diverged"), "{told}");
}

/// Runs a load that cannot be run; what it says.
fn refused(args: &[&str], data_dir: &Path) -> String {
    let output = bench()
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    told(&output)
}

#[test]
fn a_directory_without_a_token_is_named() {
    let nowhere = PathBuf::from("/nonexistent/data");
    let told = refused(&[], &nowhere);
    assert!(told.contains("/nonexistent/data/admin.token"), "{told}");
    assert!(told.contains("--data-dir"), "{told}");
}

#[test]
fn an_admin_address_nobody_listens_on_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin.token"), "secret\n").unwrap();
    // Bound and let go of: nobody listens there now.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let told = refused(&["--admin", &format!("http://{free}")], folder.path());
    assert!(
        told.contains(&free.to_string()) && told.contains("running"),
        "{told}"
    );
}

/// An admin server that gives everybody the same answer.
fn admin_stub(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _whoever_hangs_up = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_refused_token_and_a_world_that_still_starts_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("admin.token"), "secret\n").unwrap();
    let wrong = admin_stub("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    let told = refused(&["--admin", &wrong], folder.path());
    assert!(told.contains("refuses the token"), "{told}");
    let early = admin_stub("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    let told = refused(&["--admin", &early], folder.path());
    assert!(told.contains("not running yet"), "{told}");
    let other = admin_stub("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let told = refused(&["--admin", &other], folder.path());
    assert!(told.contains("BlueMarble"), "{told}");
}

#[test]
fn a_wrong_ticket_key_is_refused_by_the_server_and_said_once() {
    let server = Server::start(&[]);
    let other = tempfile::tempdir().unwrap();
    bluemarble_net::tickets::TicketKeys::load_or_create(other.path()).unwrap();
    let key = other
        .path()
        .join(bluemarble_net::tickets::TicketKeys::PRIVATE_FILE);
    let told = refused(
        &[
            "--server",
            server.text("quic"),
            "--admin",
            &format!("http://{}", server.text("admin")),
            "--ticket-key",
            key.to_str().unwrap(),
        ],
        server.folder(),
    );
    assert!(
        told.contains("bad_ticket") && told.contains("not signed"),
        "{told}"
    );
}

#[test]
fn a_scene_brings_its_own_server_and_what_everybody_received_is_right() {
    let args = "--scene meadow --clients 44 --k 12 --seconds 3 --ramp 0.5 --truth-every 5";
    let (report, told) = scene(args);
    let cost = &report["cost"];
    let seen = cost["seen_within"].as_f64().unwrap();
    assert!((6.0..24.0).contains(&seen), "{told}");
    assert!(cost["cpu_us"]["everything"].as_f64().unwrap() > 0.0);
    let looks = |band: &str| cost[band]["looks"].as_u64().unwrap();
    assert!(looks("near") > 200 && looks("far") > 200, "{told}");
    let moves = &report["move_ms"];
    assert!(moves["sights"].as_u64().unwrap() > 100, "{told}");
    assert!(moves["p50"].as_f64().unwrap() > 1.0, "{told}");
    assert!(cost["near"]["error_cm"]["p99"].as_f64().unwrap() < 100.0);
}

#[test]
fn after_a_storm_everybody_goes_on_as_before() {
    let args =
        "--scene reconnect-storm --clients 24 --k 8 --seconds 4 --ramp 0.5 --all-drop-after 1";
    let (report, told) = scene(args);
    assert_eq!(report["lost"]["resumed"], 24, "{told}");
    assert!(
        report["returned_ms"]["p99"].as_f64().unwrap() > 0.0,
        "{told}"
    );
    let (checks, failures) = count(&report, "own");
    assert!(checks > 100 && failures == 0, "{told}");
}

#[test]
fn armies_fight_over_zone_borders_and_everybody_is_told_of_every_blow() {
    let args = "--scene siege --clients 24 --seconds 10 --ramp 0.5 --expect-kills-per-s 0";
    let (report, told) = scene(args);
    assert!(report["hits_per_s"].as_f64().unwrap() > 1.0, "{told}");
    assert!(report["handoffs_per_s"].as_f64().unwrap() > 0.0, "{told}");
    let (checks, failures) = count(&report, "fate");
    assert!(checks > 20 && failures == 0, "{told}");
}

/// Runs a scene on a server of its own: the report, in which nothing is wrong, and what was printed.
fn scene(args: &str) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let (html, csv) = (folder.path().join("r.html"), folder.path().join("r.csv"));
    let output = bench()
        .args(args.split(' '))
        .arg("--assets")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets"))
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .arg("--csv")
        .arg(&csv)
        .output()
        .unwrap();
    let told = told(&output);
    let report = std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("{told}"));
    let report: Value = serde_json::from_str(&report).unwrap();
    // A busy machine makes the figures void, but not what was seen.
    assert_eq!(report["problems"], json!([]), "{told}");
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.matches("<svg").count() >= 8 && !page.contains("NaN"));
    let rows = std::fs::read_to_string(&csv).unwrap();
    let seconds = report["series"].as_array().unwrap();
    assert_eq!(rows.lines().count(), seconds.len() + 1, "names first");
    assert_eq!(
        seconds.len() as f64,
        report["seconds"].as_f64().unwrap().round()
    );
    let sum = |of: &dyn Fn(&Value) -> u64| seconds.iter().map(of).sum::<u64>();
    let down = |value: &Value| value["traffic"]["down_bytes"].as_u64().unwrap();
    assert_eq!(sum(&down), down(&report), "the seconds add up to the run");
    let ticks = sum(&|second| second["ticks"].as_u64().unwrap());
    assert_eq!(ticks, report["tick_ms"]["ticks"].as_u64().unwrap());
    let by_phase = |value: &Value| {
        let parts = ["ingest", "step", "replicate", "quic", "other"];
        let cpu = &value["cpu"];
        parts
            .map(|part| cpu[part].as_f64().unwrap())
            .iter()
            .sum::<f64>()
    };
    assert!(by_phase(&report) > 0.0, "{told}");
    (report, told)
}
