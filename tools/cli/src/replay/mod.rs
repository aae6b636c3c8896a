//! `bluemarble replay`: a recording, run again headless, every state compared with what was recorded.
//! If one differs, it says which tick, entity and component, and what both have there.

mod inquiry;
mod recording;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use bluemarble_persistence::{CheckpointEntry, CheckpointImage};
use bluemarble_shared_protocol::{EntityId, Tick};
use bluemarble_sim::replay::{Divergence, Remembered, Stopped, replay, show_entity};
use bluemarble_sim::{Provenance, Scenario, TickInputs, World, WorldError, WorldSpec};
use clap::Args;
use rayon::ThreadPool;

use crate::run::{checked_zones, planet_of, pool, pool_with_this_thread, tick_bar};
use recording::{Log, LogError, Recording, checkpoint_of};

/// What to replay.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble replay bluemarble-data
      everything the directory holds: three checkpoints' worth, or all since `serve --record`
  bluemarble replay bluemarble-data --until 12000 --zones 96 --threads 2
      another partition (the digests are the same: zones and threads show nowhere)
  bluemarble replay bluemarble-data --until 12000 --dump-entity 225ff702e4d786c6
      every component of that entity at the end of tick 12000; `bluemarble-server account export` names
      a character's id

The server must be stopped; nothing is written into its directory.
Exit status: 0 all digests equal, 1 a digest differs, 2 not to be replayed.")]
pub struct ReplayArgs {
    /// Data directory of a stopped server, or a copy of one
    dir: PathBuf,
    /// Start at the checkpoint of this tick [default: the oldest with a journal behind it]
    #[arg(long, value_name = "TICK")]
    from: Option<u64>,
    /// Stop at the end of this tick [default: the last one]
    #[arg(long, value_name = "TICK")]
    until: Option<u64>,
    /// Cut the planet into this many zones [default: the scenario's]
    #[arg(long)]
    zones: Option<usize>,
    /// Step zones on this many threads [default: one per core]
    #[arg(long)]
    threads: Option<usize>,
    /// At the end, print every component of this entity: 16 hexadecimal digits, or the name of
    /// a scripted player or of a character from before ids were drawn
    #[arg(long, value_name = "ID")]
    dump_entity: Option<String>,
    /// Folder with planets, creatures and scenarios
    #[arg(long, default_value = "assets")]
    assets: PathBuf,
    /// Where the checkpoints are, if not in the directory: sqlite://PATH or postgres://… (its
    /// schema is brought up to date if this build has a newer one)
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Another world of the same server, by its name [default: the main one]
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// Replay what was computed from other rules or content too, to see where it parts
    #[arg(long)]
    anyway: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

/// Runs it.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let pool = pool_with_this_thread(args.threads)?;
    let recording = Recording::open(&args.dir, args.store.as_deref(), args.world.as_deref())?;
    let entry = recording.choose(args.from)?.clone();
    let until = Tick(args.until.unwrap_or(u64::MAX));
    if until < entry.tick {
        bail!(
            "--until {until} is before the checkpoint of tick {} that the replay begins with",
            entry.tick
        );
    }
    let image = recording.load(&entry)?;
    let spec = spec_of(args, &image)?;
    let mut world = World::restore(spec, &checkpoint_of(image))
        .with_context(|| format!("cannot restore the checkpoint of tick {}", entry.tick))?;
    println!(
        "'{}' on {} from tick {} on: {} entities in {} zones on {} threads, {} Hz, seed {}",
        world.spec().scenario.name,
        world.spec().planet.name(),
        world.tick(),
        world.entities(),
        world.zones(),
        pool.current_num_threads(),
        world.spec().tick_hz,
        world.spec().seed,
    );
    let mut subject = Subject {
        args,
        recording: &recording,
        entry: &entry,
        pool: &pool,
        until,
    };
    let equal = subject.verify(&mut world)?;
    if let Some(name) = &args.dump_entity {
        dump(&world, name)?;
    }
    Ok(if equal {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// One replay of one recording.
struct Subject<'a> {
    args: &'a ReplayArgs,
    recording: &'a Recording,
    entry: &'a CheckpointEntry,
    pool: &'a ThreadPool,
    until: Tick,
}

impl Subject<'_> {
    fn log(&self, world: &World) -> anyhow::Result<Log> {
        let reader = self.recording.journal_after(self.entry)?;
        let here = Provenance::of(world.spec());
        Ok(Log::new(reader, here, self.args.anyway, self.until))
    }

    /// Replays everything; whether all digests were equal.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long the run took is what it reports"
    )]
    fn verify(&mut self, world: &mut World) -> anyhow::Result<bool> {
        let all = (&mut self.log(world)?).filter(Result::is_ok).count() as u64;
        let bar = tick_bar(self.args.quiet, all, None);
        let mut log = self.log(world)?;
        let (mut withheld, started) = (Vec::new(), Instant::now());
        let outcome = replay(
            world,
            &mut log,
            |world, inputs| {
                if inputs.withheld.is_some() {
                    withheld.push(inputs.clone());
                }
                step(world, inputs, self.pool)
            },
            |world| bar.set_position(world.tick().since(self.entry.tick)),
        );
        bar.finish_and_clear();
        let (divergence, is_last_known) = match outcome {
            Ok(()) => match self.last_state(&log, world.tick()) {
                Some(remembered) => (Divergence::of(world, &remembered), true),
                None => (None, false),
            },
            Err(Stopped::Diverged(divergence)) => (Some(*divergence), true),
            Err(other) => return Err(refused(other)),
        };
        self.told(world, &log, &withheld, started.elapsed().as_secs_f64());
        let Some(divergence) = divergence else {
            let ticks = world.tick().since(self.entry.tick);
            println!("all {} digests equal", ticks + u64::from(is_last_known));
            println!("tick {} digest {:016x}", world.tick(), world.digest());
            if !is_last_known {
                println!("nothing remembers that last one: the record behind it was never written");
            }
            return Ok(true);
        };
        inquiry::inquire(self, world, &divergence)?;
        Ok(false)
    }

    /// What remembers the state at the end of the last tick: the record behind, or a checkpoint.
    fn last_state(&self, log: &Log, last: Tick) -> Option<Remembered> {
        log.beyond.or_else(|| {
            let stored = self.recording.next_checkpoint(last);
            let stored = stored.filter(|entry| entry.tick == last);
            stored.map(|entry| Remembered::new(entry.digest, &[]))
        })
    }

    fn told(&self, world: &World, log: &Log, withheld: &[TickInputs], seconds: f64) {
        let ticks = world.tick().since(self.entry.tick);
        let rate = ticks as f64 / seconds.max(1e-9);
        println!(
            "{ticks} ticks in {seconds:.2} s: {rate:.0} ticks/s, {:.1}x real time",
            rate / f64::from(world.spec().tick_hz),
        );
        for inputs in withheld {
            if let Some(less) = inputs.withheld {
                println!(
                    "tick {} was recorded without {} intents, {} commands, {} admissions and {} \
                     leaves: with them it panicked",
                    inputs.tick, less.intents, less.commands, less.admissions, less.leaves
                );
            }
        }
        if let Some(end) = log.end() {
            println!("{end}");
        }
    }

    /// The same ticks in one zone on one thread, up to the end of `tick`; `None` if it does not get
    /// there.
    fn reference(&self, tick: Tick, spec: &WorldSpec) -> anyhow::Result<Option<World>> {
        let spec = WorldSpec {
            zones: 1,
            ..spec.clone()
        };
        let image = self.recording.load(self.entry)?;
        let mut world = World::restore(spec, &checkpoint_of(image))?;
        let alone = pool(Some(1))?;
        let mut log = self.log(&world)?;
        let bar = tick_bar(self.args.quiet, tick.since(self.entry.tick), None);
        let _stopped = replay(
            &mut world,
            (&mut log).take_while(|logged| logged.as_ref().is_ok_and(|l| l.tick <= tick)),
            |world, inputs| step(world, inputs, &alone),
            |world| bar.set_position(world.tick().since(self.entry.tick)),
        );
        bar.finish_and_clear();
        Ok((world.tick() == tick).then_some(world))
    }
}

