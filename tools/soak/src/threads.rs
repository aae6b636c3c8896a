//! Pools of 1 to 8 threads, started when first asked for.

use anyhow::Context;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Most threads a world is stepped on.
pub const THREADS_MAX: usize = 8;

/// Pools by their number of threads.
#[derive(Default)]
pub struct Pools([Option<ThreadPool>; THREADS_MAX]);

impl Pools {
    /// The pool of so many threads, at least one and at most `THREADS_MAX`.
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn of(&mut self, threads: usize) -> anyhow::Result<&ThreadPool> {
        let threads = threads.clamp(1, THREADS_MAX);
        let place = &mut self.0[threads - 1];
        if place.is_none() {
            let pool = ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .context("cannot start the simulation's threads")?;
            *place = Some(pool);
        }
        place.as_ref().context("a pool that was just started")
    }
}
