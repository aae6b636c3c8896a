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
//!
//! The tangent frame at a place ([`TangentFrame`]), in which people speak; bearings turn clockwise
//! from north, seen from above. At the poles it is that of longitude 0:
//!
//! ```text
//!            north   heading                     seen from above the north pole:
//!              |    /
//!              | β /   β bearing                        y = east of the pole's frame
//!              |  /                                     |
//!              | /                                      |
//!     up  ⊙----+-------- east          its north = −x --+-- x  longitude 0
//!  (to you)   place
//! ```
//!
//! On a ball the normal of the ground goes through the centre. On an ellipsoid ([`Ellipsoid`], for
//! real-world data) it does not, and a place has two latitudes:
//!
//! ```text
//!      z
//!      |  . · ─ .         P
//!      |         ` .    /·       h = F P: altitude, along the normal
//!      |            `F/ ·        φ geodetic latitude, of the normal at F
//!      |           . /·  \       ψ geocentric latitude, of the line from the centre to P
//!      |       .   / ·    \
//!      |   .  ψ  /φ·       |     They differ by up to 0.19° on Earth: 21 km on the ground.
//!      +-------/----------- x, y
//! ```

mod direction;
mod ellipsoid;
mod geodetic;
mod great_circle;
mod lat_lng;
mod projection;
mod sphere;
mod tangent_frame;
mod transport;

pub use direction::{BadVector, Direction};
pub use ellipsoid::{BadEllipsoid, Ellipsoid};
pub use geodetic::{BadAltitude, Geodetic};
pub(crate) use great_circle::{ROUNDING_RAD, angle};
pub use lat_lng::{BadCoordinate, LatLng};
pub use projection::Projection;
pub use sphere::{BadRadius, Sphere};
pub use tangent_frame::TangentFrame;
pub use transport::{transport, transport_along};
