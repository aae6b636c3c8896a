//! The cells of things that hardly ever leave theirs, one thing at a time.
//!
//! [`CellGrid`](super::CellGrid) places a whole list at once. Whoever keeps its things elsewhere, and
//! wants the cell of each as it comes by, keeps a *hint* beside each: where its cell was found last.
//! A hint is a guess; a wrong one costs time and changes no answer.

use std::collections::BTreeMap;

use glam::DVec3;

use super::fence::Fence;
use crate::cells::{CellId, Level};

/// Cells known at most, about 100 bytes each; then all are forgotten, so that wandering over a planet
/// for a month does not fill memory.
const KNOWN_MAX: usize = 16_384;

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

    /// The cell that [`CellId::at`] names for the direction of `pos` (not zero), and the hint for the
    /// next time. Any number will do for the first.
    #[inline]
    #[must_use]
    pub fn find(&mut self, pos: DVec3, hint: u32) -> (CellId, u32) {
        match self.known.get(hint as usize) {
            Some((cell, fence)) if fence.holds(pos) => (*cell, hint),
            _ => self.look_up(pos),
        }
    }

    #[cold]
    fn look_up(&mut self, pos: DVec3) -> (CellId, u32) {
        let cell = CellId::at(pos.normalize(), self.level);
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.places.clear();
        }
        let known = &mut self.known;
        let place = *self.places.entry(cell).or_insert_with(|| {
            known.push((cell, Fence::around(cell)));
            known.len() as u32 - 1
        });
        (cell, place)
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
                let (cell, next) = finder.find(pos, hint);
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
    fn more_cells_than_it_remembers_are_found_all_the_same() {
        let level = Level::of(20);
        let mut finder = CellFinder::new(level);
        let mut hint = 0;
        for n in 0..2 * KNOWN_MAX as u64 {
            let c = |k: u64| unit(mix64(n * 3 + k)) - 0.5;
            let pos = DVec3::new(c(0), c(1), c(2)) * 1e6;
            let found = finder.find(pos, hint);
            assert_eq!(found.0, CellId::at(pos.normalize(), level));
            hint = found.1;
        }
        assert!(finder.known.len() <= KNOWN_MAX);
    }
}
