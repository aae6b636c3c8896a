//! What each command does, and the order in which `ci` does all of it.
//!
//! The order puts what fails in seconds first. Clippy and the documentation share the metadata of
//! the dependencies, the tests and the programs they start share one profile (`dev`), so a cold
//! run compiles every dependency twice at most: once to check, once to run. Only the instruction
//! counts, of a leaf crate with few dependencies, are of the release build. The server that the
//! browser meets is the one the tests started.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::cargo::{self, cargo};
use crate::postgres::{self, TestDatabase};
use crate::steps::{self, Step};
use crate::{crash, instructions, licences, tidy, typescript};

/// Whether `fmt` only looks or also writes.
pub enum Fmt {
    /// Fail on a file that is not formatted.
    Check,
    /// Format it.
    Rewrite,
}

/// Whether `docs` opens a browser at the end.
pub enum Docs {
    /// Only build.
    Build,
    /// Build and open.
    Open,
}

/// Everything, in a row.
///
/// # Errors
/// The first step that failed.
pub fn ci() -> Result<()> {
    let root = cargo::workspace_root()?;
    let root = root.as_path();
    steps::run_all(vec![
        tidy_step(root),
        fmt_step(root),
        fetch_step(root),
        deny_step(root),
        clippy_step(root, &[]),
        docs_step(root, &Docs::Build),
        build_step(root),
        test_step(root, &[]),
        crash_step(root),
        typescript_step(
            root,
            &[&["test", "--locked", "--no-run"][..], &EVERYTHING].concat(),
        ),
        instructions_step(root, instructions::What::Compare),
    ])
}

/// The tests, around a Postgres of their own.
///
/// # Errors
/// If Postgres cannot be had, or a test fails.
pub fn test(args: &[String]) -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![test_step(&root, args)])
}

/// The formatting.
///
/// # Errors
/// If a file is not formatted, or cannot be.
pub fn fmt(how: Fmt) -> Result<()> {
    let root = cargo::workspace_root()?;
    match how {
        Fmt::Check => steps::run_all(vec![fmt_step(&root)]),
        Fmt::Rewrite => cargo::run(cargo(&root).args(["fmt", "--all"])),
    }
}

/// The lints.
///
/// # Errors
/// If there is a warning.
pub fn clippy(args: &[String]) -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![clippy_step(&root, args)])
}

/// The reference documentation.
///
/// # Errors
/// If there is a warning.
pub fn docs(how: Docs) -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![docs_step(&root, &how)])
}

/// The house rules.
///
/// # Errors
/// If one is broken.
pub fn tidy() -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![tidy_step(&root)])
}

/// The dependencies' licences, names and sources.
///
/// # Errors
/// If one is not allowed.
pub fn deny() -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![deny_step(&root)])
}

/// The TypeScript client, with a server built for it alone.
///
/// # Errors
/// If Node, npm or Chromium cannot be had, or a test fails.
pub fn typescript() -> Result<()> {
    let root = cargo::workspace_root()?;
    let build = ["build", "--locked", "-p", "bluemarble-server"];
    steps::run_all(vec![typescript_step(&root, &build)])
}

/// The hot paths' instruction counts.
///
/// # Errors
/// If Valgrind cannot be had, or a count is not what the table says.
pub fn instructions(what: instructions::What) -> Result<()> {
    let root = cargo::workspace_root()?;
    steps::run_all(vec![instructions_step(&root, what)])
}

/// The soak, in release, with the fault by which it proves that it is not blind.
///
/// # Errors
/// If it cannot be built, or finds something.
pub fn soak(args: &[String]) -> Result<()> {
    let root = cargo::workspace_root()?;
    let build = ["-p", "bluemarble-soak", "--features", "mutants"];
    cargo::run(
        cargo(&root)
            .args(["run", "--release", "--locked", "--quiet"])
            .args(build)
            .args(["--", "--build", &commit(&root)])
            .args(args),
    )
}

/// The commit of the tree, with a `+` if there is more in it; "unknown" without git.
pub fn commit(root: &Path) -> String {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        cargo::output_of(command.current_dir(root).args(args)).ok()
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".into();
    };
    // The ledgers change by every run and say nothing about what ran.
    let changed = git(&[
        "status",
        "--porcelain",
        "--",
        ".",
        ":!tools/soak/ledger.csv",
        ":!tools/fuzz/ledger.csv",
        ":!tools/crash/ledger.csv",
    ]);
    let plus = changed.is_none_or(|changed| !changed.trim().is_empty());
    format!("{}{}", commit.trim(), if plus { "+" } else { "" })
}

