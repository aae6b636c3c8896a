//! What one client knows: a short number ("index") for each entity in its view, the newest
//! acknowledged datagram that held it, and what each datagram in flight held.
//!
//! Life of an index: free → entering (sent in full until a datagram with it is acknowledged) →
//! known (sent as deltas) → leaving (its removal is sent until acknowledged) → free. An entity that
//! comes back while its old index is leaving gets another one. Memory follows what is seen, and every tick
//! goes through it by somebody else's turn: so stages are bits, and what is asked of everybody in view stands
//! in narrow columns of its own.

use bluemarble_shared_protocol::codec::{Acks, INDICES_MAX, RemoveReason, nearest};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::flights::Flights;
use super::history::SlotRef;
use super::own::{OwnSent, OwnTrack};
use super::sight::{Band, Sight};

/// Indices whose stages are kept together.
pub(super) const LANES: usize = 64;
const _: () = assert!(INDICES_MAX.is_multiple_of(LANES));

/// A view that was not gone through for so many ticks trusts no baseline: ticks and numbers are compared by
/// their low 16 bits.
const FORGOTTEN_TICKS: u64 = 1 << 14;

/// Where 64 indices are in their lives, a bit each; an index is in one of the first three or free.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stages {
    pub(super) entering: u64,
    pub(super) known: u64,
    pub(super) leaving: u64,
    /// Whether a datagram held it.
    was_sent: u64,
}

impl Stages {
    /// Entering and known: the client sees them.
    #[inline]
    pub(super) fn seen(&self) -> u64 {
        self.entering | self.known
    }
}

/// The baselines of a client that is not heard of, by index, each with its datagram: the history forgets
/// sooner than the client does. Empty otherwise.
#[derive(Debug, Default)]
struct Kept(Vec<Option<(u16, WireEntity)>>);

impl Kept {
    /// What was kept of an index that is known, if that is still its baseline.
    fn get(&self, index: u16, acked_number: u16) -> Option<WireEntity> {
        let (number, state) = (*self.0.get(usize::from(index))?)?;
        (acked_number == number).then_some(state)
    }
}

/// One client's knowledge. What is said of an index that is not entering or known means nothing.
#[derive(Debug)]
pub(crate) struct View {
    /// By 64 indices.
    pub(super) stages: Vec<Stages>,
    /// By index, as all columns, which are as long as there are stages.
    pub(super) slots: Vec<u32>,
    generations: Vec<u32>,
    /// When who is there must be looked at again: see [`Sight`].
    pub(super) look_at_mm: Vec<u32>,
    pub(super) bands: Vec<Band>,
    /// The newest acknowledged datagram that held it, of a known one, and its tick; the low 16 bits.
    pub(super) acked_numbers: Vec<u16>,
    pub(super) acked_ticks: Vec<u16>,
    /// Tick of the newest datagram that held it, if one did; the low 16 bits.
    pub(super) sent: Vec<u16>,
    /// Grows while it waits for room in a datagram.
    pub(super) priority: Vec<u16>,
    /// How many ticks older the baseline was of what was acknowledged; 0 = that was sent in full, or is
    /// no rigid body.
    earlier: Vec<u16>,
    /// Why it leaves, of a leaving one.
    reasons: Vec<RemoveReason>,
    /// Whether `earlier` may hold anything but zeros.
    saw_bodies: bool,
    in_use: usize,
    flights: Flights,
    /// Number of the next datagram, from 1.
    next_number: u64,
    pub(crate) own: OwnTrack,
    /// Where the own avatar was found last.
    pub(crate) avatar: Option<SlotRef>,
    pub(super) sight: Sight,
    kept: Kept,
    /// Flights that were acknowledged and whose entities have not been credited yet, with what the
    /// history began with then. Crediting touches every entity they held, so it waits until the view is
    /// gone through anyway. Each flight is in here once at most.
    uncredited: Vec<(u64, Tick)>,
    /// The newest one that was credited.
    newest_credited: u64,
    /// When the view was gone through last.
    settled: Tick,
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
            stages: Vec::new(),
            slots: Vec::new(),
            generations: Vec::new(),
            look_at_mm: Vec::new(),
            bands: Vec::new(),
            acked_numbers: Vec::new(),
            acked_ticks: Vec::new(),
            sent: Vec::new(),
            priority: Vec::new(),
            earlier: Vec::new(),
            reasons: Vec::new(),
            saw_bodies: false,
            in_use: 0,
            flights: Flights::default(),
            next_number: 1,
            own: OwnTrack::default(),
            avatar: None,
            sight: Sight::default(),
            kept: Kept::default(),
            uncredited: Vec::new(),
            newest_credited: 0,
            settled: Tick(0),
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

