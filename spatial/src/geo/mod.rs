//! Directions and geographic coordinates on a ball: what a place is, before anything stands there.
//!
//! The planet frame, in which everything is computed:
//!
//! ```text
//!              z  north pole, 90° N
//!              |
//!              |      · p = r · (cos φ cos λ, cos φ sin λ, sin φ)
//!              |    ·
//!              |  ·   φ latitude, λ longitude (east positive)
//!              +------------ y  0° N 90° E
//!             /
//!            /
//!           x  0° N 0° E
//! ```

mod direction;
mod lat_lng;

pub use direction::{BadVector, Direction};
pub use lat_lng::{BadCoordinate, LatLng};
