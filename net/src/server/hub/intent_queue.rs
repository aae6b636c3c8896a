//! One session's intents between the network and the tick: sorted, bounded, one taken per tick.
//!
//! Datagrams bunch up and get lost; each carries the last few intents again. What arrives twice is
//! dropped and counted. Nothing waits for a missing number: the lowest one present is next. A line
//! that jitters fills the queue a little by itself (a tick without an intent, then two at once). How much of
//! that *reserve* is kept follows what the line needs: a tick more each time a tick found nothing
//! in the middle of a flow of intents, up to three; a tick less after ten seconds without that. When for a
//! second there was always more than the reserve, two intents are folded into one, so that neither a
//! stall nor a bad minute becomes lasting latency. Overflow: the oldest give way.

use bluemarble_shared_protocol::Intent;

/// Most intents that wait: at 20 Hz a client that was silent for longer than this has given up on
/// them too.
pub(crate) const INTENTS_QUEUED_MAX: usize = 16;
/// More than this and one is folded away every tick.
const DEEP: usize = 6;
/// The reserve that is never taken away: one tick of jitter.
const RESERVE_MIN: usize = 1;
/// The reserve of the worst line: three ticks late is as late as a player can stand.
const RESERVE_MAX: usize = 3;
/// Ticks over which the smallest depth is watched.
const WATCH_TICKS: u32 = 20;
/// After so many ticks in which there was always an intent the reserve shrinks by one.
const CALM_TICKS: u32 = 200;
const _: () = assert!(RESERVE_MAX < DEEP && DEEP < INTENTS_QUEUED_MAX);

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
#[derive(Clone, Debug)]
pub(crate) struct IntentQueue {
    /// By number, ascending, all above `taken`.
    waiting: Vec<Intent>,
    /// Number of the newest intent taken.
    taken: u32,
    least_depth: usize,
    watched: u32,
    /// How many may stay behind in every tick.
    reserve: usize,
    /// Ticks since a flow of intents broke off, or since the reserve shrank.
    calm: u32,
    /// Whether the tick before had an intent.
    flows: bool,
}

impl Default for IntentQueue {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            taken: 0,
            least_depth: 0,
            watched: 0,
            reserve: RESERVE_MIN,
            calm: 0,
            flows: false,
        }
    }
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
        self.adapt(turn.intent.is_some());
        let depth = self.waiting.len();
        self.least_depth = if self.watched == 0 {
            depth
        } else {
            self.least_depth.min(depth)
        };
        self.watched += 1;
        let surplus = self.watched >= WATCH_TICKS && self.least_depth > self.reserve;
        if self.watched >= WATCH_TICKS {
            self.watched = 0;
        }
        if surplus || depth > DEEP {
            self.take_into(&mut turn);
        }
        turn
    }

    /// The reserve for a line on which this tick had an intent, or had none. A long silence counts
    /// once: there is no reserve against it.
    fn adapt(&mut self, had_one: bool) {
        if self.flows && !had_one {
            self.reserve = (self.reserve + 1).min(RESERVE_MAX);
            self.calm = 0;
        } else {
            self.calm += 1;
        }
        if self.calm >= CALM_TICKS {
            self.reserve = (self.reserve - 1).max(RESERVE_MIN);
            self.calm = 0;
        }
        self.flows = had_one;
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
    use bluemarble_shared_protocol::{Buttons, EntityId, InputSeq, mix64};

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
        assert!(
            queue.waiting.len() <= RESERVE_MIN,
            "{}",
            queue.waiting.len()
        );
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

    /// A client on a line in virtual time: an intent every tick, each datagram with the last eight.
    struct Line {
        queue: IntentQueue,
        now_ms: u64,
        sent: u32,
        /// When datagrams arrive, and the newest intent in each.
        under_way: Vec<(u64, u32)>,
        seed: u64,
    }

    /// What a stretch of time came to.
    #[derive(Debug, Default)]
    struct Stretch {
        missing: u32,
        folded: u32,
        starved: u32,
        deepest: usize,
    }

    impl Line {
        fn run(&mut self, ticks: u32, jitter_ms: u64, lost_in_1000: u64) -> Stretch {
            let mut stretch = Stretch::default();
            for _ in 0..ticks {
                self.sent += 1;
                let random = mix64(self.seed ^ u64::from(self.sent));
                if (random >> 32) % 1_000 >= lost_in_1000 {
                    let late_ms = random % (jitter_ms + 1);
                    self.under_way.push((self.now_ms + 60 + late_ms, self.sent));
                }
                self.now_ms += 50;
                let now_ms = self.now_ms;
                let arrived: Vec<_> = self
                    .under_way
                    .extract_if(.., |(at, _)| *at <= now_ms)
                    .collect();
                for (_, newest) in arrived {
                    for seq in newest.saturating_sub(7).max(1)..=newest {
                        assert_ne!(self.queue.arrive(intent(seq)), Arrival::Overflowed);
                    }
                }
                let turn = self.queue.take();
                stretch.missing += turn.missing;
                stretch.folded += turn.folded;
                stretch.starved += u32::from(turn.intent.is_none());
                stretch.deepest = stretch.deepest.max(self.queue.waiting.len());
            }
            stretch
        }
    }

    #[test]
    fn a_jittering_line_loses_no_intent_and_the_delay_comes_back_when_it_calms_down() {
        for seed in 0..8 {
            let mut line = Line {
                queue: IntentQueue::default(),
                now_ms: 0,
                sent: 0,
                under_way: Vec::new(),
                seed: mix64(seed),
            };
            line.run(40, 0, 0);
            // 40 ms to both sides, and a twentieth lost.
            let rough = line.run(2_000, 80, 50);
            assert_eq!(rough.missing, 0, "seed {seed}: {rough:?}");
            assert!(rough.deepest <= 5, "seed {seed}: {rough:?}");
            assert!(
                rough.starved <= 10 && rough.folded <= 10,
                "seed {seed}: {rough:?}"
            );
            line.run(700, 0, 0);
            let calm = line.run(200, 0, 0);
            assert!(calm.deepest <= RESERVE_MIN, "seed {seed}: {calm:?}");
            assert_eq!(
                (calm.missing, calm.folded, calm.starved),
                (0, 0, 0),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn a_long_silence_is_no_reason_to_lag_for_long() {
        let mut line = Line {
            queue: IntentQueue::default(),
            now_ms: 0,
            sent: 0,
            under_way: Vec::new(),
            seed: 1,
        };
        line.run(100, 20, 0);
        line.run(100, 20, 1_000);
        line.run(100, 20, 0);
        assert!(
            line.queue.waiting.len() <= 2,
            "{}",
            line.queue.waiting.len()
        );
    }
}
