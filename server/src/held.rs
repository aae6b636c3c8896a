//! Digests on their way to outside recorders: held back until the journal has written the tick's
//! record (and the database has it, if that is what durable means), so that a killed process comes back
//! to a tick no older than any a recorder was told.
//!
//! ```text
//! step t ──► hold (t, digest) ──► journal has written record t ──► feed
//! ```
//!
//! While the log has a hole nothing is held: health is degraded and only checkpoints protect.
//! What waits here waits in the journal's bounded queue too, which bounds it; but for a database that is
//! away, during which at most [`HELD_DIGESTS_MAX`] are kept, and after which they are told a few a tick.

use std::collections::VecDeque;

use bluemarble_shared_protocol::Tick;

use crate::feed::Feed;
use crate::limits::{HELD_DIGESTS_MAX, TOLD_DIGESTS_PER_TICK_MAX};

/// Ticks whose record may not have been written, oldest first.
#[derive(Debug, Default)]
pub struct HeldDigests(VecDeque<(Tick, u64)>);

impl HeldDigests {
    /// A tick was stepped.
    pub fn hold(&mut self, tick: Tick, digest: u64) {
        if self.0.len() >= HELD_DIGESTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((tick, digest));
    }

    /// Publishes what is held through `written`, or whatever is if the log has a hole (`None`); no more
    /// at once than a reader can take.
    pub fn release(&mut self, written: Option<Tick>, feed: &Feed<(Tick, u64)>) {
        for _ in 0..TOLD_DIGESTS_PER_TICK_MAX {
            let Some(&(tick, digest)) = self.0.front() else {
                return;
            };
            if written.is_some_and(|written| tick > written) {
                return;
            }
            feed.publish(tick, &(tick, digest));
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_told_once_its_record_is_written_and_at_once_while_the_log_has_a_hole() {
        let feed = Feed::new(16, 1);
        let mut told = feed.subscribe(1).unwrap();
        let mut drain =
            move || std::iter::from_fn(|| told.try_recv().ok()).collect::<Vec<(Tick, u64)>>();
        let mut held = HeldDigests::default();
        for tick in 1..=4 {
            held.hold(Tick(tick), tick * 10);
        }
        held.release(Some(Tick(0)), &feed);
        assert_eq!(drain(), []);
        held.release(Some(Tick(3)), &feed);
        assert_eq!(drain(), [(Tick(1), 10), (Tick(2), 20), (Tick(3), 30)]);
        held.release(Some(Tick(3)), &feed);
        assert_eq!(drain(), []);
        held.hold(Tick(5), 50);
        held.release(None, &feed);
        assert_eq!(drain(), [(Tick(4), 40), (Tick(5), 50)]);
    }
}
