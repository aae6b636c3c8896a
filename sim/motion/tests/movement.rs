//! How bodies move, on a smooth ball, on hills, among obstacles and in the sea.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use bluemarble_motion::{Body, MoveCommand, Mover, Support, limits, step};
use bluemarble_spatial::{LatLng, Planet, maths, mix};
use glam::DVec3;

const DT_S: f64 = 0.05;

const WALKER: Mover = Mover {
    top_speed_mps: 5.0,
    accel_mps2: 25.0,
    jump_mps: 5.0,
    radius_m: 0.35,
    eye_m: 1.6,
    max_slope: 0.8,
};

static EARTH: LazyLock<Planet> = LazyLock::new(|| {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    Planet::load(&assets, "earth").expect("the repository's planet loads")
});

/// A 5 km ball with noise of the given wavelength and height.
fn hills(wavelength_m: f64, amplitude_m: f64) -> Planet {
    planet(&format!(
        "radius_m: 5000.0, gravity_mps2: 9.81, frame_level: 1,
         roughness: (octaves: [(wavelength_m: {wavelength_m:?}, amplitude_m: {amplitude_m:?})])"
    ))
}

/// A smooth 5 km ball with many cylinders around its north pole.
fn pillars(height_m: f64) -> Planet {
    planet(&format!(
        "radius_m: 5000.0, gravity_mps2: 9.81, frame_level: 1,
         places: [(name: \"Pole\", lat_deg: 90.0, lng_deg: 0.0, population: 1)],
         obstacles: (settlements: 1, per_settlement: 400, disc_radius_m: 60.0, clear_radius_m: 3.0,
                     radius_m: (0.4, 2.0), height_m: ({height_m:?}, {height_m:?}))"
    ))
}

fn planet(fields: &str) -> Planet {
    let assets = tempfile::tempdir().unwrap();
    fs::create_dir(assets.path().join("planets")).unwrap();
    fs::write(
        assets.path().join("planets/test.ron"),
        format!("({fields})"),
    )
    .unwrap();
    Planet::load(assets.path(), "test").unwrap()
}

fn towards(wish: DVec3) -> MoveCommand {
    MoveCommand {
        wish,
        pace: 1.0,
        jump: false,
    }
}

fn still(body: &Body, planet: &Planet) -> Body {
    step(
        body,
        &MoveCommand::STAND,
        &WALKER,
        planet,
        DVec3::ZERO,
        DT_S,
    )
}

fn flat_speed(body: &Body) -> f64 {
    let up = body.pos.normalize();
    (body.vel - up * body.vel.dot(up)).length()
}

/// A reproducible stream of numbers in 0 .. 1.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        mix::unit(mix::mix64(self.0))
    }

    fn vector(&mut self) -> DVec3 {
        DVec3::new(self.next(), self.next(), self.next()) * 2.0 - 1.0
    }
}

#[test]
fn standing_still_moves_not_one_bit() {
    let slope = hills(40.0, 20.0);
    let mut draws = Draws(0);
    for planet in [&Planet::smooth(50_000.0), &slope, &*EARTH] {
        for _ in 0..10 {
            let start = Body::standing(planet, draws.vector(), draws.vector());
            let mut body = start;
            for _ in 0..10_000 {
                body = still(&body, planet);
            }
            assert_eq!(body, start);
        }
    }
}

#[test]
fn stopping_on_a_slope_ends_in_standing_still() {
    let slope = hills(40.0, 20.0);
    let mut body = Body::standing(&slope, DVec3::X, DVec3::Y);
    for _ in 0..100 {
        body = step(
            &body,
            &towards(body.facing),
            &WALKER,
            &slope,
            DVec3::ZERO,
            DT_S,
        );
    }
    for _ in 0..20 {
        body = still(&body, &slope);
    }
    assert_eq!(body.vel, DVec3::ZERO);
    assert_eq!(still(&body, &slope), body);
}

