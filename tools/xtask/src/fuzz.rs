//! Fuzzing: the targets of `tools/fuzz`, one after the other, for as long as told, and a ledger of what
//! was run. The program bends the inputs of the corpus by a seed; what it finds, it names.
//!
//! It is built as tests are, not as a release: an overflow or a broken debug assertion is a find, which
//! is worth more than the executions it costs.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, ledger};

/// Beside the date.
const HEADINGS: &str = "build,target,seed,seconds,executions,corpus,failures";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    seconds: u32,
    targets: Vec<String>,
}

/// Builds the fuzzer and runs the targets asked for, or all.
///
/// # Errors
/// If it cannot be built, there is no such target, or something is found.
pub fn run(args: &[String]) -> Result<()> {
    let root = cargo::workspace_root()?;
    let home = root.join("tools/fuzz");
    let wish = wish(args, &targets(&home)?)?;
    cargo::run(cargo::cargo(&home).args(["build", "--locked"]))?;
    let mut failed = Vec::new();
    for target in &wish.targets {
        let run = run_one(&home, target, wish.seconds)?;
        append(
            &home.join("ledger.csv"),
            &crate::chores::commit(&root),
            target,
            &run,
        )?;
        if run.failed {
            failed.push(target.as_str());
        }
    }
    ensure!(
        failed.is_empty(),
        "found something in: {}",
        failed.join(", ")
    );
    Ok(())
}

fn wish(args: &[String], known: &[String]) -> Result<Wish> {
    let mut wish = Wish {
        seconds: 60,
        targets: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => {
                let seconds = args.next().context("--seconds needs a number")?;
                wish.seconds = seconds.parse().context("--seconds needs a number")?;
            }
            name if known.iter().any(|target| target == name) => wish.targets.push(name.to_owned()),
            other => bail!("no fuzz target '{other}'; there are: {}", known.join(", ")),
        }
    }
    if wish.targets.is_empty() {
        wish.targets = known.to_vec();
    }
    Ok(wish)
}

/// A folder of the corpus each.
fn targets(home: &Path) -> Result<Vec<String>> {
    let corpus = home.join("corpus");
    let entries =
        fs::read_dir(&corpus).with_context(|| format!("no corpus in {}", corpus.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    seed: u64,
    seconds: u32,
    executions: u64,
    corpus: u64,
    failed: bool,
}

/// A target for so long; what it found is printed.
fn run_one(home: &Path, target: &str, seconds: u32) -> Result<Run> {
    let seed = ledger::now_s() % 1_000_000;
    println!("fuzzing {target} for {seconds} s of processor time, seed {seed}");
    let output = cargo::cargo(home)
        .args(["run", "--quiet", "--locked", "--", "run", target])
        .args([seconds.to_string(), seed.to_string()])
        .arg(home.join("corpus").join(target))
        .stdout(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let run = Run {
        seed,
        seconds,
        failed: !output.status.success(),
        ..summary(&said)
    };
    println!("  {} executions from {} inputs", run.executions, run.corpus);
    if run.failed {
        println!("  FAILED: {}", said.trim().replace('\n', "\n  "));
    }
    Ok(run)
}

/// What the program said in the end.
fn summary(said: &str) -> Run {
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let stat = |name: &str| said.lines().find_map(|line| line.strip_prefix(name));
    Run {
        executions: number(stat("executions: ")),
        corpus: number(stat("inputs: ")),
        ..Run::default()
    }
}

fn append(ledger: &Path, build: &str, target: &str, run: &Run) -> Result<()> {
    let failures = u32::from(run.failed);
    let row = format!(
        "{build},{target},{},{},{},{},{failures}",
        run.seed, run.seconds, run.executions, run.corpus
    );
    ledger::append(ledger, HEADINGS, &row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn all_targets_run_unless_some_are_named_and_unknown_ones_are_refused() {
        let known = args("intents session");
        let all = wish(&args("--seconds 5"), &known).unwrap();
        assert_eq!((all.seconds, all.targets.len()), (5, 2));
        let one = wish(&args("session"), &known).unwrap();
        assert_eq!((one.seconds, one.targets), (60, args("session")));
        let error = wish(&args("atlantis"), &known).unwrap_err().to_string();
        assert!(error.contains("intents, session"), "{error}");
    }

    #[test]
    fn the_last_word_of_the_fuzzer_is_understood() {
        let run = summary("executions: 12345\ninputs: 7\n");
        assert_eq!((run.executions, run.corpus), (12_345, 7));
        assert_eq!(summary("nothing"), Run::default());
    }
}
