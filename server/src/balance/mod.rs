//! Zones that change while the world runs: the balancer's small steps, and the operator's orders.
//!
//! ```text
//! zones' processor time ─► load map ─► Planner::plan ─────┐
//!                                                         ├─► World::change_zones ─► next tick
//! POST /v1/zones/… ─► bounded queue ─► order ─────────────┘      (reply: accepted at tick T, or why not)
//! ```
//!
//! What changes is who steps whom; the world's state is the same, bit for bit, so none of it is
//! journaled. Only the loop calls this, between two ticks.

mod order;
mod planner;
mod table;
#[cfg(test)]
mod tests;

pub use order::{Accepted, OrderDesk, Place, Refused, Wish};
pub use table::ZoneTable;

use std::sync::Arc;
use std::time::Duration;

use bluemarble_sim::World;
use bluemarble_spatial::{CellId, Change, LatLng, Level, LoadMap, ZoneId, ZoneMap};
use serde::Serialize;

use self::planner::Planner;
use crate::clock::Clock;
use crate::config::ZonesConfig;

/// How often loads are looked at: slow beside the smoothing of a zone's measure (eight ticks), quick
/// beside a crowd on foot.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
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
    /// The world's name, as operators know it.
    pub world: String,
    /// Settings.
    pub config: ZonesConfig,
    /// How many zones the balancer keeps at first.
    pub target: usize,
    /// An ordinary tick's time, nanoseconds.
    pub period_ns: u64,
    /// How many threads step zones.
    pub threads: usize,
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
    /// Those that brought less than half of what was predicted.
    pub fruitless: u64,
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
    planner: Planner,
    /// How many zones the balancer keeps now: as told, and as orders have changed it.
    target: usize,
    desk: Arc<OrderDesk>,
    next_look: Duration,
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
        world.set_stopwatch(Arc::new(move || clock.thread_work_ns()));
        let target = rules.target;
        Self {
            planner: planner(&rules, target),
            rules,
            target,
            desk,
            next_look: clock.elapsed() + LOOK_PERIOD,
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
                self.balance(world, now);
            }
            self.desk.show(ZoneTable::of(&self.rules.world, world));
        }
    }

    /// Since the start.
    pub fn changes(&self) -> ZoneChanges {
        self.changes
    }

    fn balance(&mut self, world: &mut World, now: Duration) {
        self.planner.look(world.load_map(Level::MAX));
        let is_moving = world.strays() > 0 && now < self.rests_until + PLAN_WAIT;
        if is_moving || now < self.rests_until {
            return;
        }
        let plan = self.planner.plan(world.zone_map());
        self.changes.fruitless = self.planner.fruitless();
        let Some(plan) = plan else { return };
        let changes = planner::changes(&plan);
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
                self.planner = planner(&self.rules, self.target);
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

fn planner(rules: &ZoningRules, target: usize) -> Planner {
    let target = target.clamp(rules.config.min, rules.config.max);
    Planner::new(target, rules.threads, rules.period_ns / FLOOR_PART)
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
