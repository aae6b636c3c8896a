//! The nearest k: boxes in the order of their distance, until none can hold anything nearer than
//! what was found (Hjaltason, Samet: "Distance browsing in spatial databases", ACM TODS 24(2),
//! 1999, section 3).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use glam::DVec3;

use super::boxes::{LANES, Query, portable};
use super::cell_grid::{CellGrid, Neighbour};

/// A squared distance and what lies there. Ordered by distance, then by the second: distances
/// are never NaN here.
#[derive(Clone, Copy, Debug, PartialEq)]
struct At<T>(f64, T);

impl<T: PartialEq> Eq for At<T> {}

impl<T: Ord> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0
            .total_cmp(&other.0)
            .then_with(|| self.1.cmp(&other.1))
    }
}

/// The answer to "which k are nearest?", kept for its memory.
#[derive(Clone, Debug, Default)]
pub struct Nearest {
    /// The worst on top.
    best: BinaryHeap<At<u32>>,
    /// Boxes still to look into, (level, number); the nearest on top.
    frontier: BinaryHeap<Reverse<At<(usize, usize)>>>,
    found: Vec<Neighbour>,
}

impl Nearest {
    /// The nearest first; at equal distance by (cell, id).
    #[must_use]
    pub fn as_slice(&self) -> &[Neighbour] {
        &self.found
    }

    fn offer(&mut self, dist2: f64, slot: u32, k: usize) {
        if self.best.len() < k {
            self.best.push(At(dist2, slot));
        } else if let Some(mut worst) = self.best.peek_mut()
            && At(dist2, slot) < *worst
        {
            *worst = At(dist2, slot);
        }
    }

    /// Whether nothing so far away can be among the best any more.
    fn is_beyond(&self, dist2: f64, k: usize) -> bool {
        self.best.len() >= k && self.best.peek().is_some_and(|worst| dist2 > worst.0)
    }
}

/// What no row in a box is nearer than, in spite of the roundings that [`Query`] speaks of, and of
/// what is infinite in `f32` only.
fn lower_bound(box_dist2: f32) -> f64 {
    f64::from(box_dist2.clamp(0.0, f32::MAX)) * (1.0 - 1e-6)
}

impl CellGrid {
    /// Finds the `k` that are nearest to `pos` and within `radius_m` (inclusive; infinity for
    /// "anywhere"), the nearest first, at equal distance by (cell, id).
    ///
    /// ```
    /// use bluemarble_spatial::{CellGrid, Level, Nearest};
    /// use glam::DVec3;
    ///
    /// let people = [10.0, 30.0, 20.0].map(|x| DVec3::new(x, 0.0, 50_000.0));
    /// let grid = CellGrid::build(Level::of(12), &people, &[7, 8, 9]);
    /// let mut nearest = Nearest::default();
    /// grid.nearest(people[0], 2, f64::INFINITY, &mut nearest);
    /// let ids: Vec<u64> = nearest.as_slice().iter().map(|other| other.id).collect();
    /// assert_eq!(ids, [7, 9]);
    /// ```
    pub fn nearest(&self, pos: DVec3, k: usize, radius_m: f64, answer: &mut Nearest) {
        answer.best.clear();
        answer.frontier.clear();
        answer.found.clear();
        let reach2 = radius_m * radius_m;
        let nodes = self.tree().nodes();
        if k == 0 || !pos.is_finite() || radius_m < 0.0 || radius_m.is_nan() {
            return;
        }
        let query = Query::new(pos, 0.0);
        let top = 0..nodes.last().map_or(0, Vec::len);
        let top = top.map(|number| Reverse(At(0.0, (nodes.len(), number))));
        answer.frontier.extend(top);
        while let Some(Reverse(At(dist2, (level, number)))) = answer.frontier.pop() {
            if answer.is_beyond(dist2, k) {
                break;
            }
            // Level 0 are blocks of rows, level 1 the boxes around them.
            if level == 0 {
                let dist2 = portable::distances2(&self.tree().blocks()[number], pos);
                for (lane, dist2) in dist2.into_iter().enumerate() {
                    if dist2 <= reach2 {
                        answer.offer(dist2, (number * LANES + lane) as u32, k);
                    }
                }
                continue;
            }
            let node = &nodes[level - 1][number];
            let dist2 = portable::distances2_to_boxes(node, &query);
            for (lane, dist2) in dist2.into_iter().enumerate() {
                let dist2 = lower_bound(dist2);
                let is_there = node.low[0][lane] <= node.high[0][lane];
                if is_there && dist2 <= reach2 && !answer.is_beyond(dist2, k) {
                    let child = (level - 1, number * LANES + lane);
                    answer.frontier.push(Reverse(At(dist2, child)));
                }
            }
        }
        while let Some(At(dist2, slot)) = answer.best.pop() {
            answer.found.push(self.neighbour(slot as usize, dist2));
        }
        answer.found.reverse();
    }
}
