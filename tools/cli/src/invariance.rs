//! `bluemarble invariance`: scenarios, each in one zone on one thread and then cut in many other ways
//! on other numbers of threads, digest by digest; and the golden digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use bluemarble_sim::invariance::{
    self, Cut, GOLDEN_TICKS, Goldens, Outcome, Run, SCENARIOS, SEED, TICK_HZ,
};
use bluemarble_sim::{Tally, WorldSpec};
use bluemarble_spatial::{Planet, SimdLevel};
use clap::Args;

use crate::run::{checked_zones, planet_of, pool, tick_bar};
use crate::scenario_source::SourceArgs;

/// What to compare.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble invariance
      (every border scenario, 10,000 ticks: takes minutes)
  bluemarble invariance vertex-armies --ticks 2000 --zones 6,384 --random 20 --threads 2
  bluemarble invariance crowd-recorded --trajectories crowd.txt
Exit status: 0 all the same, 1 something differs, 2 cannot run. If a cut differs from the reference,
the reference is run once more to that tick; then scenario, cut, tick, entity, component and both
values are named.")]
pub struct InvarianceArgs {
    /// Scenario files, or names of some in ./assets/scenarios [default: all that stress borders]
    scenarios: Vec<PathBuf>,
    /// How many ticks to compare
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
    /// Cut the planet into these numbers of zones
    #[arg(long, value_delimiter = ',', default_values_t = [1, 6, 24, 96, 384])]
    zones: Vec<usize>,
    /// And in this many random ways, most borders where the entities begin
    #[arg(long, default_value_t = 4)]
    random: u64,
    /// And in this many random ways that change every few seconds while the world runs
    #[arg(long, default_value_t = 2)]
    restless: u64,
    /// Each cut on each of these numbers of threads
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 8])]
    threads: Vec<usize>,
    /// Only the reference runs, in one zone on one thread
    #[arg(long)]
    alone: bool,
    /// Seed of everything random in the worlds; random cuts are drawn from it, too
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Ticks per simulated second, 10 to 120
    #[arg(long, default_value_t = TICK_HZ)]
    tick_hz: u32,
    /// Compare the digests of the first zone's run with those in this file, too
    #[arg(long, value_name = "FILE")]
    goldens: Option<PathBuf>,
    /// Write the digests into that file instead: what the worlds are now is right
    #[arg(long, requires = "goldens")]
    bless: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Compares them all; prints a table.
