//! What one client is sent this tick: candidates with their size and urgency, and the choice among
//! them when the budget does not take all.
//!
//! Whatever waits grows in priority each tick by its weight (near, moving and fighting weigh more),
//! so that nothing in view starves; removals go first. What the client is known to have is not sent,
//! except about once a second, so that it can tell "unchanged" from "lost".

use std::cmp::Reverse;

use bluemarble_shared_protocol::codec::{
    BASELINE_BACK_MAX, ENTER_BITS, REMOVE_BITS, RemoveReason, gap_bits, update_bits,
};
use bluemarble_shared_protocol::{Tick, WireEntity};

use super::bands::Bands;
use super::history::History;
use super::strings::{BitString, Strings};
use super::view::Entry;
use crate::server::hub_stats::HubStats;

/// Oldest baseline, in datagrams, that is still used; the margin is for the datagrams of one tick.
const BACK_USED_MAX: u64 = 100;
/// Oldest baseline that can be written.
pub(super) const BACK_MAX: u8 = BASELINE_BACK_MAX;
/// How long after a blow, wound or death an entity counts as fighting, ticks.
const FIGHT_TICKS: u64 = 10;
/// How long after one it is sent every tick, however far.
const NEWS_TICKS: u64 = 3;
/// Bits of a frame cell.
const CELL_BITS: usize = 64;
/// Bits of the widest index gap.
const GAP_BITS_MOST: usize = gap_bits(u32::MAX);
/// Bits of an update beside gap and string, at most.
const UPDATE_BITS_MOST: usize = update_bits(0, u8::MAX);
const _: () = assert!(BACK_USED_MAX + 27 <= BACK_MAX as u64);

/// One record that could be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) index: u16,
    priority: u32,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Remove(RemoveReason),
    Enter {
        slot: u32,
        cell: u64,
        string: BitString,
    },
    Update {
        baseline: u64,
        against: Tick,
        string: BitString,
    },
}

impl Candidate {
    /// The tick whose state it is a delta against; `None` if it is sent in full.
    pub(super) fn against(&self) -> Option<Tick> {
        match self.what {
            What::Update { against, .. } => Some(against),
            What::Enter { .. } | What::Remove(_) => None,
        }
    }
}

/// The candidates of one client and tick, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    /// By urgency, while choosing.
    ranked: Vec<Candidate>,
    /// At least what the list takes, bits: cheap to know, and mostly enough to know that it fits.
    bits_most: usize,
    /// The datagram most of them are against.
    usual: u64,
    next_number: u64,
    tick: Tick,
    /// After so many ticks what did not change is sent again, if it was not for a check already.
    refresh_ticks: u64,
    /// Whether this tick's datagrams are checked: then what did not change is sent, too.
    checked: bool,
    near_period: u64,
    far_period: u64,
    /// Squares of a quarter and half of the radius, m².
    near2: f64,
    half2: f64,
}

impl Candidates {
    /// Starts over for the client whose next datagram has `next_number`.
    pub(super) fn begin(&mut self, next_number: u64, tick: Tick, checked: bool, bands: &Bands) {
        self.list.clear();
        self.bits_most = 0;
        self.next_number = next_number;
        self.tick = tick;
        self.refresh_ticks = bands.check_period + 1;
        self.checked = checked;
        self.near_period = bands.near_period;
        self.far_period = bands.far_period;
        self.near2 = bands.enter_m * bands.enter_m / 16.0;
        self.half2 = bands.enter_m * bands.enter_m / 4.0;
    }

    pub(super) fn remove(&mut self, index: u16, reason: RemoveReason) {
        self.bits_most += REMOVE_BITS + GAP_BITS_MOST;
        self.list.push(Candidate {
            index,
            priority: u32::MAX,
            what: What::Remove(reason),
        });
    }

