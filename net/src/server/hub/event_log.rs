//! What a player must learn, in order and each once, over a bad line and over a resumption.
//!
//! The stream keeps order and resends, but what was on its way when a connection broke is gone with it.
//! So events are numbered, and the newest are kept for a while: a client that comes back names the
//! newest one it took, and the rest is sent again. What happens while nobody is connected, or while a
//! line is silent, is kept in the same place. There is room for so many; beyond, the oldest are
//! forgotten, and the client notices by the numbers.

use std::collections::VecDeque;

use bluemarble_shared_protocol::limits::EVENTS_PER_MESSAGE_MAX;
use bluemarble_shared_protocol::{GameEvent, ServerMessage, Tick, TimedEvent};

/// Events kept per player, 10 KiB: what happens to somebody in the thick of a fight in ten seconds, which
/// is how long a line may be silent.
const KEPT_MAX: usize = 256;
/// How long an event is kept while its player is heard of, seconds: longer than a line may be silent before
/// it counts as lost.
const KEPT_S: u64 = 15;

/// One player's events.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    /// The newest ones.
    kept: VecDeque<TimedEvent>,
    /// Number of the newest one ever; 0 if there was none.
    newest: u64,
    /// Number of the newest one handed out.
    told: u64,
}

impl EventLog {
    /// Something happened. Returns whether another event had to be forgotten that nobody was told.
    pub(crate) fn note(&mut self, tick: Tick, event: GameEvent) -> bool {
        let full = self.kept.len() == KEPT_MAX;
        let forgotten = full && self.oldest() > self.told;
        if full {
            self.kept.pop_front();
        }
        self.newest += 1;
        self.kept.push_back(TimedEvent { tick, event });
        forgotten
    }

    /// Number of the oldest one that is kept.
    fn oldest(&self) -> u64 {
        self.newest + 1 - self.kept.len() as u64
    }

    /// The next message for the player, if there is anything to tell; ask again until there is not.
    pub(crate) fn next_message(&mut self) -> Option<ServerMessage> {
        let first = self.oldest().max(self.told + 1);
        if first > self.newest {
            return None;
        }
        let at = (first - self.oldest()) as usize;
        let events = self.kept.range(at..).take(EVENTS_PER_MESSAGE_MAX);
        let events: Vec<TimedEvent> = events.copied().collect();
        self.told = first + events.len() as u64 - 1;
        Some(ServerMessage::Events { first, events })
    }

    /// A client that comes back says that it took everything up to here. Returns whether that can be.
    pub(crate) fn taken(&mut self, number: u64) -> bool {
        let possible = number <= self.told;
        if possible {
            self.told = number;
        }
        possible
    }

    /// Forgets what a client that is heard of at `now` has long since.
    pub(crate) fn forget_old(&mut self, now: Tick, tick_hz: u32) {
        let is_old = |event: &TimedEvent| now.since(event.tick) > KEPT_S * u64::from(tick_hz);
        while self.oldest() <= self.told && self.kept.front().is_some_and(is_old) {
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(amount: u16) -> GameEvent {
        GameEvent::Struck {
            target: None,
            amount,
            fatal: false,
        }
    }

    fn numbers(log: &mut EventLog) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some(ServerMessage::Events { first, events }) = log.next_message() {
            assert!(events.len() <= EVENTS_PER_MESSAGE_MAX);
            numbers.extend((first..).take(events.len()));
        }
        numbers
    }

    #[test]
    fn each_is_told_once_and_again_only_to_those_who_come_back_without_it() {
        let mut log = EventLog::default();
        assert_eq!(log.next_message(), None);
        for n in 1..=5 {
            log.note(Tick(n), struck(n as u16));
        }
        assert_eq!(numbers(&mut log), [1, 2, 3, 4, 5]);
        assert!(numbers(&mut log).is_empty());
        log.note(Tick(6), struck(6));
        assert!(log.taken(3));
        assert_eq!(numbers(&mut log), [4, 5, 6]);
        assert!(!log.taken(7), "nobody has what was never told");
        assert!(numbers(&mut log).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_the_oldest_and_leaves_a_gap_in_the_numbers() {
        let mut log = EventLog::default();
        log.note(Tick(1), struck(1));
        assert_eq!(numbers(&mut log), [1]);
        let many = KEPT_MAX as u64 + 10;
        let forgotten = (0..many).filter(|_| log.note(Tick(2), struck(2))).count();
        assert_eq!(forgotten, 10);
        let told = numbers(&mut log);
        assert_eq!((told[0], told.len()), (12, KEPT_MAX));
        assert_eq!(told.last(), Some(&(many + 1)));
    }

    #[test]
    fn what_was_told_long_ago_is_forgotten_and_what_was_not_told_never() {
        let mut log = EventLog::default();
        log.note(Tick(1), struck(1));
        log.forget_old(Tick(10_000), 20);
        assert_eq!(numbers(&mut log), [1]);
        log.note(Tick(9_999), struck(2));
        log.forget_old(Tick(10_000), 20);
        assert!(log.taken(0));
        assert_eq!(numbers(&mut log), [2], "the first one is gone");
    }
}