pub fn run(args: &InvarianceArgs) -> anyhow::Result<ExitCode> {
    check(args)?;
    let mut goldens = args.goldens.as_deref().map(read_goldens).transpose()?;
    let mut planets = BTreeMap::new();
    let mut failures = Vec::new();
    let shipped = SCENARIOS.map(PathBuf::from);
    let wanted = if args.scenarios.is_empty() {
        &shipped[..]
    } else {
        &args.scenarios[..]
    };
    println!("{} ticks; {}", args.ticks, instruction_sets());
    println!("{}", Row::HEAD);
    for scenario in wanted {
        let spec = spec(args, scenario, &mut planets)?;
        let reference = reference(args, &spec)?;
        match &mut goldens {
            Some(goldens) if args.bless => bless(goldens, &spec, &reference),
            Some(goldens) => check_goldens(goldens, &spec, &reference, &mut failures),
            None => {}
        }
        for cut in cuts(args).take_while(|_| !args.alone) {
            for &threads in &args.threads {
                compare(args, &spec, &reference, cut, threads, &mut failures)?;
            }
        }
    }
    if let (Some(goldens), Some(path), true) = (&goldens, &args.goldens, args.bless) {
        std::fs::write(path, goldens.render())
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    for failure in &failures {
        eprintln!("DIFFERENT: {failure}");
    }
    if failures.is_empty() {
        println!("all the same");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

fn check(args: &InvarianceArgs) -> anyhow::Result<()> {
    for &zones in &args.zones {
        checked_zones(zones)?;
    }
    if args.threads.contains(&0) {
        bail!("--threads must be at least 1");
    }
    if args.bless && (args.seed, args.tick_hz) != (SEED, TICK_HZ) {
        bail!("golden digests are of seed {SEED} at {TICK_HZ} ticks a second");
    }
    if args.bless && args.source.trajectories.is_some() {
        bail!("golden digests are of the recording that the scenario names");
    }
    if args.bless && args.ticks < GOLDEN_TICKS[0] {
        bail!("golden digests are of tick {} and later", GOLDEN_TICKS[0]);
    }
    Ok(())
}

/// What this build and this machine can do: a step computes in scalar code, whose results no
/// instruction set may change; run builds for several CPUs against the same goldens.
fn instruction_sets() -> String {
    let built = if cfg!(target_feature = "avx512f") {
        "AVX-512"
    } else if cfg!(target_feature = "avx2") {
        "AVX2"
    } else {
        "any x86-64"
    };
    format!(
        "built for {built}, this CPU has {:?}; {} build",
        SimdLevel::best(),
        if cfg!(debug_assertions) {
            "test"
        } else {
            "release"
        },
    )
}

fn read_goldens(path: &Path) -> anyhow::Result<Goldens> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the golden digests {}", path.display()))?;
    Goldens::parse(&text).with_context(|| path.display().to_string())
}

fn spec(
    args: &InvarianceArgs,
    scenario: &Path,
    planets: &mut BTreeMap<String, Arc<Planet>>,
) -> anyhow::Result<WorldSpec> {
    let assets = args.source.assets_of(scenario);
    let scenario = args.source.load(scenario)?;
    let planet = if let Some(planet) = planets.get(&scenario.planet) {
        Arc::clone(planet)
    } else {
        let planet = planet_of(&scenario, &assets)?;
        planets.insert(scenario.planet.clone(), Arc::clone(&planet));
        planet
    };
    Ok(WorldSpec {
        planet,
        tick_hz: args.tick_hz,
        seed: args.seed,
        zones: scenario.zones,
        scenario,
    })
}

fn cuts(args: &InvarianceArgs) -> impl Iterator<Item = Cut> {
    let zones = args.zones.iter().copied().map(Cut::Zones);
    let seed = |n: u64| args.seed.wrapping_mul(1_000).wrapping_add(n);
    zones
        .chain((0..args.random).map(move |n| Cut::Random(seed(n))))
        .chain((0..args.restless).map(move |n| Cut::Restless(seed(n))))
}

#[expect(clippy::disallowed_methods, reason = "how long a run took is reported")]
fn reference(args: &InvarianceArgs, spec: &WorldSpec) -> anyhow::Result<Run> {
    let started = Instant::now();
    let what = format!("{}: reference", spec.scenario.name);
    let bar = tick_bar(args.quiet, args.ticks, Some(what));
    let run = invariance::reference(spec, args.ticks, &pool(Some(1))?, &mut |tick| {
        bar.set_position(tick);
    })?;
    bar.finish_and_clear();
    let row = Row {
        scenario: &spec.scenario.name,
        cut: "reference",
        zones: run.zones,
        threads: 1,
        total: &run.total,
        seconds: started.elapsed().as_secs_f64(),
        verdict: format!("{:016x}", run.digests.last().copied().unwrap_or_default()),
    };
    row.print();
    Ok(run)
}

#[expect(clippy::disallowed_methods, reason = "how long a run took is reported")]
fn compare(
    args: &InvarianceArgs,
    spec: &WorldSpec,
    reference: &Run,
    cut: Cut,
    threads: usize,
    failures: &mut Vec<String>,
) -> anyhow::Result<()> {
    let name = &spec.scenario.name;
    let started = Instant::now();
    let what = format!("{name}: {cut} on {threads} threads");
    let bar = tick_bar(args.quiet, args.ticks, Some(what));
    let Outcome { run, difference } =
        invariance::compare(spec, cut, reference, &pool(Some(threads))?, &mut |tick| {
            if tick < bar.position() {
                bar.set_message(format!("{name}: {cut} DIFFERS, the reference once more"));
            }
            bar.set_position(tick);
        })?;
    bar.finish_and_clear();
    let where_ = || format!("{name}, {cut} ({} zones) on {threads} threads", run.zones);
    let verdict = if let Some(difference) = difference {
        failures.push(format!("{}: {difference}", where_()));
        format!("DIFFERS at tick {}", difference.tick)
    } else if let Some(short) = unmet(spec, cut, &run) {
        failures.push(format!("{}: {short}, so it proves nothing", where_()));
        "same, but idle".into()
    } else {
        "same".into()
    };
    Row {
        scenario: name,
        cut: &cut.to_string(),
        zones: run.zones,
        threads,
        total: &run.total,
        seconds: started.elapsed().as_secs_f64(),
        verdict,
    }
    .print();
    Ok(())
}

/// Squares are cut when there are zones enough; a random cut may pass them by.
fn unmet(spec: &WorldSpec, cut: Cut, run: &Run) -> Option<String> {
    match cut {
        Cut::Zones(zones) if zones > spec.scenario.squares.len() => {
            run.unmet(&spec.scenario.stress)
        }
        _ => None,
    }
}

fn bless(goldens: &mut Goldens, spec: &WorldSpec, reference: &Run) {
    let at = |tick| Some((tick, reference.digest_at(tick)?));
    let digests: Vec<(u64, u64)> = GOLDEN_TICKS.into_iter().filter_map(at).collect();
    goldens.bless(&spec.scenario.name, &digests);
}

fn check_goldens(goldens: &Goldens, spec: &WorldSpec, reference: &Run, failures: &mut Vec<String>) {
    let name = &spec.scenario.name;
    for tick in GOLDEN_TICKS {
        match (goldens.get(name, tick), reference.digest_at(tick)) {
            (Some(golden), Some(digest)) if golden != digest => failures.push(format!(
                "{name}: tick {tick} has digest {digest:016x}, the golden one is {golden:016x}"
            )),
            (None, Some(_)) => failures.push(format!(
                "{name}: no golden digest of tick {tick}; `cargo xtask golden --bless` writes it"
            )),
            _ => {}
        }
    }
}

/// A line of the table.
struct Row<'a> {
    scenario: &'a str,
    cut: &'a str,
    zones: usize,
    threads: usize,
    total: &'a Tally,
    seconds: f64,
    verdict: String,
}

impl Row<'_> {
    const HEAD: &'static str = "scenario         cut               zones threads  contacts across    \
                                blows across   hand-offs  seconds  digests";

    fn print(&self) {
        println!(
            "{:<16} {:<17} {:>5} {:>7} {:>9} {:>6} {:>8} {:>6} {:>11} {:>8.1}  {}",
            self.scenario,
            self.cut,
            self.zones,
            self.threads,
            self.total.contacts,
            self.total.contacts_cross,
            self.total.hits,
            self.total.hits_cross,
            self.total.handoffs,
            self.seconds,
            self.verdict,
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: InvarianceArgs,
    }

    #[test]
    fn a_cut_that_differs_is_named_with_what_the_trace_has_found() {
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets");
        let line = [
            "-",
            "shuttlers",
            "--quiet",
            "--ticks",
            "9",
            "--assets",
            assets,
        ];
        let args = Line::parse_from(line).args;
        let spec = spec(&args, Path::new("shuttlers"), &mut BTreeMap::new()).unwrap();
        let mut bad = reference(&args, &spec).unwrap();
        let mut failures = Vec::new();
        compare(&args, &spec, &bad, Cut::Zones(6), 2, &mut failures).unwrap();
        assert!(failures.is_empty(), "{failures:?}");
        bad.digests[4] ^= 1;
        compare(&args, &spec, &bad, Cut::Zones(6), 2, &mut failures).unwrap();
        let [failure] = &failures[..] else {
            panic!("{failures:?}")
        };
        let begin = "shuttlers, 6 zones (6 zones) on 2 threads: tick 5 has digest ";
        assert!(failure.starts_with(begin), "{failure}");
        assert!(failure.contains("not equal to itself"), "{failure}");
    }
}
