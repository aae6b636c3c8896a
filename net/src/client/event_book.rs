//! What happened to the own avatar, and what others in view lost: in order, each once, until
//! somebody asks.

use std::collections::VecDeque;

use bluemarble_shared_protocol::{Tick, TimedEvent, Wound};

/// Own events kept until somebody asks; the oldest are forgotten.
const EVENTS_MAX: usize = 1_024;
/// Wounds of others kept until somebody asks; the oldest are forgotten.
const WOUNDS_MAX: usize = 1_024;

/// A player's events, by the numbers that the server gives them.
#[derive(Clone, Debug, Default)]
pub struct EventBook {
    /// Number of the newest one taken.
    newest: u64,
    missed: u64,
    left_out: u64,
    events: VecDeque<TimedEvent>,
    wounds: VecDeque<(Tick, Wound)>,
}

impl EventBook {
    /// Takes a message of events in, of which the first has the number `first`. What was taken before
    /// is passed over.
    pub fn take_events(&mut self, first: u64, events: &[TimedEvent]) {
        for (number, event) in (first..).zip(events) {
            if number <= self.newest {
                continue;
            }
            self.missed += number - self.newest - 1;
            self.newest = number;
            if self.events.len() == EVENTS_MAX {
                self.events.pop_front();
            }
            self.events.push_back(*event);
        }
    }

    /// Takes a tick's wounds of others in.
    pub fn take_wounds(&mut self, tick: Tick, wounds: &[Wound], left_out: u32) {
        self.left_out += u64::from(left_out);
        for wound in wounds {
            if self.wounds.len() == WOUNDS_MAX {
                self.wounds.pop_front();
            }
            self.wounds.push_back((tick, *wound));
        }
    }

    /// Number of the newest event taken; what a client that comes back tells the server.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Events that the server had no room to keep, by the numbers passed over.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Wounds of others that were too many to be told.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The events since this was asked last, oldest first.
    pub fn drain_events(&mut self) -> impl Iterator<Item = TimedEvent> + '_ {
        self.events.drain(..)
    }

    /// The wounds of others since this was asked last, oldest first.
    pub fn drain_wounds(&mut self) -> impl Iterator<Item = (Tick, Wound)> + '_ {
        self.wounds.drain(..)
    }

    /// Another session: numbers begin at 1 again. What nobody has asked for yet stays.
    pub fn begin_afresh(&mut self) {
        self.newest = 0;
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::GameEvent;

    use super::*;

    fn events(ticks: std::ops::RangeInclusive<u64>) -> Vec<TimedEvent> {
        let event = GameEvent::Respawned;
        ticks
            .map(|tick| TimedEvent {
                tick: Tick(tick),
                event,
            })
            .collect()
    }

    #[test]
    fn what_comes_twice_counts_once_and_what_was_passed_over_is_missed() {
        let mut book = EventBook::default();
        book.take_events(1, &events(1..=3));
        book.take_events(2, &events(2..=5));
        assert_eq!((book.newest(), book.missed()), (5, 0));
        book.take_events(8, &events(8..=8));
        let ticks: Vec<_> = book.drain_events().map(|event| event.tick.0).collect();
        assert_eq!(ticks, [1, 2, 3, 4, 5, 8]);
        assert_eq!(book.missed(), 2);
        book.begin_afresh();
        book.take_events(1, &events(9..=9));
        assert_eq!((book.newest(), book.missed()), (1, 2));
        assert_eq!(book.drain_events().count(), 1);
    }
}
