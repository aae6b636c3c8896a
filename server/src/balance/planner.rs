//! When zones are to change, sans IO and clock: looks at the load go in, once in a while a plan comes
//! out.
//!
//! A plan must be worth it. Steps of zones run on so many threads, the next zone on whichever is free;
//! how long the busiest thread then computes is foretold by handing zones out, the busiest first, to the
//! thread that has least to do (R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969: at most
//! a third longer than the best there is). That is what a plan must bring down by
//! [`GAIN_PERMILLE_MIN`]. So nothing is moved for beauty: not on one thread, not among many small
//! zones, and not where two busy zones keep two threads as busy as three even ones would.
//!
//! And it must keep its word. What was measured is how long a zone computed, not for whom; if some of
//! its residents cost more than others, a plan brings less than it promised. After one that brought less than half, the next waits twice as long.

use std::cmp::Reverse;
use std::collections::VecDeque;

use bluemarble_spatial::{BalanceRules, Balancer, Change, LoadMap, Plan, Target, ZoneMap};

/// The planner judges the mean of so many looks: a fight flares up and is over, and a core that somebody
/// else uses as well is slower meanwhile.
const LOOKS_MEANT: usize = 8;
/// It judges every so many looks.
const LOOKS_PER_PLAN: u64 = 4;
/// The longest wait after plans that did not help, times the ordinary one.
const WAIT_TIMES_MAX: u64 = 64;
/// A plan must bring the step down by so many thousandths: less than measuring it is uncertain by is no
/// gain, and every departure costs.
pub const GAIN_PERMILLE_MIN: u64 = 50;

/// Decides which zones to change.
#[derive(Clone, Debug)]
pub struct Planner {
    balancer: Balancer,
    threads: usize,
    looks: u64,
    /// What the last looks saw, oldest first.
    seen: VecDeque<LoadMap>,
    /// The plan that was taken last, until it has been judged.
    promised: Option<Promise>,
    /// Not before this look is there another plan.
    waits_until: u64,
    /// How often as long as ordinary the next plan waits after one that did not help.
    wait_times: u64,
    /// Plans that brought less than half of what they had promised.
    fruitless: u64,
}

/// What a plan said, as shares of all load, in millionths: whoever comes or goes meanwhile counts on
/// both sides.
#[derive(Clone, Copy, Debug)]
struct Promise {
    before: u64,
    after: u64,
}

impl Planner {
    /// Keeps `zones` zones on so many threads; a zone of at most `load_floor` is never relieved.
    pub fn new(zones: usize, threads: usize, load_floor: u64) -> Self {
        let rules = BalanceRules {
            load_floor,
            ..BalanceRules::new(Target::Zones(zones))
        };
        Self {
            balancer: Balancer::new(rules)
                .expect("a number of zones within the config's range, and the defaults"),
            threads: threads.max(1),
            looks: 0,
            seen: VecDeque::with_capacity(LOOKS_MEANT),
            promised: None,
            waits_until: 0,
            wait_times: 1,
            fruitless: 0,
        }
    }

    /// Takes in how much there is to do where.
    pub fn look(&mut self, load: LoadMap) {
        self.looks += 1;
        if self.seen.len() == LOOKS_MEANT {
            self.seen.pop_front();
        }
        self.seen.push_back(load);
    }

    /// What to change now; mostly nothing. What it answers is to be carried out.
    pub fn plan(&mut self, map: &ZoneMap) -> Option<Plan> {
        if !self.looks.is_multiple_of(LOOKS_PER_PLAN) {
            return None;
        }
        let load = self.mean_load()?;
        self.judge(map, &load);
        if self.looks < self.waits_until {
            return None;
        }
        // A proposal that is not carried out must not count as made.
        let mut balancer = self.balancer.clone();
        let plan = balancer.propose(map, &load);
        if plan.changes.is_empty() {
            return None;
        }
        let promise = Promise {
            before: self.step_share(map, &load),
            after: self.step_share(&plan.map, &load),
        };
        let is_told = map.len() != plan.map.len();
        if !is_told && promise.gain() * 1_000 < promise.before * GAIN_PERMILLE_MIN {
            return None;
        }
        self.balancer = balancer;
        self.promised = (!is_told).then_some(promise);
        // What was seen of zones as they were says little about those that are.
        self.seen.clear();
        self.waits_until = self.looks + LOOKS_PER_PLAN * self.wait_times;
        Some(plan)
    }

    /// Plans that brought less than half of what they had promised.
    pub fn fruitless(&self) -> u64 {
        self.fruitless
    }

    /// Whether a plan kept its word, as soon as enough has been seen since.
    fn judge(&mut self, map: &ZoneMap, load: &LoadMap) {
        if self.seen.len() < LOOKS_PER_PLAN as usize {
            return;
        }
        let Some(promise) = self.promised.take() else {
            return;
        };
        let found = Promise {
            after: self.step_share(map, load),
            ..promise
        };
        if found.gain() * 2 >= promise.gain() {
            self.wait_times = 1;
            return;
        }
        self.fruitless += 1;
        self.wait_times = (self.wait_times * 2).min(WAIT_TIMES_MAX);
        self.waits_until = self.looks + LOOKS_PER_PLAN * self.wait_times;
    }

    /// How long a step takes, in millionths of the work of all zones.
    fn step_share(&self, map: &ZoneMap, load: &LoadMap) -> u64 {
        const WHOLE: u128 = 1_000_000;
        let mut zones = map.loads(load);
        zones.sort_unstable_by_key(|zone| Reverse(*zone));
        let mut threads = vec![0_u64; self.threads];
        for zone in zones {
            if let Some(freest) = threads.iter_mut().min() {
                *freest += zone;
            }
        }
        let step = threads.into_iter().max().unwrap_or(0);
        // At most the whole.
        (u128::from(step) * WHOLE / u128::from(load.total().max(1))) as u64
    }

