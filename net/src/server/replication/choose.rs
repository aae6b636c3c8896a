//! What one client is sent this tick: candidates with their size, and the choice among them when the budget
//! does not take all.
//!
//! Whatever waits for room grows in priority each tick by its weight (near, moving and fighting weigh more),
//! so that nothing in view starves; removals go first. What the client is known to have is not sent,
//! except about once a second, so that it can tell "unchanged" from "lost".

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, ENTER_BITS, REMOVE_BITS, RemoveReason, gap_bits, update_bits,
};

use super::bands::Bands;
use super::budget::Ranking;
use super::glance::Glance;
use super::history::History;
use super::strings::{BitString, Strings};
use super::view::{LANES, View};
use crate::server::hub_stats::HubStats;

/// Oldest baseline, in datagrams, that is still used; the margin is for the datagrams of one tick.
const BACK_USED_MAX: u16 = 100;
/// Beyond this many datagrams a baseline is about to be lost.
const BACK_LATE: u16 = BACK_USED_MAX / 2;
/// Oldest baseline that can be written.
pub(super) const BACK_MAX: u8 = BASELINE_BACK_MAX;
/// Ticks after which nobody can tell how old a baseline is, which is noted by its low 16 bits.
const AGE_KNOWN_MAX: u16 = 1 << 15;
/// How long after a blow, wound or death an entity counts as fighting, ticks.
const FIGHT_TICKS: u8 = 10;
/// Bits of a frame cell.
const CELL_BITS: usize = 64;
/// Bits of the widest index gap.
const GAP_BITS_MOST: usize = gap_bits(u32::MAX);
/// Bits of an update beside gap and string, at most.
const UPDATE_BITS_MOST: usize = update_bits(0, u8::MAX);
/// Bits of a record beside its string, at least.
const RECORD_BITS_LEAST: usize = gap_bits(0) + update_bits(1, 1);
const _: () = assert!(BACK_USED_MAX + 27 <= BACK_MAX as u16);

/// What gaps take, bits: of the small ones without asking how small they are, which nobody can foresee.
const SMALL_GAPS: [u8; 64] = {
    let (mut bits, mut gap) = ([0; 64], 0);
    while gap < bits.len() {
        bits[gap] = gap_bits(gap as u32) as u8;
        gap += 1;
    }
    bits
};

#[inline]
fn bits_of_gap(gap: u16) -> usize {
    match SMALL_GAPS.get(usize::from(gap)) {
        Some(&bits) => usize::from(bits),
        None => gap_bits(u32::from(gap)),
    }
}

/// One record that could be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Of an update the delta, of an entering entity its state: see [`super::strings::BitString`].
    pub(super) word: u64,
    pub(super) bits: u16,
    pub(super) index: u16,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Remove(RemoveReason),
    Enter,
    /// Against what the datagram so many before the tick's first one held.
    Update {
        back: u8,
        /// Whether it matters what that was a delta against.
        of_body: bool,
    },
}

const _: () = assert!(size_of::<Candidate>() == 16);

/// The candidates of one client and tick, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// In the order of indices.
    list: Vec<Candidate>,
    /// Those that a budget takes, while choosing.
    taken: Vec<Candidate>,
    ranking: Ranking,
    /// Of the view's indices, 64 at a time, those that are due if they are known.
    pub(super) due: Vec<u64>,
    /// At least what the list takes, bits: cheap to know, and mostly enough to know that it fits.
    bits_most: usize,
    /// What its strings take, bits.
    string_bits: usize,
    /// How far back the datagram lies that has a majority among the updates, if one has; otherwise any
    /// of them (Boyer and Moore, "MJRTY: a fast majority vote algorithm", 1981). 0 = none.
    usual_back: u8,
    lead: u32,
    next_number: u16,
    now: u16,
    /// After so many ticks what did not change is sent again, if it was not for a check already.
    pub(super) refresh_ticks: u16,
}

