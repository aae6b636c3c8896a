//! The last two seconds of the world as clients may know it: every client's history.
//!
//! Each entity has a *slot*, a small number that stays the same for as long as the entity is in the
//! world. A slot's ring holds one quantised state per tick; that is what deltas are made against, so
//! nothing needs to be remembered per client and entity but a tick number. When an entity goes, its
//! slot's generation changes, and whoever still refers to it notices.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use bluemarble_shared_protocol::codec::check;
use bluemarble_shared_protocol::{EntityId, OwnState, Tick, WireEntity, WireFrame, mix64};
use glam::DVec3;

use super::bands::Bands;
use super::pulse::{LEAP_MM, Pulse, way_of};

/// How long a state is kept, seconds: longer than any sane round trip.
const HISTORY_S: u32 = 2;

/// A slot as it was when somebody took note of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotRef {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Who comes farther in a tick leaps, millimetres: 40 m/s at 20 Hz. How long nobody can have come into sight
/// follows from the longest stride.
const STRIDE_MAX_MM: u32 = 2_000;

/// What is asked about an entity by who looks at it; what is asked every tick is its [`Pulse`].
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Metres, planet frame; for interest.
    pub(crate) pos: DVec3,
    pub(crate) generation: u32,
    /// Layers that may see it.
    pub(crate) audience: u32,
    /// First tick of its uninterrupted presence.
    born: Tick,
}

/// What is seldom asked.
#[derive(Clone, Debug)]
struct Person {
    id: EntityId,
    /// Newest tick at which it was there.
    seen: Tick,
    /// Where this tick's frames hold its private part: (frame, place in `owned`).
    own: Option<(u32, u32)>,
    /// A character's name.
    name: Option<Arc<str>>,
}

/// Slots and their rings.
#[derive(Debug)]
pub(crate) struct History {
    /// Ticks kept; `ring[slot * depth + tick % depth]`.
    depth: usize,
    tick: Tick,
    /// The tick before that.
    before: Tick,
    slots: Vec<Slot>,
    /// By slot, too.
    pulses: Vec<Pulse>,
    persons: Vec<Person>,
    ring: Vec<WireEntity>,
    free: Vec<u32>,
    slot_of: HashMap<EntityId, u32, BuildHasherDefault<IdHasher>>,
    /// Slots present this tick, in the frames' order, with their positions beside them.
    present: Vec<u32>,
    positions: Vec<DVec3>,
    /// How far anybody can have come who never leapt, millimetres, round and round: the sum of each tick's
    /// longest stride.
    strides_mm: u32,
    /// This tick's longest.
    stride_mm: u32,
    /// Who is somewhere all of a sudden, this tick, to those who may see it now: slots.
    leapers: Vec<u32>,
}

impl History {
    pub(crate) fn new(tick_hz: u32) -> Self {
        Self {
            depth: (HISTORY_S * tick_hz) as usize + 1,
            tick: Tick(0),
            before: Tick(0),
            slots: Vec::new(),
            pulses: Vec::new(),
            persons: Vec::new(),
            ring: Vec::new(),
            free: Vec::new(),
            slot_of: HashMap::default(),
            present: Vec::new(),
            positions: Vec::new(),
            strides_mm: 0,
            stride_mm: 0,
            leapers: Vec::new(),
        }
    }

    /// Takes in a finished tick, later than the one before.
    pub(crate) fn ingest(&mut self, tick: Tick, frames: &[Arc<WireFrame>], bands: &Bands) {
        let before = self.tick;
        self.before = before;
        self.tick = tick;
        self.present.clear();
        self.positions.clear();
        self.leapers.clear();
        self.stride_mm = 0;
        for pulse in &mut self.pulses {
            pulse.age(tick.since(before));
        }
        for (n, frame) in (0_u32..).zip(frames) {
            for row in 0..frame.ids.len() {
                self.ingest_row(before, frame, row);
            }
            for (k, own) in (0_u32..).zip(&frame.owned) {
                self.ingest_own(own, (n, k));
            }
        }
        self.release_absent();
        self.strides_mm = self.strides_mm.wrapping_add(self.stride_mm);
        for (slot, pulse) in (0..).zip(&mut self.pulses) {
            pulse.note_turns(slot, tick.0, bands);
        }
    }

