//! What stands still: built once into a tree, then only asked.

mod obstacles;

pub use obstacles::{Obstacle, Obstacles};