    /// An entity in view: a candidate if there is anything to tell about it. `kept` is its baseline
    /// if that may be older than the history.
    #[inline]
    pub(super) fn offer(
        &mut self,
        index: u16,
        (entry, kept): (&mut Entry, Option<WireEntity>),
        dist2: f64,
        history: &History,
        strings: &mut Strings,
        stats: &mut HubStats,
    ) {
        let slot_number = entry.noted.slot;
        let slot = history.slot(slot_number);
        if let Some((_, acked)) = entry.acked {
            let current = acked >= slot.changed;
            let fresh = entry
                .sent
                .is_some_and(|sent| self.tick.since(sent) < self.refresh_ticks);
            let period = if dist2 > self.half2 {
                self.far_period
            } else {
                self.near_period
            };
            let turn = (self.tick.0 + u64::from(slot_number)).is_multiple_of(period);
            let news = self.tick.since(slot.event) <= NEWS_TICKS;
            let due = if current { self.checked } else { turn || news };
            if fresh && !due {
                return;
            }
        }
        let distance = if dist2 <= self.near2 {
            4
        } else if dist2 <= self.half2 {
            2
        } else {
            1
        };
        let fighting = self.tick.since(slot.event) <= FIGHT_TICKS;
        let urgent = fighting || entry.acked.is_none();
        let overdue = entry
            .acked
            .is_some_and(|(_, acked)| self.tick.since(acked) > self.refresh_ticks * 3 / 2);
        let weight = distance * (1 + u32::from(slot.moving))
            + if urgent { 8 } else { 0 }
            + if overdue { 16 } else { 0 };
        entry.priority = entry.priority.saturating_add(weight).min(u32::MAX - 1);
        let delta = entry
            .acked
            .filter(|(number, _)| self.next_number - number <= BACK_USED_MAX)
            .and_then(|(_, tick)| {
                let earlier = entry.acked_against;
                strings
                    .delta(history, slot_number, tick, earlier)
                    .or_else(|| {
                        let kept = kept.as_ref()?;
                        strings.delta_from(history, slot_number, kept, tick, earlier)
                    })
            });
        let what = match (delta, entry.acked) {
            (Some(string), Some((baseline, against))) => What::Update {
                baseline,
                against,
                string,
            },
            _ => {
                stats.updates_in_full += u64::from(entry.acked.is_some());
                What::Enter {
                    slot: slot_number,
                    cell: history.state(slot_number).cell,
                    string: strings.full(history, slot_number),
                }
            }
        };
        self.bits_most += match what {
            What::Remove(_) => REMOVE_BITS,
            What::Enter { string, .. } => string.bits as usize + ENTER_BITS + CELL_BITS,
            What::Update { string, .. } => string.bits as usize + UPDATE_BITS_MOST,
        } + GAP_BITS_MOST;
        self.list.push(Candidate {
            index,
            priority: entry.priority,
            what,
        });
    }

    /// Keeps what fits `room_bits`, the most urgent first, in the order of indices.
    pub(super) fn choose(&mut self, room_bits: usize, stats: &mut HubStats) {
        self.usual = self.most_frequent_baseline();
        let by_index = |candidate: &Candidate| candidate.index;
        if !self.list.is_sorted_by_key(by_index) {
            self.list.sort_unstable_by_key(by_index);
        }
        if self.bits_most <= room_bits {
            return;
        }
        let wanted = self.exact_bits();
        if wanted <= room_bits {
            return;
        }
        stats.budget_limited += 1;
        self.ranked.clone_from(&self.list);
        self.ranked
            .sort_unstable_by_key(|candidate| (Reverse(candidate.priority), candidate.index));
        let mut kept = self.ranked.len() * room_bits / wanted;
        loop {
            self.list.clear();
            self.list.extend_from_slice(&self.ranked[..kept]);
            self.list.sort_unstable_by_key(by_index);
            if self.exact_bits() <= room_bits {
                return;
            }
            kept -= 1 + kept / 16;
        }
    }

    /// What the list takes as records of one datagram, bits.
    fn exact_bits(&self) -> usize {
        let (mut next_index, mut cell, mut bits) = (0, None, 0);
        for candidate in &self.list {
            bits += gap_bits(u32::from(candidate.index - next_index));
            next_index = candidate.index + 1;
            bits += match candidate.what {
                What::Remove(_) => REMOVE_BITS,
                What::Enter {
                    string, cell: own, ..
                } => {
                    let same = cell.replace(own) == Some(own);
                    string.bits as usize + ENTER_BITS + if same { 0 } else { CELL_BITS }
                }
                What::Update {
                    baseline, string, ..
                } => string.bits as usize + self.update_bits(baseline),
            };
        }
        bits
    }

    fn update_bits(&self, baseline: u64) -> usize {
        let back = |number: u64| u8::try_from(self.next_number - number).unwrap_or(u8::MAX);
        update_bits(back(self.usual), back(baseline))
    }

    /// What was chosen, indices ascending.
    pub(super) fn chosen(&self) -> &[Candidate] {
        &self.list
    }

    /// The datagram that most updates are against.
    pub(super) fn usual_baseline(&self) -> u64 {
        self.usual
    }

    /// The baseline that has a majority, if one has; otherwise any of them (Boyer and Moore,
    /// "MJRTY: a fast majority vote algorithm", 1981).
    fn most_frequent_baseline(&self) -> u64 {
        let (mut usual, mut lead) = (0, 0_u32);
        for candidate in &self.list {
            let What::Update { baseline, .. } = candidate.what else {
                continue;
            };
            if lead == 0 {
                usual = baseline;
            }
            if usual == baseline {
                lead += 1;
            } else {
                lead -= 1;
            }
        }
        usual
    }
}
