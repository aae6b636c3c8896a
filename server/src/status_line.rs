//! One line a second for the person at the terminal: redrawn in place on a terminal, a plain line
//! otherwise, so that a log file stays readable.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::health::{Grade, Report};
use crate::limits::STATUS_PERIOD;
use crate::live::{Live, Status};

/// The running status line; ends when dropped.
pub struct StatusLine {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StatusLine {
    /// Prints until dropped.
    pub fn start(live: Arc<Live>) -> Self {
        let (stop, stopped) = bounded::<()>(0);
        let in_place = std::io::stdout().is_terminal();
        let draw = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(STATUS_PERIOD) {
                if let Some(status) = live.status() {
                    show(&line(&status, &live.health.report()), in_place);
                }
            }
            if in_place {
                println!();
            }
        };
        let thread = std::thread::Builder::new()
            .name("status".into())
            .spawn(draw);
        Self {
            stop: Some(stop),
            thread: thread.ok(),
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _panicked_drawing = thread.join();
        }
    }
}

fn show(line: &str, in_place: bool) {
    let mut out = std::io::stdout().lock();
    // A closed stdout (the reader of a pipe went away) must not end the world.
    let _closed = if in_place {
        write!(out, "\r\x1b[K{line}").and_then(|()| out.flush())
    } else {
        writeln!(out, "{line}")
    };
}

fn line(status: &Status, health: &Report) -> String {
    let ms = &status.tick_ms_last_second;
    let mut line = format!(
        "tick {}  {:.1}/{:.1} ms p50/p99  players {}  entities {}  zones {}  out {}/s  journal \
         lag {} ms",
        status.tick,
        ms.p50,
        ms.p99,
        status.players,
        status.entities,
        status.zones,
        bytes(status.bytes_out_per_s),
        status.journal_lag_ms,
    );
    if status.strays > 0 {
        line.push_str(&format!("  strays {}", status.strays));
    }
    if status.waiting > 0 {
        line.push_str(&format!("  waiting {}", status.waiting));
    }
    line.push_str(match health.status {
        Grade::Ok => "  ok",
        Grade::Degraded => "  DEGRADED",
        Grade::Down => "  DOWN",
    });
    for (name, reason) in &health.reasons {
        line.push_str(&format!(" [{name}: {}]", reason.text));
    }
    line
}

fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{} kB", n / 1_000),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Health;

    #[test]
    fn a_line_tells_what_an_operator_looks_for() {
        let mut status = Status {
            tick: 1_200,
            players: 200,
            entities: 5_000,
            ..Status::default()
        };
        status.bytes_out_per_s = 1_234_567;
        let health = Health::default();
        let well = line(&status, &health.report());
        assert!(
            well.starts_with("tick 1200 ") && well.ends_with("  ok"),
            "{well}"
        );
        assert!(well.contains("out 1234 kB/s"), "{well}");
        health.raise("database", Grade::Degraded, "no answer");
        let ill = line(&status, &health.report());
        assert!(ill.ends_with("DEGRADED [database: no answer]"), "{ill}");
    }
}
