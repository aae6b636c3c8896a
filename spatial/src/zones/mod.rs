//! Zones: the sphere cut into contiguous ranges of cell ids, one owner each; how evenly they share
//! a load, and where they meet.
//!
//! [`ZoneMap`] is the cut, [`LoadMap`] what there is to do where. [`ZoneMap::balanced`] cuts anew;
//! a [`Balancer`] changes a cut a little at a time while a world runs, by [`Change`]s.

mod balance;
mod balancer;
mod border;
mod change;
mod load_map;
mod partition;
mod rules;
mod zone_map;

pub use balance::Balance;
pub use balancer::{Balancer, Plan, PlannedChange};
pub use border::Border;
pub use change::{BadChange, Change};
pub use load_map::{BadLoad, LoadDisc, LoadMap, PEOPLE_PER_M2};
pub use rules::{BadRules, BalanceRules, Target};
pub use zone_map::{BadZones, ZoneId, ZoneMap};
