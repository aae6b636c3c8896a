//! Which projection a map has, by name.

use bluemarble_spatial::{Direction, Projection};
use clap::ValueEnum;

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

impl ProjectionName {
    /// The projection; maps that go round the planet have no centre of their own.
    pub fn around(self, centre: Direction) -> Projection {
        match self {
            Self::Equirectangular => Projection::Equirectangular,
            Self::Mercator => Projection::WebMercator,
            Self::Orthographic => Projection::Orthographic { centre },
            Self::Gnomonic => Projection::Gnomonic { centre },
        }
    }

    /// Whether the map goes round the planet, so that its left edge continues at its right one.
    pub fn goes_round(self) -> bool {
        matches!(self, Self::Equirectangular | Self::Mercator)
    }
}
