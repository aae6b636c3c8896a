//! The command line. Flags say only what they are; what a value may be is checked once, in
//! [`crate::config`], whether it came from a flag or from the file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
Examples:
  bluemarble-server serve
      Earth on 127.0.0.1:4433 with a development certificate, everything in ./bluemarble-data
  bluemarble-server serve --config server.toml --zones 96 --tick-hz 30
      the file's settings, with two of them overridden
  bluemarble-server serve --database-url postgres://blue@localhost/marble
      checkpoints in Postgres; the journal stays local
  bluemarble-server ticket --character Ada
      a session ticket for a client to connect with
  bluemarble-server config > server.toml
      every setting with its unit, range and default, ready to edit
  bluemarble-server recover --dry-run
      what a start would do with what the last run left
  bluemarble-server backup earth.bma
      the world in one file; `restore` brings it back, in SQLite or Postgres
  bluemarble-server account export --account ada@example.org --out ada.json
      everything that is kept about a player; `account delete` erases them

Exit status: 0 stopped as asked, 1 surroundings (port, database, disk), 2 bad flag or config,
3 the world failed, 130 second Ctrl-C.";

/// BlueMarble: an authoritative simulation server for one shared, spherical world.
#[derive(Debug, Parser)]
#[command(name = "bluemarble-server", version, after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The program's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a world until Ctrl-C; a restart on the same data directory continues it.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<ServeArgs>),
    /// Sign a session ticket with the development key and print it.
    #[command(after_help = TICKET_EXAMPLES)]
    Ticket(TicketArgs),
    /// Check the ledger: who holds what, and whether it adds up. A running server is not disturbed.
    #[command(after_help = LEDGER_EXAMPLES)]
    Ledger(LedgerArgs),
    /// Print the effective configuration as TOML, every field with its unit and range.
    Config(Box<ConfigFlags>),
    /// Say what a start would do, or take a branch of the world as it was at some moment.
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover(Box<RecoverArgs>),
    /// Write the world's newest state into one file, whichever database it lives in.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(Box<BackupArgs>),
    /// Put a world out of a file into a database that does not have it.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Box<RestoreArgs>),
    /// Bring the database's schema up to date, as the next start would.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(Box<MigrateArgs>),
    /// Put together, or erase, everything that is kept about a player.
    #[command(subcommand, after_help = ACCOUNT_EXAMPLES)]
    Account(AccountCommand),
}

/// `account`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Write everything that is kept about a player as JSON. A running server is not disturbed.
    #[command(after_help = ACCOUNT_EXAMPLES)]
    Export(ExportArgs),
    /// Erase a player: the key of the name goes, and journals, checkpoints and archives name nobody any more.
    #[command(after_help = ACCOUNT_EXAMPLES)]
    Delete(DeleteArgs),
    /// Copy everybody to another database, as when a world moves there: an archive holds no keys.
    #[command(after_help = ACCOUNT_EXAMPLES)]
    Copy(CopyArgs),
}

const RECOVER_EXAMPLES: &str = "\
Examples:
  bluemarble-server recover --dry-run
      what a start on ./bluemarble-data would do: from which checkpoint, which ticks of the journal,
      what is damaged or lost, to which digest. Nothing is written; a running server is no obstacle
  bluemarble-server recover --dry-run --to-time 2026-11-22T21:10:00Z
      whether that moment can still be had, and which tick it is
  bluemarble-server recover --to-tick 123456 --branch what-happened
      the world as it was at the end of that tick, as a data directory of its own to serve and look at

Give the world's --scenario, --seed and --tick-hz (or --config) as to serve. Moments since the oldest
checkpoint of store.keep_last can be had to the tick, older ones where an hourly or daily checkpoint
was taken.";

const BACKUP_EXAMPLES: &str = "\
Examples:
  bluemarble-server backup earth.bma
  bluemarble-server backup earth.bma --data-dir /var/lib/bluemarble --config /etc/bluemarble.toml
  bluemarble-server backup earth.bma --database-url postgres://blue@localhost/marble
      while the server runs: as if it were killed now

An existing file is never overwritten. What is written is read back and compared by its digest.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  bluemarble-server restore earth.bma --data-dir new-data
      into SQLite in a new data directory
  bluemarble-server restore earth.bma --data-dir new-data --database-url postgres://blue@localhost/marble
      into Postgres; serve with the same flags then

A world that is there already, or a journal, is never overwritten.";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  bluemarble-server migrate --dry-run
  bluemarble-server migrate --database-url postgres://blue@localhost/marble";