    fn ingest_row(&mut self, before: Tick, frame: &WireFrame, row: usize) {
        let (id, state) = (frame.ids[row], frame.states[row]);
        let slot = match self.slot_of.get(&id) {
            Some(&slot) => slot,
            None => self.new_slot(id),
        };
        let person = &mut self.persons[slot as usize];
        if person.seen == self.tick {
            // Twice in one tick: a fault of the frames. The first one counts.
            return;
        }
        person.seen = self.tick;
        person.own = None;
        let last = &self.ring[slot as usize * self.depth + self.depth_of(before)];
        let known = &mut self.slots[slot as usize];
        let pulse = &mut self.pulses[slot as usize];
        let is_new = known.born == self.tick;
        if *last != state {
            pulse.unchanged = 0;
        }
        let acts = |state: &WireEntity| (state.health, state.action, state.action_n);
        if acts(last) != acts(&state) {
            pulse.since_event = 0;
        }
        if is_new {
            pulse.is_born();
        }
        pulse.note_motion(state.vel_cmps != [0; 3], state.rotation.is_some());
        let (pos, audience) = (frame.positions[row], frame.audience[row]);
        let way_mm = way_of(known.pos.distance(pos));
        pulse.come(way_mm);
        if known.audience != audience {
            pulse.come(LEAP_MM);
        }
        if is_new || known.audience != audience || way_mm > STRIDE_MAX_MM {
            self.leapers.push(slot);
        } else {
            self.stride_mm = self.stride_mm.max(way_mm);
        }
        known.pos = pos;
        known.audience = audience;
        let at = slot as usize * self.depth + self.depth_of(self.tick);
        self.ring[at] = state;
        self.present.push(slot);
        self.positions.push(frame.positions[row]);
    }

    fn ingest_own(&mut self, own: &OwnState, at: (u32, u32)) {
        let Some(&slot) = self.slot_of.get(&own.id) else {
            return;
        };
        let person = &mut self.persons[slot as usize];
        person.own = Some(at);
        if person.name.is_none() {
            person.name = Some(Arc::clone(&own.name));
        }
    }

    fn new_slot(&mut self, id: EntityId) -> u32 {
        let fresh = Slot {
            pos: DVec3::ZERO,
            generation: 0,
            audience: 0,
            born: self.tick,
        };
        let person = Person {
            id,
            seen: Tick(u64::MAX),
            own: None,
            name: None,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                let place = &mut self.slots[slot as usize];
                *place = Slot {
                    generation: place.generation,
                    ..fresh
                };
                self.persons[slot as usize] = person;
                slot
            }
            None => {
                let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 entities");
                self.slots.push(fresh);
                self.pulses.push(Pulse::default());
                self.persons.push(person);
                self.ring
                    .resize(self.slots.len() * self.depth, WireEntity::default());
                slot
            }
        };
        self.slot_of.insert(id, slot);
        slot
    }

    fn release_absent(&mut self) {
        for (n, person) in (0_u32..).zip(&mut self.persons) {
            if person.seen != self.tick && self.slot_of.get(&person.id) == Some(&n) {
                self.slot_of.remove(&person.id);
                person.name = None;
                let slot = &mut self.slots[n as usize];
                slot.generation = slot.generation.wrapping_add(1);
                self.pulses[n as usize].come(LEAP_MM);
                self.free.push(n);
            }
        }
    }

    fn depth_of(&self, tick: Tick) -> usize {
        (tick.0 % self.depth as u64) as usize
    }

    /// The slot an entity has now.
    pub(crate) fn find(&self, id: EntityId) -> Option<SlotRef> {
        let slot = *self.slot_of.get(&id)?;
        Some(SlotRef {
            slot,
            generation: self.slots[slot as usize].generation,
        })
    }

    /// The slot's facts, if the entity that was noted is still there.
    #[inline]
    pub(crate) fn get(&self, noted: SlotRef) -> Option<&Slot> {
        let slot = &self.slots[noted.slot as usize];
        (slot.generation == noted.generation).then_some(slot)
    }

    /// The facts of a slot that is present.
    #[inline]
    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }

    /// All pulses, by slot.
    #[inline]
    pub(super) fn pulses(&self) -> &[Pulse] {
        &self.pulses
    }

    /// How far anybody can have come who never leapt, millimetres, round and round.
    pub(super) fn strides_mm(&self) -> u32 {
        self.strides_mm
    }

    /// The slots of those who were not there the tick before, or elsewhere, or not for the same eyes. All
    /// others have come no farther than [`Self::strides_mm`] grew.
    pub(super) fn leapers(&self) -> &[u32] {
        &self.leapers
    }

    /// The tick taken in before the newest one.
    pub(super) fn tick_before(&self) -> Tick {
        self.before
    }

    /// The state now.
    #[inline]
    pub(crate) fn state(&self, slot: u32) -> &WireEntity {
        &self.ring[slot as usize * self.depth + self.depth_of(self.tick)]
    }

    /// What the state now adds to the check of a datagram that holds it.
    #[inline]
    pub(crate) fn check_share(&self, slot: u32) -> u32 {
        check::share(self.id(slot), self.state(slot))
    }

    /// The state at an earlier tick, if it is still kept and the entity was there all the time.
    /// The tick must be one that was ingested.
    #[inline]
    pub(crate) fn state_at(&self, slot: u32, tick: Tick) -> Option<&WireEntity> {
        let kept = tick <= self.tick
            && self.tick.since(tick) < self.depth as u64
            && tick >= self.slots[slot as usize].born;
        kept.then(|| &self.ring[slot as usize * self.depth + self.depth_of(tick)])
    }

    /// The oldest tick that may be asked for.
    pub(crate) fn oldest(&self) -> Tick {
        Tick((self.tick.0 + 1).saturating_sub(self.depth as u64))
    }

    /// Who is in a slot that is present.
    pub(crate) fn id(&self, slot: u32) -> EntityId {
        self.persons[slot as usize].id
    }

    /// The name of who is in a slot that is present, if it is a character.
    pub(crate) fn name(&self, slot: u32) -> Option<Arc<str>> {
        self.persons[slot as usize].name.clone()
    }

    /// The private part of an avatar, if it is still there.
    pub(crate) fn own<'a>(
        &self,
        noted: SlotRef,
        frames: &'a [Arc<WireFrame>],
    ) -> Option<&'a OwnState> {
        self.get(noted)?;
        let (frame, at) = self.persons[noted.slot as usize].own?;
        frames.get(frame as usize)?.owned.get(at as usize)
    }

    /// Who is there: slots, and their positions.
    pub(crate) fn present(&self) -> (&[u32], &[DVec3]) {
        (&self.present, &self.positions)
    }

    /// How many slots there ever were at a time.
    pub(crate) fn slots_len(&self) -> usize {
        self.slots.len()
    }
}

