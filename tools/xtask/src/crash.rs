//! Killing the real server: builds what that takes, gives it a Postgres, runs `tools/crash` on both
//! stores, and keeps a ledger. Or, `--in-process`, lets the server's own trial of its storage run.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{self, cargo};
use crate::ledger;
use crate::postgres::TestDatabase;

/// Beside the date.
const HEADINGS: &str = "build,store,seed,kills,digests_told,compared,losses";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    kills: u32,
    seed: u64,
    stores: Vec<Store>,
    /// Postgres gone for so many seconds under one server, too.
    outage_s: Option<u64>,
    /// Kills within one process instead, on disks and databases that fail.
    in_process: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Sqlite,
    Postgres,
    /// The same, and data directories are lost.
    LostDisks,
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::LostDisks => "lost-disks",
        }
    }
}

impl Wish {
    /// What CI does.
    pub fn of_ci() -> Self {
        Self {
            kills: 10,
            seed: 1,
            stores: vec![Store::Sqlite, Store::Postgres, Store::LostDisks],
            outage_s: Some(20),
            in_process: None,
        }
    }

    /// # Errors
    /// A word that means nothing here.
    pub fn parse(args: &[String]) -> Result<Self> {
        let mut wish = Self {
            seed: ledger::now_s() % 1_000_000,
            outage_s: None,
            ..Self::of_ci()
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--kills" => wish.kills = value()?.parse().context("--kills needs a number")?,
                "--in-process" => {
                    let kills = value()?.parse().context("--in-process needs a number")?;
                    wish.in_process = Some(kills);
                }
                "--outage" => {
                    let seconds = value()?.parse().context("--outage needs seconds")?;
                    wish.outage_s = Some(seconds);
                    wish.stores.clear();
                }
                "--seed" => wish.seed = value()?.parse().context("--seed needs a number")?,
                "--store" => {
                    wish.stores = match value()?.as_str() {
                        "sqlite" => vec![Store::Sqlite],
                        "postgres" => vec![Store::Postgres],
                        "lost-disks" => vec![Store::LostDisks],
                        "both" => vec![Store::Sqlite, Store::Postgres],
                        "all" => wish.stores,
                        other => {
                            bail!(
                                "no store {other:?}; there are: sqlite, postgres, both, lost-disks, all"
                            )
                        }
                    }
                }
                other => bail!("`crash` does not take {other:?}; see `cargo xtask help`"),
            }
        }
        Ok(wish)
    }
}

/// Builds the programs and kills as wished; the ledger gets a row per store.
///
/// # Errors
/// If they cannot be built or run, or something is lost.
pub fn run(args: &[String]) -> Result<()> {
    let wish = Wish::parse(args)?;
    let root = cargo::workspace_root()?;
    if let Some(kills) = wish.in_process {
        return kill_in_process(&root, kills, wish.seed);
    }
    let packages = ["bluemarble-server", "bluemarble-cli", "bluemarble-crash"];
    let mut build = cargo(&root);
    build.args(["build", "--locked"]);
    for package in packages {
        build.args(["-p", package]);
    }
    cargo::run(&mut build)?;
    let ledger = root.join("tools/crash/ledger.csv");
    kill(&root, &wish, |store, run| {
        let row = run.row(&root, store, wish.seed);
        ledger::append(&ledger, HEADINGS, &row)
    })
}

/// The server's storage under trial: `server/src/trial`. The same features as all tests have, so that
/// nothing is built twice.
fn kill_in_process(root: &Path, kills: u32, seed: u64) -> Result<()> {
    let mut test = cargo(root);
    test.args(["test", "--workspace", "--all-features", "--locked"])
        .args(["--bin", "bluemarble-server", "--", "--ignored", "--exact"])
        .args(["--nocapture", "trial::as_many_kills_as_wished"])
        .env("BLUEMARBLE_TRIAL_SEED", seed.to_string())
        .env("BLUEMARBLE_TRIAL_KILLS", kills.to_string());
    let run = Run::of(test)?;
    let row = run.row(root, "in process", seed);
    ledger::append(&root.join("tools/crash/ledger.csv"), HEADINGS, &row)?;
    ensure!(
        !run.failed,
        "something was lost, or the trial failed; again: cargo xtask crash --in-process {kills} \
         --seed {seed}"
    );
    Ok(())
}

/// Kills with the programs that are built.
///
/// # Errors
/// If something is lost.
pub fn run_built(root: &Path, wish: &Wish) -> Result<()> {
    kill(root, wish, |_, _| Ok(()))
}

