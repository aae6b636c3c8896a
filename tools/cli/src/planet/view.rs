//! What a picture shows of a planet: a projection, a window on it and a number of pixels.

use std::f64::consts::{PI, TAU};

use anyhow::bail;
use bluemarble_spatial::{Direction, LatLng, Projection, maths};
use clap::Args;
use glam::DVec2;

use super::projection::ProjectionName;

/// Narrowest and widest picture, pixels: 16384 × 8192 is what image viewers still open.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=16_384;
const HEIGHTS: std::ops::RangeInclusive<u32> = 1..=16_384;
/// Most pixels, for tall pictures.
const PIXELS_MAX: u64 = 16_384 * 16_384;
/// Room around a whole ball, as a share of its radius.
const BALL_MARGIN: f64 = 0.06;
/// How much of the planet a gnomonic map shows unasked, degrees.
const GNOMONIC_SPAN_DEG: f64 = 100.0;

/// The part of the planet that is drawn.
#[derive(Args)]
pub struct ViewArgs {
    /// How the ball becomes flat
    #[arg(long, value_enum, default_value_t = ProjectionName::Equirectangular)]
    projection: ProjectionName,
    /// Middle of the map, degrees, as "LAT,LNG"
    #[arg(long, value_name = "LAT,LNG", default_value = "0,0", allow_hyphen_values = true, value_parser = parse_place)]
    centre: LatLng,
    /// How much of the planet the map's width shows, degrees of arc [default: as much as fits]
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    span: Option<f64>,
    /// Width of the picture, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1_600)]
    width: u32,
    /// Height of the picture, pixels [default: 1/2 of the width for equirectangular, else the width]
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,
}

/// "48.86,2.35" as a place.
pub fn parse_place(text: &str) -> Result<LatLng, String> {
    let wrong = || format!("{text:?} is no place; write LAT,LNG in degrees, such as 48.86,2.35");
    let (lat, lng) = text.split_once(',').ok_or_else(wrong)?;
    let [lat, lng] = [lat, lng].map(|part| part.trim().parse::<f64>().map_err(|_| wrong()));
    place(lat?, lng?)
}

/// A valid latitude and longitude as a place.
pub fn place(lat_deg: f64, lng_deg: f64) -> Result<LatLng, String> {
    LatLng::new(lat_deg, lng_deg).map_err(|_| {
        format!(
            "there is no latitude {lat_deg} with longitude {lng_deg}; latitudes are -90 to 90, longitudes -180 to 180"
        )
    })
}

/// A picture's pixels and the places below them.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub width: usize,
    pub height: usize,
    pub projection: Projection,
    pub name: ProjectionName,
    /// Of the map, plane units.
    middle: DVec2,
    /// Plane units to a pixel.
    pixel: f64,
}

impl ViewArgs {
    /// Checks what was asked for.
    pub fn view(&self) -> anyhow::Result<View> {
        let name = self.projection;
        let shape = |width: u32| match name {
            ProjectionName::Equirectangular => width.div_ceil(2),
            _ => width,
        };
        let height = self.height.unwrap_or_else(|| shape(self.width));
        for (flag, value, possible) in [
            ("--width", self.width, WIDTHS),
            ("--height", height, HEIGHTS),
        ] {
            if !possible.contains(&value) {
                bail!(
                    "{flag} {value} is impossible: it can be {} to {} pixels",
                    possible.start(),
                    possible.end()
                );
            }
        }
        if u64::from(self.width) * u64::from(height) > PIXELS_MAX {
            bail!("{} x {height} pixels are too many", self.width);
        }
        let (most_deg, whole) = match name {
            ProjectionName::Equirectangular | ProjectionName::Mercator => (360.0, TAU),
            ProjectionName::Orthographic => (180.0, 2.0 + 2.0 * BALL_MARGIN),
            ProjectionName::Gnomonic => (
                170.0,
                2.0 * maths::tan(0.5 * GNOMONIC_SPAN_DEG.to_radians()),
            ),
        };
        let across = match self.span {
            None => whole,
            Some(span) if span > 0.0 && span <= most_deg => {
                let half = 0.5 * span.to_radians();
                match name {
                    ProjectionName::Equirectangular | ProjectionName::Mercator => 2.0 * half,
                    ProjectionName::Orthographic => 2.0 * maths::sin(half),
                    ProjectionName::Gnomonic => 2.0 * maths::tan(half),
                }
            }
            Some(span) => bail!(
                "--span {span} is impossible: this projection shows more than 0 and at most {most_deg} degrees"
            ),
        };
        let centre = self.centre.to_direction();
        let projection = name.around(centre);
        let middle = if name.goes_round() {
            // The whole map stays where its poles are; a part of it may be anywhere.
            match (projection.forward(centre), self.span) {
                (Some(middle), Some(_)) => middle,
                (None, Some(_)) => bail!(
                    "--centre {},{} is not on a mercator map, which ends at 85 degrees; take orthographic",
                    self.centre.lat_deg(),
                    self.centre.lng_deg()
                ),
                (_, None) => DVec2::new(self.centre.lng_deg().to_radians(), 0.0),
            }
        } else {
            DVec2::ZERO
        };
        Ok(View {
            width: self.width as usize,
            height: height as usize,
            projection,
            name,
            middle,
            pixel: across / f64::from(self.width),
        })
    }
}

impl View {
    /// The place below a point of the picture: (0.5, 0.5) is the middle of the top left pixel.
    pub fn at(&self, x: f64, y: f64) -> Option<Direction> {
        let offset = DVec2::new(x - self.width as f64 * 0.5, self.height as f64 * 0.5 - y);
        let mut point = self.middle + offset * self.pixel;
        if self.name.goes_round() {
            point.x -= TAU * ((point.x + PI) / TAU).floor();
        }
        self.projection.inverse(point)
    }

    /// The point of the picture above a place.
    pub fn pixel_of(&self, at: Direction) -> Option<DVec2> {
        let mut offset = self.projection.forward(at)? - self.middle;
        if self.name.goes_round() {
            offset.x -= TAU * ((offset.x + PI) / TAU).floor();
        }
        Some(DVec2::new(
            offset.x / self.pixel + self.width as f64 * 0.5,
            self.height as f64 * 0.5 - offset.y / self.pixel,
        ))
    }

    /// How far a point of the picture is from the middle of the ball, in radii; 0 off balls.
    pub fn off_ball(&self, x: f64, y: f64) -> Option<f64> {
        let offset = DVec2::new(x - self.width as f64 * 0.5, y - self.height as f64 * 0.5);
        (self.name == ProjectionName::Orthographic).then(|| offset.length() * self.pixel)
    }

    /// Whether the picture is just once round the planet.
    pub fn shows_all_round(&self) -> bool {
        self.name.goes_round() && (self.pixel * self.width as f64 - TAU).abs() < 1e-9
    }

    /// Radians of the ball's surface to a pixel, in the middle of the picture.
    pub fn pixel_rad(&self) -> f64 {
        self.pixel
    }
}
