//! The client's side of the network: connect, send intents, receive snapshots.

mod driver;

pub use driver::{ClientEndpoint, ClientOptions, ConnectError, Dialect, Disconnected, Link, Trust};
