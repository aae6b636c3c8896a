//! The planet: a ball, its ground, what stands on it and where people live. Immutable once loaded
//! and shared as `Arc<Planet>`; every query is a pure function.
//!
//! Ground = (elevation file, bilinear) + (roughness, procedural), faded to zero at the shore of
//! the land mask. Water lies at the radius itself.

mod biome;
mod climate;
mod climate_air;
mod climate_grid;
mod climate_wind;
mod descriptor;
mod error;
mod load;
mod raster;
mod roughness;
mod sight;

use glam::DVec3;

pub use self::biome::Biome;
pub use self::climate::Climate;
use self::climate::ClimateModel;
pub use self::error::PlanetError;
use self::raster::{Elevation, LandMask, RasterPlace};
use self::roughness::Roughness;
use crate::cells::Level;
use crate::features::{Near, Obstacles, StaticTree};
use crate::geo::LatLng;
use crate::mix::hash_bytes;
use crate::settlements::{self, Settlement};

/// Width of a frame cell that suits the wire's centimetre integers, metres.
const FRAME_CELL_M: f64 = 4_500.0;
/// Average width of a level-0 cell on the unit sphere (S2's `kAvgWidth`); halves with each level.
const AVERAGE_WIDTH: f64 = 1.434_523_672_886_099_5;

/// Everything about the ground.
#[derive(Clone, Debug)]
pub struct Planet {
    name: String,
    radius_m: f64,
    gravity_mps2: f64,
    frame_level: Level,
    content_hash: u64,
    elevation: Option<Elevation>,
    land_mask: Option<LandMask>,
    roughness: Roughness,
    highest_m: f64,
    obstacles: Obstacles,
    settlements: StaticTree<Settlement>,
    climate: Option<ClimateModel>,
}

/// The ground at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Above the planet's radius, metres; on water 0.
    pub height_m: f64,
    /// Whether it is water.
    pub water: bool,
}

impl Planet {
    /// A bare ball of land without files, for tests: gravity 9.81 m/s², no obstacles, no
    /// settlements, frame cells about 4.5 km wide.
    #[must_use]
    pub fn smooth(radius_m: f64) -> Self {
        let too_wide = |level: Level| {
            AVERAGE_WIDTH * radius_m / f64::from(level.cells_along_face()) > 1.5 * FRAME_CELL_M
        };
        Self {
            name: "smooth".to_owned(),
            radius_m,
            gravity_mps2: 9.81,
            frame_level: Level::all()
                .find(|&level| !too_wide(level))
                .unwrap_or(Level::MAX),
            content_hash: hash_bytes(radius_m.to_bits(), b"smooth"),
            elevation: None,
            land_mask: None,
            roughness: Roughness::default(),
            highest_m: 0.0,
            obstacles: Obstacles::new(Vec::new(), radius_m),
            settlements: settlements::tree(Vec::new(), radius_m),
            climate: None,
        }
    }

    /// Its name: that of its descriptor.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Distance of sea level from the centre, metres.
    #[inline]
    #[must_use]
    pub fn radius_m(&self) -> f64 {
        self.radius_m
    }

    /// Downward acceleration, m/s².
    #[inline]
    #[must_use]
    pub fn gravity_mps2(&self) -> f64 {
        self.gravity_mps2
    }

    /// S2 level of the frame cells that wire positions refer to.
    #[inline]
    #[must_use]
    pub fn frame_level(&self) -> Level {
        self.frame_level
    }