#[test]
fn a_great_circle_returns_to_its_start_with_the_same_heading() {
    let radius_m = 200.0;
    let planet = Planet::smooth(radius_m);
    // Over a pole, through a corner of the cube, and some other way.
    for (from, to) in [
        (DVec3::X, DVec3::Z),
        (DVec3::new(1.0, 1.0, 1.0), DVec3::new(1.0, -1.0, 0.0)),
        (DVec3::new(0.3, -0.5, 0.1), DVec3::new(0.2, 0.9, -0.4)),
    ] {
        let start = Body::standing(&planet, from, to);
        let mut body = step(
            &start,
            &towards(start.facing),
            &WALKER,
            &planet,
            DVec3::ZERO,
            DT_S,
        );
        // Up to speed; then count the ticks of one round.
        for _ in 0..20 {
            body = step(
                &body,
                &towards(body.facing),
                &WALKER,
                &planet,
                DVec3::ZERO,
                DT_S,
            );
        }
        let lap = body;
        let mut walked_m = 0.0;
        let round_m = 2.0 * core::f64::consts::PI * radius_m;
        while walked_m < round_m - 0.01 {
            let next = step(
                &body,
                &towards(body.facing),
                &WALKER,
                &planet,
                DVec3::ZERO,
                DT_S,
            );
            walked_m += next.pos.distance(body.pos);
            body = next;
        }
        assert!(
            body.pos.distance(lap.pos) < 0.3,
            "{} m off",
            body.pos.distance(lap.pos)
        );
        let off_plane_m = body.pos.dot(lap.pos.cross(lap.facing).normalize());
        assert!(
            off_plane_m.abs() < 1e-6,
            "{off_plane_m} m beside the circle"
        );
        // What is left between the two headings is the arc between the two places.
        let turned = maths::acos(body.facing.dot(lap.facing));
        assert!(turned < 0.3 / radius_m + 1e-9, "turned by {turned}");
    }
}

#[test]
fn nobody_outruns_their_top_speed() {
    for planet in [&Planet::smooth(6_371_000.0), &hills(60.0, 10.0), &*EARTH] {
        let mut draws = Draws(77);
        for _ in 0..20 {
            let mut body = Body::standing(planet, draws.vector(), draws.vector());
            for _ in 0..300 {
                let command = MoveCommand {
                    wish: if draws.next() < 0.5 {
                        body.facing
                    } else {
                        draws.vector()
                    },
                    pace: draws.next() * 3.0,
                    jump: draws.next() < 0.05,
                };
                let next = step(&body, &command, &WALKER, planet, DVec3::ZERO, DT_S);
                assert!(flat_speed(&next) <= WALKER.top_speed_mps + 1e-9);
                let up = next.pos.normalize();
                let moved = next.pos - body.pos;
                let across_m = (moved - up * moved.dot(up)).length();
                assert!(
                    across_m <= WALKER.top_speed_mps * DT_S + 1e-6,
                    "{across_m} m in a tick"
                );
                body = next;
            }
        }
    }
}

#[test]
fn acceleration_and_pace_are_what_was_asked_for() {
    let planet = Planet::smooth(50_000.0);
    let start = Body::standing(&planet, DVec3::Y, DVec3::X);
    let half = MoveCommand {
        wish: DVec3::X * 1e-30,
        pace: 0.5,
        jump: false,
    };
    let one = step(&start, &half, &WALKER, &planet, DVec3::ZERO, DT_S);
    assert!((one.vel.length() - 1.25).abs() < 1e-9, "25 m/s² for 50 ms");
    let mut body = one;
    for _ in 0..20 {
        body = step(&body, &half, &WALKER, &planet, DVec3::ZERO, DT_S);
    }
    assert!((flat_speed(&body) - 2.5).abs() < 1e-6, "half of 5 m/s");
}

