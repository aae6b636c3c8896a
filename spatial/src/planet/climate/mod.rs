//! How warm and how wet it is, and what grows there.
//!
//! [`winds`](wind) carry [`air`] over a coarse [`raster`]; [`model`] makes a climate of it, [`biome`]
//! what grows.

mod air;
mod biome;
mod model;
mod raster;
mod wind;

pub use biome::Biome;
pub use model::Climate;
pub(crate) use model::{ClimateModel, ClimateSpec};
