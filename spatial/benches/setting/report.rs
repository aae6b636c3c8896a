//! What ran where, and a table of times: the least and the median of many runs, because the
//! neighbours of a virtual machine are noisy.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::time::Instant;

/// Prints machine and build.
pub fn print_heading(benchmark: &str) {
    let build = if cfg!(debug_assertions) {
        "DEBUG ASSERTIONS ON: these times mean nothing"
    } else {
        "optimised"
    };
    println!("benchmark  {benchmark}");
    println!(
        "machine    {}, {} logical cores, {}",
        cpu_model(),
        std::thread::available_parallelism().map_or(0, usize::from),
        std::env::consts::ARCH
    );
    println!("build      {build}, {}", env!("CARGO_PKG_VERSION"));
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let family = field("cpu family").unwrap_or_default();
    let name = field("model name").unwrap_or_else(|| "unknown CPU".to_owned());
    format!("{name} (family {family})")
}

/// One line of the table: a thing that is done `per` times in each run.
pub struct Line {
    what: String,
    per: usize,
    unit: &'static str,
    runs_ns: Vec<f64>,
}

impl Line {
    pub fn new(what: impl Into<String>, per: usize, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            per,
            unit,
            runs_ns: Vec::new(),
        }
    }

    /// Does it once and notes the time.
    pub fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let ns = start.elapsed().as_secs_f64() * 1e9;
        self.runs_ns.push(ns / self.per as f64);
        result
    }

    pub fn print(&mut self) {
        self.runs_ns.sort_by(f64::total_cmp);
        let (Some(least), Some(median)) = (
            self.runs_ns.first(),
            self.runs_ns.get(self.runs_ns.len() / 2),
        ) else {
            println!("{:44} not run", self.what);
            return;
        };
        println!(
            "{:44} {least:9.1} {median:9.1}  ns per {:8} ({} runs)",
            self.what,
            self.unit,
            self.runs_ns.len()
        );
    }
}

/// Prints the table.
pub fn print_table(lines: &mut [Line]) {
    println!("{:44} {:>9} {:>9}", "", "least", "median");
    lines.iter_mut().for_each(Line::print);
    println!();
}
