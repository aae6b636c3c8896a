//! The zones as an operator sees them. The loop copies numbers; names and places are worked out by
//! whoever asks.

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;
use bluemarble_sim::{World, ZoneLoad};
use bluemarble_spatial::{
    CellId, Change, Direction, Feature, FeatureCollection, FeatureId, GeoJsonError, Geometry,
    LatLng, Polygon, Properties, ZoneMap,
};
use serde::Serialize;

/// All zones at one moment.
#[derive(Clone, Debug)]
pub struct ZoneTable {
    world: String,
    planet_radius_m: f64,
    tick: Tick,
    map: Arc<ZoneMap>,
    loads: Vec<ZoneLoad>,
    strays: usize,
}

/// As told.
#[derive(Debug, Serialize)]
pub struct ZonePage {
    world: String,
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
    /// So far from there is its farthest corner, along the ground.
    radius_km: f64,
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
    /// Copies what is known between two ticks of the world of that name.
    pub fn of(name: &str, world: &World) -> Self {
        Self {
            world: name.to_owned(),
            planet_radius_m: world.spec().planet.radius_m(),
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
        let rows = self.map.ranges().zip(&self.loads);
        ZonePage {
            world: self.world.clone(),
            tick: self.tick.0,
            strays: self.strays,
            imbalance: self.imbalance(),
            zones: rows.map(|(range, load)| self.row(range, load)).collect(),
        }
    }

    /// The same as GeoJSON (RFC 7946): a feature for each zone, where it ends and what it has to do.
    ///
    /// # Errors
    /// An outline that cannot be written; none is known.
    pub fn geo_json(&self) -> Result<String, GeoJsonError> {
        let rows = self.map.ranges().zip(&self.loads);
        let features = rows
            .map(|(range, load)| Feature {
                id: Some(FeatureId::Number(load.zone.into())),
                geometry: Geometry::Area(self.area(load.zone)),
                properties: self.row(range, load).properties(),
            })
            .collect();
        FeatureCollection { features }.write()
    }

    fn row(&self, (first, last): (CellId, CellId), load: &ZoneLoad) -> ZoneRow {
        // Leaves are the odd numbers.
        let midst = CellId((first.0 / 2 + last.0 / 2) | 1).centre();
        let at = LatLng::from_dir(midst);
        let corners = self.map.cells(load.zone);
        let corners = corners.iter().flat_map(|cell| cell.vertices());
        let farthest = corners.map(|corner| corner.angle_between(midst));
        let angle_rad = farthest.fold(0.0, |most, angle| if angle > most { angle } else { most });
        ZoneRow {
            zone: load.zone,
            first: first.token(),
            last: last.token(),
            lat_deg: rounded(at.lat_deg()),
            lng_deg: rounded(at.lng_deg()),
            radius_km: rounded(angle_rad * self.planet_radius_m / 1_000.0),
            entities: load.entities,
            residents: load.residents,
            step_us: load.step_ns as f64 / 1_000.0,
            share: load.step_ns as f64 / self.sum_ns().max(1) as f64,
        }
    }

    /// The zone as one polygon, or, where it touches itself in a corner and so is none, as its cells.
    fn area(&self, zone: u32) -> Vec<Polygon> {
        let mut rings: Vec<Vec<Direction>> = self.map.outline(zone);
        for ring in &mut rings {
            // Polygons close themselves.
            ring.pop();
        }
        rings.sort_by_key(|ring| std::cmp::Reverse(ring.len()));
        let mut rings = rings.into_iter();
        let whole = rings
            .next()
            .and_then(|outer| Polygon::new(outer, rings.collect()).ok());
        whole.map_or_else(
            || {
                let cells = self.map.cells(zone).into_iter();
                cells.filter_map(polygon).collect()
            },
            |whole| vec![whole],
        )
    }

    fn sum_ns(&self) -> u64 {
        self.loads.iter().map(|load| load.step_ns).sum()
    }
}

impl ZoneRow {
    fn properties(self) -> Properties {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields.into_iter().collect(),
            _ => Properties::new(),
        }
    }
}

fn polygon(cell: CellId) -> Option<Polygon> {
    let corners = cell.vertices().map(Direction::new).into_iter();
    let ring = corners.collect::<Result<Vec<_>, _>>().ok()?;
    Polygon::new(ring, Vec::new()).ok()
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
