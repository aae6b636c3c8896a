//! Whom a scripted avatar sees: the rows of the last frames in its grid cell and those around it.

use std::collections::HashMap;
use std::ops::Range;

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::{CellId, ZoneId};
use glam::DVec3;

use crate::frame::{Frame, FrameSet};
use crate::hashing::CellHash;

/// The frames of one tick, with what was looked up in them.
pub(super) struct Sight<'a> {
    frames: &'a FrameSet,
    around: HashMap<CellId, Vec<Rows>, CellHash>,
}

/// Somebody seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub id: EntityId,
    pub pos: DVec3,
    pub distance2: f64,
}

impl<'a> Sight<'a> {
    pub(super) fn new(frames: &'a FrameSet) -> Self {
        Self {
            frames,
            around: HashMap::default(),
        }
    }

    /// Calls `visit` with everybody within `radius_m` of `pos`, which lies in `cell` or close to it, cell
    /// by cell; within a cell sleepers may come after the others, which must not show.
    pub(super) fn visit(
        &mut self,
        cell: CellId,
        pos: DVec3,
        radius_m: f64,
        mut visit: impl FnMut(CellId, &Frame, usize, f64),
    ) {
        let frames = self.frames;
        let slices = self
            .around
            .entry(cell)
            .or_insert_with(|| slices(frames, cell));
        for (in_cell, zone, rows) in slices.iter() {
            let frame = &frames.zones[*zone as usize];
            for row in rows.clone() {
                let distance2 = frame.positions[row].distance_squared(pos);
                if distance2 <= radius_m * radius_m {
                    visit(*in_cell, frame, row, distance2);
                }
            }
        }
    }

    /// The nearest of the living within `radius_m` whom `wanted` (id, faction) names; of equals the
    /// first by (cell, id).
    pub(super) fn nearest(
        &mut self,
        cell: CellId,
        pos: DVec3,
        radius_m: f64,
        wanted: impl Fn(EntityId, u8) -> bool,
    ) -> Option<Seen> {
        let mut nearest: Option<(CellId, Seen)> = None;
        self.visit(cell, pos, radius_m, |in_cell, frame, row, distance2| {
            let nearer = nearest.is_none_or(|(best_in, best)| {
                let is_before = best_in == in_cell && frame.ids[row] < best.id;
                distance2 < best.distance2 || (distance2 == best.distance2 && is_before)
            });
            if nearer && frame.alive[row] && wanted(frame.ids[row], frame.factions[row]) {
                let seen = Seen {
                    id: frame.ids[row],
                    pos: frame.positions[row],
                    distance2,
                };
                nearest = Some((in_cell, seen));
            }
        });
        nearest.map(|(_, seen)| seen)
    }
}

/// A cell, which of the frames, and the rows there.
type Rows = (CellId, ZoneId, Range<usize>);

/// The rows in a cell and in those around it, by cell.
fn slices(frames: &FrameSet, cell: CellId) -> Vec<Rows> {
    let mut cells: Vec<CellId> = cell.all_neighbours().iter().copied().collect();
    cells.push(cell);
    cells.sort_unstable();
    let rows = cells.into_iter().flat_map(|cell| {
        let parts = frames.parts_of(frames.map.zone_of(cell));
        parts.map(move |part| (cell, part, frames.zones[part as usize].rows_of(cell)))
    });
    rows.filter(|(_, _, rows)| !rows.is_empty()).collect()
}
