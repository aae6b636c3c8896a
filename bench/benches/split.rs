//! What changing zones costs a tick: a zone of 5,000 entities is split in two and merged again, over and
//! over, while they fight, beside the same world left alone. And what a step of 96 zones takes
//! outside its zones: sealed inputs, the barrier, remembering the tick.
//! Times are processor time of the one thread that runs all of it. Before any is printed the digests of every tick must be the same.
//! `cargo bench -p bluemarble-bench --bench split`; a number behind `--` is how many rounds.

#[path = "../../spatial/benches/setting/mod.rs"]
mod setting;

#[path = "step/scene.rs"]
mod scene;

use bluemarble_sim::{Change, World, WorldSpec};
use bluemarble_spatial::{CellId, Planet};
use rayon::{ThreadPool, ThreadPoolBuilder};
use scene::{Patch, SEED, TICK_HZ};
use setting::report::print_heading;
use std::path::Path;
use std::sync::Arc;

/// Ticks before the measurement: everybody has come in and found somebody to fight.
const WARM_UP: u64 = 60;
/// Ticks from a split to the merge, and from there to the next split.
const PHASE: usize = 12;
/// Splits and merges unless told otherwise.
const ROUNDS: usize = 16;

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(ROUNDS);
    print_heading("split: a tick in which zones change");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let moon = Arc::new(Planet::load(&assets, "moon").expect("the repository's own planet"));
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .expect("this thread can be had");
    split(&assets, &moon, &pool, rounds);
    outside_the_zones(&assets, &moon, &pool);
}

/// Processor time of this thread, nanoseconds: whoever else uses the machine does not count.
fn cpu_ns() -> u64 {
    // The kernel brings the figure up to date when the thread is switched.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran_ns = text.split_whitespace().next().map(str::parse);
    ran_ns
        .and_then(Result::ok)
        .expect("Linux tells each thread how long it ran")
}

fn since_ms(start_ns: u64) -> f64 {
    (cpu_ns() - start_ns) as f64 * 1e-6
}

/// One tick, in milliseconds.
fn step(patch: &Patch, world: &mut World, pool: &ThreadPool) -> f64 {
    let inputs = patch.inputs(world);
    let start = cpu_ns();
    world.step(&inputs, pool).expect("the next tick");
    since_ms(start)
}

/// The cell before which half of everybody stands.
fn middle(world: &World) -> CellId {
    let frame = &world.frames().zones[0];
    let half = frame.len() / 2;
    let is_half = |cell: &CellId| frame.rows_of(*cell).end > half;
    frame.cells().find(is_half).expect("somebody is there")
}

