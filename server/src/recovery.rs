//! From what was stored to a running world: the newest checkpoint, then every journaled tick after
//! it, each verified against the digest the next record remembers.
//!
//! ```text
//! checkpoint c ──► step(inputs c+1) ──► step(inputs c+2) ──► … ──► the newest journaled tick
//!                  digest = record c+2's prev_digest?
//! ```
//!
//! A world is only continued by what computed it: if a crash left a tail and the rules, content or
//! program are not those that wrote it, or a replayed tick comes out differently, recovery stops
//! and says what can be done. A planned stop leaves no tail and may be followed by anything.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bluemarble_persistence::{CheckpointImage, JournalRecord, JournalTail, SegmentHeader};
use bluemarble_shared_protocol::binary::BinaryError;
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::{
    Checkpoint, CheckpointPart, Provenance, TickInputs, World, WorldError, WorldSpec,
};

use crate::checkpointer::Label;
use crate::guarded::Panicked;
use crate::limits::TRAIL_TICKS_MAX;
use crate::live::digest_hex;
use crate::stepper::Stepper;

/// What there is to recover from.
pub struct Remains {
    /// The newest checkpoint; `None` for a world that never had one.
    pub image: Option<CheckpointImage>,
    /// The journal after it.
    pub tail: JournalTail,
}

/// Who is asking: must match what wrote the tail.
pub struct Asker<'a> {
    /// What the world is made from.
    pub spec: &'a WorldSpec,
    /// The world's name.
    pub world: &'a str,
    /// The program.
    pub build: &'a str,
}

/// A world brought back.
pub struct Recovered {
    /// At its newest known tick.
    pub world: World,
    /// The incarnation whose checkpoint it began from; 0 if it is new.
    pub epoch: Epoch,
    /// Ticks that came from the journal.
    pub replayed: u64,
    /// The newest [`TRAIL_TICKS_MAX`] states on the way there, oldest first.
    pub trail: Trail,
    /// The last journaled tick, if it was left out because stepping it panics.
    pub quarantined: Option<Quarantine>,
}

/// Ticks and their digests.
pub type Trail = VecDeque<(Tick, u64)>;

/// A journaled tick that cannot be stepped.
pub struct Quarantine {
    /// The tick.
    pub tick: Tick,
    /// Its sealed inputs.
    pub inputs: Vec<u8>,
    /// How it failed.
    pub panic: Panicked,
}

/// Why a world cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The checkpoint, or the world's description, is no world.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The journal is another world's.
    #[error("the journal in this data directory belongs to the world '{0}'")]
    OtherWorld(String),
    /// Rules, scenario, planet, seed or tick rate changed after a crash.
    #[error(
        "{ticks} journaled ticks after the checkpoint of tick {checkpoint} were computed from \
         something else: {what}"
    )]
    OtherContent {
        /// How many.
        ticks: usize,
        /// The checkpoint they follow.
        checkpoint: Tick,
        /// What differs, by name.
        what: String,
    },
    /// The program changed after a crash.
    #[error(
        "{ticks} journaled ticks after the checkpoint of tick {checkpoint} were computed by build \
         {found}, this is {ours}"
    )]
    OtherBuild {
        /// How many.
        ticks: usize,
        /// The checkpoint they follow.
        checkpoint: Tick,
        /// Who wrote them.
        found: String,
        /// Who would replay them.
        ours: String,
    },
    /// A replayed tick came out differently.
    #[error(
        "replaying tick {tick} gives the state {found}, but the journal remembers {expected}: the \
         world diverged at this tick"
    )]
    Diverged {
        /// The first tick that differs.
        tick: Tick,
        /// From the journal.
        expected: String,
        /// From the replay.
        found: String,
    },
    /// A record whose checksum is right but whose content is not.
    #[error("the journal's inputs of tick {tick} cannot be read: {problem}")]
    BadInputs {
        /// Which.
        tick: Tick,
        /// Why.
        problem: BinaryError,
    },
    /// A tick panics that did not when it was journaled.
    #[error("replaying tick {tick} panicked: {panic}")]
    Panicked {
        /// Which.
        tick: Tick,
        /// How.
        panic: String,
    },
}

impl RecoveryError {
    /// What an operator can do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::OtherWorld(_) => {
                "give each world its own --data-dir, or name that world with --world"
            }
            Self::OtherContent { .. } | Self::OtherBuild { .. } => {
                "start once with the program, scenario, seed and tick rate that wrote them and stop \
                 with Ctrl-C, which leaves no tail; or give these ticks up and go back to the \
                 checkpoint with --discard-journal-tail"
            }
            Self::World(_) => "restore the database from a backup that matches this build",
            Self::Diverged { .. } | Self::BadInputs { .. } | Self::Panicked { .. } => {
                "keep a copy of the data directory and report this: replay must be exact. To go back \
                 to the checkpoint and give the journaled ticks up: --discard-journal-tail"
            }
        }
    }
}

