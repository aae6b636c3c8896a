//! The columns of a frame.

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::CellId;
use glam::DVec3;

/// What others may read about one entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRow {
    /// Its grid cell.
    pub cell: CellId,
    /// Who.
    pub id: EntityId,
    /// Where, metres from the planet's centre.
    pub pos: DVec3,
    /// Body radius, metres.
    pub radius_m: f64,
    /// Height of its eyes above its feet, metres.
    pub eye_m: f64,
    /// Faction.
    pub faction: u8,
    /// Whether it lives.
    pub alive: bool,
}

/// One zone's entities at one tick, in parallel columns sorted by (cell, id).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Who.
    pub ids: Vec<EntityId>,
    /// Where.
    pub positions: Vec<DVec3>,
    /// Body radius, metres.
    pub radii_m: Vec<f64>,
    /// Eye height, metres.
    pub eyes_m: Vec<f64>,
    /// Factions.
    pub factions: Vec<u8>,
    /// Who lives.
    pub alive: Vec<bool>,
    /// The occupied cells, ascending, with the first row of each.
    runs: Vec<(CellId, u32)>,
}

impl Frame {
    /// A frame of rows sorted by (cell, id).
    pub(crate) fn from_sorted(rows: impl ExactSizeIterator<Item = FrameRow>) -> Self {
        let mut frame = Self::default();
        frame.reserve(rows.len());
        rows.for_each(|row| frame.push(row));
        frame
    }

    fn reserve(&mut self, rows: usize) {
        self.ids.reserve(rows);
        self.positions.reserve(rows);
        self.radii_m.reserve(rows);
        self.eyes_m.reserve(rows);
        self.factions.reserve(rows);
        self.alive.reserve(rows);
    }

    fn push(&mut self, row: FrameRow) {
        if self.runs.last().is_none_or(|(cell, _)| *cell != row.cell) {
            debug_assert!(self.runs.last().is_none_or(|(cell, _)| *cell < row.cell));
            self.runs.push((row.cell, self.ids.len() as u32));
        }
        self.ids.push(row.id);
        self.positions.push(row.pos);
        self.radii_m.push(row.radius_m);
        self.eyes_m.push(row.eye_m);
        self.factions.push(row.faction);
        self.alive.push(row.alive);
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The occupied cells, ascending.
    pub fn cells(&self) -> impl Iterator<Item = CellId> + '_ {
        self.runs.iter().map(|(cell, _)| *cell)
    }

    /// The rows of a cell; empty if nobody is there.
    #[must_use]
    pub fn rows_of(&self, cell: CellId) -> std::ops::Range<usize> {
        match self.runs.binary_search_by_key(&cell, |(cell, _)| *cell) {
            Ok(run) => {
                let end = self
                    .runs
                    .get(run + 1)
                    .map_or(self.len(), |(_, start)| *start as usize);
                self.runs[run].1 as usize..end
            }
            Err(_) => 0..0,
        }
    }

    /// This frame with rows that arrived at the barrier, sorted by (cell, id), merged in.
    pub(crate) fn with_arrivals(&self, arrivals: &[FrameRow]) -> Self {
        let mut merged = Self::default();
        merged.reserve(self.len() + arrivals.len());
        let mut next = arrivals.iter().peekable();
        for cell_run in self.runs.iter() {
            for row in self.rows_of(cell_run.0) {
                let own = self.row(cell_run.0, row);
                while let Some(arrival) = next.next_if(|a| (a.cell, a.id) < (own.cell, own.id)) {
                    merged.push(*arrival);
                }
                merged.push(own);
            }
        }
        next.for_each(|arrival| merged.push(*arrival));
        merged
    }

    /// Row `row`, which lies in `cell`.
    pub(crate) fn row(&self, cell: CellId, row: usize) -> FrameRow {
        FrameRow {
            cell,
            id: self.ids[row],
            pos: self.positions[row],
            radius_m: self.radii_m[row],
            eye_m: self.eyes_m[row],
            faction: self.factions[row],
            alive: self.alive[row],
        }
    }

    /// Only for the mutant that reads its own zone at t: overwrites a position in place.
    #[cfg(feature = "mutants")]
    pub(crate) fn overwrite_position(&mut self, row: usize, pos: DVec3) {
        self.positions[row] = pos;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::mix64;
    use bluemarble_spatial::Level;

    fn row(n: u64) -> FrameRow {
        let axis = |k| f64::from(mix64(n * 3 + k) as i32);
        let dir = DVec3::new(axis(0), axis(1), axis(2)).normalize();
        FrameRow {
            cell: CellId::at(dir, Level::of(3)),
            id: EntityId(mix64(n ^ 77)),
            pos: dir * 1_000.0,
            radius_m: 0.5,
            eye_m: 1.6,
            faction: 0,
            alive: true,
        }
    }

    #[test]
    fn merging_arrivals_equals_sorting_everything() {
        let mut all: Vec<FrameRow> = (0..500).map(row).collect();
        let key = |r: &FrameRow| (r.cell, r.id);
        let (mut here, mut coming) = (all[..430].to_vec(), all[430..].to_vec());
        all.sort_by_key(key);
        here.sort_by_key(key);
        coming.sort_by_key(key);
        let whole = Frame::from_sorted(all.iter().copied());
        let merged = Frame::from_sorted(here.into_iter()).with_arrivals(&coming);
        assert_eq!(merged, whole);
        for cell in whole.cells() {
            let naive: Vec<EntityId> = all
                .iter()
                .filter(|r| r.cell == cell)
                .map(|r| r.id)
                .collect();
            assert_eq!(whole.ids[whole.rows_of(cell)], naive);
        }
    }
}
