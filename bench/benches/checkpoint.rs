//! What a checkpoint costs: the copy that the tick pays for, with 20,000 awake; encoding, packing
//! and storing a world of 100,000 entities, and how many bytes each of them takes; and bringing that
//! world back from its checkpoint and ten seconds of journal. What is read back must have the
//! digest that was stored, and the recovered world that of the world that ran on, before any figure
//! is printed.
//! `cargo bench -p bluemarble-bench --bench checkpoint`; SQLite in a temporary directory, and the
//! Postgres that `BLUEMARBLE_BENCH_POSTGRES_URL` names, if it names one: its world "bench" goes.
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../../spatial/benches/setting/mod.rs"]
mod setting;

#[path = "step/scene.rs"]
mod scene;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bluemarble_persistence::{
    Appended, CheckpointImage, ContentStamp, JournalError, JournalOptions, JournalReader,
    JournalRecord, JournalWriter, PackedCheckpoint, SegmentHeader, Store, sqlite_url,
};
use bluemarble_shared_protocol::{Epoch, Tick};
use bluemarble_sim::replay::{LoggedTick, Remembered, replay};
use bluemarble_sim::{Checkpoint, CheckpointPart, World, WorldSpec};
use bluemarble_spatial::Planet;
use rayon::{ThreadPool, ThreadPoolBuilder};
use scene::{Patch, SEED, TICK_HZ};
use setting::report::print_heading;
use tokio::runtime::Runtime;

/// Ticks before anything is measured.
const WARM_UP: u64 = 60;
/// Ticks of which each ends with a copy.
const COPIES: u64 = 60;
/// Ten seconds of journal.
const TAIL: u64 = 10 * TICK_HZ as u64;
const ZONES: usize = 96;
const WORLD: &str = "bench";
const POSTGRES_URL: &str = "BLUEMARBLE_BENCH_POSTGRES_URL";

fn main() {
    print_heading("checkpoint: copied, encoded, stored, read back, recovered");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let moon = Arc::new(Planet::load(&assets, "moon").expect("the repository's own planet"));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a thread per core can be had");
    println!(
        "load       {}",
        std::fs::read_to_string("/proc/loadavg")
            .unwrap_or_default()
            .trim()
    );
    let spec = |patch: &Patch| WorldSpec {
        zones: ZONES,
        ..patch.spec(&assets, &moon)
    };
    copies(&Patch::BUDGET, spec(&Patch::BUDGET), &pool);
    large(&Patch::LARGE, spec(&Patch::LARGE), &pool);
}

/// A world that has run for a while.
fn warmed_up(patch: &Patch, spec: WorldSpec, pool: &ThreadPool) -> World {
    println!("\nscene      {patch}, {ZONES} zones, {TICK_HZ} Hz, seed {SEED}");
    let mut world = World::genesis(spec).expect("the scene is possible");
    for _ in 0..WARM_UP {
        let inputs = patch.inputs(&world);
        world.step(&inputs, pool).expect("the next tick");
    }
    assert_eq!(world.entities(), patch.entities(), "nobody is lost");
    println!(
        "           {} entities, {} of them awake",
        world.entities(),
        world.entities() - world.asleep()
    );
    world
}

/// What the copy adds to a tick.
fn copies(patch: &Patch, spec: WorldSpec, pool: &ThreadPool) {
    let mut world = warmed_up(patch, spec, pool);
    let [mut steps, mut copies, mut alone, mut drops]: [Vec<Duration>; 4] = Default::default();
    let mut cpu = 0.0;
    for _ in 0..COPIES {
        let inputs = patch.inputs(&world);
        let start = Instant::now();
        world.step(&inputs, pool).expect("the next tick");
        steps.push(start.elapsed());
        let start = Instant::now();
        let snapshot = world.snapshot_on(pool);
        copies.push(start.elapsed());
        let start = Instant::now();
        drop(snapshot);
        drops.push(start.elapsed());
        let (before, start) = (cpu_ms(), Instant::now());
        let snapshot = world.snapshot();
        alone.push(start.elapsed());
        cpu += cpu_ms() - before;
        drop(snapshot);
    }
    print_times("step", steps);
    print_times(
        "copy (target: the tick no longer by more than 2 ms)",
        copies,
    );
    print_times("(on one thread)", alone);
    println!(
        "           (processor time of a copy: {:.2} ms)",
        cpu / COPIES as f64
    );
    print_times("(letting a copy go, on another thread)", drops);
}