    /// The indices whose entities are in view and not leaving, ascending.
    fn seen_indices(&self) -> impl Iterator<Item = u16> + '_ {
        let words = (0_u16..).step_by(LANES).zip(&self.stages);
        words.flat_map(|(first, stages)| Bits(stages.seen()).map(move |lane| first + lane))
    }

    /// The entities in view that are not leaving.
    pub(crate) fn seen(&self) -> impl Iterator<Item = SlotRef> + '_ {
        self.seen_indices().map(|index| self.noted(index))
    }

    /// Who has an index.
    #[inline]
    pub(super) fn noted(&self, index: u16) -> SlotRef {
        SlotRef {
            slot: self.slots[usize::from(index)],
            generation: self.generations[usize::from(index)],
        }
    }

    /// Who has an index that is in use: the slot.
    #[inline]
    pub(super) fn slot(&self, index: u16) -> u32 {
        self.slots[usize::from(index)]
    }

    /// Whether a datagram with it was acknowledged: then that is its baseline.
    #[inline]
    pub(super) fn is_known(&self, index: u16) -> bool {
        self.stages[usize::from(index) / LANES].known >> (index % 64) & 1 == 1
    }

    /// Why a leaving one leaves.
    pub(super) fn reason(&self, index: u16) -> RemoveReason {
        self.reasons[usize::from(index)]
    }

    /// How many ticks older what the baseline of a known one was a delta against is, if that matters; else 0.
    #[inline]
    pub(super) fn earlier(&self, index: u16) -> u16 {
        if self.saw_bodies {
            self.earlier[usize::from(index)]
        } else {
            0
        }
    }

    /// What was kept of the baseline of a known one.
    pub(super) fn kept(&self, index: u16) -> Option<WireEntity> {
        self.kept.get(index, self.acked_numbers[usize::from(index)])
    }
}

/// Who comes and goes.
impl View {
    /// Gives an entity the lowest free index; `None` if the view is full.
    pub(crate) fn enter(&mut self, noted: SlotRef) -> Option<u16> {
        let is_free = |stages: &Stages| stages.seen() | stages.leaving != u64::MAX;
        let word = match self.stages.iter().position(is_free) {
            Some(word) => word,
            None if self.slots.len() < INDICES_MAX => self.grow(),
            None => return None,
        };
        let stages = &mut self.stages[word];
        let lane = (stages.seen() | stages.leaving).trailing_ones();
        stages.entering |= 1 << lane;
        stages.was_sent &= !(1 << lane);
        let at = word * LANES + lane as usize;
        self.slots[at] = noted.slot;
        self.generations[at] = noted.generation;
        self.priority[at] = 0;
        self.earlier[at] = 0;
        self.flights.disown(at as u16);
        self.in_use += 1;
        Some(at as u16)
    }

    /// Makes room for 64 more: the place of their stages.
    fn grow(&mut self) -> usize {
        let word = self.stages.len();
        let len = (word + 1) * LANES;
        self.stages.push(Stages::default());
        self.slots.resize(len, 0);
        self.generations.resize(len, 0);
        self.look_at_mm.resize(len, 0);
        self.bands.resize(len, Band::default());
        self.acked_numbers.resize(len, 0);
        self.acked_ticks.resize(len, 0);
        self.sent.resize(len, 0);
        self.priority.resize(len, 0);
        self.earlier.resize(len, 0);
        self.reasons.resize(len, RemoveReason::Gone);
        self.flights.make_room(len);
        word
    }