impl Candidates {
    /// The first client of another tick is about to come.
    pub(super) fn begin_tick(&mut self, tick: Tick, bands: &Bands) {
        self.now = tick.0 as u16;
        let period = u16::try_from(bands.check_period).unwrap_or(u16::MAX);
        self.refresh_ticks = period.min(AGE_KNOWN_MAX / 2) + 1;
    }

    /// Starts over for the client whose next datagram has `next_number`.
    pub(super) fn begin(&mut self, next_number: u64) {
        self.list.clear();
        self.due.clear();
        self.bits_most = 0;
        self.string_bits = 0;
        self.usual_back = 0;
        self.lead = 0;
        self.next_number = next_number as u16;
    }

    /// Lists whatever there is to tell the client about.
    pub(super) fn gather(
        &mut self,
        view: &mut View,
        history: &History,
        strings: &mut Strings,
        stats: &mut HubStats,
    ) {
        for word in 0..view.stages.len() {
            let stages = view.stages[word];
            let due = self.due.get(word).copied().unwrap_or(0);
            let known = stages.known & due;
            let mut rest = known | stages.entering | stages.leaving;
            self.list.reserve(LANES);
            while rest != 0 {
                let lane = rest.trailing_zeros() as u16;
                rest &= rest - 1;
                let index = (word * LANES) as u16 + lane;
                if known >> lane & 1 == 1 {
                    self.offer_known(index, view, history, strings, stats);
                } else if stages.leaving >> lane & 1 == 1 {
                    self.remove(index, view.reason(index));
                } else {
                    let string = strings.full(history, view.slot(index));
                    self.offer_in_full(index, string);
                }
            }
        }
    }

    fn remove(&mut self, index: u16, reason: RemoveReason) {
        self.bits_most += REMOVE_BITS + GAP_BITS_MOST;
        self.list.push(Candidate {
            word: 0,
            bits: 0,
            index,
            what: What::Remove(reason),
        });
    }

    /// A known entity that there is something to tell about.
    #[inline(always)]
    fn offer_known(
        &mut self,
        index: u16,
        view: &mut View,
        history: &History,
        strings: &mut Strings,
        stats: &mut HubStats,
    ) {
        let slot = view.slot(index);
        let age = self.now.wrapping_sub(view.acked_ticks[usize::from(index)]);
        let acked_number = view.acked_numbers[usize::from(index)];
        let back = self.next_number.wrapping_sub(acked_number);
        if back <= BACK_USED_MAX {
            let earlier = view.earlier(index);
            let shared = strings.delta(history, slot, age, earlier);
            let string = shared.or_else(|| {
                let kept = view.kept(index)?;
                strings.delta_from(history, slot, &kept, (age, earlier))
            });
            if let Some(string) = string {
                let back = back as u8;
                let of_body = history.pulses()[slot as usize].is_body();
                self.vote(back);
                self.string_bits += usize::from(string.bits);
                self.bits_most += usize::from(string.bits) + UPDATE_BITS_MOST + GAP_BITS_MOST;
                self.list.push(Candidate {
                    word: string.word,
                    bits: string.bits,
                    index,
                    what: What::Update { back, of_body },
                });
                return;
            }
        }
        stats.updates_in_full += 1;
        if age >= AGE_KNOWN_MAX {
            view.forget_baseline(index);
        }
        let string = strings.full(history, slot);
        self.offer_in_full(index, string);
    }

