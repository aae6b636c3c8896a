//! The program as its operator and strangers meet it: real processes, real ports, real signals.
//!
//! Each test has its own data directory and free ports. Waiting is for states, with a deadline that
//! only a hang reaches; no test asserts how long something took.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod asking;
mod clients;
mod databases;
mod dealing;
mod failing;
mod failover;
mod forgetting;
mod giving;
mod harness;
mod living;
mod losing_the_disk;
mod outages;
mod overloading;
mod recovering;
mod resuming;
mod salvaging;
mod stepping_back;
mod strangers;
mod turning_out;
mod upgrading;
mod worlds;
