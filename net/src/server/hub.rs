//! The session logic, sans IO: sessions and their intents in, sealed player inputs and snapshot
//! datagrams out. Time is an argument; nothing here waits, allocates threads or reads a clock.

use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Epoch, PlayerInputs, SessionId, Tick, WireFrame};
use bytes::Bytes;

use super::event::{SessionCommand, SessionEvent};
use super::hub_config::HubConfig;
use super::hub_stats::HubStats;

/// One finished tick, for replication.
#[derive(Clone, Copy, Debug)]
pub struct ReplicateInput<'a> {
    /// The tick.
    pub tick: Tick,
    /// The world's epoch; another one than before drops every baseline.
    pub epoch: Epoch,
    /// Newest tick whose inputs are durable.
    pub durable: Tick,
    /// All zones.
    pub frames: &'a [Arc<WireFrame>],
}

/// All sessions of one world.
pub struct Hub {
    config: HubConfig,
    stats: HubStats,
}

impl Hub {
    /// A hub without sessions.
    #[must_use]
    pub fn new(config: HubConfig) -> Self {
        Self {
            config,
            stats: HubStats::default(),
        }
    }

    /// Avatars that a recovered world brought along: those whose owner does not come back within
    /// the grace period leave.
    pub fn adopt(&mut self, avatars: &[EntityId]) {
        let _ = avatars;
    }

    /// Takes one event. Cheap; a bad one costs its session, nobody else.
    pub fn handle(&mut self, now_ms: u64, event: SessionEvent) {
        let _ = (now_ms, event);
    }

    /// What the players contribute to `tick`, sorted.
    pub fn seal(&mut self, now_ms: u64, tick: Tick) -> PlayerInputs {
        let _ = (now_ms, tick);
        PlayerInputs::default()
    }

    /// This tick's datagrams, sessions ascending.
    pub fn replicate(&mut self, now_ms: u64, input: ReplicateInput<'_>) -> Vec<(SessionId, Bytes)> {
        let _ = (now_ms, input, &self.config);
        Vec::new()
    }

    /// What the driver shall do next, if anything; ask until `None`, after every event or tick.
    pub fn poll_command(&mut self) -> Option<SessionCommand> {
        None
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &HubStats {
        &self.stats
    }
}
