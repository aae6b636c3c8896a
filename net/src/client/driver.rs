//! The client's only part that awaits: a QUIC connection ([`Link`]), and on top of it the session
//! logic ([`Client`]).

mod client;
mod ended;
mod endpoint;
mod link;

pub use self::client::Client;
pub use self::ended::{ConnectError, Disconnected, GiveError};
pub use self::endpoint::{ClientEndpoint, Trust};
pub use self::link::{ClientOptions, Dialect, Link, Received, Return};
