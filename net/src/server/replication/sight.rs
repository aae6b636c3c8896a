//! Who is in view: nearer than the radius to come in, farther than a larger one to go out, and allowed to be
//! seen.
//!
//! Exact in every tick, without looking at everybody in every tick. Who was looked at is looked at again
//! once the two have come as far on their ways as the nearest border was away ([`super::pulse`]). Who is
//! outside is searched for in a circle a little wider than the radius: until somebody can have crossed what
//! lies between, only who was found there has to be asked, and who leaps.

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::codec::RemoveReason;
use bluemarble_spatial::{CellGrid, Level, Nearby};
use glam::DVec3;

use super::bands::Bands;
use super::glance::Glance;
use super::history::{History, SlotRef};
use super::pulse::{MARGIN_MAX_MM, Pulse, WAYS_COMPARE_TICKS, way_of};
use super::view::{Bits, LANES, View};
use crate::server::hub_stats::HubStats;

/// How much of the radius a search reaches farther, at most; never farther than where who is seen leaves, so
/// that nobody who left has to be remembered.
const REACH_SHARE: f64 = 1.0 / 16.0;
/// If more than so many leap in a tick, searching is cheaper than asking each of them.
const LEAPERS_MAX: usize = 32;
/// A margin counts for so much less, since ways are rounded up ([`way_of`]).
const SLACK_MM: u32 = 4;

/// How far off somebody is, coarsely: whose turns are theirs, and how much they weigh.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Band(u8);

impl Band {
    const FAR: Self = Self(Pulse::FAR_TURN | 1 << 2);
    /// Within half of the radius.
    const HALF: Self = Self(Pulse::NEAR_TURN | 2 << 2);
    /// Within a quarter of it.
    const NEAR: Self = Self(Pulse::NEAR_TURN | 4 << 2);

    /// Whose turns these are.
    #[inline]
    pub(super) fn turns(self) -> u8 {
        self.0 & (Pulse::NEAR_TURN | Pulse::FAR_TURN)
    }

    /// The nearer, the more.
    #[inline]
    pub(super) fn weight(self) -> u16 {
        u16::from(self.0 >> 2)
    }
}

/// Where one client looks from, and what it may see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eyes<'a> {
    pub(super) avatar: SlotRef,
    pub(super) layers: u32,
    pub(super) bands: &'a Bands,
    /// Another one when these are other bands.
    pub(super) bands_serial: u32,
    pub(super) history: &'a History,
    pub(super) tick: Tick,
}

/// What a view remembers of having looked.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// When, from where, for which layers and with which bands.
    last: Option<(Tick, SlotRef, u32, u32)>,
    /// How far the avatar, and who strides, had come at the last search.
    searched_mm: Option<(u32, u32)>,
    /// Who is not in view and was found by the last search, or leapt to where it would have been.
    outside: Vec<SlotRef>,
}

