//! The client's side of the network: connect, send intents, receive snapshots.

mod core;
mod driver;
mod event_book;
mod gift_book;
mod play_clock;
mod poses;

pub use self::core::{
    AckWindow, ClientConfig, ClientCore, ClientStats, ConfirmedOwn, EntityView, OwnView,
    PredictionErrors, Predictor, RemovedEntity, Taken, View,
};
pub use self::event_book::EventBook;
pub use self::gift_book::{GiftBook, GiftReceipt, TooManyGifts};
pub use self::play_clock::PlayClock;
pub use self::poses::{Pose, Poses};
pub use driver::{
    Client, ClientEndpoint, ClientOptions, ConnectError, Dialect, Disconnected, GiveError, Link,
    Received, Return, Trust,
};