fn split(assets: &Path, moon: &Arc<Planet>, pool: &ThreadPool, rounds: usize) {
    let patch = Patch::BATTLE;
    let spec = patch.spec(assets, moon);
    let genesis = || World::genesis(spec.clone()).expect("the scene is possible");
    let (mut alone, mut cut) = (genesis(), genesis());
    for _ in 0..WARM_UP {
        step(&patch, &mut alone, pool);
        step(&patch, &mut cut, pool);
    }
    // Per tick since a split or a merge, per round: alone, cut.
    let mut ticks: Vec<Vec<(f64, f64)>> = vec![Vec::new(); 2 * PHASE];
    let (mut calls_ms, mut strays) = (Vec::new(), 0);
    for round in 0..rounds {
        for (tick, pairs) in ticks.iter_mut().enumerate() {
            let change = match tick {
                0 => Some(Change::Split {
                    zone: 0,
                    at: middle(&cut),
                }),
                PHASE => Some(Change::Merge { zone: 0 }),
                _ => None,
            };
            if let Some(change) = change {
                let start = cpu_ns();
                cut.change_zones(&[change]).expect("it fits");
                calls_ms.push(since_ms(start));
            }
            // Neither is always the first, that finds the caches cold.
            let pair = if (round + tick) % 2 == 0 {
                let first = step(&patch, &mut alone, pool);
                (first, step(&patch, &mut cut, pool))
            } else {
                let first = step(&patch, &mut cut, pool);
                (step(&patch, &mut alone, pool), first)
            };
            assert_eq!(alone.digest(), cut.digest(), "a change of zones shows");
            assert_eq!(cut.fault(), None);
            strays = strays.max(cut.strays());
            pairs.push(pair);
        }
    }
    assert_eq!(cut.entities(), patch.entities(), "nobody is lost");
    assert!(strays > patch.entities() / 3, "nobody had to wait");
    println!(
        "scene      {patch}, fighting; {TICK_HZ} Hz, seed {SEED}, 1 thread; {rounds} rounds of a split \
         in halves and a merge, {PHASE} ticks apart, {} departures a tick",
        World::DEPARTURES_PER_TICK
    );
    println!("checked    the digest of every tick is that of the world left alone; nobody is lost");
    println!("most waiting for their departure: {strays}");
    let least = |pairs: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        pairs
            .iter()
            .map(of)
            .min_by(f64::total_cmp)
            .unwrap_or_default()
    };
    let median = |pairs: &[(f64, f64)]| {
        let mut more: Vec<f64> = pairs.iter().map(|(alone, cut)| cut - alone).collect();
        more.sort_by(f64::total_cmp);
        more[more.len() / 2]
    };
    println!(
        "           ticks after a change: alone, with it (least of all rounds), median difference"
    );
    let (mut longest, mut longest_alone, mut most) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (tick, pairs) in ticks.iter().enumerate() {
        let (alone_ms, cut_ms) = (least(pairs, |p| p.0), least(pairs, |p| p.1));
        let what = if tick < PHASE { "split" } else { "merge" };
        if tick % PHASE < 8 {
            println!(
                "{what} +{}   {alone_ms:6.2} {cut_ms:6.2} {:+6.2} ms",
                tick % PHASE,
                median(pairs)
            );
        }
        longest = longest.max(cut_ms);
        longest_alone = longest_alone.max(alone_ms);
        most = most.max(median(pairs));
    }
    calls_ms.sort_by(f64::total_cmp);
    println!(
        "longest    {longest_alone:.2} ms alone, {longest:.2} ms with changes: {:+.2} ms; the most that \
         a tick is longer in the median: {most:+.2} ms (budget 2 ms)",
        longest - longest_alone
    );
    println!(
        "asking     for a change: {:.2} ms in the median, {:.2} ms at most, between two ticks\n",
        calls_ms[calls_ms.len() / 2],
        calls_ms[calls_ms.len() - 1]
    );
}

fn outside_the_zones(assets: &Path, moon: &Arc<Planet>, pool: &ThreadPool) {
    let patch = Patch::BUDGET;
    // A zone is looked at in two parts of a tick. Of the two looks at the watch around each, one's worth
    // lies outside what they measure.
    let start = cpu_ns();
    for _ in 0..1_000 {
        std::hint::black_box(cpu_ns());
    }
    let look_ns = (cpu_ns() - start) / 1_000;
    for zones in [1, 96] {
        let spec = WorldSpec {
            zones,
            ..patch.spec(assets, moon)
        };
        let mut world = World::genesis(spec).expect("the scene is possible");
        world.set_stopwatch(Arc::new(cpu_ns));
        let mut shares: Vec<(f64, f64)> = Vec::new();
        for tick in 0..100 {
            let step_ms = step(&patch, &mut world, pool);
            if tick >= 50 {
                let loads = world.zone_loads();
                let last_ns: u64 = loads.iter().map(|load| load.last_step_ns).sum();
                let last_ns = last_ns + 2 * look_ns * zones as u64;
                shares.push((step_ms, last_ns as f64 * 1e-6));
            }
        }
        shares.sort_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        let show = |(step_ms, zones_ms): (f64, f64)| {
            let outside_ms = step_ms - zones_ms;
            format!(
                "{outside_ms:.2} of {step_ms:.2} ms = {:.1} %",
                outside_ms / step_ms * 100.0
            )
        };
        println!(
            "{zones:4} zones, {patch}, 1 thread: outside the zones least {}, median {} (budget 5 %)",
            show(shares[0]),
            show(shares[shares.len() / 2])
        );
    }
}
