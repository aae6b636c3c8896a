//! Digests on their way to outside recorders: held back until the journal has written the tick's
//! record, so that a killed process comes back to a tick no older than any a recorder was told.
//!
//! ```text
//! step t ──► hold (t, digest) ──► journal has written record t ──► feed
//! ```
//!
//! While the log has a hole nothing is held: health is degraded and only checkpoints protect.
//! What waits here waits in the journal's bounded queue too, which bounds it.

use std::collections::VecDeque;

use bluemarble_shared_protocol::Tick;

use crate::feed::Feed;

/// Ticks whose record may not have been written, oldest first.
#[derive(Debug, Default)]
pub struct HeldDigests(VecDeque<(Tick, u64)>);

impl HeldDigests {
    /// A tick was stepped.
    pub fn hold(&mut self, tick: Tick, digest: u64) {
        self.0.push_back((tick, digest));
    }

    /// Publishes everything through `written`; all there is if the log has a hole (`None`).
    pub fn release(&mut self, written: Option<Tick>, feed: &Feed<(Tick, u64)>) {
        while let Some(&(tick, digest)) = self.0.front() {
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
