//! The ground, coarse and fine: one height for every direction.
//!
//! Coarse: [`Relief`] at the corners of a [`Lattice`], and between them the smooth surface through
//! sixteen of them. Fine: the octaves of detail at the place itself, as high as the coarse ground
//! says. The surface through the corners *is* the ground, not an approximation of something else:
//! whether its corners come out of the store or are computed anew, the bits are the same.

use glam::DVec3;

use super::lattice::{Lattice, QuadPlace, TILE_CORNERS, TILE_QUADS, catmull_rom};
use super::noise::Octaves;
use super::relief::{Relief, Sample};
use super::tiles::{Found, Patch, SAMPLES, Tiles};
use crate::planet::Ground;

/// What the ground of a planet is made of.
#[derive(Clone, Debug)]
pub(crate) struct Terrain {
    radius_m: f64,
    lattice: Lattice,
    /// `None`: level ground without sea.
    relief: Option<Relief>,
    detail: Option<Octaves>,
    tiles: Tiles,
    /// Above the planet's radius; `None` is a planet without water.
    sea_level_m: Option<f64>,
    /// Of the coarse ground from sea level.
    solid_m_max: f64,
    detail_m_max: f64,
}

impl Terrain {
    /// Level ground at the radius.
    pub(crate) fn level(radius_m: f64) -> Self {
        Self {
            radius_m,
            lattice: Lattice::for_radius(radius_m),
            relief: None,
            detail: None,
            tiles: Tiles::new(0),
            sea_level_m: None,
            solid_m_max: 0.0,
            detail_m_max: 0.0,
        }
    }

    /// Ground from a relief; at most `tiles` are stored.
    pub(crate) fn new(
        radius_m: f64,
        relief: Relief,
        detail: Option<Octaves>,
        sea_level_m: Option<f64>,
        tiles: usize,
    ) -> Self {
        let (solid_m_max, detail_m_max) = relief.bounds_m();
        let bare = relief.is_bare() && sea_level_m.is_none();
        Self {
            lattice: Lattice::for_radius(radius_m),
            radius_m,
            relief: (!bare).then_some(relief),
            detail,
            tiles: Tiles::new(if bare { 0 } else { tiles }),
            sea_level_m,
            solid_m_max,
            detail_m_max,
        }
    }

    pub(crate) fn sea_level_m(&self) -> Option<f64> {
        self.sea_level_m
    }

    pub(crate) fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// The same ground with room for another number of tiles.
    pub(crate) fn with_tiles(mut self, tiles: usize) -> Self {
        self.tiles = Tiles::new(tiles);
        self
    }

    /// A bound that no ground exceeds, metres above the planet's radius.
    pub(crate) fn highest_m(&self) -> f64 {
        self.sea_level_m.unwrap_or(0.0) + self.solid_m_max + self.detail_m_max
    }

    /// The ground below or above a unit direction.
    #[inline]
    pub(crate) fn ground(&self, unit: DVec3) -> Ground {
        let Some(relief) = &self.relief else {
            return Ground {
                height_m: 0.0,
                water: false,
            };
        };
        let place = self.lattice.place(unit);
        let (key, quad) = place.tile();
        let patch = match self.tiles.find(key, quad) {
            Found::Patch(patch) => patch,
            Found::Missed => self.patch(relief, &place),
            Found::Wanted => {
                self.tiles.keep(key, &self.tile(relief, &place));
                self.patch(relief, &place)
            }
        };
        let [solid_m, detail_m] = blend(&patch, place.along);
        let most = self.solid_m_max;
        self.finish(unit, solid_m.clamp(-most, most), detail_m)
    }

    /// The ground at once from the relief, without the lattice and without detail: for pictures of
    /// whole planets, where every pixel is a place that nobody asks about again.
    pub(crate) fn outline(&self, unit: DVec3) -> Ground {
        match &self.relief {
            None => self.ground(unit),
            Some(relief) => self.above_sea(f64::from(relief.at(unit).solid_m)),
        }
    }

    /// Puts the detail and the sea onto the coarse ground.
    #[inline]
    fn finish(&self, unit: DVec3, solid_m: f64, detail_m: f64) -> Ground {
        let detail_m = if detail_m > 0.0 { detail_m } else { 0.0 };
        let under_water = self.sea_level_m.is_some() && solid_m + detail_m < 0.0;
        let fine_m = match &self.detail {
            Some(octaves) if !under_water => detail_m * octaves.at(unit * self.radius_m),
            _ => 0.0,
        };
        self.above_sea(solid_m + fine_m)
    }

    #[inline]
    fn above_sea(&self, solid_m: f64) -> Ground {
        match self.sea_level_m {
            Some(sea_level_m) if solid_m < 0.0 => Ground {
                height_m: sea_level_m,
                water: true,
            },
            Some(sea_level_m) => Ground {
                height_m: sea_level_m + solid_m,
                water: false,
            },
            None => Ground {
                height_m: solid_m,
                water: false,
            },
        }
    }

    /// The sixteen corners around a quad, computed.
    #[cold]
    fn patch(&self, relief: &Relief, place: &QuadPlace) -> Patch {
        let (i, j) = (i64::from(place.i), i64::from(place.j));
        let u: [f64; 4] = core::array::from_fn(|n| self.lattice.plane(i + n as i64 - 1));
        let v: [f64; 4] = core::array::from_fn(|n| self.lattice.plane(j + n as i64 - 1));
        v.map(|v| u.map(|u| relief.at(Lattice::corner(place.face, u, v)).to_bits()))
    }

    /// All corners of the tile around a quad, computed.
    #[cold]
    fn tile(&self, relief: &Relief, place: &QuadPlace) -> [u64; SAMPLES] {
        let first = |k: u32| i64::from(k / TILE_QUADS * TILE_QUADS) - 1;
        let (i, j) = (first(place.i), first(place.j));
        let u: [f64; TILE_CORNERS] = core::array::from_fn(|n| self.lattice.plane(i + n as i64));
        core::array::from_fn(|n| {
            let v = self.lattice.plane(j + (n / TILE_CORNERS) as i64);
            let corner = Lattice::corner(place.face, u[n % TILE_CORNERS], v);
            relief.at(corner).to_bits()
        })
    }
}

/// The smooth surface through sixteen corners: solid ground and amplitude of detail, metres.
#[inline]
fn blend(patch: &Patch, [along, up]: [f64; 2]) -> [f64; 2] {
    let (columns, rows) = (catmull_rom(along), catmull_rom(up));
    let mut sum = [0.0; 2];
    for (line, row) in patch.iter().zip(rows) {
        let mut across = [0.0; 2];
        for (bits, column) in line.iter().zip(columns) {
            let sample = Sample::from_bits(*bits);
            across[0] += column * f64::from(sample.solid_m);
            across[1] += column * f64::from(sample.detail_m);
        }
        sum[0] += row * across[0];
        sum[1] += row * across[1];
    }
    sum
}

impl Sample {
    #[inline]
    fn to_bits(self) -> u64 {
        u64::from(self.solid_m.to_bits()) << 32 | u64::from(self.detail_m.to_bits())
    }

    #[inline]
    fn from_bits(bits: u64) -> Self {
        Self {
            solid_m: f32::from_bits((bits >> 32) as u32),
            detail_m: f32::from_bits(bits as u32),
        }
    }
}
