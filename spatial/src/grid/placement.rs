//! Which row is in which cell, kept from one rebuild to the next because hardly anybody crosses an
//! edge in a tick.
//!
//! A *rank* is a cell's place in the ascending list of cells. Whoever asks lists things in last
//! time's order, so each is first looked for in the cell that had its place in the list, then where
//! the one before it is now (both may shift when somebody joins), and only then is its cell
//! computed. The answer is always that of [`CellId::at`]; the memory changes what it costs, never
//! what it is.

use glam::DVec3;

use super::fence::Fence;
use crate::cells::{CellId, Level};

/// Cells that nobody is in any more are forgotten when they outnumber the positions by this many.
const IDLE_CELLS_SPARE: usize = 64;
/// A rank that is still to be found.
const NEW: u32 = u32::MAX;

/// The ranks of a list of positions.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    level: Level,
    /// Ascending, each once; some may be empty.
    cells: Vec<CellId>,
    fences: Vec<Fence>,
    /// Of each position, the rank of its cell.
    ranks: Vec<u32>,
    /// Of each cell, how many it holds.
    counts: Vec<u32>,
    /// Those whose cell was not known, kept for their allocation, like the next two.
    strangers: Vec<(CellId, u32)>,
    merged: Vec<(CellId, Fence, u32)>,
    /// New rank of each old one.
    moved_to: Vec<u32>,
}

impl Placement {
    /// Finds every position's cell.
    pub(super) fn place(&mut self, level: Level, positions: &[DVec3]) {
        if level != self.level {
            self.forget();
            self.level = level;
        }
        self.ranks.resize(positions.len(), 0);
        self.counts.clear();
        self.counts.resize(self.cells.len(), 0);
        self.place_known(positions);
        let idle_max = positions.len() + IDLE_CELLS_SPARE;
        if !self.strangers.is_empty() || self.cells.len() > idle_max {
            self.admit_strangers();
        }
    }

    /// The cells, ascending, and how many each holds.
    pub(super) fn cells(&self) -> (&[CellId], &[u32]) {
        (&self.cells, &self.counts)
    }

    /// Of each position, the rank of its cell.
    pub(super) fn ranks(&self) -> &[u32] {
        &self.ranks
    }

    /// Exchanges the ranks of the list as it was for those of the list as it is now sorted, which is
    /// where next time's search begins.
    pub(super) fn swap_ranks(&mut self, sorted: &mut Vec<u32>) {
        std::mem::swap(&mut self.ranks, sorted);
    }

    fn forget(&mut self) {
        self.cells.clear();
        self.fences.clear();
        self.ranks.clear();
    }

    /// Ranks and counts all whose cell is in the list; the others become strangers.
    fn place_known(&mut self, positions: &[DVec3]) {
        self.strangers.clear();
        let mut last = 0;
        for ((index, &pos), rank) in (0..).zip(positions).zip(&mut self.ranks) {
            let holds = |rank: u32| {
                let fence = self.fences.get(rank as usize);
                fence.is_some_and(|fence| fence.holds(pos))
            };
            if !holds(*rank) {
                *rank = if holds(last) {
                    last
                } else {
                    let cell = CellId::at(pos, self.level);
                    match self.cells.binary_search(&cell) {
                        Ok(rank) => rank as u32,
                        Err(_) => {
                            self.strangers.push((cell, index));
                            NEW
                        }
                    }
                };
            }
            if *rank != NEW {
                last = *rank;
                self.counts[last as usize] += 1;
            }
        }
    }

    /// Merges the strangers' cells into the list, drops the empty ones from it, and ranks everybody
    /// anew.
    fn admit_strangers(&mut self) {
        self.strangers.sort_unstable();
        self.merge_cells();
        for rank in self.ranks.iter_mut().filter(|rank| **rank != NEW) {
            *rank = self.moved_to[*rank as usize];
        }
        let mut rank = 0;
        for &(cell, index) in &self.strangers {
            while self.cells[rank] != cell {
                rank += 1;
            }
            self.ranks[index as usize] = rank as u32;
            self.counts[rank] += 1;
        }
    }

    fn merge_cells(&mut self) {
        self.merged.clear();
        self.moved_to.clear();
        let mut strangers = self.strangers.iter().map(|&(cell, _)| cell).peekable();
        let mut known = (self.cells.iter().zip(&self.fences).zip(&self.counts)).peekable();
        loop {
            let next_known = known.peek().map(|((cell, _), _)| **cell);
            match (strangers.peek().copied(), next_known) {
                (None, None) => break,
                (Some(cell), at) if at.is_none_or(|at| cell < at) => {
                    self.merged.push((cell, Fence::around(cell), 0));
                    while strangers.next_if_eq(&cell).is_some() {}
                }
                _ => {
                    let Some(((&cell, &fence), &count)) = known.next() else {
                        break;
                    };
                    self.moved_to.push(self.merged.len() as u32);
                    if count > 0 {
                        self.merged.push((cell, fence, count));
                    }
                }
            }
        }
        self.cells.clear();
        self.fences.clear();
        self.counts.clear();
        for &(cell, fence, count) in &self.merged {
            self.cells.push(cell);
            self.fences.push(fence);
            self.counts.push(count);
        }
    }
}
