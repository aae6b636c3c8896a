//! Who is in view, against what the server says: what datagrams cannot tell, because nothing more is sent of
//! somebody whose removal was missed, nor of somebody who is thought to be known.
//!
//! The server says now and then how many are in view after a datagram, and what their ids add up to. A
//! client that took that datagram, and none later before it, must have had the same.

use std::collections::VecDeque;

use bluemarble_shared_protocol::limits::HELD_IDS_MAX;
use bluemarble_shared_protocol::{ClientMessage, EntityId};

/// Datagrams of which it is remembered who was in view after them: the server's word on one may come some
/// round trips later, or earlier.
const REMEMBERED_MAX: usize = 64;
/// A report no more often than this, milliseconds.
const AGAIN_MS: u64 = 1_000;

/// How many, and what they add up to.
type Sum = (u32, u64);

/// One client's.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// By datagram, ascending.
    seen: VecDeque<(u64, Sum)>,
    /// What the server said of a datagram that has not come.
    told: Option<(u64, Sum)>,
    reported_ms: Option<u64>,
}

impl Presence {
    /// After this datagram, the newest, so many are in view. Whether that is not what the server said.
    pub(super) fn saw(&mut self, number: u64, sum: Sum) -> bool {
        if self.seen.len() == REMEMBERED_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back((number, sum));
        match self.told {
            Some((of, told)) if of <= number => {
                self.told = None;
                of == number && told != sum
            }
            _ => false,
        }
    }

    /// The server says so of a datagram. Whether that is not what was seen.
    pub(super) fn is_told(&mut self, number: u64, sum: Sum) -> bool {
        match self.seen.binary_search_by_key(&number, |(of, _)| *of) {
            Ok(at) => self.seen[at].1 != sum,
            Err(at) => {
                if at == self.seen.len() {
                    self.told = Some((number, sum));
                }
                false
            }
        }
    }

    /// What to tell the server, if it was not told a moment ago.
    pub(super) fn report(
        &mut self,
        now_ms: u64,
        number: u64,
        everybody: impl Iterator<Item = EntityId>,
    ) -> Option<ClientMessage> {
        let again = |last: u64| now_ms.saturating_sub(last) >= AGAIN_MS;
        if !self.reported_ms.is_none_or(again) {
            return None;
        }
        self.reported_ms = Some(now_ms);
        let ids = everybody.take(HELD_IDS_MAX).collect();
        Some(ClientMessage::Held { number, ids })
    }

    /// What was seen before does not matter any more.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_word_may_come_before_or_after_the_datagram_it_is_about() {
        let (good, bad) = ((3, 7), (2, 5));
        let mut presence = Presence::default();
        assert!(!presence.saw(1, good));
        assert!(!presence.is_told(1, good));
        assert!(presence.is_told(1, bad));
        assert!(!presence.is_told(4, bad), "it has not come");
        assert!(!presence.saw(3, good));
        assert!(presence.saw(4, good));
        assert!(!presence.saw(5, good), "once");
        // One that was lost, or came late, proves nothing.
        assert!(!presence.is_told(2, bad));
        assert!(!presence.is_told(7, bad));
        assert!(!presence.saw(8, good));
        assert!(!presence.saw(9, good));
    }

    #[test]
    fn a_report_comes_once_a_second() {
        let mut presence = Presence::default();
        let mut report = |now_ms| presence.report(now_ms, 1, [EntityId(1)].into_iter());
        assert!(report(0).is_some());
        assert!(report(999).is_none());
        assert!(report(1_000).is_some());
    }
}
