//! Tells the operator what start-up is doing and how long each part took.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use crate::clock::Clock;

/// Prints `what … 1.23 s` per step.
pub struct Steps {
    clock: Clock,
    in_place: bool,
    silent: bool,
}

impl Steps {
    /// Begins.
    pub fn begin(clock: Clock) -> Self {
        Self {
            clock,
            in_place: std::io::stdout().is_terminal(),
            silent: false,
        }
    }

    /// Says nothing: for a world that starts while others run.
    pub fn silent(clock: Clock) -> Self {
        Self {
            clock,
            in_place: false,
            silent: true,
        }
    }

    /// Runs `work`, then prints what it was, how long it took, and what it found.
    ///
    /// # Errors
    /// Those of `work`; the step is then printed without a time.
    pub fn step<T, E>(
        &self,
        what: impl Display,
        work: impl FnOnce() -> Result<(T, String), E>,
    ) -> Result<T, E> {
        if self.in_place {
            self.put(format_args!("  {what} …"));
        }
        let began = self.clock.elapsed();
        match work() {
            Ok((value, found)) => {
                let took = (self.clock.elapsed() - began).as_secs_f64();
                let found = if found.is_empty() {
                    found
                } else {
                    format!("  {found}")
                };
                self.line(format_args!("  {what} … {took:.2} s{found}"));
                Ok(value)
            }
            Err(error) => {
                self.line(format_args!("  {what} … failed"));
                Err(error)
            }
        }
    }

    /// How far a long step is; shown on a terminal only.
    pub fn progress(&self, what: impl Display, done: u64, all: u64) {
        const EVERY: u64 = 64;
        if self.in_place && (done.is_multiple_of(EVERY) || done == all) {
            self.put(format_args!("  {what} … {done}/{all}"));
        }
    }

    /// A line of its own.
    pub fn say(&self, line: impl Display) {
        self.line(format_args!("{line}"));
    }

    fn put(&self, text: impl Display) {
        let mut out = std::io::stdout().lock();
        let _closed = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
    }

    fn line(&self, text: impl Display) {
        if self.silent {
            return tracing::info!("{text}");
        }
        if self.in_place {
            self.put("");
        }
        let _closed = writeln!(std::io::stdout().lock(), "{text}");
    }
}
