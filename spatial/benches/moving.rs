//! Who is near whom in a walking crowd: our grid at every SIMD level beside `rstar` and `kiddo`,
//! all rebuilt each tick, on the same positions. Everybody's neighbours must be the same sets
//! before any time is printed. `cargo bench -p bluemarble-spatial --bench moving`.

mod setting;

use bluemarble_spatial::{CellGrid, CellId, Level, Nearby, Nearest, Neighbour, SimdLevel};
use glam::DVec3;
use kiddo::{ImmutableKdTree, SquaredEuclidean};
use rstar::RTree;
use rstar::primitives::GeomWithData;
use setting::report::{Line, print_heading, print_table};
use setting::scene::Crowd;

const COUNT: usize = 10_000;
const OTHERS_MEAN: f64 = 100.0;
const SEED: u64 = 20_261_121;
const ROUNDS: usize = 40;
/// Observers who are timed at once: so few are done before somebody else wants the core.
const SLICE: usize = 250;
/// 5 m/s at 20 Hz.
const STEP_M: f64 = 0.25;

const OBSERVER: &str = "observer";

type Entry = GeomWithData<[f64; 3], u64>;

fn main() {
    print_heading("moving: everybody within a radius of everybody, and the rebuild");
    let patch = DVec3::new(0.3, -0.5, 0.8);
    run("a patch of a 50 km moon", 50_000.0, patch, 500.0, STEP_M);
    run("a patch of Earth", 6_371_000.0, patch, 500.0, STEP_M);
    let all = f64::INFINITY;
    run("all over a 50 km moon, fast", 50_000.0, patch, all, 25.0);
}

fn run(name: &str, planet_m: f64, middle: DVec3, spread_m: f64, step_m: f64) {
    let mut crowd = Crowd::new(SEED, COUNT, planet_m, middle, spread_m);
    let radius_m = radius_for_mean(&crowd, planet_m);
    let widest = CellId::level_for_min_width(radius_m, planet_m);
    println!(
        "scene      {name}: {COUNT} walkers, {step_m} m per tick, {OTHERS_MEAN} others within \
         {radius_m:.1} m on average, seed {SEED}"
    );
    let [usual, finest] = [1, 2].map(|finer| Level::of(widest.get() + finer));
    check(&crowd, usual, radius_m);
    for level in widest.through(finest) {
        println!(
            "cells      level {level}, at least {:.1} m wide",
            CellId::min_width_m(level, planet_m)
        );
        let with_peers = level == usual;
        measure(&mut crowd, level, radius_m, step_m, with_peers);
    }
}

/// Everybody's neighbours at every level, from both peers, and (of some) by looking at all.
fn check(crowd: &Crowd, level: Level, radius_m: f64) {
    let grids = grids(crowd, level);
    let tree = rstar_of(crowd);
    let kd_tree = kiddo_of(crowd);
    let mut nearest = Nearest::default();
    for (n, &pos) in crowd.positions.iter().enumerate() {
        let ours = near(&grids[0], pos, radius_m);
        for grid in &grids[1..] {
            let theirs = near(grid, pos, radius_m);
            assert!(ours == theirs, "{:?} differs at row {n}", grid.simd());
        }
        let mut ids: Vec<u64> = ours.iter().map(|other| other.id).collect();
        if n % 97 == 0 {
            let cell = |row: u32| CellId::at(crowd.positions[row as usize], level);
            let keys: Vec<_> = ours.iter().map(|o| (cell(o.row), o.id)).collect();
            assert!(keys.is_sorted(), "not by (cell, id)");
            let mut by_distance = ours.clone();
            by_distance.sort_by(|a, b| a.dist2_m2.total_cmp(&b.dist2_m2));
            grids[0].nearest(pos, ours.len(), f64::INFINITY, &mut nearest);
            assert_eq!(nearest.as_slice(), by_distance);
        }
        ids.sort_unstable();
        if n % 97 == 0 {
            let reach2 = radius_m * radius_m;
            let all = crowd.positions.iter().zip(&crowd.ids);
            let is_near = |other: &DVec3| other.distance_squared(pos) <= reach2;
            let mut naive: Vec<u64> = all
                .filter(|(other, _)| is_near(other))
                .map(|(_, &id)| id)
                .collect();
            naive.sort_unstable();
            assert_eq!(ids, naive, "row {n}");
        }
        let mut theirs = Vec::new();
        near_in_rstar(&tree, pos, radius_m, &mut theirs);
        theirs.sort_unstable();
        assert_eq!(ids, theirs, "rstar, row {n}");
        theirs.clear();
        near_in_kiddo(&kd_tree, crowd, pos, radius_m, &mut theirs);
        theirs.sort_unstable();
        assert_eq!(ids, theirs, "kiddo, row {n}");
    }
    println!("checked    all neighbour sets equal: every SIMD level, rstar, kiddo, brute force");
}

