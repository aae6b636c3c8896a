//! What a client may ask of its avatar in one tick: a wish, never a position.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::ids::{EntityId, InputSeq, Tick};

/// Wish direction in the planet's frame, octahedral with 10 bits an axis (error < 0.25 degrees).
///
/// A three-dimensional direction has no poles and needs no agreement about a local north; the
/// movement kernel projects it onto the tangent plane.
/// Encoding: Cigolle et al., "A Survey of Efficient Representations for Independent Unit
/// Vectors", JCGT 2014.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WishDir {
    u: i16,
    v: i16,
}

impl WishDir {
    /// Bits of one axis on the wire.
    pub const AXIS_BITS: u32 = 10;
    /// Largest magnitude of an axis.
    pub const AXIS_MAX: i16 = (1 << (Self::AXIS_BITS - 1)) - 1;

    /// Quantises a direction; its length does not matter. Zero and non-finite become +X.
    #[must_use]
    pub fn from_dir(dir: DVec3) -> Self {
        let l1 = dir.x.abs() + dir.y.abs() + dir.z.abs();
        if !(l1.is_finite() && l1 > 0.0) {
            return Self {
                u: Self::AXIS_MAX,
                v: 0,
            };
        }
        let (mut u, mut v) = (dir.x / l1, dir.y / l1);
        if dir.z < 0.0 {
            (u, v) = ((1.0 - v.abs()) * sign(u), (1.0 - u.abs()) * sign(v));
        }
        let scale = f64::from(Self::AXIS_MAX);
        let quantise = |x: f64| (x * scale).round() as i16;
        Self {
            u: quantise(u),
            v: quantise(v),
        }
    }

    /// The unit direction this stands for.
    #[must_use]
    pub fn to_dir(self) -> DVec3 {
        let scale = f64::from(Self::AXIS_MAX);
        let (mut u, mut v) = (f64::from(self.u) / scale, f64::from(self.v) / scale);
        let z = 1.0 - u.abs() - v.abs();
        if z < 0.0 {
            (u, v) = ((1.0 - v.abs()) * sign(u), (1.0 - u.abs()) * sign(v));
        }
        let raw = DVec3::new(u, v, z);
        raw / raw.dot(raw).sqrt()
    }

    /// What the movement kernel is asked for at a pace of 0 ..= [`Intent::PACE_MAX`]: direction and
    /// share of the top speed; standing has no direction. The simulation and a client's prediction
    /// both go through here, because a prediction must be the same to the last bit.
    #[must_use]
    pub fn at_pace(self, pace: u8) -> (DVec3, f64) {
        let wish = if pace == 0 {
            DVec3::ZERO
        } else {
            self.to_dir()
        };
        (wish, f64::from(pace) / f64::from(Intent::PACE_MAX))
    }

    /// The two axes as sent, each within ±[`Self::AXIS_MAX`].
    #[must_use]
    pub fn axes(self) -> (i16, i16) {
        (self.u, self.v)
    }

    /// From the two axes; `None` if one is out of range.
    #[must_use]
    pub fn from_axes(u: i16, v: i16) -> Option<Self> {
        let ok = |x: i16| (-Self::AXIS_MAX..=Self::AXIS_MAX).contains(&x);
        (ok(u) && ok(v)).then_some(Self { u, v })
    }
}

fn sign(x: f64) -> f64 {
    if x < 0.0 { -1.0 } else { 1.0 }
}

/// Buttons held in one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Buttons {
    /// Jump if standing on the ground.
    pub jump: bool,
}

/// One tick's wish of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Intent {
    /// Its number; each is applied at most once, in order.
    pub seq: InputSeq,
    /// The tick the player was looking at (bounded by the server before sealing).
    pub view_tick: Tick,
    /// Which way to walk.
    pub wish: WishDir,
    /// How fast, 0 (stand) ..= 15 (run), in fifteenths of the mover's top speed.
    pub pace: u8,
    /// Buttons.
    pub buttons: Buttons,
    /// Whom to attack this tick, if anybody.
    pub attack: Option<EntityId>,
}

impl Intent {
    /// Largest `pace`.
    pub const PACE_MAX: u8 = 15;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_direction_survives_its_own_encoding() {
        for u in (-WishDir::AXIS_MAX..=WishDir::AXIS_MAX).step_by(7) {
            for v in (-WishDir::AXIS_MAX..=WishDir::AXIS_MAX).step_by(5) {
                let dir = WishDir::from_axes(u, v).expect("in range").to_dir();
                let again = WishDir::from_dir(dir).to_dir();
                assert!(dir.dot(again) > 1.0 - 1e-9, "{u} {v}");
            }
        }
    }

    #[test]
    fn a_direction_is_within_a_quarter_of_a_degree() {
        for i in 0..2_000_u64 {
            let axis = |n| (crate::mix64(i * 3 + n) as i32) as f64;
            let dir = DVec3::new(axis(0), axis(1), axis(2)).normalize();
            let cos = dir.dot(WishDir::from_dir(dir).to_dir());
            assert!(cos > 0.999_990_5, "{dir} {cos}");
        }
    }
}
