//! What a kind of body can do, and what one wants this tick.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::limits::SPEED_MPS_MAX;

/// How a kind of body moves; content, not state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mover {
    /// Horizontal speed on the ground at most, m/s.
    pub top_speed_mps: f64,
    /// How fast that speed changes on the ground, m/s².
    pub accel_mps2: f64,
    /// Upward speed at take-off, m/s; the jump is v² / 2g high.
    pub jump_mps: f64,
    /// Half its width, metres.
    pub radius_m: f64,
    /// Height of the eye above the feet, metres.
    pub eye_m: f64,
    /// Steepest ground it climbs: rise over run.
    pub max_slope: f64,
}

impl Mover {
    /// What is wrong with it, if anything: content is checked with this when it is loaded.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        [
            (
                "top_speed_mps",
                self.top_speed_mps,
                0.0,
                SPEED_MPS_MAX * 0.5,
            ),
            ("accel_mps2", self.accel_mps2, 0.0, 1_000.0),
            ("jump_mps", self.jump_mps, 0.0, SPEED_MPS_MAX * 0.5),
            ("radius_m", self.radius_m, 0.05, 5.0),
            ("eye_m", self.eye_m, 0.0, 20.0),
            ("max_slope", self.max_slope, 0.0, 10.0),
        ]
        .into_iter()
        .find(|&(_, value, low, high)| !(low..=high).contains(&value))
        .map(|(field, value, low, high)| format!("{field} is {value}; it must be {low} ..= {high}"))
    }
}

/// What a body wants for one tick. Nothing in it is trusted: whatever is not finite is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct MoveCommand {
    /// Where to: planet frame, any length; only its tangent part counts; zero = stand.
    pub wish: DVec3,
    /// Share of the top speed, 0 ..= 1; what lies outside is clamped.
    pub pace: f64,
    /// Whether to jump, if on the ground.
    pub jump: bool,
}

impl MoveCommand {
    /// Standing still.
    pub const STAND: Self = Self {
        wish: DVec3::ZERO,
        pace: 0.0,
        jump: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_movers_are_named_by_their_field() {
        let walker = Mover {
            top_speed_mps: 5.0,
            accel_mps2: 20.0,
            jump_mps: 5.0,
            radius_m: 0.35,
            eye_m: 1.6,
            max_slope: 0.8,
        };
        assert_eq!(walker.problem(), None);
        for (bad, field) in [
            (
                Mover {
                    top_speed_mps: f64::NAN,
                    ..walker
                },
                "top_speed_mps",
            ),
            (
                Mover {
                    accel_mps2: -1.0,
                    ..walker
                },
                "accel_mps2",
            ),
            (
                Mover {
                    radius_m: 0.0,
                    ..walker
                },
                "radius_m",
            ),
            (
                Mover {
                    max_slope: f64::INFINITY,
                    ..walker
                },
                "max_slope",
            ),
        ] {
            assert!(bad.problem().is_some_and(|p| p.starts_with(field)));
        }
    }
}
