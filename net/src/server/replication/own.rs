//! What one client is told about its own avatar: a hash while it can predict, the exact state when
//! it cannot, and its vitals until it has them.

use bluemarble_shared_protocol::codec::OwnUpdate;
use bluemarble_shared_protocol::{OwnState, OwnVitals, Tick};

/// Tracks what a client knows of its own avatar.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnTrack {
    /// Newest tick at which something but the client's own intent moved it, or might have.
    touched: Tick,
    /// Newest tick whose exact state the client has acknowledged.
    full_acked: Option<Tick>,
    full_sent: Option<Tick>,
    vitals: Option<SentVitals>,
}

#[derive(Clone, Copy, Debug)]
struct SentVitals {
    values: OwnVitals,
    at: Tick,
    /// Changes with their meaning; a repetition keeps it.
    serial: u32,
    acked: bool,
}

/// What a datagram held of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnSent {
    full: bool,
    vitals_serial: Option<u32>,
}

impl OwnTrack {
    /// The client cannot have predicted this tick.
    pub(crate) fn touch(&mut self, tick: Tick) {
        self.touched = tick;
    }

    /// What to tell at `tick`.
    pub(crate) fn update(
        &mut self,
        own: &OwnState,
        tick: Tick,
        tick_hz: u32,
    ) -> (OwnUpdate, OwnSent) {
        if own.touched {
            self.touched = tick;
        }
        let serial = self.note_vitals(own.vitals, tick);
        let due = self
            .full_sent
            .is_none_or(|sent| tick.since(sent) >= u64::from(tick_hz));
        if due || self.full_acked.is_none_or(|acked| acked < self.touched) {
            self.full_sent = Some(tick);
            let sent = OwnSent {
                full: true,
                vitals_serial: Some(serial),
            };
            let (body, vitals) = (own.body, own.vitals);
            return (OwnUpdate::Full { body, vitals }, sent);
        }
        let vitals = self.vitals.is_none_or(|sent| !sent.acked);
        let update = OwnUpdate::Hash {
            body_hash: own.body_hash,
            vitals: vitals.then_some(own.vitals),
        };
        let sent = OwnSent {
            full: false,
            vitals_serial: vitals.then_some(serial),
        };
        (update, sent)
    }

    /// A datagram of `tick` arrived.
    pub(crate) fn acked(&mut self, sent: OwnSent, tick: Tick) {
        if sent.full && self.full_acked.is_none_or(|acked| acked < tick) {
            self.full_acked = Some(tick);
        }
        if let (Some(vitals), Some(serial)) = (&mut self.vitals, sent.vitals_serial) {
            vitals.acked |= vitals.serial == serial;
        }
    }

    /// The serial of these vitals: a new one if they are not what the last ones have become.
    fn note_vitals(&mut self, values: OwnVitals, tick: Tick) -> u32 {
        let next = match self.vitals {
            Some(sent) if sent.values.counted_down(tick.since(sent.at)) == values => SentVitals {
                values,
                at: tick,
                ..sent
            },
            old => SentVitals {
                values,
                at: tick,
                serial: old.map_or(0, |old| old.serial.wrapping_add(1)),
                acked: false,
            },
        };
        self.vitals = Some(next);
        next.serial
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bluemarble_shared_protocol::{BodyBits, EntityId, InputSeq, OwnPurse};

    use super::*;

    fn own(touched: bool, vitals: OwnVitals) -> OwnState {
        OwnState {
            id: EntityId(1),
            row: 0,
            name: Arc::from("a"),
            applied: InputSeq(0),
            touched,
            body: BodyBits::default(),
            body_hash: 7,
            vitals,
            fell_to: None,
            felled: Vec::new(),
            purse: OwnPurse::default(),
        }
    }

    fn is_full(update: &OwnUpdate) -> bool {
        matches!(update, OwnUpdate::Full { .. })
    }

    fn has_vitals(update: &OwnUpdate) -> bool {
        matches!(
            update,
            OwnUpdate::Full { .. }
                | OwnUpdate::Hash {
                    vitals: Some(_),
                    ..
                }
        )
    }

    #[test]
    fn the_exact_state_repeats_until_acknowledged_and_again_when_touched() {
        let mut track = OwnTrack::default();
        let calm = own(false, OwnVitals::default());
        let (first, sent) = track.update(&calm, Tick(10), 20);
        assert!(is_full(&first));
        assert!(is_full(&track.update(&calm, Tick(11), 20).0));
        track.acked(sent, Tick(10));
        assert!(!is_full(&track.update(&calm, Tick(12), 20).0));
        let (touched, sent) = track.update(&own(true, OwnVitals::default()), Tick(13), 20);
        assert!(is_full(&touched));
        assert!(is_full(&track.update(&calm, Tick(14), 20).0));
        track.acked(sent, Tick(13));
        assert!(!is_full(&track.update(&calm, Tick(15), 20).0));
        assert!(is_full(&track.update(&calm, Tick(34), 20).0));
    }

    #[test]
    fn vitals_repeat_until_acknowledged_and_running_down_is_no_change() {
        let mut track = OwnTrack::default();
        let waiting = |ready_in_ticks| OwnVitals {
            health: 9,
            ready_in_ticks,
            ..OwnVitals::default()
        };
        let (_, sent) = track.update(&own(false, waiting(5)), Tick(1), 100);
        track.acked(sent, Tick(1));
        for n in 1..8_u16 {
            let tick = Tick(1 + u64::from(n));
            let now = own(false, waiting(5_u16.saturating_sub(n)));
            assert!(!has_vitals(&track.update(&now, tick, 100).0), "{n}");
        }
        let (update, sent) = track.update(&own(false, waiting(20)), Tick(10), 100);
        assert!(has_vitals(&update));
        assert!(has_vitals(
            &track.update(&own(false, waiting(19)), Tick(11), 100).0
        ));
        track.acked(sent, Tick(10));
        assert!(!has_vitals(
            &track.update(&own(false, waiting(18)), Tick(12), 100).0
        ));
    }
}
