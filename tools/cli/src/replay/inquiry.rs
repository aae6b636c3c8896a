//! What is to be said of a state that differs from the recorded one.
//!
//! First from the digest's parts alone, which name the entity if it is one. If they do not, the same
//! ticks are run once more in one zone on one thread: if that gives the recorded state, the partition
//! shows, and the two worlds are compared entity by entity. Otherwise the recording was computed
//! differently, and the next stored checkpoint says what it had come to.

use anyhow::Context;
use bluemarble_sim::World;
use bluemarble_sim::replay::{Culprit, Divergence, differences, replay};

use super::recording::checkpoint_of;
use super::{Subject, step};

/// How many differing components are printed.
const SHOWN_MAX: usize = 12;

/// Prints all that can be found out. `world` is at the tick that differs.
pub fn inquire(
    subject: &Subject<'_>,
    world: &mut World,
    divergence: &Divergence,
) -> anyhow::Result<()> {
    let tick = divergence.tick;
    println!(
        "DIVERGED at tick {tick}: replayed {:016x}, recorded {:016x}; every state before is equal",
        divergence.found.digest(),
        divergence.recorded.digest,
    );
    let found = divergence.trace(world);
    if found.entity.is_some() {
        println!("one entity explains it (here: replayed, there: recorded):");
        show(&found.culprits, found.culprits.len());
        if found.culprits.iter().all(is_whole) {
            return Ok(());
        }
        println!("not one flipped bit apart: the recorded values do not follow from the sums");
    } else if !found.components.is_empty() {
        let names: Vec<_> = found.components.iter().map(|part| part.name()).collect();
        println!("several entities differ, in: {}", names.join(", "));
    }
    println!("running the same ticks in one zone on one thread");
    match subject.reference(tick, world.spec())? {
        Some(reference) if reference.digest() == divergence.recorded.digest => {
            println!(
                "that gives the recorded state, so how the world is cut shows (there: one zone):"
            );
            let (culprits, all) = differences(&world.states(), &reference.states(), SHOWN_MAX);
            show(&culprits, all);
            Ok(())
        }
        Some(reference) if reference.digest() == world.digest() => {
            println!("that gives the replayed state too: the recording was computed differently");
            against_the_next_checkpoint(subject, world)
        }
        Some(_) => {
            println!("that gives a third state: the computation is not repeatable here");
            Ok(())
        }
        None => {
            println!("that does not get there: it parts from the recording, or fails, even before");
            Ok(())
        }
    }
}

fn is_whole(culprit: &Culprit) -> bool {
    culprit.fields.iter().all(|(.., there)| there.is_some())
}

fn show(culprits: &[Culprit], all: usize) {
    for culprit in culprits {
        println!("  {culprit}");
    }
    if all > culprits.len() {
        println!("  … and {} more components", all - culprits.len());
    }
}

/// Goes on from what was replayed to the next checkpoint of the recording, and compares with it.
fn against_the_next_checkpoint(subject: &Subject<'_>, world: &mut World) -> anyhow::Result<()> {
    let next = subject.recording.next_checkpoint(world.tick());
    let Some(next) = next.filter(|next| next.tick <= subject.until) else {
        println!("no later checkpoint is stored, so the recorded values are not known");
        return Ok(());
    };
    let mut log = subject.log(world)?;
    let behind = world.tick();
    // Digests differ from here on; only the inputs count.
    for logged in &mut log {
        let Ok(mut logged) = logged else { break };
        if logged.tick <= behind {
            continue;
        }
        if logged.tick > next.tick {
            break;
        }
        logged.before.digest = world.digest();
        let outcome = replay(
            world,
            [Ok::<_, std::convert::Infallible>(logged)],
            |world, inputs| step(world, inputs, subject.pool),
            |_| {},
        );
        if outcome.is_err() {
            break;
        }
    }
    if world.tick() != next.tick {
        println!(
            "the ticks up to the checkpoint of tick {} cannot be stepped, so the recorded values are \
             not known",
            next.tick
        );
        return Ok(());
    }
    let image = subject.recording.load(next)?;
    let spec = world.spec().clone();
    let recorded = World::restore(spec, &checkpoint_of(image))
        .with_context(|| format!("cannot restore the checkpoint of tick {}", next.tick))?;
    let (culprits, all) = differences(&world.states(), &recorded.states(), SHOWN_MAX);
    println!(
        "at the checkpoint of tick {} (here: replayed on, there: recorded):",
        next.tick
    );
    show(&culprits, all);
    Ok(())
}
