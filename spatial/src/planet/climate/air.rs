//! Moisture: what the winds pick up over the sea and lose over land.
//!
//! A column of air holds at most what Clausius and Clapeyron allow at the ground's temperature
//! (6.2 % more per kelvin). Over water it fills up; it rains where air rises (thermal equator, polar
//! front, windward slopes) in proportion to what it holds and how near it is to its limit, and less
//! where it sinks (subtropics). What has fallen on land partly evaporates again. Air is followed
//! upwind in steps (semi-Lagrangian advection: Staniforth and Côté, Monthly Weather Review 119,
//! 1991) until it is steady, once for each half of the year; what is kept is four fields of numbers.

use glam::DVec3;

use super::model::{ClimateSpec, EARTH_TILT_DEG};
use super::raster::{
    CELL_DEG, CELLS, Taps, WIDTH, blur, direction, join_poles, neighbours, row_lat_deg,
};
use super::wind::{Half, Wind, winds};
use crate::maths;
use crate::mix::{mix64, unit};
use crate::planet::Ground;

/// How far the trades carry air in a step, degrees of arc.
const STEP_DEG: f64 = 2.0;
/// Steps that are followed: 112° of arc, more than any air travels before most of its water has
/// fallen.
const STEPS: usize = 56;
/// Steps a year: 2° of arc take 9 hours at 7 m/s.
const STEPS_PER_YEAR: f64 = 1_000.0;
/// Water in a saturated column at 27 °C, mm.
const SATURATED_MM: f64 = 62.0;
/// Clausius and Clapeyron: relative growth of that per kelvin.
const SATURATION_PER_K: f64 = 0.062;
/// How full the air gets over the sea, and the share of the gap closed in a step.
const SEA_HUMIDITY: f64 = 0.8;
/// What is added to that where air rises: below sinking air the moist layer is thin.
const SEA_HUMIDITY_RISE: f64 = 0.06;
const SEA_UPTAKE: f64 = 0.12;
/// Rain goes with the third power of how full the air is; this makes up for it at 80 %.
const SHARPNESS: f64 = 2.0;
/// How far eddies mix in a step, cells.
const EDDY_CELLS: usize = 2;
/// Rise of the ground over two cells that halves the wind against it, metres.
const BLOCKING_M: f64 = 550.0;
/// By how much places differ in warmth from their surroundings, K.
const WOBBLE_K: f64 = 2.5;
/// Share of the rain over land that evaporates again.
const RECYCLED: f64 = 0.6;
/// What the converging winds below rising air add to it in a step.
const CONVERGENCE: f64 = 0.045;
/// What rainforests add to that.
const RECYCLED_TROPICS: f64 = 0.22;

/// The steady state.
#[derive(Clone, Debug)]
pub(crate) struct Air {
    maritime: Vec<f64>,
    rain_mm: Vec<f64>,
    summer_rain: Vec<f64>,
    massif_m: Vec<f64>,
}

/// The air at one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AirSample {
    /// How much of it comes from the sea, 0 ..= 1.
    pub(crate) maritime: f64,
    /// Rain, mm a year.
    pub(crate) rain_mm: f64,
    /// Share of it in the warmer half of the year.
    pub(crate) summer_rain: f64,
    /// How much warmer it is than its surroundings: what keeps tree lines from being lines.
    pub(crate) warmer_k: f64,
    /// Mean height of the wider surroundings, metres.
    pub(crate) massif_m: f64,
}

