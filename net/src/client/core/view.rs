//! Who is in view, and what each of them was in the datagrams that the server may refer back to.

use std::collections::{BTreeMap, VecDeque};

use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, Baseline, INDICES_MAX, Record, RemoveReason, quantise,
};
use bluemarble_shared_protocol::{EntityId, SeenState, Tick, WireEntity, presence_share};
use bluemarble_spatial::{CellId, FrameAxes};
use glam::DVec3;

use super::ClientStats;

/// How many numbers behind the newest reference states are kept, for datagrams that come late.
const LATE_NUMBERS: u64 = 8;
/// Removals remembered until somebody asks; the oldest are forgotten.
const REMOVALS_MAX: usize = 4_096;

/// An entity as it was at `updated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityView {
    /// Its state.
    pub state: WireEntity,
    /// The tick of that state.
    pub updated: Tick,
    /// The tick since when it is in view.
    pub entered: Tick,
}

impl EntityView {
    /// Where it is, in metres of the planet's frame, to the centimetre.
    #[must_use]
    pub fn position(&self, radius_m: f64) -> DVec3 {
        FrameAxes::of(CellId(self.state.cell), radius_m)
            .to_planet(quantise::position_m(self.state.pos_cm))
    }

    /// Its velocity, m/s in the planet's frame.
    #[must_use]
    pub fn velocity(&self, radius_m: f64) -> DVec3 {
        FrameAxes::of(CellId(self.state.cell), radius_m)
            .dir_to_planet(quantise::velocity_mps(self.state.vel_cmps))
    }
}

/// An entity that left the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedEntity {
    /// Who.
    pub id: EntityId,
    /// Why.
    pub reason: RemoveReason,
    /// At which tick.
    pub tick: Tick,
}

/// A state and its tick.
pub(in crate::client) type Timed = (Tick, WireEntity);

/// What is known under one index.
#[derive(Clone, Debug)]
struct Known {
    id: EntityId,
    /// The datagram that made it known.
    entered: u64,
    /// States by datagram, ascending; never empty.
    states: VecDeque<State>,
}

/// A state that the server may refer back to.
#[derive(Clone, Debug)]
struct State {
    /// The datagram that held it.
    number: u64,
    tick: Tick,
    state: WireEntity,
    /// Of a rigid body: what it was a delta against, and how many ticks older that was.
    earlier: Option<(WireEntity, u32)>,
}

/// Who is in view.
#[derive(Clone, Debug, Default)]
pub struct View {
    by_id: BTreeMap<EntityId, (u16, EntityView)>,
    by_index: Vec<Option<Known>>,
    /// Per index, the newest datagram with a record for it.
    newest: Vec<u64>,
    removed: VecDeque<RemovedEntity>,
    /// Of everybody in `by_id`.
    shares: u64,
}

impl View {
    /// Everybody in view, by id.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &EntityView)> {
        self.by_id.iter().map(|(id, (_, view))| (*id, view))
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&EntityView> {
        self.by_id.get(&id).map(|(_, view)| view)
    }

    /// The state of an entity at or before a tick and the next one after it; if there is none before, the
    /// oldest.
    pub(in crate::client) fn around(
        &self,
        id: EntityId,
        tick: f64,
    ) -> Option<(Timed, Option<Timed>)> {
        let (index, _) = self.by_id.get(&id)?;
        let states = &self.by_index.get(usize::from(*index))?.as_ref()?.states;
        let after = states.partition_point(|held| held.tick.0 as f64 <= tick);
        let timed = |held: &State| (held.tick, held.state);
        let from = states.get(after.saturating_sub(1)).map(timed)?;
        let to = if after == 0 {
            None
        } else {
            states.get(after).map(timed)
        };
        Some((from, to))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nobody is in view.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Who left the view since this was asked last, oldest first.
    pub(super) fn take_removed(&mut self) -> impl Iterator<Item = RemovedEntity> + '_ {
        self.removed.drain(..)
    }

    /// The server referred to what `index` was in datagram `number`. It never goes back behind
    /// that again; a datagram that is late may, a little.
    pub(super) fn referred(&mut self, index: u16, number: u64) {
        if let Some(Some(known)) = self.by_index.get_mut(usize::from(index)) {
            known.forget_before(number.saturating_sub(LATE_NUMBERS));
        }
    }

