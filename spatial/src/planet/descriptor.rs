//! What `assets/planets/<name>.ron` may say. Parsed, then checked as a whole, so that nothing
//! behind this file meets an impossible planet.

use std::path::Path;

use serde::Deserialize;

use super::climate::ClimateSpec;
use super::error::PlanetError;
use super::terrain::Lattice;
use super::terrain::TerrainSpec;
use crate::cells::Level;
use crate::limits::{
    GRAVITY_MPS2_MAX, GROUND_M_MAX, GROUND_RADII_MAX, OBSTACLE_HEIGHT_M_MAX, OBSTACLE_RADIUS_M_MAX,
    OBSTACLE_RADIUS_M_MIN, OBSTACLES_MAX, RADIUS_M_MAX, RADIUS_M_MIN,
};

/// A planet as its designer describes it. Lengths in metres.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Descriptor {
    /// Distance of sea level from the centre.
    pub(crate) radius_m: f64,
    /// Downward acceleration at the surface, m/s².
    pub(crate) gravity_mps2: f64,
    /// S2 level of the frame cells that wire positions refer to.
    pub(crate) frame_level: u8,
    /// Heights; without it the ground is at the radius.
    #[serde(default)]
    pub(crate) elevation: Option<ElevationFile>,
    /// Land and water; without it all is land.
    #[serde(default)]
    pub(crate) land_mask: Option<String>,
    /// Table of settlements.
    #[serde(default)]
    pub(crate) settlements: Option<String>,
    /// Further settlements, by hand.
    #[serde(default)]
    pub(crate) places: Vec<Place>,
    /// Height of the sea over the radius; without it, and without a land mask, there is none.
    #[serde(default)]
    pub(crate) sea_level_m: Option<f64>,
    /// How the ground is made where no file says it.
    #[serde(default)]
    pub(crate) terrain: TerrainSpec,
    /// What stands around settlements.
    #[serde(default)]
    pub(crate) obstacles: Option<ObstacleSpec>,
    /// Air; without it the planet is bare rock.
    #[serde(default)]
    pub(crate) climate: Option<ClimateSpec>,
    /// What a designer put there by hand: a GeoJSON file.
    #[serde(default)]
    pub(crate) features: Option<String>,
}

/// An 8-bit grey equirectangular PNG.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ElevationFile {
    /// Path below the assets folder.
    pub(crate) file: String,
    /// Height of one step of grey.
    pub(crate) metres_per_grey: f64,
}

/// A settlement written into the descriptor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Its name.
    pub(crate) name: String,
    /// Degrees.
    pub(crate) lat_deg: f64,
    /// Degrees.
    pub(crate) lng_deg: f64,
    /// People.
    pub(crate) population: u64,
}

/// Upright cylinders around the largest settlements.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObstacleSpec {
    /// How many settlements, by population.
    pub(crate) settlements: usize,
    /// How many around each.
    pub(crate) per_settlement: usize,
    /// Within this of the centre.
    pub(crate) disc_radius_m: f64,
    /// None within this of the centre.
    pub(crate) clear_radius_m: f64,
    /// Thinnest and thickest.
    pub(crate) radius_m: (f64, f64),
    /// Lowest and highest.
    pub(crate) height_m: (f64, f64),
}

impl Descriptor {
    /// Parses and checks.
    ///
    /// # Errors
    /// [`PlanetError::Descriptor`] and [`PlanetError::Value`].
    pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Result<Self, PlanetError> {
        let bad = |problem: String| PlanetError::Descriptor {
            file: file.into(),
            problem,
        };
        let text = std::str::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
        let options = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .with_default_extension(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES);
        let descriptor: Self = options.from_str(text).map_err(|e| bad(e.to_string()))?;
        match descriptor.problem() {
            None => Ok(descriptor),
            Some((field, problem)) => Err(PlanetError::Value {
                file: file.into(),
                field,
                problem,
            }),
        }
    }

    /// The first value that cannot be. NaN fails every comparison written here.
    fn problem(&self) -> Problem {
        let level = f64::from(self.frame_level);
        between("radius_m", self.radius_m, RADIUS_M_MIN, RADIUS_M_MAX)
            .or_else(|| between("gravity_mps2", self.gravity_mps2, 0.01, GRAVITY_MPS2_MAX))
            .or_else(|| between("frame_level", level, 0.0, f64::from(Level::MAX.get())))
            .or_else(|| self.elevation.as_ref()?.problem())
            .or_else(|| self.sea_problem())
            .or_else(|| {
                let spacing_m = Lattice::for_radius(self.radius_m).spacing_m(self.radius_m);
                self.terrain.problem(self.radius_m, spacing_m)
            })
            .or_else(|| self.obstacles.as_ref()?.problem(self.radius_m))
            .or_else(|| {
                let (field, value, low, high) = self.climate.as_ref()?.out_of_range()?;
                between(field, value, low, high)
            })
    }

    fn sea_problem(&self) -> Problem {
        let sea_level_m = self.sea_level_m?;
        if self.land_mask.is_some() && sea_level_m != 0.0 {
            let problem = format!(
                "is {sea_level_m}; a planet with a land_mask has its sea at 0: leave one of them out"
            );
            return Some(("sea_level_m".to_owned(), problem));
        }
        let most = ground_m_max(self.radius_m);
        between("sea_level_m", sea_level_m, -most, most)
    }
}

/// How far the ground of a planet of this radius may be from it, up or down, metres.
pub(crate) fn ground_m_max(radius_m: f64) -> f64 {
    let most_m = radius_m * GROUND_RADII_MAX;
    if most_m < GROUND_M_MAX {
        most_m
    } else {
        GROUND_M_MAX
    }
}

/// A field and what is wrong with it, if anything is.
pub(crate) type Problem = Option<(String, String)>;

/// A problem if a value is not `low` ..= `high`.
pub(crate) fn between(field: &str, value: f64, low: f64, high: f64) -> Problem {
    let fine = value >= low && value <= high;
    (!fine).then(|| {
        let problem = format!("is {value}; it must be {low} ..= {high}");
        (field.to_owned(), problem)
    })
}

impl ElevationFile {
    fn problem(&self) -> Problem {
        let high = GROUND_M_MAX / 255.0;
        between("elevation.metres_per_grey", self.metres_per_grey, 0.0, high)
    }
}

impl ObstacleSpec {
    fn problem(&self, planet_radius_m: f64) -> Problem {
        let count = self.settlements.saturating_mul(self.per_settlement);
        if count > OBSTACLES_MAX {
            let problem =
                format!("times obstacles.per_settlement is {count}; at most {OBSTACLES_MAX} fit");
            return Some(("obstacles.settlements".to_owned(), problem));
        }
        let widest = planet_radius_m * 0.1;
        let (thin, thick) = self.radius_m;
        let (low, high) = self.height_m;
        between("obstacles.disc_radius_m", self.disc_radius_m, 1.0, widest)
            .or_else(|| {
                let most = self.disc_radius_m;
                between("obstacles.clear_radius_m", self.clear_radius_m, 0.0, most)
            })
            .or_else(|| between("obstacles.radius_m.1", thick, 0.1, OBSTACLE_RADIUS_M_MAX))
            .or_else(|| between("obstacles.radius_m.0", thin, OBSTACLE_RADIUS_M_MIN, thick))
            .or_else(|| between("obstacles.height_m.1", high, 0.1, OBSTACLE_HEIGHT_M_MAX))
            .or_else(|| between("obstacles.height_m.0", low, 0.1, high))
    }
}
