//! The server's side of the network: [`Hub`], the session logic without IO, and [`quic`], the
//! driver that gives it sockets.

pub mod event;
mod hub;
mod hub_config;
mod hub_stats;
pub mod quic;
mod replication;
#[cfg(feature = "sabotage")]
mod sabotage;

pub use hub::{Hub, ReplicateInput};
#[cfg(feature = "sabotage")]
pub use hub_config::Sabotage;
pub use hub_config::{
    BUDGET_BYTES_MAX, BUDGET_BYTES_MIN, HubConfig, HubLimits, Interest, WorldFacts,
};
pub use hub_stats::HubStats;
