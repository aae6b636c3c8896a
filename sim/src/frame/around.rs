//! Who is near an entity, as of Frame(t−1): the slices of its grid cell and of the cells around it, in
//! cell order, so that everybody is visited by (cell, id) whoever owns them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bevy_ecs::resource::Resource;
use bluemarble_shared_protocol::EntityId;
use bluemarble_spatial::CellId;
use glam::DVec3;

use super::FrameSet;
use super::bounds::Bounds;
use crate::entity::Place;
use crate::hashing::CellHash;
use bluemarble_spatial::ZoneId;

/// Memo of a pure function: a cell's surroundings, itself included, ascending.
#[derive(Debug, Default)]
pub(crate) struct NeighbourCells {
    known: HashMap<CellId, Arc<[CellId]>, CellHash>,
}

impl NeighbourCells {
    /// So many times as many cells are remembered as residents stood in at a time: who walks to and fro
    /// finds them again, and wandering over a planet for a month does not fill memory.
    const SHARE: usize = 4;
    /// And at least this many, some 150 bytes each.
    const CELLS_LEAST: usize = 256;

    /// Forgets all if there are too many for so many cells with residents.
    fn bound(&mut self, lived_in: usize) {
        if self.known.len() > (lived_in * Self::SHARE).max(Self::CELLS_LEAST) {
            self.known = HashMap::default();
        }
    }

    fn of(&mut self, cell: CellId) -> Arc<[CellId]> {
        let entry = self.known.entry(cell);
        Arc::clone(entry.or_insert_with(|| Arc::from(surroundings(cell))))
    }
}

/// A cell and those around it, ascending.
pub(crate) fn surroundings(cell: CellId) -> Vec<CellId> {
    let mut cells: Vec<CellId> = cell.all_neighbours().iter().copied().collect();
    cells.push(cell);
    cells.sort_unstable();
    cells.dedup();
    cells
}

/// A slice of one frame, and the box around it.
#[derive(Clone, Copy, Debug)]
struct Slice {
    cell: CellId,
    owner: ZoneId,
    /// Which of the frames.
    zone: ZoneId,
    start: u32,
    end: u32,
    /// Which of that frame's cells.
    run: u32,
    bounds: Bounds,
}

/// Somebody near.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    /// Its place among the frames.
    pub zone: ZoneId,
    /// Whose cell it is in.
    pub owner: ZoneId,
    pub row: usize,
    pub id: EntityId,
    pub pos: DVec3,
}

/// Where `cells`, ascending, are in the frames; empty ones are left out. Of a cell with sleepers there
/// may be two, which follow each other.
fn slices_of<'a>(frames: &'a FrameSet, cells: &'a [CellId]) -> impl Iterator<Item = Slice> + 'a {
    let slices = move |&cell: &CellId| {
        let owner = frames.map.zone_of(cell);
        frames.parts_of(owner).filter_map(move |zone| {
            let (rows, bounds, run) = frames.zones[zone as usize].bounded_rows_of(cell)?;
            Some(Slice {
                cell,
                owner,
                zone,
                start: rows.start as u32,
                end: rows.end as u32,
                run: run as u32,
                bounds,
            })
        })
    };
    cells.iter().flat_map(slices)
}

/// One zone's view of Frames(t−1). Rebuilt each tick from the frames alone; the residents' cells say
/// only what is worth looking up beforehand.
#[derive(Resource, Debug)]
pub(crate) struct Around {
    pub frames: Arc<FrameSet>,
    /// Slices around each cell in which a resident stood at t−1, whoever owns the cell: where they
    /// begin and end in the list.
    known: HashMap<CellId, Known, CellHash>,
    slices: Vec<Slice>,
}

/// Places in a list of slices.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where the slices around a cell begin and end.
    around: (u32, u32),
    /// Those of the cell itself among them.
    own: (u32, u32),
}

impl Around {
    pub(crate) fn new(frames: Arc<FrameSet>) -> Self {
        Self {
            frames,
            known: HashMap::default(),
            slices: Vec::new(),
        }
    }

