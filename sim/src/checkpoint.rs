//! A checkpoint: every entity of the world at one tick, as bytes. It says nothing about zones that
//! matters: a world cut otherwise restores from it to the same digest.
//!
//! A zone's part is written in columns (see `columns`); parts of the version before, row after row,
//! are still read.

mod about;
mod columns;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bluemarble_shared_protocol::Tick;
use bluemarble_shared_protocol::binary;
use bluemarble_spatial::Planet;
use bluemarble_spatial::mix::hash_bytes;
use serde::{Deserialize, Serialize};

use crate::absent::{Absent, Kept, Shelves};
use crate::content::KindId;
use crate::entity::state::StoredEntity;
use crate::entity::{DigestParts, EntityState};
use crate::outside::Till;
use crate::past::{History, RevivedPast, StoredPast};
use crate::planes::{PlaneReader, PlaneWriter};
use crate::sleep::coarse::Coarse;
use crate::travel::Gate;

pub use about::StoredAbout;

/// A whole world at the end of one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The tick.
    pub tick: Tick,
    /// The state digest at that tick.
    pub digest: u64,
    /// The entities, zone by zone, and the gate.
    pub parts: Vec<CheckpointPart>,
}

/// In place of a zone's number: the part that holds the gate, if there is anything to hold.
const GATE: u32 = u32::MAX - 1;

/// The same for the till.
const TILL: u32 = u32::MAX - 2;

/// The same for the characters that are not in the world.
const ABSENT: u32 = u32::MAX - 3;

/// One zone's entities, the gate, the till, or who is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPart {
    /// Which zone held them, or [`CheckpointPart::PAST`].
    pub zone: u32,
    /// The entities, encoded.
    pub bytes: Vec<u8>,
}

impl CheckpointPart {
    /// Number of the part that is of no zone: where everybody was in the ticks before.
    pub const PAST: u32 = u32::MAX;

    /// A zone's entities.
    fn stored(&self) -> Result<StoredPart, BadCheckpoint> {
        let damaged = damage_of(self.zone);
        let body = checked(PART_SEED, &self.bytes)
            .ok_or_else(|| damaged("its checksum is wrong".into()))?;
        if columns::is_columns(body) {
            return columns::decode(body).map_err(damaged);
        }
        // Version 1: row after row.
        binary::decode::<StoredPart, PART_BYTES_MAX>(body)
            .map_err(|error| damaged(error.to_string()))
    }
}

