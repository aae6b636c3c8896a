//! What one client knows: a short number ("index") for each entity in its view, the newest
//! acknowledged datagram that held it, and what each datagram in flight held.
//!
//! Life of an index: free → entering (sent in full until a datagram with it is acknowledged) →
//! known (sent as deltas) → leaving (its removal is sent until acknowledged) → free. An entity that
//! comes back while its old index is leaving gets another one. Memory follows what is seen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bluemarble_shared_protocol::codec::{Acks, INDICES_MAX, RemoveReason, nearest};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::history::SlotRef;
use super::own::{OwnSent, OwnTrack};

/// Datagrams remembered until acknowledged: more than an acknowledgement reaches back (33) plus a
/// long round trip. What falls out counts as lost.
pub(crate) const FLIGHTS_MAX: usize = 64;
/// Marks an index in a flight as removed.
const REMOVAL: u16 = 1 << 15;

const _: () = assert!(INDICES_MAX <= REMOVAL as usize);

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
    pub(crate) stage: Stage,
    pub(crate) noted: SlotRef,
    /// First datagram that could hold the present stage pair (entering and known, or leaving);
    /// earlier ones are about something else.
    since: u64,
    /// Newest acknowledged datagram that held it, and its tick.
    pub(crate) acked: Option<(u64, Tick)>,
    /// The tick that the state in that datagram was a delta against; `None` if it was sent in full.
    pub(crate) acked_against: Option<Tick>,
    /// Tick of the newest datagram that held it.
    pub(crate) sent: Option<Tick>,
    /// Grows while it waits for room in a datagram.
    pub(crate) priority: u32,
}

/// What one datagram held.
#[derive(Clone, Debug, Default)]
struct Flight {
    /// 0 = none.
    number: u64,
    tick: Tick,
    acked: bool,
    held: Vec<u16>,
    /// How many ticks older each one's baseline was; 0 = it was sent in full.
    ages: Vec<u16>,
    own: OwnSent,
}

