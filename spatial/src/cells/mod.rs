//! S2 cells: the sphere cut into a quadtree over six cube faces, numbered along a Hilbert curve.

mod arc;
mod cap;
mod cell_id;
mod cell_union;
mod convex;
mod covering;
pub(crate) mod cube;
mod curve;
mod frame_axes;
mod lat_lng_rect;
mod level;
mod orientation;
mod polygon;
mod region;
mod ring;
mod shape;

pub use cap::{BadCap, Cap};
pub use cell_id::{BadToken, CellId, Neighbours};
pub use cell_union::{BadCell, CellUnion};
pub use covering::Covering;
pub use frame_axes::FrameAxes;
pub use lat_lng_rect::{BadRect, LatLngRect};
pub use level::{BadLevel, Level};
pub use polygon::{BadPolygon, Polygon};
pub use region::{Region, Relation};
pub use shape::CellShape;
