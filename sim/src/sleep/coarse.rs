//! The coarse layer: how many avatars were in each large cell, [`COARSE_DELAY_TICKS`] ago. It is the
//! only thing that anybody knows about the world beyond the interaction radius.
//!
//! The layers on their way are state: they cannot be told from the entities (an avatar may have left
//! since), so they are in the checkpoint and in the digest.

use std::collections::VecDeque;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Tick, hash_words};
use bluemarble_spatial::CellId;

use crate::entity::digest::{DigestPart, DigestParts};

/// A step reads where avatars were at the end of the tick this many before it: long enough for
/// counts to come from other machines, short enough that nobody notices it.
pub const COARSE_DELAY_TICKS: u64 = 4;

/// Avatars per large cell at the end of one tick, by cell; cells with none are left out.
pub(crate) type Layer = Vec<(CellId, u32)>;

/// The layers that rules have yet to read, the oldest first: none if nobody ever sleeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coarse(VecDeque<Layer>);

impl Coarse {
    /// Before the first tick there was nobody.
    pub(crate) fn nobody() -> Self {
        Self((0..COARSE_DELAY_TICKS).map(|_| Layer::new()).collect())
    }

    /// As stored; `None` if it is not as many layers in the order of their cells.
    pub(crate) fn from_stored(layers: Vec<Vec<(u64, u32)>>) -> Option<Self> {
        let ordered = |layer: &Vec<(u64, u32)>| {
            layer.is_sorted_by(|a, b| a.0 < b.0) && layer.iter().all(|(_, count)| *count > 0)
        };
        let complete = layers.len() as u64 == COARSE_DELAY_TICKS && layers.iter().all(ordered);
        complete.then(|| {
            let layer = |of: Vec<(u64, u32)>| of.into_iter().map(|(c, n)| (CellId(c), n)).collect();
            Self(layers.into_iter().map(layer).collect())
        })
    }

    /// To be stored.
    pub(crate) fn to_stored(&self) -> Vec<Vec<(u64, u32)>> {
        let stored = |layer: &Layer| layer.iter().map(|(cell, n)| (cell.0, *n)).collect();
        self.0.iter().map(stored).collect()
    }

    /// The cells near which players are as far as the next tick knows: those with avatars, and all
    /// around them. `before` is given back if it says the same.
    pub(crate) fn near(&self, before: &Arc<Vec<CellId>>) -> Arc<Vec<CellId>> {
        let mut cells: Vec<CellId> = Vec::new();
        for &(cell, _) in self.0.front().into_iter().flatten() {
            cells.push(cell);
            cells.extend(cell.all_neighbours().iter().copied());
        }
        cells.sort_unstable();
        cells.dedup();
        if cells == **before {
            Arc::clone(before)
        } else {
            Arc::new(cells)
        }
    }

    /// Takes in the layer of a tick that is done, whose cells may come in any order and more than once;
    /// forgets the oldest, which has been read.
    pub(crate) fn turn(&mut self, counts: impl Iterator<Item = (CellId, u32)>) {
        let Some(mut layer) = self.0.pop_front() else {
            return;
        };
        layer.clear();
        layer.extend(counts);
        layer.sort_unstable_by_key(|(cell, _)| *cell);
        layer.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            sum.1 += if same { next.1 } else { 0 };
            same
        });
        self.0.push_back(layer);
    }

    /// Its share of the digest of the world at `tick`.
    pub(crate) fn add_to(&self, tick: Tick, sums: &mut DigestParts) {
        for (age, layer) in (0..COARSE_DELAY_TICKS).rev().zip(&self.0) {
            for &(cell, count) in layer {
                let words = [0x0063_6f61_7273_6500, tick.0, age, cell.0, u64::from(count)];
                sums.add(DigestPart::Coarse, EntityId(cell.0), hash_words(words));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_spatial::Level;
    use glam::DVec3;

    #[test]
    fn a_layer_is_read_exactly_so_many_ticks_later_and_survives_being_stored() {
        let cell = CellId::at(DVec3::new(1.0, 0.2, 0.3), Level::of(9));
        let mut coarse = Coarse::nobody();
        let mut near = Arc::default();
        for tick in 1..=10_u64 {
            // Read by the step of this tick, before it ends.
            near = coarse.near(&near);
            assert_eq!(near.contains(&cell), tick == 3 + COARSE_DELAY_TICKS);
            let there = [(cell.next(), 1), (cell, 1), (cell.next(), 2)];
            let counts = there.into_iter().filter(|_| tick == 3);
            coarse.turn(counts);
            if tick == 3 {
                let newest = coarse.0.back().unwrap();
                assert_eq!(*newest, [(cell, 1), (cell.next(), 3)]);
            }
            assert_eq!(
                Coarse::from_stored(coarse.to_stored()),
                Some(coarse.clone())
            );
        }
        assert_eq!(Coarse::from_stored(vec![vec![]]), None);
        let twice = vec![vec![], vec![(7, 1), (7, 1)], vec![], vec![]];
        assert_eq!(Coarse::from_stored(twice), None);
    }
}
