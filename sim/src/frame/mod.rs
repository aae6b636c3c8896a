//! Frames: what everybody may read of everybody, one immutable structure of arrays per zone and
//! tick. Neighbours, combat and interest read Frames of t−1; nobody reads another zone's ECS.
//!
//! Invariant: after the barrier of t, `Frame(t)` of a zone holds exactly the entities whose grid
//! cell at t belongs to that zone, sorted by (cell, id). So the rows of a cell are one slice in one
//! frame, found by two binary searches, however the world is cut.

mod around;
mod bounds;
mod columns;
mod strips;
mod sums;

pub(crate) use around::{Around, Neighbour, NeighbourCells, surroundings};
pub use columns::{Frame, FrameRow};
pub(crate) use sums::Sums;

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;

use bluemarble_spatial::{ZoneId, ZoneMap};

/// All frames of one tick, and who owns what.
#[derive(Clone, Debug)]
pub struct FrameSet {
    /// The tick they describe.
    pub tick: Tick,
    /// A frame per zone; after them, if anybody may sleep, one of the sleepers of each zone.
    pub zones: Vec<Arc<Frame>>,
    /// Cell → zone.
    pub map: Arc<ZoneMap>,
}

impl FrameSet {
    /// Which of the frames are of a zone.
    pub fn parts_of(&self, zone: ZoneId) -> impl Iterator<Item = ZoneId> + use<> {
        let (zones, frames) = (self.map.len(), self.zones.len());
        (zone..frames as ZoneId).step_by(zones)
    }

    /// How many stand in the cells of a zone.
    #[must_use]
    pub fn population_of(&self, zone: ZoneId) -> usize {
        self.parts_of(zone)
            .map(|part| self.zones[part as usize].len())
            .sum()
    }
}
