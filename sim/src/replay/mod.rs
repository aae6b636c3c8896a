//! A log, run again. A world and the ticks that were journaled behind it go in; every state on the way
//! is compared with what the next record remembers, and out comes the world at the end, or the first
//! thing that is wrong.
//!
//! ```text
//! world at c ──► step(inputs c+1) ──► step(inputs c+2) ──► … ──► the last record
//!            compare with           compare with
//!            record c+1's memory    record c+2's memory
//! ```
//!
//! The server recovers by it after a crash, and `bluemarble replay` verifies recordings by it. Who
//! calls says how a tick is stepped (on which threads, what becomes of a panic) and where records come
//! from.

mod divergence;
mod shown;

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::binary::BinaryError;

use crate::entity::DigestParts;
use crate::inputs::TickInputs;
use crate::world::World;
pub use divergence::{Culprit, Divergence, Findings, differences};
pub use shown::{fields, show_entity};

/// What a log remembers of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Its digest.
    pub digest: u64,
    /// The digest's parts, if the log has them.
    pub parts: Option<DigestParts>,
}

impl Remembered {
    /// From a record's digest and sketch; a sketch that is none of this build's, or does not add up
    /// to the digest, is left out.
    #[must_use]
    pub fn new(digest: u64, sketch: &[u64]) -> Self {
        let parts = DigestParts::from_words(sketch).filter(|parts| parts.digest() == digest);
        Self { digest, parts }
    }
}

/// One journaled tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedTick {
    /// Which.
    pub tick: Tick,
    /// The state before it.
    pub before: Remembered,
    /// Its sealed inputs, encoded.
    pub inputs: Vec<u8>,
}

/// Why a replay ended before its log did. `L` is what can be wrong with reading the log, `S` with
/// stepping the world.
#[derive(Debug)]
pub enum Stopped<L, S> {
    /// The log cannot be read on.
    Log(L),
    /// The world is another one than the log remembers.
    Diverged(Box<Divergence>),
    /// A record whose content is no tick's inputs.
    BadInputs {
        /// Which.
        tick: Tick,
        /// Why.
        problem: BinaryError,
    },
    /// Stepping failed.
    Step {
        /// In this tick.
        tick: Tick,
        /// With these inputs.
        inputs: Box<TickInputs>,
        /// How.
        failure: S,
    },
}

/// Runs `log` on `world`; `after` is told of the world at its beginning and after each tick. The last
/// state is compared with nothing here: the record that would remember it was never written.
///
/// # Errors
/// See [`Stopped`]. After [`Stopped::Diverged`] the world is at the tick that differs.
pub fn replay<L, S>(
    world: &mut World,
    log: impl IntoIterator<Item = Result<LoggedTick, L>>,
    mut step: impl FnMut(&mut World, &TickInputs) -> Result<(), S>,
    mut after: impl FnMut(&World),
) -> Result<(), Stopped<L, S>> {
    after(world);
    for logged in log {
        let logged = logged.map_err(Stopped::Log)?;
        if let Some(divergence) = Divergence::of(world, &logged.before) {
            return Err(Stopped::Diverged(Box::new(divergence)));
        }
        let tick = logged.tick;
        let inputs = TickInputs::decode(&logged.inputs)
            .map_err(|problem| Stopped::BadInputs { tick, problem })?;
        if let Err(failure) = step(world, &inputs) {
            return Err(Stopped::Step {
                tick,
                inputs: Box::new(inputs),
                failure,
            });
        }
        after(world);
    }
    Ok(())
}
