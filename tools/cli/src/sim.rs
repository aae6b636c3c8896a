//! `bluemarble sim`: a scenario, so many ticks, a digest. Two runs that print the same digest were the
//! same run, however many zones and threads they had.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use bluemarble_sim::{Tally, World, WorldSpec};
use clap::Args;

use crate::run::{checked_zones, planet_of, pool, tick_bar};
use crate::scenario_source::SourceArgs;

/// What to run.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble sim assets/scenarios/first-contact.ron --ticks 3000
  bluemarble sim assets/scenarios/first-contact.ron --ticks 3000 --zones 96 --threads 2
      (the digest is the same: zones and threads show nowhere)
  bluemarble sim assets/scenarios/earth.ron --ticks 200 --digests /tmp/a.txt
  bluemarble sim crowd-recorded --trajectories crowd.txt")]
pub struct SimArgs {
    /// Scenario file, or the name of one in ./assets/scenarios
    scenario: PathBuf,
    /// How many ticks to run
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
    /// Cut the planet into this many zones [default: the scenario's]
    #[arg(long)]
    zones: Option<usize>,
    /// Step zones on this many threads [default: one per core]
    #[arg(long)]
    threads: Option<usize>,
    /// Ticks per simulated second, 10 to 120
    #[arg(long, default_value_t = 20)]
    tick_hz: u32,
    /// Seed of everything random
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Write "tick digest" for every tick to this file, to be compared with another run's
    #[arg(long, value_name = "FILE")]
    digests: Option<PathBuf>,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Runs it.
#[expect(
    clippy::disallowed_methods,
    reason = "how long the run took is what it reports"
)]
pub fn run(args: &SimArgs) -> anyhow::Result<()> {
    let pool = pool(args.threads)?;
    let mut world = load(args)?;
    let mut digests = args.digests.as_deref().map(create).transpose()?;
    println!(
        "{} on {}: {} entities in {} zones on {} threads, {} Hz, seed {}",
        world.spec().scenario.name,
        world.spec().planet.name(),
        world.entities(),
        world.zones(),
        pool.current_num_threads(),
        args.tick_hz,
        args.seed,
    );
    let bar = tick_bar(args.quiet, args.ticks, None);
    let coins_before = world.audit().total();
    let mut total = Tally::default();
    let started = Instant::now();
    for _ in 0..args.ticks {
        let inputs = world.scripted_inputs();
        let report = world
            .step(&inputs, &pool)
            .context("the world refused its own script")?;
        total.add(&report.tally);
        if let Some(file) = &mut digests {
            writeln!(file, "{} {:016x}", report.tick, report.digest)
                .context("cannot write the digests file")?;
        }
        bar.inc(1);
    }
    if let Some(file) = &mut digests {
        file.flush().context("cannot write the digests file")?;
    }
    bar.finish_and_clear();
    print_summary(
        &world,
        args,
        &total,
        coins_before,
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}

fn load(args: &SimArgs) -> anyhow::Result<World> {
    let assets = args.source.assets_of(&args.scenario);
    let scenario = args.source.load(&args.scenario)?;
    let planet = planet_of(&scenario, &assets)?;
    let zones = checked_zones(args.zones.unwrap_or(scenario.zones))?;
    let spec = WorldSpec {
        scenario,
        planet,
        tick_hz: args.tick_hz,
        seed: args.seed,
        zones,
    };
    World::genesis(spec).context("cannot make this world")
}

fn create(path: &Path) -> anyhow::Result<BufWriter<std::fs::File>> {
    let file =
        std::fs::File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(BufWriter::new(file))
}

fn print_summary(world: &World, args: &SimArgs, total: &Tally, coins_before: u64, seconds: f64) {
    let rate = args.ticks as f64 / seconds.max(1e-9);
    println!(
        "{} ticks in {seconds:.2} s: {rate:.0} ticks/s, {:.1}x real time",
        args.ticks,
        rate / f64::from(args.tick_hz),
    );
    println!(
        "contacts {} ({} across borders)   blows {} ({} across)   kills {}   hand-offs {}",
        total.contacts,
        total.contacts_cross,
        total.hits,
        total.hits_cross,
        total.kills,
        total.handoffs,
    );
    println!(
        "shots {} ({} hit)   blasted {}   burnt {}   taken {} ({} too late)   effects {} (bounced {}, \
         lost {}, too deep {})",
        total.shots,
        total.shots_hit,
        total.blasted,
        total.burns,
        total.taken,
        total.too_late,
        total.effects,
        total.effects_bounced,
        total.effects_lost,
        total.effects_too_deep,
    );
    let audit = world.audit();
    println!(
        "coins {} (purses {}, items {}, on the way {}): {coins_before} at first + {} minted - {} left{}",
        audit.total(),
        audit.purses,
        audit.items,
        audit.mail,
        total.minted,
        total.coins_left,
        if coins_before + total.minted == audit.total() + total.coins_left {
            ""
        } else {
            ", WHICH IS WRONG"
        },
    );
    println!("tick {} digest {:016x}", world.tick(), world.digest());
}
