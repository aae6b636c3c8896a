//! What gets in a body's way: slopes, obstacles, the sea.

mod scene;

use bluemarble_motion::{Body, MoveCommand, Support, limits, step};
use bluemarble_spatial::{LatLng, Planet};
use glam::DVec3;
use scene::*;

#[test]
fn ground_that_is_too_steep_is_refused_and_gentle_ground_is_not() {
    let gentle = hills(40.0, 8.0);
    let steep = hills(40.0, 150.0);
    let climb = |planet: &Planet| {
        let mut draws = Draws(5);
        let (mut highest_slope, mut refused) = (0.0, 0);
        for _ in 0..20 {
            let mut body = Body::standing(planet, draws.vector(), draws.vector());
            for _ in 0..200 {
                let next = step(
                    &body,
                    &towards(body.facing),
                    &WALKER,
                    planet,
                    DVec3::ZERO,
                    DT_S,
                );
                let rise_m = next.pos.length() - body.pos.length();
                let run_m = {
                    let moved = next.pos - body.pos;
                    let up = body.pos.normalize();
                    (moved - up * moved.dot(up)).length()
                };
                if next.support == Support::Ground && body.support == Support::Ground {
                    assert!(
                        rise_m <= WALKER.max_slope * run_m + 1e-3,
                        "{rise_m} on {run_m}"
                    );
                    let slope = if run_m > 0.01 { rise_m / run_m } else { 0.0 };
                    highest_slope = if slope > highest_slope {
                        slope
                    } else {
                        highest_slope
                    };
                    refused += u32::from(flat_speed(&next) < 2.0);
                }
                body = next;
            }
        }
        (highest_slope, refused)
    };
    let (slope, refused) = climb(&gentle);
    assert!(
        slope > 0.15 && refused <= 40,
        "gentle: {slope}, {refused} refused"
    );
    let (slope, refused) = climb(&steep);
    assert!(
        slope > 0.6 && refused > 200,
        "steep: {slope}, {refused} refused"
    );
}

#[test]
fn nobody_walks_or_jumps_or_is_pushed_into_an_obstacle() {
    for height_m in [0.9, 8.0] {
        let planet = pillars(height_m);
        let mut draws = Draws(99);
        let mut touched = 0;
        for _ in 0..40 {
            let mut body = Body::standing(&planet, DVec3::Z, draws.vector());
            let heading = body.facing;
            for tick in 0..600 {
                let command = MoveCommand {
                    wish: if tick % 50 < 40 {
                        heading
                    } else {
                        draws.vector()
                    },
                    pace: 1.0,
                    jump: draws.next() < 0.02,
                };
                let push = if draws.next() < 0.1 {
                    draws.vector()
                } else {
                    DVec3::ZERO
                };
                body = step(&body, &command, &WALKER, &planet, push, DT_S);
                touched += u32::from(body.vel.length() < 4.0);
                for obstacle in planet.obstacles().as_slice() {
                    let up = obstacle.up();
                    let from_base = body.pos - obstacle.base;
                    let feet_m = from_base.dot(up);
                    let across_m = (from_base - up * feet_m).length();
                    let reach_m = obstacle.radius_m + WALKER.radius_m;
                    let inside = across_m < reach_m - 1e-3 && feet_m < obstacle.height_m - 0.01;
                    assert!(
                        !inside,
                        "tick {tick}: {across_m} of {reach_m} m, feet {feet_m} m"
                    );
                }
            }
        }
        assert!(touched > 500, "they met something: {touched}");
    }
}

#[test]
fn low_obstacles_are_jumped_onto_and_walked_off() {
    let planet = pillars(0.9);
    let target = planet.obstacles().as_slice().iter().find(|o| {
        let mut alone = 0;
        planet.obstacles().near(o.base, 3.0, |_| alone += 1);
        alone == 1 && o.radius_m > 0.8
    });
    let target = target.expect("one of four hundred stands alone");
    let up = target.up();
    let mut body = Body::standing(&planet, target.base + up.any_orthonormal_vector() * 3.0, up);
    let mut was_on_top = 0;
    for tick in 0..200 {
        let wish = if tick < 100 {
            target.base - body.pos
        } else {
            body.facing
        };
        let command = MoveCommand {
            wish,
            pace: 1.0,
            jump: tick % 20 == 0 && tick < 100,
        };
        body = step(&body, &command, &WALKER, &planet, DVec3::ZERO, DT_S);
        let height_m = body.pos.length() - planet.radius_m();
        let on_top = body.support == Support::Ground && (height_m - 0.9).abs() < 1e-6;
        was_on_top += u32::from(on_top);
    }
    assert!(was_on_top > 5, "{was_on_top} ticks on top");
    assert!(
        (body.pos.length() - planet.radius_m()).abs() < 1e-6,
        "down again"
    );
}

#[test]
fn the_sea_slows_and_carries_and_lets_go_again() {
    // West of Lisbon, walking into the Atlantic and back.
    let west = LatLng::degrees(38.7, -20.0).to_dir();
    let shore = {
        let (mut dry, mut wet) = (
            LatLng::degrees(38.72, -9.2).to_dir(),
            LatLng::degrees(38.72, -10.0).to_dir(),
        );
        assert!(!EARTH.is_water(dry) && EARTH.is_water(wet));
        for _ in 0..40 {
            let middle = (dry + wet).normalize();
            if EARTH.is_water(middle) {
                wet = middle
            } else {
                dry = middle
            }
        }
        dry
    };
    let start = Body::standing(&EARTH, shore - west * 1e-6, west);
    let mut body = start;
    assert_eq!(body.support, Support::Ground);
    for _ in 0..400 {
        body = step(&body, &towards(west), &WALKER, &EARTH, DVec3::ZERO, DT_S);
    }
    assert_eq!(body.support, Support::Water);
    assert!((body.pos.length() - EARTH.radius_m()).abs() < 1e-6);
    assert!((flat_speed(&body) - WALKER.top_speed_mps * limits::SWIM_SPEED).abs() < 1e-6);
    let jump = MoveCommand {
        jump: true,
        ..towards(west)
    };
    let jumped = step(&body, &jump, &WALKER, &EARTH, DVec3::ZERO, DT_S);
    assert_eq!(jumped.support, Support::Water, "nobody jumps out of water");
    for _ in 0..1_000 {
        body = step(
            &body,
            &towards(start.pos - body.pos),
            &WALKER,
            &EARTH,
            DVec3::ZERO,
            DT_S,
        );
    }
    assert_eq!(body.support, Support::Ground);
    assert_eq!(Body::standing(&EARTH, west, shore).support, Support::Water);
}
