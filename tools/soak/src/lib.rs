//! The soak: random worlds, each run twice side by side, once as torn and tormented as can be and
//! once whole and in peace. Both must be the same at every tick.
//!
//! Everything in case `n` follows from (seed, n): its worlds (`scene`, `places`), what their people do
//! (`inputs`), who travels between them (`roads`), what is done to the world under test (`subject`).
//! `pair` steps a world beside its twin; `checks` and `register` say what must hold of it, and of all
//! worlds of a `case` together; `shrink` finds out what a failure needs; `plant` has faults that must be
//! found; `ledger` remembers what was run. The program is in `main.rs`.

pub mod case;
mod checks;
mod cuts;
mod dice;
mod inputs;
pub mod kinds;
pub mod ledger;
mod pair;
mod places;
pub mod plant;
mod register;
mod roads;
mod scene;
pub mod shrink;
mod subject;
mod things;
mod threads;

pub use scene::Library;
pub use threads::Pools;
