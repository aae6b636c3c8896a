//! Who is near whom, for things that move.
//!
//! [`CellGrid`] is the whole of it; beside it stand where each row is ([`placement`], with the
//! planes around a cell in [`fence`]), the boxes that a query walks ([`boxes`]), and the same walk
//! written for wider registers ([`simd`]). [`CellFinder`] is for whoever has no list to sort.

mod boxes;
mod cell_grid;
mod fence;
mod finder;
mod nearest;
mod placement;
mod simd;

pub use cell_grid::{CellGrid, Nearby, Neighbour};
pub use finder::{CellFinder, Found};
pub use nearest::Nearest;
pub use simd::SimdLevel;
