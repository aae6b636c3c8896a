//! The client's side of the network: connect, send intents, receive snapshots.

mod core;
mod driver;

pub use self::core::{
    AckWindow, ClientConfig, ClientCore, ClientStats, ConfirmedOwn, EntityView, OwnView, Predictor,
    RemovedEntity, Taken, View,
};
pub use driver::{
    Client, ClientEndpoint, ClientOptions, ConnectError, Dialect, Disconnected, Link, Received,
    Return, Trust,
};
