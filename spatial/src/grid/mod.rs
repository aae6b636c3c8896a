//! Who is near whom, for things that move.
//!
//! [`CellGrid`] is the whole of it; beside it stand where each row is ([`placement`], with the
//! planes around a cell in [`fence`]), the boxes that a query walks ([`boxes`]), and the same walk
//! written for wider registers ([`simd`]).

mod boxes;
mod cell_grid;
mod fence;
mod nearest;
mod placement;
mod simd;

pub use cell_grid::{CellGrid, Nearby, Neighbour};
pub use nearest::Nearest;
pub use simd::SimdLevel;
