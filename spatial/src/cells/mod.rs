//! S2 cells: the sphere cut into a quadtree over six cube faces, numbered along a Hilbert curve.

mod cell_id;
mod cube;
mod curve;
mod frame_axes;
mod level;

pub use cell_id::{BadToken, CellId, Neighbours};
pub use frame_axes::FrameAxes;
pub use level::{BadLevel, Level};