/// A world copied at one tick, not yet encoded: making it is all the tick pays for.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) tick: Tick,
    pub(crate) digest: u64,
    pub(crate) planet: String,
    pub(crate) kinds: Vec<String>,
    /// By zone; within one in no order.
    pub(crate) zones: Vec<Vec<EntityState>>,
    pub(crate) past: Arc<History>,
    pub(crate) gate: Gate,
    pub(crate) till: Till,
    pub(crate) coarse: Coarse,
    pub(crate) absent: Shelves,
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
        let gate = (!self.gate.is_empty()).then(|| CheckpointPart {
            zone: GATE,
            bytes: with_checksum(GATE_SEED, self.gate.encode()),
        });
        let till = (!self.till.is_empty()).then(|| CheckpointPart {
            zone: TILL,
            bytes: with_checksum(TILL_SEED, self.till.encode()),
        });
        let parts = (0..)
            .zip(&self.zones)
            .map(|(zone, states)| CheckpointPart {
                zone,
                bytes: self.encode_part(zone, states),
            })
            .chain(self.encode_absent())
            .chain(till)
            .chain(gate)
            .chain([self.encode_past()])
            .collect();
        Checkpoint {
            tick: self.tick,
            digest: self.digest,
            parts,
        }
    }

    /// The part's body, then its checksum.
    fn encode_part(&self, zone: u32, states: &[EntityState]) -> Vec<u8> {
        let mut states: Vec<&EntityState> = states.iter().collect();
        states.sort_unstable_by_key(|state| state.identity.id);
        let coarse = if zone == 0 {
            self.coarse.to_stored()
        } else {
            Vec::new()
        };
        let part = self.stored(states.into_iter(), coarse);
        with_checksum(PART_SEED, columns::encode(part))
    }

    fn stored<'a>(
        &self,
        states: impl Iterator<Item = &'a EntityState>,
        coarse: Vec<Vec<(u64, u32)>>,
    ) -> StoredPart {
        StoredPart {
            planet: self.planet.clone(),
            kinds: self.kinds.clone(),
            entities: states.map(StoredEntity::from).collect(),
            coarse,
        }
    }

    /// Who is not in the world, if there is anybody: since when each is away, counted, then they
    /// themselves, as a zone's part has its entities.
    fn encode_absent(&self) -> Option<CheckpointPart> {
        let since: Vec<Tick> = self.absent.iter().map(|kept| kept.since).collect();
        if since.is_empty() {
            return None;
        }
        let states = self.absent.iter().map(|kept| &kept.state);
        let mut out = PlaneWriter(Vec::new());
        out.counted(&binary::encode(&since));
        out.0
            .extend(columns::encode(self.stored(states, Vec::new())));
        Some(CheckpointPart {
            zone: ABSENT,
            bytes: with_checksum(ABSENT_SEED, out.0),
        })
    }

    fn encode_past(&self) -> CheckpointPart {
        let past = StoredPast::of(&self.past, self.tick, self.zones.iter().flatten());
        CheckpointPart {
            zone: CheckpointPart::PAST,
            bytes: with_checksum(PAST_SEED, past.encode()),
        }
    }
}

fn with_checksum(seed: u64, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(hash_bytes(seed, &bytes).to_le_bytes());
    bytes
}

/// Most bytes of one part: a million entities in one zone.
const PART_BYTES_MAX: usize = 1 << 30;

/// Seed of a part's checksum: no other hash of the same bytes is taken for it.
const PART_SEED: u64 = 0x7061_7274;

/// The same for the part of the past.
const PAST_SEED: u64 = 0x7061_7374;

/// The same for the part of the journeys.
const GATE_SEED: u64 = 0x6761_7465;

/// The same for the part of deals with the outside.
const TILL_SEED: u64 = 0x7469_6c6c;

/// The same for the part of who is absent.
const ABSENT_SEED: u64 = 0x6162_7365;

/// What a part says: for whom its numbers have a meaning, then the entities.
#[derive(Serialize, Deserialize)]
struct StoredPart {
    planet: String,
    /// Names of the kinds, in the order of the numbers below.
    kinds: Vec<String>,
    entities: Vec<StoredEntity>,
    /// What is nobody's: the first part has it for the whole world.
    coarse: Vec<Vec<(u64, u32)>>,
}

/// A checkpoint that cannot become this world.
#[derive(Debug, thiserror::Error)]
pub enum BadCheckpoint {
    /// A part that cannot be read.
    #[error("the part of zone {zone} is damaged: {problem}")]
    Damaged {
        /// Which.
        zone: u32,
        /// Why.
        problem: String,
    },
    /// The part of the ticks before cannot be read.
    #[error("where everybody was in the ticks before is damaged: {0}")]
    DamagedPast(String),
    /// Readable, but not the state it says it is.
    #[error("its digest is {found:016x}, but it says {expected:016x}")]
    WrongDigest {
        /// What it says.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A world on another planet.
    #[error("it is of planet '{stored}', but the scenario plays on '{wanted}'")]
    OtherPlanet {
        /// Where it was taken.
        stored: String,
        /// Where the scenario plays.
        wanted: String,
    },
    /// The scenario has changed and lacks a kind that lives in it.
    #[error("creatures of kind '{0}' live in it, which the scenario no longer has: bring it back")]
    UnknownKind(String),
}

impl Checkpoint {
    /// Everybody in it, by id, with kinds numbered as in `kinds`.
    ///
    /// # Errors
    /// If a part is damaged, the whole has not the digest it had when it was taken, or it is of
    /// another planet or holds a kind that is not among `kinds`.
    pub fn entities(
        &self,
        planet: &Planet,
        kinds: &[String],
    ) -> Result<Vec<EntityState>, BadCheckpoint> {
        self.open(planet, kinds).map(|(states, ..)| states)
    }

