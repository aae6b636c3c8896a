//! The workload that replication is measured with, as far as tables care: walkers on a plane at 5 m/s who
//! turn a little in every tick, some more than others. Scenarios have few of them, and tables must suit them
//! as well.

use bluemarble_shared_protocol::codec::{Baseline, quantise};
use bluemarble_shared_protocol::{WireEntity, hash_words};
use bluemarble_spatial::maths;
use bluemarble_spatial::mix::unit;
use glam::DVec3;

use super::counts::Counts;
use super::walkers::{AGES, HZ};

/// How many walk.
const WALKERS: u64 = 600;
/// For how many ticks.
const TICKS: u64 = 250;
/// Metres per second.
const PACE_MPS: f64 = 5.0;
/// By how much a walker turns in a tick at most, radians: each has one of these.
const TURNS_RAD: [f64; 6] = [0.0, 0.03, 0.1, 0.1, 0.12, 0.3];

/// Counts it; how many deltas that were. Another seed is another crowd.
pub fn count(seed: u64, counts: &mut Counts) -> u64 {
    let mut counted = 0;
    for walker in 0..WALKERS {
        let states = states(seed, walker);
        for age in AGES {
            for (now, state) in states.iter().enumerate().skip(age as usize) {
                let base = Baseline::alone(states[now - age as usize], age);
                counts.add(&base, HZ, state);
                counted += 1;
            }
        }
    }
    counted
}

/// One walker's states, tick by tick.
pub fn states(seed: u64, walker: u64) -> Vec<WireEntity> {
    let draw =
        |tick: u64, purpose: u64| unit(hash_words([seed, walker, tick, purpose])) * 2.0 - 1.0;
    let turn_rad = TURNS_RAD[(walker % TURNS_RAD.len() as u64) as usize];
    let mut place = DVec3::new(draw(0, 1) * 500.0, draw(0, 2) * 500.0, draw(0, 3) * 20.0);
    let mut heading = draw(0, 4) * core::f64::consts::PI;
    let walk = |tick| {
        heading += draw(tick, 5) * turn_rad;
        let (sin, cos) = maths::sin_cos(heading);
        let velocity = DVec3::new(cos, sin, 0.0) * PACE_MPS;
        place += velocity / f64::from(HZ);
        let yaw = quantise::yaw(heading);
        WireEntity {
            cell: 1,
            pos_cm: quantise::position_cm(place),
            vel_cmps: quantise::walker_velocity(velocity, yaw),
            yaw,
            health: u8::MAX,
            ..WireEntity::default()
        }
    };
    (1..=TICKS).map(walk).collect()
}