/// `recover`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["dry_run", "branch"]))]
pub struct RecoverArgs {
    /// Settings, as for serve.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Only say what a start would do, or whether that moment can be had
    #[arg(long)]
    pub dry_run: bool,
    /// Write the world as it was into this directory, which must not exist yet or be empty
    #[arg(long, value_name = "NEW_DATA_DIR")]
    pub branch: Option<PathBuf>,
    /// The world at the end of this tick [default: the newest there is]
    #[arg(long, value_name = "TICK", conflicts_with = "to_time")]
    pub to_tick: Option<u64>,
    /// The world at the end of the last tick sealed until then (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub to_time: Option<String>,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write, which must not exist yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Settings, as for serve.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The world at the end of this tick [default: the newest there is]
    #[arg(long, value_name = "TICK")]
    pub to_tick: Option<u64>,
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The file to read
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Settings, as for serve; the world keeps its name unless --world gives it another.
    #[command(flatten)]
    pub config: ConfigFlags,
}

/// `migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Settings, as for serve.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  bluemarble-server serve
  bluemarble-server serve --scenario earth --zones 24 --threads 2 --tick-hz 20
  bluemarble-server serve --data-dir /var/lib/bluemarble --config /etc/bluemarble.toml --quiet
  bluemarble-server serve --listen 127.0.0.1:0 --admin 127.0.0.1:0
      free ports; <data-dir>/server.json tells which

Logs go to stderr; RUST_LOG sets what is shown, for example RUST_LOG=debug or
RUST_LOG=info,bluemarble_net=debug.";

const TICKET_EXAMPLES: &str = "\
Examples:
  bluemarble-server ticket --character Ada
  bluemarble-server ticket --character Ada --ttl 60 --data-dir /var/lib/bluemarble";

const LEDGER_EXAMPLES: &str = "\
Examples:
  bluemarble-server ledger
  bluemarble-server ledger --world treasure --newest 20
  bluemarble-server ledger --database-url postgres://blue@localhost/marble

Exit status: 0 it adds up, 1 it does not, or cannot be read.";

const ACCOUNT_EXAMPLES: &str = "\
Examples:
  bluemarble-server account export --account ada@example.org --out ada.json
      every character of the account: rows, ledger, checkpoints, journals, bans, audit trail
  bluemarble-server account export --character Ada --database-url postgres://blue@localhost/marble
  bluemarble-server account delete --character Ada
      says whom it would erase
  bluemarble-server account copy --to postgres://blue@localhost/marble
      behind `restore` of an archive into another database, so that names and ids are known there
  bluemarble-server account delete --character Ada --by 'Grace, ticket 4711' --yes

Who is erased is erased in every world, and nobody can undo it. What they did stays, under an id that names
nobody; the ledger's rows stay, for those of others add up with them. Both commands write a row of the
audit trail. `delete` wants a stopped server; a running one does the same by POST /v1/accounts/delete on its
admin HTTP.";

/// Whom an `account` command is about, and where to look.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["account", "character", "id"]))]
pub struct WhomFlags {
    /// The account that tickets name, with all its characters
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// One character
    #[arg(long, value_name = "NAME")]
    pub character: Option<String>,
    /// One character by its id, 16 hexadecimal digits
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Who does it, for the audit trail: a person, a request's number
    #[arg(long, value_name = "WHO", default_value = "the command line")]
    pub by: String,
    /// The server's data directory
    #[arg(long, value_name = "DIR", default_value = crate::config::DATA_DIR_DEFAULT)]
    pub data_dir: PathBuf,
    /// Where the database is, if not in the data directory: sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

/// `account export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Whom.
    #[command(flatten)]
    pub whom: WhomFlags,
    /// The file to write, which must not exist yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `account copy`
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The database to copy to, which must have no accounts and characters: sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// The server's data directory
    #[arg(long, value_name = "DIR", default_value = crate::config::DATA_DIR_DEFAULT)]
    pub data_dir: PathBuf,
    /// Where the database is, if not in the data directory: sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

/// `account delete`
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Whom.
    #[command(flatten)]
    pub whom: WhomFlags,
    /// Do it; without, only say whom it would be
    #[arg(long)]
    pub yes: bool,
}

/// `ledger`
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// Directory of the world's database
    #[arg(long, value_name = "DIR", default_value = crate::config::DATA_DIR_DEFAULT)]
    pub data_dir: PathBuf,
    /// Where the database is, if not in the data directory: sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// The world's name
    #[arg(long, value_name = "NAME", default_value = crate::config::SCENARIO_DEFAULT)]
    pub world: String,
    /// How many of the newest transfers to print
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub newest: u32,
}

