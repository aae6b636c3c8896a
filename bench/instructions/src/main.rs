//! Hot paths, each done a fixed number of times, for `cargo xtask instructions` to count the
//! processor's instructions under Valgrind: a number that is the same on a busy machine.
//!
//! Without arguments it names its cases; with one it does it, asserts the result, and prints how
//! many times it was done. Only what [`measured`] runs is counted. The table that the counts are
//! compared with is `counts.toml` beside this crate's manifest.

mod cases;
#[path = "../../../spatial/benches/setting/scene.rs"]
mod scene;

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(wanted) = std::env::args().nth(1) else {
        for (name, _) in cases::ALL {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, case)) = cases::ALL.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("error: no case {wanted:?}");
        return ExitCode::FAILURE;
    };
    match case() {
        Some(times) => println!("{times} times"),
        None => println!("not on this processor"),
    }
    ExitCode::SUCCESS
}

/// Valgrind counts from here to the end of it: found by its name.
#[inline(never)]
pub fn measured<T>(work: impl FnOnce() -> T) -> T {
    std::hint::black_box(work())
}
