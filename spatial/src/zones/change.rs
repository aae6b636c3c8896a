//! One step from a zone map to another.

use crate::cells::CellId;

use super::load_map::LoadMap;
use super::zone_map::{ZoneId, ZoneMap};

/// A change of a zone map; the smallest there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The zone begins elsewhere: cells go to or come from the one before it. No number changes.
    Move {
        /// The zone whose first cell changes, not 0.
        zone: ZoneId,
        /// Its new first cell.
        to: CellId,
    },
    /// The zone ends before a cell, with which a new one begins, numbered next; later zones count
    /// one up.
    Split {
        /// The zone that is cut.
        zone: ZoneId,
        /// First cell of the new zone.
        at: CellId,
    },
    /// The zone takes over all of the next; later zones count one down.
    Merge {
        /// The zone that grows, not the last.
        zone: ZoneId,
    },
}

/// A change that does not fit the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// There is no such zone, or it is the last to merge or the first to move.
    #[error("zone {0} cannot change so in a map of {1} zones")]
    Zone(ZoneId, usize),
    /// A boundary must lie strictly within the zones it parts.
    #[error("{cell:?} cannot begin zone {zone}: a zone on one side would be empty")]
    Place {
        /// The zone that was to begin.
        zone: ZoneId,
        /// There.
        cell: CellId,
    },
    /// As many zones as there may be.
    #[error("a planet has at most {most} zones", most = ZoneMap::ZONES_MAX)]
    Full,
}

impl Change {
    /// The number of a zone after the change. Of the zone that a merge ends it is the one that
    /// took it over; of a zone that is split, its first part's.
    #[must_use]
    pub fn zone_after(&self, zone: ZoneId) -> ZoneId {
        match *self {
            Self::Move { .. } => zone,
            Self::Split { zone: cut, .. } => zone + ZoneId::from(zone > cut),
            Self::Merge { zone: grows } => zone - ZoneId::from(zone > grows),
        }
    }

    /// The load that gets another owner when the change is made to `map`; 0 if it does not fit.
    #[must_use]
    pub fn moved_load(&self, map: &ZoneMap, load: &LoadMap) -> u64 {
        let Ok(after) = map.apply(self) else {
            return 0;
        };
        let (from, to) = match *self {
            Self::Move { zone, .. } => {
                let [old, new] = [map, &after].map(|map| map.starts[zone as usize]);
                (old.min(new), old.max(new))
            }
            Self::Split { zone, .. } => after.span(zone as usize + 1),
            Self::Merge { zone } => map.span(zone as usize + 1),
        };
        load.of_rows(load.row_at(from), load.row_at(to))
    }
}

impl ZoneMap {
    /// The map after a change. The map itself stays as it is: a simulation goes from one to the
    /// other between two ticks.
    ///
    /// # Errors
    /// [`BadChange`] if it does not fit; a map that is returned is a partition of the sphere.
    pub fn apply(&self, change: &Change) -> Result<Self, BadChange> {
        let mut starts = self.starts.clone();
        let count = starts.len();
        match *change {
            Change::Move { zone, to } => {
                let at = zone as usize;
                if !(1..count).contains(&at) {
                    return Err(BadChange::Zone(zone, count));
                }
                let (before, (_, end)) = (starts[at - 1], self.span(at));
                starts[at] = boundary(zone, to, before, end)?;
            }
            Change::Split { zone, at } => {
                if zone as usize >= count {
                    return Err(BadChange::Zone(zone, count));
                }
                if count == Self::ZONES_MAX {
                    return Err(BadChange::Full);
                }
                let (start, end) = self.span(zone as usize);
                starts.insert(zone as usize + 1, boundary(zone + 1, at, start, end)?);
            }
            Change::Merge { zone } => {
                if zone as usize + 1 >= count {
                    return Err(BadChange::Zone(zone, count));
                }
                starts.remove(zone as usize + 1);
            }
        }
        Ok(Self { starts })
    }
}

/// The first leaf of a zone that begins with a cell, strictly between two others.
fn boundary(zone: ZoneId, cell: CellId, after: u64, before: u64) -> Result<u64, BadChange> {
    let leaf = cell.range_min().0;
    if cell.is_valid() && after < leaf && leaf < before {
        Ok(leaf)
    } else {
        Err(BadChange::Place { zone, cell })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Level;

    fn faces() -> ZoneMap {
        let cells: Vec<CellId> = (0..6).map(CellId::face_cell).collect();
        ZoneMap::from_starts(&cells).unwrap()
    }

    #[test]
    fn a_split_is_undone_by_a_merge_and_numbers_follow() {
        let at = CellId::face_cell(2).children()[1];
        let split = Change::Split { zone: 2, at };
        let map = faces().apply(&split).unwrap();
        assert_eq!((map.len(), map.zone_of(at)), (7, 3));
        for face in 0..6 {
            let cell = CellId::face_cell(face);
            assert_eq!(split.zone_after(u32::from(face)), map.zone_of(cell));
        }
        let merge = Change::Merge { zone: 2 };
        assert_eq!(map.apply(&merge), Ok(faces()));
        assert_eq!(
            [1, 2, 3, 4].map(|zone| merge.zone_after(zone)),
            [1, 2, 2, 3]
        );
    }

    #[test]
    fn changes_that_leave_a_zone_empty_or_touch_none_are_refused() {
        let face = CellId::face_cell;
        let load = LoadMap::new(Level::FACE, (0..6).map(|n| (face(n), 1))).unwrap();
        for (change, why) in [
            (
                Change::Move {
                    zone: 0,
                    to: face(0),
                },
                BadChange::Zone(0, 6),
            ),
            (
                Change::Move {
                    zone: 6,
                    to: face(5),
                },
                BadChange::Zone(6, 6),
            ),
            (Change::Merge { zone: 5 }, BadChange::Zone(5, 6)),
            (
                Change::Split {
                    zone: 9,
                    at: face(3),
                },
                BadChange::Zone(9, 6),
            ),
            (
                Change::Move {
                    zone: 2,
                    to: face(1),
                },
                BadChange::Place {
                    zone: 2,
                    cell: face(1),
                },
            ),
            (
                Change::Move {
                    zone: 2,
                    to: face(5),
                },
                BadChange::Place {
                    zone: 2,
                    cell: face(5),
                },
            ),
            (
                Change::Split {
                    zone: 3,
                    at: face(1),
                },
                BadChange::Place {
                    zone: 4,
                    cell: face(1),
                },
            ),
            (
                Change::Split {
                    zone: 2,
                    at: face(2),
                },
                BadChange::Place {
                    zone: 3,
                    cell: face(2),
                },
            ),
            (
                Change::Split {
                    zone: 5,
                    at: CellId(u64::MAX),
                },
                BadChange::Place {
                    zone: 6,
                    cell: CellId(u64::MAX),
                },
            ),
        ] {
            assert_eq!(faces().apply(&change), Err(why));
            assert_eq!(change.moved_load(&faces(), &load), 0, "{change:?}");
        }
        let half = face(1).children()[2];
        assert!(faces().apply(&Change::Move { zone: 2, to: half }).is_ok());
    }
}
