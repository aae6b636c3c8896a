//! Processor time and memory of a process as `/proc` tells them (proc(5)), by thread: which part of a
//! server a microsecond was spent in.

use std::path::Path;

/// Threads whose names begin so run sockets and TLS.
const QUIC: &str = "net";
/// The thread that owns time: takes datagrams in, replicates, journals.
const LOOP: &str = "world";
/// Those that step zones.
const STEP: &str = "zones";

/// Time since the start of a process, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Sockets, TLS, QUIC.
    pub quic_s: f64,
    /// The loop.
    pub loop_s: f64,
    /// Zones' steps, where they run on threads of their own.
    pub step_s: f64,
    /// Everybody else: journal, checkpoints, admin, log.
    pub other_s: f64,
    /// Resident memory now, bytes.
    pub resident_bytes: f64,
}

impl Usage {
    /// Of a running process; `None` where the system does not say.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let process = Path::new("/proc").join(pid.to_string());
        let mut usage = Self {
            resident_bytes: resident_bytes(&process)?,
            ..Self::default()
        };
        for thread in std::fs::read_dir(process.join("task")).ok()?.flatten() {
            // A thread may end between two looks.
            let Ok(name) = std::fs::read_to_string(thread.path().join("comm")) else {
                continue;
            };
            let spent_s = on_processor_s(&thread.path()).unwrap_or(0.0);
            let part = match name.trim() {
                name if name.starts_with(QUIC) => &mut usage.quic_s,
                name if name.starts_with(LOOP) => &mut usage.loop_s,
                name if name.starts_with(STEP) => &mut usage.step_s,
                _ => &mut usage.other_s,
            };
            *part += spent_s;
        }
        Some(usage)
    }

    /// All of it, seconds.
    #[must_use]
    pub fn total_s(&self) -> f64 {
        self.quic_s + self.loop_s + self.step_s + self.other_s
    }

    /// What came after `earlier`; memory is the newest. A thread that has ended since took its time along:
    /// meant for processes whose threads stay.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            quic_s: self.quic_s - earlier.quic_s,
            loop_s: self.loop_s - earlier.loop_s,
            step_s: self.step_s - earlier.step_s,
            other_s: self.other_s - earlier.other_s,
            resident_bytes: self.resident_bytes,
        }
    }
}

/// This process's processor time, seconds.
#[must_use]
pub fn own_cpu_s() -> Option<f64> {
    Some(Usage::of(std::process::id())?.total_s())
}

/// The first number of `schedstat` counts nanoseconds on the processor.
fn on_processor_s(thread: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
    let ns: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns as f64 / 1e9)
}

fn resident_bytes(process: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(process.join("status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use bluemarble_shared_protocol::mix64;

    use super::*;

    #[test]
    fn this_process_has_used_some_time_and_memory() {
        // The time of this thread alone: other tests' threads end meanwhile and take theirs along.
        let this_thread = Path::new("/proc/thread-self");
        let before_s = on_processor_s(this_thread).unwrap();
        let mut busy = 0;
        let gained = (0..1_000).any(|_| {
            busy = (0..3_000_000).fold(busy, |sum, n| mix64(sum ^ n));
            on_processor_s(this_thread).unwrap() > before_s
        });
        assert!(gained && busy != 0);
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.total_s() > before_s && usage.resident_bytes > 1e6);
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
