//! How bodies move: speeds, jumps, circles, commands that make no sense.

mod scene;

use bluemarble_motion::{Body, MoveCommand, Support, limits, step};
use bluemarble_spatial::{Planet, maths};
use glam::DVec3;
use scene::*;

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

/// Golden: every build, optimised or not, on every machine, must end here. A change of the kernel
/// that moves it makes recorded worlds diverge, so it belongs in the changelog.
#[test]
fn the_same_steps_give_the_same_bits_in_every_build() {
    let rough = planet(
        "radius_m: 50000.0, gravity_mps2: 3.0, frame_level: 4,
         terrain: (detail: (wavelength_m: 90.0, octaves: 3, gain: 0.3, amplitude_m: 12.0)),
         places: [(name: \"Camp\", lat_deg: 35.3, lng_deg: 45.0, population: 1)],
         obstacles: (settlements: 1, per_settlement: 200, disc_radius_m: 50.0,
                     clear_radius_m: 2.0, radius_m: (0.4, 2.0), height_m: (0.5, 3.0))",
    );
    let camp = rough.settlements()[0].at.to_dir();
    let mut draws = Draws(11);
    let mut body = Body::standing(&rough, camp, DVec3::Z);
    for _ in 0..5_000 {
        let wish = camp * rough.radius_m() - body.pos + draws.vector() * 60.0;
        let command = MoveCommand {
            wish,
            pace: draws.next(),
            jump: draws.next() < 0.1,
        };
        body = step(&body, &command, &WALKER, &rough, draws.vector() * 0.1, DT_S);
    }
    assert_eq!(body.hash32(), 0xa2a6_596a, "{body:?} {:#x}", body.hash32());
}
