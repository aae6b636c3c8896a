//! How long a blow takes from the bot that orders it to the eyes of others: one slot per bot, in
//! which its newest order's time stands, and which every bot that sees the swing reads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bluemarble_shared_protocol::EntityId;
use hdrhistogram::Histogram;

/// Orders older than this are not what is being seen, microseconds.
const OLDEST_US: u64 = 2_000_000;

/// When each bot last ordered a blow, microseconds since the run's start; 0 = never.
#[derive(Debug)]
pub struct Blows {
    slots: HashMap<EntityId, usize>,
    ordered_us: Vec<AtomicU64>,
}

impl Blows {
    /// For these avatars.
    #[must_use]
    pub fn of(avatars: impl IntoIterator<Item = EntityId>) -> Self {
        let slots: HashMap<_, _> = avatars
            .into_iter()
            .enumerate()
            .map(|(i, id)| (id, i))
            .collect();
        let ordered_us = (0..slots.len()).map(|_| AtomicU64::new(0)).collect();
        Self { slots, ordered_us }
    }

    /// A bot orders a blow now.
    pub fn order(&self, avatar: EntityId, now_us: u64) {
        if let Some(slot) = self.slots.get(&avatar) {
            self.ordered_us[*slot].store(now_us, Ordering::Relaxed);
        }
    }

    /// Somebody sees `avatar` swing now: how long after the order, microseconds, if it was one of
    /// ours and recent.
    #[must_use]
    pub fn see(&self, avatar: EntityId, now_us: u64) -> Option<u64> {
        let slot = self.slots.get(&avatar)?;
        let ordered_us = self.ordered_us[*slot].load(Ordering::Relaxed);
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
        let blows = Blows::of([EntityId(1), EntityId(2)]);
        blows.order(EntityId(1), 1_000);
        blows.order(EntityId(3), 1_000);
        assert_eq!(blows.see(EntityId(1), 41_000), Some(40_000));
        assert_eq!(blows.see(EntityId(2), 41_000), None);
        assert_eq!(blows.see(EntityId(3), 41_000), None);
        assert_eq!(blows.see(EntityId(1), 1_000 + OLDEST_US), None);
    }
}
