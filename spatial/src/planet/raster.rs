//! Equirectangular rasters: heights in grey and the land mask as a bit set, both read with
//! bilinear interpolation so that the ground has no steps.
//!
//! North is up and −180° the left edge; a pixel's value belongs to its middle. Past the middle of
//! the first and last row the value runs towards the row's mean, so that there is one height at
//! each pole and not one per meridian.

use core::f64::consts::{FRAC_1_PI, TAU};

use glam::DVec3;

use crate::maths;

/// A place as shares of the raster: 0 .. 1 from the north pole to the south pole and from −180°
/// eastward.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RasterPlace {
    south: f64,
    east: f64,
}

impl RasterPlace {
    /// The place below a unit direction.
    #[inline]
    pub(crate) fn of(dir: DVec3) -> Self {
        Self {
            south: 0.5 - maths::asin(dir.z) * FRAC_1_PI,
            east: 0.5 + maths::atan2(dir.y, dir.x) * (1.0 / TAU),
        }
    }
}

/// The four pixels around a place and its share of the way between them.
struct Taps {
    columns: [usize; 2],
    rows: [usize; 2],
    right: f64,
    down: f64,
    /// Which pole, and how far past the middle of its row towards it, if at all.
    pole: Option<(usize, f64)>,
}

#[inline]
fn taps(width: usize, height: usize, place: RasterPlace) -> Taps {
    let x = place.east * width as f64 + (width as f64 - 0.5);
    let y = place.south * height as f64 - 0.5;
    // x is positive here: truncation is floor. The casts take NaN to 0.
    let left = x as usize;
    let top = if y > 0.0 { y as usize } else { 0 };
    let last = height - 1;
    let pole = if y < 0.0 {
        Some((0, -2.0 * y))
    } else if y > last as f64 {
        Some((1, 2.0 * (y - last as f64)))
    } else {
        None
    };
    let first = left % width;
    Taps {
        columns: [first, if first + 1 == width { 0 } else { first + 1 }],
        rows: [top.min(last), (top + 1).min(last)],
        right: x - left as f64,
        down: if pole.is_some() { 0.0 } else { y - top as f64 },
        pole,
    }
}

impl Taps {
    #[inline]
    fn blend(&self, corners: [[f64; 2]; 2], pole_means: [f64; 2]) -> f64 {
        let across = |[a, b]: [f64; 2]| a + (b - a) * self.right;
        let (top, bottom) = (across(corners[0]), across(corners[1]));
        let value = top + (bottom - top) * self.down;
        match self.pole {
            None => value,
            Some((which, share)) => value + (pole_means[which] - value) * share,
        }
    }
}

/// Heights.
#[derive(Clone, Debug)]
pub(crate) struct Elevation {
    width: usize,
    greys: Vec<u8>,
    metres_per_grey: f64,
    pole_greys: [f64; 2],
}

impl Elevation {
    /// From rows of grey, north first. `greys` is a whole number (≥ 1) of rows of `width` ≥ 1.
    pub(crate) fn new(width: usize, greys: Vec<u8>, metres_per_grey: f64) -> Self {
        let mean = |row: &[u8]| {
            row.iter().map(|&grey| u64::from(grey)).sum::<u64>() as f64 / row.len() as f64
        };
        let pole_greys = [mean(&greys[..width]), mean(&greys[greys.len() - width..])];
        Self {
            width,
            greys,
            metres_per_grey,
            pole_greys,
        }
    }

    /// The highest pixel, metres.
    pub(crate) fn metres_max(&self) -> f64 {
        f64::from(self.greys.iter().copied().max().unwrap_or(0)) * self.metres_per_grey
    }

    /// Metres above sea level, never negative.
    #[inline]
    pub(crate) fn metres(&self, place: RasterPlace) -> f64 {
        let taps = taps(self.width, self.greys.len() / self.width, place);
        let corners = taps.rows.map(|row| {
            taps.columns
                .map(|column| f64::from(self.greys[row * self.width + column]))
        });
        taps.blend(corners, self.pole_greys) * self.metres_per_grey
    }
}

/// Land and water, one bit a pixel.
#[derive(Clone, Debug)]
pub(crate) struct LandMask {
    width: usize,
    height: usize,
    /// Bytes per row; the first pixel is the highest bit.
    stride: usize,
    bits: Vec<u8>,
    pole_shares: [f64; 2],
}

impl LandMask {
    /// From packed rows as PNG has them, north first: `bits` is `height` ≥ 1 rows of
    /// `width.div_ceil(8)` bytes.
    pub(crate) fn new(width: usize, height: usize, bits: Vec<u8>) -> Self {
        let stride = width.div_ceil(8);
        let mut mask = Self {
            width,
            height,
            stride,
            bits,
            pole_shares: [0.0; 2],
        };
        mask.pole_shares = [0, height - 1].map(|row| {
            let land = (0..width)
                .filter(|&column| mask.is_land(column, row))
                .count();
            land as f64 / width as f64
        });
        mask
    }

    #[inline]
    fn is_land(&self, column: usize, row: usize) -> bool {
        self.bits[row * self.stride + column / 8] >> (7 - column % 8) & 1 == 1
    }

    /// 0 on open water, 1 inland, between them near a shore; the shore line itself is at one half.
    #[inline]
    pub(crate) fn land_share(&self, place: RasterPlace) -> f64 {
        let taps = taps(self.width, self.height, place);
        let corners = taps.rows.map(|row| {
            taps.columns
                .map(|column| f64::from(u8::from(self.is_land(column, row))))
        });
        taps.blend(corners, self.pole_shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::LatLng;

    fn place(lat: f64, lng: f64) -> RasterPlace {
        RasterPlace::of(LatLng::degrees(lat, lng).to_dir())
    }

    /// 4 × 2 pixels of 90°: middles at ±45° and ±135° of longitude, ±45° of latitude.
    fn small() -> Elevation {
        Elevation::new(4, vec![10, 20, 30, 40, 50, 60, 70, 80], 2.0)
    }

    #[test]
    fn pixel_middles_have_the_pixels_value() {
        let near = |lat, lng, metres: f64| {
            let got = small().metres(place(lat, lng));
            assert!(
                (got - metres).abs() < 1e-9,
                "{lat} {lng}: {got} for {metres}"
            );
        };
        near(45.0, -135.0, 20.0);
        near(45.0, 135.0, 80.0);
        near(-45.0, -45.0, 120.0);
        near(0.0, -90.0, 70.0);
    }

    #[test]
    fn the_date_line_joins_the_edges() {
        for lat in [80.0, 45.0, 10.0, -45.0, -89.0] {
            let [west, east] =
                [-179.999_999, 179.999_999].map(|lng| small().metres(place(lat, lng)));
            assert!((west - east).abs() < 1e-4, "{lat}: {west} {east}");
        }
        assert!((small().metres(place(45.0, 180.0)) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn every_meridian_meets_at_the_poles() {
        for lng in -18..18 {
            let lng = f64::from(lng) * 10.0;
            assert!((small().metres(place(89.999_999_9, lng)) - 50.0).abs() < 1e-5);
            assert!((small().metres(place(-89.999_999_9, lng)) - 130.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_shore_lies_between_land_and_water() {
        let mask = LandMask::new(4, 2, vec![0b1000_0000, 0b1000_0000]);
        assert_eq!(mask.land_share(place(0.0, -135.0)), 1.0);
        assert_eq!(mask.land_share(place(45.0, 45.0)), 0.0);
        assert!((mask.land_share(place(0.0, -90.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_nan_direction_reads_some_pixel() {
        let _ = small().metres(RasterPlace::of(DVec3::NAN));
    }
}
