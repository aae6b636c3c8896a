//! Where people live.

use crate::lat_lng::LatLng;

/// A place with people.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// GeoNames number.
    pub geoname_id: u32,
    /// Name.
    pub name: String,
    /// ISO 3166 country code.
    pub country: String,
    /// Where.
    pub at: LatLng,
    /// People.
    pub population: u64,
}
