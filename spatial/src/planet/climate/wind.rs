//! Prevailing winds near the ground, for the two halves of the year.
//!
//! Three belts a hemisphere, as every textbook draws them: trades that blow towards the thermal
//! equator with the planet turning away under them (easterlies), westerlies beyond the subtropical
//! ridge, polar easterlies. The thermal equator follows the sun, further over land than over sea;
//! trades that cross the equator turn into westerlies (the monsoons of West Africa and India). To
//! this is added what continents do on their own: in summer they draw air in, in winter they send
//! it out, in both cases turned by the planet's rotation (eastern China, eastern North America).

use core::f64::consts::PI;

use super::raster::{CELL_DEG, CELLS, HEIGHT, WIDTH, blur, neighbours, row_lat_deg};
use crate::maths;

/// Latitude of the subtropical ridge in the mean of the year, degrees.
const RIDGE_DEG: f64 = 30.0;
/// Latitude of the polar front, degrees.
const FRONT_DEG: f64 = 70.0;
/// How far the thermal equator moves over sea, and how much further over land, degrees.
const SHIFT_SEA_DEG: f64 = 5.0;
const SHIFT_LAND_DEG: f64 = 19.0;
/// Speed of the wind that a continent causes, per degree over which land replaces sea.
const MONSOON: f64 = 42.0;

/// How much air rises that flows towards the pole, and sinks that flows away from it: Sverdrup's
/// balance of the planet's vorticity (Rodwell and Hoskins, J. Climate 14, 2001), which is why east
/// coasts of the subtropics are green and west coasts are not.
const POLEWARD_RISE: f64 = 0.75;

/// How much air sinks to the west of a heated continent, where that is half the way round the
/// subtropics' wave (35°), in summer: why Sahara and Arabia lie west of the monsoon (Rodwell and
/// Hoskins, Q. J. Royal Met. Soc. 122, 1996).
const DESCENT: f64 = 0.9;
const DESCENT_CELLS: usize = 25;

/// The half of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// Summer in the north.
    July,
    /// Summer in the south.
    January,
}

impl Half {
    /// +1 where it is summer in the hemisphere of a latitude, −1 where winter.
    pub(crate) fn summer(self, lat_deg: f64) -> f64 {
        if (self == Self::July) == (lat_deg >= 0.0) {
            1.0
        } else {
            -1.0
        }
    }
}

/// What the air does above one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wind {
    /// Eastward, as a share of the trades' speed.
    pub(crate) east: f64,
    /// Northward.
    pub(crate) north: f64,
    /// How much the air rises of itself, sinks where negative: about −1 ..= 1.
    pub(crate) rise: f64,
    /// How much of that is the winds of both hemispheres meeting.
    pub(crate) gather: f64,
}

/// Winds of one half of the year. `land`: share of land of each cell. `tilt`: the axis' tilt over
/// Earth's.
pub(crate) fn winds(land: &[f64], half: Half, tilt: f64) -> Vec<Wind> {
    let mut heat = sunned(land);
    blur(&mut heat, 6);
    let equators = thermal_equators(land, half, tilt);
    let mut winds = vec![Wind::default(); CELLS];
    for row in 0..HEIGHT {
        let lat_deg = row_lat_deg(row);
        let cos_lat = maths::cos(lat_deg.to_radians());
        let summer = half.summer(lat_deg);
        let strength = tilt * MONSOON * if summer > 0.0 { 1.0 } else { -0.3 };
        // No weight on the equator, where the planet's turning has none.
        let strength = strength * (lat_deg.abs() / 18.0).clamp(0.0, 1.0);
        for (column, &equator_deg) in equators.iter().enumerate() {
            let cell = row * WIDTH + column;
            let mut wind = belts(lat_deg, equator_deg);
            let [west, east, north, south] = neighbours(cell, 1).map(|n| heat[n]);
            let inland_east = (east - west) / (2.0 * CELL_DEG * cos_lat.clamp(0.3, 1.0));
            let inland_north = (north - south) / (2.0 * CELL_DEG);
            // Turned by 40° to the right in the north, to the left in the south.
            let (sin, cos) = (lat_deg.signum() * 0.643, 0.766);
            wind.east += strength * (inland_east * cos + inland_north * sin);
            let north = strength * (inland_north * cos - inland_east * sin);
            wind.north += north;
            let poleward = north * lat_deg.signum();
            wind.rise += POLEWARD_RISE
                * if poleward > 0.0 {
                    poleward
                } else {
                    0.4 * poleward
                };
            if summer > 0.0 {
                let eastward = row * WIDTH + (column + DESCENT_CELLS) % WIDTH;
                wind.rise -= DESCENT * tilt * heat[eastward];
            }
            winds[cell] = wind;
        }
    }
    winds
}