    /// Starts to take an entity out of view. One that no datagram ever held is gone at once.
    pub(crate) fn leave(&mut self, index: u16, reason: RemoveReason) {
        let stages = &mut self.stages[usize::from(index) / LANES];
        let bit = 1 << (index % 64);
        stages.entering &= !bit;
        stages.known &= !bit;
        if stages.was_sent & bit == 0 {
            self.in_use -= 1;
            return;
        }
        stages.leaving |= bit;
        self.reasons[usize::from(index)] = reason;
        // What held it was about its being there.
        self.flights.disown(index);
    }

    /// The client's states are not what they should be: none of them is a baseline any more, and
    /// everybody is sent in full, as room allows.
    pub(crate) fn distrust(&mut self) {
        self.settle(self.settled);
        self.kept = Kept::default();
        for stages in &mut self.stages {
            stages.entering |= stages.known;
            stages.known = 0;
        }
        self.flights
            .disown_all_but(self.stages.iter().map(|stages| stages.leaving));
    }

    /// Known no more: a baseline so old that nobody can tell how old it is.
    pub(super) fn forget_baseline(&mut self, index: u16) {
        let stages = &mut self.stages[usize::from(index) / LANES];
        let bit = 1 << (index % 64);
        stages.entering |= stages.known & bit;
        stages.known &= !bit;
    }
}

