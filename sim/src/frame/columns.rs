//! The columns of a frame.

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::CellId;
use glam::DVec3;

use super::bounds::Bounds;
use super::strips::{Spot, Strips};
use super::sums::Sums;
use crate::content::KindId;
use crate::entity::DigestParts;

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
    /// The rows of these cells by where in the cell they are.
    strips: Strips,
    sums: Sums,
    /// Rows that were given a seat.
    seats: u32,
}

impl Frame {
    /// A frame of rows sorted by (cell, id).
    pub(crate) fn from_sorted(rows: &[FrameRow]) -> Self {
        let mut frame = Self::default();
        for row in rows {
            frame.seat(row.cell);
        }
        frame.make_room();
        for (at, row) in rows.iter().enumerate() {
            frame.put(at, row, DigestParts::odd(row.id));
        }
        frame.finish();
        frame
    }

    /// Empties it. Then each row is [given a seat](Self::seat), in order; then there is
    /// [room](Self::make_room) for each to be [put](Self::put) in its place, in any order; and at last
    /// the whole is [finished](Self::finish).
    pub(crate) fn restart(&mut self) {
        self.runs.clear();
        self.seats = 0;
        self.sums = Sums::default();
    }

    /// The next row, which is in this cell.
    #[inline]
    pub(crate) fn seat(&mut self, cell: CellId) -> u32 {
        if self.runs.last().is_none_or(|(last, _)| *last != cell) {
            debug_assert!(self.runs.last().is_none_or(|(last, _)| *last < cell));
            self.runs.push((cell, self.seats));
        }
        self.seats += 1;
        self.seats - 1
    }

    /// Makes the columns as long as there are seats.
    pub(crate) fn make_room(&mut self) {
        let rows = self.seats as usize;
        self.ids.resize(rows, EntityId(0));
        self.positions.resize(rows, DVec3::ZERO);
        self.radii_m.resize(rows, 0.0);
        self.eyes_m.resize(rows, 0.0);
        self.factions.resize(rows, 0);
        self.alive.resize(rows, false);
        self.kinds.resize(rows, KindId(0));
    }

    /// Fills a row; `odd` is [`DigestParts::odd`] of its id.
    #[inline]
    pub(crate) fn put(&mut self, at: usize, row: &FrameRow, odd: u64) {
        self.ids[at] = row.id;
        self.positions[at] = row.pos;
        self.radii_m[at] = row.radius_m;
        self.eyes_m[at] = row.eye_m;
        self.factions[at] = row.faction;
        self.alive[at] = row.alive;
        self.kinds[at] = row.kind;
        self.sums.add(row.id, odd, row.pos, row.alive);
    }

    /// When every row is filled: draws the boxes and cuts the strips.
    pub(crate) fn finish(&mut self) {
        self.bounds.clear();
        self.strips.clear();
        for run in 0..self.runs.len() {
            let rows = self.rows_of_run(run);
            let positions = &self.positions[rows.clone()];
            let bounds = Bounds::of(positions);
            let ids = &self.ids[rows.clone()];
            self.strips.cut(&bounds, rows.start, positions, ids);
            self.bounds.push(bounds);
        }
    }

    /// What it adds to the digest when it is the past.
    pub(crate) fn sums(&self) -> Sums {
        self.sums
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

    /// The same, with the box around them and which of the cells it is; `None` if nobody is there.
    pub(super) fn bounded_rows_of(
        &self,
        cell: CellId,
    ) -> Option<(std::ops::Range<usize>, Bounds, usize)> {
        let run = self.runs.binary_search_by_key(&cell, |(cell, _)| *cell);
        run.ok()
            .map(|run| (self.rows_of_run(run), self.bounds[run], run))
    }

    /// Some of the `run`-th cell, among them all within `radius_m` of `pos`, in no order.
    #[inline]
    pub(super) fn near(&self, run: usize, pos: DVec3, radius_m: f64) -> &[Spot] {
        self.strips.near(run, pos, radius_m)
    }

    fn rows_of_run(&self, run: usize) -> std::ops::Range<usize> {
        let next = self.runs.get(run + 1);
        self.runs[run].1 as usize..next.map_or(self.len(), |(_, start)| *start as usize)
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

    /// Only for the mutant that reads its own zone at t: overwrites a position in place.
    #[cfg(feature = "mutants")]
    pub(crate) fn overwrite_position(&mut self, row: usize, pos: DVec3) {
        self.positions[row] = pos;
        self.finish();
    }
}
