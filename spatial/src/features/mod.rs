//! What stands still: built once into a tree, then only asked.

mod obstacles;
mod static_tree;

pub use obstacles::{Obstacle, ObstacleHit, Obstacles};
pub use static_tree::{BadPosition, Near, Passed, StaticTree};
