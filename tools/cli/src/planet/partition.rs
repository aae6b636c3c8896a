//! A planet cut into zones by a load.

use anyhow::bail;
use bluemarble_spatial::{CellId, Level, Planet, maths};
use clap::ValueEnum;
use glam::DVec3;

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

/// Most zones: what a world may be cut into.
const ZONES_MAX: usize = 4_096;
/// Borders lie between cells of this level: 2 km wide on Earth.
const CELL: Level = Level::of(12);
/// Cells of this level stand for the ground in shares of area.
const AREA_CELL: Level = Level::of(6);
/// People per km² of a settlement's disc.
const CROWDED_PER_KM2: f64 = 4_000.0;
/// Points that a settlement's people stand on.
const POINTS: u32 = 64;
/// First number past the last face's cells.
const END: u64 = 6 << 61;

/// Zones, each a contiguous range of cells, and what each carries.
pub struct Partition {
    /// First leaf of each zone, ascending; the first is 0.
    starts: Vec<u64>,
    /// Cells that carry something, ascending, and how much.
    load: Vec<(CellId, f64)>,
}

impl Partition {
    /// Cuts a planet into `count` zones whose loads differ as little as ranges of cells allow.
    pub fn new(planet: &Planet, count: usize, by: By) -> anyhow::Result<Self> {
        if !(1..=ZONES_MAX).contains(&count) {
            bail!("{count} zones are impossible: a world has 1 to {ZONES_MAX}");
        }
        let load = match by {
            By::Population => population(planet),
            By::Area => area(),
        };
        if load.is_empty() {
            bail!(
                "nobody lives on {}, so its zones cannot share out people; use --by area, or give it settlements or places",
                planet.name()
            );
        }
        Ok(Self {
            starts: cut(&load, count),
            load,
        })
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whose a leaf cell is.
    pub fn zone_of(&self, leaf: CellId) -> usize {
        self.starts.partition_point(|&start| start <= leaf.0) - 1
    }

    /// The first leaf of a zone, and the first after it.
    pub fn range(&self, zone: usize) -> (u64, u64) {
        let end = self.starts.get(zone + 1).copied().unwrap_or(END);
        (self.starts[zone], end)
    }

    /// What each zone carries.
    pub fn loads(&self) -> Vec<f64> {
        let mut loads = vec![0.0; self.len()];
        for &(cell, load) in &self.load {
            loads[self.zone_of(cell.range_min())] += load;
        }
        loads
    }

    /// What each cell of a fixed grid would carry.
    pub fn grid_loads(&self, level: Level) -> Vec<f64> {
        let mut loads: Vec<(CellId, f64)> = Vec::new();
        for &(cell, load) in &self.load {
            let parent = cell.parent(level);
            match loads.last_mut() {
                Some((last, sum)) if *last == parent => *sum += load,
                _ => loads.push((parent, load)),
            }
        }
        let empty = level.cells() as usize - loads.len();
        let carried = loads.into_iter().map(|(_, load)| load);
        carried.chain(std::iter::repeat_n(0.0, empty)).collect()
    }
}

/// The busiest over the mean.
pub fn busiest_over_mean(loads: &[f64]) -> f64 {
    let most = loads.iter().copied().fold(0.0, f64::max);
    most * loads.len() as f64 / loads.iter().sum::<f64>()
}

/// Every settlement's people, evenly over a disc around its middle.
fn population(planet: &Planet) -> Vec<(CellId, f64)> {
    let mut points = Vec::with_capacity(planet.settlements().len() * POINTS as usize);
    for settlement in planet.settlements() {
        let people = settlement.population as f64;
        let radius_km = (people / (std::f64::consts::PI * CROWDED_PER_KM2)).sqrt();
        let radius = radius_km * 1_000.0 / planet.radius_m();
        let up = settlement.at.to_dir();
        let east = DVec3::Z.cross(up).try_normalize().unwrap_or(DVec3::Y);
        let north = up.cross(east);
        for n in 0..POINTS {
            // A sunflower's seeds: even, and the same every time.
            let out = radius * (f64::from(n) + 0.5).sqrt() / f64::from(POINTS).sqrt();
            let (sin, cos) = maths::sin_cos(f64::from(n) * GOLDEN_ANGLE);
            let at = up + (east * cos + north * sin) * out;
            points.push((CellId::at(at, CELL), people / f64::from(POINTS)));
        }
    }
    points.sort_by_key(|&(cell, _)| cell);
    let mut load: Vec<(CellId, f64)> = Vec::new();
    for (cell, people) in points {
        match load.last_mut() {
            Some((last, sum)) if *last == cell => *sum += people,
            _ if people > 0.0 => load.push((cell, people)),
            _ => {}
        }
    }
    load
}

/// Angle between one seed of a sunflower and the next.
const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;

/// Ground in shares of the planet.
fn area() -> Vec<(CellId, f64)> {
    let step = END / AREA_CELL.cells();
    let cell = |n: u64| CellId(n * step + step / 2);
    let share = |cell: CellId| cell.area_sr() / (4.0 * std::f64::consts::PI);
    (0..AREA_CELL.cells())
        .map(cell)
        .map(|cell| (cell, share(cell)))
        .collect()
}

/// Where zones begin so that the heaviest is as light as any cutting into `count` ranges makes it:
/// bisection of what it may carry, each try a walk that fills zone after zone.
fn cut(load: &[(CellId, f64)], count: usize) -> Vec<u64> {
    let filled = |most: f64| {
        let mut starts = vec![0_u64];
        let mut sum = 0.0;
        for &(cell, load) in load {
            if sum + load > most && sum > 0.0 {
                starts.push(cell.range_min().0 - 1);
                sum = 0.0;
            }
            sum += load;
        }
        starts
    };
    let total: f64 = load.iter().map(|row| row.1).sum();
    let (mut low, mut high) = (0.0, total);
    for _ in 0..48 {
        let middle = 0.5 * (low + high);
        if filled(middle).len() > count {
            low = middle;
        } else {
            high = middle;
        }
    }
    let mut starts = filled(high);
    // Zones that no load asks for: halve the widest.
    while starts.len() < count {
        let end = |zone: usize| starts.get(zone + 1).copied().unwrap_or(END);
        let Some(widest) = (0..starts.len()).max_by_key(|&zone| end(zone) - starts[zone]) else {
            break;
        };
        let grain = 1_u64 << (2 * (30 - u32::from(CELL.get())) + 1);
        let middle = (starts[widest] / 2 + end(widest) / 2) / grain * grain;
        if middle <= starts[widest] {
            break;
        }
        starts.insert(widest + 1, middle);
    }
    starts
}
