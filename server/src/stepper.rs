//! Steps a world, for the loop and for the replay alike: on a pool of threads, and so that a panic
//! ends the world and not the program.

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{Snapshot, TickInputs, TickReport, World, WorldError};
use rayon::ThreadPool;

use crate::cli::ServeArgs;
use crate::exit::Failure;
use crate::guarded::{Panicked, guarded};

/// How worlds are stepped here.
pub struct Stepper {
    pool: ThreadPool,
    #[cfg(feature = "sabotage")]
    panic_at: Option<u64>,
    #[cfg(feature = "sabotage")]
    panic_on_intents_at: Option<u64>,
    #[cfg(feature = "sabotage")]
    panic_after: Option<u64>,
    #[cfg(feature = "sabotage")]
    slow: Option<crate::cli::SlowTicks>,
}

impl Stepper {
    /// Steps zones on this many threads.
    ///
    /// # Errors
    /// No threads to be had.
    #[cfg_attr(
        not(feature = "sabotage"),
        expect(unused_variables, reason = "only test builds can be told to fail")
    )]
    pub fn new(threads: usize, args: &ServeArgs) -> Result<Self, Failure> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("zones-{n}"))
            .build()
            .map_err(|error| {
                Failure::environment(format!("cannot start {threads} threads: {error}"))
            })?;
        Ok(Self {
            pool,
            #[cfg(feature = "sabotage")]
            panic_at: args.panic_at_tick,
            #[cfg(feature = "sabotage")]
            panic_on_intents_at: args.panic_on_intents_at,
            #[cfg(feature = "sabotage")]
            panic_after: args.panic_after_tick,
            #[cfg(feature = "sabotage")]
            slow: args.slow_ticks.clone(),
        })
    }

    /// Between two ticks.
    #[cfg_attr(
        not(feature = "sabotage"),
        expect(
            unused_variables,
            clippy::unused_self,
            reason = "only test builds can be told to fail"
        )
    )]
    pub fn between(&self, tick: Tick) {
        #[cfg(feature = "sabotage")]
        assert!(
            self.panic_after != Some(tick.0),
            "asked for with --panic-after-tick"
        );
        #[cfg(feature = "sabotage")]
        if let Some(slow) = self
            .slow
            .as_ref()
            .filter(|slow| slow.ticks.contains(&tick.0))
        {
            std::thread::sleep(slow.by);
        }
    }

    /// Copies the world, on the same threads.
    pub fn snapshot(&self, world: &World) -> Snapshot {
        world.snapshot_on(&self.pool)
    }

    /// One tick. After a panic the world must be thrown away.
    ///
    /// # Errors
    /// Outside, the panic; inside, what the world refuses.
    pub fn step(
        &self,
        world: &mut World,
        inputs: &TickInputs,
    ) -> Result<Result<TickReport, WorldError>, Panicked> {
        guarded(|| {
            #[cfg(feature = "sabotage")]
            assert!(
                self.panic_at != Some(inputs.tick.0),
                "asked for with --panic-at-tick"
            );
            #[cfg(feature = "sabotage")]
            assert!(
                self.panic_on_intents_at != Some(inputs.tick.0)
                    || inputs.players.intents.is_empty(),
                "asked for with --panic-on-intents-at"
            );
            world.step(inputs, &self.pool)
        })
    }
}
