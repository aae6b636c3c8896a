//! How a running world is cut otherwise, and what its zones cost. None of it is state: maps, waiting
//! departures and measured times are neither journaled nor in the digest, and no rule reads them.

use std::sync::Arc;

use bluemarble_spatial::{BadChange, CellId, Change, Level, LoadMap, ZoneId, ZoneMap};

use super::World;
use crate::residence::{NOBODY, SLOTS_MAX, Seats};

/// Nanoseconds since some beginning. The simulation reads no clock; whoever runs it may hand it one
/// to measure zones with.
pub type Stopwatch = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A cut that will be in force from the next tick on.
pub(super) struct Recut {
    pub map: Arc<ZoneMap>,
    pub seats: Seats,
}

/// Why the zones stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneChangeError {
    /// A change does not fit the map that those before it left.
    #[error("change {number} ({change:?}): {problem}")]
    Change {
        /// Which of the changes, from 0.
        number: usize,
        /// That change.
        change: Change,
        /// Why it does not fit.
        #[source]
        problem: BadChange,
    },
    /// A zone would begin within a cell whose entities are looked up as one.
    #[error(
        "zone {zone} would begin at {begin:?}, within a grid cell: \
         cut only between cells of level {level}, or of a coarser one"
    )]
    Within {
        /// The zone's number.
        zone: ZoneId,
        /// Its first leaf.
        begin: CellId,
        /// The world's grid level.
        level: Level,
    },
    /// Too many zones are still being emptied after earlier changes.
    #[error("more than {SLOTS_MAX} zones would be open: wait until those that ended are empty")]
    Full,
}

/// What a zone holds and costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneLoad {
    /// Its number on the map.
    pub zone: ZoneId,
    /// Who stands in its cells.
    pub entities: usize,
    /// Who is stepped by it: not the same while departures wait.
    pub residents: usize,
    /// What its step takes, smoothed over about eight ticks, nanoseconds; 0 without a stopwatch.
    pub step_ns: u64,
    /// What its last step took, nanoseconds; 0 without a stopwatch.
    pub last_step_ns: u64,
}

impl World {
    /// How many entities may depart at one barrier unless told otherwise: enough that nobody
    /// waits but after a change of zones, and few enough that such a tick is hardly longer.
    pub const DEPARTURES_PER_TICK: usize = 512;

    /// Changes zones one after another, from the next tick on; all of them or none. Whoever then
    /// stands in another zone's cells departs when its turn comes
    /// ([`World::set_departures_per_tick`]).
    ///
    /// # Errors
    /// If a change does not fit, or cuts through a grid cell; nothing is changed then.
    pub fn change_zones(&mut self, changes: &[Change]) -> Result<(), ZoneChangeError> {
        let (mut map, mut seats) = match &self.recut {
            Some(recut) => ((*recut.map).clone(), recut.seats.clone()),
            None => ((*self.frames.map).clone(), self.residence.seats_now()),
        };
        for (number, change) in changes.iter().enumerate() {
            map = map
                .apply(change)
                .map_err(|problem| ZoneChangeError::Change {
                    number,
                    change: *change,
                    problem,
                })?;
            match *change {
                Change::Move { .. } => {}
                Change::Split { zone, .. } => seats.insert(zone as usize + 1, None),
                Change::Merge { zone } => {
                    seats.remove(zone as usize + 1);
                }
            }
        }
        self.cut_as(map, seats)
    }

    /// Cuts the world quite otherwise from the next tick on. A zone that begins in what was another
    /// one goes on in its place.
    ///
    /// # Errors
    /// If the map cuts through a grid cell; nothing is changed then.
    pub fn recut(&mut self, map: ZoneMap) -> Result<(), ZoneChangeError> {
        let mut free = self.residence.seats_now();
        let seats = map
            .ranges()
            .map(|(first, _)| free[self.frames.map.zone_of(first) as usize].take())
            .collect();
        self.cut_as(map, seats)
    }

    fn cut_as(&mut self, map: ZoneMap, seats: Seats) -> Result<(), ZoneChangeError> {
        let level = self.lore.grid_level;
        let is_within = |begin: CellId| begin.parent(level).range_min() != begin;
        if let Some((zone, (begin, _))) = (0..).zip(map.ranges()).find(|(_, r)| is_within(r.0)) {
            return Err(ZoneChangeError::Within { zone, begin, level });
        }
        if !self.residence.has_room(&seats) {
            return Err(ZoneChangeError::Full);
        }
        let openings = seats.iter().filter(|seat| seat.is_none()).count();
        self.residence.prepare(openings, &self.lore);
        self.recut = Some(Recut {
            map: Arc::new(map),
            seats,
        });
        Ok(())
    }