    /// The same, what is nobody's, where they were before, and who is not there.
    pub(crate) fn open(
        &self,
        planet: &Planet,
        kinds: &[String],
    ) -> Result<(Vec<EntityState>, Coarse, RevivedPast, Absent), BadCheckpoint> {
        let (mut states, mut coarse) = (Vec::new(), Coarse::default());
        let mut found = self.gate()?.digest_parts();
        found += self.till()?.digest_parts();
        let is_past = |part: &&CheckpointPart| part.zone == CheckpointPart::PAST;
        let is_zone =
            |part: &&CheckpointPart| !is_past(part) && ![GATE, TILL, ABSENT].contains(&part.zone);
        for part in self.parts.iter().filter(is_zone) {
            let of_part = revive(part.zone, part.stored()?, (planet, kinds), &mut found)?;
            if let Some(counts) = of_part.1 {
                coarse = counts;
            }
            states.extend(of_part.0);
        }
        states.sort_unstable_by_key(|state| state.identity.id);
        let past = match self.parts.iter().find(is_past) {
            Some(part) => revive_past(&part.bytes, self.tick, &states)?,
            None => RevivedPast::default(),
        };
        found += past.digest_parts();
        coarse.add_to(self.tick, &mut found);
        let (absent, digest) = match self.parts.iter().find(|part| part.zone == ABSENT) {
            Some(part) => revive_absent(&part.bytes, (planet, kinds))?,
            None => (Absent::default(), DigestParts::default()),
        };
        found += digest;
        let found = found.digest();
        if found != self.digest {
            return Err(BadCheckpoint::WrongDigest {
                expected: self.digest,
                found,
            });
        }
        Ok((states, coarse, past, absent))
    }

    /// The deals with the outside that were not settled.
    ///
    /// # Errors
    /// If the part is damaged.
    pub fn till(&self) -> Result<Till, BadCheckpoint> {
        let Some(part) = self.parts.iter().find(|part| part.zone == TILL) else {
            return Ok(Till::default());
        };
        let damaged = |problem| BadCheckpoint::Damaged {
            zone: TILL,
            problem,
        };
        let body = checked(TILL_SEED, &part.bytes)
            .ok_or_else(|| damaged("its checksum is wrong".into()))?;
        Till::decode(body).map_err(|error| damaged(error.to_string()))
    }

