//! From Frames to datagrams: who sees whom, against which baseline, and what fits the budget.
//!
//! A tick: take the frames into the history, sort positions into the grid; then for each client find
//! what is in view, choose what to send, splice the shared bit strings together. Per client the
//! work follows what it sees; what is the same for several clients is done once. See
//! docs/PROTOCOL.md for the rules a client relies on.

mod bands;
mod choose;
mod flights;
mod history;
mod low;
mod own;
mod strings;
mod view;

use std::sync::Arc;

use bluemarble_shared_protocol::codec::{
    OwnUpdate, RemoveReason, Schema, SnapshotHeader, SnapshotWriter,
};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    EntityId, Epoch, InputSeq, OwnState, Strain, Tick, WireEntity, WireFrame,
};
use bluemarble_spatial::{CellGrid, CellId, Level, Nearby};
use bytes::Bytes;
use glam::DVec3;

use self::bands::Bands;
use self::choose::{Candidates, What};
use self::history::{History, SlotRef};
use self::own::OwnSent;
use self::strings::Strings;
use self::view::Stage;
pub(crate) use self::view::View;
use super::hub_config::{HubConfig, Interest};
use super::hub_stats::HubStats;

/// A second datagram in a tick is begun only if at least this much of the budget is left, bytes.
const DATAGRAM_BYTES_WORTH: usize = 128;

/// Bits of a header with an exact own state, at most.
const HEADER_FULL_BITS: usize = 900;
/// Bits of a header with a hash, and vitals at times.
const HEADER_BITS: usize = 320;
/// Bits lost where one datagram ends and the next one begins: a header, and a record that did not
/// fit.
const SEAM_BITS: usize = 400;

/// The shared side of replication.
#[derive(Debug)]
pub(crate) struct Replicator {
    tick_hz: u32,
    interest: Interest,
    strain: Strain,
    bands: Bands,
    budget_bytes: usize,
    epoch: Epoch,
    tick: Tick,
    history: History,
    grid: CellGrid,
    grid_level: Level,
    /// Row numbers, which stand in for ids in the grid: rows come in the order of the frames.
    row_numbers: Vec<u64>,
    near: Nearby,
    /// By the place of their schema.
    strings: [Strings; Schema::SUPPORTED.len()],
    writer: SnapshotWriter,
    candidates: Candidates,
    /// Per slot, the last client of this tick, counted from 1, that has it in view already.
    found: Vec<u32>,
    pass: u32,
}

/// What one client is, for replication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observer {
    /// Layers it may see.
    pub(crate) layers: u32,
    /// How its snapshots are written.
    pub(crate) schema: Schema,
    /// What its own input numbers are offset by in the world's; `None` before it is admitted.
    pub(crate) seq_base: Option<u32>,
    /// Most bytes for it this tick; never more than the configured budget.
    pub(crate) budget_bytes: usize,
}

/// One tick as replication sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TickView<'a> {
    pub(crate) tick: Tick,
    pub(crate) durable: Tick,
    pub(crate) frames: &'a [Arc<WireFrame>],
}

impl Replicator {
    pub(crate) fn new(config: &HubConfig) -> Self {
        let hz = config.world.tick_hz.max(1);
        let exit_m = config.interest.exit_m;
        Self {
            tick_hz: hz,
            interest: config.interest,
            strain: Strain::NONE,
            bands: Bands::new(&config.interest, Strain::NONE, hz),
            budget_bytes: config.budget_bytes as usize,
            epoch: config.world.epoch,
            tick: config.world.tick,
            history: History::new(hz),
            grid: CellGrid::default(),
            grid_level: CellId::level_for_min_width(exit_m, config.world.radius_m),
            row_numbers: Vec::new(),
            near: Nearby::default(),
            strings: Schema::SUPPORTED.map(|schema| new_strings(config, schema)),
            writer: SnapshotWriter::default(),
            candidates: Candidates::default(),
            found: Vec::new(),
            pass: 0,
        }
    }

