//! Who is near whom, for things that move.

mod cell_grid;

pub use cell_grid::CellGrid;
