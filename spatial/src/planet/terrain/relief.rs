//! The coarse ground at one place, from rasters and the layers of a recipe: slow (a microsecond or
//! so) and exact, a pure function of the place. `Terrain` asks for it at the corners of a
//! lattice only.

use glam::DVec3;

use super::craters::Craters;
use super::noise::{Octaves, Shape, smoothstep};
use super::raster::{Elevation, LandMask, RasterPlace};
use super::recipe::{ContinentsSpec, LayerSpec, TerrainSpec, WavesSpec};
use crate::limits::TERRAIN_SAMPLES_PER_WAVE;
use crate::mix::mix64;
use crate::planet::descriptor::ground_m_max;

/// Unevenness of the elevation file that is only the size of its steps, in steps of grey.
const QUANTISATION_GREYS: f64 = 0.5;
/// Longest wave by which a shore leaves that of the land mask, metres.
const SHORE_WAVE_M: f64 = 3_000.0;
/// How far, as a share of the way from open water to inland.
const SHORE_AMPLITUDE: f64 = 0.2;
/// Depth of the sea a pixel off the shore of a land mask, metres. Nobody sees it.
const MASK_SEA_M: f64 = 60.0;
/// Relief that a layer adds for each metre of its amplitude.
const RELIEF_PER_AMPLITUDE: f64 = 0.35;

/// Rasters and layers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relief {
    radius_m: f64,
    elevation: Option<Elevation>,
    land_mask: Option<LandMask>,
    /// Of the coast along a land mask.
    shore: Option<Octaves>,
    layers: Vec<Layer>,
    detail_m: f64,
    detail_per_relief: f64,
    sea_level_m: f64,
}

/// The coarse ground at one place, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Solid ground above sea level, metres; negative under water.
    pub(crate) solid_m: f32,
    /// Amplitude of the finest ground, metres.
    pub(crate) detail_m: f32,
}

#[derive(Clone, Debug)]
enum Layer {
    Continents(Continents),
    Waves(Waves),
    Craters(Craters),
    Terraces {
        step_m: f64,
        sharpness: f64,
    },
    Warp {
        along: [Octaves; 3],
        amplitude_m: f64,
    },
}

#[derive(Clone, Debug)]
struct Continents {
    octaves: Octaves,
    /// Of the noise at the shore.
    shore: f64,
    height_m: f64,
    depth_m: f64,
}

#[derive(Clone, Debug)]
struct Waves {
    octaves: Octaves,
    amplitude_m: f64,
    per_relief: f64,
    upward: bool,
    on_land: bool,
    patches: Option<Patches>,
}

#[derive(Clone, Debug)]
struct Patches {
    octaves: Octaves,
    /// Of the noise halfway into a patch.
    edge: f64,
}

/// What layers see and change.
struct State {
    /// Metres, planet frame, as warped so far.
    point: DVec3,
    /// Above the planet's radius.
    height_m: f64,
    /// How uneven the land is: about the standard deviation of heights around.
    relief_m: f64,
}

impl Relief {
    /// `spacing_m`: of the lattice. The recipe has been checked.
    pub(crate) fn new(
        spec: &TerrainSpec,
        radius_m: f64,
        sea_level_m: f64,
        spacing_m: f64,
        elevation: Option<Elevation>,
        land_mask: Option<LandMask>,
    ) -> Self {
        let seed = |n: usize| mix64(spec.seed ^ mix64(n as u64));
        let layers = spec.layers.iter().enumerate();
        let layers = layers.map(|(n, layer)| Layer::new(layer, radius_m, seed(n)));
        // As many octaves as the lattice can hold.
        let finest_m = spacing_m * TERRAIN_SAMPLES_PER_WAVE;
        let octaves = (0..4).take_while(|n| SHORE_WAVE_M / f64::from(1 << n) >= finest_m);
        let octaves = octaves.count() as u32;
        let shore = (land_mask.is_some() && octaves > 0).then(|| {
            let seed = seed(usize::MAX);
            Octaves::new(Shape::Fractal, SHORE_WAVE_M, octaves, 0.6, 2.0, seed)
        });
        Self {
            radius_m,
            elevation,
            land_mask,
            shore,
            layers: layers.collect(),
            detail_m: spec.detail.as_ref().map_or(0.0, |d| d.amplitude_m),
            detail_per_relief: spec.detail.as_ref().map_or(0.0, |d| d.amplitude_per_relief),
            sea_level_m,
        }
    }

    /// Whether it is the same everywhere: no rasters, no layers, no detail.
    pub(crate) fn is_bare(&self) -> bool {
        self.elevation.is_none()
            && self.land_mask.is_none()
            && self.layers.is_empty()
            && self.detail_m == 0.0
    }

