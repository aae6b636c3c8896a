//! Zones as GeoJSON: one feature each, with what it carries and where it ends.

use anyhow::Context;
use bluemarble_spatial::{
    CellId, Direction, Feature, FeatureCollection, FeatureId, Geometry, Planet, Polygon,
    Properties, ZoneId,
};
use serde_json::json;

use super::partition::{By, Partition};

/// RFC 7946 text: outlines cut at the antimeridian, one feature to a line.
pub fn geo_json(planet: &Planet, zones: &Partition) -> anyhow::Result<String> {
    let loads = zones.map.loads(&zones.load);
    let features = (0..zones.map.len() as ZoneId)
        .zip(loads)
        .map(|(zone, load)| feature(planet, zones, zone, load))
        .collect::<anyhow::Result<Vec<Feature>>>()?;
    FeatureCollection { features }
        .write()
        .context("cannot write the zones as GeoJSON")
}

fn feature(planet: &Planet, zones: &Partition, zone: ZoneId, load: u64) -> anyhow::Result<Feature> {
    let total = zones.load.total() as f64;
    let neighbours = zones.map.neighbours(zone, planet.radius_m());
    // Not `sum`, which is -0 of nothing.
    let border_km = neighbours.iter().fold(0.0, |sum, near| sum + near.1) / 1_000.0;
    let ids: Vec<ZoneId> = neighbours.iter().map(|near| near.0).collect();
    let cells = zones.map.cells(zone);
    let area_sr: f64 = cells.iter().map(|cell| cell.area_sr()).sum();
    let area_km2 = area_sr * planet.radius_m() * planet.radius_m() / 1e6;
    let mut properties = Properties::new();
    let mut set = |name: &str, value| properties.insert(name.to_owned(), value);
    set("zone", json!(zone));
    set("load", json!(load as f64 / total));
    if zones.by == By::Population {
        set("population", json!(load));
    }
    set("area_km2", json!(area_km2));
    set("border_km", json!(border_km));
    set("neighbours", json!(ids));
    if let (Some(first), Some(last)) = (cells.first(), cells.last()) {
        set("first_cell", json!(first.token()));
        set("last_cell", json!(last.token()));
    }
    Ok(Feature {
        id: Some(FeatureId::Number(zone.into())),
        geometry: Geometry::Area(area(zones, zone, &cells)?),
        properties,
    })
}

/// The zone as one polygon, or, where it touches itself in a corner and so is none, as its cells.
fn area(zones: &Partition, zone: ZoneId, cells: &[CellId]) -> anyhow::Result<Vec<Polygon>> {
    let mut rings: Vec<Vec<Direction>> = zones.map.outline(zone);
    for ring in &mut rings {
        // Polygons close themselves.
        ring.pop();
    }
    // The longest ring is the one to call outer; on a sphere each has the zone on its left.
    rings.sort_by_key(|ring| std::cmp::Reverse(ring.len()));
    let mut rings = rings.into_iter();
    if let Some(outer) = rings.next()
        && let Ok(whole) = Polygon::new(outer, rings.collect())
    {
        return Ok(vec![whole]);
    }
    cells
        .iter()
        .map(|cell| {
            let corners = cell.vertices().map(Direction::new);
            let ring = corners.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(Polygon::new(ring, Vec::new())?)
        })
        .collect()
}
