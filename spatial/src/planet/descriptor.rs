//! What `assets/planets/<name>.ron` may say. Parsed, then checked as a whole, so that nothing
//! behind this file meets an impossible planet.

use std::path::Path;

use serde::Deserialize;

use super::climate::ClimateSpec;
use super::error::PlanetError;
use crate::cells::Level;
use crate::limits;

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
    /// Small-scale ground.
    #[serde(default)]
    pub(crate) roughness: RoughnessSpec,
    /// What stands around settlements.
    #[serde(default)]
    pub(crate) obstacles: Option<ObstacleSpec>,
    /// Air; without it the planet is bare rock.
    #[serde(default)]
    pub(crate) climate: Option<ClimateSpec>,
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

/// Hills and bumps below the resolution of the elevation file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoughnessSpec {
    /// Layers of noise, added up.
    pub(crate) octaves: Vec<Octave>,
    /// How much rougher the ground gets per kilometre of elevation: 1 doubles it at 1 km.
    #[serde(default)]
    pub(crate) gain_per_km: f64,
}

/// One layer of noise.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Octave {
    /// Distance between independent heights.
    pub(crate) wavelength_m: f64,
    /// Height of the highest over the lowest.
    pub(crate) amplitude_m: f64,
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
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
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
    fn problem(&self) -> Option<(&'static str, String)> {
        let between = |field, value: f64, low: f64, high: f64| {
            let fine = value >= low && value <= high;
            (!fine).then(|| (field, format!("is {value}; it must be {low} ..= {high}")))
        };
        between(
            "radius_m",
            self.radius_m,
            limits::RADIUS_M_MIN,
            limits::RADIUS_M_MAX,
        )
        .or_else(|| {
            between(
                "gravity_mps2",
                self.gravity_mps2,
                0.01,
                limits::GRAVITY_MPS2_MAX,
            )
        })
        .or_else(|| {
            let level = f64::from(self.frame_level);
            between("frame_level", level, 0.0, f64::from(Level::MAX.get()))
        })
        .or_else(|| {
            let elevation = self.elevation.as_ref()?;
            let high = limits::GROUND_M_MAX / 255.0;
            between(
                "elevation.metres_per_grey",
                elevation.metres_per_grey,
                0.0,
                high,
            )
        })
        .or_else(|| self.roughness.problem(between))
        .or_else(|| self.obstacles.as_ref()?.problem(self.radius_m, between))
        .or_else(|| {
            let (field, value, low, high) = self.climate.as_ref()?.out_of_range()?;
            between(field, value, low, high)
        })
    }
}

type Problem = Option<(&'static str, String)>;

impl RoughnessSpec {
    fn problem(&self, between: impl Fn(&'static str, f64, f64, f64) -> Problem) -> Problem {
        let count = self.octaves.len();
        if count > limits::ROUGHNESS_OCTAVES_MAX {
            let most = limits::ROUGHNESS_OCTAVES_MAX;
            return Some((
                "roughness.octaves",
                format!("has {count} entries; at most {most} fit"),
            ));
        }
        let high = limits::GROUND_M_MAX;
        between("roughness.gain_per_km", self.gain_per_km, 0.0, 10.0).or_else(|| {
            self.octaves.iter().find_map(|octave| {
                between(
                    "roughness.octaves.wavelength_m",
                    octave.wavelength_m,
                    1.0,
                    1e7,
                )
                .or_else(|| {
                    between(
                        "roughness.octaves.amplitude_m",
                        octave.amplitude_m,
                        0.0,
                        high,
                    )
                })
            })
        })
    }
}

impl ObstacleSpec {
    fn problem(
        &self,
        planet_radius_m: f64,
        between: impl Fn(&'static str, f64, f64, f64) -> Problem,
    ) -> Problem {
        let count = self.settlements.saturating_mul(self.per_settlement);
        if count > limits::OBSTACLES_MAX {
            let most = limits::OBSTACLES_MAX;
            let problem = format!("times obstacles.per_settlement is {count}; at most {most} fit");
            return Some(("obstacles.settlements", problem));
        }
        let thinnest = limits::OBSTACLE_RADIUS_M_MIN;
        let widest = planet_radius_m * 0.1;
        let (thin, thick) = self.radius_m;
        let (low, high) = self.height_m;
        between("obstacles.disc_radius_m", self.disc_radius_m, 1.0, widest)
            .or_else(|| {
                let most = self.disc_radius_m;
                between("obstacles.clear_radius_m", self.clear_radius_m, 0.0, most)
            })
            .or_else(|| {
                between(
                    "obstacles.radius_m.1",
                    thick,
                    0.1,
                    limits::OBSTACLE_RADIUS_M_MAX,
                )
            })
            .or_else(|| between("obstacles.radius_m.0", thin, thinnest, thick))
            .or_else(|| {
                between(
                    "obstacles.height_m.1",
                    high,
                    0.1,
                    limits::OBSTACLE_HEIGHT_M_MAX,
                )
            })
            .or_else(|| between("obstacles.height_m.0", low, 0.1, high))
    }
}