impl Air {
    /// Computes the winds and the rain of a planet.
    pub(crate) fn of(spec: &ClimateSpec, ground: impl Fn(DVec3) -> Ground) -> Self {
        let relief = Relief::of(ground);
        let tilt = spec.tilt_deg / EARTH_TILT_DEG;
        let [july, january] =
            [Half::July, Half::January].map(|half| winds(&relief.land, half, tilt));
        let maritime = relief.maritime(&july, &january);
        let rain = |winds: &[Wind], half| {
            if spec.circulation {
                carried_rain_mm(spec, &relief, &maritime, winds, half)
            } else {
                standing_rain_mm(spec, &relief, winds)
            }
        };
        let july_mm = rain(&july, Half::July);
        let january_mm = rain(&january, Half::January);
        let mut rain_mm = vec![0.0; CELLS];
        let mut summer_rain = vec![0.5; CELLS];
        for cell in 0..CELLS {
            let sum = july_mm[cell] + january_mm[cell];
            let summer = if cell < CELLS / 2 {
                july_mm[cell]
            } else {
                january_mm[cell]
            };
            rain_mm[cell] = sum * 0.5 * spec.moisture;
            if sum > 0.0 {
                summer_rain[cell] = summer / sum;
            }
        }
        let mut air = Self {
            maritime,
            rain_mm,
            summer_rain,
            massif_m: relief.massif_m,
        };
        for field in [
            &mut air.maritime,
            &mut air.rain_mm,
            &mut air.summer_rain,
            &mut air.massif_m,
        ] {
            join_poles(field);
        }
        air
    }

    /// At a unit direction; `seed` moves borders off the raster by up to half a cell.
    pub(crate) fn at(&self, at: DVec3, seed: u64) -> AirSample {
        let wobble = |n: u64| {
            noise(at * 40.0, seed ^ mix64(n)) + 0.5 * noise(at * 110.0, mix64(seed ^ mix64(n)))
        };
        // Meridians are close together towards the poles, where a wobble in columns would be none.
        let taps = Taps::around(at, (1.2 * wobble(1), 1.2 * wobble(2)));
        AirSample {
            maritime: taps.read(&self.maritime),
            rain_mm: taps.read(&self.rain_mm) * (1.0 + 0.3 * wobble(3)),
            summer_rain: taps.read(&self.summer_rain),
            warmer_k: WOBBLE_K * wobble(4),
            massif_m: taps.read(&self.massif_m),
        }
    }
}

/// Land, water and mountains of each cell.
struct Relief {
    /// Share of land.
    land: Vec<f64>,
    /// Height that air must climb, metres.
    height_m: Vec<f64>,
    /// The same, of the wider surroundings.
    massif_m: Vec<f64>,
}

impl Relief {
    /// Looks at four places of each cell.
    fn of(ground: impl Fn(DVec3) -> Ground) -> Self {
        let mut land = Vec::with_capacity(CELLS);
        let mut height_m = Vec::with_capacity(CELLS);
        for cell in 0..CELLS {
            let (row, column) = ((cell / WIDTH) as f64, (cell % WIDTH) as f64);
            let (mut dry, mut sum_m, mut most_m) = (0.0, 0.0, 0.0);
            for (x, y) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let ground = ground(direction(column + x, row + y));
                if !ground.water {
                    dry += 0.25;
                }
                let above_m = ground.height_m.clamp(0.0, 20_000.0);
                sum_m += above_m;
                most_m = if above_m > most_m { above_m } else { most_m };
            }
            land.push(dry);
            // Peaks stand above what four samples find.
            let mean_m = sum_m * 0.25;
            height_m.push(most_m + 0.5 * (most_m - mean_m));
        }
        let mut massif_m = height_m.clone();
        blur(&mut massif_m, 2);
        Self {
            land,
            height_m,
            massif_m,
        }
    }

    /// Where the air of a cell was a step ago. Low air goes along high ground rather than over it.
    fn upwind(&self, cell: usize, east: f64, north: f64) -> Taps {
        let [w, e, n, s] = neighbours(cell, 1).map(|near| self.massif_m[near]);
        let passed = |step_m: f64| {
            let steep = step_m / BLOCKING_M;
            1.0 / (1.0 + steep * steep)
        };
        displaced(cell, -east * passed(e - w), -north * passed(n - s))
    }

    /// How much of each cell's air comes from the sea, 0 ..= 1, in the mean of the year.
    fn maritime(&self, july: &[Wind], january: &[Wind]) -> Vec<f64> {
        let upwind: Vec<Taps> = (0..CELLS)
            .map(|cell| {
                let mean = |a: f64, b: f64| 0.5 * (a + b);
                self.upwind(
                    cell,
                    mean(july[cell].east, january[cell].east),
                    mean(july[cell].north, january[cell].north),
                )
            })
            .collect();
        let mut sea: Vec<f64> = self.land.iter().map(|land| 1.0 - land).collect();
        let mut next = sea.clone();
        for _ in 0..STEPS / 2 {
            for cell in 0..CELLS {
                let near = neighbours(cell, 1).map(|n| sea[n]);
                let around = ((near[0] + near[1]) + (near[2] + near[3])) * 0.25;
                let carried = upwind[cell].read(&sea);
                let mixed = carried + (around - carried) * 0.3;
                let own = 1.0 - self.land[cell];
                let pull = if own > 0.5 { 0.2 } else { 0.12 };
                next[cell] = mixed + (own - mixed) * pull;
            }
            core::mem::swap(&mut sea, &mut next);
        }
        sea
    }
}

