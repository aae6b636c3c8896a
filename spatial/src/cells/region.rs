//! What has an inside on the sphere, and how a cell lies to it: all that a covering needs to know.

use super::cap::Cap;
use super::cell_id::CellId;
use crate::geo::Direction;

/// How a cell lies to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// No point of the cell is in the region.
    Outside,
    /// Some is and some is not, or it is too close to tell.
    Overlaps,
    /// Every point of the cell is in the region.
    Inside,
}

/// A part of the sphere. Its border belongs to it, but for [`super::Polygon`] and
/// [`super::CellUnion`], which give each place of a border to one of its sides, so that neighbours
/// share none.
///
/// [`Relation::Outside`] and [`Relation::Inside`] are promises. A cell whose border comes within
/// 4·10⁻¹⁵ rad (25 nm on Earth, computed angles being no better) of the region's border is said to
/// overlap it; nothing else is said to overlap that does not.
pub trait Region {
    /// How `cell` lies to it.
    fn relation(&self, cell: CellId) -> Relation;
    /// Whether a place is in it.
    fn contains(&self, at: Direction) -> bool;
    /// A cap around all of it, not necessarily the least.
    fn bounding_cap(&self) -> Cap;
}
