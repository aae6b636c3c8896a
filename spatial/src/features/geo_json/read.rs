//! From bytes to features. The text is bounded and its brackets are counted before anything is
//! built from it; then each feature is decoded by itself, so that an error can say which.

use std::borrow::Cow;
use std::fmt;

use geojson::{GeometryValue, Position};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::GeoJsonError;
use super::plane::MapPoint;
use super::ring::{self, Budget, Role};
use super::{Feature, FeatureCollection, FeatureId, Geometry};
use crate::cells::{BadPolygon, Polygon};
use crate::geo::{Direction, LatLng};
use crate::limits::{GEOJSON_BYTES_MAX, GEOJSON_DEPTH_MAX, GEOJSON_FEATURES_MAX};

/// See [`FeatureCollection::read`].
pub(super) fn read(bytes: &[u8], file: &str) -> Result<FeatureCollection, GeoJsonError> {
    let whole = |problem: String| GeoJsonError::File {
        file: file.to_owned(),
        problem,
    };
    // RFC 8259 §8.1 lets a reader forgive a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_size(bytes).map_err(whole)?;
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = line_of(bytes, e.valid_up_to());
        whole(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })?;
    let top: Top<'_> = serde_json::from_str(text).map_err(|e| {
        whole(format!(
            "{e}; a GeoJSON file is one object with a \"type\" and, in a FeatureCollection, its \"features\""
        ))
    })?;
    let raw_features = top.features(text).map_err(whole)?;
    let mut budget = Budget::of_a_file();
    let mut features = Vec::with_capacity(raw_features.len());
    for (index, raw) in raw_features.into_iter().enumerate() {
        let bad = |id: Option<FeatureId>, (field, problem): BadField| GeoJsonError::Feature {
            file: file.to_owned(),
            index,
            id,
            // The raw text is a piece of the whole.
            line: line_of(bytes, raw.as_ptr() as usize - text.as_ptr() as usize),
            field,
            problem,
        };
        let parsed: geojson::Feature =
            serde_json::from_str(raw).map_err(|e| bad(id_of(raw), not_a_feature(&e)))?;
        let id = parsed.id;
        let geometry = geometry(parsed.geometry, &mut budget).map_err(|e| bad(id.clone(), e))?;
        features.push(Feature {
            id,
            geometry,
            properties: parsed.properties.unwrap_or_default(),
        });
    }
    Ok(FeatureCollection { features })
}

/// Most bridges of a polygon that are taken away, each at the cost of checking it again: the cut at
/// the antimeridian leaves one, an editor one to each hole.
const BRIDGES_MAX: usize = 16;

/// The field and what is wrong with it.
type BadField = (String, String);

/// Bounds what the parsers behind this may allocate and how deep they may recurse.
fn check_size(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > GEOJSON_BYTES_MAX {
        return Err(format!(
            "it has {} bytes; at most {GEOJSON_BYTES_MAX} are read: split it or simplify it",
            bytes.len()
        ));
    }
    let mut depth = 0;
    let mut quoted = false;
    let mut escaped = false;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > GEOJSON_DEPTH_MAX {
                    let line = line_of(bytes, at);
                    return Err(format!(
                        "line {line} opens bracket {depth} inside another; at most \
                         {GEOJSON_DEPTH_MAX} are read: flatten the properties"
                    ));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Counted from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count()
}

/// The outermost object, its features untouched.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    features: Option<RawFeatures<'a>>,
    #[serde(borrow)]
    crs: Option<&'a RawValue>,
}

