//! What every command that steps a world needs: the planet, the number of zones, threads, and a bar.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use bluemarble_sim::{Scenario, ZoneMap};
use bluemarble_spatial::Planet;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::ThreadPool;

/// The planet a scenario plays on.
pub fn planet_of(scenario: &Scenario, assets: &Path) -> anyhow::Result<Arc<Planet>> {
    let planet = Planet::load(assets, &scenario.planet)
        .with_context(|| format!("cannot load planet '{}'", scenario.planet))?;
    Ok(Arc::new(planet))
}

/// So many zones as `--zones` says; refused if there cannot be so many.
pub fn checked_zones(zones: usize) -> anyhow::Result<usize> {
    let most = ZoneMap::ZONES_MAX;
    if !(1..=most).contains(&zones) {
        bail!("--zones {zones}: must be between 1 and {most}");
    }
    Ok(zones)
}

/// So many threads as `--threads` says; without it one per core.
pub fn pool(threads: Option<usize>) -> anyhow::Result<ThreadPool> {
    built(threads, rayon::ThreadPoolBuilder::new())
}

/// The same with the calling thread as one of them, so that a step begins and ends on it: no other has
/// to be woken first, and with one thread none is. A thread can be in one such pool only.
pub fn pool_with_this_thread(threads: Option<usize>) -> anyhow::Result<ThreadPool> {
    built(
        threads,
        rayon::ThreadPoolBuilder::new().use_current_thread(),
    )
}

fn built(threads: Option<usize>, builder: rayon::ThreadPoolBuilder) -> anyhow::Result<ThreadPool> {
    if threads == Some(0) {
        bail!("--threads must be at least 1");
    }
    builder
        .num_threads(threads.unwrap_or(0))
        .build()
        .context("cannot start the simulation's threads")
}

/// A bar over so many ticks, behind `what` is under way if there are several.
pub fn tick_bar(quiet: bool, ticks: u64, what: Option<String>) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let template = match what {
        None => "{bar:40} {pos}/{len} ticks  {per_sec}  {elapsed_precise} elapsed, {eta} left",
        Some(_) => "{msg}  {bar:30} {pos}/{len} ticks  {per_sec}  {eta} left",
    };
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(ticks)
        .with_message(what.unwrap_or_default())
        .with_style(style.expect("the templates are constants that parse"))
}
