//! One case: a world and its twin in one zone, side by side, compared at every tick.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bluemarble_shared_protocol::Epoch;
use bluemarble_sim::{Tally, World};

use crate::checks::{self, Fault, Register};
use crate::dice::Dice;
use crate::inputs::People;
use crate::kinds::Events;
use crate::scene::{Library, Scene};
use crate::subject::{Subject, Upheavals};
use crate::threads::Pools;

/// So many ticks between two comparisons of everything that is published.
const LOOK_TICKS: u64 = 16;

/// Which case, and how.
#[derive(Clone, Copy, Debug)]
pub struct CaseRun {
    /// The seed of the whole soak.
    pub seed: u64,
    /// The case's number.
    pub case: u64,
    /// What happens in it.
    pub events: Events,
    /// Whether both worlds break the rule that the soak must see broken.
    pub mutant: bool,
}

/// What a case did.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaseStats {
    /// Ticks compared.
    pub ticks: u64,
    /// Entities times ticks.
    pub entity_ticks: u64,
    /// Most creatures that slept at a time.
    pub asleep_most: usize,
    /// What happened in the subject.
    pub tally: Tally,
    /// What was done to it.
    pub done: Upheavals,
}

impl std::fmt::Display for CaseStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ticks, {} entity-ticks, {} hand-offs, {} zone changes, {} scatterings, at most {} \
             strays, {} amnesias, {} restarts with {} ticks replayed; at most {} asleep, {:?}",
            self.ticks,
            self.entity_ticks,
            self.tally.handoffs,
            self.done.zone_changes,
            self.done.scattered,
            self.done.strays_most,
            self.done.amnesias,
            self.done.restarts,
            self.done.replayed,
            self.asleep_most,
            self.tally,
        )
    }
}

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The tick at which it showed.
    pub tick: u64,
    /// What.
    pub fault: Fault,
    /// What else there is to know.
    pub detail: String,
    /// The world it happened in.
    pub scene: String,
}

/// What all cases share.
pub struct Workshop {
    /// Kinds and planets.
    pub library: Library,
    /// Threads.
    pub pools: Pools,
}

impl CaseRun {
    /// Runs it. The outer error is the soak's own, the inner one what was found.
    ///
    /// # Errors
    /// If the case cannot be run at all.
    pub fn run(&self, shop: &mut Workshop) -> anyhow::Result<Result<CaseStats, Failure>> {
        let dice = Dice::of_case(self.seed, self.case);
        let scene = shop.library.scene(&dice)?;
        let mut at = 0;
        let pools = &mut shop.pools;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            self.side_by_side(&scene, &dice, pools, &mut at)
        }));
        let outcome = caught.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Ok(Err((
                format!("panicked: {}", said.unwrap_or("?")),
                String::new(),
            )))
        })?;
        Ok(outcome.map_err(|(fault, detail)| Failure {
            tick: at,
            fault,
            detail,
            scene: scene_in_words(&scene),
        }))
    }

    fn side_by_side(
        &self,
        scene: &Scene,
        dice: &Dice,
        pools: &mut Pools,
        at: &mut u64,
    ) -> anyhow::Result<Result<CaseStats, (Fault, String)>> {
        let mut twin = World::genesis(scene.spec.clone())?;
        #[cfg(feature = "mutants")]
        twin.set_mutant(self.mutant);
        let mut subject = Subject::new(dice, self.events, &scene.spec, self.mutant)?;
        let people = People::new(dice, self.events);
        let mut register = Register::of(&twin);
        let mut stats = CaseStats::default();
        let mut epoch = Epoch(1);
        let mut somebody = match checks::census(&twin) {
            Ok(ids) => ids,
            Err(fault) => return Ok(Err((fault, "at the beginning".into()))),
        };
        for n in 0..scene.ticks {
            *at = twin.tick().next().0;
            match subject.torment(pools.of(subject.threads)?) {
                Ok(died) => epoch.0 += u32::from(died),
                Err(fault) => {
                    return Ok(Err((
                        fault,
                        checks::differing_entities(&twin, &subject.world),
                    )));
                }
            }
            let (inputs, traffic) = people.inputs(&twin, &somebody, epoch);
            let whole = twin.step(&inputs, pools.of(1)?)?;
            let pool = pools.of(subject.threads)?;
            let compared = subject.step(&inputs, pool).and_then(|cut| {
                checks::same_report(&whole, &cut)?;
                register.follow(&inputs, &traffic, &whole)?;
                register.count_coins(&whole, &twin, &subject.world)?;
                register.check_avatars(&subject.world)?;
                somebody = checks::census(&twin)?;
                if checks::census(&subject.world)? != somebody {
                    return Err("other entities than the twin's".into());
                }
                if n % LOOK_TICKS == 0 || n + 1 == scene.ticks {
                    checks::same_frames(&twin, &subject.world)?;
                }
                Ok(cut)
            });
            match compared {
                Ok(cut) => {
                    stats.ticks += 1;
                    stats.asleep_most = stats.asleep_most.max(subject.world.asleep());
                    stats.entity_ticks += cut.entities as u64;
                    stats.tally.add(&cut.tally);
                }
                Err(fault) => {
                    let detail = checks::differing_entities(&twin, &subject.world);
                    return Ok(Err((fault, detail)));
                }
            }
        }
        stats.done = subject.done;
        Ok(Ok(stats))
    }
}

fn scene_in_words(scene: &Scene) -> String {
    let spec = &scene.spec;
    let scenario = &spec.scenario;
    format!(
        "planet {} of radius {:.0} m, {} Hz, seed {}, {} ticks\n\
         interaction radius {:.2} m, spawn spread {:.2} m, {} puppets\n\
         squares {:?}\ncamps {:?}\nkinds {:#?}",
        spec.planet.name(),
        spec.planet.radius_m(),
        spec.tick_hz,
        spec.seed,
        scene.ticks,
        scenario.interaction_radius_m,
        scenario.spawn_spread_m,
        scenario.puppets,
        scenario.squares,
        scenario.camps,
        scenario.kinds,
    )
}
