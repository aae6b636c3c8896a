//! The world, one tick at a time: zones that are stepped in parallel and cannot tell how many they are.
//!
//! Not here: clocks, sockets, databases, threads of its own, or a byte on the wire. A world is a
//! function of its [`WorldSpec`] and its sealed [`TickInputs`]; the same ones give the same
//! [`World::digest`] at every tick, for any number of zones and threads.
//!
//! Invariants:
//! - A zone has no state outside its entities ([`EntityState`]); an arrival looks as if it had
//!   always been there ([`World::rebuild_zones`] and its test).
//! - What an entity becomes at t depends on itself, its inputs, its mail, and Frames(t−1).
//! - Neighbours are visited by (cell, id); sums over them are made in integers.
//! - A random number is `hash(seed, entity, tick, purpose)`.
//!
//! Read `schedule` first (the order of a tick), then `world`, `barrier` and any feature folder:
//! `players`, `gifts`, `life`, `items`, `things`, `mind`, `walk`, `fight`, `shots`, `hazards`, `publish`.

#![warn(clippy::iter_over_hash_type)]

mod absent;
mod audit;
mod barrier;
mod census;
mod checkpoint;
mod content;
mod effect;
mod entity;
mod fight;
mod frame;
mod genesis;
mod gifts;
mod hashing;
mod hazards;
mod inputs;
pub mod invariance;
mod items;
mod life;
mod lore;
mod mind;
#[cfg(feature = "mutants")]
mod mutants;
mod outside;
mod past;
mod planes;
mod players;
mod provenance;
mod publish;
mod random;
pub mod replay;
mod report;
mod residence;
mod roster;
mod routing;
mod schedule;
mod script;
mod shots;
mod sleep;
mod things;
mod travel;
mod value;
mod walk;
mod world;
mod zone;
mod zone_resources;

pub use absent::Absent;
pub use audit::Audit;
pub use bluemarble_spatial::{BadChange, Change, ZoneId, ZoneMap};
pub use checkpoint::{BadCheckpoint, Checkpoint, CheckpointPart, Snapshot, StoredAbout};
pub use content::{
    Attack, Burst, Camp, Find, Kind, KindId, Recording, RecordingError, Role, Scenario,
    ScenarioError, Script, Shot, Spot, Square, Stress, Troop,
};
pub use effect::{Deed, Effect};
pub use entity::{
    Arms, Body, DigestPart, DigestParts, EntityState, Flight, Hazard, Home, Identity, Life, Mail,
    Mind, Player, Purse,
};
pub use frame::{Frame, FrameRow, FrameSet};
pub use gifts::Dealings;
pub use inputs::{AdminCommand, OVERLOAD_THINKS_LESS, TickInputs, Withheld};
pub use outside::{Deal, DealOutcome, Direction, OutsideInputs, OutsideKey, Till};
pub use provenance::Provenance;
pub use report::{Tally, TickReport};
pub use sleep::coarse::COARSE_DELAY_TICKS;
pub use things::Things;
pub use travel::{Arrival, Departure, Gate, Outbound, TravelInputs, TravelKey, Traveller};
pub use value::{Held, Holder, Movement, Why};
pub use world::{
    RULES_VERSION, Stopwatch, World, WorldError, WorldSpec, ZoneChangeError, ZoneLoad,
};
