//! What one client knows: a short number ("index") for each entity in its view, the newest
//! acknowledged datagram that held it, and what each datagram in flight held.
//!
//! Life of an index: free → entering (sent in full until a datagram with it is acknowledged) →
//! known (sent as deltas) → leaving (its removal is sent until acknowledged) → free. An entity that
//! comes back while its old index is leaving gets another one. Memory follows what is seen, and all of
//! it is gone through every tick by somebody else's turn: so an index takes 32 bytes, and a datagram in
//! flight one bit per index.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bluemarble_shared_protocol::codec::{Acks, INDICES_MAX, RemoveReason, nearest};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::flights::Flights;
use super::history::SlotRef;
use super::low::Low;
use super::own::{OwnSent, OwnTrack};

/// Where an index is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Free,
    Entering,
    Known,
    Leaving(RemoveReason),
}

/// One index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) noted: SlotRef,
    /// First datagram that could hold the present stage pair (entering and known, or leaving);
    /// earlier ones are about something else.
    since: Low,
    /// Newest acknowledged datagram that held it, and its tick: of a known one.
    acked: (Low, Low),
    /// Tick of the newest datagram that held it, if one did.
    sent: Low,
    /// How many ticks older the baseline was of what was acknowledged; 0 = that was sent in full, or is
    /// no rigid body.
    acked_age: u16,
    /// Grows while it waits for room in a datagram.
    pub(crate) priority: u16,
    pub(crate) stage: Stage,
    was_sent: bool,
}

const _: () = assert!(size_of::<Entry>() <= 32);

impl Entry {
    /// Whether a datagram with it was acknowledged: then that is its baseline.
    #[inline]
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.stage, Stage::Known)
    }

    /// How far the baseline of a known one lies back: datagrams before the next one.
    #[inline]
    pub(crate) fn baseline_back(&self, next_number: Low) -> u32 {
        self.acked.0.before(next_number)
    }

    /// How old the baseline of a known one is, ticks.
    #[inline]
    pub(crate) fn baseline_age(&self, now: Low) -> u32 {
        self.acked.1.before(now)
    }

    /// How many ticks older what its baseline was a delta against is, if that matters; else 0.
    #[inline]
    pub(crate) fn earlier_age(&self) -> u16 {
        self.acked_age
    }

    /// How long ago a known one was sent last, ticks.
    #[inline]
    pub(crate) fn sent_ago(&self, now: Low) -> u32 {
        self.sent.before(now)
    }
}

/// The baselines of a client that is not heard of, by index, each with its datagram: the history forgets
/// sooner than the client does. Empty otherwise.
#[derive(Debug, Default)]
pub(crate) struct Kept(Vec<Option<(Low, WireEntity)>>);

impl Kept {
    /// What was kept of an index, if that is still the baseline of its entry.
    #[inline]
    pub(crate) fn get(&self, index: u16, entry: &Entry) -> Option<WireEntity> {
        let (number, state) = (*self.0.get(usize::from(index))?)?;
        (entry.is_known() && entry.acked.0 == number).then_some(state)
    }
}

/// One client's knowledge.
#[derive(Debug)]
pub(crate) struct View {
    /// By index.
    pub(crate) entries: Vec<Entry>,
    free: BinaryHeap<Reverse<u16>>,
    in_use: usize,
    flights: Flights,
    /// Number of the next datagram, from 1.
    next_number: u64,
    pub(crate) own: OwnTrack,
    /// Where the own avatar was found last.
    pub(crate) avatar: Option<SlotRef>,
    kept: Kept,
    /// Flights that were acknowledged and whose entities have not been credited yet, with what the
    /// history began with then. Crediting touches every entity they held, so it waits until the view is
    /// gone through anyway. Each flight is in here once at most.
    uncredited: Vec<(u64, Tick)>,
}

