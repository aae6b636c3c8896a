//! The planet: a ball, its ground, what stands on it and where people live. Immutable once loaded
//! and shared as `Arc<Planet>`; every query is a pure function.
//!
//! ```text
//! rasters ─┐
//!          ├─► Relief ──► corners of a Lattice ──► smooth surface ──┐
//! layers ──┘   (slow)     (16 × 16 to a tile,      (fast)           ├─► height, water
//!                          kept in Tiles)          detail octaves ──┘
//! ```
//!
//! Where the ground lies below sea level there is water, at sea level. With a land mask the mask
//! decides which is which, to a fraction of its pixels.

mod climate;
mod descriptor;
mod designed;
mod error;
mod load;
mod ray;
mod sight;
mod slope;
mod terrain;

use glam::DVec3;

use self::climate::ClimateModel;
pub use self::climate::{Biome, Climate};
use self::designed::Named;
pub use self::error::PlanetError;
pub use self::ray::RayHit;
use self::terrain::{AVERAGE_WIDTH, Terrain};
use crate::cells::Level;
use crate::features::{Near, Obstacles, StaticTree};
use crate::geo::LatLng;
use crate::mix::hash_bytes;
use crate::settlements::{self, Settlement};

/// Width of a frame cell that suits the wire's centimetre integers, metres.
const FRAME_CELL_M: f64 = 4_500.0;

/// Everything about the ground.
#[derive(Clone, Debug)]
pub struct Planet {
    name: String,
    radius_m: f64,
    gravity_mps2: f64,
    frame_level: Level,
    content_hash: u64,
    terrain: Terrain,
    obstacles: Obstacles,
    settlements: StaticTree<Settlement>,
    climate: Option<ClimateModel>,
    named: Named,
}

/// The ground at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// Above the planet's radius, metres; on water that of sea level.
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
            terrain: Terrain::level(radius_m),
            obstacles: Obstacles::new(Vec::new(), radius_m),
            settlements: settlements::tree(Vec::new(), radius_m),
            climate: None,
            named: Named::default(),
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
        self.terrain.highest_m()
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
        self.terrain.ground(unit)
    }

    /// The ground without what is finer than a few hundred metres, at a tenth of the cost of asking
    /// [`Planet::ground`] about a place for the first time: for pictures of whole planets. Other
    /// bits than [`Planet::ground`], so nothing that is simulated may use it.
    #[must_use]
    pub fn ground_outline(&self, dir: DVec3) -> Ground {
        self.terrain.outline(dir.normalize())
    }

    /// Height of the ground above the radius, metres; on water that of sea level. Any length of `dir` but zero.
    #[inline]
    #[must_use]
    pub fn ground_m(&self, dir: DVec3) -> f64 {
        self.ground(dir).height_m
    }

    /// Whether there is water in a direction of any length but zero.
    #[must_use]
    pub fn is_water(&self, dir: DVec3) -> bool {
        self.ground(dir).water
    }

    /// Height of the sea above the radius, metres; `None` on a planet without.
    #[must_use]
    pub fn sea_level_m(&self) -> Option<f64> {
        self.terrain.sea_level_m()
    }

    /// Height of the water above the radius, metres, where there is water.
    #[must_use]
    pub fn water_surface_m(&self, dir: DVec3) -> Option<f64> {
        let ground = self.ground(dir);
        ground.water.then_some(ground.height_m)
    }

    /// The same planet with room for another number of computed tiles of ground (about 3 kB each,
    /// 560 m wide): see [`TERRAIN_TILES`](crate::limits::TERRAIN_TILES). 0 computes every answer
    /// anew. No answer depends on it, only how soon it comes.
    #[must_use]
    pub fn with_tiles(self, tiles: usize) -> Self {
        Self {
            terrain: self.terrain.with_tiles(tiles),
            ..self
        }
    }

    /// Room for computed tiles of ground, and the most bytes that they take.
    #[must_use]
    pub fn tiles(&self) -> (usize, usize) {
        let tiles = self.terrain.tiles();
        (tiles.capacity(), tiles.bytes_max())
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

    /// The same, unless it is in the water.
    fn dry_surface_at(&self, dir: DVec3) -> Option<DVec3> {
        let unit = dir.normalize();
        let ground = self.ground_at_unit(unit);
        (!ground.water).then(|| unit * (self.radius_m + ground.height_m))
    }

    /// The nearest point on dry ground to a direction, looking along rings around it: every 100 m up to
    /// 2 km, and ever more sparsely from there to 20 km; the place itself when there is none.
    /// Harbour towns have their middle in the harbour. Far out at sea that is some 5,000 looks at
    /// ground nobody else needs: tens of milliseconds.
    #[must_use]
    pub fn dry_ground_near(&self, dir: DVec3) -> DVec3 {
        self.find_dry_ground(dir)
            .unwrap_or_else(|| self.surface_at(dir.normalize()))
    }

    /// The same; none when there is none within 20 km.
    fn find_dry_ground(&self, dir: DVec3) -> Option<DVec3> {
        /// Between the inner rings, and between the places looked at on them, metres.
        const PITCH_M: f64 = 100.0;
        /// So many inner rings; each further one has as many places as the last of them.
        const INNER_RINGS: u32 = 20;
        /// Each outer ring is by this much wider than the one before.
        const GROWTH: f64 = 1.05;
        const FURTHEST_M: f64 = 20_000.0;
        let unit = dir.normalize();
        let (east, north) = east_north(unit);
        let (mut ring, mut distance_m) = (0, 0.0);
        while distance_m <= FURTHEST_M {
            let places = (6 * ring).max(1);
            for n in 0..places {
                let angle = core::f64::consts::TAU * f64::from(n) / f64::from(places);
                let (sin, cos) = crate::maths::sin_cos(angle);
                let side = (east * cos + north * sin) * (distance_m / self.radius_m);
                let there = (unit + side).normalize();
                if let Some(dry) = self.dry_surface_at(there) {
                    return Some(dry);
                }
            }
            if ring < INNER_RINGS {
                ring += 1;
                distance_m = f64::from(ring) * PITCH_M;
            } else {
                distance_m *= GROWTH;
            }
        }
        None
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
