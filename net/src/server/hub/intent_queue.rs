//! One session's intents between the network and the tick: sorted, bounded, one taken per tick.
//!
//! Datagrams bunch up and get lost; each carries the last few intents again. What arrives twice is
//! dropped and counted. Nothing waits for a missing number: the lowest one present is next. A line
//! that jitters fills the queue a little by itself (a tick without an intent, then two at once), and
//! that reserve is kept; when there is more of it than was needed for a second, two intents are
//! folded into one, so that a stall does not become lasting latency. Overflow: the oldest give way.

use bluemarble_shared_protocol::Intent;

/// Most intents that wait: at 20 Hz a client that was silent for longer than this has given up on
/// them too.
pub(crate) const INTENTS_QUEUED_MAX: usize = 16;
/// More than this and one is folded away every tick.
const DEEP: usize = 5;
/// The reserve that is never taken away: one tick of jitter.
const RESERVE: usize = 1;
/// Ticks over which the smallest depth is watched.
const WATCH_TICKS: u32 = 20;

/// What became of an intent that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It waits.
    Queued,
    /// It waits, and the oldest one had to go.
    Overflowed,
    /// It was there already, or its turn is over.
    Repeated,
}

/// What a tick got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The intent, if there was one.
    pub(crate) intent: Option<Intent>,
    /// Numbers passed over: lost for good.
    pub(crate) missing: u32,
    /// Intents folded into this one.
    pub(crate) folded: u32,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntentQueue {
    /// By number, ascending, all above `taken`.
    waiting: Vec<Intent>,
    /// Number of the newest intent taken.
    taken: u32,
    least_depth: usize,
    watched: u32,
}

impl IntentQueue {
    pub(crate) fn arrive(&mut self, intent: Intent) -> Arrival {
        if intent.seq.0 <= self.taken {
            return Arrival::Repeated;
        }
        let Err(at) = self
            .waiting
            .binary_search_by_key(&intent.seq, |waiting| waiting.seq)
        else {
            return Arrival::Repeated;
        };
        if self.waiting.len() < INTENTS_QUEUED_MAX {
            self.waiting.insert(at, intent);
            return Arrival::Queued;
        }
        if at > 0 {
            self.waiting.insert(at, intent);
            self.waiting.remove(0);
        }
        Arrival::Overflowed
    }

    /// Forgets all but the newest `keep`: what piled up before the avatar was there.
    pub(crate) fn keep_newest(&mut self, keep: usize) {
        let surplus = self.waiting.len().saturating_sub(keep);
        self.waiting.drain(..surplus);
    }

    /// This tick's intent.
    pub(crate) fn take(&mut self) -> Turn {
        let mut turn = Turn::default();
        if !self.waiting.is_empty() {
            self.take_into(&mut turn);
        }
        let depth = self.waiting.len();
        self.least_depth = if self.watched == 0 {
            depth
        } else {
            self.least_depth.min(depth)
        };
        self.watched += 1;
        let surplus = self.watched >= WATCH_TICKS && self.least_depth > RESERVE;
        if self.watched >= WATCH_TICKS {
            self.watched = 0;
        }
        if surplus || depth > DEEP {
            self.take_into(&mut turn);
        }
        turn
    }

    /// Takes the next one, which must be there, on top of one that was taken this tick: its wish
    /// replaces the older one; a jump or a blow is not lost.
    fn take_into(&mut self, turn: &mut Turn) {
        let mut next = self.waiting.remove(0);
        // Before the first intent ever taken, the client may have begun anywhere.
        if self.taken > 0 {
            turn.missing += next.seq.0 - self.taken - 1;
        }
        self.taken = next.seq.0;
        if let Some(older) = turn.intent {
            next.buttons.jump |= older.buttons.jump;
            next.attack = next.attack.or(older.attack);
            turn.folded += 1;
        }
        turn.intent = Some(next);
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::{Buttons, EntityId, InputSeq};

    use super::*;

    fn intent(seq: u32) -> Intent {
        Intent {
            seq: InputSeq(seq),
            ..Intent::default()
        }
    }

    fn taken(queue: &mut IntentQueue) -> Option<u32> {
        queue.take().intent.map(|intent| intent.seq.0)
    }

    #[test]
    fn intents_are_taken_in_order_once_each() {
        let mut queue = IntentQueue::default();
        for seq in [2, 1, 3, 2] {
            queue.arrive(intent(seq));
        }
        let all: Vec<_> = (0..4).map(|_| taken(&mut queue)).collect();
        assert_eq!(all, [Some(1), Some(2), Some(3), None]);
        assert_eq!(queue.arrive(intent(3)), Arrival::Repeated);
    }

    #[test]
    fn a_gap_is_passed_over_and_reported() {
        let mut queue = IntentQueue::default();
        queue.arrive(intent(1));
        queue.take();
        queue.arrive(intent(4));
        let turn = queue.take();
        assert_eq!((turn.intent.unwrap().seq.0, turn.missing), (4, 2));
    }

    #[test]
    fn the_oldest_give_way_when_it_is_full() {
        let mut queue = IntentQueue::default();
        for seq in 1..=INTENTS_QUEUED_MAX as u32 {
            assert_eq!(queue.arrive(intent(seq)), Arrival::Queued);
        }
        assert_eq!(queue.arrive(intent(17)), Arrival::Overflowed);
        assert_eq!(queue.waiting.len(), INTENTS_QUEUED_MAX);
        assert_eq!(queue.waiting[0].seq, InputSeq(2));
    }

    #[test]
    fn a_burst_is_caught_up_with_and_a_blow_in_it_is_not_lost() {
        let mut queue = IntentQueue::default();
        for seq in 1..=12 {
            queue.arrive(intent(seq));
        }
        queue.waiting[0].buttons = Buttons { jump: true };
        queue.waiting[0].attack = Some(EntityId(9));
        let turn = queue.take();
        let first = turn.intent.unwrap();
        assert_eq!((first.seq.0, turn.folded), (2, 1));
        assert!(first.buttons.jump);
        assert_eq!(first.attack, Some(EntityId(9)));
        for next in 13..113 {
            queue.arrive(intent(next));
            queue.take();
        }
        assert!(queue.waiting.len() <= RESERVE, "{}", queue.waiting.len());
    }

    #[test]
    fn a_reserve_of_one_is_left_alone() {
        let mut queue = IntentQueue::default();
        queue.arrive(intent(1));
        for next in 2..200 {
            queue.arrive(intent(next));
            assert_eq!(queue.take().folded, 0);
        }
        assert_eq!(queue.waiting.len(), 1);
    }
}
