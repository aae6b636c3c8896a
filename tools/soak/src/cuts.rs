//! Random changes of the ownership map, where they hurt: through the cells in which somebody stands.

use bluemarble_sim::World;
use bluemarble_spatial::{CellId, Change, ZoneId, ZoneMap};

use crate::dice::Dice;

/// Most zones of a map made here.
const ZONES_MAX: u64 = 60;

/// Changes to be made one after another, some of which do not fit the map.
pub fn changes(dice: &mut Dice, world: &World) -> Vec<Change> {
    let cells = occupied(world);
    let map = world.zone_map();
    let any_zone = |dice: &mut Dice| dice.up_to(map.len() as u64) as ZoneId;
    let mut changes = Vec::new();
    for _ in 0..=dice.up_to(3) {
        let cell = near(dice, &cells);
        let change = match dice.up_to(3) {
            0 | 1 => Change::Split {
                zone: map.zone_of(cell),
                at: cell,
            },
            2 => Change::Merge {
                zone: any_zone(dice),
            },
            _ => Change::Move {
                zone: map.zone_of(cell) + dice.up_to(1) as ZoneId,
                to: cell,
            },
        };
        changes.push(change);
    }
    changes
}

/// A map that has nothing to do with the one before.
pub fn map(dice: &mut Dice, world: &World) -> ZoneMap {
    let cells = occupied(world);
    let mut starts: Vec<CellId> = (0..dice.up_to(ZONES_MAX))
        .map(|_| near(dice, &cells))
        .collect();
    starts.push(CellId::face_cell(0));
    starts.sort_unstable_by_key(|cell| cell.range_min());
    starts.dedup_by_key(|cell| cell.range_min());
    ZoneMap::from_starts(&starts).unwrap_or_else(|_| ZoneMap::whole())
}

/// The cells in which somebody stands.
fn occupied(world: &World) -> Vec<CellId> {
    let frames = world.frames();
    frames
        .zones
        .iter()
        .flat_map(|frame| frame.cells())
        .collect()
}

/// One of the cells, one beside it, or a larger one around it.
fn near(dice: &mut Dice, cells: &[CellId]) -> CellId {
    if cells.is_empty() {
        return CellId::face_cell(dice.up_to(5) as u8);
    }
    let cell = *dice.pick(cells);
    match dice.up_to(5) {
        0 => cell.next(),
        1 => cell.prev(),
        2 => *dice.pick(&cell.all_neighbours()),
        3 if dice.chance(300) => {
            let levels = bluemarble_spatial::Level::all().filter(|level| *level <= cell.level());
            cell.parent(*dice.pick(&levels.collect::<Vec<_>>()))
        }
        _ => cell,
    }
}