fn kill(root: &Path, wish: &Wish, note: impl Fn(&str, &Run) -> Result<()>) -> Result<()> {
    // Built by the same cargo in the same profile as this one.
    let program = std::env::current_exe()
        .context("this program's own path is unknown")?
        .with_file_name("bluemarble-crash");
    let command = || {
        let mut command = std::process::Command::new(&program);
        command
            .current_dir(root)
            .args(["--kills", &wish.kills.to_string()])
            .args(["--seed", &wish.seed.to_string()]);
        command
    };
    let again = format!("--kills {} --seed {}", wish.kills, wish.seed);
    for &store in &wish.stores {
        let mut command = command();
        let database = match store {
            Store::Sqlite => None,
            Store::Postgres | Store::LostDisks => Some(TestDatabase::given_or_throwaway()?),
        };
        if let Some(database) = &database {
            command.args(["--postgres", database.url()]);
            if store == Store::LostDisks {
                command.arg("--lose-disks");
            }
            if matches!(database, TestDatabase::Throwaway(_)) {
                command.arg("--kill-postgres");
            }
        }
        let again = format!("--store {} {again}", store.name());
        kill_on(command, database, &again, |run| note(store.name(), run))?;
    }
    if let Some(seconds) = wish.outage_s {
        // Always one of our own, for it dies.
        let database = TestDatabase::throwaway()?;
        let seconds = seconds.to_string();
        let mut command = command();
        command.args(["--postgres", database.url(), "--kill-postgres"]);
        command.args(["--outage", &seconds]);
        let again = format!("--outage {seconds} --seed {}", wish.seed);
        let name = format!("outage of {seconds} s");
        kill_on(command, Some(database), &again, |run| note(&name, run))?;
    }
    Ok(())
}

/// Runs the program, and ends its database.
fn kill_on(
    command: std::process::Command,
    database: Option<TestDatabase>,
    again: &str,
    note: impl Fn(&Run) -> Result<()>,
) -> Result<()> {
    let run = Run::of(command);
    if let Some(database) = database {
        database.stop()?;
    }
    let run = run?;
    note(&run)?;
    ensure!(
        !run.failed,
        "something was lost, or the trial failed; again: cargo xtask crash {again}"
    );
    Ok(())
}

/// What a run came to, as it says itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    kills: u64,
    digests: u64,
    compared: u64,
    failed: bool,
}

impl Run {
    /// Runs the program and passes on what it says, line by line.
    fn of(mut command: std::process::Command) -> Result<Self> {
        use std::io::{BufRead, BufReader};
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let mut run = Self::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                run.hear(&line);
                println!("{line}");
            }
        }
        run.failed = !child.wait()?.success();
        Ok(run)
    }

    /// As the ledger has it.
    fn row(&self, root: &Path, store: &str, seed: u64) -> String {
        format!(
            "{},{store},{seed},{},{},{},{}",
            crate::chores::commit(root),
            self.kills,
            self.digests,
            self.compared,
            u32::from(self.failed)
        )
    }

    fn hear(&mut self, line: &str) {
        let after = |name: &str| -> Option<u64> {
            let rest = line.split_once(name)?.1;
            let digits = rest.find(|c: char| !c.is_ascii_digit());
            rest[..digits.unwrap_or(rest.len())].parse().ok()
        };
        if line.starts_with("kills: ") {
            self.kills = after("kills: ").unwrap_or(0);
        }
        if line.starts_with("digests told: ") {
            self.digests = after("digests told: ").unwrap_or(0);
            self.compared = after("compared after a kill: ").unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Wish> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Wish::parse(&args)
    }

    #[test]
    fn all_stores_are_tried_unless_one_is_named_and_nonsense_is_refused() {
        assert_eq!(parse("").unwrap().stores, Wish::of_ci().stores);
        let one = parse("--kills 50 --seed 3 --store postgres").unwrap();
        let wished = (one.kills, one.seed, one.stores);
        assert_eq!(wished, (50, 3, vec![Store::Postgres]));
        let lost = parse("--store lost-disks").unwrap().stores;
        assert_eq!(lost, vec![Store::LostDisks]);
        let outage = parse("--outage 600").unwrap();
        assert_eq!((outage.outage_s, outage.stores), (Some(600), vec![]));
        assert_eq!(parse("--kills 50").unwrap().outage_s, None);
        assert_eq!(parse("--in-process 450").unwrap().in_process, Some(450));
        for nonsense in [
            "--in-process",
            "--outage",
            "--kills",
            "--kills many",
            "--store oracle",
            "--mercy",
        ] {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn what_the_program_says_in_the_end_is_understood() {
        let mut run = Run::default();
        run.hear("kills: 20 (3 playing)");
        run.hear("digests told: 812, compared after a kill: 301; ticks replayed by starts: 9");
        assert_eq!((run.kills, run.digests, run.compared), (20, 812, 301));
    }
}
