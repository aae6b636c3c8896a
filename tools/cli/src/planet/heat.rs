//! Where people live, as a raster: each settlement a soft disc of its population.

use std::f64::consts::PI;

use bluemarble_spatial::{PEOPLE_PER_M2, Planet};

use super::view::View;

/// People per km² of a settlement, as zones count them: sets how wide its disc is.
const CROWDED_PER_KM2: f64 = PEOPLE_PER_M2 * 1e6;
/// Narrowest disc, pixels: a village must be seen.
const RADIUS_PX_MIN: f64 = 1.6;

/// People per km² at each pixel of a view.
pub struct Heat {
    width: usize,
    people_per_km2: Vec<f32>,
}

impl Heat {
    /// Spreads every settlement's people over a disc, thickest in the middle.
    pub fn of(planet: &Planet, view: &View) -> Self {
        let mut people_per_km2 = vec![0.0_f32; view.width * view.height];
        for settlement in planet.settlements() {
            let Some(at) = view.pixel_of(settlement.at.to_direction()) else {
                continue;
            };
            let Some(pixel_km) = pixel_km(planet, view, at.x, at.y) else {
                continue;
            };
            let people = settlement.population as f64;
            // A cone of this radius and height CROWDED holds them all.
            let radius_km = (3.0 * people / (PI * CROWDED_PER_KM2)).sqrt();
            // Maps that go round draw a disc once at most; on others it may be larger than they are.
            let widest = if view.shows_all_round() {
                view.width as f64 * 0.5
            } else {
                f64::MAX
            };
            let radius = (radius_km / pixel_km).clamp(RADIUS_PX_MIN, widest);
            let radius_km = radius * pixel_km;
            let top = 3.0 * people / (PI * radius_km * radius_km);
            let range = |middle: f64| {
                let low = (middle - radius - 1.0).floor() as i64;
                let high = (middle + radius + 1.0).ceil() as i64;
                (low, high)
            };
            let (left, right) = range(at.x);
            let (first, last) = range(at.y);
            let (left, right) = if view.shows_all_round() {
                (left, right)
            } else {
                (left.max(0), right.min(view.width as i64))
            };
            for row in first.max(0)..last.min(view.height as i64) {
                for column in left..right {
                    let x = column as f64 + 0.5 - at.x;
                    let y = row as f64 + 0.5 - at.y;
                    let share = 1.0 - (x * x + y * y).sqrt() / radius;
                    let column = if view.shows_all_round() {
                        column.rem_euclid(view.width as i64)
                    } else {
                        column
                    };
                    if share > 0.0 && (0..view.width as i64).contains(&column) {
                        let index = row as usize * view.width + column as usize;
                        people_per_km2[index] += (top * share) as f32;
                    }
                }
            }
        }
        Self {
            width: view.width,
            people_per_km2,
        }
    }

    /// At a pixel.
    pub fn at(&self, column: usize, row: usize) -> f64 {
        f64::from(self.people_per_km2[row * self.width + column])
    }

    /// At the most crowded pixel.
    pub fn most(&self) -> f64 {
        f64::from(self.people_per_km2.iter().copied().fold(0.0, f32::max))
    }
}

/// Side of a pixel's ground, km: the geometric mean of across and down.
fn pixel_km(planet: &Planet, view: &View, x: f64, y: f64) -> Option<f64> {
    let here = view.at(x, y)?.unit();
    let step = |x: f64, y: f64| Some((view.at(x, y)?.unit() - here).length());
    let across = step(x + 0.5, y).or_else(|| step(x - 0.5, y))?;
    let down = step(x, y + 0.5).or_else(|| step(x, y - 0.5))?;
    Some((across * down).sqrt() * 2.0 * planet.radius_m() / 1_000.0)
}
