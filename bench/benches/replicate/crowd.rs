//! A crowd on a walled patch of a small moon, walking at 5 m/s and turning a little in every tick.

use std::sync::Arc;

use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{
    BodyBits, EntityId, InputSeq, OwnPurse, OwnState, OwnVitals, Tick, WireEntity, WireFrame,
};
use bluemarble_spatial::{CellId, FrameAxes, Level, maths};
use glam::DVec3;

use super::setting::scene::Draws;

/// The moon's radius, metres.
pub const RADIUS_M: f64 = 50_000.0;
/// Level of its frame cells.
pub const FRAME_LEVEL: Level = Level::of(6);
/// Ticks a second.
pub const HZ: u32 = 20;
const PACE_MPS: f64 = 5.0;
/// Most that a walker turns in a tick, radians, as far as nothing is in its way.
const TURN_RAD: f64 = 0.1;

/// Somebody who walks.
pub struct Walker {
    pub id: EntityId,
    /// The newest intent of its client that the world took.
    pub applied: u32,
    pub name: Arc<str>,
    pos: DVec3,
    heading: DVec3,
}

/// The crowd.
pub struct Crowd {
    pub walkers: Vec<Walker>,
    centre: DVec3,
    patch_m: f64,
    dice: Draws,
}

impl Crowd {
    /// So many on a round patch of this radius.
    pub fn new(seed: u64, n: usize, patch_m: f64) -> Self {
        let mut dice = Draws::new(seed);
        let centre = DVec3::new(0.3, 0.2, 0.9).normalize() * RADIUS_M;
        let walkers = (0..n).map(|n| walker(n, centre, patch_m, &mut dice));
        Self {
            walkers: walkers.collect(),
            centre,
            patch_m,
            dice,
        }
    }

    /// A tick passes.
    pub fn walk(&mut self) {
        for walker in &mut self.walkers {
            walk(walker, &mut self.dice, self.centre, self.patch_m);
        }
    }

    /// What clients may know of it.
    pub fn publish(&self, tick: Tick) -> WireFrame {
        publish(&self.walkers, tick)
    }
}

fn walker(n: usize, centre: DVec3, patch_m: f64, dice: &mut Draws) -> Walker {
    let name: Arc<str> = Arc::from(format!("walker {n}"));
    let up = centre.normalize();
    let (x, y) = up.any_orthonormal_pair();
    let pos = loop {
        let (a, b) = (dice.around_zero(), dice.around_zero());
        if a * a + b * b <= 1.0 {
            break centre + (x * a + y * b) * patch_m;
        }
    };
    Walker {
        id: EntityId::of_character(&name),
        name,
        pos: pos.normalize() * RADIUS_M,
        heading: (x * dice.around_zero() + y * dice.around_zero()).normalize(),
        applied: 0,
    }
}

fn walk(walker: &mut Walker, dice: &mut Draws, centre: DVec3, patch_m: f64) {
    let up = walker.pos.normalize();
    let side = up.cross(walker.heading);
    let home = centre - walker.pos;
    let turn = if home.length() > patch_m {
        if side.dot(home) > 0.0 { 0.15 } else { -0.15 }
    } else {
        dice.around_zero() * TURN_RAD
    };
    let heading = walker.heading + side * turn;
    walker.heading = (heading - up * up.dot(heading)).normalize();
    let next = walker.pos + walker.heading * (PACE_MPS / f64::from(HZ));
    walker.pos = next.normalize() * RADIUS_M;
}

fn publish(walkers: &[Walker], tick: Tick) -> WireFrame {
    let cell = CellId::at(walkers[0].pos, FRAME_LEVEL);
    let axes = FrameAxes::of(cell, RADIUS_M);
    let mut frame = WireFrame {
        tick,
        ..WireFrame::default()
    };
    for (row, walker) in (0..).zip(walkers) {
        let facing = axes.dir_to_local(walker.heading);
        let heading = quantise::yaw(maths::atan2(facing.y, facing.x));
        frame.ids.push(walker.id);
        frame.states.push(WireEntity {
            cell: cell.0,
            pos_cm: quantise::position_cm(axes.to_local(walker.pos)),
            vel_cmps: quantise::walker_velocity(facing * PACE_MPS, heading),
            yaw: heading,
            health: 255,
            ..WireEntity::default()
        });
        frame.audience.push(u32::MAX);
        frame.positions.push(walker.pos);
        frame.owned.push(OwnState {
            id: walker.id,
            row,
            name: walker.name.clone(),
            applied: InputSeq(walker.applied),
            touched: false,
            body: BodyBits::default(),
            body_hash: 1,
            vitals: OwnVitals {
                health: 100,
                health_max: 100,
                ..OwnVitals::default()
            },
            fell_to: None,
            felled: Vec::new(),
            purse: OwnPurse::default(),
        });
    }
    frame
}
