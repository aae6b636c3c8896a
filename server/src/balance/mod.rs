//! Zones that change while the world runs: the balancer's small steps, and the operator's orders.
//!
//! ```text
//! zones' measured steps ─► load map ─► Balancer::propose ─┐
//!                                                         ├─► World::change_zones ─► next tick
//! POST /v1/zones/… ─► bounded queue ─► order ─────────────┘      (reply: accepted at tick T, or why not)
//! ```
//!
//! What changes is who steps whom; the world's state is the same, bit for bit, so none of it is
//! journaled. Only the loop calls this, between two ticks.

mod order;
mod table;
#[cfg(test)]
mod tests;

pub use order::{Accepted, OrderDesk, Place, Refused, Wish};
pub use table::ZoneTable;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bluemarble_sim::World;
use bluemarble_spatial::{
    BalanceRules, Balancer, CellId, Change, LatLng, Level, LoadMap, Target, ZoneId, ZoneMap,
};
use serde::Serialize;

use crate::clock::Clock;
use crate::config::ZonesConfig;

/// How often loads are looked at: slow beside the smoothing of a zone's measure (eight ticks), quick
/// beside a crowd on foot.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// The balancer judges the mean of so many looks: a measured time holds whatever else the machine did
/// meanwhile, and a zone that was held up once is no busier than before.
const LOOKS_MEANT: usize = 8;
/// It judges every so many looks.
const LOOKS_PER_PLAN: u64 = 4;
/// A plan that has not been carried through after this long no longer keeps the next one waiting:
/// somebody may walk along a border for ever.
const PLAN_WAIT: Duration = Duration::from_secs(10);
/// For so long after an operator's order the balancer leaves zones as they are, so that the order can
/// be looked at.
const ORDER_REST: Duration = Duration::from_secs(60);
/// A zone whose step takes less than this part of a tick's time is no trouble, however busy beside
/// the others: an idle world is not cut about.
const FLOOR_PART: u64 = 50;
/// Orders carried out per tick.
const ORDERS_PER_TICK_MAX: usize = 1;

/// How zones may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoningRules {
    /// Settings.
    pub config: ZonesConfig,
    /// How many zones the balancer keeps at first.
    pub target: usize,
    /// An ordinary tick's time, nanoseconds.
    pub period_ns: u64,
}

/// What has been changed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ZoneChanges {
    /// Zones cut in two.
    pub splits: u64,
    /// Zones joined.
    pub merges: u64,
    /// Boundaries moved.
    pub moves: u64,
    /// Times the balancer changed something.
    pub plans: u64,
    /// Orders of an operator that were carried out.
    pub orders: u64,
    /// Orders that were refused.
    pub refused: u64,
}

impl ZoneChanges {
    fn count(&mut self, change: &Change) {
        match change {
            Change::Split { .. } => self.splits += 1,
            Change::Merge { .. } => self.merges += 1,
            Change::Move { .. } => self.moves += 1,
        }
    }
}

/// The loop's hand on the zones.
pub struct Zoning {
    rules: ZoningRules,
    balancer: Balancer,
    /// How many zones the balancer keeps now: as told, and as orders have changed it.
    target: usize,
    desk: Arc<OrderDesk>,
    next_look: Duration,
    looks: u64,
    /// What the last looks saw, oldest first.
    seen: VecDeque<LoadMap>,
    /// Not before this does the balancer act again.
    rests_until: Duration,
    changes: ZoneChanges,
}

impl Zoning {
    /// Takes a world over, which from now on is measured.
    pub fn begin(
        rules: ZoningRules,
        world: &mut World,
        desk: Arc<OrderDesk>,
        clock: Clock,
    ) -> Self {
        world.set_departures_per_tick(rules.config.departures_per_tick);
        world.set_stopwatch(Arc::new(move || clock.now_ns()));
        let target = rules.target;
        Self {
            balancer: balancer(&rules, target),
            rules,
            target,
            desk,
            next_look: clock.elapsed() + LOOK_PERIOD,
            looks: 0,
            seen: VecDeque::with_capacity(LOOKS_MEANT),
            rests_until: Duration::ZERO,
            changes: ZoneChanges::default(),
        }
    }

    /// Between two ticks: an operator's orders, and once in a while the balancer.
    pub fn between(&mut self, world: &mut World, now: Duration) {
        for _ in 0..ORDERS_PER_TICK_MAX {
            let Some(order) = self.desk.next() else { break };
            let answer = self.obey(world, now, &order.wish);
            order.answer(answer);
        }
        if now >= self.next_look {
            self.next_look = now + LOOK_PERIOD;
            if self.rules.config.balance {
                self.look(world);
                if self.looks.is_multiple_of(LOOKS_PER_PLAN) && now >= self.rests_until {
                    self.balance(world, now);
                }
            }
            self.desk.show(ZoneTable::of(world));
        }
    }

    /// Since the start.
    pub fn changes(&self) -> ZoneChanges {
        self.changes
    }