    fn offer_in_full(&mut self, index: u16, string: BitString) {
        self.string_bits += usize::from(string.bits);
        self.bits_most += usize::from(string.bits) + ENTER_BITS + CELL_BITS + GAP_BITS_MOST;
        self.list.push(Candidate {
            word: string.word,
            bits: string.bits,
            index,
            what: What::Enter,
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
    pub(super) fn choose(
        &mut self,
        room_bits: usize,
        view: &mut View,
        history: &History,
        stats: &mut HubStats,
    ) {
        if self.bits_most <= room_bits {
            return;
        }
        let usual_back = self.usual_back;
        let slots = &view.slots;
        let cell_of = |index: u16| history.state(slots[usize::from(index)]).cell;
        // Most often it is clear that they do not fit.
        let at_least = self.string_bits + self.list.len() * RECORD_BITS_LEAST;
        let fits =
            at_least <= room_bits && Self::exact_bits(&self.list, usual_back, cell_of) <= room_bits;
        if fits {
            return;
        }
        stats.budget_limited += 1;
        self.rank(view, history);
        let cell_of = |index: u16| history.state(view.slot(index)).cell;
        let mut aim_bits = room_bits;
        loop {
            self.ranking.cut(aim_bits);
            self.ranking.take(&self.list, &mut self.taken);
            let bits = Self::exact_bits(&self.taken, usual_back, cell_of);
            if bits <= room_bits {
                break;
            }
            // Whatever the estimate missed, and a little: the aim gets lower until nothing is left.
            aim_bits = aim_bits.saturating_sub(bits - room_bits + room_bits / 256 + 1);
        }
        std::mem::swap(&mut self.list, &mut self.taken);
    }

    /// Lets everybody's priority grow, and ranks them by it.
    fn rank(&mut self, view: &mut View, history: &History) {
        let overdue_ticks = self.refresh_ticks * 3 / 2;
        let span = self.list.last().map_or(0, |last| last.index + 1);
        self.ranking.begin(span);
        for candidate in &self.list {
            let at = usize::from(candidate.index);
            let extra_bits = match candidate.what {
                What::Remove(_) => {
                    self.ranking.first(REMOVE_BITS);
                    continue;
                }
                What::Enter => ENTER_BITS,
                What::Update { back, .. } => update_bits(self.usual_back, back),
            };
            // A view so large that it takes many datagrams a tick gets around to everybody rarely. Whose
            // baseline is lost meanwhile costs ten times as much, and with few of those nobody's turn
            // comes in time any more: so those whose baseline is about to be lost come first.
            let fading = match candidate.what {
                What::Update { back, .. } if u16::from(back) > BACK_LATE => {
                    // Unless it was sent not long ago, and the acknowledgement is on its way.
                    let age = self.now.wrapping_sub(view.acked_ticks[at]);
                    self.now.wrapping_sub(view.sent[at]) >= age / 2
                }
                _ => false,
            };
            if fading {
                self.ranking.first(extra_bits + usize::from(candidate.bits));
                continue;
            }
            let pulse = history.pulses()[view.slots[at] as usize];
            let known = view.is_known(candidate.index);
            let urgent = !known || pulse.since_event <= FIGHT_TICKS;
            let overdue = known && self.now.wrapping_sub(view.acked_ticks[at]) > overdue_ticks;
            let weight = (view.bands[at].weight() << u16::from(pulse.moves()))
                + 8 * u16::from(urgent)
                + 16 * u16::from(overdue);
            let priority = view.priority[at].saturating_add(weight);
            view.priority[at] = priority;
            self.ranking
                .add(priority, extra_bits + usize::from(candidate.bits));
        }
    }

    /// What a list takes as records of one datagram, bits.
    fn exact_bits(list: &[Candidate], usual_back: u8, cell_of: impl Fn(u16) -> u64) -> usize {
        let (mut next_index, mut cell, mut bits) = (0, None, 0);
        for candidate in list {
            bits += bits_of_gap(candidate.index - next_index);
            next_index = candidate.index + 1;
            bits += usize::from(candidate.bits);
            bits += match candidate.what {
                What::Remove(_) => REMOVE_BITS,
                What::Enter => {
                    let own = cell_of(candidate.index);
                    let same = cell.replace(own) == Some(own);
                    ENTER_BITS + if same { 0 } else { CELL_BITS }
                }
                What::Update { back, .. } => update_bits(usual_back, back),
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

    /// How to go through a view.
    pub(super) fn glance<'a>(
        &self,
        history: &'a History,
        own_way_mm: u32,
        checked: bool,
    ) -> Glance<'a> {
        Glance {
            pulses: history.pulses(),
            own_way_mm,
            now: self.now,
            refresh_ticks: self.refresh_ticks,
            checked,
        }
    }
}