/// Hashes one `EntityId`: a mix suffices, because ids are hashes that players cannot choose freely.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix64(self.0 ^ word);
    }
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::Strain;

    use super::*;
    use crate::server::hub_config::Interest;

    fn bands() -> Bands {
        Bands::new(&Interest::default(), Strain::NONE, 20)
    }

    fn frame(tick: u64, rows: &[(u64, i32)]) -> Vec<Arc<WireFrame>> {
        vec![Arc::new(WireFrame {
            tick: Tick(tick),
            ids: rows.iter().map(|(id, _)| EntityId(*id)).collect(),
            states: rows
                .iter()
                .map(|(_, x)| WireEntity {
                    pos_cm: [*x, 0, 0],
                    ..WireEntity::default()
                })
                .collect(),
            audience: vec![u32::MAX; rows.len()],
            positions: vec![DVec3::X; rows.len()],
            owned: Vec::new(),
            wounds: Vec::new(),
        })]
    }

    #[test]
    fn two_seconds_are_kept_and_no_more() {
        let mut history = History::new(20);
        for tick in 1..=100 {
            history.ingest(Tick(tick), &frame(tick, &[(7, tick as i32)]), &bands());
        }
        let noted = history.find(EntityId(7)).unwrap();
        for tick in 60..=100 {
            let state = history.state_at(noted.slot, Tick(tick)).unwrap();
            assert_eq!(state.pos_cm[0], tick as i32);
        }
        assert_eq!(history.state_at(noted.slot, Tick(59)), None);
        assert_eq!(history.state_at(noted.slot, Tick(101)), None);
    }

    #[test]
    fn an_entity_that_goes_and_comes_back_is_another_one() {
        let mut history = History::new(20);
        history.ingest(Tick(1), &frame(1, &[(7, 1), (8, 1)]), &bands());
        let seven = history.find(EntityId(7)).unwrap();
        let eight = history.find(EntityId(8)).unwrap();
        history.ingest(Tick(2), &frame(2, &[(8, 1)]), &bands());
        assert!(history.get(seven).is_none());
        assert_eq!(history.find(EntityId(7)), None);
        history.ingest(Tick(3), &frame(3, &[(9, 1), (8, 1)]), &bands());
        let nine = history.find(EntityId(9)).unwrap();
        assert_eq!(nine.slot, seven.slot);
        assert!(history.get(seven).is_none() && history.get(nine).is_some());
        assert_eq!(history.state_at(nine.slot, Tick(1)), None);
        assert_eq!(history.find(EntityId(8)), Some(eight));
    }

    #[test]
    fn what_stands_still_does_not_change() {
        let mut history = History::new(20);
        for (tick, x) in [(1, 5), (2, 5), (3, 6), (4, 6), (5, 6)] {
            history.ingest(Tick(tick), &frame(tick, &[(7, x)]), &bands());
        }
        let pulse = history.pulses()[history.find(EntityId(7)).unwrap().slot as usize];
        assert_eq!((pulse.unchanged, pulse.since_event), (2, 4));
    }
}