/// Processor time that all threads of this process have had: on a machine that others use, too, it says
/// more than the time of day.
fn cpu_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let ran_ns = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(ran_ns).sum::<f64>() * 1e-6
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "           {what}: least {:.2}, median {:.2}, p99 {:.2}, most {:.2} ms",
        ms(0.0),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
}

/// A large world, stored and brought back.
fn large(patch: &Patch, spec: WorldSpec, pool: &ThreadPool) {
    let mut world = warmed_up(patch, spec.clone(), pool);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a thread can be had");
    let entities = world.entities() as f64;

    let start = Instant::now();
    let snapshot = world.snapshot_on(pool);
    let copied = start.elapsed();
    let (before, start) = (cpu_ms(), Instant::now());
    let checkpoint = snapshot.encode();
    let (encoded, encoding) = (start.elapsed(), cpu_ms() - before);
    let digest = checkpoint.digest;
    let mut image = CheckpointImage {
        world: WORLD.into(),
        tick: checkpoint.tick,
        epoch: Epoch(1),
        digest,
        content_hash: spec.content_hash(),
        provenance: String::new(),
        taken_ms: 1,
        parts: checkpoint
            .parts
            .into_iter()
            .map(|part| (part.zone, part.bytes))
            .collect(),
    };
    let bytes: usize = image.parts.iter().map(|(_, part)| part.len()).sum();
    let past = image
        .parts
        .iter()
        .find(|(zone, _)| *zone == CheckpointPart::PAST);
    let past = past.map_or(0, |(_, part)| part.len());
    let start = Instant::now();
    let packed = PackedCheckpoint::from(&image);
    let packing = start.elapsed();
    println!(
        "           copied in {copied:.0?}, encoded in {encoded:.0?} ({encoding:.0} ms of processor time) to {:.1} bytes an entity ({:.1} of \
         them the past), packed in {packing:.0?} to {:.1} (target: at most 128)",
        bytes as f64 / entities,
        past as f64 / entities,
        packed.stored_bytes() as f64 / entities
    );
    drop(packed);

    let mut urls = vec![("SQLite", sqlite_url(&dir.path().join("world.sqlite")))];
    urls.extend(
        std::env::var(POSTGRES_URL)
            .ok()
            .map(|url| ("Postgres", url)),
    );
    if urls.len() == 1 {
        println!("           no Postgres: {POSTGRES_URL} is not set");
    }
    for (name, url) in &urls {
        let (store, took) = stored(&runtime, url, &mut image);
        let start = Instant::now();
        let again = runtime
            .block_on(store.latest_checkpoint(WORLD))
            .expect("it is whole")
            .expect("it is there");
        let read = start.elapsed();
        assert!(again == image, "what is read is what was stored");
        println!(
            "           {name}: packed and durable {took:.0?} (target: less than 2 s), read back whole in \
             {read:.0?}"
        );
    }

    // The world runs on, and its journal with it.
    let journal = dir.path().join("journal");
    logged(patch, &mut world, &journal, pool);
    for (name, url) in &urls {
        let (before, start) = (cpu_ms(), Instant::now());
        let image = runtime.block_on(async {
            let store = Store::open(url).await.expect("it opens");
            store.latest_checkpoint(WORLD).await.expect("it is whole")
        });
        let image = image.expect("it is there");
        let read = start.elapsed();
        let found = recovered(spec.clone(), image, &journal, pool);
        let (all, cpu) = (start.elapsed(), cpu_ms() - before);
        assert_eq!(
            found.0.digest(),
            world.digest(),
            "the very world that ran on"
        );
        assert_eq!(found.0.tick(), world.tick());
        let restored = found.1;
        println!(
            "           {name}: recovered in {all:.2?} (target: less than 5 s): checkpoint read {read:.0?}, world \
             restored {restored:.0?}, {TAIL} ticks replayed {:.0?}, every digest compared; {cpu:.0} ms of processor time",
            all - read - restored
        );
        if *name == "Postgres" {
            runtime.block_on(async {
                let store = Store::open(url).await.expect("it opens");
                store.remove_world(WORLD).await.expect("it goes");
            });
        }
    }
    println!("checked    what was read back and the recovered worlds, by their digests");
}

