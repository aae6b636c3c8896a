//! What a question about the ground costs, warm, cold and in a crowd larger than the store of
//! tiles; every height is compared, to the last bit, with that of a planet that stores nothing.
//! `cargo bench -p bluemarble-spatial --bench terrain`.

mod setting;

use std::path::Path;

use bluemarble_spatial::{LatLng, Planet};
use glam::DVec3;
use setting::report::{Line, print_heading, print_table};
use setting::scene::Crowd;

const SEED: u64 = 20_261_121;
const ROUNDS: usize = 20;
/// 5 m/s at 20 Hz.
const STEP_M: f64 = 0.25;

fn main() {
    print_heading("terrain: heights of the ground");
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    for (name, middle) in [
        ("earth", LatLng::degrees(46.2, 7.4)),
        ("moon", LatLng::degrees(10.0, 20.0)),
    ] {
        let planet = Planet::load(&assets, name).expect("the repository's planets load");
        let uncached = planet.clone().with_tiles(0);
        let (tiles, bytes) = planet.tiles();
        println!(
            "planet     {name}, room for {tiles} tiles, {} MB",
            bytes / 1_000_000
        );
        println!("scene      walkers, {STEP_M} m per round, {ROUNDS} rounds, seed {SEED}");
        let middle = middle.to_dir();
        let mut lines = Vec::new();
        for (what, count, spread_m) in [
            ("10,000 in a disc of 500 m, warm", 10_000, 500.0),
            ("10,000 in a disc of 20 km, warm", 10_000, 20_000.0),
            ("10,000 all over the planet, warm", 10_000, f64::INFINITY),
            ("100,000 all over: more than fit", 100_000, f64::INFINITY),
        ] {
            lines.push(walk(&planet, &uncached, what, count, middle, spread_m));
        }
        lines.extend(cold(&planet, &uncached));
        print_table(&mut lines);
    }
}

/// Sums of heights by walkers over all rounds.
fn walk(
    planet: &Planet,
    uncached: &Planet,
    what: &str,
    count: usize,
    middle: DVec3,
    spread_m: f64,
) -> Line {
    let mut crowd = Crowd::new(SEED, count, planet.radius_m(), middle, spread_m);
    let mut line = Line::new(what, count, "height");
    let dirs = |crowd: &Crowd| -> Vec<DVec3> {
        crowd.positions.iter().map(|pos| pos.normalize()).collect()
    };
    // So often that every tile that is worth keeping is kept.
    for _ in 0..40 {
        checksum(planet, &dirs(&crowd));
    }
    for round in 0..ROUNDS {
        crowd.walk(STEP_M);
        let dirs = dirs(&crowd);
        let sum = line.time(|| checksum(planet, &dirs));
        if round == 0 {
            assert_eq!(sum, checksum(uncached, &dirs), "{what}");
        }
    }
    line
}

/// The exclusive or of all heights' bits, each turned by its place.
fn checksum(planet: &Planet, dirs: &[DVec3]) -> u64 {
    dirs.iter().enumerate().fold(0, |sum, (n, &dir)| {
        sum ^ planet
            .ground_at_unit(dir)
            .height_m
            .to_bits()
            .rotate_left(n as u32 % 64)
    })
}

/// First questions about places nobody asked about, and whole tiles.
fn cold(planet: &Planet, uncached: &Planet) -> [Line; 3] {
    const PLACES: usize = 400;
    let crowd = Crowd::new(SEED + 1, PLACES, planet.radius_m(), DVec3::X, f64::INFINITY);
    let dry: Vec<DVec3> = crowd.positions.iter().map(|pos| pos.normalize()).collect();
    let mut first = Line::new("first question about a place", PLACES, "height");
    let mut whole = Line::new("tile computed, and four questions", PLACES, "tile");
    let mut outline = Line::new("outline, for maps", PLACES, "height");
    for _ in 0..ROUNDS {
        // A copy has its own, empty store.
        let fresh = planet.clone();
        let sum = first.time(|| checksum(&fresh, &dry));
        assert_eq!(sum, checksum(uncached, &dry));
        // A tile with room in its set is computed at the fourth question in a row.
        let fresh = planet.clone();
        let sums = whole.time(|| {
            let ask = |dir: &DVec3| fresh.ground_at_unit(*dir).height_m.to_bits();
            dry.iter().fold(0, |sum, dir| {
                sum ^ ask(dir) ^ ask(dir) ^ ask(dir) ^ ask(dir) ^ ask(dir)
            })
        });
        let once = |sum, dir: &DVec3| sum ^ uncached.ground_at_unit(*dir).height_m.to_bits();
        assert_eq!(sums, dry.iter().fold(0, once));
        outline.time(|| {
            dry.iter()
                .map(|&dir| fresh.ground_outline(dir).height_m)
                .sum::<f64>()
        });
    }
    [first, whole, outline]
}
