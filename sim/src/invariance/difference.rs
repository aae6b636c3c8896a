//! Where two runs part: the first tick, and in which component of which entity, with both values.

use std::fmt;

use super::{Cut, Run, run};
use crate::entity::DigestPart;
use crate::replay::{Culprit, differences};
use crate::world::{World, WorldError, WorldSpec};

/// How many differing components are kept with their values; the rest is counted. A fault that is a
/// tick old is in one or two; one that shows in more is not told better by more of them.
const CULPRITS_MAX: usize = 12;

/// Where a run parts from the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first tick whose digests differ.
    pub tick: u64,
    /// The reference's digest.
    pub expected: u64,
    /// The other's.
    pub found: u64,
    /// The reference's digest when it was run once more; another than the expected one if the reference
    /// is not even equal to itself.
    pub again: u64,
    /// The components that differ from those of the reference run once more.
    pub components: Vec<DigestPart>,
    /// Whose they are, and what differs: here is the cut world, there the reference. The first few.
    pub culprits: Vec<Culprit>,
    /// How many there are in all.
    pub culprits_all: usize,
}

impl Difference {
    /// How a world differs at its tick from the reference, which is then run once more up to there.
    pub(super) fn between(
        spec: &WorldSpec,
        world: &World,
        reference: &Run,
        pool: &rayon::ThreadPool,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Option<Self>, WorldError> {
        let (tick, found) = (world.tick().0, world.digest());
        let expected = reference.digest_at(tick);
        let Some(expected) = expected.filter(|expected| *expected != found) else {
            return Ok(None);
        };
        let each = &mut |whole: &mut World| watch(whole.tick().0);
        let (_, whole) = run(spec, Cut::Zones(1), tick, pool, &[], each)?;
        let (here, there) = (world.digest_parts(), whole.digest_parts());
        let differs = |part: &DigestPart| {
            let at = *part as usize;
            here.components[at] != there.components[at]
        };
        let (culprits, culprits_all) = differences(&world.states(), &whole.states(), CULPRITS_MAX);
        Ok(Some(Self {
            tick,
            expected,
            found,
            again: whole.digest(),
            components: DigestPart::ALL.into_iter().filter(differs).collect(),
            culprits,
            culprits_all,
        }))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tick,
            expected,
            found,
            again,
            ..
        } = self;
        write!(
            f,
            "tick {tick} has digest {found:016x}, the reference {expected:016x}"
        )?;
        if again != expected {
            write!(
                f,
                "\n  run once more, the reference has {again:016x}: it is not equal to itself"
            )?;
        }
        if self.components.is_empty() {
            return write!(f, "\n  and no component differs from the reference's");
        }
        let names: Vec<_> = self.components.iter().map(|part| part.name()).collect();
        write!(f, "\n  they differ in {}", names.join(", "))?;
        if self.culprits.is_empty() {
            return write!(f, ", which is of no entity");
        }
        write!(f, " (here: this cut, there: the reference)")?;
        for culprit in &self.culprits {
            write!(f, "\n  {culprit}")?;
        }
        match self.culprits_all - self.culprits.len() {
            0 => Ok(()),
            more => write!(f, "\n  … and {more} more"),
        }
    }
}