    /// Turns to the frames of the next tick, of which the surroundings of `cells` will be asked for.
    pub(crate) fn turn_to(
        &mut self,
        frames: Arc<FrameSet>,
        cells: impl Iterator<Item = CellId>,
        memo: &mut NeighbourCells,
    ) {
        memo.bound(self.known.len());
        self.known.clear();
        self.slices.clear();
        for cell in cells {
            self.known.entry(cell).or_insert_with(|| {
                let start = self.slices.len();
                self.slices.extend(slices_of(&frames, &memo.of(cell)));
                let here = &self.slices[start..];
                // Ascending by cell, like the surroundings.
                let end_of = |last: &dyn Fn(CellId) -> bool| {
                    (start + here.partition_point(|slice| last(slice.cell))) as u32
                };
                Known {
                    around: (start as u32, self.slices.len() as u32),
                    own: (
                        end_of(&|other| other < cell),
                        end_of(&|other| other <= cell),
                    ),
                }
            });
        }
        self.frames = frames;
    }

    /// The slices around any cell: looked up beforehand for residents, now for a newcomer.
    fn slices(&self, cell: CellId) -> Cow<'_, [Slice]> {
        match self.known.get(&cell) {
            Some(known) => Cow::Borrowed(self.listed(known.around)),
            None => Cow::Owned(slices_of(&self.frames, &surroundings(cell)).collect()),
        }
    }

    fn listed(&self, (start, end): (u32, u32)) -> &[Slice] {
        &self.slices[start as usize..end as usize]
    }

    /// Visits everybody in `cell` and the cells around it whose centre is within `radius_m` of
    /// `pos`, by (cell, id). `cell` is where the asker was at t−1, or where it has just appeared.
    pub(crate) fn visit(
        &self,
        cell: CellId,
        pos: DVec3,
        radius_m: f64,
        mut visit: impl FnMut(Neighbour, f64),
    ) {
        let radius2 = radius_m * radius_m;
        let slices = self.slices(cell);
        let mut rest = slices.iter();
        while let Some(slice) = rest.next() {
            if let Some(sleepers) = rest.as_slice().first()
                && sleepers.cell == slice.cell
            {
                rest.next();
                self.visit_both([slice, sleepers], pos, radius2, &mut visit);
            } else if slice.bounds.distance_squared(pos) <= radius2 {
                self.visit_rows(slice, slice.start..slice.end, pos, radius2, &mut visit);
            }
        }
    }

    /// As [`visit`](Self::visit), but in no order at all, for whoever only counts or sums in whole
    /// numbers. Of a short radius it looks at hardly anybody else. `pos` is what the place was found for.
    pub(crate) fn visit_unordered(
        &self,
        place: &Place,
        pos: DVec3,
        radius_m: f64,
        mut visit: impl FnMut(Neighbour, f64),
    ) {
        /// Far more than rounding could make of a depth.
        const SLACK_M: f64 = 1e-3;
        let radius2 = radius_m * radius_m;
        let is_deep = radius_m + SLACK_M < f64::from(place.1.depth_m);
        let own = self.known.get(&place.0).filter(|_| is_deep);
        let slices = match own {
            Some(known) => Cow::Borrowed(self.listed(known.own)),
            None => self.slices(place.0),
        };
        for slice in &*slices {
            if slice.bounds.distance_squared(pos) > radius2 {
                continue;
            }
            let frame = &self.frames.zones[slice.zone as usize];
            for spot in frame.near(slice.run as usize, pos, radius_m) {
                let distance2 = spot.pos.distance_squared(pos);
                if distance2 <= radius2 {
                    let neighbour = Neighbour {
                        zone: slice.zone,
                        owner: slice.owner,
                        row: spot.row as usize,
                        id: spot.id,
                        pos: spot.pos,
                    };
                    visit(neighbour, distance2);
                }
            }
        }
    }

    fn visit_rows(
        &self,
        slice: &Slice,
        rows: std::ops::Range<u32>,
        pos: DVec3,
        radius2: f64,
        visit: &mut impl FnMut(Neighbour, f64),
    ) {
        let frame = &self.frames.zones[slice.zone as usize];
        let rows = rows.start as usize..rows.end as usize;
        for (offset, at) in frame.positions[rows.clone()].iter().enumerate() {
            let distance2 = at.distance_squared(pos);
            if distance2 <= radius2 {
                let row = rows.start + offset;
                let neighbour = Neighbour {
                    zone: slice.zone,
                    owner: slice.owner,
                    row,
                    id: frame.ids[row],
                    pos: *at,
                };
                visit(neighbour, distance2);
            }
        }
    }

    /// Two slices of one cell, merged by id: who is filed where must not show in the order.
    fn visit_both(
        &self,
        slices: [&Slice; 2],
        pos: DVec3,
        radius2: f64,
        visit: &mut impl FnMut(Neighbour, f64),
    ) {
        let mut next = slices.map(|slice| slice.start);
        let id = |n: usize, row: u32| {
            let frame = &self.frames.zones[slices[n].zone as usize];
            (row < slices[n].end).then(|| frame.ids[row as usize])
        };
        loop {
            let first = match (id(0, next[0]), id(1, next[1])) {
                (None, None) => return,
                (Some(a), Some(b)) => usize::from(b < a),
                (a, _) => usize::from(a.is_none()),
            };
            let row = next[first];
            next[first] += 1;
            self.visit_rows(slices[first], row..row + 1, pos, radius2, visit);
        }
    }

    /// A certain entity near `cell`, if it was there at t−1.
    pub(crate) fn find(&self, cell: CellId, id: EntityId) -> Option<Neighbour> {
        self.slices(cell).iter().find_map(|slice| {
            let frame = &self.frames.zones[slice.zone as usize];
            let rows = slice.start as usize..slice.end as usize;
            let offset = frame.ids[rows.clone()].binary_search(&id).ok()?;
            let row = rows.start + offset;
            Some(Neighbour {
                zone: slice.zone,
                owner: slice.owner,
                row,
                id,
                pos: frame.positions[row],
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Within;
    use crate::frame::{Frame, FrameRow};
    use bluemarble_shared_protocol::{Tick, hash_words};
    use bluemarble_spatial::{CellFinder, ZoneMap};

    const RADIUS_M: f64 = 50_000.0;
    const REACH_M: f64 = 48.0;

    /// A crowd of `n` within 150 m of a direction.
    fn crowd(dir: DVec3, n: u64) -> Vec<DVec3> {
        let axis = |i, k| f64::from(hash_words([i, k]) as i32) / f64::from(i32::MAX) * 150.0;
        (0..n)
            .map(|i| dir * RADIUS_M + DVec3::new(axis(i, 0), axis(i, 1), axis(i, 2)))
            .map(|pos| pos.normalize() * RADIUS_M)
            .collect()
    }

    #[test]
    fn a_zone_remembers_cells_by_the_number_that_is_lived_in() {
        let frames = Arc::new(FrameSet {
            tick: Tick(0),
            zones: vec![Arc::default()],
            map: Arc::new(ZoneMap::whole()),
        });
        let mut around = Around::new(Arc::clone(&frames));
        let mut memo = NeighbourCells::default();
        let level = CellId::level_for_min_width(REACH_M + 10.0, RADIUS_M);
        let mut cell = CellId::at(DVec3::X, level);
        // One wanderer, once around, then a thousand who stay, then one again.
        let mut turn = |memo: &mut NeighbourCells, cells: Vec<CellId>| {
            around.turn_to(Arc::clone(&frames), cells.into_iter(), memo);
            memo.known.len()
        };
        let mut most = 0;
        for _ in 0..4 * NeighbourCells::CELLS_LEAST {
            cell = cell.next();
            most = most.max(turn(&mut memo, vec![cell]));
        }
        assert_eq!(most, NeighbourCells::CELLS_LEAST + 1);
        let many: Vec<CellId> = std::iter::successors(Some(cell), |cell| Some(cell.next()))
            .take(1_000)
            .collect();
        for _ in 0..3 {
            assert!(
                turn(&mut memo, many.clone()) >= 1_000,
                "whoever stays is remembered"
            );
        }
        turn(&mut memo, vec![cell]);
        assert_eq!(turn(&mut memo, vec![cell]), 1);
    }

    #[test]
    fn it_visits_exactly_whom_brute_force_finds_by_cell_and_id() {
        let level = CellId::level_for_min_width(REACH_M + 10.0, RADIUS_M);
        let corner = DVec3::ONE.normalize();
        let (mut finder, mut shortcuts) = (CellFinder::new(level), 0);
        for dir in [
            corner,
            -corner,
            DVec3::Z,
            DVec3::X,
            DVec3::new(1.0, 1.0, 0.0).normalize(),
        ] {
            let mut rows: Vec<FrameRow> = (0..)
                .zip(crowd(dir, 300))
                .map(|(n, pos)| FrameRow {
                    cell: CellId::at(pos.normalize(), level),
                    id: EntityId(hash_words([n])),
                    pos,
                    radius_m: 0.5,
                    eye_m: 1.6,
                    faction: 0,
                    alive: true,
                    kind: crate::content::KindId(0),
                })
                .collect();
            rows.sort_by_key(|row| (row.cell, row.id));
            let load: Vec<(CellId, u64)> = {
                let mut cells: Vec<CellId> = rows.iter().map(|row| row.cell).collect();
                cells.dedup();
                cells.into_iter().map(|cell| (cell, 1)).collect()
            };
            for zones in [1, 2, 5] {
                let map = ZoneMap::by_load(zones, &load, &[], level);
                let frame = |zone| {
                    let own: Vec<FrameRow> = rows
                        .iter()
                        .copied()
                        .filter(|r| map.zone_of(r.cell) == zone)
                        .collect();
                    Arc::new(Frame::from_sorted(&own))
                };
                let frames = Arc::new(FrameSet {
                    tick: Tick(1),
                    zones: (0..zones as ZoneId).map(frame).collect(),
                    map: Arc::new(map),
                });
                for asker in &rows {
                    let mut around = Around::new(Arc::clone(&frames));
                    // Half of them reside here, the others are newcomers to this zone's view.
                    let resident = asker.id.0.is_multiple_of(2).then_some(asker.cell);
                    let memo = &mut NeighbourCells::default();
                    around.turn_to(Arc::clone(&frames), resident.into_iter(), memo);
                    let mut visited = Vec::new();
                    around.visit(asker.cell, asker.pos, REACH_M, |other, _| {
                        visited.push(other.id)
                    });
                    let naive: Vec<EntityId> = rows
                        .iter()
                        .filter(|row| row.pos.distance(asker.pos) <= REACH_M)
                        .map(|row| row.id)
                        .collect();
                    assert_eq!(visited, naive, "{zones} zones around {dir}");
                    for radius_m in [0.0, 2.0, REACH_M] {
                        let mut touched = Vec::new();
                        let touch = |other: Neighbour, _| touched.push((other.row, other.id));
                        let found = finder.find(asker.pos, 0);
                        let place = Place(
                            found.cell,
                            Within {
                                hint: 0,
                                depth_m: found.depth as f32,
                            },
                        );
                        shortcuts += usize::from(radius_m < found.depth);
                        around.visit_unordered(&place, asker.pos, radius_m, touch);
                        let near = |row: &&FrameRow| row.pos.distance(asker.pos) <= radius_m;
                        let mut naive: Vec<EntityId> =
                            rows.iter().filter(near).map(|row| row.id).collect();
                        naive.sort_unstable();
                        let mut touched: Vec<EntityId> =
                            touched.into_iter().map(|(_, id)| id).collect();
                        touched.sort_unstable();
                        assert_eq!(touched, naive, "{radius_m} m in {zones} zones");
                    }
                    assert_eq!(around.find(asker.cell, asker.id).unwrap().pos, asker.pos);
                }
            }
        }
        assert!(shortcuts > 3_000, "{shortcuts}");
    }
}
