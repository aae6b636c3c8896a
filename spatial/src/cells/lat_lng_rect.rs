//! All places between two parallels and two meridians, as maps and files cut the world. It may
//! cross the date line, hold a pole, or go around the whole planet.

use std::f64::consts::{FRAC_PI_2, PI};

use glam::DVec3;

use super::arc::{ROUNDING_RAD, angle};
use super::cap::Cap;
use super::cell_id::CellId;
use super::convex::{Convex, latitude};
use super::region::{Region, Relation};
use super::shape::CellShape;
use crate::geo::Direction;
use crate::maths;

/// A closed rectangle of latitudes and longitudes. Its northern and southern sides are parallels,
/// not great circles.
///
/// ```
/// use bluemarble_spatial::{LatLng, LatLngRect, Region};
///
/// // From Fiji's west over the date line to Samoa.
/// let isles = LatLngRect::from_degrees(-22.0, 176.0, -12.0, -170.0)?;
/// let apia = LatLng::degrees(-13.8, -171.8).to_direction();
/// assert!(isles.contains(apia));
/// # Ok::<(), bluemarble_spatial::BadRect>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatLngRect {
    south_deg: f64,
    west_deg: f64,
    north_deg: f64,
    east_deg: f64,
}

/// Bounds of no rectangle.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BadRect {
    /// A latitude is not in −90 ..= 90, or not a number.
    #[error("latitudes {south_deg} to {north_deg}: both must be -90 to 90 degrees")]
    Latitude {
        /// As given.
        south_deg: f64,
        /// As given.
        north_deg: f64,
    },
    /// The southern bound is north of the northern one.
    #[error("the southern side, {south_deg}°, lies north of the northern one, {north_deg}°")]
    UpsideDown {
        /// As given.
        south_deg: f64,
        /// As given.
        north_deg: f64,
    },
    /// A longitude is not in −180 ..= 180, or not a number.
    #[error("longitudes {west_deg} to {east_deg}: both must be -180 to 180 degrees")]
    Longitude {
        /// As given.
        west_deg: f64,
        /// As given.
        east_deg: f64,
    },
}

impl LatLngRect {
    /// From the western meridian eastwards to the eastern one, over the date line if the western
    /// number is the greater. −180 to 180 is all around; two equal meridians are one line.
    ///
    /// # Errors
    /// [`BadRect`] if a bound is out of range or not a number, or south lies north of north.
    pub fn from_degrees(
        south_deg: f64,
        west_deg: f64,
        north_deg: f64,
        east_deg: f64,
    ) -> Result<Self, BadRect> {
        let is_latitude = |deg: f64| (-90.0..=90.0).contains(&deg);
        let is_longitude = |deg: f64| (-180.0..=180.0).contains(&deg);
        if !is_latitude(south_deg) || !is_latitude(north_deg) {
            Err(BadRect::Latitude {
                south_deg,
                north_deg,
            })
        } else if south_deg > north_deg {
            Err(BadRect::UpsideDown {
                south_deg,
                north_deg,
            })
        } else if !is_longitude(west_deg) || !is_longitude(east_deg) {
            Err(BadRect::Longitude { west_deg, east_deg })
        } else {
            Ok(Self {
                south_deg,
                west_deg,
                north_deg,
                east_deg,
            })
        }
    }

    /// Everything.
    #[must_use]
    pub const fn whole() -> Self {
        Self {
            south_deg: -90.0,
            west_deg: -180.0,
            north_deg: 90.0,
            east_deg: 180.0,
        }
    }

    /// Latitude of its southern side.
    #[must_use]
    pub const fn south_deg(&self) -> f64 {
        self.south_deg
    }

    /// Longitude of its western side.
    #[must_use]
    pub const fn west_deg(&self) -> f64 {
        self.west_deg
    }

    /// Latitude of its northern side.
    #[must_use]
    pub const fn north_deg(&self) -> f64 {
        self.north_deg
    }

    /// Longitude of its eastern side: below the western one's if it crosses the date line.
    #[must_use]
    pub const fn east_deg(&self) -> f64 {
        self.east_deg
    }

    /// From its western side to its eastern one, 0 ..= 360.
    #[must_use]
    pub fn width_deg(&self) -> f64 {
        let width = self.east_deg - self.west_deg;
        if width < 0.0 { width + 360.0 } else { width }
    }

    /// Its area on the unit sphere, steradians.
    #[must_use]
    pub fn area_sr(&self) -> f64 {
        // sin(north) − sin(south), without that subtraction's loss of digits.
        let (south, north) = (self.south_deg.to_radians(), self.north_deg.to_radians());
        let height = 2.0 * maths::sin(0.5 * (north - south)) * maths::cos(0.5 * (north + south));
        self.width_deg().to_radians() * height
    }

    /// Compared with the sides as they are: a difference of longitudes would round.
    fn holds_longitude(&self, lng_rad: f64) -> bool {
        let is_east_of_west = self.west_deg.to_radians() <= lng_rad;
        let is_west_of_east = lng_rad <= self.east_deg.to_radians();
        if self.west_deg <= self.east_deg {
            is_east_of_west && is_west_of_east
        } else {
            is_east_of_west || is_west_of_east
        }
    }

    fn goes_around(&self) -> bool {
        self.width_deg() >= 360.0
    }

