//! Where the codec's tables come from: traffic of walkers that scenarios make headless, and of rigid bodies
//! that were recorded; counted, and fitted with the shortest prefix codes.
//!
//! Two steps, so that the second needs no recording: `counts.txt` beside this file is what was counted, and
//! the codec's tables are what the tool makes of it (a test compares). Bodies are counted in the first half
//! of a recording, so that the second remains to be measured (`cargo bench -p bluemarble-bench --bench
//! codec`).

pub mod bodies;
pub mod counts;
pub mod emit;
pub mod fit;
pub mod lag;
pub mod walkers;
pub mod workload;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context as _;
use indicatif::ProgressBar;

use self::counts::Counts;
use crate::cli::TablesArgs;

/// The crowd that is counted of the workload; tests look at another.
const WORKLOAD_SEED: u64 = 1;
/// What was counted.
const COUNTS: &str = "bench/src/tables/counts.txt";

/// `bluemarble-bench tables`.
///
/// # Errors
/// A file cannot be read or written, or the recording is none.
pub fn write(args: &TablesArgs) -> anyhow::Result<()> {
    let counts_file = args.repository.join(COUNTS);
    if let Some(bodies) = args.bodies.as_ref().filter(|_| args.count) {
        let counts = count(&args.repository.join("assets"), bodies)?;
        put(&counts_file, &counts.to_text())?;
    }
    let text = std::fs::read_to_string(&counts_file).with_context(|| {
        let shown = counts_file.display();
        format!("cannot read {shown}: run this in the repository, or say --repository")
    })?;
    let set = emit::table_set(&Counts::from_text(&text)?, args.version);
    let file = format!("shared-protocol/src/codec/tables/v{}.rs", args.version);
    put(&args.repository.join(file), &emit::source(&set))
}

fn count(assets: &Path, recording: &Path) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let bar = ProgressBar::new(walkers::SCENES.len() as u64 + 1);
    bar.set_message("counting");
    for scene in &walkers::SCENES {
        let counted = walkers::count(assets, scene, &mut counts)?;
        bar.inc(1);
        bar.suspend(|| println!("{}: {counted} deltas of walkers", scene.scenario));
    }
    let counted = workload::count(WORKLOAD_SEED, &mut counts);
    bar.suspend(|| println!("wandering: {counted} deltas of walkers"));
    let frames = bodies::read(recording)?;
    let (first_half, _) = bodies::halves(&frames);
    for lag in [1, 2, 3, 4, 6] {
        lag::count(first_half, lag, &mut counts);
    }
    bar.finish_and_clear();
    Ok(counts)
}

fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}
