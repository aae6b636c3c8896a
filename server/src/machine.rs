//! What this program is and what it runs on: told in the status, so that a number can be judged.

use std::io::Read;
use std::path::Path;

/// The program: its version and a checksum of the executable. Two builds that could compute
/// different worlds differ in it; the same file always gives the same.
pub fn build() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match executable_checksum() {
        Ok(sum) => format!("{version}+{sum:08x}"),
        Err(error) => {
            tracing::warn!("cannot read the program's own file: {error}");
            format!("{version}+unknown")
        }
    }
}

fn executable_checksum() -> std::io::Result<u32> {
    let mut file = std::fs::File::open(std::env::current_exe()?)?;
    let mut sum = crc32fast::Hasher::new();
    let mut block = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(sum.finalize()),
            n => sum.update(&block[..n]),
        }
    }
}

/// Processor model and how many threads it runs at once.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    format!("{model}, {} hardware threads", hardware_threads())
}

/// How many threads run at once here.
pub fn hardware_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Time and memory the process has used; `None` where the system does not say (not Linux).
pub struct Usage {
    /// User plus system time of all threads, seconds.
    pub cpu_s: f64,
    /// Resident memory, bytes.
    pub resident_bytes: u64,
}

/// What `/proc/self` says; see proc(5).
pub fn usage() -> Option<Usage> {
    const TICKS_PER_S: f64 = 100.0; // USER_HZ, 100 on every Linux architecture Rust supports
    const PAGE_BYTES: u64 = 4_096;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let (user, system, pages) = (number(11)?, number(12)?, number(21)?);
    Some(Usage {
        cpu_s: (user + system) as f64 / TICKS_PER_S,
        resident_bytes: pages * PAGE_BYTES,
    })
}

/// What a thread's name begins with, and which part of the server it is. The names are given in `serve.rs`,
/// `stepper.rs` and `worlds/`.
const PARTS: [(&str, &str); 3] = [("net", "quic"), ("world", "loop"), ("zones", "step")];
/// All other threads: journal, checkpoints, admin, log; and those that have ended.
const REST: &str = "other";

/// Processor time by part of the server, seconds: `quic` (sockets, TLS), `loop` (ingest, replication; the
/// steps too where zones have no threads of their own), `step` (zones), `other`. Empty where the system
/// does not say.
pub fn cpu_by_part() -> Vec<(&'static str, f64)> {
    let mut parts: Vec<_> = PARTS.iter().map(|(_, part)| (*part, 0.0)).collect();
    let Some(whole) = usage() else {
        return Vec::new();
    };
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    // A thread may end between two looks.
    for thread in threads.flatten().map(|thread| thread.path()) {
        let name = std::fs::read_to_string(thread.join("comm")).unwrap_or_default();
        let part = PARTS.iter().position(|(begin, _)| name.starts_with(begin));
        if let (Some(part), Some(spent_s)) = (part, on_processor_s(&thread)) {
            parts[part].1 += spent_s;
        }
    }
    let named_s: f64 = parts.iter().map(|(_, spent_s)| spent_s).sum();
    parts.push((REST, (whole.cpu_s - named_s).max(0.0)));
    parts
}

/// Of a thread: the first number of `schedstat` counts its nanoseconds on the processor.
fn on_processor_s(thread: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
    let ns: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_the_same_each_time_it_is_asked() {
        assert_eq!(build(), build());
        assert!(build().starts_with(env!("CARGO_PKG_VERSION")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn usage_is_plausible() {
        let usage = usage().unwrap();
        assert!(usage.resident_bytes > 100_000 && usage.resident_bytes < 1 << 40);
        assert!(usage.cpu_s >= 0.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processor_time_is_told_by_the_part_that_used_it() {
        let parts = cpu_by_part();
        let names: Vec<_> = parts.iter().map(|(part, _)| *part).collect();
        assert_eq!(names, ["quic", "loop", "step", "other"]);
        assert!(parts.iter().all(|(_, spent_s)| *spent_s >= 0.0));
    }
}