/// Why a recorded tick could not be stepped.
enum StepFailure {
    Refused(WorldError),
    /// With this message; the world is no world any more.
    Panicked(String),
}

/// One tick. One that panics is found at the end of a recording whose server it stopped.
fn step(world: &mut World, inputs: &TickInputs, pool: &ThreadPool) -> Result<(), StepFailure> {
    match catch_unwind(AssertUnwindSafe(|| world.step(inputs, pool))) {
        Ok(stepped) => stepped.map(|_| ()).map_err(StepFailure::Refused),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("a panic without a message");
            Err(StepFailure::Panicked(text.to_owned()))
        }
    }
}

fn refused(stopped: Stopped<LogError, StepFailure>) -> anyhow::Error {
    match stopped {
        Stopped::Log(LogError::Journal(error)) => anyhow::Error::new(error),
        Stopped::Log(LogError::Elsewise { tick, what }) => anyhow::anyhow!(
            "from tick {tick} on the recording was computed from something else: {what}. Stop before \
             with --until {}, or see where it parts with --anyway",
            tick.0.saturating_sub(1)
        ),
        Stopped::BadInputs { tick, problem } => {
            anyhow::Error::new(problem).context(format!("the inputs of tick {tick} cannot be read"))
        }
        Stopped::Step { tick, failure, .. } => match failure {
            StepFailure::Refused(error) => {
                anyhow::Error::new(error).context(format!("tick {tick} cannot be stepped"))
            }
            StepFailure::Panicked(panic) => anyhow::anyhow!(
                "tick {tick} panics: {panic}. Every state before it is as it was recorded; see them \
                 with --until {}",
                tick.0.saturating_sub(1)
            ),
        },
        Stopped::Diverged(divergence) => anyhow::anyhow!("tick {} differs", divergence.tick),
    }
}

