//! One peer: its server and its clients as processes of their own, which are told to stop by the end of their
//! standard input and then say in a line of JSON what they saw.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::Figures;
use super::loopback::Loopback;
use crate::run::now;
use crate::scene::Usage;

/// How long a server may take to listen, clients to get in, and either to end.
const PATIENCE: Duration = Duration::from_secs(90);
/// Clients that are busier than this share of their two threads cannot keep up.
const BUSY_MAX: f64 = 2.0 * 0.9;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub clients: u32,
    pub patch_m: f64,
    pub radius_m: f64,
    pub hz: u32,
    /// To look about after everybody is in, and to be measured.
    pub settle: Duration,
    pub measured: Duration,
    pub packed: bool,
}

/// What a peer's server says in the end.
#[derive(Debug, Deserialize)]
struct Served {
    tick_ms: TickMs,
}

#[derive(Debug, Deserialize)]
struct TickMs {
    p50: f64,
    p99: f64,
}

/// What its clients say.
#[derive(Debug, Deserialize)]
struct Seen {
    looks: u64,
    seen: f64,
    missing: u64,
    error_cm_p99: f64,
}

/// What a program is called in tables.
pub fn name(program: &Path, packed: bool) -> String {
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.trim_start_matches("peer-");
    format!("{name}{}", if packed { ", packed by hand" } else { "" })
}

/// Lets it do the work.
pub fn run(program: &Path, name: &str, work: &Work) -> anyhow::Result<Figures> {
    let mut server = Process::start(program, &["server"], work)?;
    let ready = server.line().context("its server does not listen")?;
    let address = ready
        .strip_prefix("ready ")
        .ok_or_else(|| anyhow!("its server said '{ready}' and not where it listens"))?;
    let mut clients = Process::start(program, &["clients", "--server", address], work)?;
    let inside = clients.line().context("its clients do not get in")?;
    if inside != "inside" {
        bail!("its clients said '{inside}'");
    }
    std::thread::sleep(work.settle);
    let look = || {
        let usage = |process: &Process| Usage::of(process.child.id()).map(|used| used.total_s());
        let all = (usage(&server), usage(&clients), Loopback::now());
        match all {
            (Some(server), Some(clients), Some(sent)) => Ok((now(), server, clients, sent)),
            _ => Err(anyhow!("this system does not say what a process used")),
        }
    };
    let before = look()?;
    std::thread::sleep(work.measured);
    let after = look()?;
    let seen: Seen = serde_json::from_str(&clients.end()?).context("what its clients say")?;
    let served: Served = serde_json::from_str(&server.end()?).context("what its server says")?;
    let seconds = (after.0 - before.0).as_secs_f64();
    let each = f64::from(work.clients) * seconds;
    let busy = (after.2 - before.2) / seconds;
    let mut problems = Vec::new();
    if busy > BUSY_MAX {
        problems.push(format!(
            "void: its clients were busy with {busy:.2} threads"
        ));
    }
    if seen.looks == 0 || seen.missing > 0 {
        let (missing, looks) = (seen.missing, seen.looks);
        problems.push(format!("{missing} were missing in {looks} looks"));
    }
    Ok(Figures {
        name: name.to_owned(),
        cpu_us: (after.1 - before.1) * 1e6 / (each * f64::from(work.hz)),
        tick_ms: (served.tick_ms.p50, served.tick_ms.p99),
        bytes_per_s: after.3.payload_since(&before.3) as f64 / each,
        seen: seen.seen,
        error_cm_p99: seen.error_cm_p99,
        problems,
    })
}

/// One of its processes; killed when this is dropped.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(program: &Path, words: &[&str], work: &Work) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(words)
            .args(["--clients", &work.clients.to_string()])
            .args(["--patch-m", &work.patch_m.to_string()])
            .args(["--radius-m", &work.radius_m.to_string()])
            .args(["--hz", &work.hz.to_string()])
            .args(work.packed.then_some("--packed"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start it")?;
        let stdout = child.stdout.take().context("it was given one")?;
        Ok(Self {
            child,
            lines: lines(stdout),
        })
    }

    fn line(&self) -> anyhow::Result<String> {
        self.lines
            .recv_timeout(PATIENCE)
            .map_err(|_| anyhow!("it ended, or said nothing for {} s", PATIENCE.as_secs()))
    }

    /// Tells it to stop, and gives its last word.
    fn end(&mut self) -> anyhow::Result<String> {
        drop(self.child.stdin.take());
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// Lines as they come, so that nobody waits for ever.
fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (say, said) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if say.send(line).is_err() {
                return;
            }
        }
    });
    said
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const WORK: Work = Work {
        clients: 10,
        patch_m: 50.0,
        radius_m: 100.0,
        hz: 20,
        settle: Duration::ZERO,
        measured: Duration::from_millis(50),
        packed: true,
    };

    /// A program of which the two sides do this.
    fn peer(folder: &Path, server: &str, clients: &str) -> std::path::PathBuf {
        let path = folder.join("peer-odd");
        let script = format!("#!/bin/sh\nif [ $1 = server ]; then {server}; else {clients}; fi\n");
        std::fs::write(&path, script).unwrap();
        let mut rights = std::fs::metadata(&path).unwrap().permissions();
        rights.set_mode(0o755);
        std::fs::set_permissions(&path, rights).unwrap();
        path
    }

    const SERVER: &str = "echo ready 127.0.0.1:9; cat; \
        echo '{\"ticks\": 9, \"tick_ms\": {\"p50\": 1.5, \"p99\": 2.5}}'";

    #[test]
    fn a_peer_is_told_when_it_is_over_and_believed_what_it_saw() {
        let folder = tempfile::tempdir().unwrap();
        let clients = "test \"$3\" = 127.0.0.1:9 && echo inside; cat; \
            echo '{\"looks\": 4, \"seen\": 8.5, \"missing\": 0, \"error_cm_p99\": 1.0}'";
        let program = peer(folder.path(), SERVER, clients);
        let figures = run(&program, &name(&program, true), &WORK).unwrap();
        assert_eq!(figures.name, "odd, packed by hand");
        assert_eq!((figures.tick_ms, figures.seen), ((1.5, 2.5), 8.5));
        assert_eq!(figures.problems, [""; 0]);
        assert!(figures.cpu_us >= 0.0);
    }

    #[test]
    fn whoever_misses_somebody_or_says_nothing_sensible_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let blind = "echo inside; cat; \
            echo '{\"looks\": 4, \"seen\": 8.5, \"missing\": 3, \"error_cm_p99\": 1.0}'";
        let program = peer(folder.path(), SERVER, blind);
        let figures = run(&program, "odd", &WORK).unwrap();
        assert_eq!(figures.problems, ["3 were missing in 4 looks"]);
        let program = peer(folder.path(), SERVER, "echo outside");
        assert!(format!("{:#}", run(&program, "odd", &WORK).unwrap_err()).contains("outside"));
        let program = peer(folder.path(), "exit 1", "cat");
        assert!(
            format!("{:#}", run(&program, "odd", &WORK).unwrap_err()).contains("does not listen")
        );
    }
}
