//! What a step of the world costs: 10,000 walkers and 10,000 creatures awake on real ground, cut into
//! one zone and into 96; nobody at all; and 100,000 creatures asleep. Before any time is printed the digests of
//! every tick must be the same for every cut and number of threads.
//! `cargo bench -p bluemarble-bench --bench step`; a number behind `--` is how many ticks.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../../spatial/benches/setting/mod.rs"]
mod setting;

#[path = "step/scene.rs"]
mod scene;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bluemarble_sim::{Tally, TickInputs, World, WorldSpec};
use bluemarble_spatial::Planet;
use rayon::ThreadPoolBuilder;
use scene::{Patch, SEED, TICK_HZ};
use setting::report::print_heading;

/// Ticks before the measurement: everybody has come in and spread out, every list has grown.
const WARM_UP: u64 = 100;
/// Ticks measured unless told otherwise.
const TICKS: u64 = 200;

fn main() {
    let ticks = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(TICKS);
    print_heading("step: one tick of the world");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let moon = Arc::new(Planet::load(&assets, "moon").expect("the repository's own planet"));
    crowd(&Patch::BUDGET, &assets, &moon, ticks);
    quiet_zones("empty", &Patch::NOBODY, &assets, &moon);
    quiet_zones("sleeping", &Patch::ASLEEP, &assets, &moon);
}

/// The step of one scene for several cuts.
fn crowd(patch: &Patch, assets: &Path, moon: &Arc<Planet>, ticks: u64) {
    let spec = patch.spec(assets, moon);
    let mut reference: Option<Vec<u64>> = None;
    for (zones, threads) in [(1, 1), (96, 1), (96, 2)] {
        let run = Run::of(
            patch,
            &WorldSpec {
                zones,
                ..spec.clone()
            },
            threads,
            ticks,
        );
        match &reference {
            None => {
                println!(
                    "scene      {patch}: {:.1} others within {} m on average; {TICK_HZ} Hz, seed {SEED}, \
                     {WARM_UP} ticks before, {ticks} measured",
                    patch.others_near(&run.world),
                    spec.scenario.interaction_radius_m,
                );
                println!(
                    "           per tick: {}",
                    per_tick(&run.tally, ticks + WARM_UP)
                );
                reference = Some(run.digests.clone());
            }
            Some(expected) => assert!(
                *expected == run.digests,
                "{zones} zones on {threads} threads compute another world"
            ),
        }
        run.print(zones, threads);
    }
    println!("checked    the digest of every tick is the same for all of these\n");
}

fn per_tick(tally: &Tally, ticks: u64) -> String {
    let rate = |count: u64| count as f64 / ticks as f64;
    format!(
        "{:.0} contacts, {:.1} hits, {:.1} deaths",
        rate(tally.contacts) * 0.5,
        rate(tally.hits),
        rate(tally.kills)
    )
}

/// One world, run and timed.
struct Run {
    world: World,
    digests: Vec<u64>,
    tally: Tally,
    steps_ms: Vec<f64>,
    /// Processor time of all threads in the measured steps.
    cpu_ms: f64,
    /// Of the measured steps: the zones' own, all together, and the whole.
    zones_ns: u64,
    steps_ns: u64,
}

