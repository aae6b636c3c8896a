//! What one client is sent this tick: candidates with their size and urgency, and the choice among
//! them when the budget does not take all.
//!
//! Whatever waits grows in priority each tick by its weight (near, moving and fighting weigh more),
//! so that nothing in view starves; removals go first. What the client is known to have is not sent,
//! except once a second, so that it can tell "unchanged" from "lost".

use std::cmp::Reverse;

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::codec::{BASELINE_BACK_MAX, RemoveReason};

use super::history::History;
use super::strings::{BitString, Strings};
use super::view::Entry;
use crate::server::hub_config::Interest;
use crate::server::hub_stats::HubStats;

/// Oldest baseline, in datagrams, that is still used; the margin is for the datagrams of one tick.
const BACK_USED_MAX: u64 = 100;
/// Oldest baseline that can be written.
pub(super) const BACK_MAX: u8 = BASELINE_BACK_MAX;
/// How long after a blow, wound or death an entity counts as fighting, ticks.
const FIGHT_TICKS: u64 = 10;
/// How long after one it is sent every tick, however far.
const NEWS_TICKS: u64 = 3;
/// Bits of a record beside its bit string, about: index gap and kind.
const OVERHEAD_BITS: usize = 5;
/// Bits of a removal, about.
const REMOVE_BITS: usize = 8;
/// Bits of an entering record beside its string, about: id, kind, sometimes a cell.
const ENTER_BITS: usize = 76;
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
    Enter { slot: u32, string: BitString },
    Update { baseline: u64, string: BitString },
}

/// The candidates of one client and tick, in memory that is kept.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    bits: usize,
    next_number: u64,
    tick: Tick,
    refresh_ticks: u64,
    far_period: u64,
    /// Squares of a quarter and half of the radius, m².
    near2: f64,
    half2: f64,
}

impl Candidates {
    /// Starts over for the client whose next datagram has `next_number`.
    pub(super) fn begin(
        &mut self,
        next_number: u64,
        tick: Tick,
        tick_hz: u32,
        interest: &Interest,
    ) {
        self.list.clear();
        self.bits = 0;
        self.next_number = next_number;
        self.tick = tick;
        self.refresh_ticks = u64::from(tick_hz);
        self.far_period = u64::from(interest.far_period_ticks.max(1));
        self.near2 = interest.enter_m * interest.enter_m / 16.0;
        self.half2 = interest.enter_m * interest.enter_m / 4.0;
    }

    pub(super) fn remove(&mut self, index: u16, reason: RemoveReason) {
        self.bits += REMOVE_BITS;
        self.list.push(Candidate {
            index,
            priority: u32::MAX,
            what: What::Remove(reason),
        });
    }

    /// An entity in view: a candidate if there is anything to tell about it.
    #[inline]
    pub(super) fn offer(
        &mut self,
        index: u16,
        entry: &mut Entry,
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
            let turn = (self.tick.0 + u64::from(slot_number)).is_multiple_of(self.far_period);
            let news = self.tick.since(slot.event) <= NEWS_TICKS;
            if fresh && (current || (dist2 > self.half2 && !turn && !news)) {
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
        let weight = distance * (1 + u32::from(slot.moving)) + if urgent { 8 } else { 0 };
        entry.priority = entry.priority.saturating_add(weight).min(u32::MAX - 1);
        let newest_number = entry.acked.map(|(number, _)| number);
        let delta = entry
            .acked
            .filter(|(number, _)| self.next_number - number <= BACK_USED_MAX)
            .and_then(|(_, tick)| strings.delta(history, slot_number, tick));
        let what = match (delta, newest_number) {
            (Some(string), Some(baseline)) => {
                self.bits += string.bits as usize + OVERHEAD_BITS;
                What::Update { baseline, string }
            }
            _ => {
                stats.updates_in_full += u64::from(newest_number.is_some());
                let string = strings.full(history, slot_number);
                self.bits += string.bits as usize + ENTER_BITS;
                What::Enter {
                    slot: slot_number,
                    string,
                }
            }
        };
        self.list.push(Candidate {
            index,
            priority: entry.priority,
            what,
        });
    }

    /// Keeps what fits `budget_bits`, the most urgent first, in the order of indices.
    pub(super) fn choose(&mut self, budget_bits: usize, stats: &mut HubStats) {
        if self.bits > budget_bits {
            stats.budget_limited += 1;
            self.list
                .sort_unstable_by_key(|candidate| (Reverse(candidate.priority), candidate.index));
            let mut used = 0;
            let fitting = self.list.iter().take_while(|candidate| {
                used += candidate.bits();
                used <= budget_bits
            });
            let fitting = fitting.count();
            self.list.truncate(fitting);
        }
        if !self.list.is_sorted_by_key(|candidate| candidate.index) {
            self.list.sort_unstable_by_key(|candidate| candidate.index);
        }
    }

    /// What was chosen, indices ascending.
    pub(super) fn chosen(&self) -> &[Candidate] {
        &self.list
    }

    /// The datagram that most updates are against, if one has a majority; otherwise any of them
    /// (Boyer and Moore, "MJRTY: a fast majority vote algorithm", 1981).
    pub(super) fn usual_baseline(&self) -> u64 {
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

impl Candidate {
    /// About how many bits its record takes.
    fn bits(&self) -> usize {
        match self.what {
            What::Remove(_) => REMOVE_BITS,
            What::Enter { string, .. } => string.bits as usize + ENTER_BITS,
            What::Update { string, .. } => string.bits as usize + OVERHEAD_BITS,
        }
    }
}
