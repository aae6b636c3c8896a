//! What the queries of every tick cost: `cargo run --release -p bluemarble-motion --example timings`.
//! Each line checks something about its result, so that nothing is optimised away.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::path::Path;
use std::time::Instant;

use bluemarble_motion::{Body, MoveCommand, Mover, Support, step};
use bluemarble_spatial::{CellGrid, CellId, Level, Nearby, Planet, mix};
use glam::DVec3;

const WALKER: Mover = Mover {
    top_speed_mps: 5.0,
    accel_mps2: 25.0,
    jump_mps: 5.0,
    radius_m: 0.35,
    eye_m: 1.6,
    max_slope: 0.8,
};

fn timed<T>(what: &str, count: u32, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let each = start.elapsed().as_secs_f64() / f64::from(count);
    println!("{what:55} {:10.0} ns", each * 1e9);
    result
}

fn main() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let load = || Planet::load(&assets, "earth").expect("run from the repository");
    let earth = timed("load Earth", 1, load);
    println!("{:55} {:10}", "obstacles", earth.obstacles().len());

    let square = earth.dry_ground_near(earth.settlements()[1].at.to_dir());
    let count = 10_000u32;
    let spot = |n: u32| {
        let c = |k: u64| mix::unit(mix::mix64(u64::from(n) * 3 + k)) - 0.5;
        (square + DVec3::new(c(0), c(1), c(2)) * 600.0).normalize()
    };
    let dirs: Vec<DVec3> = (0..count).map(spot).collect();
    let sum: f64 = timed("ground in a city", count, || {
        dirs.iter().map(|&d| earth.ground_m(d)).sum()
    });
    assert!(sum > 0.0);
    let cells: u64 = timed("leaf cell", count, || {
        dirs.iter().fold(0, |s, &d| s ^ CellId::leaf_at(d).0)
    });
    assert!(cells != 0);
    let cells: Vec<CellId> = dirs.iter().map(|&d| CellId::at(d, Level::of(15))).collect();
    let sum: usize = timed("all neighbours of a cell", count, || {
        cells.iter().map(|c| c.all_neighbours().len()).sum()
    });
    assert_eq!(sum, 80_000);
    let mut near = 0;
    timed("obstacles within 0.35 m", count, || {
        dirs.iter()
            .for_each(|&d| earth.obstacles().near(d, 0.35, |_| near += 1));
    });
    let seen = timed("line of sight over 30 m", count, || {
        dirs.iter()
            .filter(|&&d| {
                let there = (d * earth.radius_m() + d.any_orthonormal_vector() * 30.0).normalize();
                earth.line_of_sight(
                    earth.surface_at(d) + d * 1.6,
                    earth.surface_at(there) + there * 1.6,
                )
            })
            .count()
    });
    println!("{near} near obstacles, {seen} of {count} seen");

    for (what, planet) in [
        ("Earth", &earth),
        ("a smooth ball", &Planet::smooth(6_371_000.0)),
    ] {
        let mut bodies: Vec<Body> = dirs
            .iter()
            .map(|&d| Body::standing(planet, d, DVec3::Z))
            .collect();
        let run = |bodies: &mut Vec<Body>, pace: f64, jump: bool| {
            for _ in 0..20 {
                for body in &mut *bodies {
                    let command = MoveCommand {
                        wish: body.facing * pace,
                        pace,
                        jump,
                    };
                    *body = step(body, &command, &WALKER, planet, DVec3::ZERO, 0.05);
                }
            }
        };
        timed(&format!("step on {what}, standing"), count * 20, || {
            run(&mut bodies, 0.0, false)
        });
        timed(&format!("step on {what}, walking"), count * 20, || {
            run(&mut bodies, 1.0, false)
        });
        timed(&format!("step on {what}, jumping"), count * 20, || {
            run(&mut bodies, 1.0, true)
        });
        assert!(
            bodies
                .iter()
                .all(|b| b.support == Support::Water || b.vel != DVec3::ZERO)
        );
    }

    // W(10000, 100): a disc in which 100 others are within 50 m.
    let crowd: Vec<DVec3> = (0..count)
        .map(|n| {
            let c = |k: u64| mix::unit(mix::mix64(u64::from(n) * 2 + k + 7_777_777)) - 0.5;
            let side = square.normalize().any_orthonormal_vector();
            let across = square.normalize().cross(side);
            square + (side * c(0) + across * c(1)) * 886.0
        })
        .collect();
    for level in [15, 16, 17, 18, 19].map(Level::of) {
        let ids: Vec<u64> = (0..u64::from(count)).collect();
        let mut grid = CellGrid::build(level, &crowd, &ids);
        timed(
            &format!("grid of level {level}: rebuild, each row"),
            count,
            || grid.rebuild(level, &crowd, &ids),
        );
        let (mut pairs, mut room) = (0, Nearby::default());
        timed(
            &format!("grid of level {level}: all within 50 m of one"),
            count,
            || {
                for &p in &crowd {
                    pairs += grid.near(p, 50.0, &mut room).len();
                }
            },
        );
        println!(
            "{:55} {:10.1}",
            "mean found",
            pairs as f64 / f64::from(count)
        );
    }
}
