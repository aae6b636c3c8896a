//! What recorded rigid bodies cost on the wire: a snapshot datagram for every recorded frame, through the
//! product's codec, with tables made from the first half of the recording and measured on the second. Every
//! datagram is decoded and compared with the recording, also when any single one is lost.
//!
//! `cargo bench -p bluemarble-bench --bench codec -- RECORDING.csv[.zst]`

#[path = "../src/tables/bodies.rs"]
mod bodies;
#[path = "../src/tables/counts.rs"]
#[expect(dead_code, reason = "the tool that writes tables uses the rest")]
mod counts;
#[path = "../src/tables/emit.rs"]
#[expect(dead_code, reason = "the tool that writes tables uses the rest")]
mod emit;
#[path = "../src/tables/fit.rs"]
mod fit;
#[path = "../src/tables/lag.rs"]
mod lag;
#[path = "codec/session.rs"]
mod session;
#[path = "codec/spent.rs"]
mod spent;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use bluemarble_shared_protocol::codec::SnapshotWriter;
use bluemarble_shared_protocol::codec::tables::{TableSet, V1, V2};

use bodies::Frame;
use session::{Client, Plan, Server, encode, id_of};
use spent::Spent;

/// The lags that tables are made for.
const LAGS_COUNTED: [u64; 5] = [1, 2, 3, 4, 6];
/// Most bytes of an update at lag 1, everything included.
const GATE_BYTES: f64 = 8.5;
/// Losses are so far apart, and each datagram is lost in one of as many runs.
const LOST_EVERY: u64 = 7;
/// Times that encoding and decoding are timed; the fastest counts.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let path = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let Some(path) = path else {
        println!(
            "codec: skipped, it needs a recording of rigid bodies: cargo bench -p bluemarble-bench \
             --bench codec -- RECORDING.csv[.zst]\n(columns frame, actor, class, x y z, qx qy qz qw, \
             vx vy vz; centimetres and seconds)"
        );
        return ExitCode::SUCCESS;
    };
    let frames = match bodies::read(Path::new(&path)) {
        Ok(frames) => frames,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let (first, second) = bodies::halves(&frames);
    let mut counts = counts::Counts::default();
    LAGS_COUNTED
        .iter()
        .for_each(|lag| lag::count(first, *lag, &mut counts));
    let trained: &'static TableSet = Box::leak(Box::new(emit::table_set(&counts, 0)));
    heading(&frames, second);
    let mut passed = true;
    for (name, tables) in [
        ("of the first half", trained),
        ("shipped", &V2),
        ("by hand", &V1),
    ] {
        for lag in [1, 3] {
            let bytes = measure(name, second, lag, tables);
            if lag == 1 && name == "of the first half" {
                passed = bytes <= GATE_BYTES;
            }
        }
    }
    for lag in [1, 3] {
        (0..LOST_EVERY).for_each(|lost| survive(second, lag, lost));
    }
    println!("every datagram decoded to the recording's states, and with any single one lost");
    if passed {
        ExitCode::SUCCESS
    } else {
        println!("MISSED: more than {GATE_BYTES} bytes per update at lag 1");
        ExitCode::FAILURE
    }
}

fn heading(frames: &[Frame], second: &[Frame]) {
    let rows = |frames: &[Frame]| frames.iter().map(|frame| frame.rows.len()).sum::<usize>();
    println!("codec: rigid bodies, position 1 cm, rotation 10 bit smallest three, velocity 1 cm/s");
    println!(
        "{} states in {} frames; measured: {} states in {} frames, {:.2} in each",
        rows(frames),
        frames.len(),
        rows(second),
        second.len(),
        rows(second) as f64 / second.len() as f64,
    );
    let build = if cfg!(debug_assertions) {
        "test"
    } else {
        "release"
    };
    println!("{build} build, x86-64 {}\n", std::env::consts::OS);
}

fn plans(frames: &[Frame], lag: u64, lost: impl Fn(u64) -> bool) -> Vec<Plan> {
    let mut server = Server::default();
    let plan = |(number, frame): (u64, &Frame)| {
        server.plan(frame, |held| held + lag <= number && !lost(held))
    };
    (1..).zip(frames).map(plan).collect()
}

/// One recording through the wire; bytes per update.
fn measure(name: &str, frames: &[Frame], lag: u64, tables: &'static TableSet) -> f64 {
    let plans = plans(frames, lag, |_| false);
    let mut writer = SnapshotWriter::default();
    let datagrams: Vec<Vec<u8>> = plans
        .iter()
        .map(|plan| encode(&mut writer, tables, plan))
        .collect();
    check(frames, &datagrams, tables, |_| false);
    let mut spent = Spent::default();
    for (plan, bytes) in plans.iter().zip(&datagrams) {
        spent.add(plan, bytes.len(), tables);
    }
    let per_update = spent.bytes_per_update();
    println!("lag {lag}, tables {name}: {per_update:.2} bytes per update, everything included");
    if name == "of the first half" {
        print!("{spent}");
        let encoding = fastest(|| {
            for plan in &plans {
                std::hint::black_box(encode(&mut writer, tables, plan));
            }
        });
        let decoding = fastest(|| {
            let mut client = Client::new(tables, frames[0].tick);
            for bytes in &datagrams {
                std::hint::black_box(client.take(bytes));
            }
        });
        let updates = spent.updates as f64;
        println!(
            "  encode {:.0} ns, decode {:.0} ns per update, datagrams and their making included\n",
            encoding / updates,
            decoding / updates,
        );
    }
    per_update
}

/// Nanoseconds.
fn fastest(mut work: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        #[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
        let start = Instant::now();
        work();
        times.push(start.elapsed().as_nanos() as f64);
    }
    times.into_iter().fold(f64::INFINITY, f64::min)
}

/// Every datagram that is not lost shows what was recorded.
fn check(
    frames: &[Frame],
    datagrams: &[Vec<u8>],
    tables: &'static TableSet,
    lost: impl Fn(u64) -> bool,
) {
    let mut client = Client::new(tables, frames[0].tick);
    for (number, (frame, bytes)) in (1..).zip(frames.iter().zip(datagrams)) {
        if lost(number) {
            continue;
        }
        let mut shown = client.take(bytes);
        let id = |(actor, state): &(u32, _)| (id_of(*actor), *state);
        let mut truth: Vec<_> = frame.rows.iter().map(id).collect();
        shown.sort_unstable_by_key(|(id, _)| *id);
        truth.sort_unstable_by_key(|(id, _)| *id);
        assert_eq!(shown, truth, "datagram {number}");
    }
}

/// One datagram in so many is lost; the server learns of it as of any other: by no acknowledgement.
fn survive(frames: &[Frame], lag: u64, which: u64) {
    let lost = |number: u64| number % LOST_EVERY == which;
    let mut writer = SnapshotWriter::default();
    let datagrams: Vec<_> = plans(frames, lag, lost)
        .iter()
        .map(|plan| encode(&mut writer, &V2, plan))
        .collect();
    check(frames, &datagrams, &V2, lost);
}
