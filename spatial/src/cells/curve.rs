//! The Hilbert curve over a cube face, as S2 draws it: from leaf coordinates to cell ids and back.
//!
//! The curve visits a square's four quarters in an order that depends on how it entered; each
//! quarter's own order follows from its place. Four levels at a time come from a table, and a
//! coarse cell stops early, which makes this several times faster than the `s2` crate (the tests
//! compare the two).

use super::level::Level;

/// Quarter (i, j as two bits) that each orientation visits first, second, third, fourth. An
/// orientation is two bits: 1 = i and j swapped, 2 = both inverted.
const QUARTER: [[u16; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
/// How the orientation changes in the first, second, third, fourth quarter visited.
const TURN: [u16; 4] = [1, 0, 0, 3];

/// Four levels at once, indexed by eight bits and the orientation (the lowest two).
struct Tables {
    /// i and j nibbles → position along the curve, new orientation.
    to_position: [u16; 1024],
    /// Position along the curve → i and j nibbles, new orientation.
    to_ij: [u16; 1024],
}

static TABLES: Tables = tables();

const fn tables() -> Tables {
    let mut tables = Tables {
        to_position: [0; 1024],
        to_ij: [0; 1024],
    };
    let mut index = 0;
    while index < 1024 {
        let (position, start) = ((index >> 2) as u16, (index & 3) as u16);
        let (mut i, mut j, mut orientation) = (0, 0, start);
        let mut shift = 8;
        while shift > 0 {
            shift -= 2;
            let visit = (position >> shift & 3) as usize;
            let quarter = QUARTER[orientation as usize][visit];
            i = i << 1 | quarter >> 1;
            j = j << 1 | quarter & 1;
            orientation ^= TURN[visit];
        }
        let ij = i << 4 | j;
        tables.to_position[(ij << 2 | start) as usize] = position << 2 | orientation;
        tables.to_ij[index] = ij << 2 | orientation;
        index += 1;
    }
    tables
}

/// The lowest nibble of leaf coordinates that matters at a level.
#[inline]
const fn last_nibble(level: Level) -> u32 {
    (30 - level.get() as u32) / 4
}

/// The id of the cell of `level` on `face` that holds leaf (i, j), each 0 .. 2³⁰.
#[inline]
pub(crate) fn id(face: u8, i: i32, j: i32, level: Level) -> u64 {
    let mut id = u64::from(face) << 60;
    let mut orientation = u64::from(face & 1);
    let mut nibble = 8;
    while nibble > last_nibble(level) {
        nibble -= 1;
        let at = |k: i32| (k >> (4 * nibble)) as u64 & 15;
        let found = TABLES.to_position[(at(i) << 6 | at(j) << 2 | orientation) as usize];
        id |= u64::from(found >> 2) << (8 * nibble);
        orientation = u64::from(found & 3);
    }
    let lowest = 1u64 << (2 * (30 - level.get()));
    (id << 1) & lowest.wrapping_neg() | lowest
}

/// The face of a cell of `level` and the leaf coordinates of its corner with the smallest i and j.
#[inline]
pub(crate) fn corner(id: u64, level: Level) -> (u8, i32, i32) {
    let face = (id >> 61) as u8;
    let (mut i, mut j) = (0, 0);
    let mut orientation = u64::from(face & 1);
    let mut nibble = 8;
    // Above the 60 bits of the position comes the face, which is no part of the first nibble.
    let position = (id >> 1) & (u64::MAX >> 4);
    while nibble > last_nibble(level) {
        nibble -= 1;
        let at = position >> (8 * nibble) & 255;
        let found = TABLES.to_ij[(at << 2 | orientation) as usize];
        i |= i32::from(found >> 6) << (4 * nibble);
        j |= i32::from(found >> 2 & 15) << (4 * nibble);
        orientation = u64::from(found & 3);
    }
    // The id's own lowest bit was read as a position within the cell.
    let mask = -(1 << (30 - level.get()));
    (face, i & mask, j & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix64;

    #[test]
    fn ids_and_corners_are_those_of_the_s2_crate() {
        for n in 0..50_000u64 {
            let word = mix64(n);
            let (face, i, j) = (
                (n % 6) as u8,
                (word & 0x3fff_ffff) as i32,
                (word >> 34) as i32,
            );
            let leaf = s2::cellid::CellID::from_face_ij(face, i, j);
            for level in [30, 29, 28, 27, 26, 16, 15, 12, 11, 4, 3, 2, 1, 0].map(Level::of) {
                let expected = leaf.parent(u64::from(level.get())).0;
                assert_eq!(
                    id(face, i, j, level),
                    expected,
                    "{face} {i} {j} level {level}"
                );
                let mask = -(1 << (30 - level.get()));
                assert_eq!(corner(expected, level), (face, i & mask, j & mask));
            }
        }
    }
}