fn measure(crowd: &mut Crowd, level: Level, radius_m: f64, step_m: f64, with_peers: bool) {
    let mut grids = grids(crowd, level);
    let line = |what: String, unit| {
        let per = if unit == OBSERVER { SLICE } else { COUNT };
        Line::new(what, per, unit)
    };
    let names: Vec<String> = grids.iter().map(|g| format!("{:?}", g.simd())).collect();
    let mut rebuilds = line("grid: rebuild, walking".into(), "entity");
    let mut cold = line("grid: rebuild from nothing".into(), "entity");
    let mut queries: Vec<Line> = names
        .iter()
        .map(|name| line(format!("grid: near, {name}"), OBSERVER))
        .collect();
    let mut ten = line("grid: nearest 10".into(), OBSERVER);
    let mut peers = [
        line("rstar: bulk load".into(), "entity"),
        line("rstar: near, unordered".into(), OBSERVER),
        line("kiddo: bulk load".into(), "entity"),
        line("kiddo: near, unordered".into(), OBSERVER),
    ];
    let mut found = Vec::with_capacity(COUNT);
    let mut nearest = Nearest::default();
    for round in 0..ROUNDS {
        crowd.walk(step_m);
        let mut sums = Vec::new();
        for (n, (grid, line)) in grids.iter_mut().zip(&mut queries).enumerate() {
            let rebuild = |grid: &mut CellGrid| grid.rebuild(level, &crowd.positions, &crowd.ids);
            if n == 0 {
                rebuilds.time(|| rebuild(grid));
            } else {
                rebuild(grid);
            }
            let mut room = Nearby::default();
            let ask = |pos: &DVec3, found: &mut Vec<u64>| {
                found.extend(grid.near(*pos, radius_m, &mut room).map(|other| other.id));
            };
            sums.push(time_all(line, crowd, &mut found, ask));
        }
        if round % 4 == 0 {
            let mut grid = CellGrid::default();
            cold.time(|| grid.rebuild(level, &crowd.positions, &crowd.ids));
            assert_eq!(grid.len(), COUNT);
            let ask = |pos: &DVec3, found: &mut Vec<u64>| {
                grid.nearest(*pos, 10, f64::INFINITY, &mut nearest);
                found.extend(nearest.as_slice().iter().map(|other| other.id));
            };
            let (found, _) = time_all(&mut ten, crowd, &mut found, ask);
            assert_eq!(found, 10 * COUNT);
        }
        if with_peers && round % 4 == 0 {
            let tree = peers[0].time(|| rstar_of(crowd));
            let ask =
                |pos: &DVec3, found: &mut Vec<u64>| near_in_rstar(&tree, *pos, radius_m, found);
            sums.push(time_all(&mut peers[1], crowd, &mut found, ask));
            let tree = peers[2].time(|| kiddo_of(crowd));
            let ask = |pos: &DVec3, found: &mut Vec<u64>| {
                near_in_kiddo(&tree, crowd, *pos, radius_m, found);
            };
            sums.push(time_all(&mut peers[3], crowd, &mut found, ask));
        }
        assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    }
    let mut lines = vec![rebuilds, cold];
    lines.append(&mut queries);
    lines.push(ten);
    if with_peers {
        lines.extend(peers);
    }
    print_table(&mut lines);
}