    /// What an entity was in datagram `number`.
    pub(super) fn baseline(&self, index: u16, number: u64, now: Tick) -> Option<Baseline> {
        let known = self.by_index.get(usize::from(index))?.as_ref()?;
        // Baselines are among the newest states: looking from the back touches little memory.
        let newer_or_it = known.states.iter().rev();
        let mut newer_or_it = newer_or_it.take_while(|held| held.number >= number);
        let held = newer_or_it.find(|held| held.number == number)?;
        Some(Baseline {
            state: held.state,
            age: u32::try_from(now.0.checked_sub(held.tick.0)?).ok()?,
            earlier: held.earlier,
        })
    }

    /// The states in a datagram's records, with whose they are.
    pub(super) fn seen(&self, records: &[Record]) -> impl Iterator<Item = SeenState> + Clone {
        let id_of = |index: u16| {
            self.by_index
                .get(usize::from(index))?
                .as_ref()
                .map(|k| k.id)
        };
        records.iter().filter_map(move |record| match *record {
            Record::Enter { id, state, .. } => Some(SeenState { id, state }),
            Record::Update { index, state } => Some(SeenState {
                id: id_of(index)?,
                state,
            }),
            Record::Remove { .. } => None,
        })
    }

    /// Bends all that is kept of an entity's states.
    #[cfg(feature = "testing")]
    pub(super) fn bend(&mut self, id: EntityId, mut bend: impl FnMut(&mut WireEntity)) -> bool {
        let Some((index, shown)) = self.by_id.get_mut(&id) else {
            return false;
        };
        bend(&mut shown.state);
        if let Some(known) = &mut self.by_index[usize::from(*index)] {
            known
                .states
                .iter_mut()
                .for_each(|held| bend(&mut held.state));
        }
        true
    }

    /// How many there are, and what their ids add up to.
    pub(super) fn presence(&self) -> (u32, u64) {
        (self.by_id.len() as u32, self.shares)
    }

    /// The server knows nothing of somebody, up to datagram `number`: is gone, unless a later one says
    /// otherwise.
    pub(super) fn forget(&mut self, id: EntityId, number: u64, tick: Tick) {
        let Some((index, _)) = self.by_id.get(&id) else {
            return;
        };
        let index = *index;
        let known = self.by_index.get(usize::from(index));
        let newest = known.and_then(|known| known.as_ref()?.states.back());
        if newest.is_none_or(|newest| newest.number <= number) {
            if let Some(place) = self.by_index.get_mut(usize::from(index)) {
                place.take_if(|known| known.id == id);
            }
            self.unshow(id);
            let reason = RemoveReason::Gone;
            self.removed.push_back(RemovedEntity { id, reason, tick });
        }
    }

    /// Has somebody in view whom no datagram brought; for tests of the alarm.
    #[cfg(feature = "testing")]
    pub(super) fn conjure(&mut self, id: EntityId, tick: Tick) {
        let ghost = EntityView {
            state: WireEntity::default(),
            updated: tick,
            entered: tick,
        };
        let index = INDICES_MAX as u16 - 1;
        if self.by_id.insert(id, (index, ghost)).is_none() {
            self.shares = self.shares.wrapping_add(presence_share(id));
        }
    }

    /// Loses somebody whom no datagram removed; for tests of the alarm.
    #[cfg(feature = "testing")]
    pub(super) fn lose(&mut self, id: EntityId) {
        self.unshow(id);
    }

    fn unshow(&mut self, id: EntityId) {
        if self.by_id.remove(&id).is_some() {
            self.shares = self.shares.wrapping_sub(presence_share(id));
        }
    }

    /// One record of datagram `number`, which shows `tick`; an update with what it was against.
    pub(super) fn take(
        &mut self,
        record: &Record,
        against: Option<&Baseline>,
        number: u64,
        tick: Tick,
        stats: &mut ClientStats,
    ) {
        match *record {
            Record::Enter { index, id, state } => {
                stats.enters += 1;
                self.enter(index, id, state, number, tick);
            }
            Record::Update { index, state } => {
                stats.updates += 1;
                // Only a body's earlier state is ever asked for.
                let earlier = against
                    .filter(|_| state.rotation.is_some())
                    .map(|baseline| (baseline.state, baseline.age));
                let state = State {
                    number,
                    tick,
                    state,
                    earlier,
                };
                self.update(index, state);
            }
            Record::Remove { index, reason } => {
                stats.removes += 1;
                self.remove(index, reason, number, tick);
            }
        }
    }

