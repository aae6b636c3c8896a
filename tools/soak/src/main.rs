//! `cargo xtask soak`: runs case after case until its time is up or one fails.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bluemarble_sim::RULES_VERSION;
use bluemarble_soak::case::{CaseRun, CaseStats, Failure, Workshop};
use bluemarble_soak::kinds::{EventKind, Events};
use bluemarble_soak::ledger::{self, Row};
use bluemarble_soak::shrink::shrink;
use bluemarble_soak::{Library, Pools};
use clap::Parser;

/// The row in the ledger and the line on the terminal are at most so old.
const TELL_EVERY: Duration = Duration::from_secs(20);
/// A soak that does not see the mutant within so many cases is blind.
const MUTANT_CASES: u64 = 12;

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

A case that fails is run again with ever fewer sorts of events; then the report says which it needs,
and the command that shows it. Killing the program loses some seconds of the ledger, nothing else."
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
    if let Some(case) = args.case {
        return one_case(args, case, events, &mut shop);
    }
    if !sees_the_mutant(args, &mut shop)? {
        return Ok(false);
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
        failures: 0,
    };
    let mut told = started;
    for case in first.. {
        let one = CaseRun {
            seed: args.seed,
            case,
            events,
            mutant: false,
        };
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

/// The soak proves that it sees a world that reads its own zone at t, and that it sees nothing in the
/// same case without that; false if it does.
fn sees_the_mutant(args: &Args, shop: &mut Workshop) -> anyhow::Result<bool> {
    if !cfg!(feature = "mutants") {
        bail!("built without the feature `mutants`, so it cannot prove that it is not blind");
    }
    for n in 0..MUTANT_CASES {
        let case = u64::MAX - n;
        let run = |mutant| CaseRun {
            seed: args.seed,
            case,
            events: Events::all(),
            mutant,
        };
        if let Err(failure) = run(true).run(shop)? {
            println!(
                "the mutant was found in case {} of its own, at tick {}",
                n + 1,
                failure.tick
            );
            return one_case(args, case, Events::all(), shop);
        }
    }
    bail!("{MUTANT_CASES} cases did not show the mutant: the soak is blind")
}

fn one_case(args: &Args, case: u64, events: Events, shop: &mut Workshop) -> anyhow::Result<bool> {
    let one = CaseRun {
        seed: args.seed,
        case,
        events,
        mutant: false,
    };
    match one.run(shop)? {
        Ok(stats) => {
            println!("case {case} of seed {} is fine: {stats}", args.seed);
            Ok(true)
        }
        Err(failure) => {
            report(args, one, failure, shop)?;
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
}

fn tell(row: &Row) {
    println!(
        "seed {} case {}: {:.1} min, {} cases, {} ticks, {} entity-ticks, {} hand-offs, {} zone \
         changes, {} restarts",
        row.seed,
        row.last_case,
        row.minutes,
        row.cases,
        row.ticks,
        row.entity_ticks,
        row.handoffs,
        row.zone_changes,
        row.restarts,
    );
}

/// Says what was found, which sorts of events it needs, and how to see it again.
fn report(args: &Args, run: CaseRun, failure: Failure, shop: &mut Workshop) -> anyhow::Result<()> {
    let command = |run: &CaseRun| {
        let mut line = format!("cargo xtask soak --seed {} --case {}", run.seed, run.case);
        let left_out = run.events.left_out();
        if !left_out.is_empty() {
            line.push_str(&format!(" --without {left_out}"));
        }
        line
    };
    println!(
        "\nFAILED: seed {} case {} at tick {}: {}\n  again: {}\nnow with fewer sorts of events …",
        run.seed,
        run.case,
        failure.tick,
        failure.fault,
        command(&run),
    );
    let (least, how) = shrink(run, failure.clone(), shop, |kind, is_needed| {
        let verdict = if is_needed { "needed" } else { "not needed" };
        println!("  {}: {verdict}", kind.name());
    })?;
    let text = format!(
        "The soak failed at seed {} case {} (rules {RULES_VERSION} {}).\n\n\
         With everything: tick {}: {}\n  {}\n{}\n\
         With what it needs ({}): tick {}: {}\n  {}\n{}\n{}\n",
        run.seed,
        run.case,
        args.build,
        failure.tick,
        failure.fault,
        command(&run),
        failure.detail,
        least.events,
        how.tick,
        how.fault,
        command(&least),
        how.detail,
        how.scene,
    );
    let path = write_report(&args.reports, &run, &text)?;
    println!(
        "it needs: {}\n  first differing tick {}: {}\n  again: {}\n  report: {}",
        least.events,
        how.tick,
        how.fault,
        command(&least),
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
