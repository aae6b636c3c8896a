//! Keeping zones even while the load moves: small changes, only when they are worth it.
//!
//! It cannot churn. Under a constant load every relief replaces some zones, the busiest of which
//! is above the threshold, by zones that all have less than that one, so that the loads in
//! descending order fall from proposal to proposal as words do in a dictionary backwards; merges
//! that no relief needs make zones fewer and none busy. Both can happen only finitely often, and
//! then nothing is proposed. Under a changing load the gap between the two thresholds must be
//! crossed anew, and a changed boundary rests for some proposals.
//!
//! With a number of zones, what counts is the busiest: a step is over when that one is. So zones are
//! relieved from the busiest down, and at the first that cannot be relieved (a crowd in a single cell,
//! a boundary that rests) it ends: to even out those behind it would cost departures and gain nothing.
//! Hence every proposal that changes anything, with as many zones as there should be, leaves fewer
//! zones within `gain_permille` of what the busiest was; where a proposal has room for all of them, the
//! busiest falls by at least that much.

use super::balance::Balance;
use super::change::Change;
use super::load_map::LoadMap;
use super::partition::{bottleneck, latest_rests, roundest};
use super::rules::{BadRules, BalanceRules, Target};
use super::zone_map::{ZoneId, ZoneMap};
use crate::cells::CellId;

/// Proposes changes of a zone map. Deterministic: the same maps and loads in the same order give
/// the same proposals.
///
/// ```
/// use bluemarble_spatial::{BalanceRules, Balancer, CellId, Level, LoadMap, Target, ZoneMap};
///
/// let crowd = LoadMap::new(Level::of(6), [(CellId::face_cell(2), 10_000)])?;
/// let rules = BalanceRules::new(Target::Zones(6));
/// let mut balancer = Balancer::new(rules).expect("the defaults are good");
/// let mut map = ZoneMap::whole();
/// for _ in 0..100 {
///     map = balancer.propose(&map, &crowd).map;
/// }
/// assert_eq!(map.len(), 6);
/// assert!(map.balance(&crowd).busiest_over_mean <= 1.25);
/// # Ok::<(), bluemarble_spatial::BadLoad>(())
/// ```
#[derive(Clone, Debug)]
pub struct Balancer {
    rules: BalanceRules,
    /// Proposals made.
    proposals: u64,
    /// Boundaries (first leaves) that were changed, and the first proposal that may do so again.
    resting: Vec<(u64, u64)>,
}

/// What to change, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Each fits the map that those before it leave.
    pub changes: Vec<PlannedChange>,
    /// The map after all of them.
    pub map: ZoneMap,
    /// How even the zones were.
    pub before: Balance,
    /// How even they will be.
    pub after: Balance,
}

/// A change and its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    /// What changes.
    pub change: Change,
    /// How much load gets another owner.
    pub moved_load: u64,
}

impl Plan {
    /// How much load gets another owner; what two changes move counts twice. At most [`u64::MAX`].
    #[must_use]
    pub fn moved_load(&self) -> u64 {
        let moved = self.changes.iter().map(|planned| planned.moved_load);
        moved.fold(0, u64::saturating_add)
    }
}

/// A proposal in the making.
struct Draft<'a> {
    load: &'a LoadMap,
    rules: &'a BalanceRules,
    map: ZoneMap,
    changes: Vec<PlannedChange>,
    /// First leaves of boundaries that stay, also those changed already.
    rests: Vec<u64>,
}

impl Balancer {
    /// One that has proposed nothing yet.
    ///
    /// # Errors
    /// [`BadRules`] if it would churn or could do nothing.
    pub fn new(rules: BalanceRules) -> Result<Self, BadRules> {
        rules.check()?;
        Ok(Self {
            rules,
            proposals: 0,
            resting: Vec::new(),
        })
    }