    /// From the next tick on.
    pub(crate) fn set_strain(&mut self, strain: Strain) {
        self.strain = strain;
        self.bands = Bands::new(&self.interest, strain, self.tick_hz);
    }

    /// The newest tick taken in.
    pub(crate) fn tick(&self) -> Tick {
        self.tick
    }

    /// The epoch in force.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Takes a finished tick in. Returns whether every view must be reset: another epoch, or time
    /// went back.
    pub(crate) fn ingest(&mut self, epoch: Epoch, view: TickView<'_>, any_client: bool) -> bool {
        let rewound = epoch != self.epoch || (view.tick <= self.tick && self.tick != Tick(0));
        if rewound {
            self.history = History::new(self.tick_hz);
            self.epoch = epoch;
        }
        self.tick = view.tick;
        self.history.ingest(view.tick, view.frames);
        let slots = self.history.slots_len();
        for strings in &mut self.strings {
            strings.begin(view.tick, slots);
        }
        self.found.clear();
        self.found.resize(slots, 0);
        self.pass = 0;
        self.candidates.begin_tick(view.tick, &self.bands);
        if any_client {
            let positions = self.history.present().1;
            let known = self.row_numbers.len();
            self.row_numbers
                .extend(known as u64..positions.len() as u64);
            let numbers = &self.row_numbers[..positions.len()];
            self.grid.rebuild(self.grid_level, positions, numbers);
        }
        rewound
    }

    /// The oldest tick that baselines are known of.
    pub(crate) fn oldest_baseline(&self) -> Tick {
        self.history.oldest()
    }

    /// Keeps a client's baselines for longer than the history does.
    pub(crate) fn keep_baselines(&self, view: &mut View) {
        let history = &self.history;
        view.keep_baselines(self.tick, |noted, tick| {
            history.get(noted)?;
            history.state_at(noted.slot, tick).copied()
        });
    }

    /// Entities present.
    pub(crate) fn entities(&self) -> usize {
        self.history.present().0.len()
    }

    /// Bit strings made and used again since the start.
    pub(crate) fn strings_made_and_shared(&self) -> (u64, u64) {
        let all = self.strings.iter();
        all.fold((0, 0), |(made, shared), strings| {
            (made + strings.encoded, shared + strings.shared)
        })
    }

