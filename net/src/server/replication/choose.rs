//! What one client is sent this tick: candidates with their size and urgency, and the choice among
//! them when the budget does not take all.
//!
//! Whatever waits grows in priority each tick by its weight (near, moving and fighting weigh more),
//! so that nothing in view starves; removals go first. What the client is known to have is not sent,
//! except about once a second, so that it can tell "unchanged" from "lost".

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, ENTER_BITS, REMOVE_BITS, RemoveReason, gap_bits, update_bits,
};

use super::bands::Bands;
use super::history::{History, Slot};
use super::low::Low;
use super::strings::Strings;
use super::view::{Entry, Kept};
use crate::server::hub_stats::HubStats;

/// Oldest baseline, in datagrams, that is still used; the margin is for the datagrams of one tick.
const BACK_USED_MAX: u32 = 100;
/// Oldest baseline that can be written.
pub(super) const BACK_MAX: u8 = BASELINE_BACK_MAX;
/// How long after a blow, wound or death an entity counts as fighting, ticks.
const FIGHT_TICKS: u32 = 10;
/// How long after one it is sent every tick, however far.
const NEWS_TICKS: u32 = 3;
/// Bits of a frame cell.
const CELL_BITS: usize = 64;
/// Bits of the widest index gap.
const GAP_BITS_MOST: usize = gap_bits(u32::MAX);
/// Bits of an update beside gap and string, at most.
const UPDATE_BITS_MOST: usize = update_bits(0, u8::MAX);
const _: () = assert!(BACK_USED_MAX + 27 <= BACK_MAX as u32);

/// One record that could be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Of an update the delta, of an entering entity its state: see [`super::strings::BitString`].
    pub(super) word: u64,
    pub(super) bits: u16,
    pub(super) index: u16,
    priority: u16,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Remove(RemoveReason),
    Enter,
    /// Against what the datagram so many before the tick's first one held.
    Update {
        back: u8,
    },
}

const _: () = assert!(size_of::<Candidate>() == 16);

impl Candidate {
    /// The more urgent, the lower; of equals the one with the lower index. No two are the same.
    #[inline]
    fn rank(&self) -> u32 {
        u32::from(u16::MAX - self.priority) << 16 | u32::from(self.index)
    }
}

/// The candidates of one client and tick, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    /// The ranks of those that are left, while choosing.
    ranked: Vec<u32>,
    /// At least what the list takes, bits: cheap to know, and mostly enough to know that it fits.
    bits_most: usize,
    /// How far back the datagram lies that has a majority among the updates, if one has; otherwise any
    /// of them (Boyer and Moore, "MJRTY: a fast majority vote algorithm", 1981). 0 = none.
    usual_back: u8,
    lead: u32,
    next_number: Low,
    now: Low,
    tick: u64,
    /// After so many ticks what did not change is sent again, if it was not for a check already.
    refresh_ticks: u32,
    /// Whether this client's datagrams are checked: then what did not change is sent, too.
    checked: bool,
    near_period: u64,
    far_period: u64,
    /// Squares of a quarter and half of the radius, m².
    near2: f64,
    half2: f64,
}

impl Candidates {
    /// The first client of another tick is about to come.
    pub(super) fn begin_tick(&mut self, tick: Tick, bands: &Bands) {
        self.now = Low::of(tick.0);
        self.tick = tick.0;
        self.refresh_ticks = u32::try_from(bands.check_period).unwrap_or(u32::MAX - 1) + 1;
        self.near_period = bands.near_period;
        self.far_period = bands.far_period;
        self.near2 = bands.enter_m * bands.enter_m / 16.0;
        self.half2 = bands.enter_m * bands.enter_m / 4.0;
    }

    /// Starts over for the client whose next datagram has `next_number`.
    pub(super) fn begin(&mut self, next_number: u64, checked: bool) {
        self.list.clear();
        self.bits_most = 0;
        self.usual_back = 0;
        self.lead = 0;
        self.next_number = Low::of(next_number);
        self.checked = checked;
    }

    pub(super) fn remove(&mut self, index: u16, reason: RemoveReason) {
        self.bits_most += REMOVE_BITS + GAP_BITS_MOST;
        self.list.push(Candidate {
            word: 0,
            bits: 0,
            index,
            priority: u16::MAX,
            what: What::Remove(reason),
        });
    }

