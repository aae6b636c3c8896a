//! The zones as an operator sees them. The loop copies numbers; names and places are worked out by
//! whoever asks.

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{World, ZoneLoad};
use bluemarble_spatial::{CellId, Change, LatLng, ZoneMap};
use serde::Serialize;

/// All zones at one moment.
#[derive(Clone, Debug)]
pub struct ZoneTable {
    tick: Tick,
    map: Arc<ZoneMap>,
    loads: Vec<ZoneLoad>,
    strays: usize,
}

/// As told.
#[derive(Debug, Serialize)]
pub struct ZonePage {
    tick: u64,
    /// Entities that are stepped by another zone than their cell's, until their departure.
    strays: usize,
    /// The busiest zone's step over the mean zone's; 1 = even.
    imbalance: f64,
    zones: Vec<ZoneRow>,
}

#[derive(Debug, Serialize)]
struct ZoneRow {
    zone: u32,
    /// Token of its first leaf cell on the S2 curve.
    first: String,
    /// Token of its last.
    last: String,
    /// A place in its midst.
    lat_deg: f64,
    lng_deg: f64,
    /// Who stands in its cells.
    entities: usize,
    /// Who is stepped by it.
    residents: usize,
    /// What its step takes, smoothed.
    step_us: f64,
    /// Its part of all zones' steps.
    share: f64,
}

impl ZoneTable {
    /// Copies what is known between two ticks.
    pub fn of(world: &World) -> Self {
        Self {
            tick: world.tick(),
            map: Arc::clone(&world.frames().map),
            loads: world.zone_loads(),
            strays: world.strays(),
        }
    }

    /// The busiest over the mean; 1 with nothing to do.
    pub fn imbalance(&self) -> f64 {
        let busiest = self.loads.iter().map(|load| load.step_ns).max();
        let sum = self.sum_ns();
        match busiest {
            Some(busiest) if sum > 0 => busiest as f64 * self.loads.len() as f64 / sum as f64,
            _ => 1.0,
        }
    }

    /// For the admin HTTP.
    pub fn page(&self) -> ZonePage {
        let sum = self.sum_ns().max(1) as f64;
        let rows = self.map.ranges().zip(&self.loads);
        let zones = rows
            .map(|((first, last), load)| {
                // Leaves are the odd numbers.
                let at = LatLng::from_dir(CellId((first.0 / 2 + last.0 / 2) | 1).centre());
                ZoneRow {
                    zone: load.zone,
                    first: first.token(),
                    last: last.token(),
                    lat_deg: rounded(at.lat_deg()),
                    lng_deg: rounded(at.lng_deg()),
                    entities: load.entities,
                    residents: load.residents,
                    step_us: load.step_ns as f64 / 1_000.0,
                    share: load.step_ns as f64 / sum,
                }
            })
            .collect();
        ZonePage {
            tick: self.tick.0,
            strays: self.strays,
            imbalance: self.imbalance(),
            zones,
        }
    }

    fn sum_ns(&self) -> u64 {
        self.loads.iter().map(|load| load.step_ns).sum()
    }
}

/// A ten-thousandth of a degree is eleven metres: enough to find a zone.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e4).round() / 1e4
}

/// A change in words.
pub(super) fn told(change: &Change) -> String {
    match change {
        Change::Move { zone, to } => format!("zone {zone} begins at cell {}", to.token()),
        Change::Split { zone, at } => format!(
            "zone {zone} ends before cell {}, where zone {} begins",
            at.token(),
            zone + 1
        ),
        Change::Merge { zone } => format!("zone {zone} takes over zone {}", zone + 1),
    }
}
