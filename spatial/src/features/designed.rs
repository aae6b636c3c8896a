//! What a designer puts on a planet by hand: obstacles with names, and named areas, from a GeoJSON
//! file whose properties `assets/features/README.md` lists.

use serde_json::Value;

use super::geo_json::{Feature, FeatureCollection, GeoJsonError, Geometry, Properties};
use crate::cells::{Cap, Polygon, Region};
use crate::geo::{Direction, LatLng};
use crate::limits::{
    FEATURE_TEXT_BYTES_MAX, GROUND_M_MAX, OBSTACLE_HEIGHT_M_MAX, OBSTACLE_HEIGHT_M_MIN,
    OBSTACLE_RADIUS_M_MAX, OBSTACLE_RADIUS_M_MIN,
};

/// A part of the ground that has a name: a district, a park, a border.
#[derive(Clone, Debug)]
pub struct Area {
    name: String,
    kind: String,
    /// Each with a cap around it, which tells most places apart at once.
    polygons: Vec<(Cap, Polygon)>,
    properties: Properties,
}

impl Area {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of area it is, in the designer's words; may be empty.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it covers: the inside of any of these.
    #[must_use]
    pub fn polygons(&self) -> impl ExactSizeIterator<Item = &Polygon> {
        self.polygons.iter().map(|(_, polygon)| polygon)
    }

    /// All that the file says of it, name and kind included.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// Whether a place lies in it.
    #[must_use]
    pub fn contains(&self, at: Direction) -> bool {
        let holds = |(cap, polygon): &(Cap, Polygon)| cap.contains(at) && polygon.contains(at);
        self.polygons.iter().any(holds)
    }
}

/// An obstacle that a designer placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmark {
    /// The obstacle: its place in [`Obstacles::as_slice`](crate::Obstacles::as_slice).
    pub obstacle_id: u32,
    /// Its name; may be empty.
    pub name: String,
    /// What kind of thing it is, in the designer's words; may be empty.
    pub kind: String,
}

/// A thing to be placed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) at: LatLng,
    /// Of its foot above sea level; on the ground without.
    pub(crate) altitude_m: Option<f64>,
    pub(crate) radius_m: f64,
    pub(crate) height_m: f64,
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// All that one file puts on a planet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Designed {
    pub(crate) standing: Vec<Standing>,
    pub(crate) areas: Vec<Area>,
}

impl Designed {
    /// Reads a file's bytes for a planet of some radius; points become standing things, polygons
    /// areas, each in the file's order.
    ///
    /// # Errors
    /// [`GeoJsonError`], also if a property is missing or impossible.
    pub(crate) fn read(bytes: &[u8], file: &str, radius_m: f64) -> Result<Self, GeoJsonError> {
        let mut designed = Self::default();
        // Nothing stands near the centre, where there is no up.
        let altitude_m_max = if 0.5 * radius_m < GROUND_M_MAX {
            0.5 * radius_m
        } else {
            GROUND_M_MAX
        };
        let collection = FeatureCollection::read(bytes, file)?;
        for (index, feature) in collection.features.into_iter().enumerate() {
            let id = feature.id.clone();
            designed
                .add(feature, altitude_m_max)
                .map_err(|(field, problem)| GeoJsonError::Feature {
                    file: file.to_owned(),
                    index,
                    id,
                    line: 0,
                    field: field.to_owned(),
                    problem,
                })?;
        }
        Ok(designed)
    }

    fn add(&mut self, feature: Feature, altitude_m_max: f64) -> Result<(), (&'static str, String)> {
        let properties = &feature.properties;
        let name = text(properties, "name").map_err(|e| ("properties.name", e))?;
        let kind = text(properties, "kind").map_err(|e| ("properties.kind", e))?;
        match feature.geometry {
            Geometry::Point { at, altitude_m } => {
                let radius = (OBSTACLE_RADIUS_M_MIN, OBSTACLE_RADIUS_M_MAX);
                let height = (OBSTACLE_HEIGHT_M_MIN, OBSTACLE_HEIGHT_M_MAX);
                let standing = Standing {
                    at,
                    altitude_m,
                    radius_m: metres(properties, "radius_m", radius)
                        .map_err(|e| ("properties.radius_m", e))?,
                    height_m: metres(properties, "height_m", height)
                        .map_err(|e| ("properties.height_m", e))?,
                    name,
                    kind,
                };
                if let Some(altitude_m) = altitude_m
                    && altitude_m.abs() > altitude_m_max
                {
                    let problem = format!(
                        "altitude {altitude_m} is beyond ±{altitude_m_max} m; leave it out to put the \
                         thing on the ground"
                    );
                    return Err(("geometry.coordinates", problem));
                }
                self.standing.push(standing);
            }
            Geometry::Area(polygons) => {
                if name.is_empty() {
                    let problem = "is missing; an area is asked for by its name".to_owned();
                    return Err(("properties.name", problem));
                }
                self.areas.push(Area {
                    name,
                    kind,
                    polygons: polygons.into_iter().map(with_cap).collect(),
                    properties: feature.properties,
                });
            }
            Geometry::Lines(_) => {
                let problem =
                    "a planet has points and areas; turn the line into a narrow polygon, \
                               or remove it"
                        .to_owned();
                return Err(("geometry.type", problem));
            }
        }
        Ok(())
    }
}

fn with_cap(polygon: Polygon) -> (Cap, Polygon) {
    (polygon.bounding_cap(), polygon)
}

/// A short text, empty if it is missing.
fn text(properties: &Properties, key: &str) -> Result<String, String> {
    match properties.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if text.len() <= FEATURE_TEXT_BYTES_MAX => Ok(text.clone()),
        Some(Value::String(text)) => Err(format!(
            "has {} bytes; at most {FEATURE_TEXT_BYTES_MAX} are kept: shorten it",
            text.len()
        )),
        Some(other) => Err(format!("is {}; write a text", kind_of(other))),
    }
}

/// A length within bounds.
fn metres(properties: &Properties, key: &str, (low, high): (f64, f64)) -> Result<f64, String> {
    let wanted = format!("write a number of metres, {low} ..= {high}");
    let value = match properties.get(key) {
        None => return Err(format!("is missing; {wanted}")),
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(other) => return Err(format!("is {}; {wanted}", kind_of(other))),
    };
    if value >= low && value <= high {
        Ok(value)
    } else {
        Err(format!("is {value}; {wanted}"))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
