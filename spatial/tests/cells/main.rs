//! Cells as figures, regions and what covers them, each against the long way round.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

mod coverings;
mod geometry;
mod polygons;
mod rects;
mod scene;
mod unions;
