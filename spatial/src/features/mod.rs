//! What stands still: built once into a tree, then only asked.

mod designed;
mod geo_json;
mod obstacles;
mod segment;
mod static_tree;

pub(crate) use designed::Designed;
pub use designed::{Area, Landmark};
pub use geo_json::{Feature, FeatureCollection, FeatureId, GeoJsonError, Geometry, Properties};
pub use obstacles::{Obstacle, ObstacleHit, Obstacles};
pub use static_tree::{BadPosition, Near, Passed, StaticTree};