/// One client's knowledge.
#[derive(Debug)]
pub(crate) struct View {
    /// By index.
    pub(crate) entries: Vec<Entry>,
    free: BinaryHeap<Reverse<u16>>,
    in_use: usize,
    flights: Vec<Flight>,
    /// Number of the next datagram, from 1.
    next_number: u64,
    pub(crate) own: OwnTrack,
    /// Where the own avatar was found last.
    pub(crate) avatar: Option<SlotRef>,
    /// While the client is not heard of: by index, the baseline as of then, with its datagram. The
    /// history forgets sooner than the client does. Empty otherwise.
    kept: Vec<Option<(u64, WireEntity)>>,
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
            flights: vec![Flight::default(); FLIGHTS_MAX],
            next_number: 1,
            own: OwnTrack::default(),
            avatar: None,
            kept: Vec::new(),
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
            stage: Stage::Entering,
            noted,
            since: self.next_number,
            acked: None,
            acked_against: None,
            sent: None,
            priority: 0,
        };
        let index = match self.free.pop() {
            Some(Reverse(index)) => {
                self.entries[usize::from(index)] = entry;
                index
            }
            None if self.entries.len() < INDICES_MAX => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u16
            }
            None => return None,
        };
        self.in_use += 1;
        Some(index)
    }

    /// Starts to take an entity out of view. One that no datagram ever held is gone at once.
    pub(crate) fn leave(&mut self, index: u16, reason: RemoveReason) {
        let since = self.next_number;
        let entry = &mut self.entries[usize::from(index)];
        if entry.sent.is_none() {
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
        let flight = &mut self.flights[number as usize % FLIGHTS_MAX];
        flight.number = number;
        flight.tick = tick;
        flight.acked = false;
        flight.own = own;
        flight.held.clear();
        flight.ages.clear();
        number
    }

    /// The datagram that was begun last holds this index, against what it was at another tick.
    pub(crate) fn held(&mut self, index: u16, tick: Tick, against: Option<Tick>) {
        let entry = &mut self.entries[usize::from(index)];
        entry.sent = Some(tick);
        entry.priority = 0;
        let mark = if matches!(entry.stage, Stage::Leaving(_)) {
            REMOVAL
        } else {
            0
        };
        let newest = (self.next_number - 1) as usize % FLIGHTS_MAX;
        let age = against.map_or(0, |against| tick.since(against));
        let flight = &mut self.flights[newest];
        flight.held.push(index | mark);
        flight.ages.push(u16::try_from(age).unwrap_or(0));
    }

    /// The tick of a datagram, and whose states were in it, if it is still remembered.
    pub(crate) fn held_by(
        &self,
        number: u64,
    ) -> Option<(Tick, impl Iterator<Item = SlotRef> + '_)> {
        let flight = &self.flights[number as usize % FLIGHTS_MAX];
        let states = flight.held.iter().filter_map(move |&mark| {
            let entry = self.entries.get(usize::from(mark))?;
            (mark & REMOVAL == 0 && number >= entry.since).then_some(entry.noted)
        });
        (flight.number == number && number > 0).then_some((flight.tick, states))
    }

    /// The client's states are not what they should be: none of them is a baseline any more, and
    /// everybody is sent in full, as room allows.
    pub(crate) fn distrust(&mut self) {
        self.settle();
        self.kept = Vec::new();
        for entry in &mut self.entries {
            if matches!(entry.stage, Stage::Known | Stage::Entering) {
                *entry = Entry {
                    stage: Stage::Entering,
                    since: self.next_number,
                    acked: None,
                    acked_against: None,
                    ..*entry
                };
            }
        }
    }

    /// Keeps the state of every baseline, as `state_of` knows it or as it was kept before.
    pub(crate) fn keep_baselines(
        &mut self,
        mut state_of: impl FnMut(SlotRef, Tick) -> Option<WireEntity>,
    ) {
        self.settle();
        let kept = (0_u16..).zip(&self.entries).map(|(index, entry)| {
            let (number, tick) = entry.acked.filter(|_| entry.stage == Stage::Known)?;
            let state = self.kept(index).or_else(|| state_of(entry.noted, tick))?;
            Some((number, state))
        });
        self.kept = kept.collect();
    }

    /// The history reaches back to all baselines again.
    pub(crate) fn forget_baselines(&mut self) {
        self.kept = Vec::new();
    }

    /// What was kept of an index, if that is still its baseline.
    #[inline]
    pub(crate) fn kept(&self, index: u16) -> Option<WireEntity> {
        let (number, state) = (*self.kept.get(usize::from(index))?)?;
        let baseline = self.entries[usize::from(index)].acked;
        (baseline.map(|(acked, _)| acked) == Some(number)).then_some(state)
    }

    /// Newest datagram that is some entity's baseline; 0 = none.
    pub(crate) fn newest_baseline(&mut self) -> u64 {
        self.settle();
        let known = self.entries.iter().filter(|e| e.stage == Stage::Known);
        let numbers = known.filter_map(|entry| entry.acked);
        numbers.map(|(number, _)| number).max().unwrap_or(0)
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
        let mut before = before;
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
        let place = number as usize % FLIGHTS_MAX;
        let flight = &mut self.flights[place];
        if flight.number != number || number == 0 || flight.acked {
            return false;
        }
        flight.acked = true;
        self.own.acked(flight.own, flight.tick);
        self.uncredited.push((number, oldest));
        true
    }

    /// Credits the entities that acknowledged flights held, before anything is asked about them.
    pub(crate) fn settle(&mut self) {
        let mut uncredited = std::mem::take(&mut self.uncredited);
        for (number, oldest) in uncredited.drain(..) {
            let place = number as usize % FLIGHTS_MAX;
            let flight = &mut self.flights[place];
            let (tick, held) = (flight.tick, std::mem::take(&mut flight.held));
            let ages = std::mem::take(&mut flight.ages);
            for (&mark, &age) in held.iter().zip(&ages) {
                self.acknowledge_entry((number, tick), mark, age, oldest);
            }
            self.flights[place].held = held;
            self.flights[place].ages = ages;
        }
        self.uncredited = uncredited;
    }

    fn acknowledge_entry(
        &mut self,
        (number, tick): (u64, Tick),
        mark: u16,
        age: u16,
        oldest: Tick,
    ) {
        let index = mark & !REMOVAL;
        // A baseline that was kept is better than a newer one that nobody remembers.
        let forgotten = tick < oldest && self.kept(index).is_some();
        let entry = &mut self.entries[usize::from(index)];
        if number < entry.since {
            return;
        }
        match entry.stage {
            Stage::Leaving(_) if mark & REMOVAL != 0 => self.release(index),
            Stage::Entering | Stage::Known if mark & REMOVAL == 0 => {
                entry.stage = Stage::Known;
                if !forgotten && entry.acked.is_none_or(|(newest, _)| newest < number) {
                    entry.acked = Some((number, tick));
                    let against = || Tick(tick.0.saturating_sub(u64::from(age)));
                    entry.acked_against = (age > 0).then(against);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
            .for_each(|index| view.held(*index, Tick(tick), None));
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
        assert_eq!(view.entries[0].acked, None);
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
        assert_eq!(view.entries[0].acked, Some((numbers[2], Tick(3))));
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
        let held = |view: &View| {
            view.held_by(second)
                .map(|(tick, held)| (tick, held.collect()))
        };
        assert_eq!(held(&view), Some((Tick(2), vec![noted(1)])));
        view.distrust();
        acknowledge(&mut view, ack(second), Tick(0));
        assert_eq!(view.entries[0].acked, None);
        let third = send(&mut view, 3, &[index]);
        acknowledge(&mut view, ack(third), Tick(0));
        assert_eq!(view.entries[0].acked, Some((third, Tick(3))));
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
