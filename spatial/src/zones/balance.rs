//! How evenly zones share a load, and how evenly a fixed grid would.

use std::fmt;

use crate::cells::Level;

use super::load_map::LoadMap;
use super::zone_map::{ZoneId, ZoneMap};

/// A measure of zones against a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// How many zones.
    pub zones: usize,
    /// The load of all.
    pub total: u64,
    /// Load of the mean zone.
    pub mean: f64,
    /// Load of the busiest zone.
    pub busiest: u64,
    /// Which that is; the first of equals.
    pub busiest_zone: ZoneId,
    /// How many zones have no load at all.
    pub idle: usize,
    /// The busiest over the mean, 1 if they are all even (or have no load).
    pub busiest_over_mean: f64,
}

impl Balance {
    /// Of the loads of zones, in order.
    pub(super) fn of(loads: impl IntoIterator<Item = u64>) -> Self {
        let (mut zones, mut total, mut busiest, mut busiest_zone, mut idle) = (0, 0, 0, 0, 0);
        for load in loads {
            if load > busiest {
                (busiest, busiest_zone) = (load, zones as ZoneId);
            }
            zones += 1;
            total += load;
            idle += usize::from(load == 0);
        }
        let mean = total as f64 / zones as f64;
        Self {
            zones,
            total,
            mean,
            busiest,
            busiest_zone,
            idle,
            busiest_over_mean: if total == 0 {
                1.0
            } else {
                busiest as f64 / mean
            },
        }
    }

    /// Of a fixed grid: every cell of a level (at most the load's own) a zone. For comparison.
    ///
    /// ```
    /// use bluemarble_spatial::{Balance, CellId, Level, LoadMap};
    ///
    /// let crowd = LoadMap::new(Level::of(3), [(CellId::face_cell(2), 640)])?;
    /// assert_eq!(Balance::fixed_grid(Level::FACE, &crowd).busiest_over_mean, 6.0);
    /// # Ok::<(), bluemarble_spatial::BadLoad>(())
    /// ```
    #[must_use]
    pub fn fixed_grid(level: Level, load: &LoadMap) -> Self {
        let level = level.min(load.level());
        let mut occupied: Vec<u64> = Vec::new();
        let mut last = None;
        for &(cell, amount) in load.cells() {
            let parent = cell.parent(level);
            match occupied.last_mut() {
                Some(sum) if last == Some(parent) => *sum += amount,
                _ => occupied.push(amount),
            }
            last = Some(parent);
        }
        let cells = level.cells();
        let idle = cells - occupied.len() as u64;
        let mut balance = Self::of(occupied);
        balance.zones = cells as usize;
        balance.idle = idle as usize;
        balance.mean = balance.total as f64 / cells as f64;
        if balance.total > 0 {
            balance.busiest_over_mean = balance.busiest as f64 / balance.mean;
        }
        // Its cells are numbered among all, not among those with load, and nobody asks which.
        balance.busiest_zone = 0;
        balance
    }
}

impl ZoneMap {
    /// The load of each zone. A cell that a boundary cuts through counts where it begins.
    #[must_use]
    pub fn loads(&self, load: &LoadMap) -> Vec<u64> {
        self.ranges()
            .map(|(first, last)| load.between(first, last))
            .collect()
    }

    /// How evenly the zones share a load.
    #[must_use]
    pub fn balance(&self, load: &LoadMap) -> Balance {
        Balance::of(self.loads(load))
    }
}

/// Several lines, a name and a number in each.
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "zones             {:>14}", self.zones)?;
        writeln!(f, "load              {:>14}", self.total)?;
        writeln!(f, "mean zone         {:>14.0}", self.mean)?;
        writeln!(f, "busiest zone      {:>14}", self.busiest)?;
        writeln!(f, "busiest over mean {:>14.3}", self.busiest_over_mean)?;
        write!(f, "zones at rest     {:>14}", self.idle)
    }
}
