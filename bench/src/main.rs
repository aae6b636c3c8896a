//! `bluemarble-bench`: load tests with real QUIC clients that check what they see.

mod admin;
mod armies;
mod arriving;
mod behaviour;
mod blows;
mod bot;
mod capture;
mod cli;
mod compare;
mod content;
mod counter;
mod fate;
mod hostile;
mod judge;
mod load;
mod moves;
mod outcome;
mod peers;
mod prometheus;
mod pulse;
mod report;
mod run;
mod scene;
mod tables;
mod timings;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use mimalloc::MiMalloc;

use cli::{Cli, Command, CompareArgs, LoadArgs};
use report::{Report, Verdict};

/// As the server's: thousands of bots share the machine with it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Something seen was wrong, a gate was missed, or too little was checked.
const EXIT_PROBLEMS: u8 = 1;
/// The load could not be run.
const EXIT_NOT_RUN: u8 = 2;
/// Nothing seen was wrong, but the bots could not keep up: the figures do not count.
const EXIT_VOID: u8 = 3;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let done = match &command {
        Command::Load(args) => load(args),
        Command::Report(args) => Report::read(&args.report)
            .and_then(|report| tell(&report, args.html.as_deref(), args.csv.as_deref())),
        Command::Compare(args) => compare(args),
        Command::Peers(args) => peers::run(args).map(|good| match good {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(EXIT_PROBLEMS),
        }),
        Command::Tables(args) => tables::write(args).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_NOT_RUN)
        }
    }
}

fn load(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(args.bot_threads))
        .enable_all()
        .build()?;
    let (mut report, gates) = runtime.block_on(Box::pin(load::run(args)))?;
    runtime.shutdown_background();
    report.judge(&gates);
    if let Some(file) = &args.json {
        write(file, &report.to_json()?)?;
    }
    tell(&report, args.html.as_deref(), args.csv.as_deref())
}

/// Prints a report, writes it where it is to be written, and says how the run went.
fn tell(report: &Report, html: Option<&Path>, csv: Option<&Path>) -> anyhow::Result<ExitCode> {
    println!("{}", report.table());
    if let Some(file) = html {
        write(file, &report.html())?;
    }
    if let Some(file) = csv {
        write(file, &report.series.csv())?;
    }
    let (verdict, reasons) = report.verdict_told();
    println!("{verdict}");
    for reason in reasons {
        println!("  {reason}");
    }
    Ok(match report.verdict {
        Verdict::Passed => ExitCode::SUCCESS,
        Verdict::Failed => ExitCode::from(EXIT_PROBLEMS),
        Verdict::Void => ExitCode::from(EXIT_VOID),
    })
}

fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (text, page) = compare::run(args)?;
    print!("{text}");
    if let Some(file) = &args.html {
        write(file, &page)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("report: {}", file.display());
    Ok(())
}
