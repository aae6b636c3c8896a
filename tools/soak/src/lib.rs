//! The soak: random worlds, each run twice side by side, once as torn and tormented as can be and
//! once whole and in peace. Both must be the same at every tick.
//!
//! Everything in case `n` follows from (seed, n): the world (`scene`, `places`), what its people do
//! (`inputs`), what is done to the world under test (`subject`). `case` runs both and `checks` says
//! what must hold; `shrink` finds out which sorts of events a failure needs; `ledger` remembers what
//! was run. The program is in `main.rs`.

pub mod case;
mod checks;
mod cuts;
mod dice;
mod inputs;
pub mod kinds;
pub mod ledger;
mod places;
mod scene;
pub mod shrink;
mod subject;
mod things;
mod threads;

pub use scene::Library;
pub use threads::Pools;
