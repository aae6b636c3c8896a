//! GeoJSON (RFC 7946) in and out: points, lines and areas with properties.
//!
//! A file's edges are straight in longitude and latitude and end at the antimeridian; ours are
//! great circles on a ball without seams. Reading sews what was cut and halves edges until the two
//! agree; writing does the reverse. Nothing of a file is trusted.

mod cut;
mod error;
mod plane;
mod read;
mod ring;
mod write;

pub use ::geojson::JsonObject as Properties;
pub use ::geojson::feature::Id as FeatureId;

pub use self::error::GeoJsonError;
use crate::cells::Polygon;
use crate::geo::{Direction, LatLng};

/// By how much an edge may bend between its ends before it is halved, radians: 6 m on Earth, 5 cm
/// on a moon of 50 km.
pub(crate) const BEND_RAD: f64 = 1e-6;

/// The features of a file, in its order.
///
/// ```
/// use bluemarble_spatial::{FeatureCollection, Geometry};
///
/// let text = br#"{"type": "FeatureCollection", "features": [
///     {"type": "Feature", "properties": {"name": "mast"},
///      "geometry": {"type": "Point", "coordinates": [2.35, 48.86, 35.0]}}
/// ]}"#;
/// let collection = FeatureCollection::read(text, "masts.geojson")?;
/// let mast = &collection.features[0];
/// assert_eq!(mast.properties["name"], "mast");
/// assert!(matches!(mast.geometry, Geometry::Point { altitude_m: Some(35.0), .. }));
///
/// let again = FeatureCollection::read(collection.write()?.as_bytes(), "masts.geojson")?;
/// assert_eq!(again, collection);
///
/// let swapped = br#"{"type": "Feature", "properties": null,
///     "geometry": {"type": "Point", "coordinates": [-33.87, 151.21]}}"#;
/// let error = FeatureCollection::read(swapped, "sydney.geojson").unwrap_err();
/// assert!(error.to_string().contains("perhaps the two are swapped"));
/// # Ok::<(), bluemarble_spatial::GeoJsonError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureCollection {
    /// In the file's order.
    pub features: Vec<Feature>,
}

/// Something with a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// A text or a number, if it has one.
    pub id: Option<FeatureId>,
    /// Where it is.
    pub geometry: Geometry,
    /// What else is known of it: a JSON object.
    pub properties: Properties,
}

/// Where a feature is.
#[derive(Clone, Debug)]
pub enum Geometry {
    /// At one place.
    Point {
        /// Degrees.
        at: LatLng,
        /// Above sea level (the planet's radius), metres: the third coordinate.
        altitude_m: Option<f64>,
    },
    /// Along lines of great circles. Third coordinates are not kept.
    Lines(Vec<Vec<Direction>>),
    /// Inside any of some polygons. What the antimeridian cut in a file is one area of several
    /// polygons here. Third coordinates are not kept.
    Area(Vec<Polygon>),
}

impl PartialEq for Geometry {
    fn eq(&self, other: &Self) -> bool {
        let is_same = |one: &Polygon, other: &Polygon| {
            one.outer() == other.outer() && one.holes().eq(other.holes())
        };
        match (self, other) {
            (
                Self::Point { at, altitude_m },
                Self::Point {
                    at: other_at,
                    altitude_m: other_m,
                },
            ) => at == other_at && altitude_m == other_m,
            (Self::Lines(lines), Self::Lines(others)) => lines == others,
            (Self::Area(polygons), Self::Area(others)) => {
                polygons.len() == others.len()
                    && polygons.iter().zip(others).all(|(a, b)| is_same(a, b))
            }
            _ => false,
        }
    }
}

impl FeatureCollection {
    /// Reads a file's bytes: a FeatureCollection, or a single Feature. `file` is its name, for
    /// errors.
    ///
    /// Rings may run either way round; an edge across more than 180° of longitude goes the short
    /// way, as most writers mean it, though RFC 7946 would have it cut.
    ///
    /// # Errors
    /// [`GeoJsonError`], naming the file, the feature and what to do.
    pub fn read(bytes: &[u8], file: &str) -> Result<Self, GeoJsonError> {
        read::read(bytes, file)
    }

    /// Writes RFC 7946: one feature to a line, right-hand rings, \[longitude, latitude\] rounded to
    /// 10⁻⁹ degrees (0.1 mm on Earth), cut at the antimeridian, edges bending by no more than 10⁻⁶
    /// radians. Of areas, pieces of less than 10⁻¹² square degrees (a decimetre square on Earth) are
    /// left out.
    ///
    /// # Errors
    /// [`GeoJsonError`] if an altitude is not finite.
    pub fn write(&self) -> Result<String, GeoJsonError> {
        write::write(self, BEND_RAD)
    }
}