impl Eyes<'_> {
    fn pos(&self) -> DVec3 {
        self.history.slot(self.avatar.slot).pos
    }

    /// How far the avatar has come.
    pub(super) fn way_mm(&self) -> u32 {
        self.history.pulses()[self.avatar.slot as usize].way_mm
    }

    /// Looks at those of 64 indices that are in view, and whose bits are set: they leave, or it is noted how
    /// far off they are now. The bits of those who stay.
    fn look_again(&self, view: &mut View, word: usize, which: u64) -> u64 {
        let mut stayed = 0;
        for lane in Bits(which & view.stages[word].seen()) {
            let index = (word * LANES) as u16 + lane;
            match self.look_at(view.noted(index)) {
                Ok(dist2) => {
                    self.note(view, index, dist2);
                    stayed |= 1 << lane;
                }
                Err(reason) => view.leave(index, reason),
            }
        }
        stayed
    }

    /// Whether nothing that was noted when it was looked last holds any more.
    fn begin(&self, sight: &mut Sight) -> bool {
        let present = (self.tick, self.avatar, self.layers, self.bands_serial);
        let Some((tick, avatar, layers, serial)) = sight.last.replace(present) else {
            return true;
        };
        let same = (avatar, layers, serial) == (self.avatar, self.layers, self.bands_serial);
        if !same || tick != self.history.tick_before() {
            sight.searched_mm = None;
        }
        !same || self.tick.0.saturating_sub(tick.0) >= WAYS_COMPARE_TICKS
    }

    /// How far off somebody in view is now, m², or why it is not in view any more.
    fn look_at(&self, noted: SlotRef) -> Result<f64, RemoveReason> {
        let slot = self.history.get(noted).ok_or(RemoveReason::Gone)?;
        if slot.audience & self.layers == 0 {
            return Err(RemoveReason::Hidden);
        }
        let dist2 = slot.pos.distance_squared(self.pos());
        if dist2 <= self.bands.exit_m * self.bands.exit_m {
            Ok(dist2)
        } else {
            Err(RemoveReason::OutOfView)
        }
    }

    /// Takes note of how far off somebody in view is, and of when that must be asked again.
    fn note(&self, view: &mut View, index: u16, dist2: f64) {
        let (half_m, near_m) = (self.bands.enter_m / 2.0, self.bands.enter_m / 4.0);
        let at = usize::from(index);
        view.bands[at] = if dist2 <= near_m * near_m {
            Band::NEAR
        } else if dist2 <= half_m * half_m {
            Band::HALF
        } else {
            Band::FAR
        };
        let dist_m = dist2.sqrt();
        let borders = [near_m, half_m, self.bands.exit_m].map(|border| (border - dist_m).abs());
        let margin_m = borders.into_iter().fold(f64::INFINITY, f64::min);
        let margin_mm = way_of(margin_m).min(MARGIN_MAX_MM).saturating_sub(SLACK_MM);
        let its_mm = self.history.pulses()[view.slot(index) as usize].way_mm;
        // Who does not move at all need not be looked at, however near to a border: so at least 1.
        view.look_at_mm[at] = (self.way_mm().wrapping_add(its_mm)).wrapping_add(margin_mm.max(1));
    }

    fn enter(&self, view: &mut View, noted: SlotRef, dist2: f64) -> bool {
        let entered = view.enter(noted);
        if let Some(index) = entered {
            self.note(view, index, dist2);
        }
        entered.is_some()
    }
}

/// Where everybody is, for those who search.
#[derive(Debug)]
pub(super) struct Lookout {
    grid: CellGrid,
    grid_level: Level,
    /// Row numbers, which stand in for ids in the grid: rows come in the order of the frames.
    row_numbers: Vec<u64>,
    near: Nearby,
    /// Per slot, the last search of this tick, counted from 1, whose client has it in view already.
    found: Vec<u32>,
    pass: u32,
}

impl Lookout {
    pub(super) fn new(grid_level: Level) -> Self {
        Self {
            grid: CellGrid::default(),
            grid_level,
            row_numbers: Vec::new(),
            near: Nearby::default(),
            found: Vec::new(),
            pass: 0,
        }
    }

    /// Another tick.
    pub(super) fn rebuild(&mut self, history: &History) {
        self.found.clear();
        self.found.resize(history.slots_len(), 0);
        self.pass = 0;
        let positions = history.present().1;
        let known = self.row_numbers.len();
        self.row_numbers
            .extend(known as u64..positions.len() as u64);
        let numbers = &self.row_numbers[..positions.len()];
        self.grid.rebuild(self.grid_level, positions, numbers);
    }

    /// Brings a view up to date with who is near. Adds to `due`, 64 indices at a time, who is due if it is known.
    pub(super) fn look(
        &mut self,
        view: &mut View,
        eyes: &Eyes<'_>,
        glance: &Glance<'_>,
        due: &mut Vec<u64>,
        stats: &mut HubStats,
    ) {
        let anew = eyes.begin(&mut view.sight);
        for word in 0..view.stages.len() {
            let (mut is_due, look) = glance.over(view, word);
            let look = if anew { u64::MAX } else { look };
            for lane in Bits(eyes.look_again(view, word, look)) {
                // Perhaps it is in another band now.
                let index = (word * LANES) as u16 + lane;
                is_due = is_due & !(1 << lane) | u64::from(glance.is_due(view, index)) << lane;
            }
            due.push(is_due);
        }
        self.welcome(view, eyes, stats);
    }

