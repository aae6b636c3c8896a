//! One tick of one body: what it wants → how fast it goes → what is in the way → what carries it.
//!
//! Movement happens in the tangent plane of the body's position and is projected back onto the
//! sphere, so there are no poles; the heading is parallel-transported by projecting it onto the
//! new tangent plane, which is exact in the limit of short steps. A step looks at the ground once,
//! and at rest not at all.

use bluemarble_spatial::{Ground, Obstacle, Planet};
use glam::DVec3;

use crate::body::{Body, Support, any_tangent, tangent_unit};
use crate::limits::{
    AIR_CONTROL, DT_S_MAX, PUSH_M_MAX, SPEED_MPS_MAX, STEP_DOWN_M, STEP_UP_M, STRIDE_M,
    STRIDES_MAX, SWIM_SPEED,
};
use crate::mover::{MoveCommand, Mover};

/// Kept between a body and an obstacle it leans on, metres: rounding must not let it in.
const SKIN_M: f64 = 1e-6;
/// Distance at which the slope underfoot is measured, metres.
const PROBE_M: f64 = 0.25;

/// Where `body` is one tick of `dt_s` seconds (above 0, at most [`DT_S_MAX`]; others change
/// nothing) later.
///
/// `mover` must be sound ([`Mover::problem`]). `push_m` is what contacts with others displace it
/// by in this tick; its tangent part counts, up to [`PUSH_M_MAX`]. Nothing in `command` or
/// `push_m` can make the result anything but a possible body: what is not finite is ignored.
#[must_use]
pub fn step(
    body: &Body,
    command: &MoveCommand,
    mover: &Mover,
    planet: &Planet,
    push_m: DVec3,
    dt_s: f64,
) -> Body {
    if !(dt_s > 0.0 && dt_s <= DT_S_MAX) {
        return *body;
    }
    let radial_m = body.pos.length();
    let up = body.pos / radial_m;
    let wish = tangent_unit(command.wish, up);
    let facing = wish.unwrap_or(body.facing);
    let rise_mps = body.vel.dot(up);
    let flat_mps = body.vel - up * rise_mps;
    let push_m = sane_push(push_m, up);
    let jumps = command.jump && body.support == Support::Ground;

    let aim_mps = wish.unwrap_or(DVec3::ZERO) * (mover.top_speed_mps * share(command.pace));
    let flat_mps = steer(body.support, flat_mps, aim_mps, mover.accel_mps2 * dt_s);
    let airborne = jumps || body.support == Support::Air;
    if !airborne && flat_mps == DVec3::ZERO && push_m == DVec3::ZERO {
        return Body {
            vel: DVec3::ZERO,
            facing,
            ..*body
        };
    }

    let height_m = radial_m - planet.radius_m();
    let tick = Tick {
        body,
        mover,
        planet,
        up,
        height_m,
        flat_mps,
        push_m,
        facing,
        dt_s,
    };
    let next = if airborne {
        tick.fly(if jumps { mover.jump_mps } else { rise_mps })
    } else {
        tick.walk()
    };
    debug_assert!(next.pos.is_finite() && next.vel.is_finite() && next.facing.is_finite());
    next
}

/// A share of 0 ..= 1; NaN is none.
fn share(pace: f64) -> f64 {
    if pace >= 1.0 {
        1.0
    } else if pace > 0.0 {
        pace
    } else {
        0.0
    }
}

/// The tangent part of a push, no longer than [`PUSH_M_MAX`].
fn sane_push(push_m: DVec3, up: DVec3) -> DVec3 {
    if push_m == DVec3::ZERO {
        return DVec3::ZERO;
    }
    let Some(direction) = tangent_unit(push_m, up) else {
        return DVec3::ZERO;
    };
    let length_m = push_m.dot(direction);
    direction
        * if length_m < PUSH_M_MAX {
            length_m
        } else {
            PUSH_M_MAX
        }
}

/// The horizontal velocity after one tick of wanting `aim_mps`.
fn steer(support: Support, flat_mps: DVec3, aim_mps: DVec3, change_mps: f64) -> DVec3 {
    match support {
        Support::Ground => approach(flat_mps, aim_mps, change_mps),
        Support::Water => approach(flat_mps, aim_mps * SWIM_SPEED, change_mps * SWIM_SPEED),
        // Nobody brakes in the air without wanting to go somewhere.
        Support::Air if aim_mps == DVec3::ZERO => flat_mps,
        Support::Air => approach(flat_mps, aim_mps, change_mps * AIR_CONTROL),
    }
}

/// `from`, moved towards `to` by at most `most`; exactly `to` if it is that near.
fn approach(from: DVec3, to: DVec3, most: f64) -> DVec3 {
    let difference = to - from;
    let length = difference.length();
    if length <= most {
        to
    } else {
        from + difference * (most / length)
    }
}

