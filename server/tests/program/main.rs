//! The program as its operator and strangers meet it: real processes, real ports, real signals.
//!
//! Each test has its own data directory and free ports. Waiting is for states, with a deadline that
//! only a hang reaches; no test asserts how long something took.

mod asking;
mod clients;
mod databases;
mod harness;
mod living;
mod recovering;
mod strangers;
