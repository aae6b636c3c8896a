//! The cells of things that hardly ever leave theirs, one thing at a time.
//!
//! [`CellGrid`](super::CellGrid) places a whole list at once. Whoever keeps its things elsewhere, and
//! wants the cell of each as it comes by, keeps a *hint* beside each: where its cell was found last.
//! A hint is a guess; a wrong one costs time and changes no answer.

use std::collections::BTreeMap;

use glam::DVec3;

use super::fence::Fence;
use crate::cells::{CellId, Level};

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Its cell.
    pub cell: CellId,
    /// The hint for the next time.
    pub hint: u32,
    /// So far around it nothing is in another cell, in the unit of the position.
    pub depth: f64,
}

/// Finds cells of one level.
#[derive(Clone, Debug, Default)]
pub struct CellFinder {
    level: Level,
    known: Vec<(CellId, Fence)>,
    places: BTreeMap<CellId, u32>,
}

impl CellFinder {
    /// For cells of this level.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self {
            level,
            ..Self::default()
        }
    }

    /// Forgets all cells if it knows more than this, about 150 bytes each: whoever wanders over a planet
    /// for a month says now and then how many are enough.
    pub fn bound(&mut self, most: usize) {
        if self.known.len() > most {
            self.known = Vec::new();
            self.places = BTreeMap::new();
        }
    }

    /// The cell that [`CellId::at`] names for the direction of `pos` (not zero). Any number will do for
    /// the first hint.
    #[inline]
    #[must_use]
    pub fn find(&mut self, pos: DVec3, hint: u32) -> Found {
        if let Some((cell, fence)) = self.known.get(hint as usize) {
            let depth = fence.depth(pos);
            if depth > 0.0 {
                return Found {
                    cell: *cell,
                    hint,
                    depth,
                };
            }
        }
        self.look_up(pos)
    }

    #[cold]
    fn look_up(&mut self, pos: DVec3) -> Found {
        let cell = CellId::at(pos.normalize(), self.level);
        let known = &mut self.known;
        let hint = *self.places.entry(cell).or_insert_with(|| {
            known.push((cell, Fence::around(cell)));
            known.len() as u32 - 1
        });
        let depth = self.known[hint as usize].1.depth(pos);
        Found { cell, hint, depth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    #[test]
    fn it_names_the_cell_of_a_walker_whatever_the_hint() {
        let level = Level::of(10);
        let mut finder = CellFinder::new(level);
        let (mut crossings, mut right) = (0, 0);
        for walker in 0..50_u64 {
            let c = |k: u64| unit(mix64(walker * 99 + k)) - 0.5;
            let mut pos = DVec3::new(c(0), c(1), c(2)).normalize() * 50_000.0;
            let way = DVec3::new(c(3), c(4), c(5)) * 40.0;
            let (mut hint, mut before) = (walker as u32 * 7, None);
            for step in 0..300_u64 {
                pos = (pos + way).normalize() * 50_000.0;
                let expected = CellId::at(pos.normalize(), level);
                let Found {
                    cell,
                    hint: next,
                    depth,
                } = finder.find(pos, hint);
                let aside = pos + way.normalize() * depth * 0.999;
                assert_eq!(CellId::at(aside.normalize(), level), cell);
                assert_eq!(cell, expected);
                right += u64::from(next == hint);
                crossings += u64::from(before.is_some_and(|before| before != cell));
                before = Some(cell);
                // Now and then a hint of something else.
                hint = if step % 50 == 49 { 3 } else { next };
            }
        }
        assert!(crossings > 300 && right > 10_000, "{crossings}, {right}");
    }

    #[test]
    fn what_it_has_forgotten_it_finds_all_the_same() {
        let level = Level::of(20);
        let mut finder = CellFinder::new(level);
        let mut hint = 0;
        for n in 0..20_000_u64 {
            let c = |k: u64| unit(mix64(n * 3 + k)) - 0.5;
            let pos = DVec3::new(c(0), c(1), c(2)) * 1e6;
            let found = finder.find(pos, hint);
            assert_eq!(found.cell, CellId::at(pos.normalize(), level));
            hint = found.hint;
            finder.bound(1_000);
            assert!(finder.known.len() <= 1_000);
        }
    }
}
