//! The project's chores, behind one door: `cargo xtask <command>`.
//!
//! This program compiles before anything else does, so it knows little beyond the standard
//! library. It starts other programs (cargo, Postgres), reads the tree, and says plainly what
//! failed and how to run that part again. Nothing depends on it, and no test runs only here:
//! `ci` is the other commands in a row.

mod cargo;
mod chores;
mod crash;
mod debian;
mod fuzz;
mod golden;
mod instructions;
mod ledger;
mod licences;
mod postgres;
mod steps;
mod tidy;
mod typescript;

use std::process::ExitCode;

use anyhow::bail;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask <command> [options]

Commands:
  ci               everything CI checks, in the order in which failures are cheapest:
                   tidy, fmt, fetch, deny, clippy, docs, build, test, crash, typescript,
                   instructions
  test [ARGS]      all tests, with a throwaway Postgres started and stopped around them.
                   ARGS replace `--workspace --all-features`: cargo xtask test -p bluemarble-sim
  fmt [--fix]      formatting; --fix rewrites the files
  clippy [ARGS]    lints, warnings are errors. ARGS as above
  docs [--open]    the reference documentation, warnings are errors
  tidy             house rules a test can check: file docs, crate arrows, dead files, links, …
  deny             licences, banned crates and sources of every dependency, offline
  typescript       the TypeScript client: build it, test it alone, and in headless Chromium against
                   the real server
  instructions [--bless]
                   count the hot paths' instructions under Valgrind and compare them with
                   bench/instructions/counts.toml; --bless writes that table anew
  soak [ARGS]      random worlds, torn and tormented, beside whole twins, for as long as told:
                   cargo xtask soak --seed S --minutes M. `cargo xtask soak --help` says more
  fuzz [--seconds S] [TARGET...]
                   hand bent bytes to every decoder and to the session machine, S seconds of
                   processor time each (60); totals go to tools/fuzz/ledger.csv
  crash [--kills N] [--seed S] [--store sqlite|postgres|both|lost-disks|all]
                   kill -9 the real server N times (10) per store while people play, restart it,
                   and compare what comes back; every fourth kill is of `backup`, `restore`,
                   `recover --branch` or `migrate`; on `lost-disks` every other one's data directory goes
                   with it, and Postgres alone brings the world back; totals go to tools/crash/ledger.csv
  crash --outage SECONDS [--seed S]
                   kill a Postgres whole under one server, leave it dead for so long, start it
                   again: play goes on, health says so, all is caught up (a row in the same ledger)
  crash --in-process N [--seed S]
                   the same N times in one process, at any operation, with disks and databases that
                   fail and power that is cut
  golden [--bless] [--quick] [--cpu NAME]
                   compare the border scenarios' state digests over 10,000 ticks of a release
                   build with sim/tests/golden/digests.txt; --bless writes that file anew;
                   --quick runs a test build for 1,000 ticks; --cpu builds for another
                   instruction set (x86-64-v3, native, ...)
  postgres         start a throwaway Postgres, print its URL, and keep it until Ctrl-C

Environment:
  BLUEMARBLE_TEST_POSTGRES_URL   use this database for the tests instead of a throwaway one
  BLUEMARBLE_BROWSER             use this Chromium for the browser test instead of one in PATH
  CI=true                        may install Debian's packages of what is missing (postgresql,
                                 valgrind, nodejs, npm, chromium) through password-less sudo
                                 (root may always)

`cargo xtask help` prints this text.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> anyhow::Result<()> {
    let (command, rest) = match args.split_first() {
        None => ("help", &[][..]),
        Some((first, rest)) => (first.as_str(), rest),
    };
    let wants_help = rest.iter().any(|arg| arg == "--help" || arg == "-h");
    if wants_help && command != "soak" {
        println!("{HELP}");
        return Ok(());
    }
    match (command, rest) {
        ("help" | "--help" | "-h", _) => {
            println!("{HELP}");
            Ok(())
        }
        ("ci", []) => chores::ci(),
        ("test", args) => chores::test(args),
        ("fmt", []) => chores::fmt(chores::Fmt::Check),
        ("fmt", [fix]) if fix == "--fix" => chores::fmt(chores::Fmt::Rewrite),
        ("clippy", args) => chores::clippy(args),
        ("docs", []) => chores::docs(chores::Docs::Build),
        ("docs", [open]) if open == "--open" => chores::docs(chores::Docs::Open),
        ("tidy", []) => chores::tidy(),
        ("deny", []) => chores::deny(),
        ("typescript", []) => chores::typescript(),
        ("instructions", []) => chores::instructions(instructions::What::Compare),
        ("instructions", [bless]) if bless == "--bless" => {
            chores::instructions(instructions::What::Bless)
        }
        ("soak", args) => chores::soak(args),
        ("fuzz", args) => fuzz::run(args),
        ("crash", args) => crash::run(args),
        ("golden", args) => golden::Golden::parse(args)?.run(),
        ("postgres", []) => postgres::run_until_killed(),
        (postgres::GUARD_COMMAND, []) => postgres::guard(),
        (
            "ci" | "fmt" | "docs" | "tidy" | "deny" | "typescript" | "instructions" | "postgres",
            [first, ..],
        ) => {
            bail!("`{command}` does not take {first:?}; see `cargo xtask help`")
        }
        (unknown, _) => bail!("no command {unknown:?}; see `cargo xtask help`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_wrong_command_or_flag_is_refused_by_name() {
        for (line, named) in [
            ("cii", "cii"),
            ("tidy --fats", "--fats"),
            ("fmt --check", "--check"),
            ("instructions --curse", "--curse"),
            ("golden --silver", "--silver"),
        ] {
            let error = dispatch(&words(line))
                .expect_err("must be refused")
                .to_string();
            assert!(
                error.contains(named) && error.contains("cargo xtask help"),
                "{error}"
            );
        }
    }

    #[test]
    fn help_names_every_command() {
        for command in [
            "ci",
            "test",
            "fmt",
            "clippy",
            "docs",
            "tidy",
            "deny",
            "typescript",
            "instructions",
            "crash",
            "golden",
            "postgres",
        ] {
            assert!(
                HELP.contains(&format!("\n  {command} ")),
                "{command} is missing"
            );
            dispatch(&words(&format!("{command} --help"))).expect("help is not an error");
        }
    }
}