/// Claims the world and stores the image twice, for a first time makes files; the second counts.
fn stored(runtime: &Runtime, url: &str, image: &mut CheckpointImage) -> (Store, Duration) {
    runtime.block_on(async {
        let store = Store::open(url).await.expect("it opens");
        let stamp = ContentStamp {
            content_hash: image.content_hash,
            build: "bench".into(),
        };
        let claim = store
            .claim(WORLD, &stamp)
            .await
            .expect("nobody else has it");
        image.epoch = claim.epoch;
        let mut took = Duration::ZERO;
        for _ in 0..2 {
            let start = Instant::now();
            store
                .save_checkpoint(&claim, image)
                .await
                .expect("it is stored");
            took = start.elapsed();
        }
        (store, took)
    })
}

/// Ten seconds, logged as a server does.
fn logged(patch: &Patch, world: &mut World, journal: &Path, pool: &ThreadPool) {
    let about = SegmentHeader {
        world: WORLD.into(),
        epoch: Epoch(1_000_000),
        first_tick: world.tick().next(),
        content_hash: world.spec().content_hash(),
        provenance: String::new(),
        build: "bench".into(),
    };
    let options = JournalOptions {
        queue_records: TAIL as usize,
        ..JournalOptions::default()
    };
    let mut writer = JournalWriter::create(journal, about, options).expect("a journal");
    for _ in 0..TAIL {
        let inputs = patch.inputs(world);
        let before = world.digest_parts();
        let appended = writer.append(JournalRecord {
            tick: inputs.tick,
            prev_digest: before.digest(),
            sealed_ms: 0,
            sketch: before.to_words(),
            payload: inputs.encode(),
        });
        assert_eq!(appended, Appended::Queued);
        world.step(&inputs, pool).expect("the next tick");
    }
    let status = writer.finish();
    assert_eq!(status.durable, world.tick());
    println!(
        "           {TAIL} ticks of journal: {:.1} MB",
        status.bytes as f64 / 1e6
    );
}

/// The world of an image and the journal behind it, and how long the first of it took.
fn recovered(
    spec: WorldSpec,
    image: CheckpointImage,
    journal: &Path,
    pool: &ThreadPool,
) -> (World, Duration) {
    let start = Instant::now();
    let part = |(zone, bytes)| CheckpointPart { zone, bytes };
    let checkpoint = Checkpoint {
        tick: image.tick,
        digest: image.digest,
        parts: image.parts.into_iter().map(part).collect(),
    };
    let mut world = World::restore(spec, &checkpoint).expect("the digest is right");
    let restored = start.elapsed();
    let after: Tick = world.tick();
    let records = JournalReader::open(journal, Epoch(0), after).expect("our own journal");
    let log = records.map(|record| {
        record.map(|record| LoggedTick {
            tick: record.tick,
            before: Remembered::new(record.prev_digest, &record.sketch),
            inputs: record.payload,
        })
    });
    let step = |world: &mut World, inputs: &_| {
        world.step(inputs, pool).expect("the next tick");
        Ok::<_, Infallible>(())
    };
    replay::<JournalError, _>(&mut world, log, step, |_| {}).expect("the same world");
    (world, restored)
}