/// What came of an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AckOutcome {
    /// Datagrams newly known to have arrived.
    pub(crate) arrived: u64,
    /// It names a datagram that was never sent.
    pub(crate) unknown: bool,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: BinaryHeap::new(),
            in_use: 0,
            flights: Flights::default(),
            next_number: 1,
            own: OwnTrack::default(),
            avatar: None,
            kept: Kept::default(),
            uncredited: Vec::new(),
        }
    }

    /// Forgets all but the numbering: a new epoch, in which no baseline counts.
    pub(crate) fn reset(&mut self) {
        let next_number = self.next_number;
        *self = Self {
            next_number,
            ..Self::new()
        };
    }

    /// How many entities are in view, those leaving included.
    pub(crate) fn len(&self) -> usize {
        self.in_use
    }

    /// Number of the datagram that will be begun next.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The entities in view that are not leaving.
    pub(crate) fn seen(&self) -> impl Iterator<Item = SlotRef> + '_ {
        let here = |entry: &&Entry| matches!(entry.stage, Stage::Entering | Stage::Known);
        self.entries.iter().filter(here).map(|entry| entry.noted)
    }

    /// Gives an entity the lowest free index; `None` if the view is full.
    pub(crate) fn enter(&mut self, noted: SlotRef) -> Option<u16> {
        let entry = Entry {
            noted,
            since: Low::of(self.next_number),
            acked: (Low::of(0), Low::of(0)),
            sent: Low::of(0),
            acked_age: 0,
            priority: 0,
            stage: Stage::Entering,
            was_sent: false,
        };
        let index = match self.free.pop() {
            Some(Reverse(index)) => {
                self.entries[usize::from(index)] = entry;
                index
            }
            None if self.entries.len() < INDICES_MAX => {
                self.entries.push(entry);
                self.flights.make_room(self.entries.len());
                (self.entries.len() - 1) as u16
            }
            None => return None,
        };
        self.in_use += 1;
        Some(index)
    }

    /// Starts to take an entity out of view. One that no datagram ever held is gone at once.
    pub(crate) fn leave(&mut self, index: u16, reason: RemoveReason) {
        let since = Low::of(self.next_number);
        let entry = &mut self.entries[usize::from(index)];
        if !entry.was_sent {
            return self.release(index);
        }
        entry.stage = Stage::Leaving(reason);
        entry.since = since;
        entry.priority = 0;
    }

    fn release(&mut self, index: u16) {
        self.entries[usize::from(index)].stage = Stage::Free;
        self.free.push(Reverse(index));
        self.in_use -= 1;
    }

    /// Starts a datagram: its number. The oldest flight is forgotten.
    pub(crate) fn begin_flight(&mut self, tick: Tick, own: OwnSent) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.flights.begin(number, tick, own);
        number
    }

    /// The datagram of `tick` that was begun last holds this index. `is_body_delta`: it matters what it
    /// is a delta against.
    #[inline]
    pub(crate) fn held(&mut self, index: u16, tick: Tick, is_body_delta: bool) {
        let entry = &mut self.entries[usize::from(index)];
        entry.sent = Low::of(tick.0);
        entry.was_sent = true;
        entry.priority = 0;
        self.flights.hold(index);
        if is_body_delta {
            let age = u16::try_from(entry.baseline_age(Low::of(tick.0))).unwrap_or(0);
            self.flights.hold_against(self.next_number - 1, index, age);
        }
    }

    /// The tick of a datagram, and whose states were in it, if it is still remembered.
    pub(crate) fn held_by(&self, number: u64) -> Option<(Tick, Vec<SlotRef>)> {
        let tick = self.flights.tick_of(number).filter(|_| number > 0)?;
        let next_number = Low::of(self.next_number);
        let back = Low::of(number).before(next_number);
        let mut states = Vec::new();
        self.flights.for_each_held(number, |index, _| {
            let entry = &self.entries[usize::from(index)];
            let is_here = matches!(entry.stage, Stage::Known | Stage::Entering);
            if is_here && back <= entry.since.before(next_number) {
                states.push(entry.noted);
            }
        });
        Some((tick, states))
    }

    /// The client's states are not what they should be: none of them is a baseline any more, and
    /// everybody is sent in full, as room allows.
    pub(crate) fn distrust(&mut self) {
        self.settle();
        self.kept = Kept::default();
        let since = Low::of(self.next_number);
        for entry in &mut self.entries {
            if matches!(entry.stage, Stage::Known | Stage::Entering) {
                entry.stage = Stage::Entering;
                entry.since = since;
            }
        }
    }

    /// Lends an entry, and what was kept.
    #[inline]
    pub(crate) fn lend(&mut self, index: u16) -> (&mut Entry, &Kept) {
        (&mut self.entries[usize::from(index)], &self.kept)
    }

    /// Keeps the state of every baseline, as `state_of` knows it or as it was kept before; `now` is the
    /// newest tick.
    pub(crate) fn keep_baselines(
        &mut self,
        now: Tick,
        mut state_of: impl FnMut(SlotRef, Tick) -> Option<WireEntity>,
    ) {
        self.settle();
        let kept = (0_u16..).zip(&self.entries).map(|(index, entry)| {
            let (number, tick) = entry.acked;
            let state = self.kept.get(index, entry).or_else(|| {
                let tick = Tick(tick.up_to(now.0));
                entry.is_known().then(|| state_of(entry.noted, tick))?
            })?;
            Some((number, state))
        });
        self.kept = Kept(kept.collect());
    }

    /// The history reaches back to all baselines again.
    pub(crate) fn forget_baselines(&mut self) {
        self.kept = Kept::default();
    }

    /// Newest datagram that is some entity's baseline; 0 = none.
    pub(crate) fn newest_baseline(&mut self) -> u64 {
        self.settle();
        let known = self.entries.iter().filter(|entry| entry.is_known());
        let numbers = known.map(|entry| entry.acked.0.up_to(self.next_number));
        numbers.max().unwrap_or(0)
    }

    /// The client decoded these datagrams. What the history knows begins with tick `oldest`.
    pub(crate) fn acknowledge(&mut self, acks: Acks, oldest: Tick) -> AckOutcome {
        let newest = nearest(
            u64::from(acks.newest),
            16,
            self.next_number.saturating_sub(1),
        );
        self.acknowledge_numbers(newest, acks.before, oldest)
    }

    /// The same, with the newest one's whole number.
    pub(crate) fn acknowledge_numbers(
        &mut self,
        newest: u64,
        before: u32,
        oldest: Tick,
    ) -> AckOutcome {
        if newest == 0 || newest >= self.next_number {
            return AckOutcome {
                unknown: true,
                arrived: 0,
            };
        }
        let mut arrived = u64::from(self.acknowledge_one(newest, oldest));
        let mut before = before & self.flights.unacked_before(newest);
        while before != 0 {
            let n = u64::from(before.trailing_zeros());
            before &= before - 1;
            if let Some(number) = newest.checked_sub(1 + n) {
                arrived += u64::from(self.acknowledge_one(number, oldest));
            }
        }
        AckOutcome {
            arrived,
            unknown: false,
        }
    }

    fn acknowledge_one(&mut self, number: u64, oldest: Tick) -> bool {
        let Some((own, tick)) = self.flights.acknowledge(number) else {
            return false;
        };
        self.own.acked(own, tick);
        self.uncredited.push((number, oldest));
        true
    }

    /// Credits the entities that acknowledged flights held, before anything is asked about them.
    pub(crate) fn settle(&mut self) {
        let mut uncredited = std::mem::take(&mut self.uncredited);
        let flights = std::mem::take(&mut self.flights);
        for (number, oldest) in uncredited.drain(..) {
            let Some(tick) = flights.tick_of(number) else {
                continue;
            };
            // A baseline that was kept is better than a newer one that nobody remembers.
            let prefer_kept = tick < oldest && !self.kept.0.is_empty();
            flights.for_each_held(number, |index, age| {
                self.credit((number, tick), index, age, prefer_kept);
            });
        }
        self.flights = flights;
        self.uncredited = uncredited;
    }

    #[inline]
    fn credit(&mut self, (number, tick): (u64, Tick), index: u16, age: u16, prefer_kept: bool) {
        let next_number = Low::of(self.next_number);
        let entry = &mut self.entries[usize::from(index)];
        let back = Low::of(number).before(next_number);
        // What it held before the present stage began was about something else.
        if back > entry.since.before(next_number) {
            return;
        }
        match entry.stage {
            Stage::Free => return,
            Stage::Leaving(_) => return self.release(index),
            Stage::Known if entry.acked.0.before(next_number) <= back => return,
            Stage::Known | Stage::Entering => {}
        }
        if !(prefer_kept && self.kept.get(index, entry).is_some()) {
            entry.acked = (Low::of(number), Low::of(tick.0));
            entry.acked_age = age;
        }
        entry.stage = Stage::Known;
    }
}

