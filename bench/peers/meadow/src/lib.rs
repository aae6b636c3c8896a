//! What every peer has in common: the work itself, who is near whom, what a client checks, and the few words
//! with the program that runs them side by side (see `../README.md`).

mod checks;
mod command;
mod walkers;
mod ticker;

pub use checks::Checks;
pub use command::{Command, Work, until_told};
pub use walkers::{Meadow, Near, Walker};
pub use ticker::{TickTimes, Ticker};
