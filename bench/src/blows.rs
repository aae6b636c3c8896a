//! How long a blow takes from the bot that orders it to the eyes of others: one slot per bot, in
//! which its newest order's time stands, and which every bot that sees the swing reads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_shared_protocol::EntityId;
use hdrhistogram::Histogram;
use parking_lot::RwLock;

/// Orders older than this are not what is being seen, microseconds.
const OLDEST_US: u64 = 2_000_000;

/// When each bot last ordered a blow, microseconds since the run's start; 0 = never.
#[derive(Debug, Default)]
pub struct Blows(RwLock<HashMap<EntityId, AtomicU64>>);

impl Blows {
    /// One of ours is in the world now.
    pub fn joined(&self, avatar: EntityId) {
        let mut bots = self.0.write();
        bots.entry(avatar).or_default();
    }

    /// A bot orders a blow now.
    pub fn order(&self, avatar: EntityId, now_us: u64) {
        if let Some(ordered_us) = self.0.read().get(&avatar) {
            ordered_us.store(now_us, Ordering::Relaxed);
        }
    }

    /// Somebody sees `avatar` swing now: how long after the order, microseconds, if it was one of
    /// ours and recent.
    #[must_use]
    pub fn see(&self, avatar: EntityId, now_us: u64) -> Option<u64> {
        let ordered_us = self.0.read().get(&avatar)?.load(Ordering::Relaxed);
        let took_us = now_us.checked_sub(ordered_us)?;
        (ordered_us > 0 && took_us < OLDEST_US).then_some(took_us)
    }
}

/// An empty histogram of latencies in microseconds.
#[must_use]
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("1 < 2 * highest, 3 digits <= 5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_recent_orders_of_known_bots_count() {
        let blows = Blows::default();
        blows.joined(EntityId(1));
        blows.joined(EntityId(2));
        blows.order(EntityId(1), 1_000);
        blows.order(EntityId(3), 1_000);
        assert_eq!(blows.see(EntityId(1), 41_000), Some(40_000));
        assert_eq!(blows.see(EntityId(2), 41_000), None);
        assert_eq!(blows.see(EntityId(3), 41_000), None);
        assert_eq!(blows.see(EntityId(1), 1_000 + OLDEST_US), None);
    }
}
