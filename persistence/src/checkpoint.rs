//! A checkpoint as the store sees it: one tick of one world, cut into opaque parts.

use bluemarble_shared_protocol::{Epoch, Tick};

/// A whole world at the end of one tick, as bytes per zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointImage {
    /// Which world.
    pub world: String,
    /// The last tick whose effects are in the parts.
    pub tick: Tick,
    /// The epoch of the writer that took it.
    pub epoch: Epoch,
    /// The world's digest at `tick`.
    pub digest: u64,
    /// Hash of the rules, scenario and planet it was made under.
    pub content_hash: u64,
    /// The same by name, as the simulation wrote it; opaque here. Empty in those from before.
    pub provenance: String,
    /// Zone number and that zone's bytes, ascending by number.
    pub parts: Vec<(u32, Vec<u8>)>,
}

/// One stored checkpoint, without its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// Which world.
    pub world: String,
    /// The epoch that wrote it.
    pub epoch: Epoch,
    /// Its tick.
    pub tick: Tick,
    /// The world's digest at `tick`.
    pub digest: u64,
    /// Hash of the content it was made under.
    pub content_hash: u64,
    /// What it was made under, by name; opaque here. Empty in those from before.
    pub provenance: String,
    /// How many parts it has.
    pub parts: u32,
    /// Total of the parts, bytes.
    pub bytes: u64,
}