    /// Takes into view who has come near enough.
    fn welcome(&mut self, view: &mut View, eyes: &Eyes<'_>, stats: &mut HubStats) {
        let bands = eyes.bands;
        let reach_m = (bands.exit_m - bands.enter_m).min(bands.enter_m * REACH_SHARE);
        let reach_mm = way_of(reach_m.max(0.0)).saturating_sub(SLACK_MM);
        let mut sight = std::mem::take(&mut view.sight);
        let ways = (eyes.way_mm(), eyes.history.strides_mm());
        let is_covered = sight.searched_mm.is_some_and(|(own, strides)| {
            let own = u64::from(ways.0.wrapping_sub(own));
            own + u64::from(ways.1.wrapping_sub(strides)) < u64::from(reach_mm)
        });
        if is_covered && eyes.history.leapers().len() <= LEAPERS_MAX {
            ask_outside(&mut sight, view, eyes, stats);
            ask_leapers(&mut sight, view, eyes, bands.enter_m + reach_m, stats);
        } else {
            sight.searched_mm = Some(ways);
            self.search(&mut sight, view, eyes, bands.enter_m + reach_m, stats);
        }
        view.sight = sight;
    }

    fn search(
        &mut self,
        sight: &mut Sight,
        view: &mut View,
        eyes: &Eyes<'_>,
        radius_m: f64,
        stats: &mut HubStats,
    ) {
        self.pass += 1;
        self.found[eyes.avatar.slot as usize] = self.pass;
        for (stages, slots) in view.stages.iter().zip(view.slots.chunks(LANES)) {
            for lane in Bits(stages.seen()) {
                self.found[slots[usize::from(lane)] as usize] = self.pass;
            }
        }
        sight.outside.clear();
        let present = eyes.history.present().0;
        let enter2 = eyes.bands.enter_m * eyes.bands.enter_m;
        for other in self.grid.near(eyes.pos(), radius_m, &mut self.near) {
            let slot = present[other.row as usize];
            if self.found[slot as usize] == self.pass {
                continue;
            }
            let facts = eyes.history.slot(slot);
            if facts.audience & eyes.layers == 0 {
                continue;
            }
            let generation = facts.generation;
            let noted = SlotRef { slot, generation };
            let is_near = other.dist2_m2 <= enter2;
            if !(is_near && eyes.enter(view, noted, other.dist2_m2)) {
                stats.view_full += u64::from(is_near);
                sight.outside.push(noted);
            }
        }
    }
}

/// Asks those whom the last search found outside.
fn ask_outside(sight: &mut Sight, view: &mut View, eyes: &Eyes<'_>, stats: &mut HubStats) {
    let (pos, enter2) = (eyes.pos(), eyes.bands.enter_m * eyes.bands.enter_m);
    sight.outside.retain(|&noted| {
        let Some(slot) = eyes.history.get(noted) else {
            return false;
        };
        if slot.audience & eyes.layers == 0 {
            // When that changes, it leaps.
            return false;
        }
        let dist2 = slot.pos.distance_squared(pos);
        if dist2 > enter2 {
            return true;
        }
        let entered = eyes.enter(view, noted, dist2);
        stats.view_full += u64::from(!entered);
        !entered
    });
}

/// Asks those who are somewhere all of a sudden.
fn ask_leapers(
    sight: &mut Sight,
    view: &mut View,
    eyes: &Eyes<'_>,
    radius_m: f64,
    stats: &mut HubStats,
) {
    let (pos, enter2) = (eyes.pos(), eyes.bands.enter_m * eyes.bands.enter_m);
    for &slot in eyes.history.leapers() {
        let facts = eyes.history.slot(slot);
        let dist2 = facts.pos.distance_squared(pos);
        let generation = facts.generation;
        let noted = SlotRef { slot, generation };
        let is_seen = facts.audience & eyes.layers != 0 && dist2 <= radius_m * radius_m;
        let is_known = |view: &View| view.seen().any(|seen| seen.slot == slot);
        let is_own = slot == eyes.avatar.slot;
        if !is_seen || is_own || sight.outside.contains(&noted) || is_known(view) {
            continue;
        }
        let is_near = dist2 <= enter2;
        if !(is_near && eyes.enter(view, noted, dist2)) {
            stats.view_full += u64::from(is_near);
            sight.outside.push(noted);
        }
    }
}

#[cfg(test)]
mod tests;
