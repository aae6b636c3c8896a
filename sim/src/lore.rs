//! What a world takes for granted: planet, rules of every kind, seed and clock rate. Shared by all
//! zones, immutable for as long as the world runs.

use std::sync::Arc;

use bevy_ecs::resource::Resource;
use bluemarble_shared_protocol::{EntityId, Tick};
use bluemarble_spatial::{CellId, LatLng, Level, Planet, maths};
use glam::DVec3;

use crate::content::{KindId, KindRules, Scenario};
use crate::random::{Draw, Purpose};
use crate::script::Cast;

/// Shared by reference with every zone.
#[derive(Resource, Clone, Debug)]
pub(crate) struct Lore(pub Arc<LoreInner>);

impl std::ops::Deref for Lore {
    type Target = LoreInner;

    fn deref(&self) -> &LoreInner {
        &self.0
    }
}

/// See [`Lore`].
#[derive(Debug)]
pub(crate) struct LoreInner {
    pub planet: Arc<Planet>,
    pub kinds: Vec<KindRules>,
    pub seed: u64,
    pub tick_hz: u32,
    /// How many ticks before the last are remembered.
    pub rewind_ticks: usize,
    /// Seconds per tick.
    pub dt_s: f64,
    /// Level of the cells in which neighbours are looked for: as narrow as may be while no
    /// interaction reaches beyond the next cell.
    pub grid_level: Level,
    /// Level of the cells in which avatars are counted, as wide as creatures must be away to sleep;
    /// `None` if nobody sleeps.
    pub coarse_level: Option<Level>,
    /// How far above its feet, and beside them, any creature can be met, metres.
    pub tallest_m: f64,
    /// Where players appear, unit direction.
    pub spawn_dir: DVec3,
    pub spawn_spread_m: f64,
    /// The scripted avatars.
    pub cast: Cast,
}

impl LoreInner {
    /// An entity moves between the frame others saw and the moment it acts; nothing moves further
    /// than this in one tick, so the grid cells are that much wider than the interaction radius.
    pub(crate) const MARGIN_M: f64 = 10.0;

    pub(crate) fn new(scenario: &Scenario, planet: Arc<Planet>, seed: u64, tick_hz: u32) -> Self {
        let grid_level = CellId::level_for_min_width(
            scenario.interaction_radius_m + Self::MARGIN_M,
            planet.radius_m(),
        );
        let coarse_level = scenario
            .sleep_beyond_m
            .map(|beyond_m| CellId::level_for_min_width(beyond_m, planet.radius_m()));
        let spawn_dir = square_middle(&planet, scenario.squares[0].near, grid_level);
        Self {
            kinds: scenario
                .kinds
                .iter()
                .map(|kind| KindRules::new(kind, &scenario.kind_names, tick_hz))
                .collect(),
            cast: Cast::new(scenario, &planet, grid_level),
            tallest_m: scenario.tallest_m(),
            planet,
            seed,
            tick_hz,
            rewind_ticks: (scenario.rewind_ms * tick_hz / 1_000) as usize,
            dt_s: 1.0 / f64::from(tick_hz),
            grid_level,
            coarse_level,
            spawn_dir,
            spawn_spread_m: scenario.spawn_spread_m,
        }
    }

    pub(crate) fn kind(&self, kind: KindId) -> &KindRules {
        &self.kinds[usize::from(kind.0)]
    }

    pub(crate) fn grid_cell(&self, pos: DVec3) -> CellId {
        CellId::at(pos.normalize(), self.grid_level)
    }

    /// The unit direction of the dry ground nearest to a place people named.
    pub(crate) fn dry_near(&self, at: LatLng) -> DVec3 {
        self.planet
            .dry_ground_near(self.planet.surface(at))
            .normalize()
    }

    /// A dry place within `spread_m` of `dir`, drawn for this entity and tick, uniform over the disc.
    /// After eight wet draws the last one is taken: islands are small.
    pub(crate) fn scatter(&self, dir: DVec3, spread_m: f64, id: EntityId, tick: Tick) -> DVec3 {
        let mut place = dir;
        for attempt in 0..8 {
            let draw = |purpose| Draw::new(self.seed ^ (attempt << 56), id, tick, purpose).unit();
            let distance_m = spread_m * draw(Purpose::PlaceDistance).sqrt();
            let bearing_rad = std::f64::consts::TAU * draw(Purpose::PlaceBearing);
            place = offset(dir, distance_m / self.planet.radius_m(), bearing_rad);
            if !self.planet.is_water(place) {
                break;
            }
        }
        place
    }
}

/// The unit direction `angle_rad` away from `dir`, in a bearing counted from an arbitrary but fixed
/// tangent.
pub(crate) fn offset(dir: DVec3, angle_rad: f64, bearing_rad: f64) -> DVec3 {
    let (east, north) = tangents(dir);
    let (sin_bearing, cos_bearing) = maths::sin_cos(bearing_rad);
    let (sin_angle, cos_angle) = maths::sin_cos(angle_rad);
    (dir * cos_angle + (east * cos_bearing + north * sin_bearing) * sin_angle).normalize()
}

/// Two unit tangents at `dir`, from the axis it is least aligned with.
pub(crate) fn tangents(dir: DVec3) -> (DVec3, DVec3) {
    let [x, y, z] = [dir.x.abs(), dir.y.abs(), dir.z.abs()];
    let axis = if z <= x && z <= y {
        DVec3::Z
    } else if y <= x {
        DVec3::Y
    } else {
        DVec3::X
    };
    let east = axis.cross(dir).normalize();
    (east, dir.cross(east))
}

/// Where a square lies: the middle of the edge between the grid cell nearest to the wish and the cell
/// before it on the curve. A cut at that cell therefore goes through the square's middle.
pub(crate) fn square_middle(planet: &Planet, near: (f64, f64), grid_level: Level) -> DVec3 {
    let cell = square_cell(planet, near, grid_level);
    (cell.centre() + cell.prev().centre()).normalize()
}

/// The grid cell at which a square's cut begins.
pub(crate) fn square_cell(planet: &Planet, near: (f64, f64), grid_level: Level) -> CellId {
    // The specification of the world has been checked.
    let at = LatLng::degrees(near.0, near.1);
    CellId::at(planet.surface(at).normalize(), grid_level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_as_far_away_as_asked_in_every_bearing() {
        for n in 0..200_u64 {
            let axis = |k| f64::from(bluemarble_shared_protocol::mix64(n * 3 + k) as i32);
            let dir = DVec3::new(axis(0), axis(1), axis(2)).normalize();
            let there = offset(dir, 1e-3, n as f64);
            assert!((there.distance(dir) - 1e-3).abs() < 1e-9);
        }
    }
}