/// What is sent and acknowledged.
impl View {
    /// Starts a datagram: its number. The oldest flight is forgotten.
    pub(crate) fn begin_flight(&mut self, tick: Tick, own: OwnSent) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.flights.begin(number, tick, own);
        number
    }

    /// The datagram of `tick` that was begun last holds these of 64 indices.
    #[inline]
    pub(super) fn held(&mut self, word: usize, held: u64, tick: Tick) {
        self.flights.hold(word, held);
        self.stages[word].was_sent |= held;
        let first = word * LANES;
        let sent = &mut self.sent[first..first + LANES];
        let priority = &mut self.priority[first..first + LANES];
        for lane in Bits(held) {
            sent[usize::from(lane)] = tick.0 as u16;
            priority[usize::from(lane)] = 0;
        }
    }

    /// The datagram of `tick` that was begun last holds this index as a delta, and it matters against what.
    /// Indices ascending.
    pub(super) fn held_against(&mut self, index: u16, tick: Tick) {
        let age = (tick.0 as u16).wrapping_sub(self.acked_ticks[usize::from(index)]);
        self.flights.hold_against(self.next_number - 1, index, age);
        self.saw_bodies = true;
    }

    /// The tick of a datagram, and whose states were in it, if it is still remembered.
    pub(crate) fn held_by(&self, number: u64) -> Option<(Tick, Vec<SlotRef>)> {
        let tick = self.flights.tick_of(number).filter(|_| number > 0)?;
        let mut states = Vec::new();
        for (word, held) in self.flights.held(number).enumerate() {
            let Some(stages) = self.stages.get(word) else {
                break;
            };
            let lanes = Bits(held & stages.seen());
            states.extend(lanes.map(|lane| self.noted((word * LANES) as u16 + lane)));
        }
        Some((tick, states))
    }

    /// Whether it is certain whom a client has in view that has just taken the one datagram of `tick`, and
    /// none later: whoever is coming or going is in it. Its number, if so.
    pub(crate) fn is_certain_after(&self, tick: Tick) -> Option<u64> {
        let number = self
            .next_number
            .checked_sub(1)
            .filter(|number| *number > 0)?;
        let sent_at = |number: u64| self.flights.tick_of(number);
        if sent_at(number) != Some(tick) || number > 1 && sent_at(number - 1) == Some(tick) {
            return None;
        }
        let mut words = self.stages.iter().zip(self.flights.held(number));
        let certain = words.all(|(stages, held)| (stages.entering | stages.leaving) & !held == 0);
        certain.then_some(number)
    }

    /// Everybody who has an index, and the number of the datagram from which on the client certainly had it.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (SlotRef, Option<u64>)> + '_ {
        let words = (0_u16..).step_by(LANES).zip(&self.stages);
        let used = words.flat_map(|(first, stages)| {
            Bits(stages.seen() | stages.leaving).map(move |lane| first + lane)
        });
        used.map(|index| {
            let since = up_to(self.acked_numbers[usize::from(index)], self.next_number);
            (self.noted(index), self.is_known(index).then_some(since))
        })
    }

    /// Keeps the state of every baseline, as `state_of` knows it or as it was kept before; `now` is the
    /// newest tick.
    pub(crate) fn keep_baselines(
        &mut self,
        now: Tick,
        mut state_of: impl FnMut(SlotRef, Tick) -> Option<WireEntity>,
    ) {
        self.settle(self.settled);
        let kept = (0..self.slots.len() as u16).map(|index| {
            if !self.is_known(index) {
                return None;
            }
            let state = self.kept(index).or_else(|| {
                let tick = up_to(self.acked_ticks[usize::from(index)], now.0);
                state_of(self.noted(index), Tick(tick))
            })?;
            Some((self.acked_numbers[usize::from(index)], state))
        });
        self.kept = Kept(kept.collect());
    }

    /// The history reaches back to all baselines again.
    pub(crate) fn forget_baselines(&mut self) {
        self.kept = Kept::default();
    }

    /// Newest datagram that is some entity's baseline; 0 = none.
    pub(crate) fn newest_baseline(&mut self) -> u64 {
        self.settle(self.settled);
        let known = self.seen_indices().filter(|index| self.is_known(*index));
        let numbers = known.map(|index| {
            let number = self.acked_numbers[usize::from(index)];
            up_to(number, self.next_number)
        });
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
        for n in Bits(u64::from(before & self.flights.unacked_before(newest))) {
            if let Some(number) = newest.checked_sub(1 + u64::from(n)) {
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

    /// Credits the entities that acknowledged flights held, before anything is asked about them at `now`.
    pub(crate) fn settle(&mut self, now: Tick) {
        let mut uncredited = std::mem::take(&mut self.uncredited);
        uncredited.sort_unstable_by_key(|(number, _)| *number);
        for (number, oldest) in uncredited.drain(..) {
            self.credit(number, oldest);
        }
        self.uncredited = uncredited;
        if now.0.saturating_sub(self.settled.0) > FORGOTTEN_TICKS {
            self.settled = now;
            self.distrust();
        }
        self.settled = now;
    }

    fn credit(&mut self, number: u64, oldest: Tick) {
        let Some(tick) = self.flights.tick_of(number) else {
            return;
        };
        // A baseline that was kept is better than a newer one that nobody remembers.
        let prefer_kept = tick < oldest && !self.kept.0.is_empty();
        let is_newest = number > self.newest_credited;
        self.newest_credited = self.newest_credited.max(number);
        let plain = is_newest && !prefer_kept;
        for (word, held) in self.flights.held(number).enumerate() {
            let Some(stages) = self.stages.get_mut(word) else {
                break;
            };
            let gone = held & stages.leaving;
            stages.leaving &= !gone;
            self.in_use -= gone.count_ones() as usize;
            let news = held & stages.entering;
            stages.entering &= !news;
            stages.known |= news;
            for lane in Bits(held & stages.known) {
                let at = word * LANES + usize::from(lane);
                if !plain && news >> lane & 1 == 0 {
                    let back = |number: u16| (self.next_number as u16).wrapping_sub(number);
                    let known = self.acked_numbers[at];
                    let keep = prefer_kept && self.kept.get(at as u16, known).is_some();
                    if keep || back(known) <= back(number as u16) {
                        continue;
                    }
                }
                self.acked_numbers[at] = number as u16;
                self.acked_ticks[at] = tick.0 as u16;
                if self.saw_bodies {
                    self.earlier[at] = self.flights.against(number, at as u16);
                }
            }
        }
    }
}

/// The places of the bits of a word, the lowest first.
pub(super) struct Bits(pub(super) u64);

impl Iterator for Bits {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        (self.0 != 0).then(|| {
            let lane = self.0.trailing_zeros() as u16;
            self.0 &= self.0 - 1;
            lane
        })
    }
}

/// The whole number, which is at most `number`, by its low 16 bits.
fn up_to(low: u16, number: u64) -> u64 {
    number.saturating_sub(u64::from((number as u16).wrapping_sub(low)))
}

#[cfg(test)]
mod tests;