    /// An entity in view, so far away: a candidate if there is anything to tell about it.
    #[inline(always)]
    pub(super) fn offer(
        &mut self,
        index: u16,
        (entry, kept): (&mut Entry, &Kept),
        (slot, dist2): (&Slot, f64),
        (history, strings): (&History, &mut Strings),
        stats: &mut HubStats,
    ) {
        let slot_number = entry.noted.slot;
        let known = entry.is_known();
        let age = entry.baseline_age(self.now);
        let since_event = slot.event.before(self.now);
        if known {
            let current = age <= slot.changed.before(self.now);
            let fresh = entry.sent_ago(self.now) < self.refresh_ticks;
            let period = if dist2 > self.half2 {
                self.far_period
            } else {
                self.near_period
            };
            let turn =
                || since_event <= NEWS_TICKS || is_turn(self.tick + u64::from(slot_number), period);
            if fresh && !(if current { self.checked } else { turn() }) {
                return;
            }
        }
        let distance = 1 + u16::from(dist2 <= self.half2) + 2 * u16::from(dist2 <= self.near2);
        let urgent = !known || since_event <= FIGHT_TICKS;
        let overdue = known && age > self.refresh_ticks * 3 / 2;
        let weight =
            (distance << u16::from(slot.moving)) + 8 * u16::from(urgent) + 16 * u16::from(overdue);
        entry.priority = entry.priority.saturating_add(weight).min(u16::MAX - 1);
        let back = entry.baseline_back(self.next_number);
        let ages = (age, entry.earlier_age());
        let delta = if known && back <= BACK_USED_MAX {
            let shared = strings.delta(history, slot_number, ages.0, ages.1);
            shared.or_else(|| {
                let kept = kept.get(index, entry)?;
                strings.delta_from(history, slot_number, &kept, ages)
            })
        } else {
            None
        };
        let (what, string) = match delta {
            Some(string) => {
                let back = back as u8;
                self.vote(back);
                self.bits_most += usize::from(string.bits) + UPDATE_BITS_MOST + GAP_BITS_MOST;
                (What::Update { back }, string)
            }
            None => {
                stats.updates_in_full += u64::from(known);
                let string = strings.full(history, slot_number);
                self.bits_most += usize::from(string.bits) + ENTER_BITS + CELL_BITS + GAP_BITS_MOST;
                (What::Enter, string)
            }
        };
        self.list.push(Candidate {
            word: string.word,
            bits: string.bits,
            index,
            priority: entry.priority,
            what,
        });
    }

    #[inline]
    fn vote(&mut self, back: u8) {
        if self.lead == 0 {
            self.usual_back = back;
        }
        if self.usual_back == back {
            self.lead += 1;
        } else {
            self.lead -= 1;
        }
    }

    /// Keeps what fits `room_bits`, the most urgent first, in the order of indices.
    /// `cell_of` tells the frame cell of an entering entity by its index.
    pub(super) fn choose(
        &mut self,
        room_bits: usize,
        cell_of: impl Fn(u16) -> u64,
        stats: &mut HubStats,
    ) {
        let by_index = |candidate: &Candidate| candidate.index;
        if !self.list.is_sorted_by_key(by_index) {
            self.list.sort_unstable_by_key(by_index);
        }
        if self.bits_most <= room_bits {
            return;
        }
        let wanted = self.exact_bits(&cell_of);
        if wanted <= room_bits {
            return;
        }
        stats.budget_limited += 1;
        self.ranked.clear();
        self.ranked.extend(self.list.iter().map(Candidate::rank));
        let mut kept = self.ranked.len() * room_bits / wanted;
        while kept > 0 {
            // Nobody needs the order, only who is in: in a crowd, sorting would be most of the work.
            let (_, last, _) = self.ranked.select_nth_unstable(kept - 1);
            let last = *last;
            self.ranked.truncate(kept);
            self.list.retain(|candidate| candidate.rank() <= last);
            if self.exact_bits(&cell_of) <= room_bits {
                return;
            }
            kept -= 1 + kept / 16;
        }
        self.list.clear();
    }

    /// What the list takes as records of one datagram, bits.
    fn exact_bits(&self, cell_of: impl Fn(u16) -> u64) -> usize {
        let (mut next_index, mut cell, mut bits) = (0, None, 0);
        for candidate in &self.list {
            bits += gap_bits(u32::from(candidate.index - next_index));
            next_index = candidate.index + 1;
            bits += usize::from(candidate.bits);
            bits += match candidate.what {
                What::Remove(_) => REMOVE_BITS,
                What::Enter => {
                    let own = cell_of(candidate.index);
                    let same = cell.replace(own) == Some(own);
                    ENTER_BITS + if same { 0 } else { CELL_BITS }
                }
                What::Update { back } => update_bits(self.usual_back, back),
            };
        }
        bits
    }

    /// What was chosen, indices ascending.
    pub(super) fn chosen(&self) -> &[Candidate] {
        &self.list
    }

    /// How far back the datagram lies that most updates are against; 0 = there is none.
    pub(super) fn usual_back(&self) -> u8 {
        self.usual_back
    }
}

/// Whether it is the turn of `n` among so many: every other, mostly, which needs no division.
#[inline]
fn is_turn(n: u64, period: u64) -> bool {
    match period {
        1 => true,
        2 => n & 1 == 0,
        _ => n.is_multiple_of(period),
    }
}
