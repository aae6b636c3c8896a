//! A planet cut into zones by a load.

use anyhow::{Context, bail};
use bluemarble_spatial::{Balance, CellId, Level, LoadMap, Planet, ZoneId, ZoneMap};
use clap::ValueEnum;

/// What zones share out evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// People who live there: where players would be, were they spread as people are
    Population,
    /// Ground
    Area,
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            Self::Population => "population",
            Self::Area => "area",
        }
    }
}

/// Cells of this level stand for the ground in shares of area.
const AREA_CELL: Level = Level::of(8);
/// Load of the whole planet's area: a part in a million of the smallest cell shows.
const AREA_TOTAL: f64 = 1e15;

/// Zones, and the load they share out.
pub struct Partition {
    pub map: ZoneMap,
    pub load: LoadMap,
    pub by: By,
}

impl Partition {
    /// Cuts a planet into `count` zones.
    pub fn new(planet: &Planet, count: usize, by: By) -> anyhow::Result<Self> {
        let load = match by {
            By::Population => LoadMap::of_settlements(planet.settlements(), planet.radius_m())?,
            By::Area => LoadMap::new(AREA_CELL, area())?,
        };
        if load.total() == 0 {
            bail!(
                "nobody lives on {}, so its zones cannot share out people; use --by area, or give the planet settlements or places",
                planet.name()
            );
        }
        let map = ZoneMap::balanced(count, &load)
            .with_context(|| format!("cannot cut {} into zones", planet.name()))?;
        Ok(Self { map, load, by })
    }

    /// Whose a leaf cell is.
    pub fn zone_of(&self, leaf: CellId) -> ZoneId {
        self.map.zone_of(leaf)
    }

    /// The coarsest fixed grid with at least as many cells as there are zones, and how it would do.
    pub fn fixed_grid(&self) -> (Level, Balance) {
        let zones = self.map.len() as u64;
        let level = Level::all()
            .find(|level| level.cells() >= zones)
            .unwrap_or(Level::MAX);
        (level, Balance::fixed_grid(level, &self.load))
    }
}

/// Every cell's share of the planet.
fn area() -> impl Iterator<Item = (CellId, u64)> {
    /// First number past the last face's cells.
    const END: u64 = 6 << 61;
    let step = END / AREA_CELL.cells();
    (0..AREA_CELL.cells()).map(move |n| {
        // A cell's number is the middle of its range.
        let cell = CellId(n * step + step / 2);
        let share = cell.area_sr() / (4.0 * std::f64::consts::PI);
        (cell, (share * AREA_TOTAL) as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_counts_with_its_area() {
        let cells: Vec<(CellId, u64)> = area().collect();
        assert!(
            cells
                .iter()
                .all(|(cell, _)| cell.is_valid() && cell.level() == AREA_CELL)
        );
        let sum: u64 = cells.iter().map(|row| row.1).sum();
        assert!((sum as f64 / AREA_TOTAL - 1.0).abs() < 1e-6, "{sum}");
    }
}
