//! `cargo xtask soak`: runs case after case until its time is up or one fails.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bluemarble_sim::RULES_VERSION;
use bluemarble_soak::case::{CaseRun, CaseStats, Failure, Workshop};
use bluemarble_soak::kinds::{EventKind, Events};
use bluemarble_soak::ledger::{self, Row};
use bluemarble_soak::plant::Plant;
use bluemarble_soak::shrink::shrink;
use bluemarble_soak::{Library, Pools};
use clap::Parser;

/// The row in the ledger and the line on the terminal are at most so old.
const TELL_EVERY: Duration = Duration::from_secs(20);
/// A soak that does not see a planted fault within so many cases is blind.
const PLANT_CASES: u64 = 12;

/// Runs random worlds, torn and tormented, beside whole and peaceful twins; both must be the same.
#[derive(Parser)]
#[command(
    name = "cargo xtask soak",
    after_help = "Examples:
  cargo xtask soak --seed 1 --minutes 10
      (goes on after the last case of seed 1 in the ledger)
  cargo xtask soak --seed 1 --case 42
      (that case alone; not in the ledger)
  cargo xtask soak --seed 1 --case 42 --without amnesia,crash
  cargo xtask soak --seed 1 --case 42 --plant flipped-bit
      (with a fault, to see what a failure looks like)

A case that fails is run again with ever fewer sorts of events and creatures; then the report says what
it needs, and the command that shows it. Killing the program loses some seconds of the ledger, nothing else."
)]
struct Args {
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after so many minutes
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// First case [default: the one after the last in the ledger]
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Run this case alone
    #[arg(long, value_name = "N", conflicts_with = "from")]
    case: Option<u64>,
    /// Leave out these sorts of events, separated by commas
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = event_kind)]
    without: Vec<EventKind>,
    /// Leave out all creatures but so many in each world, of one case
    #[arg(long, value_name = "N", requires = "case", value_parser = clap::value_parser!(u64).range(1..))]
    creatures_at_most: Option<u64>,
    /// Plant a fault in one case: live-zone, flipped-bit or hasty-journeys
    #[arg(long, value_name = "FAULT", requires = "case", value_parser = plant)]
    plant: Option<Plant>,
    /// Where to record what was run
    #[arg(long, value_name = "FILE", default_value = "tools/soak/ledger.csv")]
    ledger: PathBuf,
    /// Where to write what is found
    #[arg(long, value_name = "DIR", default_value = "target/soak")]
    reports: PathBuf,
    /// Folder with planets and creatures
    #[arg(long, value_name = "DIR", default_value = "assets")]
    assets: PathBuf,
    /// What is running, for the ledger
    #[arg(long, value_name = "COMMIT", default_value = "unknown")]
    build: String,
}

fn event_kind(name: &str) -> Result<EventKind, String> {
    EventKind::named(name)
        .ok_or_else(|| format!("no such sort of event; there are: {}", Events::all()))
}

fn plant(name: &str) -> Result<Plant, String> {
    let names = Plant::ALL.map(Plant::name).join(", ");
    match Plant::named(name) {
        Some(plant) if plant.is_built() => Ok(plant),
        Some(_) => Err("it is in builds with the feature `mutants` only".into()),
        None => Err(format!("no such fault; there are: {names}")),
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the soak; false if a case failed.
#[expect(
    clippy::disallowed_methods,
    reason = "how long to run is told in minutes, and the ledger has dates; no case knows the time"
)]
fn run(args: &Args) -> anyhow::Result<bool> {
    let started = Instant::now();
    let date = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    if !(args.minutes.is_finite() && args.minutes > 0.0) {
        bail!("--minutes must be above 0");
    }
    let mut shop = Workshop {
        library: Library::open(&args.assets)?,
        pools: Pools::default(),
    };
    let events = args
        .without
        .iter()
        .fold(Events::all(), |events, kind| events.without(*kind));
    let run = |case| CaseRun {
        events,
        creatures_most: args.creatures_at_most,
        plant: args.plant,
        ..CaseRun::whole(args.seed, case)
    };
    if let Some(case) = args.case {
        return one_case(args, run(case), &mut shop);
    }
    for plant in [Plant::LiveZone, Plant::HastyJourneys] {
        if !sees(plant, args, &mut shop)? {
            return Ok(false);
        }
    }
    let known = ledger::read(&args.ledger)?;
    let first = args
        .from
        .unwrap_or_else(|| ledger::next_case(&known, args.seed));
    let mut row = Row {
        date: ledger::utc(date.as_secs()),
        build: format!("rules {RULES_VERSION} {}", args.build),
        seed: args.seed,
        first_case: first,
        last_case: first,
        minutes: 0.0,
        cases: 0,
        ticks: 0,
        entity_ticks: 0,
        handoffs: 0,
        zone_changes: 0,
        restarts: 0,
        losses: 0,
        journeys: 0,
        failures: 0,
    };
    let mut told = started;
    for case in first.. {
        let one = run(case);
        let outcome = one.run(&mut shop)?;
        row.last_case = case;
        row.cases += 1;
        row.minutes = (started.elapsed().as_secs_f64() / 0.6).round() / 100.0;
        match outcome {
            Ok(stats) => add(&mut row, &stats),
            Err(failure) => {
                row.failures += 1;
                ledger::record(&args.ledger, &row)?;
                report(args, one, failure, &mut shop)?;
                return Ok(false);
            }
        }
        let is_over = row.minutes >= args.minutes;
        if is_over || told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            ledger::record(&args.ledger, &row)?;
            tell(&row);
        }
        if is_over {
            break;
        }
    }
    println!(
        "no failure in {} cases, see {}",
        row.cases,
        args.ledger.display()
    );
    Ok(true)
}

