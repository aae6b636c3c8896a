//! `bluemarble`: the designers' command line. It runs the same world as the server, headless and as
//! fast as it goes. Each subcommand is a file of its own.

mod invariance;
mod planet;
mod replay;
mod run;
mod scenario_source;
mod sim;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tools for those who build worlds: run, measure and compare them without a server.
#[derive(Parser)]
#[command(name = "bluemarble", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario headless, as fast as it goes, and print its state digest
    Sim(sim::SimArgs),
    /// Compare scenarios cut in many ways, on many threads: all must be the same world, every tick
    Invariance(invariance::InvarianceArgs),
    /// Run a recording again and compare every state; name what differs, down to the value
    Replay(replay::ReplayArgs),
    /// Look at a planet: maps, what is at a place, how it is cut into zones
    #[command(subcommand)]
    Planet(planet::PlanetCommand),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Sim(args) => sim::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Invariance(args) => invariance::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Planet(command) => planet::run(&command).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