impl<'a> Top<'a> {
    fn features(self, text: &'a str) -> Result<Vec<&'a str>, String> {
        if let Some(crs) = self.crs.map(RawValue::get)
            && !["CRS84", "4326"].iter().any(|known| crs.contains(known))
        {
            return Err(
                "\"crs\" names other coordinates than longitude and latitude; export the file \
                 again as WGS 84 (EPSG:4326), as RFC 7946 has it"
                    .to_owned(),
            );
        }
        match (self.kind.as_deref(), self.features) {
            (Some("FeatureCollection"), Some(features)) => Ok(features.0),
            (Some("FeatureCollection"), None) => {
                Err("the FeatureCollection has no \"features\"; add them, or []".to_owned())
            }
            (Some("Feature"), _) => Ok(vec![text.trim()]),
            (Some(kind), _) => Err(format!(
                "\"type\" is {:?}; it must be \"FeatureCollection\" or \"Feature\": wrap a geometry \
                 in a Feature",
                kind.chars().take(40).collect::<String>()
            )),
            (None, _) => Err(
                "there is no \"type\"; it must be \"FeatureCollection\" or \"Feature\"".to_owned(),
            ),
        }
    }
}

/// As many pieces of text as are allowed.
struct RawFeatures<'a>(Vec<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for RawFeatures<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = RawFeatures<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of features")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut features = Vec::new();
                while let Some(raw) = list.next_element::<&'de RawValue>()? {
                    if features.len() == GEOJSON_FEATURES_MAX {
                        return Err(de::Error::custom(format_args!(
                            "there are more than {GEOJSON_FEATURES_MAX} features; split the file"
                        )));
                    }
                    features.push(raw.get());
                }
                Ok(RawFeatures(features))
            }
        }
        deserializer.deserialize_seq(Visit)
    }
}

/// The id of a feature that is no feature, for the error about it.
fn id_of(raw: &str) -> Option<FeatureId> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Option<FeatureId>,
    }
    serde_json::from_str::<OnlyId>(raw).ok()?.id
}

fn not_a_feature(error: &serde_json::Error) -> BadField {
    // The position in the raw piece would mislead.
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let problem = format!("{text}; see RFC 7946 §3.2 for what a feature has");
    ("the feature".to_owned(), problem)
}

fn geometry(
    geometry: Option<geojson::Geometry>,
    budget: &mut Budget,
) -> Result<Geometry, BadField> {
    let Some(geometry) = geometry else {
        let problem = "is null; give the feature a place or remove it".to_owned();
        return Err(("geometry".to_owned(), problem));
    };
    let path = "geometry.coordinates";
    match geometry.value {
        GeometryValue::Point { coordinates } => point(&coordinates, path),
        GeometryValue::LineString { coordinates } => {
            Ok(Geometry::Lines(vec![line(&coordinates, path, budget)?]))
        }
        GeometryValue::MultiLineString { coordinates } => {
            let lines = coordinates.iter().enumerate();
            let lines = lines.map(|(n, points)| line(points, &format!("{path}[{n}]"), budget));
            Ok(Geometry::Lines(lines.collect::<Result<_, _>>()?))
        }
        GeometryValue::Polygon { coordinates } => {
            Ok(Geometry::Area(vec![polygon(&coordinates, path, budget)?]))
        }
        GeometryValue::MultiPolygon { coordinates } => {
            let polygons = coordinates.iter().enumerate();
            let polygons =
                polygons.map(|(n, rings)| polygon(rings, &format!("{path}[{n}]"), budget));
            Ok(Geometry::Area(polygons.collect::<Result<_, _>>()?))
        }
        other => Err((
            "geometry.type".to_owned(),
            format!(
                "{} is not read; make its parts features of their own",
                other.type_name()
            ),
        )),
    }
}

fn point(position: &Position, path: &str) -> Result<Geometry, BadField> {
    let bad = |problem: String| (path.to_owned(), problem);
    let MapPoint { lng_deg, lat_deg } = map_point(position).map_err(bad)?;
    Ok(Geometry::Point {
        at: LatLng::new(lat_deg, lng_deg).map_err(|e| bad(e.to_string()))?,
        altitude_m: position.as_slice().get(2).copied(),
    })
}

fn line(
    positions: &[Position],
    path: &str,
    budget: &mut Budget,
) -> Result<Vec<Direction>, BadField> {
    let points = map_points(positions, path, budget)?;
    if points.len() < 2 {
        let problem = format!(
            "a line has 2 positions or more, this one has {}",
            points.len()
        );
        return Err((path.to_owned(), problem));
    }
    ring::line(&points, budget).map_err(|problem| (path.to_owned(), problem))
}

