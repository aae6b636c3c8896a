//! How many instructions the hot paths take, counted by Valgrind and compared with a table.
//!
//! A count does not care how busy the machine is, so it can fail a build where a time cannot. Our
//! own step instead of a benchmark framework: `gungraun` would need a second program of exactly its
//! version on every machine, and the comparison is a page of code. Counted is a build like the
//! release, but without link-time optimisation, which shuffles what is inlined into what: an edit
//! elsewhere in the workspace moved counts by a tenth. Other compilers make other counts, so a table
//! is judged only by its own.

mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::{self, cargo};
use crate::{debian, licences};
use table::{Row, Table};

const TABLE: &str = "bench/instructions/counts.toml";
const PACKAGE: &str = "bluemarble-instructions";
/// The function of that package whose callees are counted.
const COUNTED: &str = "*measured*";
/// How far a count may be from the table's, percent: what other versions of libc and of our
/// dependencies have been seen to change is under 1.
const TOLERANCE_PERCENT: f64 = 3.0;
const BLESS: &str = "cargo xtask instructions --bless";

const INSTALL: &str = "\
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends valgrind";

/// Whether the counts are compared or become the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Compare, and fail on a difference.
    Compare,
    /// Write them down.
    Bless,
}

/// Counts everything.
///
/// # Errors
/// If Valgrind cannot be had, a case fails, or a count is not what the table says.
pub fn run(root: &Path, what: What) -> Result<()> {
    let host = licences::host_target(root)?;
    if !host.starts_with("x86_64") {
        println!("NOT counted: the table is of x86-64, this is {host}");
        return Ok(());
    }
    find_or_install()?;
    let program = build(root)?;
    let names = cargo::output_of(&mut Command::new(&program))?;
    let names: Vec<&str> = names.lines().collect();
    let mut counted = Table::new(compiler(root)?);
    for name in &names {
        match count(&program, name)? {
            Some(instructions) => counted.set(name, instructions),
            None => println!("{name}: not on this processor"),
        }
    }
    let path = root.join(TABLE);
    if what == What::Bless {
        let text = counted.to_text(BLESS);
        std::fs::write(&path, text).with_context(|| format!("{TABLE} cannot be written"))?;
        println!("wrote {TABLE}");
        return Ok(());
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{TABLE} cannot be read; `{BLESS}` makes it"))?;
    let expected = Table::from_text(&text).with_context(|| format!("{TABLE} is no table"))?;
    compare(&expected, &counted, &names)
}

/// Every row of both tables; `cases` are all there are, also those this processor cannot do.
fn compare(expected: &Table, counted: &Table, cases: &[&str]) -> Result<()> {
    let mut wrong = Vec::new();
    for row in table::rows(expected, counted) {
        println!("{row}");
        if !row.is_within(TOLERANCE_PERCENT) || !cases.contains(&row.name) {
            wrong.push(row.name);
        }
    }
    if expected.compiler != counted.compiler {
        println!(
            "NOT judged: the table is of {}, this is {}. Make it anew with `{BLESS}`.",
            expected.compiler, counted.compiler
        );
        return Ok(());
    }
    if !wrong.is_empty() {
        bail!(
            "not within {TOLERANCE_PERCENT} % of {TABLE}: {}.\n\
             If that is meant (faster, or slower for a reason that the commit names), make the \
             table anew:  {BLESS}",
            wrong.join("; ")
        );
    }
    Ok(())
}

fn compiler(root: &Path) -> Result<String> {
    let version = cargo::output_of(Command::new("rustc").arg("--version").current_dir(root))?;
    let words: Vec<&str> = version.split_whitespace().take(2).collect();
    Ok(words.join(" "))
}

fn build(root: &Path) -> Result<PathBuf> {
    let args = [
        "build",
        "--locked",
        "--profile",
        "counted",
        "--package",
        PACKAGE,
    ];
    cargo::run(cargo(root).args(args))?;
    let text = cargo::output_of(
        cargo(root)
            .args(args)
            .args(["--quiet", "--message-format=json"]),
    )?;
    executable_of(&text).context("cargo did not say where the program is")
}

/// The last `"executable":"…"` in cargo's messages.
fn executable_of(messages: &str) -> Option<PathBuf> {
    let (_, rest) = messages.rsplit_once("\"executable\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(PathBuf::from(path))
}

/// Instructions per time that the case does its thing; none if the processor cannot.
fn count(program: &Path, name: &str) -> Result<Option<f64>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg("--callgrind-out-file=/dev/null")
        .arg(program)
        .arg(name)
        .stdin(Stdio::null())
        .output()
        .context("valgrind cannot be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("{name} ended with {}:\n{said}{report}", output.status);
    }
    if said.starts_with("not on this processor") {
        return Ok(None);
    }
    let times = times_of(&said).with_context(|| format!("{name} did not say how often"))?;
    let sum = collected_of(&report).with_context(|| format!("no count of {name}:\n{report}"))?;
    if sum == 0 {
        bail!("{name} counted nothing: is there still a function called `measured`?");
    }
    Ok(Some(sum as f64 / times as f64))
}

fn times_of(said: &str) -> Option<u64> {
    let times = said.lines().find_map(|line| line.strip_suffix(" times"))?;
    times.parse().ok().filter(|times| *times > 0)
}

/// From Callgrind's last words, "==123== Collected : 4567".
fn collected_of(report: &str) -> Option<u64> {
    let after = |line: &str| line.split_once("Collected :")?.1.trim().parse().ok();
    report.lines().find_map(after)
}

fn find_or_install() -> Result<()> {
    if debian::succeeds(&["valgrind", "--version"]) {
        return Ok(());
    }
    let Some(rights) = debian::rights_to_install() else {
        bail!(
            "counting instructions needs Valgrind, which is not in PATH.\n\
             On Debian or Ubuntu:  sudo apt-get install --no-install-recommends valgrind\n\
             Elsewhere: install Valgrind and put `valgrind` into PATH."
        );
    };
    println!("Valgrind is missing: installing Debian's package");
    rights.run(INSTALL).context(
        "Valgrind could not be installed: is the network there? Otherwise install it by hand and \
         put `valgrind` into PATH",
    )?;
    if !debian::succeeds(&["valgrind", "--version"]) {
        bail!("valgrind was installed, but does not start");
    }
    Ok(())
}

impl std::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
        write!(
            f,
            "{:<28} table {:>10}  now {:>10}",
            self.name,
            number(self.expected),
            number(self.counted)
        )?;
        match self.change_percent() {
            Some(change) => write!(f, "  {change:+6.2} %"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_and_the_programs_words_are_read() {
        let report = "==7== Callgrind, a call-graph generator\n==7== Collected : 4567\n==7==\n";
        assert_eq!(collected_of(report), Some(4_567));
        assert_eq!(collected_of("==7== Collected :\n"), None);
        assert_eq!(times_of("500 times\n"), Some(500));
        assert_eq!(times_of("0 times\n"), None);
    }

    #[test]
    fn the_program_is_found_in_cargos_messages() {
        let messages = r#"{"executable":null}
{"executable":"/there/release/counts","fresh":true}"#;
        assert_eq!(
            executable_of(messages),
            Some(PathBuf::from("/there/release/counts"))
        );
        assert_eq!(executable_of(r#"{"executable":null}"#), None);
    }

    #[test]
    fn a_count_off_in_either_direction_fails_and_says_how_to_accept_it() {
        let table = |count| {
            let mut table = Table::new("rustc 1.0.0".to_owned());
            table.set("a path", count);
            table
        };
        let cases = ["a path"];
        assert!(compare(&table(100.0), &table(102.9), &cases).is_ok());
        for off in [96.9, 103.1] {
            let error = compare(&table(100.0), &table(off), &cases).expect_err("it is off");
            let text = error.to_string();
            assert!(text.contains("a path") && text.contains(BLESS), "{text}");
        }
        let mut other = table(200.0);
        other.compiler = "rustc 2.0.0".to_owned();
        assert!(compare(&table(100.0), &other, &cases).is_ok());
    }

    #[test]
    fn a_row_without_a_case_fails_and_one_that_the_processor_cannot_do_does_not() {
        let mut table = Table::new("rustc 1.0.0".to_owned());
        let nothing = Table::new("rustc 1.0.0".to_owned());
        table.set("a path", 100.0);
        assert!(compare(&table, &nothing, &["a path"]).is_ok());
        let error = compare(&table, &nothing, &["its new name"]).expect_err("it is gone");
        assert!(error.to_string().contains("a path"), "{error}");
    }
}