    fn enter(&mut self, index: u16, id: EntityId, state: WireEntity, number: u64, tick: Tick) {
        let place = self.place(index);
        let whole = State {
            number,
            tick,
            state,
            earlier: None,
        };
        match &self.by_index[place] {
            // Sent in full again: the server does not know yet that we know.
            Some(known) if known.id == id => {
                self.update(index, whole);
                // Nobody is known and not shown; but if there is, this is where it ends.
                return self.show(index, id, state, number, tick);
            }
            _ if number < self.newest[place] => return,
            _ => {}
        }
        self.drop_index(index);
        self.newest[place] = number;
        self.by_index[place] = Some(Known {
            id,
            entered: number,
            states: VecDeque::from([whole]),
        });
        self.show(index, id, state, number, tick);
    }

    /// Shows whoever has an index, unless another index shows it with better right.
    fn show(&mut self, index: u16, id: EntityId, state: WireEntity, number: u64, tick: Tick) {
        if matches!(self.by_id.get(&id), Some((shown, _)) if *shown == index) {
            return;
        }
        let entered = EntityView {
            state,
            updated: tick,
            entered: tick,
        };
        // Of two indices of the same entity, the one that entered later shows it; the other one's
        // removal has merely not been seen yet.
        let later = self.by_id.get(&id).is_some_and(|(shown, _)| {
            let known = self.by_index[usize::from(*shown)].as_ref();
            known.is_some_and(|known| known.entered > number)
        });
        if !later && self.by_id.insert(id, (index, entered)).is_none() {
            self.shares = self.shares.wrapping_add(presence_share(id));
        }
    }

    fn update(&mut self, index: u16, new: State) {
        let Some(Some(known)) = self.by_index.get_mut(usize::from(index)) else {
            return;
        };
        let State {
            number,
            tick,
            state,
            ..
        } = new;
        if number < known.entered {
            return;
        }
        if known.states.back().is_none_or(|last| last.number < number) {
            known.states.push_back(new);
        } else if let Err(at) = known
            .states
            .binary_search_by_key(&number, |held| held.number)
        {
            known.states.insert(at, new);
        }
        if number < self.newest[usize::from(index)] {
            return;
        }
        self.newest[usize::from(index)] = number;
        if let Some((shown, view)) = self.by_id.get_mut(&known.id)
            && *shown == index
        {
            view.state = state;
            view.updated = tick;
        }
    }

    fn remove(&mut self, index: u16, reason: RemoveReason, number: u64, tick: Tick) {
        // Also of an index never seen: the enter may yet come, late, and must not count then.
        let place = self.place(index);
        if number < self.newest[place] {
            return;
        }
        self.newest[place] = number;
        if let Some(id) = self.drop_index(index) {
            if self.removed.len() == REMOVALS_MAX {
                self.removed.pop_front();
            }
            self.removed.push_back(RemovedEntity { id, reason, tick });
        }
    }

    /// Makes room for an index.
    fn place(&mut self, index: u16) -> usize {
        let place = usize::from(index);
        if self.by_index.len() <= place {
            debug_assert!(place < INDICES_MAX, "the decoder bounds indices");
            self.by_index.resize_with(place + 1, || None);
            self.newest.resize(place + 1, 0);
        }
        place
    }

    /// Forgets an index; who left the view by that.
    fn drop_index(&mut self, index: u16) -> Option<EntityId> {
        let known = self.by_index[usize::from(index)].take()?;
        let (shown, _) = self.by_id.get(&known.id)?;
        if *shown != index {
            return None;
        }
        self.unshow(known.id);
        Some(known.id)
    }

    /// Lets go of states that no datagram from `newest` on may refer to.
    pub(super) fn forget_before(&mut self, newest: u64) {
        let oldest = newest.saturating_sub(u64::from(BASELINE_BACK_MAX));
        for known in self.by_index.iter_mut().flatten() {
            known.forget_before(oldest);
        }
    }
}

impl Known {
    /// Lets go of older states, but never of the newest.
    fn forget_before(&mut self, number: u64) {
        while self.states.len() > 1 && self.states[0].number < number {
            self.states.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enter_that_comes_behind_its_own_removal_shows_nobody() {
        let enter = Record::Enter {
            index: 3,
            id: EntityId(9),
            state: WireEntity::default(),
        };
        let remove = Record::Remove {
            index: 3,
            reason: RemoveReason::Gone,
        };
        let shown = |records: [(&Record, u64); 2]| {
            let mut view = View::default();
            for (record, number) in records {
                view.take(
                    record,
                    None,
                    number,
                    Tick(number),
                    &mut ClientStats::default(),
                );
            }
            view.iter().count()
        };
        assert_eq!(shown([(&enter, 5), (&remove, 6)]), 0);
        assert_eq!(shown([(&remove, 6), (&enter, 5)]), 0, "reordered");
        assert_eq!(shown([(&remove, 5), (&enter, 6)]), 1, "somebody else");
    }
}
