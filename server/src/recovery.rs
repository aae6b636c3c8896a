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
//!
//! If the very last journaled tick panics (it ended the last run, too), it is stepped with inputs
//! withheld, see [`quarantine`].

mod quarantine;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bluemarble_persistence::{CheckpointImage, JournalError, SegmentHeader};
use bluemarble_shared_protocol::binary::BinaryError;
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::replay::{Divergence, LoggedTick, Remembered, Stopped, replay};
use bluemarble_sim::{
    BadCheckpoint, Checkpoint, CheckpointPart, Movement, Provenance, World, WorldError, WorldSpec,
};

use crate::checkpointer::Label;
use crate::guarded::Panicked;
use crate::limits::TRAIL_TICKS_MAX;
use crate::live::digest_hex;
use crate::remains::Remains;
use crate::stepper::Stepper;
pub use quarantine::Quarantine;

/// Who is asking: must match what wrote the tail.
pub struct Asker<'a> {
    /// What the world is made from.
    pub spec: &'a WorldSpec,
    /// The world's name.
    pub world: &'a str,
    /// The program.
    pub build: &'a str,
    /// Another program may have written the tail: every digest but the last is compared all the same.
    pub any_build: bool,
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
    /// What the replayed ticks moved, oldest first; those that moved nothing are left out.
    pub movements: Movements,
    /// The last journaled tick, if it panics: the world is before it, and it is to be stepped next,
    /// with less.
    pub quarantined: Option<Quarantine>,
}

/// Ticks and their digests.
pub type Trail = VecDeque<(Tick, u64)>;

/// Ticks and what they moved.
pub type Movements = Vec<(Tick, Vec<Movement>)>;

/// How a replay went.
type Way = (Trail, Movements);

/// Why a world cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The checkpoint, or the world's description, is no world.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The journal cannot be read on.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Brought back from an older checkpoint, the world is not the one of the damaged newer one.
    #[error(
        "the damaged checkpoint of tick {tick} says that the world had the state {expected} there, but \
         the journal leads to {found}"
    )]
    OtherThanDamaged {
        /// Of the damaged checkpoint.
        tick: Tick,
        /// What its manifest says.
        expected: String,
        /// What the replay found.
        found: String,
    },
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
        ticks: u64,
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
        ticks: u64,
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
         world diverged at this tick{traced}"
    )]
    Diverged {
        /// The first tick that differs.
        tick: Tick,
        /// From the journal.
        expected: String,
        /// From the replay.
        found: String,
        /// In what, as far as it is known; begins a new line, or is empty.
        traced: String,
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
    #[error(
        "replaying tick {tick} panicked: {panic}. It is not the last journaled one, so it did not \
         when it was journaled"
    )]
    Panicked {
        /// Which.
        tick: Tick,
        /// How.
        panic: String,
    },
    /// The last journaled tick panics whatever is withheld.
    #[error("tick {tick} panics even without its inputs: {panic}")]
    Unsteppable {
        /// Which.
        tick: Tick,
        /// How.
        panic: String,
    },
}

impl RecoveryError {
    /// What is wrong with the checkpoint, if it is the checkpoint that is damaged.
    pub fn damage(&self) -> Option<String> {
        let Self::World(WorldError::Checkpoint { problem, .. }) = self else {
            return None;
        };
        matches!(
            problem,
            BadCheckpoint::Damaged { .. }
                | BadCheckpoint::DamagedPast(_)
                | BadCheckpoint::WrongDigest { .. }
        )
        .then(|| problem.to_string())
    }

    /// Whether the world itself failed, rather than what it was stored in.
    pub fn is_the_worlds(&self) -> bool {
        matches!(self, Self::Unsteppable { .. })
    }

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
            Self::Unsteppable { .. } => {
                "not what players did but the state before it, or a rule, is at fault: every start \
                 would fail there, so none is made. Keep a copy of the data directory and report \
                 this; --discard-journal-tail goes back to the checkpoint"
            }
            Self::World(_) => "restore the database from a backup that matches this build",
            Self::Journal(_) => {
                "keep a copy of the data directory; --discard-journal-tail goes back to the newest \
                 checkpoint"
            }
            Self::OtherThanDamaged { .. } => {
                "keep a copy of data directory and database and report this; restore a backup, or go \
                 on from the older checkpoint alone with --discard-journal-tail --accept-loss"
            }
            Self::Diverged { .. } | Self::BadInputs { .. } | Self::Panicked { .. } => {
                "keep a copy of the data directory and report this: replay must be exact. To go back \
                 to the checkpoint and give the journaled ticks up: --discard-journal-tail"
            }
        }
    }
}

/// Brings the world back; `progress(done, all)` is told now and then. The journal is read record by
/// record: however long it is, one segment of it is in memory.
///
/// # Errors
/// See [`RecoveryError`].
pub fn recover(
    asker: &Asker<'_>,
    remains: &Remains,
    stepper: &Stepper,
    mut progress: impl FnMut(u64, u64),
) -> Result<Recovered, RecoveryError> {
    check_provenance(asker, remains)?;
    let mut world = begin(asker, remains)?;
    let all = remains.tail.records;
    let (sealed, panic) = match run(&mut world, remains, all, stepper, &mut progress)? {
        Ok(way) => return Ok(recovered(world, remains, way, all, None)),
        Err(Stopped::Step {
            inputs,
            failure: StepFailure::Panicked(panic),
            ..
        }) if remains.tail.last == Some(inputs.tick) => (inputs, panic),
        Err(stopped) => return Err(refusal(stopped, &world)),
    };
    // The very tick that ended the last run: go on from the one before it, which is no longer here.
    let whole = all - 1;
    let mut world = begin(asker, remains)?;
    let way = run(&mut world, remains, whole, stepper, &mut progress)?
        .map_err(|stopped| refusal(stopped, &world))?;
    let before = world.checkpoint();
    let kept = quarantine::quarantine(asker.spec, &before, stepper, *sealed, panic)?;
    Ok(recovered(world, remains, way, whole, Some(kept)))
}

