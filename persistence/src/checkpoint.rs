//! A checkpoint as the store sees it: one tick of one world, cut into opaque parts.

use bluemarble_shared_protocol::{Epoch, Tick};

use crate::blob;

/// Parts are stored as they are: how checkpoints were before there was a choice.
pub(crate) const FORMAT_PLAIN: u32 = 1;
/// Parts are stored as blobs (see `blob`): what is written.
pub(crate) const FORMAT: u32 = 2;

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
    /// When it was taken by the writer's clock, milliseconds since 1970 (UTC); 0 in those from
    /// before. For people and for keeping some of each hour and day: nothing is computed from it.
    pub taken_ms: u64,
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
    /// As [`CheckpointImage::taken_ms`].
    pub taken_ms: u64,
    /// How many parts it has.
    pub parts: u32,
    /// Total of the parts, bytes.
    pub bytes: u64,
    /// What they take in the database, bytes.
    pub stored_bytes: u64,
    /// All of this has the checksum it was stored with.
    pub is_sound: bool,
}

/// An image whose parts are compressed, ready to be stored. Making one takes as long as it takes to
/// compress a world: not for the tick's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedCheckpoint {
    pub(crate) entry: CheckpointEntry,
    /// Zone number and blob.
    pub(crate) parts: Vec<(u32, Vec<u8>)>,
    /// The longest part before it was packed: its zone and its bytes.
    pub(crate) longest: (u32, usize),
}

impl PackedCheckpoint {
    /// The tick it is of.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.entry.tick
    }

    /// What its parts take, bytes.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.entry.stored_bytes
    }
}

impl From<&CheckpointImage> for PackedCheckpoint {
    fn from(image: &CheckpointImage) -> Self {
        let pack = |(zone, part): &(u32, Vec<u8>)| (*zone, blob::pack(part));
        let parts: Vec<_> = image.parts.iter().map(pack).collect();
        let sizes = image.parts.iter().map(|(zone, part)| (*zone, part.len()));
        Self {
            entry: CheckpointEntry {
                world: image.world.clone(),
                epoch: image.epoch,
                tick: image.tick,
                digest: image.digest,
                content_hash: image.content_hash,
                provenance: image.provenance.clone(),
                taken_ms: image.taken_ms,
                parts: u32::try_from(parts.len()).unwrap_or(u32::MAX),
                bytes: sizes.clone().map(|(_, bytes)| bytes as u64).sum(),
                stored_bytes: parts.iter().map(|(_, blob)| blob.len() as u64).sum(),
                is_sound: true,
            },
            longest: sizes.max_by_key(|(_, bytes)| *bytes).unwrap_or_default(),
            parts,
        }
    }
}

impl From<CheckpointImage> for PackedCheckpoint {
    fn from(image: CheckpointImage) -> Self {
        Self::from(&image)
    }
}
