//! What stands still: the tree against looks at all of its things, and GeoJSON from strangers and
//! designers.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

mod geo_json;
mod static_tree;
