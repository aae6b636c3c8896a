//! The part of a planet's descriptor that says how its ground is made: a list of layers, one on top
//! of the other, and the detail underfoot. `assets/planets/README.md` explains it to designers.

use serde::Deserialize;

use crate::limits;
use crate::planet::descriptor::{Problem, between, ground_m_max};

/// How the ground is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TerrainSpec {
    /// Another seed is another world of the same kind.
    #[serde(default)]
    pub(crate) seed: u64,
    /// In the order in which they are applied.
    #[serde(default)]
    pub(crate) layers: Vec<LayerSpec>,
    /// What is too fine for layers.
    #[serde(default)]
    pub(crate) detail: Option<DetailSpec>,
}

/// One step of the recipe.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum LayerSpec {
    /// Continents and ocean floors.
    Continents(ContinentsSpec),
    /// Hills and dales.
    Fractal(WavesSpec),
    /// Sharp crests, wide valleys.
    Ridged(WavesSpec),
    /// Round hills, sharp valleys.
    Billow(WavesSpec),
    /// Impact craters.
    Craters(CratersSpec),
    /// Steps in whatever height there is so far.
    Terraces(TerracesSpec),
    /// Bends the layers after it.
    Warp(WarpSpec),
}

/// A mask of land and sea with a height for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContinentsSpec {
    /// Of the largest shapes.
    pub(crate) wavelength_m: f64,
    pub(crate) octaves: u32,
    #[serde(default = "half")]
    pub(crate) gain: f64,
    /// Share of the surface that is raised.
    pub(crate) land_share: f64,
    /// Of the inland.
    pub(crate) height_m: f64,
    /// Of the ocean floor.
    pub(crate) depth_m: f64,
}

/// Octaves of noise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WavesSpec {
    /// Of the first octave.
    pub(crate) wavelength_m: f64,
    pub(crate) octaves: u32,
    /// Height of an octave over that of the one before.
    #[serde(default = "half")]
    pub(crate) gain: f64,
    /// Wavelength of an octave over that of the next.
    #[serde(default = "two")]
    pub(crate) lacunarity: f64,
    /// Highest over the mean, everywhere.
    #[serde(default)]
    pub(crate) amplitude_m: f64,
    /// The same for each metre of relief of the elevation file and the layers so far.
    #[serde(default)]
    pub(crate) amplitude_per_relief: f64,
    /// From 0 up to the amplitude instead of as much below as above.
    #[serde(default)]
    pub(crate) upward: bool,
    /// Not in the sea.
    #[serde(default)]
    pub(crate) on_land: bool,
    /// Not everywhere.
    #[serde(default)]
    pub(crate) patches: Option<PatchesSpec>,
}

/// Where a layer is, and where it is not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchesSpec {
    /// Of the patches.
    pub(crate) wavelength_m: f64,
    /// Of the surface.
    pub(crate) share: f64,
}

/// Impact craters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CratersSpec {
    /// Rim to rim: largest, smallest.
    pub(crate) diameter_m: (f64, f64),
    /// Depth over diameter.
    pub(crate) depth_share: f64,
    /// 0 none ..= 1 as many as there can be.
    pub(crate) density: f64,
}

/// Steps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TerracesSpec {
    /// From one to the next.
    pub(crate) step_m: f64,
    /// 0 none ..= 1 flat treads and steep risers.
    pub(crate) sharpness: f64,
}

/// A displacement of the places that later layers see.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarpSpec {
    pub(crate) wavelength_m: f64,
    pub(crate) octaves: u32,
    /// Farthest.
    pub(crate) amplitude_m: f64,
}

/// The finest octaves, computed for each question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetailSpec {
    /// Of the first octave.
    pub(crate) wavelength_m: f64,
    pub(crate) octaves: u32,
    #[serde(default = "half")]
    pub(crate) gain: f64,
    #[serde(default = "two")]
    pub(crate) lacunarity: f64,
    /// Highest over the mean, on plains.
    pub(crate) amplitude_m: f64,
    /// The same for each metre of relief.
    #[serde(default)]
    pub(crate) amplitude_per_relief: f64,
}

fn half() -> f64 {
    0.5
}

fn two() -> f64 {
    2.0
}

impl TerrainSpec {
    /// The first value that cannot be. `spacing_m`: of the lattice on which layers are computed.
    pub(crate) fn problem(&self, radius_m: f64, spacing_m: f64) -> Problem {
        let checks = Checks {
            radius_m,
            finest_m: spacing_m * limits::TERRAIN_SAMPLES_PER_WAVE,
        };
        let count = |field: &str, count: usize, most: usize| {
            (count > most).then(|| {
                let problem = format!("has {count} entries; at most {most} fit");
                (field.to_owned(), problem)
            })
        };
        count(
            "terrain.layers",
            self.layers.len(),
            limits::TERRAIN_LAYERS_MAX,
        )
        .or_else(|| {
            let layers = self.layers.iter().enumerate();
            layers.into_iter().find_map(|(n, layer)| {
                let (field, problem) = layer.problem(&checks)?;
                let kind = layer.kind();
                Some((format!("terrain.layers[{n}] {kind}.{field}"), problem))
            })
        })
        .or_else(|| {
            let (field, problem) = self.detail.as_ref()?.problem(&checks)?;
            Some((format!("terrain.detail.{field}"), problem))
        })
    }
}

