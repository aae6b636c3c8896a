//! What is replicated of a walker.

use bevy::prelude::*;
use bevy_replicon::prelude::*;
use peer_meadow::{Walker, Work};
use serde::{Deserialize, Serialize};

/// Which walker it is; written once.
#[derive(Clone, Copy, Component, Serialize, Deserialize)]
pub struct Number(pub u32);

/// As it comes: 29 bytes.
#[derive(Clone, Copy, Component, Serialize, Deserialize)]
pub struct Plain {
    pub pos: [f32; 3],
    pub yaw: f32,
    pub vel: [f32; 3],
    pub health: u8,
}

/// Packed by hand: position in centimetres within 650 m, velocity in 20 cm/s, heading in 1.4 degrees.
#[derive(Clone, Copy, Component, Serialize, Deserialize)]
pub struct Packed([u8; 10]);

/// Both sides must agree on this before channels are made.
pub fn register(app: &mut App, work: Work) {
    app.replicate::<Number>();
    if work.packed {
        app.replicate::<Packed>();
    } else {
        app.replicate::<Plain>();
    }
}

impl From<&Walker> for Plain {
    fn from(walker: &Walker) -> Self {
        Self {
            pos: walker.pos,
            yaw: walker.yaw,
            vel: walker.vel,
            health: walker.health,
        }
    }
}

impl From<&Walker> for Packed {
    fn from(walker: &Walker) -> Self {
        let cm = |m: f32| (m * 50.0).round() as i16;
        let [x, y, z] = walker.pos.map(cm).map(i16::to_le_bytes);
        let [vx, vy, _] = walker.vel.map(|mps| (mps * 20.0).round() as i8 as u8);
        let turn = walker.yaw.rem_euclid(std::f32::consts::TAU) / std::f32::consts::TAU;
        Self([
            x[0],
            x[1],
            y[0],
            y[1],
            z[0],
            z[1],
            vx,
            vy,
            (turn * 256.0) as u8,
            walker.health,
        ])
    }
}

impl Packed {
    pub fn pos(&self) -> [f32; 3] {
        let m = |at: usize| f32::from(i16::from_le_bytes([self.0[at], self.0[at + 1]])) / 50.0;
        [m(0), m(2), m(4)]
    }
}
