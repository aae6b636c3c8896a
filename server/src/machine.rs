//! What this program is and what it runs on: told in the status, so that a number can be judged.

use std::io::Read;

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
}
