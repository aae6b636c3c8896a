//! Effects that travel: shots, blasts, fires, coins, chains of consequences. Every scene is played by
//! worlds cut in different ways, in lockstep; one of them forgets everything but its entities now
//! and then, another is stored and restored into another number of zones. After every tick all have
//! the same digest and every coin is accounted for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod absent;
mod areas;
mod chains;
mod coins;
mod content;
mod deals;
mod gifts;
mod scene;
mod shots;
mod sleepers;
mod things;
mod twins;
