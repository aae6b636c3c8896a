//! Where things are on a sphere: the planet and its ground, S2 cells, frames of axes, a sorted
//! grid of moving things and a tree of standing ones.
//!
//! Truth is planet-centred metres in `f64`; "up" is the normalised position. Nothing here moves
//! anything (that is `sim/motion`), knows an entity, a tick or a byte on the wire, or reads a
//! clock. What is loaded from files is immutable afterwards.
//!
//! Invariants: every function is a pure function of its arguments and the loaded files, bit for
//! bit on every machine: transcendental functions go through [`maths`], iteration orders are
//! defined, and nothing is fused or reordered.

#![warn(clippy::iter_over_hash_type)]

mod cells;
mod features;
mod geo;
mod grid;
pub mod limits;
pub mod maths;
pub mod mix;
mod planet;
mod settlements;
mod zones;

pub use cells::{
    BadCap, BadCell, BadLevel, BadPolygon, BadRect, BadToken, Cap, CellId, CellShape, CellUnion,
    Covering, FrameAxes, LatLngRect, Level, Neighbours, Polygon, Region, Relation,
};
pub use features::{
    Area, BadPosition, Feature, FeatureCollection, FeatureId, GeoJsonError, Geometry, Landmark,
    Near, Obstacle, ObstacleHit, Obstacles, Passed, Properties, StaticTree,
};
pub use geo::{
    BadAltitude, BadCoordinate, BadEllipsoid, BadRadius, BadVector, Direction, Ellipsoid, Geodetic,
    LatLng, Projection, Sphere, TangentFrame, transport, transport_along,
};
pub use grid::{CellFinder, CellGrid, Found, Nearby, Nearest, Neighbour, SimdLevel};
pub use planet::{Biome, Climate, Ground, Planet, PlanetError, RayHit};
pub use settlements::Settlement;
pub use zones::{
    BadChange, BadLoad, BadRules, BadZones, Balance, BalanceRules, Balancer, Border, Change,
    LoadDisc, LoadMap, PEOPLE_PER_M2, Plan, PlannedChange, Target, ZoneId, ZoneMap,
};