impl Run {
    fn of(patch: &Patch, spec: &WorldSpec, threads: usize, ticks: u64) -> Self {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("so few threads can be had");
        let world = World::genesis(spec.clone()).expect("the scene is possible");
        let mut run = Self {
            world,
            digests: Vec::new(),
            tally: Tally::default(),
            steps_ms: Vec::new(),
            cpu_ms: 0.0,
            zones_ns: 0,
            steps_ns: 0,
        };
        let in_zones = Arc::new(AtomicU64::new(0));
        run.world.set_stopwatch(stopwatch(Arc::clone(&in_zones)));
        for tick in 0..WARM_UP + ticks {
            let inputs = patch.inputs(&run.world);
            in_zones.store(0, Ordering::Relaxed);
            let (cpu_ms, start) = (cpu_ms(), Instant::now());
            let report = run.world.step(&inputs, &pool).expect("the next tick");
            let step_ms = start.elapsed().as_secs_f64() * 1e3;
            if tick >= WARM_UP {
                run.steps_ms.push(step_ms);
                run.cpu_ms += self::cpu_ms() - cpu_ms;
                run.zones_ns += in_zones.load(Ordering::Relaxed);
                run.steps_ns += (step_ms * 1e6) as u64;
            }
            run.digests.push(report.digest);
            run.tally.add(&report.tally);
        }
        assert_eq!(run.world.entities(), patch.entities(), "nobody is lost");
        run
    }

    fn print(mut self, zones: usize, threads: usize) {
        self.steps_ms.sort_by(f64::total_cmp);
        let cpu_ms = self.cpu_ms / self.steps_ms.len() as f64;
        let at = |share: f64| self.steps_ms[((self.steps_ms.len() - 1) as f64 * share) as usize];
        println!(
            "{zones:4} zones, {threads} threads: least {:7.2}, median {:7.2}, p99 {:7.2} ms per tick; \
             {cpu_ms:6.2} ms of processor time = {:6.1} ticks/s of a core, {:5.0} ns per entity",
            at(0.0),
            at(0.5),
            at(0.99),
            1e3 / cpu_ms,
            cpu_ms * 1e6 / self.world.entities() as f64,
        );
        if threads == 1 {
            let outside = 1.0 - self.zones_ns as f64 / self.steps_ns as f64;
            println!(
                "           outside the zones (inputs routed; effects, departures, Frames): {:.1} % of the \
                 step; the rest runs in parallel",
                100.0 * outside
            );
        }
    }
}

/// A stopwatch that sums what lies between its even and its odd readings: on one thread these are the
/// beginning and the end of each zone's step.
fn stopwatch(sum_ns: Arc<AtomicU64>) -> bluemarble_sim::Stopwatch {
    let (origin, readings) = (Instant::now(), AtomicU64::new(0));
    Arc::new(move || {
        let now = origin.elapsed().as_nanos() as u64;
        if readings.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            sum_ns.fetch_sub(now, Ordering::Relaxed);
        } else {
            sum_ns.fetch_add(now, Ordering::Relaxed);
        }
        now
    })
}

/// Processor time that all threads of this process have had. On a machine that others use, too, it
/// says more than the time of day; to some milliseconds in a run.
fn cpu_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let ran_ns = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(ran_ns).sum::<f64>() * 1e-6
}

/// What a zone costs in which nobody is, or everybody sleeps.
fn quiet_zones(what: &str, patch: &Patch, assets: &Path, moon: &Arc<Planet>) {
    const ZONES: usize = 384;
    let spec = WorldSpec {
        zones: ZONES,
        ..patch.spec(assets, moon)
    };
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("one thread can be had");
    let mut world = World::genesis(spec).expect("the scene is possible");
    let mut steps_us: Vec<f64> = Vec::new();
    for tick in 0..300 {
        let inputs = TickInputs::empty(world.tick().next(), Default::default());
        let start = Instant::now();
        let report = world.step(&inputs, &pool).expect("the next tick");
        let step_us = start.elapsed().as_secs_f64() * 1e6 / ZONES as f64;
        assert_eq!(report.entities, patch.entities());
        assert_eq!(world.asleep(), patch.entities(), "everybody, at once");
        // At first they lie down, and what is remembered of before fills up.
        if tick >= WARM_UP {
            steps_us.push(step_us);
        }
    }
    steps_us.sort_by(f64::total_cmp);
    println!(
        "{ZONES:4} {what} zones, {} entities, 1 thread: least {:.2}, median {:.2} µs per zone, the barrier \
         included",
        patch.entities(),
        steps_us[0],
        steps_us[steps_us.len() / 2]
    );
}