    /// A bound on the solid ground's distance from sea level, and on the amplitude of detail.
    pub(crate) fn bounds_m(&self) -> (f64, f64) {
        let mut height_m = self.elevation.as_ref().map_or(0.0, Elevation::metres_max);
        // The deviation of values between 0 and the highest is at most half of it.
        let mut relief_m = 0.5 * height_m;
        for layer in &self.layers {
            let (more_m, rougher_m) = layer.bounds_m(relief_m);
            height_m += more_m;
            relief_m += rougher_m;
        }
        let detail_m = self.detail_m + self.detail_per_relief * relief_m;
        // The floor that keeps land dry adds a few metres.
        let mask_m = self.land_mask.as_ref().map_or(0.0, |_| MASK_SEA_M);
        let solid_m = height_m + self.sea_level_m.abs() + 2.0 * detail_m + mask_m + 4.0;
        let all_m = ground_m_max(self.radius_m);
        let most = |metres: f64| if metres < all_m { metres } else { all_m };
        (most(solid_m), most(detail_m))
    }

    /// The coarse ground below or above a unit direction.
    pub(crate) fn at(&self, dir: DVec3) -> Sample {
        let mut state = State {
            point: dir * self.radius_m,
            height_m: 0.0,
            relief_m: 0.0,
        };
        // 1 inland, 0 at the shore, −1 on open water.
        let mut inland = 1.0;
        if self.elevation.is_some() || self.land_mask.is_some() {
            let place = RasterPlace::of(dir);
            if let Some(mask) = &self.land_mask {
                inland = self.inland(mask, place, state.point);
                if inland <= -1.0 {
                    return Sample {
                        solid_m: -MASK_SEA_M as f32,
                        detail_m: 0.0,
                    };
                }
            }
            if let Some(elevation) = &self.elevation {
                let (height_m, spread_m) = elevation.metres_and_spread(place);
                state.height_m = height_m;
                let steps_m = elevation.metres_per_grey() * QUANTISATION_GREYS;
                let over = (spread_m * spread_m - steps_m * steps_m).clamp(0.0, f64::MAX);
                state.relief_m = over.sqrt();
            }
        }
        for layer in &self.layers {
            layer.apply(&mut state, self.radius_m, self.sea_level_m);
        }
        let detail_m = self.detail_m + self.detail_per_relief * state.relief_m;
        // The detail, too, stays over the centre of a small planet.
        let detail_m = detail_m.clamp(0.0, ground_m_max(self.radius_m));
        let solid_m = state.height_m - self.sea_level_m;
        if self.land_mask.is_none() {
            return Sample {
                solid_m: solid_m as f32,
                detail_m: detail_m as f32,
            };
        }
        // Land of the mask is above the sea whatever the layers say, detail included; from the
        // shore it rises from 0.
        let floor_m = detail_m + 1.0;
        let over_m = solid_m - floor_m;
        let land_m = floor_m + 0.5 * (over_m + (over_m * over_m + 16.0).sqrt());
        let sample = if inland > 0.0 {
            (land_m * inland, detail_m * inland)
        } else {
            (MASK_SEA_M * inland, 0.0)
        };
        Sample {
            solid_m: sample.0 as f32,
            detail_m: sample.1 as f32,
        }
    }

    /// Where between open water and inland a place is, its shore finer than the mask's.
    fn inland(&self, mask: &LandMask, place: RasterPlace, point: DVec3) -> f64 {
        let inland = 2.0 * mask.land_share(place) - 1.0;
        match &self.shore {
            Some(shore) if inland.abs() < 1.0 => {
                inland + SHORE_AMPLITUDE * (1.0 - inland * inland) * shore.at(point)
            }
            _ => inland,
        }
    }
}

impl Layer {
    fn new(spec: &LayerSpec, radius_m: f64, seed: u64) -> Self {
        let waves = |shape, spec: &WavesSpec| {
            let octaves = |shape, wavelength_m, count, seed| {
                Octaves::new(shape, wavelength_m, count, spec.gain, spec.lacunarity, seed)
            };
            Self::Waves(Waves {
                octaves: octaves(shape, spec.wavelength_m, spec.octaves, seed),
                amplitude_m: spec.amplitude_m,
                per_relief: spec.amplitude_per_relief,
                upward: spec.upward,
                on_land: spec.on_land,
                patches: spec.patches.as_ref().map(|patches| {
                    let seed = mix64(seed ^ 0x7061_7463);
                    let octaves = octaves(Shape::Fractal, patches.wavelength_m, 3, seed);
                    Patches {
                        edge: octaves.quantile(1.0 - patches.share, radius_m),
                        octaves,
                    }
                }),
            })
        };
        match spec {
            LayerSpec::Continents(spec) => Self::Continents(Continents::new(spec, radius_m, seed)),
            LayerSpec::Fractal(spec) => waves(Shape::Fractal, spec),
            LayerSpec::Ridged(spec) => waves(Shape::Ridged, spec),
            LayerSpec::Billow(spec) => waves(Shape::Billow, spec),
            LayerSpec::Craters(spec) => Self::Craters(Craters::new(
                spec.diameter_m,
                spec.depth_share,
                spec.density,
                seed,
            )),
            LayerSpec::Terraces(spec) => Self::Terraces {
                step_m: spec.step_m,
                sharpness: spec.sharpness,
            },
            LayerSpec::Warp(spec) => Self::Warp {
                along: [1, 2, 3].map(|n| {
                    let seed = mix64(seed ^ n);
                    Octaves::new(
                        Shape::Fractal,
                        spec.wavelength_m,
                        spec.octaves,
                        0.5,
                        2.0,
                        seed,
                    )
                }),
                amplitude_m: spec.amplitude_m,
            },
        }
    }

