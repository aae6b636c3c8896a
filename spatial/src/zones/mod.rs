//! Zones: the sphere cut into contiguous ranges of cell ids, one owner each; how evenly they share
//! a load, and where they meet.

mod balance;
mod load_map;
mod partition;
mod zone_map;

pub use balance::Balance;
pub use load_map::{BadLoad, LoadDisc, LoadMap, PEOPLE_PER_M2};
pub use zone_map::{BadZones, ZoneId, ZoneMap};
