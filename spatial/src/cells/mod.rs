//! S2 cells: the sphere cut into a quadtree over six cube faces, numbered along a Hilbert curve.

mod arc;
mod cap;
mod cell_id;
pub(crate) mod cube;
mod curve;
mod frame_axes;
mod level;
mod region;
mod shape;

pub use cap::{BadCap, Cap};
pub use cell_id::{BadToken, CellId, Neighbours};
pub use frame_axes::FrameAxes;
pub use level::{BadLevel, Level};
pub use region::{Region, Relation};
pub use shape::CellShape;
