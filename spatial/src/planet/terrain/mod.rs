//! How high the ground is.
//!
//! A [`recipe`] and [`raster`]s make a [`relief`], slow and exact, out of [`noise`] and [`craters`];
//! it is computed at the corners of a [`lattice`], kept in [`tiles`], and [`surface`] joins the
//! corners and puts the detail on top.

mod craters;
mod lattice;
mod noise;
mod raster;
mod recipe;
mod relief;
mod surface;
mod tiles;

pub(super) use lattice::{AVERAGE_WIDTH, Lattice};
pub(super) use noise::{Octaves, Shape};
pub(super) use raster::{Elevation, LandMask};
pub(super) use recipe::TerrainSpec;
pub(super) use relief::Relief;
pub(super) use surface::Terrain;
