//! The movement kernel: one pure function, [`step`], that the server runs for every body each tick
//! and a client runs to predict its own.
//!
//! It knows bodies, the ground and a command; not entities, ticks, combat or the wire, and it has no
//! state of its own. A client that calls it with the same arguments gets the same bits.
//!
//! Invariants: a body's numbers stay finite whatever it is commanded; on the ground its horizontal
//! speed never exceeds its top speed; a body at rest without a push does not move by a single bit;
//! a body is never inside an obstacle after a step unless it was before.

#![warn(clippy::iter_over_hash_type)]

mod body;
pub mod limits;
mod mover;
mod step;

pub use body::{Body, Support};
pub use mover::{MoveCommand, Mover};
pub use step::step;
