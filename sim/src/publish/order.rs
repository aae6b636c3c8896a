//! In which row everybody is published: sorted by (cell, id), which hardly changes from one tick to the
//! next.

use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::CellId;

/// Somebody in the order of the query, `nth`, and by what they are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat {
    pub cell: CellId,
    pub id: EntityId,
    nth: u32,
}

/// Sorts everybody. What it keeps of the last time is only a guess at the order, and room.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By (cell, id).
    sorted: Vec<Seat>,
    /// The row of each, in the order of the query.
    rows: Vec<u32>,
    here: Vec<(CellId, EntityId)>,
    moved: Vec<Seat>,
    before: Vec<Seat>,
}

impl Order {
    /// Sorts these, who are different ids.
    pub(super) fn sort(&mut self, everybody: impl Iterator<Item = (CellId, EntityId)>) {
        self.here.clear();
        self.here.extend(everybody);
        self.part();
        self.merge();
        self.rows.clear();
        self.rows.resize(self.sorted.len(), 0);
        for (row, seat) in (0..).zip(&self.sorted) {
            self.rows[seat.nth as usize] = row;
        }
    }

    /// Parts those who are where they were, still sorted, from those who are not, who are few.
    fn part(&mut self) {
        std::mem::swap(&mut self.sorted, &mut self.before);
        self.moved.clear();
        self.sorted.clear();
        let known = self.before.len();
        for old in &self.before {
            let Some(&(cell, id)) = self.here.get(old.nth as usize) else {
                continue;
            };
            let seat = Seat { cell, id, ..*old };
            if seat == *old {
                self.sorted.push(seat);
            } else {
                self.moved.push(seat);
            }
        }
        let new = (0..).zip(&self.here).skip(known);
        self.moved
            .extend(new.map(|(nth, &(cell, id))| Seat { cell, id, nth }));
        self.moved.sort_unstable();
    }

    /// Merges the moved among those who stayed, from the end, where there is room.
    fn merge(&mut self) {
        let Some(&any) = self.moved.first() else {
            return;
        };
        let (mut stayed, mut moved) = (self.sorted.len(), self.moved.len());
        self.sorted.resize(stayed + moved, any);
        while moved > 0 {
            let last = self.moved[moved - 1];
            let from = self.sorted[..stayed].partition_point(|seat| *seat < last);
            self.sorted.copy_within(from..stayed, from + moved);
            self.sorted[from + moved - 1] = last;
            (stayed, moved) = (from, moved - 1);
        }
    }

    /// Everybody, sorted.
    pub(super) fn sorted(&self) -> &[Seat] {
        &self.sorted
    }

    /// The row of each, in the order of the query.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_shared_protocol::mix64;

    #[test]
    fn it_equals_sorting_whoever_moves_comes_and_goes() {
        let mut order = Order::default();
        let mut crowd: Vec<(CellId, EntityId)> = Vec::new();
        for tick in 0..300_u64 {
            let draw = |n: u64| mix64(tick * 1_000 + n);
            for n in 0..draw(0) % 20 {
                crowd.push((CellId(draw(n + 1) % 9), EntityId(draw(n + 30))));
            }
            for n in 0..crowd.len() as u64 / 10 {
                let who = draw(n + 60) as usize % crowd.len();
                match n % 3 {
                    0 => drop(crowd.swap_remove(who)),
                    1 => crowd[who].0 = CellId(draw(n + 90) % 9),
                    _ => crowd.swap(who, 0),
                }
            }
            if draw(999).is_multiple_of(50) {
                crowd.clear();
            }
            order.sort(crowd.iter().copied());
            let mut naive = crowd.clone();
            naive.sort_unstable();
            let sorted: Vec<_> = order.sorted().iter().map(|s| (s.cell, s.id)).collect();
            assert_eq!(sorted, naive, "tick {tick}");
            for (nth, &row) in order.rows().iter().enumerate() {
                assert_eq!(naive[row as usize], crowd[nth]);
            }
        }
    }
}
