//! Equirectangular rasters: heights in grey and the land mask as a bit set, both read through a
//! smooth spline so that the ground has neither steps nor creases.
//!
//! North is up and −180° the left edge; a pixel's value belongs to its middle. In the outermost
//! row and a half the value runs towards the last row's mean, so that there is one height at each
//! pole and not one per meridian.

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

/// The nine pixels around a place and their weights: the quadratic B-spline (C. de Boor, "A
/// Practical Guide to Splines", 1978, chapter IX). Its slope is continuous, so that no crease shows
/// where pixels meet, and its weights are positive, so that nothing overshoots below the sea.
struct Taps {
    columns: [usize; 3],
    rows: [usize; 3],
    across: [f64; 3],
    down: [f64; 3],
    /// Which pole, and how near, 0 (a row and a half away) ..= 1.
    pole: Option<(usize, f64)>,
}

#[inline]
fn taps(width: usize, height: usize, place: RasterPlace) -> Taps {
    // In pixels, whole numbers at pixels' edges; positive, so that truncation is floor. The casts
    // take NaN to 0.
    let x = place.east * width as f64 + width as f64;
    let y = place.south * height as f64;
    let (middle, last) = (x as usize, height - 1);
    let row = (y as usize).min(last);
    let near = |pixels: f64| {
        let t = (1.0 - pixels * (1.0 / 1.5)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    };
    let pole = if y < 1.5 {
        Some((0, near(y)))
    } else if y > height as f64 - 1.5 {
        Some((1, near(height as f64 - y)))
    } else {
        None
    };
    let column = middle % width;
    Taps {
        columns: [
            if column == 0 { width - 1 } else { column - 1 },
            column,
            if column + 1 == width { 0 } else { column + 1 },
        ],
        rows: [row.saturating_sub(1), row, (row + 1).min(last)],
        across: weights(x - middle as f64),
        down: weights(y - row as f64),
        pole,
    }
}

/// Of the pixel before, this and the next at a share of the way through this one.
#[inline]
fn weights(t: f64) -> [f64; 3] {
    let rest = 1.0 - t;
    [0.5 * rest * rest, 0.5 + t * rest, 0.5 * t * t]
}

impl Taps {
    /// The weighted mean of the pixels.
    #[inline]
    fn mean(&self, pixels: &[[f64; 3]; 3]) -> f64 {
        let mut sum = 0.0;
        for (row, down) in pixels.iter().zip(self.down) {
            let [a, b, c] = self.across;
            sum += down * (row[0] * a + row[1] * b + row[2] * c);
        }
        sum
    }

    /// A value that runs towards one of `pole_means` at a pole.
    #[inline]
    fn poleward(&self, value: f64, pole_means: [f64; 2]) -> f64 {
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

    /// Height of one step of grey.
    pub(crate) fn metres_per_grey(&self) -> f64 {
        self.metres_per_grey
    }

    /// Metres above sea level, never negative, and how uneven the land is around: the standard
    /// deviation, metres, of the pixels from which the height was made.
    #[inline]
    pub(crate) fn metres_and_spread(&self, place: RasterPlace) -> (f64, f64) {
        let taps = taps(self.width, self.greys.len() / self.width, place);
        let pixels = taps.rows.map(|row| {
            taps.columns
                .map(|column| f64::from(self.greys[row * self.width + column]))
        });
        let mean = taps.mean(&pixels);
        let squares = pixels.map(|row| row.map(|grey| (grey - mean) * (grey - mean)));
        let spread = taps.poleward(taps.mean(&squares).sqrt(), [0.0; 2]);
        let grey = taps.poleward(mean, self.pole_greys);
        (grey * self.metres_per_grey, spread * self.metres_per_grey)
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
        let pixels = taps.rows.map(|row| {
            taps.columns
                .map(|column| f64::from(u8::from(self.is_land(column, row))))
        });
        taps.poleward(taps.mean(&pixels), self.pole_shares)
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

    /// 8 × 4 pixels of 45°, all of one grey.
    fn level() -> Elevation {
        Elevation::new(8, vec![50; 32], 2.0)
    }

    #[test]
    fn level_ground_is_level_everywhere() {
        for lat in -9..=9 {
            for lng in -18..=18 {
                let place = place(f64::from(lat) * 10.0, f64::from(lng) * 10.0);
                let (metres, spread) = level().metres_and_spread(place);
                assert!(
                    (metres - 100.0).abs() < 1e-9 && spread < 1e-6,
                    "{lat} {lng}"
                );
            }
        }
    }

    #[test]
    fn the_ground_stays_between_the_pixels_around_it() {
        for n in 0..5_000 {
            let c = |k: u64| crate::mix::unit(crate::mix::mix64(n * 2 + k)) - 0.5;
            let place = place(c(0) * 180.0, c(1) * 360.0);
            let (metres, spread) = small().metres_and_spread(place);
            assert!((20.0..=160.0).contains(&metres) && (0.0..=140.0).contains(&spread));
        }
    }

    #[test]
    fn the_date_line_joins_the_edges() {
        for lat in [80.0, 45.0, 10.0, -45.0, -89.0] {
            let [west, east] =
                [-179.999_999, 179.999_999].map(|lng| small().metres_and_spread(place(lat, lng)).0);
            assert!((west - east).abs() < 1e-4, "{lat}: {west} {east}");
        }
    }

    #[test]
    fn every_meridian_meets_at_the_poles() {
        for lng in -18..18 {
            let lng = f64::from(lng) * 10.0;
            let metres = |lat| small().metres_and_spread(place(lat, lng)).0;
            assert!((metres(89.999_999_9) - 50.0).abs() < 1e-5);
            assert!((metres(-89.999_999_9) - 130.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_shore_lies_between_land_and_water() {
        // 8 × 4 pixels of 45°: land from −180° to 0°.
        let mask = LandMask::new(8, 4, vec![0b1111_0000; 4]);
        assert_eq!(mask.land_share(place(0.0, -90.0)), 1.0);
        assert_eq!(mask.land_share(place(0.0, 90.0)), 0.0);
        assert!((mask.land_share(place(0.0, 0.0)) - 0.5).abs() < 1e-9);
        assert!((mask.land_share(place(0.0, 180.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_nan_direction_reads_some_pixel() {
        let _ = small().metres_and_spread(RasterPlace::of(DVec3::NAN));
    }
}