    fn apply(&self, state: &mut State, radius_m: f64, sea_level_m: f64) {
        match self {
            Self::Continents(continents) => {
                state.height_m += continents.metres(state.point);
            }
            Self::Waves(waves) => waves.apply(state, sea_level_m),
            Self::Craters(craters) => state.height_m += craters.metres(state.point, radius_m),
            Self::Terraces { step_m, sharpness } => {
                let over_m = state.height_m - sea_level_m;
                if over_m > 0.0 {
                    let steps = over_m / step_m;
                    let tread = steps.floor();
                    let rise = smoothstep(0.0, 1.0, smoothstep(0.0, 1.0, steps - tread));
                    let stepped_m = (tread + rise) * step_m;
                    state.height_m += (stepped_m - over_m) * sharpness;
                }
            }
            Self::Warp { along, amplitude_m } => {
                let [x, y, z] = along.each_ref().map(|octaves| octaves.at(state.point));
                state.point += DVec3::new(x, y, z) * *amplitude_m;
            }
        }
    }

    /// Bounds on how much height and relief it adds to ground of at most `relief_m`.
    fn bounds_m(&self, relief_m: f64) -> (f64, f64) {
        match self {
            Self::Continents(Continents {
                height_m, depth_m, ..
            }) => (
                if height_m > depth_m {
                    *height_m
                } else {
                    *depth_m
                },
                0.0,
            ),
            Self::Waves(waves) => {
                let amplitude_m = waves.amplitude_m + waves.per_relief * relief_m;
                let relief_m = RELIEF_PER_AMPLITUDE * waves.amplitude_m;
                (amplitude_m * waves.octaves.bound(), relief_m)
            }
            Self::Craters(craters) => (craters.bound_m(), 0.0),
            Self::Terraces { step_m, .. } => (*step_m, 0.0),
            Self::Warp { .. } => (0.0, 0.0),
        }
    }
}

impl Continents {
    fn new(spec: &ContinentsSpec, radius_m: f64, seed: u64) -> Self {
        let (wavelength_m, gain) = (spec.wavelength_m, spec.gain);
        let octaves = Octaves::new(Shape::Fractal, wavelength_m, spec.octaves, gain, 2.0, seed);
        Self {
            shore: octaves.quantile(1.0 - spec.land_share, radius_m),
            octaves,
            height_m: spec.height_m,
            depth_m: spec.depth_m,
        }
    }

    fn metres(&self, point: DVec3) -> f64 {
        // Steep at the shore, level inland and far out; the shelf's slope is the coast's.
        let over = self.octaves.at(point) - self.shore;
        let bent = |steepness: f64| {
            let x = over * steepness;
            x / (1.0 + x * x).sqrt()
        };
        if over > 0.0 {
            self.height_m * bent(5.0)
        } else {
            self.depth_m * bent(5.0 * self.height_m / (self.depth_m + 1.0))
        }
    }
}

impl Waves {
    fn apply(&self, state: &mut State, sea_level_m: f64) {
        let mut share = 1.0;
        if self.on_land {
            // Coming up over the first metres of land, so that it does not change the shore.
            share *= smoothstep(0.0, 120.0, state.height_m - sea_level_m);
        }
        if share > 0.0
            && let Some(patches) = &self.patches
        {
            let noise = patches.octaves.at(state.point);
            share *= smoothstep(patches.edge - 0.12, patches.edge + 0.12, noise);
        }
        if share == 0.0 {
            return;
        }
        let own_m = share * self.amplitude_m;
        let amplitude_m = own_m + share * self.per_relief * state.relief_m;
        let noise = self.octaves.at(state.point);
        let noise = if self.upward {
            self.octaves.raised(noise)
        } else {
            noise
        };
        state.height_m += amplitude_m * noise;
        state.relief_m += RELIEF_PER_AMPLITUDE * own_m;
    }
}
