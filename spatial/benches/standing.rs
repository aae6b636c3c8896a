//! Standing things: 100,000 of them in crowded discs of 5 km on a planet of Earth's size, asked for
//! the nearest 8, within 100 m, along a ray of 200 m and inside a polygon.
//!
//! Every query is compared with looking at all of them, on a sample, before any time is printed.
//!
//! `cargo bench -p bluemarble-spatial --bench standing`
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be prepared ends"
)]

mod setting;

use std::hint::black_box;

use bluemarble_spatial::{Direction, Polygon, Region, StaticTree};
use glam::DVec3;
use setting::report::{Line, print_heading, print_table};
use setting::scene::Draws;

const PLANET_M: f64 = 6_371_000.0;
const SEED: u64 = 3;
const THINGS: usize = 100_000;
/// Crowded places, each a disc of this radius, metres.
const DISCS: usize = 50;
const DISC_M: f64 = 5_000.0;
const QUERIES: usize = 4_000;
const RUNS: usize = 15;
/// Queries that are compared with brute force.
const SAMPLE: usize = 100;

fn main() {
    print_heading("standing");
    println!(
        "scene      {THINGS} things in {DISCS} discs of {DISC_M} m, seed {SEED}; {QUERIES} queries \
         around things"
    );
    let mut draws = Draws::new(SEED);
    let discs: Vec<DVec3> = (0..DISCS).map(|_| draws.dir()).collect();
    let positions: Vec<DVec3> = (0..THINGS)
        .map(|n| beside(discs[n % DISCS], DISC_M, &mut draws))
        .collect();
    let queries: Vec<DVec3> = (0..QUERIES)
        .map(|n| beside(discs[n % DISCS], DISC_M, &mut draws))
        .collect();
    let ahead: Vec<Direction> = queries
        .iter()
        .map(|at| Direction::new(draws.dir().reject_from(*at)).unwrap())
        .collect();
    // Octagons of 300 m.
    let polygons: Vec<Polygon> = queries.iter().map(|&at| octagon(at, 300.0)).collect();

    let mut build = Line::new("bulk load", THINGS, "thing");
    let mut tree = None;
    for _ in 0..5 {
        let placed = positions.iter().map(|&at| (at, ())).collect();
        tree = Some(build.time(|| StaticTree::bulk_load(placed).unwrap()));
    }
    let tree = tree.unwrap();
    for n in 0..SAMPLE {
        check(&tree, &positions, queries[n], ahead[n], &polygons[n]);
    }

    let mut lines = vec![build];
    let mut measure = |what: &str, query: &dyn Fn(usize) -> usize| {
        let mut line = Line::new(what, QUERIES, "query");
        let mut found = 0;
        for _ in 0..RUNS {
            found = line.time(|| (0..QUERIES).map(|n| query(black_box(n))).sum());
        }
        println!(
            "{what}: {:.1} found per query",
            found as f64 / QUERIES as f64
        );
        lines.push(line);
    };
    measure("nearest 8", &|n| tree.nearest(queries[n], 8).len());
    measure("within 100 m", &|n| tree.within(queries[n], 100.0).len());
    measure("along a ray of 200 m, within 10 m of it", &|n| {
        tree.along_ray(queries[n], ahead[n], 200.0, 10.0).len()
    });
    measure("inside an octagon of 300 m", &|n| {
        tree.inside(&polygons[n]).len()
    });
    print_table(&mut lines);
}

/// A place in a disc around a direction.
fn beside(middle: DVec3, radius_m: f64, draws: &mut Draws) -> DVec3 {
    let (east, north) = middle.any_orthonormal_pair();
    loop {
        let (x, y) = (draws.around_zero(), draws.around_zero());
        if x * x + y * y <= 1.0 {
            let aside = (east * x + north * y) * (radius_m / PLANET_M);
            return (middle + aside).normalize() * PLANET_M;
        }
    }
}

fn octagon(at: DVec3, radius_m: f64) -> Polygon {
    let up = at.normalize();
    let (east, north) = up.any_orthonormal_pair();
    let (far, near) = (radius_m / PLANET_M, core::f64::consts::FRAC_1_SQRT_2);
    let turns = [
        (1.0, 0.0),
        (near, near),
        (0.0, 1.0),
        (-near, near),
        (-1.0, 0.0),
        (-near, -near),
        (0.0, -1.0),
        (near, -near),
    ];
    let corner = |(x, y): (f64, f64)| Direction::new(up + (east * x + north * y) * far).unwrap();
    Polygon::new(turns.map(corner).to_vec(), Vec::new()).unwrap()
}

/// The four queries against looking at all things.
fn check(tree: &StaticTree<()>, all: &[DVec3], at: DVec3, ahead: Direction, polygon: &Polygon) {
    let ids = || 0_u32..;
    let mut by_distance: Vec<(f64, u32)> = all
        .iter()
        .zip(ids())
        .map(|(p, id)| (p.distance_squared(at), id))
        .collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let nearest: Vec<u32> = tree.nearest(at, 8).iter().map(|near| near.id).collect();
    let expected: Vec<u32> = by_distance[..8].iter().map(|&(_, id)| id).collect();
    assert_eq!(nearest, expected, "nearest 8");

    let where_ids = |holds: &dyn Fn(DVec3) -> bool| -> Vec<u32> {
        let found = all.iter().zip(ids()).filter(|(p, _)| holds(**p));
        found.map(|(_, id)| id).collect()
    };
    let within: Vec<u32> = tree.within(at, 100.0).iter().map(|near| near.id).collect();
    assert_eq!(
        within,
        where_ids(&|p| p.distance_squared(at) <= 1e4),
        "within"
    );
    let inside: Vec<u32> = tree.inside(polygon).iter().map(|&(id, ())| id).collect();
    let expected = where_ids(&|p| polygon.contains(Direction::new(p).unwrap()));
    assert_eq!(inside, expected, "inside");

    let passed = tree.along_ray(at, ahead, 200.0, 10.0);
    assert!(passed.is_sorted_by(|a, b| a.along_m <= b.along_m));
    let mut passed: Vec<u32> = passed.iter().map(|passed| passed.id).collect();
    passed.sort_unstable();
    let end = at + ahead.unit() * 200.0;
    let along = end - at;
    let expected = where_ids(&|p| {
        let share = ((p - at).dot(along) / along.length_squared()).clamp(0.0, 1.0);
        p.distance_squared(at + along * share) <= 100.0
    });
    assert_eq!(passed, expected, "along a ray");
}