#[cfg(test)]
mod tests {
    use super::super::flights::FLIGHTS_MAX;
    use super::*;

    fn noted(slot: u32) -> SlotRef {
        SlotRef {
            slot,
            generation: 0,
        }
    }

    fn ack(number: u64) -> Acks {
        Acks {
            newest: number as u16,
            before: 0,
        }
    }

    fn acknowledge(view: &mut View, acks: Acks, oldest: Tick) -> AckOutcome {
        let outcome = view.acknowledge(acks, oldest);
        view.settle();
        outcome
    }

    fn send(view: &mut View, tick: u64, indices: &[u16]) -> u64 {
        let number = view.begin_flight(Tick(tick), OwnSent::default());
        indices
            .iter()
            .for_each(|index| view.held(*index, Tick(tick), false));
        number
    }

    #[test]
    fn an_index_is_reused_only_after_its_removal_was_acknowledged() {
        let mut view = View::new();
        let first = view.enter(noted(1)).unwrap();
        let entered = send(&mut view, 1, &[first]);
        acknowledge(&mut view, ack(entered), Tick(0));
        assert_eq!(view.entries[0].stage, Stage::Known);
        view.leave(first, RemoveReason::Gone);
        let removal = send(&mut view, 2, &[first]);
        assert_eq!(view.enter(noted(2)), Some(1));
        acknowledge(&mut view, ack(removal), Tick(0));
        assert_eq!(view.enter(noted(3)), Some(0));
        assert_eq!(view.len(), 2);
    }