#[test]
fn a_jump_is_as_high_as_its_take_off_speed_says_and_lands_where_it_began() {
    let planet = Planet::smooth(50_000.0);
    let start = Body::standing(&planet, DVec3::Z, DVec3::X);
    let jump = MoveCommand {
        jump: true,
        ..MoveCommand::STAND
    };
    let mut body = step(&start, &jump, &WALKER, &planet, DVec3::ZERO, DT_S);
    assert_eq!(body.support, Support::Air);
    let (mut highest_m, mut ticks) = (0.0, 1);
    while body.support == Support::Air {
        let height_m = body.pos.length() - planet.radius_m();
        highest_m = if height_m > highest_m {
            height_m
        } else {
            highest_m
        };
        // Holding the key does not jump again in the air.
        body = step(&body, &jump, &WALKER, &planet, DVec3::ZERO, DT_S);
        ticks += 1;
    }
    let expected_m = 5.0 * 5.0 / (2.0 * 9.81);
    assert!(
        (highest_m - expected_m).abs() < 9.81 * DT_S * DT_S / 8.0 + 1e-6,
        "{highest_m}"
    );
    assert!(
        (f64::from(ticks) * DT_S - 2.0 * 5.0 / 9.81).abs() <= DT_S,
        "{ticks} ticks"
    );
    assert_eq!((body.support, body.vel), (Support::Ground, DVec3::ZERO));
    assert!(body.pos.distance(start.pos) < 1e-6);
}

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
    let west = LatLng::new(38.7, -20.0).to_dir();
    let shore = {
        let (mut dry, mut wet) = (
            LatLng::new(38.72, -9.2).to_dir(),
            LatLng::new(38.72, -10.0).to_dir(),
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

#[test]
fn no_command_and_no_push_can_poison_a_body() {
    let planet = pillars(2.0);
    let bad = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        -f64::MAX,
        5e-324,
        -0.0,
        1.0,
    ];
    let mut draws = Draws(3);
    for start in [DVec3::Z, DVec3::X] {
        let mut body = Body::standing(&planet, start, DVec3::Y);
        for _ in 0..20_000 {
            let mut pick = || bad[(draws.next() * 8.0) as usize];
            let command = MoveCommand {
                wish: DVec3::new(pick(), pick(), pick()),
                pace: pick(),
                jump: pick() == 1.0,
            };
            let push = DVec3::new(pick(), pick(), pick());
            let next = step(&body, &command, &WALKER, &planet, push, DT_S);
            let (values, support) = next.to_values();
            assert!(
                Body::from_values(values, support).is_some(),
                "{command:?} {push} {next:?}"
            );
            let most_m = WALKER.top_speed_mps * DT_S + limits::PUSH_M_MAX + 4.0;
            assert!(next.pos.distance(body.pos) < most_m);
            body = next;
        }
    }
}

#[test]
fn a_wish_that_is_not_finite_is_standing() {
    let planet = Planet::smooth(50_000.0);
    let body = Body::standing(&planet, DVec3::X, DVec3::Y);
    for wish in [
        DVec3::NAN,
        DVec3::new(f64::INFINITY, 0.0, 0.0),
        DVec3::new(0.0, f64::NAN, 1.0),
    ] {
        assert_eq!(
            step(&body, &towards(wish), &WALKER, &planet, DVec3::ZERO, DT_S),
            body
        );
    }
    for dt_s in [0.0, -1.0, f64::NAN, 10.0] {
        assert_eq!(
            step(
                &body,
                &towards(DVec3::Y),
                &WALKER,
                &planet,
                DVec3::ZERO,
                dt_s
            ),
            body
        );
    }
}

#[test]
fn a_push_moves_aside_but_gives_no_speed_and_no_height() {
    let planet = Planet::smooth(50_000.0);
    let body = Body::standing(&planet, DVec3::X, DVec3::Y);
    let pushed = step(
        &body,
        &MoveCommand::STAND,
        &WALKER,
        &planet,
        DVec3::new(0.3, 0.2, 0.0),
        DT_S,
    );
    assert!((pushed.pos - body.pos).distance(DVec3::new(0.0, 0.2, 0.0)) < 1e-5);
    assert!(flat_speed(&pushed) == 0.0 && pushed.support == Support::Ground);
    let far = step(
        &body,
        &MoveCommand::STAND,
        &WALKER,
        &planet,
        DVec3::Y * 1e9,
        DT_S,
    );
    assert!((far.pos.distance(body.pos) - limits::PUSH_M_MAX).abs() < 1e-6);
}

#[test]
fn poles_are_places_like_any_other() {
    for planet in [&Planet::smooth(6_371_000.0), &*EARTH] {
        for pole in [DVec3::Z, DVec3::NEG_Z] {
            let start = Body::standing(planet, pole + DVec3::X * 1e-6, -DVec3::X);
            let mut body = start;
            for _ in 0..100 {
                body = step(
                    &body,
                    &towards(body.facing),
                    &WALKER,
                    planet,
                    DVec3::ZERO,
                    DT_S,
                );
            }
            // Straight across and out on the other side.
            assert!(body.pos.x < -1.0, "{body:?}");
            assert!(body.facing.dot(start.facing) > 0.999_999);
        }
    }
}

#[test]
fn the_same_step_gives_the_same_bits() {
    let mut hashes = [0u32; 2];
    for hash in &mut hashes {
        let mut draws = Draws(11);
        let mut body = Body::standing(&EARTH, LatLng::new(47.0, 11.0).to_dir(), DVec3::Z);
        for _ in 0..2_000 {
            let command = MoveCommand {
                wish: draws.vector(),
                pace: draws.next(),
                jump: draws.next() < 0.1,
            };
            body = step(&body, &command, &WALKER, &EARTH, draws.vector() * 0.1, DT_S);
        }
        *hash = body.hash32();
    }
    assert_eq!(hashes[0], hashes[1]);
}