/// `serve`
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Settings.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Print no status line; logs and errors still go to stderr
    #[arg(long)]
    pub quiet: bool,
    /// Accept losing what the journal holds beyond the newest checkpoint, when a crash left a
    /// tail that this build or content cannot replay (the segments are kept aside)
    #[arg(long)]
    pub discard_journal_tail: bool,
    /// If checkpoints are damaged and the journal does not lead to where the newest of them was:
    /// go on from the newest good state and lose the ticks since (the journal is kept aside)
    #[arg(long)]
    pub accept_loss: bool,
    /// Test builds only: replicate wrongly on purpose, so that a verifier can prove it notices
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "KIND", value_parser = ["drop", "teleport", "stale", "ghost", "bend"])]
    pub sabotage: Option<String>,
    /// Test builds only: panic inside the step of this tick
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "TICK")]
    pub panic_at_tick: Option<u64>,
    /// Test builds only: panic inside the step of this tick if it has intents
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "TICK")]
    pub panic_on_intents_at: Option<u64>,
    /// Test builds only: panic outside any step, after this tick
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "TICK")]
    pub panic_after_tick: Option<u64>,
    /// Test builds only: these ticks take so many milliseconds longer
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "FROM-TO:MS")]
    pub slow_ticks: Option<SlowTicks>,
    /// Test builds only: do not claim the world before this file exists
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "FILE")]
    pub claim_after: Option<PathBuf>,
    /// Test builds only: die at this point of taking the world over
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "STEP", value_parser = ["claim", "checkpoint"])]
    pub crash_after: Option<String>,
}

/// Ticks that are made to take long.
#[cfg(feature = "sabotage")]
#[derive(Clone, Debug)]
pub struct SlowTicks {
    /// Which.
    pub ticks: std::ops::RangeInclusive<u64>,
    /// By how much.
    pub by: std::time::Duration,
}

#[cfg(feature = "sabotage")]
impl std::str::FromStr for SlowTicks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (ticks, ms) = text.split_once(':')?;
            let (from, to) = ticks.split_once('-')?;
            Some(Self {
                ticks: from.parse().ok()?..=to.parse().ok()?,
                by: std::time::Duration::from_millis(ms.parse().ok()?),
            })
        };
        parse().ok_or_else(|| format!("{text:?} is not like 100-300:60"))
    }
}

/// Settings that flags can override.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigFlags {
    /// Configuration file (TOML); flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of database, journal, keys and admin token [default: bluemarble-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where checkpoints go: sqlite://PATH or postgres://… [default: sqlite in the data directory]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// UDP address for QUIC clients; port 0 = any free one [default: 127.0.0.1:4433]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// TCP address of the admin HTTP, loopback; port 0 = any free one [default: 127.0.0.1:9600]
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<String>,
    /// Scenario: a file name in the assets' scenarios/ without .ron [default: earth]
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Directory with planets/ and scenarios/ [default: looked for near here and the program]
    #[arg(long, value_name = "DIR")]
    pub assets: Option<PathBuf>,
    /// Name of this world in the store and in tickets [default: the scenario's name]
    #[arg(long, value_name = "NAME")]
    pub world: Option<String>,
    /// Zones the planet is cut into; changes no result, only how work is spread
    /// [default: the scenario's]
    #[arg(long, value_name = "N")]
    pub zones: Option<usize>,
    /// Threads that step zones; changes no result [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Ticks a second, 10 to 120 [default: 20]
    #[arg(long, value_name = "HZ")]
    pub tick_hz: Option<u32>,
    /// Seed of the world [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Seconds between checkpoints [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub checkpoint_s: Option<f64>,
    /// Milliseconds between flushes of the journal to disk [default: 100]
    #[arg(long, value_name = "MS")]
    pub group_commit_ms: Option<u64>,
    /// Where a tick must be before it counts as durable: local, or replicated (in the database, too)
    /// [default: local]
    #[arg(long, value_name = "WHERE")]
    pub durable: Option<String>,
    /// Keep the first checkpoint and the whole journal since, for `bluemarble replay`; the data
    /// directory then grows for ever
    #[arg(long)]
    pub record: bool,
}

/// `ticket`
#[derive(Debug, Args)]
pub struct TicketArgs {
    /// The character to play, 1 to 32 bytes
    #[arg(long, value_name = "NAME")]
    pub character: String,
    /// Whom the character belongs to, 1 to 64 bytes; see net.sessions_per_account_max
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Seconds the ticket can be used
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub ttl: u64,
    /// World the ticket is for: the server's --world
    #[arg(long, value_name = "NAME", default_value = crate::config::SCENARIO_DEFAULT)]
    pub world: String,
    /// Data directory whose development key signs (made if it is not there)
    #[arg(long, value_name = "DIR", default_value = crate::config::DATA_DIR_DEFAULT)]
    pub data_dir: PathBuf,
    /// Private key to sign with instead (PEM, Ed25519)
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    pub key: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_parse_without_a_file() {
        let cli = Cli::try_parse_from([
            "bluemarble-server",
            "serve",
            "--zones",
            "6",
            "--listen",
            "127.0.0.1:0",
        ])
        .unwrap();
        let Command::Serve(args) = cli.command else {
            panic!("not serve")
        };
        assert_eq!(args.config.zones, Some(6));
        assert_eq!(args.config.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
