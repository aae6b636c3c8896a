//! Strangers' bytes in, budgeted bytes out: sessions, replication, QUIC, and the client side of
//! all three.

pub mod certs;
mod key_files;
pub mod server;
pub mod tickets;

pub use key_files::KeyFileError;
