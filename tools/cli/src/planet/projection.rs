//! Which projection a map has, by name.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use bluemarble_spatial::{Direction, LatLng, maths};
use clap::ValueEnum;
use glam::{DVec2, DVec3};

/// Ways to flatten the ball.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProjectionName {
    /// Latitude and longitude as a grid: the whole planet, twice as wide as high
    Equirectangular,
    /// The square of web maps: true shapes, poles cut off at 85°
    Mercator,
    /// The planet as a ball, seen from afar
    Orthographic,
    /// From the centre onto a plane: great circles are straight lines
    Gnomonic,
}

/// From places to points of the plane (radius 1), and back.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    name: ProjectionName,
    east: DVec3,
    north: DVec3,
    up: DVec3,
}

impl Projection {
    pub fn new(name: ProjectionName, centre: Direction) -> Self {
        let up = centre.unit();
        let east = DVec3::Z.cross(up);
        let east = if east.length_squared() > 1e-18 {
            east.normalize()
        } else {
            DVec3::Y
        };
        Self {
            name,
            east,
            north: up.cross(east),
            up,
        }
    }

    /// Whether the map goes round the planet, so that its left edge continues at its right one.
    pub fn goes_round(&self) -> bool {
        matches!(
            self.name,
            ProjectionName::Equirectangular | ProjectionName::Mercator
        )
    }

    pub fn forward(&self, at: Direction) -> Option<DVec2> {
        let unit = at.unit();
        let across = DVec2::new(unit.dot(self.east), unit.dot(self.north));
        let depth = unit.dot(self.up);
        let lat_lng = || {
            let LatLng { lat_deg, lng_deg } = LatLng::from_dir(unit);
            (lat_deg.to_radians(), lng_deg.to_radians())
        };
        match self.name {
            ProjectionName::Equirectangular => {
                let (lat, lng) = lat_lng();
                Some(DVec2::new(lng, lat))
            }
            ProjectionName::Mercator => {
                let (lat, lng) = lat_lng();
                let y = maths::ln(maths::tan(0.25 * PI + 0.5 * lat));
                (y.abs() <= PI).then_some(DVec2::new(lng, y))
            }
            ProjectionName::Orthographic => (depth >= 0.0).then_some(across),
            ProjectionName::Gnomonic => (depth > 1e-3).then(|| across / depth),
        }
    }

    pub fn inverse(&self, point: DVec2) -> Option<Direction> {
        let of_lat_lng = |lat: f64, lng: f64| {
            let lng = lng - TAU * ((lng + PI) / TAU).floor();
            Some(LatLng::new(lat.to_degrees(), lng.to_degrees()).to_dir())
        };
        let dir = match self.name {
            ProjectionName::Equirectangular if point.y.abs() <= FRAC_PI_2 => {
                of_lat_lng(point.y, point.x)
            }
            ProjectionName::Mercator if point.y.abs() <= PI => {
                of_lat_lng(2.0 * maths::atan(maths::exp(point.y)) - FRAC_PI_2, point.x)
            }
            ProjectionName::Orthographic if point.length_squared() <= 1.0 => {
                let depth = (1.0 - point.length_squared()).sqrt();
                Some(self.east * point.x + self.north * point.y + self.up * depth)
            }
            ProjectionName::Gnomonic => Some(self.east * point.x + self.north * point.y + self.up),
            _ => None,
        };
        Direction::new(dir?).ok()
    }
}