/// How much each cell's land is heated in summer and cooled in winter: most in the subtropics.
fn sunned(land: &[f64]) -> Vec<f64> {
    let weight = |row: usize| {
        let x = (row_lat_deg(row).abs() - 32.0) / 22.0;
        maths::exp(-x * x)
    };
    let weights: Vec<f64> = (0..HEIGHT).map(weight).collect();
    (0..CELLS)
        .map(|cell| land[cell] * weights[cell / WIDTH])
        .collect()
}

/// Latitude of the thermal equator in each column, degrees.
fn thermal_equators(land: &[f64], half: Half, tilt: f64) -> Vec<f64> {
    let rows = |low: f64, high: f64| {
        (0..HEIGHT).filter(move |&row| (low..=high).contains(&row_lat_deg(row)))
    };
    let (low, high, sign) = match half {
        Half::July => (10.0, 45.0, 1.0),
        Half::January => (-30.0, -5.0, -1.0),
    };
    let count = rows(low, high).count() as f64;
    let share = |column: usize| {
        rows(low, high)
            .map(|row| land[row * WIDTH + column])
            .sum::<f64>()
            / count
    };
    let shares: Vec<f64> = (0..WIDTH).map(share).collect();
    // Mean over 30° of longitude: the belt is no coastline.
    const REACH: usize = 10;
    let mean = |column: usize| {
        let near = (0..=2 * REACH).map(|n| shares[(WIDTH + column + n - REACH) % WIDTH]);
        near.sum::<f64>() / (2 * REACH + 1) as f64
    };
    // Asia, the one continent that fills its belt, pulls hardest.
    let land_pull = |share: f64| {
        if half == Half::July {
            share * share
        } else {
            0.55 * share
        }
    };
    let offset_deg = 3.5;
    (0..WIDTH)
        .map(|column| {
            sign * (SHIFT_SEA_DEG + SHIFT_LAND_DEG * land_pull(mean(column))) * tilt
                + offset_deg * tilt
        })
        .collect()
}

