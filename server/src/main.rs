//! `bluemarble-server`: the program. It owns time, wires the crates together and talks to the
//! operator; it holds no game rule and touches no packet's bytes.
//!
//! Read in this order:
//! - [`serve`], [`start`] and [`take_over`]: start-up, step by step, and the orderly stop
//! - [`world_loop`]: one tick after the other; [`world_log`] is what it writes down
//! - [`remains`] and [`recovery`]: a checkpoint and the journal behind it become the world again;
//!   [`salvage`] does that for an operator, without a server
//! - [`worlds`]: other worlds of the same process, which come, sleep and go by command
//! - [`admin`], [`live`], [`telemetry`], [`status_line`]: what an operator sees
//!
//! Threads: `world` runs the loop and is never made to wait; rayon's pool steps zones for it; one
//! tokio runtime runs QUIC, one stores checkpoints, one the admin HTTP; the journal writes on a
//! thread of its own, and so do the logs.

mod accounts;
mod admin;
mod assets;
mod balance;
mod bans;
mod books;
mod characters;
mod checkpointer;
mod cli;
mod clock;
mod config;
mod data_dir;
mod deals;
mod exit;
mod feed;
mod guarded;
mod health;
mod held;
mod journal_copy;
mod ledger_command;
mod limits;
mod live;
mod lossy_log;
mod machine;
mod observed;
mod overload;
mod pacing;
mod recovery;
mod remains;
mod replica;
mod salvage;
mod serve;
mod shutdown;
mod start;
mod status_line;
mod stepper;
mod steps;
mod take_over;
mod telemetry;
mod tick_times;
mod ticket_command;
#[cfg(test)]
mod trial;
mod when;
mod world_log;
mod world_loop;
mod worlds;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;

use crate::cli::{AccountCommand, Cli, Command, ConfigFlags};
use crate::exit::{Failure, chain};
use crate::lossy_log::{LogEnd, LossyLog};

/// What the loop allocates, the sockets' threads free: that is what this one is good at.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _log = log_to_stderr();
    let done = match &cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Ticket(args) => ticket_command::run(args),
        Command::Ledger(args) => ledger_command::run(args),
        Command::Config(flags) => print_config(flags),
        Command::Recover(args) => salvage::recover(args),
        Command::Backup(args) => salvage::backup(args),
        Command::Restore(args) => salvage::restore(args),
        Command::Migrate(args) => salvage::migrate(args),
        Command::Account(AccountCommand::Export(args)) => accounts::export(args),
        Command::Account(AccountCommand::Copy(args)) => accounts::copy(args),
        Command::Account(AccountCommand::Delete(args)) => accounts::delete(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn print_config(flags: &ConfigFlags) -> Result<(), Failure> {
    let config = config::load(flags)
        .map_err(|error| Failure::request(chain(&error)).advise(error.advice()))?;
    print!("{}", config::document(&config));
    Ok(())
}

/// What is logged is written until the answer is dropped. Without a thread, nothing is logged.
fn log_to_stderr() -> Option<LogEnd> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let (log, end) = LossyLog::start(std::io::stderr()).ok()?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Some(end)
}
