//! The journal's copy in the database, as the loop sees it: how far it is, and whether what leaves the
//! process as durable has to wait for it (`journal.durable = "replicated"`).
//!
//! Nothing here waits for a database.

use std::time::Duration;

use bluemarble_persistence::{JournalShipper, ShipMonitor, ShipOptions, ShipStatus, Shipment};
use bluemarble_shared_protocol::Tick;
use tokio::runtime::Handle;

use crate::config::{Durability, JournalConfig};

/// How often it is looked whether there is something to ship. What a lost disk takes with `local`;
/// with `replicated` it is added to every acknowledgement.
const fn period(durability: Durability) -> Duration {
    match durability {
        Durability::Local => Duration::from_millis(500),
        Durability::Replicated => Duration::from_millis(10),
    }
}

/// With `replicated`, nobody new is let in while the database has been behind for as long as this: a
/// restart of it is over sooner, and what newcomers did would not be safe.
const LATE: Duration = Duration::from_secs(5);

/// Shipping, if the journal is shipped.
pub struct Replica {
    shipper: JournalShipper,
    monitor: ShipMonitor,
    runtime: Handle,
    durability: Durability,
}

impl Replica {
    /// Begins to ship on `runtime`.
    pub fn begin(runtime: &Handle, shipment: Shipment, config: &JournalConfig) -> Self {
        let options = ShipOptions {
            period: period(config.durability),
            ..ShipOptions::default()
        };
        let shipper = JournalShipper::start(runtime, shipment, options);
        Self {
            monitor: shipper.monitor(),
            shipper,
            runtime: runtime.clone(),
            durability: config.durability,
        }
    }

    /// As [`Self::begin`], but what the task would do is done when told.
    #[cfg(test)]
    pub(crate) fn by_hand(
        runtime: &Handle,
        shipment: Shipment,
        config: &JournalConfig,
    ) -> (Self, bluemarble_persistence::ShipHand) {
        let (shipper, hand) = JournalShipper::by_hand(shipment, ShipOptions::default());
        let replica = Self {
            monitor: shipper.monitor(),
            shipper,
            runtime: runtime.clone(),
            durability: config.durability,
        };
        (replica, hand)
    }

    /// How much of what is durable here may be told: with `replicated`, what is durable there, too.
    /// `stored` is the newest checkpoint in the database.
    pub fn bound(&self, tick: Tick, stored: Option<Tick>) -> Tick {
        match self.durability {
            Durability::Local => tick,
            Durability::Replicated => {
                tick.min(self.monitor.through().max(stored.unwrap_or_default()))
            }
        }
    }

    /// What newcomers do would not be safe for a while.
    pub fn is_late(&self) -> bool {
        self.durability == Durability::Replicated && self.monitor.is_behind(LATE)
    }

    /// A newer server has the world.
    pub fn is_fenced(&self) -> bool {
        self.monitor.is_fenced()
    }

    /// State and counters.
    pub fn status(&self) -> ShipStatus {
        self.monitor.status()
    }

    /// What an operator should know.
    pub fn trouble(&self, status: &ShipStatus) -> Option<String> {
        if status.fenced {
            return Some("another server has taken this world over".into());
        }
        if status.failing == 0 && status.behind_s < LATE.as_secs_f64() {
            return None;
        }
        let mut text = format!(
            "the journal in the database stands at tick {}: {} ticks ({} bytes) wait, the oldest for \
             {:.0} s",
            status.through, status.behind_ticks, status.behind_bytes, status.behind_s
        );
        if let Some(error) = &status.last_error {
            text.push_str(&format!("; {} attempts failed: {error}", status.failing));
        }
        if self.durability == Durability::Replicated {
            text.push_str("; nothing later is acknowledged");
            if self.is_late() {
                text.push_str(", and nobody new is let in");
            }
        }
        Some(text)
    }

    /// Ships the rest, waiting at most `patience`, and ends.
    pub fn finish(self, patience: Duration) -> ShipStatus {
        self.runtime.block_on(self.shipper.drain(patience))
    }
}