/// Everything that stays the same during one step.
struct Tick<'a> {
    body: &'a Body,
    mover: &'a Mover,
    planet: &'a Planet,
    /// At the start.
    up: DVec3,
    /// Of the feet above the planet's radius at the start.
    height_m: f64,
    /// Horizontal velocity wanted and possible.
    flat_mps: DVec3,
    push_m: DVec3,
    facing: DVec3,
    dt_s: f64,
}

/// A horizontal move around obstacles.
struct Moved {
    /// Where it ends, not yet put onto the ground.
    pos: DVec3,
    /// The velocity that is left.
    flat_mps: DVec3,
    /// The highest obstacle top under the feet, above the planet's radius.
    top_m: Option<f64>,
}

impl Tick<'_> {
    /// On the ground or in water.
    fn walk(&self) -> Body {
        let moved = self.go(
            self.body.pos,
            self.flat_mps * self.dt_s + self.push_m,
            STEP_UP_M,
        );
        let up = moved.pos.normalize();
        let ground = self.planet.ground_at_unit(up);
        let run_m = moved.pos.distance(self.body.pos);
        if self.is_too_steep(self.height_m, ground, run_m) {
            return self.walk_along_the_slope();
        }
        self.put_down(&moved, up, ground, run_m)
    }

    /// Ground that is refused upwards still lets a body go sideways: what is left of the move
    /// without its uphill part.
    fn walk_along_the_slope(&self) -> Body {
        let wanted_m = self.flat_mps * self.dt_s + self.push_m;
        let uphill = self.uphill();
        let against = wanted_m.dot(uphill);
        let sideways_m = wanted_m - uphill * if against > 0.0 { against } else { 0.0 };
        let mut moved = self.go(self.body.pos, sideways_m, STEP_UP_M);
        let up = moved.pos.normalize();
        let ground = self.planet.ground_at_unit(up);
        let run_m = moved.pos.distance(self.body.pos);
        if self.is_too_steep(self.height_m, ground, run_m) {
            return Body {
                vel: DVec3::ZERO,
                facing: self.facing,
                ..*self.body
            };
        }
        let into = moved.flat_mps.dot(uphill);
        moved.flat_mps -= uphill * if into > 0.0 { into } else { 0.0 };
        self.put_down(&moved, up, ground, run_m)
    }

    /// Whether going `run_m` onto `ground` climbs more than the mover can.
    fn is_too_steep(&self, from_m: f64, ground: Ground, run_m: f64) -> bool {
        ground.height_m - from_m > self.mover.max_slope * run_m + SKIN_M
    }

    /// The unit tangent that leads most steeply up from the start; zero on level ground.
    fn uphill(&self) -> DVec3 {
        let east = any_tangent(self.up);
        let north = self.up.cross(east);
        let height_m = |side: DVec3| self.planet.ground_m(self.body.pos + side * PROBE_M);
        let here_m = height_m(DVec3::ZERO);
        let gradient = east * (height_m(east) - here_m) + north * (height_m(north) - here_m);
        gradient.normalize_or_zero()
    }

    /// The end of a step on the surface: follow it, or fall off it.
    fn put_down(&self, moved: &Moved, up: DVec3, ground: Ground, run_m: f64) -> Body {
        let (floor_m, water) = floor(ground, moved.top_m);
        let drop_m = self.height_m - floor_m;
        if drop_m > self.mover.max_slope * run_m + STEP_DOWN_M {
            return self.body_at(up, self.height_m, moved.flat_mps, 0.0, Support::Air);
        }
        let support = if water {
            Support::Water
        } else {
            Support::Ground
        };
        self.body_at(up, floor_m, moved.flat_mps, -drop_m / self.dt_s, support)
    }

    /// In the air, starting upwards at `rise_mps`: a parabola until something carries the body.
    fn fly(&self, rise_mps: f64) -> Body {
        let fall_mps = rise_mps - self.planet.gravity_mps2() * self.dt_s;
        let end_mps = if fall_mps > -SPEED_MPS_MAX {
            fall_mps
        } else {
            -SPEED_MPS_MAX
        };
        let climb_m = 0.5 * (rise_mps + end_mps) * self.dt_s;
        let height_m = self.height_m + climb_m;
        let aloft = self.body.pos + self.up * climb_m;
        // A top that the feet were above at the start of the tick is landed on, not run into.
        let reach_m = if climb_m < 0.0 {
            SKIN_M - climb_m
        } else {
            SKIN_M
        };
        let mut moved = self.go(aloft, self.flat_mps * self.dt_s + self.push_m, reach_m);
        let mut up = moved.pos.normalize();
        let mut ground = self.planet.ground_at_unit(up);
        let run_m = moved.pos.distance(aloft);
        if self.is_too_steep(height_m + reach_m, ground, run_m) {
            // Against a cliff: down along it.
            moved = Moved {
                pos: aloft,
                flat_mps: DVec3::ZERO,
                top_m: None,
            };
            up = self.up;
            ground = self.planet.ground_at_unit(up);
        }
        let (floor_m, water) = floor(ground, moved.top_m);
        if height_m > floor_m {
            return self.body_at(up, height_m, moved.flat_mps, end_mps, Support::Air);
        }
        let support = if water {
            Support::Water
        } else {
            Support::Ground
        };
        self.body_at(up, floor_m, moved.flat_mps, 0.0, support)
    }

    /// A body at a height, its velocity and facing turned into the tangent plane there.
    fn body_at(
        &self,
        up: DVec3,
        height_m: f64,
        flat_mps: DVec3,
        rise_mps: f64,
        support: Support,
    ) -> Body {
        let flat_mps = flat_mps - up * flat_mps.dot(up);
        Body {
            pos: up * (self.planet.radius_m() + height_m),
            vel: flat_mps + up * rise_mps.clamp(-SPEED_MPS_MAX, SPEED_MPS_MAX),
            facing: tangent_unit(self.facing, up).unwrap_or_else(|| any_tangent(up)),
            support,
        }
    }

    /// Goes by a tangent displacement, in strides short enough that nothing is stepped through;
    /// obstacles whose tops are within `step_up_m` above the feet carry instead of blocking.
    fn go(&self, from: DVec3, displacement_m: DVec3, step_up_m: f64) -> Moved {
        let mut moved = Moved {
            pos: from,
            flat_mps: self.flat_mps,
            top_m: None,
        };
        if self.planet.obstacles().is_empty() {
            moved.pos += displacement_m;
            return moved;
        }
        let length_m = displacement_m.length();
        let strides = ((length_m / STRIDE_M) as u32 + 1).min(STRIDES_MAX);
        let stride_m = displacement_m / f64::from(strides);
        for _ in 0..strides {
            if !self.stride(&mut moved, stride_m, step_up_m) {
                break;
            }
        }
        moved
    }

    /// One stride; false if there is no way on.
    fn stride(&self, moved: &mut Moved, stride_m: DVec3, step_up_m: f64) -> bool {
        let start = moved.pos;
        let obstacles = self.planet.obstacles();
        let mut pos = start + stride_m;
        let mut flat_mps = moved.flat_mps;
        let mut top_m: Option<f64> = None;
        let mut touched = false;
        obstacles.near(pos, self.mover.radius_m, |obstacle| {
            match self.contact(obstacle, pos, step_up_m) {
                Contact::None => {}
                Contact::Below { top } => {
                    top_m = Some(top_m.map_or(top, |t| if top > t { top } else { t }));
                }
                Contact::Side { out, depth_m } => {
                    touched = true;
                    pos += out * (depth_m + SKIN_M);
                    let into = flat_mps.dot(out);
                    flat_mps -= out * if into < 0.0 { into } else { 0.0 };
                }
            }
        });
        // Out of one may be into another: between two of them there is no way.
        let mut stuck = false;
        if touched {
            obstacles.near(pos, self.mover.radius_m, |obstacle| {
                let contact = self.contact(obstacle, pos, step_up_m);
                stuck |= matches!(contact, Contact::Side { .. });
            });
        }
        if stuck {
            moved.flat_mps = DVec3::ZERO;
            return false;
        }
        *moved = Moved {
            pos,
            flat_mps,
            top_m,
        };
        true
    }

    fn contact(&self, obstacle: &Obstacle, pos: DVec3, step_up_m: f64) -> Contact {
        let axis = obstacle.up();
        let from_base = pos - obstacle.base;
        let feet_m = from_base.dot(axis);
        let flat = from_base - axis * feet_m;
        let distance_m = flat.length();
        let reach_m = self.mover.radius_m + obstacle.radius_m;
        if distance_m >= reach_m {
            return Contact::None;
        }
        if obstacle.height_m - feet_m <= step_up_m {
            let top = obstacle.base.length() + obstacle.height_m - self.planet.radius_m();
            return Contact::Below { top };
        }
        let out = if distance_m > 1e-9 {
            flat / distance_m
        } else {
            any_tangent(axis)
        };
        Contact::Side {
            out,
            depth_m: reach_m - distance_m,
        }
    }
}

/// How a body meets an obstacle.
enum Contact {
    /// Not at all.
    None,
    /// Its top is under the feet, this far above the planet's radius.
    Below { top: f64 },
    /// Its side is in the way: the way out and how far.
    Side { out: DVec3, depth_m: f64 },
}

/// What carries at a place, above the planet's radius, and whether it is water.
fn floor(ground: Ground, top_m: Option<f64>) -> (f64, bool) {
    match top_m {
        Some(top_m) if top_m > ground.height_m => (top_m, false),
        _ => (ground.height_m, ground.water),
    }
}