/// The place a number of steps' cells away.
fn displaced(cell: usize, east: f64, north: f64) -> Taps {
    let (row, column) = (cell / WIDTH, cell % WIDTH);
    let cos_lat = maths::cos(row_lat_deg(row).to_radians()).clamp(0.2, 1.0);
    let cells = STEP_DEG / CELL_DEG;
    Taps::at(
        column as f64 + east.clamp(-2.5, 2.5) * cells / cos_lat,
        row as f64 - north.clamp(-2.5, 2.5) * cells,
    )
}

/// What a column of air can hold above each cell in one half of the year, mm.
fn capacity_mm(spec: &ClimateSpec, relief: &Relief, maritime: &[f64], half: Half) -> Vec<f64> {
    let capacity = |cell: usize| {
        let lat_deg = row_lat_deg(cell / WIDTH);
        let sin_lat = maths::sin(lat_deg.to_radians());
        let mean_c = spec.mean_c(
            sin_lat,
            maritime[cell],
            relief.height_m[cell],
            relief.massif_m[cell],
        );
        let season_k = 0.6 * spec.season_k(sin_lat, maritime[cell]) * half.summer(lat_deg);
        saturated_mm(mean_c + season_k)
    };
    (0..CELLS).map(capacity).collect()
}

fn saturated_mm(temperature_c: f64) -> f64 {
    SATURATED_MM * maths::exp(SATURATION_PER_K * (temperature_c.clamp(-80.0, 45.0) - 27.0))
}

/// Share of a saturated column that rains out in a step where the air rises so much.
fn rain_rate(rise: f64) -> f64 {
    let rate = 0.05 + 0.08 * rise;
    rate.clamp(0.006, 0.2)
}