    /// The mean of the last looks; `None` if there was none.
    fn mean_load(&self) -> Option<LoadMap> {
        let (level, looks) = (self.seen.back()?.level(), self.seen.len() as u64);
        let rows = self.seen.iter().flat_map(LoadMap::cells);
        LoadMap::new(level, rows.map(|&(cell, n)| (cell, n / looks))).ok()
    }
}

impl Promise {
    fn gain(&self) -> u64 {
        self.before.saturating_sub(self.after)
    }
}

/// The changes of a plan.
pub fn changes(plan: &Plan) -> Vec<Change> {
    plan.changes.iter().map(|planned| planned.change).collect()
}

#[cfg(test)]
mod tests {
    use bluemarble_shared_protocol::mix64;
    use bluemarble_spatial::{CellId, Level};

    use super::*;

    const LEVEL: Level = Level::of(8);

    /// Twelve cells of a face, of which the first has `first` and each other one `other`.
    fn crowd(first: u64, other: u64) -> LoadMap {
        let face = CellId::face_cell(1).range_min().parent(LEVEL);
        let cells = std::iter::successors(Some(face), |cell| Some(cell.next()));
        let loads = (0..12).map(|n| if n == 0 { first } else { other });
        LoadMap::new(LEVEL, cells.zip(loads)).unwrap()
    }

    /// All twelve in one of four zones.
    fn skewed() -> ZoneMap {
        let starts = [0, 1, 2, 3].map(CellId::face_cell);
        ZoneMap::from_starts(&starts).unwrap()
    }

    fn run(
        planner: &mut Planner,
        map: &mut ZoneMap,
        looks: u64,
        load: impl Fn(u64) -> LoadMap,
    ) -> usize {
        let mut plans = 0;
        for n in 0..looks {
            planner.look(load(n));
            if let Some(plan) = planner.plan(map) {
                (*map, plans) = (plan.map, plans + 1);
            }
        }
        plans
    }

    #[test]
    fn a_skewed_load_is_shared_out_in_a_few_plans_and_then_left_alone() {
        let (mut planner, mut map) = (Planner::new(4, 2, 0), skewed());
        // Each measured up to a tenth off.
        let noisy = |n: u64| {
            let load = crowd(1_000, 1_000);
            let rows = load.cells().iter();
            let rows = rows.map(|&(cell, load)| {
                (
                    cell,
                    load * (900 + mix64(cell.0 ^ n.wrapping_mul(77)) % 201) / 1_000,
                )
            });
            LoadMap::new(LEVEL, rows).unwrap()
        };
        let plans = run(&mut planner, &mut map, 40, noisy);
        assert!((1..=4).contains(&plans), "{plans} plans");
        let share = map.balance(&crowd(1_000, 1_000)).busiest_over_mean;
        assert!(share <= 1.4, "{share}");
        assert_eq!(run(&mut planner, &mut map, 400, noisy), 0);
        assert_eq!(planner.fruitless(), 0);
    }

    #[test]
    fn on_one_thread_nothing_is_gained_so_nothing_moves() {
        let (mut planner, mut map) = (Planner::new(4, 1, 0), skewed());
        assert_eq!(run(&mut planner, &mut map, 100, |_| crowd(500, 500)), 0);
        assert_eq!(map, skewed());
    }

    #[test]
    fn two_busy_zones_on_two_threads_are_left_alone() {
        let cell = |face: u8| CellId::face_cell(face).range_min().parent(LEVEL);
        let rows = |n: u64| {
            [
                (cell(0), 800),
                (cell(0).next(), 700),
                (cell(1), n),
                (cell(1).next(), n),
            ]
        };
        let (mut planner, mut map) = (Planner::new(4, 2, 0), skewed());
        let even = |_| LoadMap::new(LEVEL, rows(650)).unwrap();
        assert_eq!(run(&mut planner, &mut map, 100, even), 0);
        // On four threads the two idle ones can help.
        let mut planner = Planner::new(4, 4, 0);
        assert_eq!(run(&mut planner, &mut map, 100, even), 1);
    }

    #[test]
    fn a_heap_in_one_cell_is_no_reason_to_move_the_others() {
        let (mut planner, mut map) = (Planner::new(4, 2, 0), skewed());
        assert!(run(&mut planner, &mut map, 100, |_| crowd(10_000, 400)) >= 1);
        let rest = map.clone();
        // The others shift, but the heap stays the longest.
        let plans = run(&mut planner, &mut map, 400, |n| crowd(10_000, 400 + n % 90));
        assert_eq!((plans, map), (0, rest));
    }

    #[test]
    fn plans_that_do_not_keep_their_word_become_rare() {
        let (mut planner, mut map) = (Planner::new(4, 2, 0), skewed());
        // Whatever is done, all work is measured in one half of the zone that is busiest: a load that
        // runs away from every change.
        let plans = (0..1_000)
            .filter(|_| {
                let (first, last) = map.ranges().nth(1).unwrap();
                let cells = [first.parent(LEVEL), last.parent(LEVEL)];
                planner.look(LoadMap::new(LEVEL, cells.map(|cell| (cell, 1_000))).unwrap());
                let plan = planner.plan(&map);
                plan.map(|plan| map = plan.map).is_some()
            })
            .count();
        assert!(plans <= 12, "{plans} plans in 1000 looks");
        assert!(planner.fruitless() >= 1);
    }
}