/// Brings the world back; `progress(done, all)` is told now and then.
///
/// # Errors
/// See [`RecoveryError`].
pub fn recover(
    asker: &Asker<'_>,
    remains: &Remains,
    stepper: &Stepper,
    mut progress: impl FnMut(usize, usize),
) -> Result<Recovered, RecoveryError> {
    check_provenance(asker, remains)?;
    let records = &remains.tail.records;
    let mut world = begin(asker, remains)?;
    match replay(&mut world, records, stepper, &mut progress) {
        Ok(trail) => Ok(recovered(world, remains, trail, records.len(), None)),
        Err(ReplayError::Refused(error)) => Err(error),
        Err(ReplayError::Panicked { at, panic }) => {
            let record = &records[at];
            if at + 1 < records.len() {
                return Err(RecoveryError::Panicked {
                    tick: record.tick,
                    panic: panic.in_short().to_owned(),
                });
            }
            // The very tick that ended the last run: go on from the one before it.
            let mut world = begin(asker, remains)?;
            let trail =
                replay(&mut world, &records[..at], stepper, &mut progress).map_err(|error| {
                    match error {
                        ReplayError::Refused(error) => error,
                        ReplayError::Panicked { at, panic } => RecoveryError::Panicked {
                            tick: records[at].tick,
                            panic: panic.in_short().to_owned(),
                        },
                    }
                })?;
            let inputs = record.payload.clone();
            let quarantine = Quarantine {
                tick: record.tick,
                inputs,
                panic,
            };
            Ok(recovered(world, remains, trail, at, Some(quarantine)))
        }
    }
}

fn recovered(
    world: World,
    remains: &Remains,
    trail: Trail,
    replayed: usize,
    quarantined: Option<Quarantine>,
) -> Recovered {
    let epoch = remains.image.as_ref().map_or(Epoch(0), |image| image.epoch);
    Recovered {
        world,
        epoch,
        replayed: replayed as u64,
        trail,
        quarantined,
    }
}

fn begin(asker: &Asker<'_>, remains: &Remains) -> Result<World, WorldError> {
    match &remains.image {
        None => World::genesis(asker.spec.clone()),
        Some(image) => World::restore(asker.spec.clone(), &checkpoint(image)),
    }
}

fn check_provenance(asker: &Asker<'_>, remains: &Remains) -> Result<(), RecoveryError> {
    if let Some(world) = &remains.tail.world
        && world != asker.world
    {
        return Err(RecoveryError::OtherWorld(world.clone()));
    }
    let ticks = remains.tail.records.len();
    let checkpoint = remains.image.as_ref().map_or(Tick(0), |image| image.tick);
    if ticks == 0 {
        return Ok(());
    }
    for header in remains.tail.segments.iter().map(|segment| &segment.header) {
        if let Some(what) = other_content(asker.spec, header) {
            return Err(RecoveryError::OtherContent {
                ticks,
                checkpoint,
                what,
            });
        }
        if header.build != asker.build {
            let (found, ours) = (header.build.clone(), asker.build.to_owned());
            return Err(RecoveryError::OtherBuild {
                ticks,
                checkpoint,
                found,
                ours,
            });
        }
    }
    Ok(())
}

/// What a segment was computed from that is something else here.
fn other_content(spec: &WorldSpec, header: &SegmentHeader) -> Option<String> {
    let differences = match Provenance::parse(&header.provenance) {
        Some(theirs) => theirs.differences(&Provenance::of(spec)),
        None => Vec::new(),
    };
    if !differences.is_empty() {
        return Some(differences.join("; "));
    }
    // A journal of the first format has but the hash; and nothing else may differ unnamed.
    (header.content_hash != spec.content_hash()).then(|| {
        "its rules, scenario, planet, seed or tick rate, of which it does not say more".to_owned()
    })
}

enum ReplayError {
    Refused(RecoveryError),
    Panicked { at: usize, panic: Panicked },
}

fn replay(
    world: &mut World,
    records: &[JournalRecord],
    stepper: &Stepper,
    progress: &mut impl FnMut(usize, usize),
) -> Result<Trail, ReplayError> {
    let refuse = ReplayError::Refused;
    let mut trail = Trail::from([(world.tick(), world.digest())]);
    for (at, record) in records.iter().enumerate() {
        if record.prev_digest != world.digest() {
            return Err(refuse(RecoveryError::Diverged {
                tick: world.tick(),
                expected: digest_hex(record.prev_digest),
                found: digest_hex(world.digest()),
            }));
        }
        let inputs = TickInputs::decode(&record.payload).map_err(|problem| {
            refuse(RecoveryError::BadInputs {
                tick: record.tick,
                problem,
            })
        })?;
        stepper
            .step(world, &inputs)
            .map_err(|panic| ReplayError::Panicked { at, panic })?
            .map_err(|error| refuse(error.into()))?;
        if trail.len() == TRAIL_TICKS_MAX {
            trail.pop_front();
        }
        trail.push_back((world.tick(), world.digest()));
        progress(at + 1, records.len());
    }
    Ok(trail)
}

fn checkpoint(image: &CheckpointImage) -> Checkpoint {
    let parts = image
        .parts
        .iter()
        .map(|(zone, bytes)| CheckpointPart {
            zone: *zone,
            bytes: bytes.clone(),
        })
        .collect();
    Checkpoint {
        tick: image.tick,
        digest: image.digest,
        parts,
    }
}

/// A checkpoint as the store takes it.
pub fn image(checkpoint: Checkpoint, label: &Label) -> CheckpointImage {
    CheckpointImage {
        world: label.world.clone(),
        tick: checkpoint.tick,
        epoch: label.epoch,
        digest: checkpoint.digest,
        content_hash: label.content_hash,
        provenance: label.provenance.clone(),
        parts: checkpoint
            .parts
            .into_iter()
            .map(|part| (part.zone, part.bytes))
            .collect(),
    }
}