fn instructions_step(root: &Path, what: instructions::What) -> Step<'_> {
    Step {
        name: "instructions",
        about: "how many of them the hot paths take, optimised",
        rerun: "cargo xtask instructions".into(),
        run: Box::new(move || instructions::run(root, what)),
    }
}

fn crash_step(root: &Path) -> Step<'_> {
    Step {
        name: "crash",
        about: "the real server, killed again and again while people play, on both stores",
        rerun: "cargo xtask crash".into(),
        run: Box::new(move || crash::run_built(root, &crash::Wish::of_ci())),
    }
}

fn typescript_step<'a>(root: &'a Path, build: &[&'static str]) -> Step<'a> {
    let build = build.to_vec();
    Step {
        name: "typescript",
        about: "the TypeScript client, alone and in a browser against the server",
        rerun: "cargo xtask typescript".into(),
        run: Box::new(move || typescript::run(root, &build)),
    }
}

fn tidy_step(root: &Path) -> Step<'_> {
    Step {
        name: "tidy",
        about: "house rules",
        rerun: "cargo xtask tidy".into(),
        run: Box::new(move || tidy::run(root)),
    }
}

fn fmt_step(root: &Path) -> Step<'_> {
    Step {
        name: "fmt",
        about: "formatting (`cargo xtask fmt --fix` mends it)",
        rerun: "cargo xtask fmt".into(),
        run: Box::new(move || cargo::run(cargo(root).args(["fmt", "--all", "--check"]))),
    }
}

fn fetch_step(root: &Path) -> Step<'_> {
    Step {
        name: "fetch",
        about: "the sources of all dependencies, so that later steps need no network",
        rerun: "cargo fetch --locked".into(),
        run: Box::new(move || {
            let host = licences::host_target(root)?;
            cargo::run(cargo(root).args(["fetch", "--locked", "--target", &host]))
        }),
    }
}

fn deny_step(root: &Path) -> Step<'_> {
    Step {
        name: "deny",
        about: "licences, bans and sources of all dependencies, offline",
        rerun: "cargo xtask deny".into(),
        run: Box::new(move || licences::run(root)),
    }
}

fn clippy_step<'a>(root: &'a Path, args: &[String]) -> Step<'a> {
    let scope = scope(args);
    Step {
        name: "clippy",
        about: "lints, warnings are errors",
        rerun: rerun("clippy", args),
        run: Box::new(move || {
            cargo::run(
                cargo(root)
                    .args(["clippy", "--locked", "--all-targets"])
                    .args(scope)
                    .args(["--", "-D", "warnings"]),
            )
        }),
    }
}

fn build_step(root: &Path) -> Step<'_> {
    Step {
        name: "build",
        about: "the tests and the programs they start",
        rerun: "cargo test --workspace --all-features --no-run".into(),
        run: Box::new(move || {
            cargo::run(
                cargo(root)
                    .args(["test", "--locked", "--no-run"])
                    .args(EVERYTHING),
            )
        }),
    }
}

fn test_step<'a>(root: &'a Path, args: &[String]) -> Step<'a> {
    let scope = scope(args);
    Step {
        name: "test",
        about: "all tests, with a Postgres of their own",
        rerun: rerun("test", args),
        run: Box::new(move || {
            let database = TestDatabase::given_or_throwaway()?;
            let tests = cargo::run(
                cargo(root)
                    .args(["test", "--locked"])
                    .args(scope)
                    .env(postgres::URL_VARIABLE, database.url()),
            );
            let stopped = database.stop();
            tests.and(stopped)
        }),
    }
}

fn docs_step<'a>(root: &'a Path, how: &Docs) -> Step<'a> {
    let open: &[&str] = match how {
        Docs::Build => &[],
        Docs::Open => &["--open"],
    };
    Step {
        name: "docs",
        about: "reference documentation, warnings are errors",
        rerun: "cargo xtask docs".into(),
        run: Box::new(move || {
            cargo::run(
                cargo(root)
                    .args(["doc", "--locked", "--workspace", "--no-deps"])
                    .args(open)
                    .env("RUSTDOCFLAGS", "-D warnings"),
            )
        }),
    }
}

/// All crates, with the features that only tests want: deliberate faults that tests must notice.
/// Building and testing name the same set, or everything would be compiled once more.
const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];

/// What the person asked for, or everything.
fn scope(args: &[String]) -> Vec<String> {
    if args.is_empty() {
        EVERYTHING.map(str::to_owned).to_vec()
    } else {
        args.to_vec()
    }
}

fn rerun(command: &str, args: &[String]) -> String {
    let mut line = format!("cargo xtask {command}");
    for arg in args {
        line.push(' ');
        line.push_str(arg);
    }
    line
}
