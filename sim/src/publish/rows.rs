//! Which row of the frame everybody gets: residents who stand in the zone's cells, and those who stand
//! there but reside elsewhere, merged by (cell, id).

use bluemarble_spatial::CellId;

use super::order::Seat;
use crate::frame::{Frame, FrameRow};

/// Whose cell belongs to another zone is in no row of this zone's frame.
pub(super) const LEAVES: u32 = u32::MAX;

/// Rows of the frame. Only the room outlives a tick.
#[derive(Debug, Default)]
pub(super) struct FrameRows {
    /// Of each resident, in the order of (cell, id): the row, or [`LEAVES`].
    pub residents: Vec<u32>,
    /// Of each of those who come.
    pub arrivals: Vec<u32>,
}

impl FrameRows {
    /// Seats everybody in a frame that was restarted. Both lists are in order.
    pub(super) fn seat(
        &mut self,
        residents: &[Seat],
        arrivals: &[FrameRow],
        stays: impl Fn(CellId) -> bool,
        frame: &mut Frame,
    ) {
        self.residents.clear();
        self.arrivals.clear();
        let mut coming = arrivals.iter().peekable();
        let mut last = None;
        for seat in residents {
            // Asked once a cell.
            let stays = match last {
                Some((cell, stays)) if cell == seat.cell => stays,
                _ => stays(seat.cell),
            };
            last = Some((seat.cell, stays));
            if !stays {
                self.residents.push(LEAVES);
                continue;
            }
            let is_before = |row: &&FrameRow| (row.cell, row.id) < (seat.cell, seat.id);
            while let Some(row) = coming.next_if(is_before) {
                self.arrivals.push(frame.seat(row.cell));
            }
            self.residents.push(frame.seat(seat.cell));
        }
        self.arrivals.extend(coming.map(|row| frame.seat(row.cell)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::Order;
    use super::*;
    use crate::content::KindId;
    use crate::entity::DigestParts;
    use bluemarble_shared_protocol::{EntityId, mix64};
    use bluemarble_spatial::Level;
    use glam::DVec3;

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
        let key = |r: &FrameRow| (r.cell, r.id);
        let stays = |cell: CellId| cell.face() != 2;
        let all: Vec<FrameRow> = (0..500).map(row).collect();
        // Those who come stand in cells whose residents stay.
        let (here, coming): (Vec<_>, Vec<_>) = (0..).zip(&all).partition(|(n, r)| {
            let comes: bool = n % 7 == 3 && stays(r.cell);
            !comes
        });
        let list = |rows: Vec<(u64, &FrameRow)>| -> Vec<FrameRow> {
            rows.into_iter().map(|(_, row)| *row).collect()
        };
        let (here, mut coming) = (list(here), list(coming));
        coming.sort_by_key(key);
        assert!(coming.len() > 40 && here.iter().any(|r| !stays(r.cell)));
        let mut order = Order::default();
        order.sort(here.iter().map(key));
        let (mut rows, mut frame) = (FrameRows::default(), Frame::default());
        // Whatever was in it before.
        for _ in 0..2 {
            frame.restart();
            rows.seat(order.sorted(), &coming, stays, &mut frame);
            frame.make_room();
            for (row, nth) in here.iter().zip(order.rows()) {
                let at = rows.residents[*nth as usize];
                assert_eq!(at == LEAVES, !stays(row.cell));
                if at != LEAVES {
                    frame.put(at as usize, row, DigestParts::odd(row.id));
                }
            }
            for (row, at) in coming.iter().zip(&rows.arrivals) {
                frame.put(*at as usize, row, DigestParts::odd(row.id));
            }
            frame.finish();
        }
        let mut naive: Vec<FrameRow> = all.into_iter().filter(|r| stays(r.cell)).collect();
        naive.sort_by_key(key);
        assert_eq!(frame, Frame::from_sorted(&naive));
        for cell in frame.cells() {
            let ids = naive.iter().filter(|r| r.cell == cell).map(|r| r.id);
            assert!(ids.eq(frame.ids[frame.rows_of(cell)].iter().copied()));
        }
    }
}
