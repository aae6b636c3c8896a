//! From Frames to datagrams: who sees whom, against which baseline, and what fits the budget.
//!
//! A tick: take the frames into the history, sort positions into the grid; then for each client find
//! what is in view, choose what to send, splice the shared bit strings together. Per client the
//! work follows what it sees; what is the same for several clients is done once. See
//! docs/PROTOCOL.md for the rules a client relies on.

mod bands;
mod budget;
mod choose;
mod flights;
mod glance;
mod history;
mod own;
mod pulse;
mod sight;
mod strings;
mod view;

use std::sync::Arc;

use bluemarble_shared_protocol::codec::{OwnUpdate, Schema, SnapshotHeader, SnapshotWriter};
use bluemarble_shared_protocol::limits::DATAGRAM_BYTES_MAX;
use bluemarble_shared_protocol::{
    EntityId, Epoch, InputSeq, OwnState, Strain, Tick, WireEntity, WireFrame, presence_share,
};
use bluemarble_spatial::CellId;
use bytes::Bytes;
use glam::DVec3;

use self::bands::Bands;
use self::choose::{Candidates, What};
use self::history::History;
pub(crate) use self::history::SlotRef;
use self::own::OwnSent;
use self::sight::{Eyes, Lookout};
use self::strings::Strings;
use self::view::LANES;
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
    /// Counts the bands.
    bands_serial: u32,
    budget_bytes: usize,
    epoch: Epoch,
    tick: Tick,
    history: History,
    lookout: Lookout,
    /// By the place of their schema.
    strings: [Strings; Schema::SUPPORTED.len()],
    writer: SnapshotWriter,
    candidates: Candidates,
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
            bands_serial: 0,
            budget_bytes: config.budget_bytes as usize,
            epoch: config.world.epoch,
            tick: config.world.tick,
            history: History::new(hz),
            lookout: Lookout::new(CellId::level_for_min_width(exit_m, config.world.radius_m)),
            strings: Schema::SUPPORTED.map(|schema| new_strings(config, schema)),
            writer: SnapshotWriter::default(),
            candidates: Candidates::default(),
        }
    }

    /// From the next tick on.
    pub(crate) fn set_strain(&mut self, strain: Strain) {
        self.strain = strain;
        let bands = Bands::new(&self.interest, strain, self.tick_hz);
        if bands != self.bands {
            self.bands = bands;
            self.bands_serial = self.bands_serial.wrapping_add(1);
        }
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
        self.history.ingest(view.tick, view.frames, &self.bands);
        let slots = self.history.slots_len();
        for strings in &mut self.strings {
            strings.begin(view.tick, slots);
        }
        self.candidates.begin_tick(view.tick, &self.bands);
        if any_client {
            self.lookout.rebuild(&self.history);
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

    /// Where an entity is, and which layers may see it, if it is in the world.
    pub(crate) fn whereabouts(&self, id: EntityId) -> Option<(SlotRef, u32, DVec3)> {
        let noted = self.history.find(id)?;
        let slot = self.history.get(noted)?;
        Some((noted, slot.audience, slot.pos))
    }

    /// Whom a client has in view that has just taken this tick's datagram: its number, how many they are and
    /// what their ids add up to; `None` if that cannot be said.
    pub(crate) fn presence(&self, view: &View) -> Option<(u64, u32, u64)> {
        let number = view.is_certain_after(self.tick)?;
        let (mut count, mut sum) = (0, 0_u64);
        for noted in view.seen() {
            self.history.get(noted)?;
            count += 1;
            sum = sum.wrapping_add(presence_share(self.history.id(noted.slot)));
        }
        Some((number, count, sum))
    }

    /// Everybody whom a client has or may have in view, ascending, with the datagram from which on it is
    /// certain.
    pub(crate) fn in_view(&self, view: &View) -> Vec<(EntityId, Option<u64>)> {
        let known = view.indexed().filter_map(|(noted, since)| {
            self.history.get(noted)?;
            Some((self.history.id(noted.slot), since))
        });
        let mut known: Vec<_> = known.collect();
        known.sort_unstable();
        known
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
        let turn = self.tick.0 + u64::from(avatar.slot);
        let checked = turn.is_multiple_of(self.bands.check_period);
        stats.checks_sent += u64::from(checked);
        self.look_around(view, observer, avatar, checked, stats);
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
        self.candidates
            .choose(room_bits, view, &self.history, stats);
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
        avatar: SlotRef,
        checked: bool,
        stats: &mut HubStats,
    ) {
        view.settle(self.tick);
        let (history, candidates) = (&self.history, &mut self.candidates);
        let eyes = Eyes {
            avatar,
            layers: observer.layers,
            bands: &self.bands,
            bands_serial: self.bands_serial,
            history,
            tick: self.tick,
        };
        candidates.begin(view.next_number());
        let glance = candidates.glance(history, eyes.way_mm(), checked);
        let due = &mut candidates.due;
        self.lookout.look(view, &eyes, &glance, due, stats);
        let strings = &mut self.strings[observer.schema.place()];
        candidates.gather(view, history, strings, stats);
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
            // Of 64 indices, those that are in.
            let (mut held_word, mut held) = (0, 0_u64);
            while let Some(candidate) = chosen.get(next) {
                let index = candidate.index;
                let bits = usize::from(candidate.bits);
                let (fits, count) = match candidate.what {
                    What::Update { back, .. } => {
                        let fits = farther_back(back, before).is_some_and(|back| {
                            let wrote = if bits <= 64 {
                                writer.update_word(index, back, candidate.word, bits)
                            } else {
                                let words = strings.words(&candidate.word, candidate.bits);
                                writer.update(index, back, words, bits)
                            };
                            wrote.is_ok()
                        });
                        (fits, &mut stats.updates_sent)
                    }
                    What::Enter => {
                        let slot = view.slot(index);
                        let words = strings.words(&candidate.word, candidate.bits);
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
                    let word = usize::from(index) / LANES;
                    if word != held_word {
                        view.held(held_word, held, self.tick);
                        (held_word, held) = (word, 0);
                    }
                    held |= 1 << (index % 64);
                    if matches!(candidate.what, What::Update { of_body: true, .. }) {
                        view.held_against(index, self.tick);
                    }
                    if checked && !matches!(candidate.what, What::Remove(_)) {
                        sum = sum.wrapping_add(history.check_share(view.slot(index)));
                    }
                } else if left > DATAGRAM_BYTES_MAX + DATAGRAM_BYTES_WORTH {
                    full = true;
                    break;
                }
                next += 1;
            }
            if held != 0 {
                view.held(held_word, held, self.tick);
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
