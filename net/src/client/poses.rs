//! Where others are at a tick between the states that a view holds: along the curve that has the places
//! and velocities of both; after the newest one as it went, for a moment.

use std::collections::BTreeMap;

use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{EntityId, WireEntity};
use bluemarble_spatial::{CellId, FrameAxes, maths};
use glam::{DMat3, DQuat, DVec3};

use super::core::View;

/// How long something goes on as it went when nothing newer is known, seconds: longer, and it would come
/// back from farther than anybody walks.
const GOING_ON_S: f64 = 0.25;
/// A gap between states longer than this, seconds, is of one that stood, if it stood.
const STOOD_S: f64 = 0.3;
/// Slower than this it stands, m/s.
const STANDING_MPS: f64 = 0.05;
/// Frame cells remembered: a view spans a few; beyond, all are computed anew.
const CELLS_MAX: usize = 64;

/// An entity at a moment, in the planet's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// Metres.
    pub position: DVec3,
    /// m/s.
    pub velocity: DVec3,
    /// From its own axes (a walker's: x ahead, z up) to the planet's.
    pub turn: DQuat,
    /// How far behind its newest state this is, ticks; negative: so far ahead of it, as it went.
    pub known_ticks: f64,
}

/// Makes poses of states; remembers the frame cells they are in.
#[derive(Debug)]
pub struct Poses {
    radius_m: f64,
    tick_hz: f64,
    frames: BTreeMap<u64, (FrameAxes, DQuat)>,
}

impl Poses {
    /// For the planet and the tick rate of a welcome.
    #[must_use]
    pub fn new(radius_m: f64, tick_hz: u32) -> Self {
        Self {
            radius_m,
            tick_hz: f64::from(tick_hz.max(1)),
            frames: BTreeMap::new(),
        }
    }

    /// Somebody in view at `tick`, with its fraction, as [`super::PlayClock`] gives it. Before the oldest
    /// state known he is where that has him.
    pub fn at(&mut self, view: &View, id: EntityId, tick: f64) -> Option<Pose> {
        let (from, to) = view.around(id, tick)?;
        let start = from.0.0 as f64;
        let a = self.of(&from.1);
        let Some((end, state)) = to else {
            let ahead = (tick - start).max(0.0);
            let seconds = (ahead / self.tick_hz).min(GOING_ON_S);
            return Some(Pose {
                position: a.position + a.velocity * seconds,
                known_ticks: -ahead,
                ..a
            });
        };
        let (b, end) = (self.of(&state), end.0 as f64);
        // What stands is not sent: it set off only just before the newer state.
        let stood = (end - start) / self.tick_hz > STOOD_S && a.velocity.length() < STANDING_MPS;
        let start = if stood { end - 1.0 } else { start };
        let share = ((tick - start) / (end - start)).clamp(0.0, 1.0);
        Some(Pose {
            position: hermite(&a, &b, share, (end - start) / self.tick_hz),
            velocity: a.velocity.lerp(b.velocity, share),
            turn: mixed(a.turn, b.turn, share),
            known_ticks: end - tick,
        })
    }

    /// A state as it is.
    fn of(&mut self, state: &WireEntity) -> Pose {
        if self.frames.len() >= CELLS_MAX && !self.frames.contains_key(&state.cell) {
            self.frames.clear();
        }
        let (axes, turn) = self.frames.entry(state.cell).or_insert_with(|| {
            let axes = FrameAxes::of(CellId(state.cell), self.radius_m);
            let columns = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| axes.dir_to_planet(axis));
            let turn = DMat3::from_cols(columns[0], columns[1], columns[2]);
            (axes, DQuat::from_mat3(&turn))
        });
        let own = match state.rotation {
            Some(rotation) => quantise::rotation_quaternion(rotation),
            None => {
                let half = f64::from(state.yaw) * std::f64::consts::PI / 256.0;
                DQuat::from_xyzw(0.0, 0.0, maths::sin(half), maths::cos(half))
            }
        };
        Pose {
            position: axes.to_planet(quantise::position_m(state.pos_cm)),
            velocity: axes.dir_to_planet(quantise::velocity_mps(state.vel_cmps)),
            turn: *turn * own,
            known_ticks: 0.0,
        }
    }
}

/// The cubic with both places and velocities (Hermite), `seconds` long, at a share of it.
fn hermite(a: &Pose, b: &Pose, share: f64, seconds: f64) -> DVec3 {
    let (s, s2) = (share, share * share);
    let s3 = s2 * s;
    let places = a.position * (2.0 * s3 - 3.0 * s2 + 1.0) + b.position * (3.0 * s2 - 2.0 * s3);
    let ways = a.velocity * (s3 - 2.0 * s2 + s) + b.velocity * (s3 - s2);
    places + ways * seconds
}

/// The shorter way round; states are so near each other that a straight line will do.
fn mixed(a: DQuat, b: DQuat, share: f64) -> DQuat {
    let b = if a.dot(b) < 0.0 { -b } else { b };
    (a * (1.0 - share) + b * share).normalize()
}