/// Asks for everybody, writing the ids down, and notes the time of every slice; answers how many
/// there were and the sum of their ids.
fn time_all(
    line: &mut Line,
    crowd: &Crowd,
    found: &mut Vec<u64>,
    mut ask: impl FnMut(&DVec3, &mut Vec<u64>),
) -> (usize, u64) {
    let mut sum = (0, 0u64);
    for slice in crowd.positions.chunks(SLICE) {
        line.time(|| {
            for pos in slice {
                found.clear();
                ask(pos, found);
                sum.0 += found.len();
                sum.1 = found.iter().fold(sum.1, |sum, id| sum.wrapping_add(*id));
            }
        });
    }
    sum
}

/// The same crowd at each level that this CPU has.
fn grids(crowd: &Crowd, level: Level) -> Vec<CellGrid> {
    let usable = SimdLevel::ALL
        .into_iter()
        .filter(|simd| simd.is_available());
    usable
        .map(|simd| {
            let mut grid = CellGrid::with_simd(simd);
            grid.rebuild(level, &crowd.positions, &crowd.ids);
            grid
        })
        .collect()
}

fn near(grid: &CellGrid, pos: DVec3, radius_m: f64) -> Vec<Neighbour> {
    grid.near(pos, radius_m, &mut Nearby::default()).collect()
}

fn rstar_of(crowd: &Crowd) -> RTree<Entry> {
    let all = crowd.positions.iter().zip(&crowd.ids);
    RTree::bulk_load(
        all.map(|(pos, id)| Entry::new(pos.to_array(), *id))
            .collect(),
    )
}

fn near_in_rstar(tree: &RTree<Entry>, pos: DVec3, radius_m: f64, found: &mut Vec<u64>) {
    let within = tree.locate_within_distance(pos.to_array(), radius_m * radius_m);
    found.extend(within.map(|entry| entry.data));
}

fn kiddo_of(crowd: &Crowd) -> ImmutableKdTree<f64, 3> {
    let points: Vec<[f64; 3]> = crowd.positions.iter().map(DVec3::to_array).collect();
    ImmutableKdTree::new_from_slice(&points).expect("finite points")
}

fn near_in_kiddo(
    tree: &ImmutableKdTree<f64, 3>,
    crowd: &Crowd,
    pos: DVec3,
    radius_m: f64,
    found: &mut Vec<u64>,
) {
    let near = tree
        .query(&pos.to_array())
        .within::<SquaredEuclidean<f64>>(radius_m * radius_m)
        .unsorted()
        .with_result_capacity(128)
        .execute();
    found.extend(near.iter().map(|other| crowd.ids[other.item as usize]));
}

/// The radius at which the crowd sees as many others as it should, to half a percent.
fn radius_for_mean(crowd: &Crowd, planet_m: f64) -> f64 {
    let mean = |radius_m: f64| {
        let level = CellId::level_for_min_width(radius_m, planet_m);
        let grid = CellGrid::build(level, &crowd.positions, &crowd.ids);
        let mut room = Nearby::default();
        let count = |pos: &DVec3| grid.near(*pos, radius_m, &mut room).len();
        crowd.positions.iter().map(count).sum::<usize>() as f64 / COUNT as f64 - 1.0
    };
    let (mut low, mut high) = (1.0, planet_m);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if mean(middle) < OTHERS_MEAN {
            low = middle;
        } else {
            high = middle;
        }
        if (mean(low) - OTHERS_MEAN).abs() < 0.005 * OTHERS_MEAN {
            break;
        }
    }
    assert!((mean(low) - OTHERS_MEAN).abs() < 0.005 * OTHERS_MEAN);
    low
}