    /// What to change now; often nothing. The proposal counts as made: what is not carried out is
    /// proposed again when its boundaries have rested.
    pub fn propose(&mut self, map: &ZoneMap, load: &LoadMap) -> Plan {
        self.resting.retain(|&(_, until)| until > self.proposals);
        let mut draft = Draft {
            load,
            rules: &self.rules,
            map: map.clone(),
            changes: Vec::new(),
            rests: self.resting.iter().map(|&(leaf, _)| leaf).collect(),
        };
        let known = draft.rests.len();
        draft.bring_to_target();
        draft.relieve();
        draft.merge_idle();
        // A cool-down may be "for ever".
        let until = (self.proposals + 1).saturating_add(self.rules.cool_down);
        let changed = draft.rests[known..].iter().map(|&leaf| (leaf, until));
        self.resting.extend(changed);
        self.proposals += 1;
        Plan {
            before: map.balance(load),
            after: draft.map.balance(load),
            changes: draft.changes,
            map: draft.map,
        }
    }
}

impl Draft<'_> {
    /// Splits the busiest or merges the least zones until there are as many as there should be.
    fn bring_to_target(&mut self) {
        let Target::Zones(zones) = self.rules.target else {
            return;
        };
        while self.room() > 0 && self.map.len() < zones {
            let split = self.by_load().into_iter().find_map(|(zone, _)| {
                let at = self.middle(zone)?;
                Some(Change::Split { zone, at })
            });
            match split {
                Some(split) => self.make(split),
                None => break,
            }
        }
        while self.room() > 0 && self.map.len() > zones {
            match self.least_pair(|_| true) {
                Some((zone, _)) => self.make(Change::Merge { zone }),
                None => break,
            }
        }
    }

    /// Relieves zones above the threshold, the busiest first. Where every zone is to stay below a
    /// given load, one that cannot be relieved is passed over; where zones are to be even, it ends
    /// there.
    fn relieve(&mut self) {
        let tries = match self.rules.target {
            Target::Zones(_) => 1,
            Target::LoadMax(_) => usize::MAX,
        };
        while self.room() > 0 {
            let act = self.share(self.rules.act_above_permille);
            let act = act.max(self.rules.load_floor);
            let relief = self
                .by_load()
                .into_iter()
                .take_while(|&(_, load)| load > act)
                .take(tries)
                .find_map(|(zone, load)| self.relief(zone, load));
            match relief {
                Some(changes) => changes.into_iter().for_each(|change| self.make(change)),
                None => break,
            }
        }
    }

    /// With as many zones as it takes: two that have little to do become one.
    fn merge_idle(&mut self) {
        if matches!(self.rules.target, Target::Zones(_)) {
            return;
        }
        let most = self.share(self.rules.merge_below_permille);
        while self.room() > 0 {
            match self.least_pair(|sum| sum <= most) {
                Some((zone, _)) => self.make(Change::Merge { zone }),
                None => break,
            }
        }
    }

    /// How to relieve a zone: by its neighbours, by as few of them as settle it; by a new zone in
    /// its midst; or, where neither can, by neighbours halfway or with at least some gain.
    fn relief(&self, zone: ZoneId, load: u64) -> Option<Vec<Change>> {
        let (settle, act) = (self.rules.settle_at_permille, self.rules.act_above_permille);
        let halfway = self.share(settle + (act - settle) / 2);
        let settle = self.share(settle);
        let sizes = || 2..=(self.room() + 1).min(self.map.len());
        let gained =
            (u128::from(load) * u128::from(1_000 - self.rules.gain_permille) / 1_000) as u64;
        sizes()
            .find_map(|size| self.spread(zone, size, |_| Some(settle)))
            .or_else(|| self.cut(zone, gained))
            .or_else(|| sizes().find_map(|size| self.spread(zone, size, |_| Some(halfway))))
            .or_else(|| {
                sizes().find_map(|size| {
                    self.spread(zone, size, |rows| {
                        let least = bottleneck(self.load, rows, size);
                        (least <= gained).then_some(gained.min(least + least / 16))
                    })
                })
            })
    }

    /// Of all runs of so many zones with the zone among them the one where the least load must
    /// move for none to have more than `most` (of its rows).
    fn spread(
        &self,
        zone: ZoneId,
        size: usize,
        most: impl Fn((usize, usize)) -> Option<u64>,
    ) -> Option<Vec<Change>> {
        let zone = zone as usize;
        let first = (zone + 1).saturating_sub(size)..=zone.min(self.map.len() - size);
        let options = first.filter_map(|first| self.run(first, size, &most));
        options
            .min_by_key(|(cost, _)| *cost)
            .map(|(_, moves)| moves)
    }

    /// Moves the boundaries within a run of zones as little as makes none have more than `most`,
    /// and says how much load that moves.
    fn run(
        &self,
        first: usize,
        size: usize,
        most: &impl Fn((usize, usize)) -> Option<u64>,
    ) -> Option<(u64, Vec<Change>)> {
        let starts = &self.map.starts;
        let within = first + 1..first + size;
        if starts[within.clone()]
            .iter()
            .any(|leaf| self.rests.contains(leaf))
        {
            return None;
        }
        let (from, (_, to)) = (starts[first], self.map.span(first + size - 1));
        let rows = (self.load.row_at(from), self.load.row_at(to));
        let most = most(rows)?;
        let rests = latest_rests(self.load, rows, size, most);
        if rests[0] > rows.0 {
            return None;
        }
        let width = self.load.width();
        // Boundaries of a map made from a finer load lie between corners of these cells.
        let up = |leaf: u64| (leaf - 1).div_ceil(width) * width + 1;
        let (mut before, mut row, mut cost) = (from, rows.0, 0);
        let (mut right, mut left) = (Vec::new(), Vec::new());
        for (k, zone) in within.enumerate() {
            let old = starts[zone];
            let furthest = self.load.furthest(row, most).min(rows.1);
            let low = self.load.gap(rests[k + 1].max(row)).0.max(up(before + 1));
            // Zones of a map made from a finer load may be more than there are cells.
            let after = to.saturating_sub(width.saturating_mul((size - 1 - k) as u64));
            let high = self
                .load
                .gap(furthest)
                .1
                .min(after.saturating_sub(1) / width * width + 1);
            if low > high {
                return None;
            }
            let new = if (low..=high).contains(&old) {
                old
            } else {
                self.near_end(low, high, old, most / 64)?
            };
            // Nor where a merge has just taken one away.
            if new != old && self.rests.contains(&new) {
                return None;
            }
            let new_row = self.load.row_at(new);
            if self.load.of_rows(row, new_row) > most {
                return None;
            }
            let old_row = self.load.row_at(old);
            // Several boundaries may move over the same load: together over more than there is.
            let moved = (new_row.min(old_row), new_row.max(old_row));
            cost = u64::saturating_add(cost, self.load.of_rows(moved.0, moved.1));
            let change = Change::Move {
                zone: zone as ZoneId,
                to: CellId(new),
            };
            if new > old {
                right.push(change);
            } else if new < old {
                left.push(change);
            }
            (before, row) = (new, new_row);
        }
        if self.load.of_rows(row, rows.1) > most {
            return None;
        }
        // Those that go up the curve from the last, then those that go down from the first: so
        // none passes another on the way.
        right.reverse();
        right.append(&mut left);
        (!right.is_empty()).then_some((cost, right))
    }

    /// The roundest boundary from the end of a range that is nearest to `old` inward, over at
    /// most some load.
    fn near_end(&self, low: u64, high: u64, old: u64, over: u64) -> Option<u64> {
        if old < low {
            let row = self.load.furthest(self.load.row_at(low), over);
            roundest(low, high.min(self.load.gap(row).1).max(low))
        } else {
            let row = self.load.nearest(self.load.row_at(high), over);
            roundest(low.max(self.load.gap(row).0).min(high), high)
        }
    }

    /// A new zone within one; with a fixed number of zones the least two neighbours become one.
    fn cut(&self, zone: ZoneId, most: u64) -> Option<Vec<Change>> {
        let at = self.middle(zone)?;
        let (start, end) = self.map.span(zone as usize);
        let rows = [start, at.0, end].map(|leaf| self.load.row_at(leaf));
        let parts = [(rows[0], rows[1]), (rows[1], rows[2])];
        if parts.iter().any(|&(a, b)| self.load.of_rows(a, b) > most) {
            return None;
        }
        match self.rules.target {
            Target::LoadMax(_) if self.map.len() < ZoneMap::ZONES_MAX => {
                Some(vec![Change::Split { zone, at }])
            }
            Target::Zones(_) if self.room() >= 2 => {
                let (least, _) = self.least_pair(|sum| sum <= most)?;
                let merge = Change::Merge { zone: least };
                let zone = merge.zone_after(zone);
                Some(vec![merge, Change::Split { zone, at }])
            }
            _ => None,
        }
    }

    /// Where to split a zone: as evenly as can be, or at the corner of a larger cell near there.
    /// None if it is one cell or was made by a merge just now.
    fn middle(&self, zone: ZoneId) -> Option<CellId> {
        let (start, end) = self.map.span(zone as usize);
        if self.rests.iter().any(|&leaf| start < leaf && leaf < end) {
            return None;
        }
        let rows = (self.load.row_at(start), self.load.row_at(end));
        let total = self.load.of_rows(rows.0, rows.1);
        let slack = total / 32;
        let most = bottleneck(self.load, rows, 2).saturating_add(slack);
        let width = self.load.width();
        let (low, high) = if total == 0 {
            (start + 1, end - 1)
        } else {
            let from = self.load.nearest(rows.1, most).max(rows.0);
            let to = self.load.furthest(rows.0, most).min(rows.1);
            (self.load.gap(from).0, self.load.gap(to).1)
        };
        let low = low.max(start + 1);
        let low = (low - 1).div_ceil(width) * width + 1;
        roundest(low, high.min(end - 1)).map(CellId)
    }

    /// The two neighbours with the least load together, if that will do; the first of its first.
    fn least_pair(&self, will_do: impl Fn(u64) -> bool) -> Option<(ZoneId, u64)> {
        let loads = self.map.loads(self.load);
        (0..loads.len().saturating_sub(1))
            .filter(|&zone| !self.rests.contains(&self.map.starts[zone + 1]))
            .map(|zone| (zone as ZoneId, loads[zone] + loads[zone + 1]))
            .filter(|&(_, sum)| will_do(sum))
            .min_by_key(|&(_, sum)| sum)
    }

    /// All zones, the busiest first; of equals the first.
    fn by_load(&self) -> Vec<(ZoneId, u64)> {
        let loads = self.map.loads(self.load).into_iter();
        let mut zones: Vec<(ZoneId, u64)> = (0..).zip(loads).collect();
        zones.sort_by_key(|&(zone, load)| (std::cmp::Reverse(load), zone));
        zones
    }

    /// So many thousandths of the norm.
    fn share(&self, permille: u64) -> u64 {
        let (load, zones) = match self.rules.target {
            Target::Zones(_) => (self.load.total(), self.map.len() as u128),
            Target::LoadMax(most) => (most, 1),
        };
        let share = u128::from(load) * u128::from(permille) / (1_000 * zones);
        // Loads add up to at most 2⁶³; above that any number means "more than all".
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// How many changes are left.
    fn room(&self) -> usize {
        self.rules.changes_max.saturating_sub(self.changes.len())
    }

    /// Makes a change and lets its boundary rest.
    fn make(&mut self, change: Change) {
        let moved_load = change.moved_load(&self.map, self.load);
        let changed = match change {
            Change::Move { to, .. } => to.0,
            Change::Split { at, .. } => at.0,
            Change::Merge { zone } => self.map.starts[zone as usize + 1],
        };
        match self.map.apply(&change) {
            Ok(map) => {
                self.map = map;
                self.rests.push(changed);
                self.changes.push(PlannedChange { change, moved_load });
            }
            Err(error) => debug_assert!(false, "a planned change does not fit: {error}"),
        }
    }
}
