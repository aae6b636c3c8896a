//! The fuzzer's program:
//!
//! - `bluemarble-fuzz run TARGET SECONDS SEED FOLDER` bends the inputs of a folder,
//! - `bluemarble-fuzz play TARGET FILE...` plays inputs back,
//! - `bluemarble-fuzz seeds FOLDER` writes what each target begins with.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bluemarble_fuzz::{TARGETS, mutate, target};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["seeds", folder] => seeds(Path::new(folder)),
        ["play", name, ref files @ ..] => {
            let target = target(name).expect("a known target");
            for file in files {
                println!("{file}");
                (target.run)(&std::fs::read(file).expect("a file that can be read"));
            }
        }
        ["run", name, seconds, seed, folder] => {
            let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
            return run(
                name,
                seconds,
                seed.parse().expect("a seed"),
                Path::new(folder),
            );
        }
        _ => panic!("run, play or seeds: see the source"),
    }
    ExitCode::SUCCESS
}

fn run(name: &str, time: Duration, seed: u64, folder: &Path) -> ExitCode {
    let target = target(name).expect("a known target");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a corpus")
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files
        .iter()
        .filter_map(|file| std::fs::read(file).ok())
        .collect();
    let ran = mutate::run(target.run, &corpus, seed, time);
    bluemarble_fuzz::clean_up();
    eprintln!("executions: {}\ninputs: {}", ran.executions, corpus.len());
    let Some(input) = ran.failure else {
        return ExitCode::SUCCESS;
    };
    let file = std::env::temp_dir().join(format!("bluemarble-fuzz-{name}-{seed}"));
    std::fs::write(&file, input).expect("a place for what was found");
    eprintln!("found: {}", file.display());
    ExitCode::FAILURE
}

fn seeds(folder: &Path) {
    for target in TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder).expect("a folder that can be written");
        for (n, seed) in (target.seeds)().iter().enumerate() {
            let file = folder.join(format!("seed-{n:02}"));
            std::fs::write(file, seed).expect("a file that can be written");
        }
    }
}
