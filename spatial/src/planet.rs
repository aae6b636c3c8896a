//! The planet.

use std::path::Path;

use glam::DVec3;

use crate::lat_lng::LatLng;
use crate::obstacles::Obstacles;
use crate::settlements::Settlement;

/// Why a planet could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PlanetError {}

/// Everything about the ground; immutable, shared as `Arc<Planet>`.
#[derive(Debug)]
pub struct Planet {
    radius_m: f64,
    obstacles: Obstacles,
    settlements: Vec<Settlement>,
}

impl Planet {
    /// Loads `planets/<name>.ron` below `assets_dir` and the files it names.
    ///
    /// # Errors
    /// [`PlanetError`].
    pub fn load(_assets_dir: &Path, _name: &str) -> Result<Self, PlanetError> {
        Ok(Self::smooth(6_371_000.0))
    }

    /// A bare ball without files, for tests.
    #[must_use]
    pub fn smooth(radius_m: f64) -> Self {
        Self {
            radius_m,
            obstacles: Obstacles,
            settlements: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        "smooth"
    }

    /// Metres.
    #[must_use]
    pub fn radius_m(&self) -> f64 {
        self.radius_m
    }

    /// m/s².
    #[must_use]
    pub fn gravity_mps2(&self) -> f64 {
        9.81
    }

    /// S2 level of the frame cells.
    #[must_use]
    pub fn frame_level(&self) -> u8 {
        11
    }

    /// Hash over everything that was loaded.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        0
    }

    /// Unit, away from the centre.
    #[must_use]
    pub fn up(&self, pos: DVec3) -> DVec3 {
        pos.normalize()
    }

    /// Height of the ground above the radius, metres; water = 0.
    #[must_use]
    pub fn ground_m(&self, _dir: DVec3) -> f64 {
        0.0
    }

    /// Whether there is water.
    #[must_use]
    pub fn is_water(&self, _dir: DVec3) -> bool {
        false
    }

    /// The point on the ground.
    #[must_use]
    pub fn surface(&self, at: LatLng) -> DVec3 {
        self.surface_at(at.to_dir())
    }

    /// The point on the ground below or above `dir`.
    #[must_use]
    pub fn surface_at(&self, dir: DVec3) -> DVec3 {
        dir.normalize() * (self.radius_m + self.ground_m(dir))
    }

    /// What stands on it.
    #[must_use]
    pub fn obstacles(&self) -> &Obstacles {
        &self.obstacles
    }

    /// Settlements by population, descending.
    #[must_use]
    pub fn settlements(&self) -> &[Settlement] {
        &self.settlements
    }

    /// Whether nothing is between two points.
    #[must_use]
    pub fn line_of_sight(&self, _from: DVec3, _to: DVec3) -> bool {
        true
    }
}