    /// Hash over the descriptor's and every file's bytes: two programs that agree on it (and on
    /// their version) agree on the ground.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        self.content_hash
    }

    /// A bound that no ground exceeds, metres above the radius (obstacles not counted).
    #[inline]
    #[must_use]
    pub fn highest_m(&self) -> f64 {
        self.highest_m
    }

    /// Unit, away from the centre.
    #[inline]
    #[must_use]
    pub fn up(&self, pos: DVec3) -> DVec3 {
        pos.normalize()
    }

    /// The ground below or above a direction of any length but zero.
    #[inline]
    #[must_use]
    pub fn ground(&self, dir: DVec3) -> Ground {
        self.ground_at_unit(dir.normalize())
    }

    /// The same for a direction that is a unit vector already: the kernel's inner loop.
    #[inline]
    #[must_use]
    pub fn ground_at_unit(&self, unit: DVec3) -> Ground {
        let mut elevation_m = 0.0;
        let mut inland = 1.0;
        if self.elevation.is_some() || self.land_mask.is_some() {
            let place = RasterPlace::of(unit);
            if let Some(mask) = &self.land_mask {
                let share = mask.land_share(place);
                if share < 0.5 {
                    return Ground {
                        height_m: 0.0,
                        water: true,
                    };
                }
                inland = 2.0 * share - 1.0;
            }
            if let Some(elevation) = &self.elevation {
                elevation_m = elevation.metres(place);
            }
        }
        let rough_m = self.roughness.metres(unit * self.radius_m, elevation_m);
        Ground {
            height_m: (elevation_m + rough_m) * inland,
            water: false,
        }
    }

    /// Height of the ground above the radius, metres; water = 0. Any length of `dir` but zero.
    #[inline]
    #[must_use]
    pub fn ground_m(&self, dir: DVec3) -> f64 {
        self.ground(dir).height_m
    }

    /// Whether there is water in a direction of any length but zero.
    #[must_use]
    pub fn is_water(&self, dir: DVec3) -> bool {
        match &self.land_mask {
            None => false,
            Some(mask) => mask.land_share(RasterPlace::of(dir.normalize())) < 0.5,
        }
    }

    /// The point on the ground, metres, planet frame.
    #[must_use]
    pub fn surface(&self, at: LatLng) -> DVec3 {
        self.surface_at(at.to_dir())
    }

    /// The point on the ground below or above a direction of any length but zero.
    #[must_use]
    pub fn surface_at(&self, dir: DVec3) -> DVec3 {
        let unit = dir.normalize();
        unit * (self.radius_m + self.ground_at_unit(unit).height_m)
    }

    /// The point on dry ground nearest to a direction, looking along a widening spiral; the place
    /// itself when there is none within 20 km. Harbour towns have their middle in the harbour.
    #[must_use]
    pub fn dry_ground_near(&self, dir: DVec3) -> DVec3 {
        /// Between turns of the spiral, metres.
        const PITCH_M: f64 = 100.0;
        const TURNS: u32 = 200;
        let unit = dir.normalize();
        let (east, north) = east_north(unit);
        for ring in 0..=TURNS {
            let distance_m = f64::from(ring) * PITCH_M;
            for n in 0..(6 * ring).max(1) {
                let angle = core::f64::consts::TAU * f64::from(n) / f64::from((6 * ring).max(1));
                let (sin, cos) = crate::maths::sin_cos(angle);
                let side = (east * cos + north * sin) * (distance_m / self.radius_m);
                let there = (unit + side).normalize();
                if !self.is_water(there) {
                    return self.surface_at(there);
                }
            }
        }
        self.surface_at(unit)
    }

    /// What stands on it.
    #[inline]
    #[must_use]
    pub fn obstacles(&self) -> &Obstacles {
        &self.obstacles
    }

    /// Settlements by population, descending (equal ones by number).
    #[must_use]
    pub fn settlements(&self) -> &[Settlement] {
        self.settlements.as_slice()
    }

    /// The `count` settlements nearest to a direction of any length but zero, nearest first; of
    /// equally far ones the more populous first. Ids are places in [`settlements`](Self::settlements);
    /// distances are along the great circle at the planet's radius, metres.
    #[must_use]
    pub fn nearest_settlements(&self, dir: DVec3, count: usize) -> Vec<Near<'_, Settlement>> {
        let here = dir.normalize() * self.radius_m;
        let mut nearest = self.settlements.nearest(here, count);
        for near in &mut nearest {
            // A chord of a rounded antipode may be longer than the diameter.
            let sine = (0.5 * near.distance_m / self.radius_m).clamp(0.0, 1.0);
            near.distance_m = 2.0 * self.radius_m * crate::maths::asin(sine);
        }
        nearest
    }
}

/// Unit tangents to the east and north of a unit direction; at the poles, along x and across.
pub(crate) fn east_north(up: DVec3) -> (DVec3, DVec3) {
    let east = DVec3::Z.cross(up);
    let east = if east.length_squared() > 1e-18 {
        east.normalize()
    } else {
        DVec3::X
    };
    (east, up.cross(east))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_ball_is_land_at_its_radius_everywhere() {
        let ball = Planet::smooth(50_000.0);
        for dir in [DVec3::X, DVec3::NEG_Z, DVec3::new(1.0, -2.0, 3.0)] {
            assert_eq!(
                ball.ground(dir),
                Ground {
                    height_m: 0.0,
                    water: false
                }
            );
            assert!((ball.surface_at(dir).length() - 50_000.0).abs() < 1e-9);
        }
        assert_eq!(ball.frame_level(), Level::of(4));
        assert_eq!(Planet::smooth(6_371_000.0).frame_level(), Level::of(11));
        assert_eq!(Planet::smooth(200.0).frame_level(), Level::FACE);
        assert_ne!(ball.content_hash(), Planet::smooth(50_001.0).content_hash());
    }

    #[test]
    fn the_curve_of_a_ball_hides_what_is_beyond_the_horizon() {
        let ball = Planet::smooth(1_000.0);
        let eye = |angle_deg: f64| LatLng::degrees(0.0, angle_deg).to_dir() * 1_001.7;
        assert!(ball.line_of_sight(eye(0.0), eye(6.0)));
        assert!(!ball.line_of_sight(eye(0.0), eye(8.0)));
        assert!(
            !ball.line_of_sight(eye(0.0), eye(180.0)),
            "beyond any sight"
        );
        assert!(!ball.line_of_sight(eye(0.0), DVec3::NAN));
    }
}
