//! Which of the last snapshots a bot received: a state is stale by the snapshots that could have
//! updated it, not by those that were lost on the way or that the machine was too slow for.

use bluemarble_shared_protocol::Tick;

/// The newest tick, and a bit for it and each of the 127 before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    newest: Tick,
    bits: u128,
}

impl Received {
    /// `count` snapshots came in one go, the newest of `tick`; the others count for the ticks just
    /// before it.
    pub fn note(&mut self, tick: Tick, count: u64) {
        let ahead = tick.since(self.newest);
        let kept = if ahead < 128 { self.bits << ahead } else { 0 };
        let came = count.clamp(1, ahead.clamp(1, 127));
        self.bits = kept | ((1 << came) - 1);
        self.newest = tick;
    }

    /// How many snapshots came after `tick`; those longer ago than anybody remembers all count.
    #[must_use]
    pub fn since(&self, tick: Tick) -> u64 {
        let behind = self.newest.since(tick);
        match behind {
            0..128 => u64::from((self.bits & ((1 << behind) - 1)).count_ones()),
            _ => u64::from(self.bits.count_ones()) + (behind - 128),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_snapshots_that_came_count() {
        let mut received = Received::default();
        for tick in [100, 101, 103, 110, 111] {
            received.note(Tick(tick), 1);
        }
        let since = |tick| received.since(Tick(tick));
        assert_eq!(
            [since(111), since(110), since(109), since(102), since(101)],
            [0, 1, 2, 3, 3]
        );
        assert_eq!([since(100), since(99), since(50)], [4, 5, 5]);
    }

    #[test]
    fn what_came_in_one_go_counts_for_the_ticks_just_before() {
        let mut received = Received::default();
        received.note(Tick(100), 1);
        received.note(Tick(104), 3);
        assert_eq!(received.since(Tick(100)), 3);
        received.note(Tick(105), 9);
        assert_eq!(received.since(Tick(100)), 4);
    }

    #[test]
    fn beyond_memory_everything_counts() {
        let mut received = Received::default();
        (1..=500).for_each(|tick| received.note(Tick(tick), 1));
        assert_eq!(received.since(Tick(400)), 100);
        assert_eq!(received.since(Tick(300)), 200);
        received.note(Tick(900), 1);
        assert_eq!(received.since(Tick(899)), 1);
    }
}