/// The belts of a planet without continents.
fn belts(lat_deg: f64, equator_deg: f64) -> Wind {
    let side = if lat_deg >= equator_deg { 1.0 } else { -1.0 };
    let pole = side * 90.0;
    let ridge = side * RIDGE_DEG + equator_deg * 0.3;
    let front = side * FRONT_DEG + equator_deg * 0.2;
    // 0 at the start of a belt, 1 at its end.
    let share = |from: f64, to: f64| ((lat_deg - from) / (to - from)).clamp(0.0, 1.0);
    let (trade, west, polar) = (
        share(equator_deg, ridge),
        share(ridge, front),
        share(front, pole),
    );
    let wave = |x: f64| maths::sin(PI * x);
    let mut east = -wave(trade) + 1.1 * wave(west) - 0.4 * wave(polar);
    let north = side * (-0.5 * wave(trade) + 0.25 * wave(west) - 0.2 * wave(polar));
    // Between the equator and the thermal equator the turn is the other way.
    if lat_deg * equator_deg > 0.0 && lat_deg.abs() < equator_deg.abs() {
        let depth = (lat_deg.abs().min(equator_deg.abs() - lat_deg.abs()) / 4.0).clamp(0.0, 1.0);
        east += (-0.3 - east) * depth;
    }
    let bell = |x_deg: f64, width_deg: f64| {
        let x = x_deg / width_deg;
        maths::exp(-x * x)
    };
    // Rain keeps equatorward of the thermal equator, and passes the equator twice a year.
    let gather = 0.32 * bell(lat_deg - equator_deg * 0.6, 9.0)
        + 0.75 * bell(lat_deg - equator_deg * 0.1, 8.0);
    let rise = gather + 0.45 * bell(lat_deg - side * 52.0 - equator_deg * 0.2, 14.0)
        - 0.75
            * bell(
                lat_deg - (side * 25.0 + equator_deg * equator_deg.abs() / 60.0),
                9.0,
            );
    Wind {
        east,
        north,
        rise,
        gather,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean wind of a row.
    fn zonal(winds: &[Wind], lat_deg: f64) -> Wind {
        let row = ((90.0 - lat_deg) / CELL_DEG) as usize;
        let row = &winds[row * WIDTH..(row + 1) * WIDTH];
        let mean = |of: fn(&Wind) -> f64| row.iter().map(of).sum::<f64>() / WIDTH as f64;
        Wind {
            east: mean(|w| w.east),
            north: mean(|w| w.north),
            rise: mean(|w| w.rise),
            gather: mean(|w| w.gather),
        }
    }

    #[test]
    fn an_ocean_planet_has_the_belts_of_a_textbook() {
        let july = winds(&vec![0.0; CELLS], Half::July, 1.0);
        assert!(
            zonal(&july, 22.0).east < -0.3 && zonal(&july, 22.0).north < 0.0,
            "trades"
        );
        assert!(
            zonal(&july, -15.0).east < -0.3 && zonal(&july, -15.0).north > 0.0,
            "trades"
        );
        assert!(
            zonal(&july, 50.0).east > 0.5 && zonal(&july, -50.0).east > 0.5,
            "westerlies"
        );
        assert!(
            zonal(&july, 82.0).east < 0.0 && zonal(&july, -82.0).east < 0.0,
            "polar easterlies"
        );
        assert!(zonal(&july, 5.0).rise > 0.5, "convergence");
        assert!(
            zonal(&july, 27.0).rise < -0.3 && zonal(&july, -25.0).rise < -0.3,
            "ridges"
        );
    }

    #[test]
    fn without_tilt_the_halves_of_the_year_are_the_same() {
        let land: Vec<f64> = (0..CELLS).map(|cell| f64::from(cell % 7 == 0)).collect();
        let [july, january] = [Half::July, Half::January].map(|half| winds(&land, half, 0.0));
        for (a, b) in july.iter().zip(&january) {
            assert_eq!((a.east, a.north), (b.east, b.north));
        }
    }

    #[test]
    fn a_continent_draws_air_in_during_summer_and_sends_it_out_in_winter() {
        // Land from 0° to 90° E, 15° to 45° N.
        let land: Vec<f64> = (0..CELLS)
            .map(|cell| {
                let lat_deg = row_lat_deg(cell / WIDTH);
                let inside =
                    (15.0..45.0).contains(&lat_deg) && (128..192).contains(&(cell % WIDTH));
                f64::from(u8::from(inside))
            })
            .collect();
        let none = vec![0.0; CELLS];
        let east_coast = ((90.0 - 30.0) / CELL_DEG) as usize * WIDTH + 192;
        let pulled = |half| {
            let (with, without) = (winds(&land, half, 1.0), winds(&none, half, 1.0));
            (
                with[east_coast].east - without[east_coast].east,
                with[east_coast].north - without[east_coast].north,
            )
        };
        let (east, north) = pulled(Half::July);
        assert!(east < 0.0 && north > 0.0, "{east} {north}");
        assert!(pulled(Half::January).0 > 0.0);
    }
}