fn recovered(
    world: World,
    remains: &Remains,
    (trail, movements): Way,
    replayed: u64,
    quarantined: Option<Quarantine>,
) -> Recovered {
    let epoch = remains.image.as_ref().map_or(Epoch(0), |image| image.epoch);
    Recovered {
        world,
        epoch,
        replayed,
        trail,
        movements,
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
    let ticks = remains.tail.records;
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
        if header.build != asker.build && !asker.any_build {
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

/// Why a tick could not be stepped.
enum StepFailure {
    Panicked(Panicked),
    Refused(WorldError),
}

/// Replays the first `ticks` records. Outside, what the damaged checkpoints contradict; inside, what
/// stopped the replay.
fn run(
    world: &mut World,
    remains: &Remains,
    ticks: u64,
    stepper: &Stepper,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Result<Way, Stopped<JournalError, StepFailure>>, RecoveryError> {
    let records = remains.records.read()?;
    // Where it is still being written, more may have come since it was surveyed.
    let records = records.take(usize::try_from(ticks).unwrap_or(usize::MAX));
    let log = records.map(|record| {
        record.map(|record| LoggedTick {
            tick: record.tick,
            before: Remembered::new(record.prev_digest, &record.sketch),
            inputs: record.payload,
        })
    });
    let (mut trail, mut movements) = (Trail::new(), Movements::new());
    let (mut done, mut contradicted) = (0, None);
    let replayed = replay(
        world,
        log,
        |world, inputs| match stepper.step(world, inputs) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refused)) => Err(StepFailure::Refused(refused)),
            Err(panic) => Err(StepFailure::Panicked(panic)),
        },
        |world| {
            if trail.len() == TRAIL_TICKS_MAX {
                trail.pop_front();
            }
            if !trail.is_empty() {
                done += 1;
                progress(done, ticks);
            }
            if contradicted.is_none() {
                contradicted = contradiction(world, remains);
            }
            trail.push_back((world.tick(), world.digest()));
            if !world.movements().is_empty() {
                movements.push((world.tick(), world.movements().to_vec()));
            }
        },
    );
    match contradicted {
        Some(error) => Err(error),
        None => Ok(replayed.map(|()| (trail, movements))),
    }
}

/// A damaged checkpoint of this tick whose manifest is sound and names another state.
fn contradiction(world: &World, remains: &Remains) -> Option<RecoveryError> {
    let (tick, found) = (world.tick(), world.digest());
    let mut here = remains.passed_over.iter().filter(|one| one.tick == tick);
    let expected = here.find_map(|one| one.digest.filter(|digest| *digest != found))?;
    Some(RecoveryError::OtherThanDamaged {
        tick,
        expected: digest_hex(expected),
        found: digest_hex(found),
    })
}

/// What to tell the operator; `world` is the one that stopped.
fn refusal(stopped: Stopped<JournalError, StepFailure>, world: &World) -> RecoveryError {
    match stopped {
        Stopped::Log(error) => error.into(),
        Stopped::Diverged(divergence) => RecoveryError::Diverged {
            tick: divergence.tick,
            expected: digest_hex(divergence.recorded.digest),
            found: digest_hex(divergence.found.digest()),
            traced: traced(&divergence, world),
        },
        Stopped::BadInputs { tick, problem } => RecoveryError::BadInputs { tick, problem },
        Stopped::Step { tick, failure, .. } => match failure {
            StepFailure::Panicked(panic) => RecoveryError::Panicked {
                tick,
                panic: panic.in_short().to_owned(),
            },
            StepFailure::Refused(error) => error.into(),
        },
    }
}

/// Where two states differ, as far as the journal's sketch tells.
fn traced(divergence: &Divergence, world: &World) -> String {
    let found = divergence.trace(world);
    if !found.culprits.is_empty() {
        let told: Vec<_> = found.culprits.iter().map(ToString::to_string).collect();
        return format!(" (here: replayed, there: journaled)\n{}", told.join("\n"));
    }
    let names: Vec<_> = found.components.iter().map(|part| part.name()).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(", in components of several entities: {}", names.join(", ")),
    }
}

/// A checkpoint as the simulation takes it.
pub fn checkpoint(image: &CheckpointImage) -> Checkpoint {
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
pub fn image(checkpoint: Checkpoint, label: &Label, taken_ms: u64) -> CheckpointImage {
    CheckpointImage {
        world: label.world.clone(),
        tick: checkpoint.tick,
        epoch: label.epoch,
        digest: checkpoint.digest,
        content_hash: label.content_hash,
        provenance: label.provenance.clone(),
        taken_ms,
        parts: checkpoint
            .parts
            .into_iter()
            .map(|part| (part.zone, part.bytes))
            .collect(),
    }
}