    fn look(&mut self, world: &World) {
        self.looks += 1;
        if self.seen.len() == LOOKS_MEANT {
            self.seen.pop_front();
        }
        self.seen.push_back(world.load_map(Level::MAX));
    }

    /// The mean of the last looks; `None` if there was none.
    fn mean_load(&self) -> Option<LoadMap> {
        let (level, looks) = (self.seen.back()?.level(), self.seen.len() as u64);
        let rows = self.seen.iter().flat_map(LoadMap::cells);
        LoadMap::new(level, rows.map(|&(cell, n)| (cell, n / looks))).ok()
    }

    fn balance(&mut self, world: &mut World, now: Duration) {
        if world.strays() > 0 && now < self.rests_until + PLAN_WAIT {
            return;
        }
        let Some(load) = self.mean_load() else {
            return;
        };
        let plan = self.balancer.propose(world.zone_map(), &load);
        if plan.changes.is_empty() {
            return;
        }
        let changes: Vec<Change> = plan.changes.iter().map(|planned| planned.change).collect();
        let tick = world.tick().next();
        if let Err(error) = world.change_zones(&changes) {
            tracing::warn!(%tick, "the balancer's plan does not fit: {error}");
            return;
        }
        changes.iter().for_each(|change| self.changes.count(change));
        self.changes.plans += 1;
        self.rests_until = now;
        tracing::info!(
            %tick,
            changes = changes.len(),
            zones = plan.map.len(),
            before = plan.before.busiest_over_mean,
            after = plan.after.busiest_over_mean,
            "zones balanced"
        );
    }

    fn obey(&mut self, world: &mut World, now: Duration, wish: &Wish) -> Result<Accepted, Refused> {
        let tick = world.tick().next();
        let answer = self.change_of(world, wish).and_then(|change| {
            world.change_zones(&[change])?;
            Ok(change)
        });
        match answer {
            Ok(change) => {
                self.changes.count(&change);
                self.changes.orders += 1;
                self.target = world.zone_map().len();
                self.balancer = balancer(&self.rules, self.target);
                self.rests_until = now + ORDER_REST;
                let zones = world.zone_map().len();
                tracing::warn!(%tick, zones, ?change, "operator's order: zones change");
                Ok(Accepted {
                    tick,
                    zones,
                    change: table::told(&change),
                })
            }
            Err(refused) => {
                self.changes.refused += 1;
                tracing::warn!(%tick, ?wish, "operator's order refused: {refused}");
                Err(refused)
            }
        }
    }

    /// What a wish comes to on the map as it is.
    fn change_of(&self, world: &World, wish: &Wish) -> Result<Change, Refused> {
        let map = world.zone_map();
        let (min, max) = (self.rules.config.min, self.rules.config.max);
        match *wish {
            Wish::Split { .. } if map.len() >= max => Err(Refused::Most(max)),
            Wish::Merge { .. } if map.len() <= min => Err(Refused::Least(min)),
            Wish::Merge { zone } => Ok(Change::Merge { zone }),
            Wish::Split { zone, at } => {
                let load = world.load_map(Level::MAX);
                let at = match at {
                    Some(place) => cell_of(place, load.level()),
                    None => halving(map, &load, zone).ok_or(Refused::Indivisible(zone))?,
                };
                Ok(Change::Split { zone, at })
            }
            Wish::Move { zone, to } => {
                let to = cell_of(to, world.load_map(Level::MAX).level());
                Ok(Change::Move { zone, to })
            }
        }
    }
}

fn balancer(rules: &ZoningRules, target: usize) -> Balancer {
    let target = target.clamp(rules.config.min, rules.config.max);
    let rules = BalanceRules {
        load_floor: rules.period_ns / FLOOR_PART,
        ..BalanceRules::new(Target::Zones(target))
    };
    Balancer::new(rules).expect("a number of zones within the config's range, and the defaults")
}

/// The grid cell that a place lies in, or the cell that is named.
fn cell_of(place: Place, level: Level) -> CellId {
    match place {
        Place::At(at) => CellId::at(LatLng::to_dir(at), level),
        Place::Cell(cell) => cell,
    }
}

/// Where a zone is cut into halves of even load; where it holds next to nothing, the middle of its
/// range. `None` if it is a single cell, or there is no such zone.
fn halving(map: &ZoneMap, load: &LoadMap, zone: ZoneId) -> Option<CellId> {
    let (first, last) = map.ranges().nth(zone as usize)?;
    let inside = |cell: CellId| first < cell.range_min() && cell.range_min() < last;
    let half = load.between(first, last) / 2;
    let rows = load.cells().iter();
    let mut rows = rows.filter(|(cell, _)| *cell >= first && *cell <= last);
    let mut before = 0;
    let median = rows.find_map(|(cell, n)| {
        let past_half = before >= half && inside(*cell);
        before += n;
        past_half.then_some(*cell)
    });
    let middle = CellId((first.0 / 2 + last.0 / 2) | 1).parent(load.level());
    median.or_else(|| inside(middle).then_some(middle))
}