    /// The private part of an avatar, if it is in the world.
    pub(crate) fn own_of<'a>(
        &self,
        avatar: EntityId,
        noted: &mut Option<SlotRef>,
        frames: &'a [Arc<WireFrame>],
    ) -> Option<&'a OwnState> {
        if noted.and_then(|noted| self.history.get(noted)).is_none() {
            *noted = self.history.find(avatar);
        }
        self.history.own((*noted)?, frames)
    }

    /// Name and kind of an entity that is the observer's own or in its view.
    pub(crate) fn card_facts(
        &self,
        id: EntityId,
        avatar: EntityId,
        seen: &[SlotRef],
    ) -> Option<(u16, Option<Arc<str>>)> {
        let noted = self.history.find(id)?;
        if id != avatar && !seen.contains(&noted) {
            return None;
        }
        let kind = self.history.state(noted.slot).kind;
        Some((kind, self.history.name(noted.slot)))
    }

    /// What a client should have read in one of its last datagrams, by entity; nothing of what is
    /// forgotten.
    pub(crate) fn told(
        &self,
        view: &View,
        number: u64,
    ) -> Option<(Tick, Vec<(EntityId, WireEntity)>)> {
        let (tick, held) = view.held_by(number)?;
        let known = held.into_iter().filter_map(|noted| {
            self.history.get(noted)?;
            let state = *self.history.state_at(noted.slot, tick)?;
            Some((self.history.id(noted.slot), state))
        });
        Some((tick, known.collect()))
    }

    /// One client's datagrams for this tick; `own` is what its avatar is.
    pub(crate) fn snapshot(
        &mut self,
        view: &mut View,
        own: &OwnState,
        observer: &Observer,
        now: TickView<'_>,
        stats: &mut HubStats,
        mut send: impl FnMut(Bytes),
    ) {
        let Some(avatar) = view.avatar else {
            return;
        };
        let pos = self.history.slot(avatar.slot).pos;
        let turn = self.tick.0 + u64::from(avatar.slot);
        let checked = turn.is_multiple_of(self.bands.check_period);
        stats.checks_sent += u64::from(checked);
        self.look_around(view, observer, (avatar, pos), checked, stats);
        let (update, sent) = view.own.update(own, now.tick, self.tick_hz);
        let header_bits = match update {
            OwnUpdate::Full { .. } => {
                stats.own_full_sent += 1;
                HEADER_FULL_BITS
            }
            _ => {
                stats.own_hash_sent += 1;
                HEADER_BITS
            }
        };
        let budget_bytes = observer.budget_bytes.min(self.budget_bytes);
        let seams = (budget_bytes - 1) / DATAGRAM_BYTES_MAX;
        let room_bits = budget_bytes * 8 - header_bits - seams * SEAM_BITS;
        let (entries, history) = (&view.entries, &self.history);
        let cell_of = |index: u16| history.state(entries[usize::from(index)].noted.slot).cell;
        self.candidates.choose(room_bits, cell_of, stats);
        let base = observer.seq_base.unwrap_or(own.applied.0);
        let applied = InputSeq(own.applied.0.saturating_sub(base));
        let header = SnapshotHeader {
            number: 0,
            epoch: self.epoch.0 as u8,
            tick: now.tick.0 as u16,
            applied: applied.0 as u16,
            durable_age: u8::try_from(now.tick.since(now.durable)).unwrap_or(u8::MAX),
            usual_back: 0,
            strain: self.strain,
            check: checked.then_some(0),
        };
        let limits = (observer.schema, budget_bytes);
        self.write(view, header, (update, sent), limits, stats, &mut send);
    }

    /// Brings the view up to date with who is near, and gathers what could be sent.
    fn look_around(
        &mut self,
        view: &mut View,
        observer: &Observer,
        (avatar, pos): (SlotRef, DVec3),
        checked: bool,
        stats: &mut HubStats,
    ) {
        view.settle();
        self.pass += 1;
        let Self {
            grid,
            near,
            history,
            candidates,
            strings,
            found,
            pass,
            bands,
            ..
        } = self;
        let strings = &mut strings[observer.schema.place()];
        candidates.begin(view.next_number(), checked);
        found[avatar.slot as usize] = *pass;
        let exit2 = bands.exit_m * bands.exit_m;
        for index in 0..view.entries.len() as u16 {
            let (entry, kept) = view.lend(index);
            match entry.stage {
                Stage::Free => continue,
                Stage::Leaving(reason) => {
                    candidates.remove(index, reason);
                    continue;
                }
                Stage::Entering | Stage::Known => {}
            }
            let noted = entry.noted;
            let reason = match history.get(noted) {
                None => RemoveReason::Gone,
                Some(slot) if slot.audience & observer.layers == 0 => RemoveReason::Hidden,
                Some(slot) => {
                    let dist2 = slot.pos.distance_squared(pos);
                    if dist2 <= exit2 {
                        found[noted.slot as usize] = *pass;
                        let seen = (slot, dist2);
                        candidates.offer(index, (entry, kept), seen, (history, strings), stats);
                        continue;
                    }
                    RemoveReason::OutOfView
                }
            };
            view.leave(index, reason);
            if matches!(view.entries[usize::from(index)].stage, Stage::Leaving(_)) {
                candidates.remove(index, reason);
            }
        }
        let present = history.present().0;
        for other in grid.near(pos, bands.enter_m, near) {
            let slot = present[other.row as usize];
            if found[slot as usize] == *pass {
                continue;
            }
            let facts = history.slot(slot);
            if facts.audience & observer.layers == 0 {
                continue;
            }
            let generation = facts.generation;
            match view.enter(SlotRef { slot, generation }) {
                Some(index) => {
                    let (new, seen) = (view.lend(index), (facts, other.dist2_m2));
                    candidates.offer(index, new, seen, (history, strings), stats);
                }
                None => stats.view_full += 1,
            }
        }
    }

    /// Writes what was chosen, in one or more datagrams.
    fn write(
        &mut self,
        view: &mut View,
        mut header: SnapshotHeader,
        own: (OwnUpdate, OwnSent),
        (schema, budget_bytes): (Schema, usize),
        stats: &mut HubStats,
        send: &mut impl FnMut(Bytes),
    ) {
        let (strings, history) = (&self.strings[schema.place()], &self.history);
        let writer = &mut self.writer;
        let chosen = self.candidates.chosen();
        let usual_back = self.candidates.usual_back();
        let checked = header.check.is_some();
        let mut left = budget_bytes;
        let mut next = 0;
        // How many datagrams of this tick were before: baselines lie as many farther back.
        let mut before = 0;
        let mut own = own;
        loop {
            let number = view.begin_flight(self.tick, own.1);
            header.number = number as u16;
            header.usual_back = farther_back(usual_back, before).unwrap_or(0);
            writer.begin(&header, &own.0, left, chosen.len() - next);
            let (mut full, mut sum) = (false, 0_u32);
            while let Some(candidate) = chosen.get(next) {
                let index = candidate.index;
                let words = strings.words(&candidate.word, candidate.bits);
                let bits = usize::from(candidate.bits);
                let slot = || view.entries[usize::from(index)].noted.slot;
                let (fits, count) = match candidate.what {
                    What::Update { back } => {
                        let fits = farther_back(back, before)
                            .is_some_and(|back| writer.update(index, back, words, bits).is_ok());
                        (fits, &mut stats.updates_sent)
                    }
                    What::Enter => {
                        let slot = slot();
                        let (id, cell) = (history.id(slot), history.state(slot).cell);
                        let fits = writer.enter(index, id, cell, words, bits).is_ok();
                        (fits, &mut stats.enters_sent)
                    }
                    What::Remove(reason) => {
                        let fits = writer.remove(index, reason).is_ok();
                        (fits, &mut stats.removes_sent)
                    }
                };
                if fits {
                    *count += 1;
                    let is_delta = matches!(candidate.what, What::Update { .. });
                    let is_body_delta = is_delta && history.slot(slot()).is_body;
                    view.held(index, self.tick, is_body_delta);
                    if checked && !matches!(candidate.what, What::Remove(_)) {
                        let slot = view.entries[usize::from(index)].noted.slot;
                        sum = sum.wrapping_add(history.check_share(slot));
                    }
                } else if left > DATAGRAM_BYTES_MAX + DATAGRAM_BYTES_WORTH {
                    full = true;
                    break;
                }
                next += 1;
            }
            writer.set_check(sum);
            let bytes = writer.finish();
            left = left.saturating_sub(bytes.len());
            stats.datagrams_out += 1;
            stats.bytes_out += bytes.len() as u64;
            send(Bytes::from(bytes));
            if !full {
                return;
            }
            own = (OwnUpdate::None, OwnSent::default());
            before = before.saturating_add(1);
        }
    }
}

fn new_strings(config: &HubConfig, schema: Schema) -> Strings {
    let strings = Strings::new(config.world.tick_hz.max(1), schema);
    #[cfg(feature = "sabotage")]
    let strings = strings.bending(config.sabotage == Some(super::hub_config::Sabotage::Bend));
    strings
}

/// How far back a datagram lies, seen from one that is `more` later, if that can be written.
#[inline]
fn farther_back(back: u8, more: u8) -> Option<u8> {
    let back = Some(back).filter(|back| *back > 0)?.checked_add(more)?;
    (1..=choose::BACK_MAX).contains(&back).then_some(back)
}
