//! `bluemarble-server`: the program. It owns time, wires the crates together and talks to the
//! operator; it holds no game rule and touches no packet's bytes.
//!
//! Read in this order:
//! - [`serve`]: start-up, step by step, and the orderly stop
//! - [`world_loop`]: one tick after the other
//! - [`recovery`]: the newest checkpoint and the journal behind it become the world again
//! - [`admin`], [`live`], [`telemetry`], [`status_line`]: what an operator sees
//!
//! Threads: `world` runs the loop and is never made to wait; rayon's pool steps zones for it; one
//! tokio runtime runs QUIC, one stores checkpoints, one the admin HTTP; the journal writes on a
//! thread of its own.

mod admin;
mod assets;
mod cli;
mod clock;
mod config;
mod data_dir;
mod exit;
mod feed;
mod health;
mod limits;
mod live;
mod machine;
mod pacing;
mod shutdown;
mod status_line;
mod telemetry;
mod tick_times;

fn main() {}
