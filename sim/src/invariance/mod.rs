//! The first promise, as one function: a scenario cut in some way, on some threads, against the same
//! scenario in one zone on one thread, digest by digest. The tests, `bluemarble invariance` and the
//! soak all compare worlds with this.

mod cut;
mod difference;
mod goldens;

pub use cut::Cut;
pub use difference::Difference;
pub use goldens::{GoldenError, Goldens};

use crate::content::Stress;
use crate::report::Tally;
use crate::world::{World, WorldError, WorldSpec};

/// The scenarios that stress borders; each has a golden digest at each of [`GOLDEN_TICKS`].
pub const SCENARIOS: [&str; 10] = [
    "first-contact",
    "bottleneck",
    "crowd-recorded",
    "vertex-armies",
    "pole-walkers",
    "shuttlers",
    "volleys",
    "seekers",
    "treasure",
    "gatherers",
];
/// The ticks of the golden digests: the tests look at the first, a release run at both.
pub const GOLDEN_TICKS: [u64; 2] = [1_000, 10_000];
/// Seed of the worlds that goldens are of.
pub const SEED: u64 = 7;
/// Ticks per second of the worlds that goldens are of.
pub const TICK_HZ: u32 = 20;
/// [`Stress`] counts what happens in so many ticks.
const STRESS_TICKS: u64 = 1_000;

/// What a world went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Its digest at ticks 1, 2, 3 …
    pub digests: Vec<u64>,
    /// What happened in the first thousand ticks, or in all if there are fewer.
    pub beginning: Tally,
    /// What happened in all of them.
    pub total: Tally,
    /// How many zones there were at the beginning.
    pub zones: usize,
}

/// How a run compares with the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The run, up to the tick that differs.
    pub run: Run,
    /// Where it parted from the reference, if it did.
    pub difference: Option<Difference>,
}

impl Run {
    /// How many ticks it ran.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.digests.len() as u64
    }

    /// The digest at a tick from 1, if it ran so long.
    #[must_use]
    pub fn digest_at(&self, tick: u64) -> Option<u64> {
        let at = usize::try_from(tick.checked_sub(1)?).ok()?;
        self.digests.get(at).copied()
    }

    /// What `stress` asks for and did not happen, in words; `None` if everything did or if the run
    /// was too short to tell.
    #[must_use]
    pub fn unmet(&self, stress: &Stress) -> Option<String> {
        let Stress {
            contacts_cross,
            hits_cross,
            handoffs,
            kills,
            shots_hit_cross,
            areas_cross,
            too_late,
        } = *stress;
        let seen = &self.beginning;
        let counted = [
            (
                "contacts across borders",
                seen.contacts_cross,
                contacts_cross,
            ),
            ("blows across borders", seen.hits_cross, hits_cross),
            ("hand-offs", seen.handoffs, handoffs),
            ("kills", seen.kills, kills),
            (
                "shots that hit across borders",
                seen.shots_hit_cross,
                shots_hit_cross,
            ),
            (
                "people harmed by an area across borders",
                seen.blasted_cross + seen.burns_cross,
                areas_cross,
            ),
            ("takers who came too late", seen.too_late, too_late),
        ];
        let long_enough = self.ticks() >= STRESS_TICKS;
        let short = counted.into_iter().find(|(_, found, least)| found < least);
        short.filter(|_| long_enough).map(|(what, found, least)| {
            format!("only {found} {what} in {STRESS_TICKS} ticks, at least {least} are needed")
        })
    }
}

/// Runs a scenario's script in one zone. `watch` is called after every tick.
///
/// # Errors
/// If the specification is impossible.
pub fn reference(
    spec: &WorldSpec,
    ticks: u64,
    pool: &rayon::ThreadPool,
    watch: &mut dyn FnMut(u64),
) -> Result<Run, WorldError> {
    let each = &mut |world: &mut World| watch(world.tick().0);
    Ok(run(spec, Cut::Zones(1), ticks, pool, &[], each)?.0)
}

/// Runs the same script cut in another way, on the threads of `pool`, as long as the reference did or
/// until it differs. If it does, the reference is run once more up to that tick, and the two worlds are
/// compared entity by entity. `watch` is called after every tick of both.
///
/// # Errors
/// If the specification is impossible.
pub fn compare(
    spec: &WorldSpec,
    cut: Cut,
    reference: &Run,
    pool: &rayon::ThreadPool,
    watch: &mut dyn FnMut(u64),
) -> Result<Outcome, WorldError> {
    let expected = &reference.digests;
    let each = &mut |world: &mut World| watch(world.tick().0);
    let (run, world) = run(spec, cut, reference.ticks(), pool, expected, each)?;
    let difference = Difference::between(spec, &world, reference, pool, watch)?;
    Ok(Outcome { run, difference })
}

/// As [`compare`], with a fault: after every tick `bend` may change the cut world, and it alone,
/// behind the rules' back.
///
/// # Errors
/// If the specification is impossible.
#[cfg(feature = "mutants")]
pub fn compare_bent(
    spec: &WorldSpec,
    cut: Cut,
    reference: &Run,
    pool: &rayon::ThreadPool,
    bend: &mut dyn FnMut(&mut World),
) -> Result<Outcome, WorldError> {
    let expected = &reference.digests;
    let (run, world) = run(spec, cut, reference.ticks(), pool, expected, bend)?;
    let difference = Difference::between(spec, &world, reference, pool, &mut |_| ())?;
    Ok(Outcome { run, difference })
}

/// Steps a world by its own script, and stops at the first digest that is not the expected one, if
/// there are any. `each` is called after every tick.
fn run(
    spec: &WorldSpec,
    cut: Cut,
    ticks: u64,
    pool: &rayon::ThreadPool,
    expected: &[u64],
    each: &mut dyn FnMut(&mut World),
) -> Result<(Run, World), WorldError> {
    let mut world = cut.world(spec)?;
    let mut run = Run {
        zones: world.zones(),
        ..Run::default()
    };
    for tick in 1..=ticks {
        cut.go_on(&mut world)?;
        let report = world.step(&world.scripted_inputs(), pool)?;
        each(&mut world);
        run.digests.push(world.digest());
        run.total.add(&report.tally);
        if tick <= STRESS_TICKS {
            run.beginning.add(&report.tally);
        }
        let other = expected.get(tick as usize - 1);
        if other.is_some_and(|&expected| expected != world.digest()) {
            break;
        }
    }
    Ok((run, world))
}
