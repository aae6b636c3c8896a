//! Ways to cut a world.

use std::fmt;
use std::sync::Arc;

use bluemarble_shared_protocol::hash_words;
use bluemarble_spatial::{CellId, ZoneMap};

use crate::genesis;
use crate::lore::{LoreInner, square_cell};
use crate::world::{World, WorldError, WorldSpec, ZoneChangeError};

/// A restless cut changes once in so many ticks.
const RESTLESS_TICKS: u64 = 90;
/// And so few entities may depart from where they no longer belong.
const RESTLESS_DEPARTURES: usize = 6;

/// A way to cut a world into zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// So many zones, by load, with borders through the squares.
    Zones(usize),
    /// At random, drawn from this seed, most of it where the entities begin: from a few zones to one
    /// for every grid cell there.
    Random(u64),
    /// Random, and cut anew every few seconds while it runs; few entities may depart in a tick, so that
    /// many are stepped for a while where they no longer belong.
    Restless(u64),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zones(zones) => write!(f, "{zones} zones"),
            Self::Random(seed) => write!(f, "random cut {seed}"),
            Self::Restless(seed) => write!(f, "restless cut {seed}"),
        }
    }
}

impl Cut {
    /// The world of `spec`, cut like this instead of into `spec.zones`.
    ///
    /// # Errors
    /// If the specification is impossible.
    pub fn world(self, spec: &WorldSpec) -> Result<World, WorldError> {
        let spec = spec.clone();
        match self {
            Self::Zones(zones) => World::genesis(WorldSpec { zones, ..spec }),
            Self::Random(seed) => {
                let map = random_map(&spec, seed)?;
                World::genesis_cut(spec, map)
            }
            Self::Restless(seed) => {
                let map = random_map(&spec, seed)?;
                let mut world = World::genesis_cut(spec, map)?;
                world.set_departures_per_tick(RESTLESS_DEPARTURES);
                Ok(world)
            }
        }
    }

    /// Cuts a running world anew, if it is time to.
    pub(super) fn go_on(self, world: &mut World) -> Result<(), WorldError> {
        let tick = world.tick().0;
        match self {
            Self::Restless(seed) if tick.is_multiple_of(RESTLESS_TICKS) => {
                let map = random_map(world.spec(), hash_words([seed, tick]))?;
                match world.recut(map) {
                    // Too many zones are still being emptied: another time.
                    Ok(()) | Err(ZoneChangeError::Full) => Ok(()),
                    Err(other) => Err(WorldError::Spec(other.to_string())),
                }
            }
            _ => Ok(()),
        }
    }
}

/// Zones that begin at cells drawn from those around everybody's beginning, and at a few anywhere.
fn random_map(spec: &WorldSpec, seed: u64) -> Result<ZoneMap, WorldError> {
    spec.check()?;
    let planet = Arc::clone(&spec.planet);
    let lore = LoreInner::new(&spec.scenario, planet, spec.seed, spec.tick_hz);
    let everybody = genesis::population(&spec.scenario, &lore);
    let places = everybody.iter().map(|state| state.body.0.pos);
    let squares = spec.scenario.squares.iter();
    let squares = squares.map(|square| square_cell(&lore.planet, square.near, lore.grid_level));
    let mut scene: Vec<CellId> = places
        .map(|pos| lore.grid_cell(pos))
        .chain(squares.clone())
        .collect();
    scene.sort_unstable();
    scene.dedup();
    let around = scene
        .iter()
        .flat_map(|cell| cell.all_neighbours().iter().copied().collect::<Vec<_>>());
    let mut candidates: Vec<CellId> = around.collect();
    candidates.append(&mut scene);
    candidates.sort_unstable();
    candidates.dedup();

    let draw = |what: u64, n: u64| hash_words([seed, 0x6375_7473, what, n]);
    // From one cell in sixteen to every one.
    let density = draw(0, 0) % 16;
    let mut starts: Vec<CellId> = candidates
        .into_iter()
        .filter(|cell| draw(1, cell.0) % 16 <= density)
        .collect();
    // Where it hurts, more often than not.
    let squares = squares.filter(|cell| !draw(4, cell.0).is_multiple_of(4));
    starts.extend(squares);
    // And a few where probably nobody is.
    for n in 0..draw(2, 0) % 24 {
        let axis = |k| f64::from(draw(3, n * 3 + k) as i32);
        let dir = glam::DVec3::new(axis(0), axis(1), axis(2));
        if let Some(dir) = dir.try_normalize() {
            starts.push(CellId::at(dir, lore.grid_level));
        }
    }
    starts.push(CellId::face_cell(0).range_min());
    starts.sort_unstable_by_key(|cell| cell.range_min());
    starts.dedup_by_key(|cell| cell.range_min());
    starts.truncate(ZoneMap::ZONES_MAX);
    ZoneMap::from_starts(&starts).map_err(|bad| WorldError::Spec(bad.to_string()))
}
