//! Kills the real server with `kill -9`, again and again, while people play, and looks at what comes
//! back: it must be no older than anything that anybody was told, and the same to the last bit.
//!
//! - `plan` draws when and how to kill, `subject` is the server's process, `database` the Postgres below it
//! - `players` play and note what they are told, `recorder` notes every digest
//! - `gifts` is what players gave each other, by their own record and by the ledger
//! - `shop` is a shop that gives them coins and takes some, by keys of its own
//! - `commands` kills `backup`, `restore`, `recover --branch` and `migrate`; `fingerprint` sees that they
//!   leave alone what they read, `old_schema` is what `migrate` works on
//! - `outage` is Postgres killed and gone for a while, `postmaster` how that is done
//! - `check` compares what came back with all that, `world` is the life of one world under it

mod check;
mod commands;
mod database;
mod fingerprint;
mod gifts;
mod old_schema;
mod outage;
mod plan;
mod players;
mod postmaster;
mod recorder;
mod shop;
mod subject;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Parser;

use database::Database;
use plan::Dice;
use world::{Setting, Tally, World};

const AFTER_HELP: &str = "\
Examples:
  cargo xtask crash --kills 50
      builds what it needs, starts a Postgres, kills 50 servers on SQLite and 50 on Postgres
  bluemarble-crash --kills 20 --seed 7
      with programs that are built already, on SQLite

Exit status: 0 nothing was lost, 1 something was (its data directory is kept and named), 2 it could
not be run.";

/// Kills the server while people play, and checks what comes back.
#[derive(Debug, Parser)]
#[command(name = "bluemarble-crash", version, after_help = AFTER_HELP)]
struct Cli {
    /// How many times to kill
    #[arg(long, default_value_t = 20, value_name = "N")]
    kills: u32,
    /// Of everything random: moments, settings, what players do
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// A Postgres server to keep checkpoints in, in a database that is made and dropped; without it
    /// SQLite keeps them
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Kill processes of that Postgres as well; only for one that nobody else uses, with the right to
    #[arg(long, requires = "postgres")]
    kill_postgres: bool,
    /// Lose every other server's data directory with it, and have servers acknowledge only what the
    /// database has (--durable replicated)
    #[arg(long, requires = "postgres")]
    lose_disks: bool,
    /// Instead: kill that Postgres whole under one server, leave it dead for so many seconds, start it again,
    /// and see that play goes on, that the server says so, and that all is caught up
    #[arg(long, requires = "kill_postgres", value_name = "SECONDS")]
    outage: Option<u64>,
    /// Players
    #[arg(long, default_value_t = 6, value_name = "N")]
    players: u32,
    /// A new world after so many kills
    #[arg(long, default_value_t = 10, value_name = "N")]
    kills_per_world: u32,
    /// Scenario, of the assets
    #[arg(long, default_value = "market", value_name = "NAME")]
    scenario: String,
    /// The content
    #[arg(long, default_value = "assets", value_name = "DIR")]
    assets: PathBuf,
    /// The server's program [default: beside this one]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// The program that replays what was recorded, `bluemarble` [default: beside this one]
    #[arg(long, value_name = "FILE")]
    replayer: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(problems) if problems.is_empty() => {
            println!("passed: nothing that anybody was told is lost");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            for problem in problems {
                println!("FAILED: {problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// What was found wrong; it ends with the first world in which something is.
fn run(cli: &Cli) -> anyhow::Result<Vec<String>> {
    ensure!(
        cli.kills_per_world > 0,
        "--kills-per-world must be at least 1"
    );
    let setting = Setting {
        server: program(cli.server.as_ref(), "bluemarble-server")?,
        replayer: program(cli.replayer.as_ref(), "bluemarble")?,
        assets: cli
            .assets
            .canonicalize()
            .with_context(|| format!("no content in {}", cli.assets.display()))?,
        scenario: cli.scenario.clone(),
        players: cli.players,
        kills_postgres: cli.kill_postgres,
        loses_disks: cli.lose_disks,
        // Short runs on one store after the other kill different ones.
        first_command: cli.seed % 4
            + 2 * u64::from(cli.postgres.is_some())
            + u64::from(cli.lose_disks),
    };
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    if let Some(seconds) = cli.outage {
        let url = cli
            .postgres
            .as_deref()
            .context("--outage needs --postgres")?;
        let database = Database::create(url, 1)?;
        println!("an outage of {seconds} s, seed {}", cli.seed);
        let world = World::new(&setting, Some(&database), Dice::of_world(cli.seed, 1))?;
        problems = world.undergo(Duration::from_secs(seconds), &mut tally)?;
        println!("{tally}");
        return Ok(problems);
    }
    let mut number = 0;
    while tally.kills < cli.kills && problems.is_empty() {
        number += 1;
        let kills = cli.kills_per_world.min(cli.kills - tally.kills);
        let database = match &cli.postgres {
            Some(url) => Some(Database::create(url, number)?),
            None => None,
        };
        println!(
            "world {number} on {}, seed {}",
            if database.is_some() {
                "Postgres"
            } else {
                "SQLite"
            },
            cli.seed
        );
        let dice = Dice::of_world(cli.seed, u64::from(number));
        let world = World::new(&setting, database.as_ref(), dice)?;
        problems = world.live(kills, cli.kills, &mut tally)?;
    }
    println!("{tally}");
    if problems.is_empty() {
        problems = tally.doubts();
    }
    Ok(problems)
}

fn program(given: Option<&PathBuf>, name: &str) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path.clone(),
        None => std::env::current_exe()
            .context("cannot tell where this program is")?
            .with_file_name(name),
    };
    ensure!(
        path.exists(),
        "no program at {}: build it (cargo build -p bluemarble-server -p bluemarble-cli), or use \
         `cargo xtask crash`, which does",
        path.display()
    );
    Ok(path)
}
