//! How often a cube face was cut in four to make a cell: a number from 0 to 30 that cannot be
//! anything else, so that what takes one need not ask again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The level of a cell: 0 is a whole cube face, 30 a leaf of about 1 cm on Earth.
///
/// ```
/// use bluemarble_spatial::Level;
///
/// let street = Level::of(17);
/// assert_eq!(street.finer(), Level::new(18));
/// assert_eq!(Level::new(31), None);
/// ```
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

/// A number that is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the level of a cell: they go from 0 (a cube face) to 30 (a leaf)")]
pub struct BadLevel(pub u8);

impl Level {
    /// The six cube faces.
    pub const FACE: Self = Self(0);
    /// The smallest cells, "leaves".
    pub const MAX: Self = Self(30);

    /// None if it is above 30.
    #[inline]
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// For literals.
    ///
    /// # Panics
    /// If it is above 30.
    #[inline]
    #[must_use]
    pub const fn of(number: u8) -> Self {
        assert!(number <= Self::MAX.0, "levels end at 30");
        Self(number)
    }

    /// The level of a cell from its id's trailing zeros, for [`super::CellId`]: at most 30 for any
    /// word.
    #[inline]
    pub(super) const fn of_id(id: u64) -> Self {
        Self(Self::MAX.0.saturating_sub((id.trailing_zeros() >> 1) as u8))
    }

    /// The number, 0 ..= 30.
    #[inline]
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The level of the children, none below the leaves.
    #[inline]
    #[must_use]
    pub const fn finer(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// The level of the parents, none above the faces.
    #[inline]
    #[must_use]
    pub const fn coarser(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Every level, the coarsest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        // An inclusive range knows its length only for small integers without overflow.
        (0..Self::MAX.0 + 1).map(Self)
    }

    /// From this level to that one, both included; nothing if it is coarser.
    pub fn through(self, last: Self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0..=last.0).map(Self)
    }

    /// How many cells of this level lie along the edge of a face: 2 to the power of the level.
    #[inline]
    #[must_use]
    pub const fn cells_along_face(self) -> u32 {
        1 << self.0
    }

    /// How many cells of this level there are.
    #[inline]
    #[must_use]
    pub const fn cells(self) -> u64 {
        6 << (2 * self.0)
    }
}

impl TryFrom<u8> for Level {
    type Error = BadLevel;

    fn try_from(number: u8) -> Result<Self, BadLevel> {
        Self::new(number).ok_or(BadLevel(number))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_at_both_ends() {
        assert_eq!(Level::FACE.coarser(), None);
        assert_eq!(Level::MAX.finer(), None);
        assert_eq!(Level::all().len(), 31);
        assert!(Level::all().rev().eq((0..=30).rev().map(Level::of)));
        assert_eq!(Level::of(3).through(Level::of(2)).count(), 0);
        assert_eq!(
            (Level::MAX.cells_along_face(), Level::of(2).cells()),
            (1 << 30, 96)
        );
    }

    #[test]
    fn a_number_beyond_the_leaves_is_refused_by_name() {
        assert!(ron::from_str::<Level>("30").is_ok());
        let refused = ron::from_str::<Level>("31").map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("31 is not the level of a cell")));
    }
}