    /// The journeys that were under way.
    ///
    /// # Errors
    /// If the part is damaged.
    pub fn gate(&self) -> Result<Gate, BadCheckpoint> {
        let Some(part) = self.parts.iter().find(|part| part.zone == GATE) else {
            return Ok(Gate::default());
        };
        let damaged = |problem| BadCheckpoint::Damaged {
            zone: GATE,
            problem,
        };
        let body = checked(GATE_SEED, &part.bytes)
            .ok_or_else(|| damaged("its checksum is wrong".into()))?;
        Gate::decode(body).map_err(|error| damaged(error.to_string()))
    }
}

fn damage_of(zone: u32) -> impl Fn(String) -> BadCheckpoint + Copy {
    move |problem| BadCheckpoint::Damaged { zone, problem }
}

/// A part's entities, numbered as the scenario does now, and the counts of avatars if it has them; adds to
/// `found` what they had for a digest.
fn revive(
    zone: u32,
    stored: StoredPart,
    (planet, kinds): (&Planet, &[String]),
    found: &mut DigestParts,
) -> Result<(Vec<EntityState>, Option<Coarse>), BadCheckpoint> {
    let damaged = damage_of(zone);
    if stored.planet != planet.name() {
        let wanted = planet.name().to_owned();
        return Err(BadCheckpoint::OtherPlanet {
            stored: stored.planet,
            wanted,
        });
    }
    let coarse = (!stored.coarse.is_empty())
        .then(|| Coarse::from_stored(stored.coarse))
        .map(|counts| counts.ok_or_else(|| damaged("impossible counts of avatars".into())))
        .transpose()?;
    let mut states = Vec::with_capacity(stored.entities.len());
    for entity in stored.entities {
        let mut state = entity
            .revive()
            .ok_or_else(|| damaged("an impossible body".into()))?;
        *found += state.digest_parts();
        let name = stored
            .kinds
            .get(usize::from(state.identity.kind.0))
            .ok_or_else(|| damaged("an entity of a kind without a name".into()))?;
        state.identity.kind = numbered(name, kinds)?;
        states.push(state);
    }
    Ok((states, coarse))
}

/// Since when, and who, in the same order.
fn stored_absent(bytes: &[u8]) -> Result<(Vec<Tick>, StoredPart), BadCheckpoint> {
    let damaged = damage_of(ABSENT);
    let body =
        checked(ABSENT_SEED, bytes).ok_or_else(|| damaged("its checksum is wrong".into()))?;
    let mut read = PlaneReader(body);
    let since = read
        .counted()
        .ok_or_else(|| damaged("it ends too early".into()))?;
    let since: Vec<Tick> =
        binary::decode::<_, PART_BYTES_MAX>(since).map_err(|error| damaged(error.to_string()))?;
    let stored = columns::decode(read.0).map_err(damaged)?;
    if since.len() != stored.entities.len() {
        return Err(damaged("not everybody has a time".into()));
    }
    Ok((since, stored))
}

/// Who is not in the world, and what that was for a digest: kinds had other numbers, perhaps.
fn revive_absent(
    bytes: &[u8],
    of: (&Planet, &[String]),
) -> Result<(Absent, DigestParts), BadCheckpoint> {
    let damaged = damage_of(ABSENT);
    let (since, stored) = stored_absent(bytes)?;
    let mut digest = DigestParts::default();
    let (states, _) = revive(ABSENT, stored, of, &mut digest)?;
    let all = since.into_iter().zip(states);
    let all: Vec<Kept> = all.map(|(since, state)| Kept { since, state }).collect();
    all.iter()
        .for_each(|kept| digest += kept.digest_of_absence());
    let absent = Absent::of_stored(all)
        .ok_or_else(|| damaged("somebody is there twice, or is no character".into()))?;
    Ok((absent, digest))
}

fn revive_past(
    bytes: &[u8],
    tick: Tick,
    states: &[EntityState],
) -> Result<RevivedPast, BadCheckpoint> {
    let damaged = |problem: &str| BadCheckpoint::DamagedPast(problem.to_owned());
    let body = checked(PAST_SEED, bytes).ok_or_else(|| damaged("its checksum is wrong"))?;
    let stored = StoredPast::decode(body).map_err(BadCheckpoint::DamagedPast)?;
    stored.revive(tick, states).map_err(damaged)
}

/// The body of a part whose checksum is right: the digest knows what entities are, not what the
/// rest of the part says.
fn checked(seed: u64, bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_last_chunk()?;
    (hash_bytes(seed, body) == u64::from_le_bytes(*checksum)).then_some(body)
}

/// The number a kind has now; the scenario may list its kinds in another order than it did then.
fn numbered(name: &str, kinds: &[String]) -> Result<KindId, BadCheckpoint> {
    kinds
        .iter()
        .position(|known| known == name)
        .map(|number| KindId(number as u16))
        .ok_or_else(|| BadCheckpoint::UnknownKind(name.to_owned()))
}