/// Rain of one half of the year, mm at a year's rate, brought by its winds.
fn carried_rain_mm(
    spec: &ClimateSpec,
    relief: &Relief,
    maritime: &[f64],
    winds: &[Wind],
    half: Half,
) -> Vec<f64> {
    let capacity = capacity_mm(spec, relief, maritime, half);
    let upwind: Vec<Taps> = (0..CELLS)
        .map(|cell| relief.upwind(cell, winds[cell].east, winds[cell].north))
        .collect();
    // Air that is about to climb rains on the slope before it.
    let rates: Vec<f64> = (0..CELLS)
        .map(|cell| {
            let wind = winds[cell];
            let downwind = displaced(cell, wind.east, wind.north).read(&relief.height_m);
            let climb_m = (downwind - relief.height_m[cell]).clamp(-3_000.0, 3_000.0);
            let lat_deg = row_lat_deg(cell / WIDTH);
            // Sun-warmed land makes showers of its own.
            let showers = if half.summer(lat_deg) > 0.0 {
                0.03 * relief.land[cell]
            } else {
                0.0
            };
            let unstable = (0.4 + 0.6 * wind.rise).clamp(0.1, 1.0);
            let rate = rain_rate(wind.rise) + showers * (0.35 + 0.65 * unstable);
            if climb_m > 0.0 {
                rate + climb_m * 6e-5 * unstable
            } else {
                rate / (1.0 - climb_m * 2e-3)
            }
        })
        .collect();
    let mixing: Vec<f64> = (0..CELLS)
        .map(|cell| {
            let poleward = (row_lat_deg(cell / WIDTH).abs() - 20.0) / 30.0;
            // Low air does not mix across high ground.
            let height = relief.massif_m[cell] / 1_300.0;
            (0.12 + 0.18 * poleward.clamp(0.0, 1.0)) / (1.0 + height * height)
        })
        .collect();
    let sea_humidity: Vec<f64> = winds
        .iter()
        .map(|wind| SEA_HUMIDITY + SEA_HUMIDITY_RISE * wind.rise.clamp(-1.0, 0.8))
        .collect();
    let gathered: Vec<f64> = winds
        .iter()
        .map(|wind| 1.0 + CONVERGENCE * wind.gather)
        .collect();
    let recycled: Vec<f64> = capacity
        .iter()
        .map(|most| RECYCLED + RECYCLED_TROPICS * ((most - 30.0) / 20.0).clamp(0.0, 1.0))
        .collect();
    let mut water: Vec<f64> = capacity.iter().map(|most| most * 0.5).collect();
    let mut next = water.clone();
    let eddies: Vec<[u32; 4]> = (0..CELLS)
        .map(|cell| neighbours(cell, EDDY_CELLS).map(|n| n as u32))
        .collect();
    let mut humidity = vec![0.5; CELLS];
    let mut next_humidity = humidity.clone();
    let mut rain = vec![0.0; CELLS];
    for _ in 0..STEPS {
        for cell in 0..CELLS {
            let most = capacity[cell];
            // What eddies mix is air of the same height: its humidity, not its water.
            let near = eddies[cell].map(|n| humidity[n as usize]);
            let around = ((near[0] + near[1]) + (near[2] + near[3])) * 0.25 * most;
            let carried = upwind[cell].read(&water);
            let mixed = carried + (around - carried) * mixing[cell];
            let mixed = mixed * gathered[cell];
            let held = if mixed < most { mixed } else { most };
            let full = held / most;
            let fallen = held * rates[cell] * SHARPNESS * full * full * full;
            rain[cell] = fallen;
            let damp = most * sea_humidity[cell];
            let gap = if held < damp { damp - held } else { 0.0 };
            let sea = 1.0 - relief.land[cell];
            let left =
                held - fallen + sea * SEA_UPTAKE * gap + (1.0 - sea) * recycled[cell] * fallen;
            next[cell] = left;
            next_humidity[cell] = left / most;
        }
        core::mem::swap(&mut water, &mut next);
        core::mem::swap(&mut humidity, &mut next_humidity);
    }
    rain.iter_mut().for_each(|mm| *mm *= STEPS_PER_YEAR);
    rain
}

/// Rain without winds: what rises, rains.
fn standing_rain_mm(spec: &ClimateSpec, relief: &Relief, winds: &[Wind]) -> Vec<f64> {
    let even = vec![0.5; CELLS];
    let capacity = capacity_mm(spec, relief, &even, Half::July);
    (0..CELLS)
        .map(|cell| capacity[cell] * 0.6 * rain_rate(winds[cell].rise) * STEPS_PER_YEAR)
        .collect()
}

/// Smooth noise, −0.5 .. 0.5, independent at points 1 apart.
fn noise(p: DVec3, seed: u64) -> f64 {
    let floor = p.floor();
    let share = |x: f64, floor: f64| {
        let t = x - floor;
        t * t * (3.0 - 2.0 * t)
    };
    let (u, v, w) = (
        share(p.x, floor.x),
        share(p.y, floor.y),
        share(p.z, floor.z),
    );
    let corner = |i: i64, j: i64, k: i64| {
        let x = (floor.x as i64 + i) as u64;
        let y = (floor.y as i64 + j) as u64;
        let z = (floor.z as i64 + k) as u64;
        unit(mix64(x ^ mix64(y ^ mix64(z ^ seed)))) - 0.5
    };
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
    let edge = |j, k| mix(corner(0, j, k), corner(1, j, k), u);
    let side = |k| mix(edge(0, k), edge(1, k), v);
    mix(side(0), side(1), w)
}
