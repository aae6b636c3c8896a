//! A checkpoint: every entity of the world at one tick, as bytes. It says nothing about zones that
//! matters: a world cut otherwise restores from it to the same digest.

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::binary::{self, BinaryError};

use crate::entity::EntityState;
use crate::entity::state::StoredEntity;

/// A whole world at the end of one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The tick.
    pub tick: Tick,
    /// The state digest at that tick.
    pub digest: u64,
    /// The entities, zone by zone.
    pub parts: Vec<CheckpointPart>,
}

/// One zone's entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPart {
    /// Which zone held them.
    pub zone: u32,
    /// The entities, encoded.
    pub bytes: Vec<u8>,
}

/// A world copied at one tick, not yet encoded: making it is all the tick pays for.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) tick: Tick,
    pub(crate) digest: u64,
    pub(crate) zones: Vec<Vec<EntityState>>,
}

impl Snapshot {
    /// The tick it was taken at the end of.
    #[must_use]
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// Encodes it; meant for a worker's thread.
    #[must_use]
    pub fn encode(&self) -> Checkpoint {
        let parts = (0..)
            .zip(&self.zones)
            .map(|(zone, states)| CheckpointPart {
                zone,
                bytes: encode_part(states),
            })
            .collect();
        Checkpoint {
            tick: self.tick,
            digest: self.digest,
            parts,
        }
    }
}

/// Most bytes of one part: a million entities in one zone.
const PART_BYTES_MAX: usize = 1 << 30;

fn encode_part(states: &[EntityState]) -> Vec<u8> {
    binary::encode(&states.iter().map(StoredEntity::from).collect::<Vec<_>>())
}

/// The entities of a part.
pub(crate) fn decode_part(bytes: &[u8]) -> Result<Vec<EntityState>, BinaryError> {
    let stored: Vec<StoredEntity> = binary::decode::<_, PART_BYTES_MAX>(bytes)?;
    stored
        .into_iter()
        .map(|entity| {
            entity
                .revive()
                .ok_or_else(|| BinaryError::Malformed("an impossible body".into()))
        })
        .collect()
}
