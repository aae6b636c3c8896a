//! Strangers' bytes in, budgeted bytes out: sessions, replication, QUIC, and the client side of
//! all three.

pub mod bans;
pub mod certs;
pub mod client;
mod key_files;
mod late_alarms;
pub mod resume_tokens;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tickets;
mod token_bucket;
mod udp_socket;

pub use key_files::KeyFileError;