fn polygon(rings: &[Vec<Position>], path: &str, budget: &mut Budget) -> Result<Polygon, BadField> {
    let mut read = Vec::with_capacity(rings.len());
    for (n, positions) in rings.iter().enumerate() {
        let role = if n == 0 { Role::Outer } else { Role::Hole };
        let path = format!("{path}[{n}]");
        let points = map_points(positions, &path, budget)?;
        if n == 0 && rings.len() > 1 && ring::is_whole_map(&points) {
            // All but the holes: the first of them, around which the polygon lies, is its border.
            continue;
        }
        read.push(ring::ring(&points, role, budget).map_err(|problem| (path, problem))?);
    }
    if read.is_empty() {
        let problem = "a polygon has an outer ring; add one or remove the polygon".to_owned();
        return Err((path.to_owned(), problem));
    }
    let mut bridges = 0;
    loop {
        let holes = read[1..].to_vec();
        let bad = match Polygon::new(read[0].clone(), holes) {
            Ok(polygon) => return Ok(polygon),
            Err(bad) => bad,
        };
        let (ring, vertex, meets) = whereabouts(&bad);
        if let Some(other) = meets
            && bridges < BRIDGES_MAX
            && let Some(part) = ring::split_at_bridge(&mut read[ring], other, vertex)
        {
            read.push(part);
            bridges += 1;
            continue;
        }
        let at = read.get(ring).and_then(|ring| ring.get(vertex));
        let near = at.map_or_else(String::new, |&at| {
            let MapPoint { lng_deg, lat_deg } = MapPoint::of(at);
            format!(" (vertices of halved edges count; this one is at [{lng_deg}, {lat_deg}])")
        });
        return Err((path.to_owned(), format!("{bad}{near}")));
    }
}

/// The ring and the vertex that an error is about, and where in the same ring that vertex is met
/// before, if that is the error.
fn whereabouts(bad: &BadPolygon) -> (usize, usize, Option<usize>) {
    match *bad {
        BadPolygon::RepeatedVertex {
            ring,
            vertex,
            other_ring,
            other_vertex,
        } => (ring, vertex, (ring == other_ring).then_some(other_vertex)),
        BadPolygon::HalfCircle { ring, vertex }
        | BadPolygon::Spike { ring, vertex }
        | BadPolygon::Crossing { ring, vertex, .. } => (ring, vertex, None),
        BadPolygon::TooFewVertices { ring, .. }
        | BadPolygon::HoleOutside { ring }
        | BadPolygon::HoleInHole { ring, .. } => (ring, 0, None),
        BadPolygon::TooManyVertices { .. } | BadPolygon::TooEntangled { .. } => {
            (usize::MAX, 0, None)
        }
    }
}

fn map_points(
    positions: &[Position],
    path: &str,
    budget: &mut Budget,
) -> Result<Vec<MapPoint>, BadField> {
    let spent = budget.spend(positions.len());
    spent.map_err(|problem| (path.to_owned(), problem))?;
    let positions = positions.iter().enumerate();
    positions
        .map(|(n, position)| {
            map_point(position).map_err(|problem| (format!("{path}[{n}]"), problem))
        })
        .collect()
}

/// Checked: −180 ..= 180 and −90 ..= 90.
fn map_point(position: &Position) -> Result<MapPoint, String> {
    let (lng_deg, lat_deg) = match *position.as_slice() {
        [lng_deg, lat_deg] | [lng_deg, lat_deg, _] => (lng_deg, lat_deg),
        ref other => {
            return Err(format!(
                "a position is [longitude, latitude] or [longitude, latitude, altitude], this one \
                 has {} numbers",
                other.len()
            ));
        }
    };
    // NaN is in no range.
    let (lng_fits, lat_fits) = (lng_deg.abs() <= 180.0, lat_deg.abs() <= 90.0);
    if lng_fits && lat_fits {
        return Ok(MapPoint::new(lng_deg, lat_deg));
    }
    if !lat_fits && lng_deg.abs() <= 90.0 && lat_deg.abs() <= 180.0 {
        return Err(format!(
            "latitude {lat_deg} is beyond ±90; GeoJSON is [longitude, latitude], so perhaps the two \
             are swapped"
        ));
    }
    if lat_fits && lng_deg.abs() <= 540.0 {
        let other_deg = super::plane::wrapped(lng_deg);
        return Err(format!(
            "longitude {lng_deg} is beyond ±180; write {other_deg}, and cut what crosses the \
             antimeridian (RFC 7946 §3.1.9)"
        ));
    }
    Err(format!(
        "[{lng_deg}, {lat_deg}] is no longitude within ±180 and latitude within ±90, in degrees; \
         projected coordinates must be exported as WGS 84 (EPSG:4326)"
    ))
}