/// The soak proves that it sees a planted fault, and that it sees nothing in the same case without
/// that; false if it does.
fn sees(plant: Plant, args: &Args, shop: &mut Workshop) -> anyhow::Result<bool> {
    if !plant.is_built() {
        bail!("built without the feature `mutants`, so it cannot prove that it is not blind");
    }
    for n in 0..PLANT_CASES {
        let sound = CaseRun::whole(args.seed, u64::MAX - n);
        let planted = CaseRun {
            plant: Some(plant),
            ..sound
        };
        let Err(found) = planted.run(shop)? else {
            continue;
        };
        let case = n + 1;
        println!("planted {plant}: found in case {case} of its own, at {found}");
        if let Err(failure) = sound.run(shop)? {
            report(args, sound, failure, shop)?;
            return Ok(false);
        }
        println!("  and nothing in the same case without it");
        return Ok(true);
    }
    bail!("{PLANT_CASES} cases did not show the planted {plant}: the soak is blind")
}

fn one_case(args: &Args, run: CaseRun, shop: &mut Workshop) -> anyhow::Result<bool> {
    match run.run(shop)? {
        Ok(stats) => {
            println!("case {} of seed {} is fine: {stats}", run.case, run.seed);
            Ok(true)
        }
        Err(failure) => {
            report(args, run, failure, shop)?;
            Ok(false)
        }
    }
}

fn add(row: &mut Row, stats: &CaseStats) {
    row.ticks += stats.ticks;
    row.entity_ticks += stats.entity_ticks;
    row.handoffs += stats.tally.handoffs;
    row.zone_changes += stats.done.zone_changes;
    row.restarts += stats.done.restarts;
    row.losses += stats.done.losses;
    row.journeys += stats.tally.arrived;
}

fn tell(row: &Row) {
    println!(
        "seed {} case {}: {:.1} min, {} cases, {} ticks, {} entity-ticks, {} hand-offs, {} zone \
         changes, {} restarts, {} journeys",
        row.seed,
        row.last_case,
        row.minutes,
        row.cases,
        row.ticks,
        row.entity_ticks,
        row.handoffs,
        row.zone_changes,
        row.restarts,
        row.journeys,
    );
}

/// Says what was found, what it needs, and how to see it again.
fn report(args: &Args, run: CaseRun, failure: Failure, shop: &mut Workshop) -> anyhow::Result<()> {
    println!(
        "\nFAILED: seed {} case {}, {failure}\n  again: {}\n{}now with less …",
        run.seed,
        run.case,
        run.command(),
        failure.detail,
    );
    let (least, how) = shrink(run, failure.clone(), shop, |without, still| {
        let verdict = match still {
            Some(failure) => format!("still fails, {failure}"),
            None => "does not fail".into(),
        };
        println!("  {without}: {verdict}");
    })?;
    let text = format!(
        "The soak failed at seed {} case {} (rules {RULES_VERSION} {}).\n\n\
         With everything: {failure}\n  {}\n{}\n\
         With what it needs ({}): {how}\n  {}\n{}\n{}",
        run.seed,
        run.case,
        args.build,
        run.command(),
        failure.detail,
        least.events,
        least.command(),
        how.detail,
        how.scenes,
    );
    let path = write_report(&args.reports, &run, &text)?;
    println!(
        "it needs: {}\n  {how}\n{}  again: {}\n  report: {}",
        least.events,
        how.detail,
        least.command(),
        path.display()
    );
    Ok(())
}

fn write_report(dir: &Path, run: &CaseRun, text: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(format!("failure-{}-{}.txt", run.seed, run.case));
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&path, text))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
