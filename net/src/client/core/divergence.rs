//! The divergence alarm, on the client: a datagram's states against what it says they add up to.
//!
//! What does not add up is not taken, so that it is neither shown nor ever a baseline. The server is
//! told what came out instead; it names what differs and sends everything in full.

use bluemarble_shared_protocol::codec::check;
use bluemarble_shared_protocol::limits::REPORTED_STATES_MAX;
use bluemarble_shared_protocol::{ClientMessage, SeenState};

/// A report no more often than this, milliseconds: the server acts upon one in two seconds.
const AGAIN_MS: u64 = 1_000;

/// What is to be reported.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    reported_ms: Option<u64>,
    report: Option<ClientMessage>,
    /// Where the next report begins, if there are more states than fit: so each of them comes up.
    begin: usize,
}

impl Alarm {
    /// Whether these states, of datagram `number`, are what it says; if not, that is reported.
    pub(super) fn adds_up(
        &mut self,
        check: u32,
        number: u64,
        states: impl Iterator<Item = SeenState> + Clone,
        now_ms: u64,
    ) -> bool {
        let shares = states
            .clone()
            .map(|seen| check::share(seen.id, &seen.state));
        if shares.fold(0, u32::wrapping_add) == check {
            return true;
        }
        let again = |last: u64| now_ms.saturating_sub(last) >= AGAIN_MS;
        if self.reported_ms.is_none_or(again) {
            self.reported_ms = Some(now_ms);
            let count = states.clone().count();
            let begin = if count > REPORTED_STATES_MAX {
                self.begin % count
            } else {
                0
            };
            self.begin = begin + REPORTED_STATES_MAX;
            let around = states
                .cycle()
                .skip(begin)
                .take(count.min(REPORTED_STATES_MAX));
            self.report = Some(ClientMessage::Diverged {
                number,
                states: around.collect(),
            });
        }
        false
    }

    pub(super) fn take_report(&mut self) -> Option<ClientMessage> {
        self.report.take()
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::{EntityId, WireEntity};

    use super::*;

    fn states(count: u64) -> Vec<SeenState> {
        let seen = |id| SeenState {
            id: EntityId(id),
            state: WireEntity::default(),
        };
        (0..count).map(seen).collect()
    }

    #[test]
    fn what_adds_up_is_no_reason_for_a_report() {
        let mut alarm = Alarm::default();
        let states = states(5);
        let shares = states.iter().map(|seen| check::share(seen.id, &seen.state));
        let sum = shares.rev().fold(0, u32::wrapping_add);
        assert!(alarm.adds_up(sum, 1, states.iter().copied(), 0));
        assert_eq!(alarm.take_report(), None);
        assert!(!alarm.adds_up(sum ^ 1, 1, states.iter().copied(), 0));
        assert_eq!(
            alarm.take_report(),
            Some(ClientMessage::Diverged { number: 1, states })
        );
    }

    #[test]
    fn reports_are_rare_and_every_state_comes_up() {
        let mut alarm = Alarm::default();
        let states = states(600);
        let mut told = Vec::new();
        for now_ms in (0..3_000).step_by(50) {
            assert!(!alarm.adds_up(7, now_ms, states.iter().copied(), now_ms));
            if let Some(ClientMessage::Diverged { states, .. }) = alarm.take_report() {
                assert_eq!(states.len(), REPORTED_STATES_MAX);
                told.extend(states.iter().map(|seen| seen.id.0));
            }
        }
        assert_eq!(told.len(), 3 * REPORTED_STATES_MAX);
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 600);
    }
}
