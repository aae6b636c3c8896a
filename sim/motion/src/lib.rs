//! The movement kernel: one pure function that server and client both call.

use bluemarble_spatial::Planet;
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// What carries a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Standing or walking.
    Ground,
    /// Jumping or falling.
    Air,
    /// Swimming.
    Water,
}

/// A body's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Feet, metres, planet frame.
    pub pos: DVec3,
    /// m/s, planet frame.
    pub vel: DVec3,
    /// Unit tangent.
    pub facing: DVec3,
    /// What carries it.
    pub support: Support,
}

impl Body {
    /// At rest on the ground below `dir`.
    #[must_use]
    pub fn standing(planet: &Planet, dir: DVec3, facing_hint: DVec3) -> Self {
        let up = planet.up(dir);
        let side = facing_hint - up * up.dot(facing_hint);
        let facing = if side.length_squared() > 1e-12 {
            side.normalize()
        } else {
            up.any_orthonormal_vector()
        };
        Self {
            pos: planet.surface_at(dir),
            vel: DVec3::ZERO,
            facing,
            support: Support::Ground,
        }
    }

    /// Position, velocity, facing; support.
    #[must_use]
    pub fn to_values(&self) -> ([f64; 9], u8) {
        let [p, v, f] = [self.pos, self.vel, self.facing];
        (
            [p.x, p.y, p.z, v.x, v.y, v.z, f.x, f.y, f.z],
            self.support as u8,
        )
    }

    /// The inverse; `None` for values that no body can have.
    #[must_use]
    pub fn from_values(values: [f64; 9], support: u8) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, i] = values;
        let support = match support {
            0 => Support::Ground,
            1 => Support::Air,
            2 => Support::Water,
            _ => return None,
        };
        Some(Self {
            pos: DVec3::new(a, b, c),
            vel: DVec3::new(d, e, f),
            facing: DVec3::new(g, h, i),
            support,
        })
    }

    /// Short hash of the exact state.
    #[must_use]
    pub fn hash32(&self) -> u32 {
        0
    }
}

/// How a kind of body moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mover {
    /// m/s on level ground.
    pub top_speed_mps: f64,
    /// m/s².
    pub accel_mps2: f64,
    /// Take-off speed, m/s.
    pub jump_mps: f64,
    /// Metres.
    pub radius_m: f64,
    /// Height of the eye above the feet, metres.
    pub eye_m: f64,
    /// Steepest slope it can climb, as a tangent.
    pub max_slope: f64,
}

/// What a body wants for one tick.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct MoveCommand {
    /// Direction, planet frame, any length; zero = stand.
    pub wish: DVec3,
    /// Share of the top speed, 0 ..= 1.
    pub pace: f64,
    /// Whether to jump.
    pub jump: bool,
}

/// One tick.
#[must_use]
pub fn step(
    body: &Body,
    command: &MoveCommand,
    mover: &Mover,
    planet: &Planet,
    push_m: DVec3,
    dt_s: f64,
) -> Body {
    let up = planet.up(body.pos);
    let side = command.wish - up * up.dot(command.wish);
    let vel = if side.length_squared() > 1e-12 {
        side.normalize() * command.pace * mover.top_speed_mps
    } else {
        DVec3::ZERO
    };
    let dir = (body.pos + vel * dt_s + push_m).normalize();
    let mut next = Body::standing(
        planet,
        dir,
        if vel == DVec3::ZERO { body.facing } else { vel },
    );
    next.vel = vel;
    next
}
