//! The columns of a frame.

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::CellId;
use glam::DVec3;

use super::bounds::Bounds;
use crate::content::KindId;

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
    /// Whether it is a living creature: who can be touched, seen as a foe and harmed.
    pub alive: bool,
    /// Its kind.
    pub kind: KindId,
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
    /// Kinds.
    pub kinds: Vec<KindId>,
    /// The occupied cells, ascending, with the first row of each.
    runs: Vec<(CellId, u32)>,
    /// A box around each of these cells' positions.
    bounds: Vec<Bounds>,
}

impl Frame {
    /// A frame of rows sorted by (cell, id).
    #[cfg(test)]
    pub(crate) fn from_sorted(rows: impl ExactSizeIterator<Item = FrameRow>) -> Self {
        let mut frame = Self::default();
        frame.reserve(rows.len());
        rows.for_each(|row| frame.push(row));
        frame.finish();
        frame
    }

    /// Empties it for as many rows as there are cells, which are in order; each is then
    /// [put](Self::put) in its place, and the whole [finished](Self::finish).
    pub(crate) fn restart(&mut self, cells: impl Iterator<Item = CellId>) {
        self.runs.clear();
        let mut rows = 0;
        for cell in cells {
            if self.runs.last().is_none_or(|(last, _)| *last != cell) {
                self.runs.push((cell, rows));
            }
            rows += 1;
        }
        let rows = rows as usize;
        self.ids.resize(rows, EntityId(0));
        self.positions.resize(rows, DVec3::ZERO);
        self.radii_m.resize(rows, 0.0);
        self.eyes_m.resize(rows, 0.0);
        self.factions.resize(rows, 0);
        self.alive.resize(rows, false);
        self.kinds.resize(rows, KindId(0));
    }

    /// Fills a row.
    pub(crate) fn put(&mut self, at: usize, row: &FrameRow) {
        self.ids[at] = row.id;
        self.positions[at] = row.pos;
        self.radii_m[at] = row.radius_m;
        self.eyes_m[at] = row.eye_m;
        self.factions[at] = row.faction;
        self.alive[at] = row.alive;
        self.kinds[at] = row.kind;
    }

    /// When every row is filled: draws the boxes.
    pub(crate) fn finish(&mut self) {
        self.bounds.clear();
        for run in 0..self.runs.len() {
            let bounds = Bounds::of(&self.positions[self.rows_of_run(run)]);
            self.bounds.push(bounds);
        }
    }

    fn reserve(&mut self, rows: usize) {
        self.ids.reserve(rows);
        self.positions.reserve(rows);
        self.radii_m.reserve(rows);
        self.eyes_m.reserve(rows);
        self.factions.reserve(rows);
        self.alive.reserve(rows);
        self.kinds.reserve(rows);
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
        self.kinds.push(row.kind);
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
            Ok(run) => self.rows_of_run(run),
            Err(_) => 0..0,
        }
    }

    /// The same, with the box around them; `None` if nobody is there.
    pub(super) fn bounded_rows_of(&self, cell: CellId) -> Option<(std::ops::Range<usize>, Bounds)> {
        let run = self.runs.binary_search_by_key(&cell, |(cell, _)| *cell);
        run.ok()
            .map(|run| (self.rows_of_run(run), self.bounds[run]))
    }

    fn rows_of_run(&self, run: usize) -> std::ops::Range<usize> {
        let next = self.runs.get(run + 1);
        self.runs[run].1 as usize..next.map_or(self.len(), |(_, start)| *start as usize)
    }

    /// This frame with rows forwarded at the barrier, sorted by (cell, id), merged in. What lies
    /// between two of them is copied in one piece: they are few beside the frame.
    pub(crate) fn with_arrivals(&self, arrivals: &[FrameRow]) -> Self {
        let mut merged = Self::default();
        merged.reserve(self.len() + arrivals.len());
        merged.runs.reserve(self.runs.len() + arrivals.len());
        let (mut run, mut copied) = (0, 0);
        for arrival in arrivals {
            let before = self.rows_before(arrival.cell, arrival.id);
            self.copy_rows(&mut merged, &mut run, copied..before);
            merged.push(*arrival);
            copied = before;
        }
        self.copy_rows(&mut merged, &mut run, copied..self.len());
        merged.finish();
        merged
    }

    /// Row `row`, which lies in `cell`.
    #[must_use]
    pub fn row(&self, cell: CellId, row: usize) -> FrameRow {
        FrameRow {
            cell,
            id: self.ids[row],
            pos: self.positions[row],
            radius_m: self.radii_m[row],
            eye_m: self.eyes_m[row],
            faction: self.factions[row],
            alive: self.alive[row],
            kind: self.kinds[row],
        }
    }

    /// How many rows come before (cell, id).
    fn rows_before(&self, cell: CellId, id: EntityId) -> usize {
        let rows = match self.runs.binary_search_by_key(&cell, |(cell, _)| *cell) {
            Ok(run) => self.rows_of_run(run),
            Err(run) => {
                let start = self
                    .runs
                    .get(run)
                    .map_or(self.len(), |(_, row)| *row as usize);
                return start;
            }
        };
        rows.start + self.ids[rows].partition_point(|other| *other < id)
    }

    /// Appends rows to another frame. `run` is the run of the first of them or an earlier one, and is
    /// moved on.
    fn copy_rows(&self, to: &mut Self, run: &mut usize, rows: std::ops::Range<usize>) {
        if rows.is_empty() {
            return;
        }
        let shift = to.len();
        while let Some((cell, start)) = self.runs.get(*run)
            && (*start as usize) < rows.end
        {
            if self.rows_of_run(*run).end > rows.start {
                let from = (*start as usize).max(rows.start) - rows.start + shift;
                if to.runs.last().is_none_or(|(last, _)| last != cell) {
                    to.runs.push((*cell, from as u32));
                }
            }
            if self.rows_of_run(*run).end > rows.end {
                break;
            }
            *run += 1;
        }
        to.ids.extend_from_slice(&self.ids[rows.clone()]);
        to.positions
            .extend_from_slice(&self.positions[rows.clone()]);
        to.radii_m.extend_from_slice(&self.radii_m[rows.clone()]);
        to.eyes_m.extend_from_slice(&self.eyes_m[rows.clone()]);
        to.factions.extend_from_slice(&self.factions[rows.clone()]);
        to.alive.extend_from_slice(&self.alive[rows.clone()]);
        to.kinds.extend_from_slice(&self.kinds[rows]);
    }

    /// Only for the mutant that reads its own zone at t: overwrites a position in place.
    #[cfg(feature = "mutants")]
    pub(crate) fn overwrite_position(&mut self, row: usize, pos: DVec3) {
        self.positions[row] = pos;
        self.finish();
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
            kind: KindId(0),
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
