//! A row of named steps: a heading each, its duration, and a table at the end.
//!
//! The first failure stops the row; the table then says what was not reached, and how to run
//! only the failed step again.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// One thing to do.
pub struct Step<'a> {
    /// Its name, also the key in the table.
    pub name: &'static str,
    /// What the heading says it does.
    pub about: &'static str,
    /// The command that runs only this.
    pub rerun: String,
    /// The doing.
    pub run: Box<dyn FnOnce() -> Result<()> + 'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Ok(Duration),
    Failed(Duration),
    NotReached,
}

/// Runs the steps in order until one fails.
///
/// # Errors
/// Names the failed step and the command that runs it again.
pub fn run_all(steps: Vec<Step<'_>>) -> Result<()> {
    let count = steps.len();
    let mut outcomes = Vec::with_capacity(count);
    let mut failure = None;
    for (n, step) in steps.into_iter().enumerate() {
        if failure.is_some() {
            outcomes.push((step.name, Outcome::NotReached));
            continue;
        }
        println!("\n=== {}/{count} {}: {}", n + 1, step.name, step.about);
        let started = now();
        let result = (step.run)();
        let took = started.elapsed();
        match result {
            Ok(()) => {
                println!("--- {} ok, {}", step.name, seconds(took));
                outcomes.push((step.name, Outcome::Ok(took)));
            }
            Err(error) => {
                println!("--- {} FAILED, {}: {error:#}", step.name, seconds(took));
                outcomes.push((step.name, Outcome::Failed(took)));
                failure = Some((step.name, step.rerun));
            }
        }
    }
    println!("\n{}", table(&outcomes));
    match failure {
        None => Ok(()),
        Some((name, rerun)) => bail!("{name} failed. Run only that again: {rerun}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "durations are shown to a person; nothing depends on them"
)]
fn now() -> Instant {
    Instant::now()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn table(outcomes: &[(&str, Outcome)]) -> String {
    let mut text = format!("{:<12} {:<12} {:>10}\n", "step", "result", "time");
    let mut total = Duration::ZERO;
    for (name, outcome) in outcomes {
        let (result, time) = match outcome {
            Outcome::Ok(time) => ("ok", Some(*time)),
            Outcome::Failed(time) => ("FAILED", Some(*time)),
            Outcome::NotReached => ("not reached", None),
        };
        total += time.unwrap_or_default();
        let time = time.map_or_else(|| "-".to_owned(), seconds);
        text.push_str(&format!("{name:<12} {result:<12} {time:>10}\n"));
    }
    text.push_str(&format!(
        "{:<12} {:<12} {:>10}",
        "total",
        "",
        seconds(total)
    ));
    text
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn step<'a>(
        name: &'static str,
        log: &'a RefCell<Vec<&'static str>>,
        result: Result<()>,
    ) -> Step<'a> {
        Step {
            name,
            about: "a test",
            rerun: format!("cargo xtask {name}"),
            run: Box::new(move || {
                log.borrow_mut().push(name);
                result
            }),
        }
    }

    #[test]
    fn the_first_failure_stops_the_row_and_names_the_rerun() {
        let log = RefCell::new(Vec::new());
        let error = run_all(vec![
            step("fmt", &log, Ok(())),
            step("clippy", &log, Err(anyhow::anyhow!("3 warnings"))),
            step("test", &log, Ok(())),
        ])
        .expect_err("clippy failed");
        assert_eq!(*log.borrow(), ["fmt", "clippy"]);
        assert!(error.to_string().contains("cargo xtask clippy"), "{error}");
    }

    #[test]
    fn the_table_tells_done_failed_and_not_reached_apart() {
        let text = table(&[
            ("fmt", Outcome::Ok(Duration::from_millis(1_250))),
            ("clippy", Outcome::Failed(Duration::from_secs(2))),
            ("test", Outcome::NotReached),
        ]);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1], ["fmt", "ok", "1.2", "s"]);
        assert_eq!(lines[2], ["clippy", "FAILED", "2.0", "s"]);
        assert_eq!(lines[3], ["test", "not", "reached", "-"]);
        assert_eq!(lines[4], ["total", "3.2", "s"]);
    }
}