    /// The map of the next tick, and the zones seated by it.
    pub(super) fn take_cut(&mut self) -> Arc<ZoneMap> {
        match self.recut.take() {
            Some(recut) => {
                self.residence.reseat(&recut.seats, &self.lore);
                recut.map
            }
            None => Arc::clone(&self.frames.map),
        }
    }

    /// Who owns which cell, as of the next tick.
    #[must_use]
    pub fn zone_map(&self) -> &Arc<ZoneMap> {
        self.recut
            .as_ref()
            .map_or(&self.frames.map, |recut| &recut.map)
    }

    /// How many entities wait for their departure to the zone that owns their cell.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.strays
    }

    /// How many entities may depart at one barrier, all zones together; 0 lets everybody reside
    /// where they are.
    pub fn set_departures_per_tick(&mut self, departures: usize) {
        self.departures_per_tick = departures;
    }

    /// Has every zone's step measured from now on.
    pub fn set_stopwatch(&mut self, stopwatch: Stopwatch) {
        self.stopwatch = Some(stopwatch);
    }

    /// What each zone holds and costs, in the order of their numbers.
    #[must_use]
    pub fn zone_loads(&self) -> Vec<ZoneLoad> {
        let seats = self.residence.seats().iter();
        (0..)
            .zip(seats)
            .map(|(zone, &slot)| ZoneLoad {
                zone,
                entities: self.frames.population_of(zone),
                residents: self.residence.zone(slot).population(),
                step_ns: self.residence.zone(slot).step_ns(),
                last_step_ns: self.residence.zone(slot).last_step_ns(),
            })
            .collect()
    }

    /// Where the work is: each zone's measured nanoseconds, shared out over the cells its residents
    /// stand in. Of the asked level, or of the grid's if that is coarser (no zone may begin within a
    /// grid cell), or of the finest that has not too many cells.
    #[must_use]
    pub fn load_map(&self, level: Level) -> LoadMap {
        let mut rows: Vec<(CellId, u64)> = Vec::new();
        for zone in self.residence.zones() {
            let cells = &zone.published().cells;
            let residents: u64 = cells.iter().map(|(_, n)| u64::from(*n)).sum();
            let share = |before: u64| {
                (u128::from(zone.step_ns()) * u128::from(before) / u128::from(residents)) as u64
            };
            let mut before = 0;
            for (cell, n) in cells {
                let end = before + u64::from(*n);
                rows.push((*cell, share(end) - share(before)));
                before = end;
            }
        }
        let finest = level.min(self.lore.grid_level).get();
        (0..=finest)
            .rev()
            .find_map(|level| LoadMap::new(Level::of(level), rows.iter().copied()).ok())
            .expect("six cells are not too many, and the steps of all zones add up to below 2⁵⁴ ns")
    }

    /// For tests: puts everybody into an open zone drawn from a seed, whoever owns their cell.
    /// Nothing may change by it.
    pub fn scatter_residence(&mut self, seed: u64) {
        self.residence.scatter(seed);
    }

    /// For tests: how many entities reside in a zone other than their cell's owner, by looking.
    #[must_use]
    pub fn count_strays(&self) -> usize {
        let home = |zone: &crate::zone::Zone, cell: CellId| {
            zone.owns != NOBODY && self.frames.map.zone_of(cell) == zone.owns
        };
        let cells = |zone| -> usize {
            let zone: &crate::zone::Zone = zone;
            let states = zone.states();
            states
                .iter()
                .filter(|state| !home(zone, self.lore.grid_cell(state.body.0.pos)))
                .count()
        };
        self.residence.zones().map(cells).sum()
    }

    /// For tests: what is wrong with who is where, if anything. Everybody resides in exactly one
    /// place, and is in exactly one frame: that of the owner of its cell, by (cell, id).
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if let Some(fault) = self.residence.fault() {
            return Some(fault);
        }
        let frames = &self.frames;
        let mut rows = 0;
        for (zone, frame) in (0..).zip(&frames.zones) {
            rows += frame.len();
            for cell in frame.cells() {
                if frames.map.zone_of(cell) as usize != zone % frames.map.len() {
                    return Some(format!("{cell:?} is in the frame of zone {zone}"));
                }
                let ids = &frame.ids[frame.rows_of(cell)];
                if !ids.windows(2).all(|pair| pair[0] < pair[1]) {
                    return Some(format!("{cell:?} is not in the order of ids"));
                }
                if let Some(id) = ids
                    .iter()
                    .find(|id| !self.residence.directory().contains_key(id))
                {
                    return Some(format!("{id:?} is in a frame but not in the world"));
                }
            }
        }
        let known = self.residence.directory().len();
        (rows != known).then(|| format!("{rows} rows in frames for {known} entities"))
    }
}