impl LayerSpec {
    fn kind(&self) -> &'static str {
        match self {
            Self::Continents(_) => "Continents",
            Self::Fractal(_) => "Fractal",
            Self::Ridged(_) => "Ridged",
            Self::Billow(_) => "Billow",
            Self::Craters(_) => "Craters",
            Self::Terraces(_) => "Terraces",
            Self::Warp(_) => "Warp",
        }
    }

    fn problem(&self, checks: &Checks) -> Problem {
        match self {
            Self::Continents(spec) => spec.problem(checks),
            Self::Fractal(spec) | Self::Ridged(spec) | Self::Billow(spec) => spec.problem(checks),
            Self::Craters(spec) => spec.problem(checks),
            Self::Terraces(spec) => between("step_m", spec.step_m, 1.0, checks.ground_m_max())
                .or_else(|| share("sharpness", spec.sharpness)),
            Self::Warp(spec) => checks
                .waves(spec.wavelength_m, spec.octaves, 0.5, 2.0)
                .or_else(|| {
                    let most = spec.wavelength_m;
                    between("amplitude_m", spec.amplitude_m, 0.0, most)
                }),
        }
    }
}

impl ContinentsSpec {
    fn problem(&self, checks: &Checks) -> Problem {
        let most = checks.ground_m_max();
        checks
            .waves(self.wavelength_m, self.octaves, self.gain, 2.0)
            .or_else(|| between("land_share", self.land_share, 0.01, 0.99))
            .or_else(|| between("height_m", self.height_m, 0.0, most))
            .or_else(|| between("depth_m", self.depth_m, 0.0, most))
    }
}

impl WavesSpec {
    fn problem(&self, checks: &Checks) -> Problem {
        let most = checks.ground_m_max();
        checks
            .waves(self.wavelength_m, self.octaves, self.gain, self.lacunarity)
            .or_else(|| between("amplitude_m", self.amplitude_m, 0.0, most))
            .or_else(|| {
                let value = self.amplitude_per_relief;
                between("amplitude_per_relief", value, 0.0, 10.0)
            })
            .or_else(|| {
                let patches = self.patches.as_ref()?;
                checks
                    .wavelength("patches.wavelength_m", patches.wavelength_m)
                    .or_else(|| between("patches.share", patches.share, 0.01, 0.99))
            })
    }
}

impl CratersSpec {
    fn problem(&self, checks: &Checks) -> Problem {
        let (largest, smallest) = self.diameter_m;
        let widest = checks.radius_m * 0.5;
        between("diameter_m.0", largest, checks.finest_m, widest)
            .or_else(|| {
                // Seven classes are enough for any tile to wait for.
                let least = largest / 64.0;
                let least = if least > checks.finest_m {
                    least
                } else {
                    checks.finest_m
                };
                between("diameter_m.1", smallest, least, largest)
            })
            .or_else(|| between("depth_share", self.depth_share, 0.0, 0.5))
            .or_else(|| share("density", self.density))
    }
}

impl DetailSpec {
    fn problem(&self, checks: &Checks) -> Problem {
        let (shortest, most) = (limits::DETAIL_WAVELENGTH_M_MIN, checks.ground_m_max());
        checks
            .octaves(self.octaves, limits::DETAIL_OCTAVES_MAX)
            .or_else(|| between("gain", self.gain, 0.05, 0.95))
            .or_else(|| between("lacunarity", self.lacunarity, 1.5, 4.0))
            .or_else(|| {
                let finer = (1..self.octaves).fold(1.0, |finer, _| finer * self.lacunarity);
                between("wavelength_m", self.wavelength_m, shortest * finer, 1e7)
            })
            .or_else(|| between("amplitude_m", self.amplitude_m, 0.0, most))
            .or_else(|| {
                let value = self.amplitude_per_relief;
                between("amplitude_per_relief", value, 0.0, 1.0)
            })
    }
}

/// What the checks of all layers need to know.
struct Checks {
    radius_m: f64,
    /// The shortest wave that the lattice holds.
    finest_m: f64,
}

impl Checks {
    fn ground_m_max(&self) -> f64 {
        ground_m_max(self.radius_m)
    }

    /// A wave that the lattice holds and the planet is large enough for.
    fn wavelength(&self, field: &str, wavelength_m: f64) -> Problem {
        between(field, wavelength_m, self.finest_m, 4.0 * self.radius_m)
    }

    /// The last of `octaves` waves must still be one that the lattice holds.
    fn waves(&self, wavelength_m: f64, octaves: u32, gain: f64, lacunarity: f64) -> Problem {
        self.octaves(octaves, limits::LAYER_OCTAVES_MAX)
            .or_else(|| between("gain", gain, 0.05, 0.95))
            .or_else(|| between("lacunarity", lacunarity, 1.5, 4.0))
            .or_else(|| self.wavelength("wavelength_m", wavelength_m))
            .or_else(|| {
                let last_m = (1..octaves).fold(wavelength_m, |wave, _| wave / lacunarity);
                (last_m < self.finest_m).then(|| {
                    let finest_m = self.finest_m;
                    let problem = format!(
                        "is {octaves}, and the last wave {last_m:.0} m long; layers hold waves of \
                         {finest_m:.0} m and more on this planet: take fewer, and leave what is \
                         finer to terrain.detail"
                    );
                    ("octaves".to_owned(), problem)
                })
            })
    }

    fn octaves(&self, octaves: u32, most: u32) -> Problem {
        between("octaves", f64::from(octaves), 1.0, f64::from(most))
    }
}

fn share(field: &str, value: f64) -> Problem {
    between(field, value, 0.0, 1.0)
}