    /// Whether a figure lies wholly between its parallels.
    fn holds_latitudes(&self, (low, high): (f64, f64)) -> bool {
        (self.south_deg <= -90.0 || low >= self.south_deg.to_radians() + ROUNDING_RAD)
            && (self.north_deg >= 90.0 || high <= self.north_deg.to_radians() - ROUNDING_RAD)
    }

    fn meets_latitudes(&self, (low, high): (f64, f64)) -> bool {
        high >= self.south_deg.to_radians() - ROUNDING_RAD
            && low <= self.north_deg.to_radians() + ROUNDING_RAD
    }

    /// Whether a figure lies wholly between its meridians.
    fn holds_longitudes(&self, figure: &Convex) -> bool {
        let width_deg = self.width_deg();
        if self.goes_around() {
            true
        } else if width_deg <= 180.0 {
            // Between the meridians is what is on the right side of two planes.
            let lune = Lune::new(self.west_deg, width_deg);
            width_deg > 0.0 && figure.is_within(lune.west) && figure.is_within(lune.east)
        } else {
            // Beyond them is.
            Lune::new(self.east_deg, 360.0 - width_deg)
                .cut(figure)
                .is_empty()
        }
    }

    /// What of a figure lies between its meridians: one piece or two.
    fn between_meridians(&self, figure: &Convex) -> Vec<Convex> {
        let width_deg = self.width_deg();
        if self.goes_around() {
            vec![figure.clone()]
        } else if width_deg <= 180.0 {
            vec![Lune::new(self.west_deg, width_deg).cut(figure)]
        } else {
            let half_deg = 0.5 * width_deg;
            [self.west_deg, self.west_deg + half_deg]
                .map(|from_deg| Lune::new(from_deg, half_deg).cut(figure))
                .to_vec()
        }
    }
}

impl Region for LatLngRect {
    fn relation(&self, cell: CellId) -> Relation {
        let figure = Convex::of(&CellShape::of(cell));
        let latitudes = figure.latitudes();
        if !self.meets_latitudes(latitudes) {
            return Relation::Outside;
        }
        if self.holds_latitudes(latitudes) && self.holds_longitudes(&figure) {
            return Relation::Inside;
        }
        let meets = self
            .between_meridians(&figure)
            .iter()
            .any(|piece| !piece.is_empty() && self.meets_latitudes(piece.latitudes()));
        if meets {
            Relation::Overlaps
        } else {
            Relation::Outside
        }
    }

    /// A pole lies on every meridian.
    fn contains(&self, at: Direction) -> bool {
        let at = at.unit();
        let lat = latitude(at);
        if lat < self.south_deg.to_radians() || lat > self.north_deg.to_radians() {
            return false;
        }
        let is_pole = at.x == 0.0 && at.y == 0.0;
        let lng = maths::atan2(at.y, at.x);
        // The date line has two numbers.
        is_pole || self.holds_longitude(lng) || (lng.abs() == PI && self.holds_longitude(-lng))
    }

    fn bounding_cap(&self) -> Cap {
        let (south, north) = (self.south_deg.to_radians(), self.north_deg.to_radians());
        let polar = if south + north >= 0.0 {
            Cap::bound(DVec3::Z, FRAC_PI_2 - south + ROUNDING_RAD)
        } else {
            Cap::bound(DVec3::NEG_Z, FRAC_PI_2 + north + ROUNDING_RAD)
        };
        let width = self.width_deg().to_radians();
        if width > PI {
            return polar;
        }
        // Around the middle no place is farther than the corners.
        let west = self.west_deg.to_radians();
        let centre = place(0.5 * (south + north), west + 0.5 * width);
        let mut widest = 0.0;
        for lat in [south, north] {
            let to = angle(centre, place(lat, west));
            if to > widest {
                widest = to;
            }
        }
        let middle = Cap::bound(centre, widest + ROUNDING_RAD);
        if middle.angle_rad() < polar.angle_rad() {
            middle
        } else {
            polar
        }
    }
}

/// The unit vector at a latitude and longitude in radians.
fn place(lat: f64, lng: f64) -> DVec3 {
    let ((sin_lat, cos_lat), (sin_lng, cos_lng)) = (maths::sin_cos(lat), maths::sin_cos(lng));
    DVec3::new(cos_lat * cos_lng, cos_lat * sin_lng, sin_lat)
}

/// What lies between two meridians at most 180° apart, from pole to pole: the places on the right
/// side of three planes.
struct Lune {
    /// Normal of the western meridian's plane, pointing in.
    west: DVec3,
    east: DVec3,
    /// Out through the middle meridian: tells the two ends of a lune without width apart.
    middle: DVec3,
}

impl Lune {
    fn new(from_deg: f64, width_deg: f64) -> Self {
        let (west_sin, west_cos) = maths::sin_cos(from_deg.to_radians());
        let (east_sin, east_cos) = maths::sin_cos((from_deg + width_deg).to_radians());
        let (sin, cos) = maths::sin_cos((from_deg + 0.5 * width_deg).to_radians());
        Self {
            west: DVec3::new(-west_sin, west_cos, 0.0),
            east: DVec3::new(east_sin, -east_cos, 0.0),
            middle: DVec3::new(cos, sin, 0.0),
        }
    }

    /// What of a figure lies in it, the doubtful included.
    fn cut(&self, figure: &Convex) -> Convex {
        figure
            .clipped(self.west)
            .clipped(self.east)
            .clipped(self.middle)
    }
}
