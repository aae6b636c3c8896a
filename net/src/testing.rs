//! Bad lines for tests and load tests: seeded, so that a failure can be had again.
//!
//! [`Path`] is one direction of a line and [`Relay`] a whole one with many clients, both sans IO: packets
//! go in, packets come out when they are due, time is an argument. [`UdpRelay`] puts a relay between
//! real sockets.

mod dice;
mod path;
mod quality;
mod relay;
mod udp_relay;

pub use path::{Path, PathStats};
pub use quality::{LineQuality, UnknownLine};
pub use relay::{Output, Port, Relay};
pub use udp_relay::UdpRelay;
