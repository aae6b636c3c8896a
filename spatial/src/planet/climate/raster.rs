//! The coarse grid of the climate: an equirectangular raster of 256 × 128 cells (1.4°, 156 km on
//! Earth's equator), joined at the date line. Rows run from north to south, columns from −180°
//! eastward; a cell's value belongs to its middle.

use core::f64::consts::{PI, TAU};

use glam::DVec3;

use crate::maths;

pub(crate) const WIDTH: usize = 256;
pub(crate) const HEIGHT: usize = 128;
pub(crate) const CELLS: usize = WIDTH * HEIGHT;
/// Width of a cell on the equator, degrees.
pub(crate) const CELL_DEG: f64 = 360.0 / WIDTH as f64;

/// Rows from a pole on which places are not moved freely.
const POLAR_ROWS: f64 = 3.0;

/// Latitude of the middle of a row, degrees.
pub(crate) fn row_lat_deg(row: usize) -> f64 {
    90.0 - (row as f64 + 0.5) * CELL_DEG
}

/// The unit direction of a place on the raster; whole numbers plus one half are middles.
pub(crate) fn direction(column: f64, row: f64) -> DVec3 {
    let (sin_lng, cos_lng) = maths::sin_cos((column / WIDTH as f64) * TAU - PI);
    let (sin_lat, cos_lat) = maths::sin_cos((0.5 - row / HEIGHT as f64) * PI);
    DVec3::new(cos_lat * cos_lng, cos_lat * sin_lng, sin_lat)
}

/// Four cells around a place, and what each counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    cells: [u32; 4],
    weights: [f64; 4],
}

impl Taps {
    /// Around a column and row counted in middles (0 is the middle of the first). Beyond the first
    /// and last row the value stays that of the row; NaN gives the first cell.
    pub(crate) fn at(column: f64, row: f64) -> Self {
        let row = row.clamp(0.0, (HEIGHT - 1) as f64);
        let floor = column.floor();
        let (right, down) = (column - floor, row - row.floor());
        // Both casts take NaN to 0.
        let left = (floor as i64).rem_euclid(WIDTH as i64) as usize;
        let top = row as usize;
        let next = if left + 1 == WIDTH { 0 } else { left + 1 };
        let bottom = if top + 1 == HEIGHT { top } else { top + 1 };
        let cell = |row: usize, column: usize| (row * WIDTH + column) as u32;
        Self {
            cells: [
                cell(top, left),
                cell(top, next),
                cell(bottom, left),
                cell(bottom, next),
            ],
            weights: [
                (1.0 - right) * (1.0 - down),
                right * (1.0 - down),
                (1.0 - right) * down,
                right * down,
            ],
        }
    }

    /// Around a unit direction, moved by a number of cells; the way south and north shrinks to
    /// nothing at a pole, where every meridian must read the same row.
    pub(crate) fn around(unit: DVec3, shift: (f64, f64)) -> Self {
        let east = 0.5 + maths::atan2(unit.y, unit.x) / TAU;
        let south = (0.5 - maths::asin(unit.z) / PI) * HEIGHT as f64;
        let north = HEIGHT as f64 - south;
        let from_pole = if south < north { south } else { north };
        let free = (from_pole / POLAR_ROWS).clamp(0.0, 1.0);
        Self::at(
            east * WIDTH as f64 - 0.5 + shift.0,
            south - 0.5 + shift.1 * free,
        )
    }

    #[inline]
    pub(crate) fn read(&self, field: &[f64]) -> f64 {
        let value = |n: usize| field[self.cells[n] as usize] * self.weights[n];
        (value(0) + value(1)) + (value(2) + value(3))
    }
}

/// The cells so many to the west, east, north and south, north and south no further than the first
/// and the last row. `reach` ≤ [`WIDTH`].
pub(crate) fn neighbours(cell: usize, reach: usize) -> [usize; 4] {
    let (row, column) = (cell / WIDTH, cell % WIDTH);
    let start = cell - column;
    [
        start + (column + WIDTH - reach) % WIDTH,
        start + (column + reach) % WIDTH,
        row.saturating_sub(reach) * WIDTH + column,
        (row + reach).min(HEIGHT - 1) * WIDTH + column,
    ]
}

/// Smooths a field: the mean over 2 × `reach` + 1 cells each way (in columns at every latitude),
/// twice, so that the weights fall off linearly.
pub(crate) fn blur(field: &mut [f64], reach: usize) {
    let span = 2 * reach + 1;
    let scale = 1.0 / span as f64;
    for _ in 0..2 {
        let mut across = vec![0.0; CELLS];
        for row in 0..HEIGHT {
            let line = &field[row * WIDTH..(row + 1) * WIDTH];
            let mut sum: f64 = (0..span).map(|n| line[(WIDTH + n - reach) % WIDTH]).sum();
            for column in 0..WIDTH {
                across[row * WIDTH + column] = sum * scale;
                sum += line[(column + reach + 1) % WIDTH] - line[(WIDTH + column - reach) % WIDTH];
            }
        }
        for row in 0..HEIGHT {
            for column in 0..WIDTH {
                let rows = (0..span).map(|n| (row + n).saturating_sub(reach).min(HEIGHT - 1));
                let sum: f64 = rows.map(|row| across[row * WIDTH + column]).sum();
                field[row * WIDTH + column] = sum * scale;
            }
        }
    }
}

/// Gives the first and the last row their mean, so that a pole has one value.
pub(crate) fn join_poles(field: &mut [f64]) {
    for start in [0, CELLS - WIDTH] {
        let row = &mut field[start..start + WIDTH];
        let mean = row.iter().sum::<f64>() / WIDTH as f64;
        row.fill(mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_give_the_cell_at_its_middle_and_join_at_the_date_line() {
        let field: Vec<f64> = (0..CELLS).map(|cell| cell as f64).collect();
        for (row, column) in [(0, 0), (64, 255), (127, 100)] {
            let middle = direction(column as f64 + 0.5, row as f64 + 0.5);
            let read = Taps::around(middle, (0.0, 0.0)).read(&field);
            assert!((read - (row * WIDTH + column) as f64).abs() < 1e-6);
        }
        let [west, east] =
            [-1e-9, 1e-9].map(|x| Taps::around(direction(x, 64.5), (0.0, 0.0)).read(&field));
        assert!((west - east).abs() < 1e-3, "{west} {east}");
    }

    #[test]
    fn weights_add_up_whatever_the_place() {
        let ones = vec![1.0; CELLS];
        for (column, row) in [(-3.2, -9.0), (700.1, 500.0), (12.5, 63.7)] {
            assert!((Taps::at(column, row).read(&ones) - 1.0).abs() < 1e-12);
        }
        let _ = Taps::at(f64::NAN, f64::NAN).read(&ones);
        let _ = Taps::around(DVec3::NAN, (f64::INFINITY, 0.0)).read(&ones);
    }

    #[test]
    fn a_blur_keeps_what_is_even_and_spreads_what_is_not() {
        let mut even = vec![3.0; CELLS];
        blur(&mut even, 4);
        assert!(even.iter().all(|value| (value - 3.0).abs() < 1e-9));
        let mut peak = vec![0.0; CELLS];
        peak[64 * WIDTH] = 1.0;
        blur(&mut peak, 2);
        assert!((peak.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(peak[64 * WIDTH + WIDTH - 4] > 0.0 && peak[64 * WIDTH + 4] > 0.0);
        assert_eq!(peak[64 * WIDTH + 5], 0.0);
    }
}