    #[test]
    fn a_late_acknowledgement_is_not_credited_to_the_next_owner_of_an_index() {
        let mut view = View::new();
        let index = view.enter(noted(1)).unwrap();
        let entered = send(&mut view, 1, &[index]);
        view.leave(index, RemoveReason::OutOfView);
        let removal = send(&mut view, 2, &[index]);
        acknowledge(&mut view, ack(removal), Tick(0));
        assert_eq!(view.enter(noted(2)), Some(index));
        acknowledge(&mut view, ack(entered), Tick(0));
        assert_eq!(view.entries[0].stage, Stage::Entering);
        assert!(!view.entries[0].is_known());
    }

    #[test]
    fn an_old_acknowledgement_never_replaces_a_newer_baseline() {
        let mut view = View::new();
        let index = view.enter(noted(1)).unwrap();
        let numbers: Vec<u64> = (1..=3)
            .map(|tick| send(&mut view, tick, &[index]))
            .collect();
        acknowledge(&mut view, ack(numbers[2]), Tick(0));
        acknowledge(&mut view, ack(numbers[0]), Tick(0));
        assert_eq!(view.entries[0].acked, (Low::of(numbers[2]), Low::of(3)));
        let outcome = acknowledge(
            &mut view,
            Acks {
                newest: numbers[2] as u16,
                before: u32::MAX,
            },
            Tick(0),
        );
        assert_eq!(outcome.arrived, 1, "only the second one is news");
    }

    #[test]
    fn an_entity_never_sent_leaves_without_a_trace() {
        let mut view = View::new();
        let index = view.enter(noted(1)).unwrap();
        view.leave(index, RemoveReason::Gone);
        assert_eq!(view.len(), 0);
        assert_eq!(view.enter(noted(2)), Some(index));
    }

    #[test]
    fn a_datagram_never_sent_cannot_be_acknowledged() {
        let mut view = View::new();
        assert!(acknowledge(&mut view, ack(1), Tick(0)).unknown);
        send(&mut view, 1, &[]);
        assert!(acknowledge(&mut view, ack(2), Tick(0)).unknown);
        assert_eq!(acknowledge(&mut view, ack(1), Tick(0)).arrived, 1);
    }

    #[test]
    fn what_fell_out_of_the_ring_counts_as_lost() {
        let mut view = View::new();
        let index = view.enter(noted(1)).unwrap();
        let first = send(&mut view, 1, &[index]);
        (2..=1 + FLIGHTS_MAX as u64).for_each(|tick| {
            send(&mut view, tick, &[]);
        });
        assert_eq!(acknowledge(&mut view, ack(first), Tick(0)).arrived, 0);
        assert_eq!(view.entries[0].stage, Stage::Entering);
    }

    #[test]
    fn what_a_distrusted_view_was_sent_before_is_no_baseline() {
        let mut view = View::new();
        let index = view.enter(noted(1)).unwrap();
        let first = send(&mut view, 1, &[index]);
        acknowledge(&mut view, ack(first), Tick(0));
        let second = send(&mut view, 2, &[index]);
        assert_eq!(view.held_by(second), Some((Tick(2), vec![noted(1)])));
        view.distrust();
        acknowledge(&mut view, ack(second), Tick(0));
        assert!(!view.entries[0].is_known());
        let third = send(&mut view, 3, &[index]);
        acknowledge(&mut view, ack(third), Tick(0));
        assert!(view.entries[0].is_known());
        assert_eq!(view.entries[0].acked, (Low::of(third), Low::of(3)));
    }

    #[test]
    fn a_full_view_takes_nobody() {
        let mut view = View::new();
        for slot in 0..INDICES_MAX as u32 {
            assert!(view.enter(noted(slot)).is_some());
        }
        assert_eq!(view.enter(noted(9_999)), None);
    }
}
