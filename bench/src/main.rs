//! `bluemarble-bench`: load tests with real QUIC clients that check what they see.

mod admin;
mod behaviour;
mod blows;
mod cli;
mod judge;
mod prometheus;
mod report;
mod verify;

fn main() {}
