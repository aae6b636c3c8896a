//! S2 cells: the sphere cut into a quadtree over six cube faces, numbered along a Hilbert curve;
//! regions of the sphere, and the cells that cover them.
//!
//! ```text
//!              z
//!        +-----|-----+            2 on top (north pole),    faces 0 to 5 look along
//!       /      2    /|            5 below                   x, y, z, −x, −y, −z;
//!      +-----------+ |                                      level 0 is a face, each level
//!      |           | |                                      below cuts every cell in four
//!      |     0     |1---- y       3 behind, 4 to the left
//!      |    /      | +
//!      |   x       |/
//!      +-----------+
//! ```
//!
//! What is computed of ids (parents, ranges, neighbours, unions) is exact. Of the cells' figures
//! it is right to rounding, and definite answers keep clear of that ([`Region`]). On which side of
//! a polygon's arc a place is, is decided exactly ([`Polygon`]).

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
mod polygon_check;
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
