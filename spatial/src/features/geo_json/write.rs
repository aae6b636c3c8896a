//! From features to text.

use geojson::{GeometryValue, Position};
use glam::DVec3;

use super::cut::{self, Piece};
use super::error::GeoJsonError;
use super::plane::MapPoint;
use super::{Feature, FeatureCollection, Geometry};
use crate::geo::Direction;

/// See [`FeatureCollection::write`].
pub(super) fn write(collection: &FeatureCollection, bend_rad: f64) -> Result<String, GeoJsonError> {
    let mut text = String::from("{\"type\":\"FeatureCollection\",\"features\":[");
    for (index, feature) in collection.features.iter().enumerate() {
        let geometry = geometry(&feature.geometry, bend_rad).map_err(|(field, problem)| {
            GeoJsonError::Feature {
                file: "the GeoJSON to be written".to_owned(),
                index,
                id: feature.id.clone(),
                line: 0,
                field: field.to_owned(),
                problem,
            }
        })?;
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&as_geojson(feature, geometry).to_string());
    }
    text.push_str("\n]}\n");
    Ok(text)
}

fn as_geojson(feature: &Feature, value: GeometryValue) -> geojson::Feature {
    geojson::Feature {
        bbox: None,
        geometry: Some(geojson::Geometry::new(value)),
        id: feature.id.clone(),
        properties: Some(feature.properties.clone()),
        foreign_members: None,
    }
}

fn geometry(geometry: &Geometry, bend_rad: f64) -> Result<GeometryValue, (&'static str, String)> {
    Ok(match geometry {
        Geometry::Point { at, altitude_m } => {
            let numbers = [Some(at.lng_deg()), Some(at.lat_deg()), *altitude_m];
            let numbers: Vec<f64> = numbers.into_iter().flatten().collect();
            if let Some(bad) = numbers.iter().find(|number| !number.is_finite()) {
                let problem = format!("{bad} cannot be written; make it a finite number");
                return Err(("geometry.coordinates", problem));
            }
            GeometryValue::Point {
                coordinates: Position::from(numbers),
            }
        }
        Geometry::Lines(lines) => {
            let pieces = lines.iter().flat_map(|line| cut::line(line, bend_rad));
            let mut pieces: Vec<Vec<Position>> = pieces.map(|piece| positions(&piece)).collect();
            match pieces.len() {
                1 => GeometryValue::LineString {
                    coordinates: pieces.swap_remove(0),
                },
                _ => GeometryValue::MultiLineString {
                    coordinates: pieces,
                },
            }
        }
        Geometry::Area(polygons) => {
            let pieces = polygons.iter().flat_map(|polygon| {
                let outer = directions(polygon.outer().iter());
                // The polygon, not the hole, on the left.
                let holes = polygon.holes().map(|hole| directions(hole.iter().rev()));
                let rings: Vec<Vec<Direction>> = std::iter::once(outer).chain(holes).collect();
                cut::polygon(&rings, bend_rad)
            });
            let mut pieces: Vec<_> = pieces.map(|piece| rings(&piece)).collect();
            match pieces.len() {
                1 => GeometryValue::Polygon {
                    coordinates: pieces.swap_remove(0),
                },
                _ => GeometryValue::MultiPolygon {
                    coordinates: pieces,
                },
            }
        }
    })
}

fn directions<'a>(vertices: impl Iterator<Item = &'a DVec3>) -> Vec<Direction> {
    let direction = |&vertex: &DVec3| Direction::new(vertex).expect("a vertex was a direction");
    vertices.map(direction).collect()
}

fn rings(piece: &Piece) -> Vec<Vec<Position>> {
    let rings = std::iter::once(&piece.outer).chain(&piece.holes);
    rings.map(|ring| positions(ring)).collect()
}

fn positions(points: &[MapPoint]) -> Vec<Position> {
    // Adding zero makes −0 a 0.
    let round = |degrees: f64| (degrees * 1e9).round() / 1e9 + 0.0;
    let position = |p: &MapPoint| Position::from([round(p.lng_deg), round(p.lat_deg)]);
    let mut positions: Vec<Position> = points.iter().map(position).collect();
    positions.dedup();
    positions
}