/// What the recording was computed from, made again; refused if what is here is something else.
fn spec_of(args: &ReplayArgs, image: &CheckpointImage) -> anyhow::Result<WorldSpec> {
    let made_from = Provenance::parse(&image.provenance).context(
        "the recording does not say what it was computed from: an older build made it, whose rules \
         are not here any more",
    )?;
    let scenario = Scenario::find(&args.assets, &made_from.scenario).with_context(|| {
        format!(
            "it was recorded in the scenario '{}', which --assets {} does not have",
            made_from.scenario,
            args.assets.display()
        )
    })?;
    let planet = planet_of(&scenario, &args.assets)?;
    let zones = checked_zones(args.zones.unwrap_or(scenario.zones))?;
    let spec = WorldSpec {
        scenario,
        planet,
        tick_hz: made_from.tick_hz,
        seed: made_from.seed,
        zones,
    };
    let differences = made_from.differences(&Provenance::of(&spec));
    if !differences.is_empty() {
        let what = differences.join("; ");
        if !args.anyway {
            bail!(
                "the recording was computed from something else: {what}. Use the build and assets \
                 it was made with, begin with a later checkpoint (--from), or see where it parts \
                 with --anyway"
            );
        }
        println!("computed from something else, replayed anyway: {what}");
    }
    Ok(spec)
}

fn dump(world: &World, name: &str) -> anyhow::Result<()> {
    let hex = name.strip_prefix("0x").unwrap_or(name);
    let ids = [
        (hex.len() == 16)
            .then(|| u64::from_str_radix(hex, 16).ok().map(EntityId))
            .flatten(),
        Some(EntityId::of_character(name)),
    ];
    let states = world.states();
    let found = states
        .iter()
        .find(|state| ids.contains(&Some(state.identity.id)));
    let Some(state) = found else {
        bail!(
            "there is no entity '{name}' at tick {} (an id has 16 hexadecimal digits; only scripted \
             players, and characters from before ids were drawn, go by their name too)",
            world.tick()
        );
    };
    print!("at tick {}, {}", world.tick(), show_entity(state));
    Ok(())
}
