//! The server's side of the network.

pub mod event;
pub mod quic;
