//! A body: where it is, how it moves, where it looks, what carries it.

use bluemarble_spatial::{Planet, mix};
use glam::DVec3;

use crate::limits::{POS_M_MAX, POS_M_MIN, SPEED_MPS_MAX};

/// What carries a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Support {
    /// Ground, or the top of an obstacle: it stands or walks.
    Ground = 0,
    /// Nothing: it jumps or falls.
    Air = 1,
    /// Water: it swims at the surface.
    Water = 2,
}

/// The kinematic state of anything that walks. Planet frame throughout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// The point between the feet, metres.
    pub pos: DVec3,
    /// m/s; on the ground it includes the climb.
    pub vel: DVec3,
    /// Where it looks: unit, tangent to the sphere.
    pub facing: DVec3,
    /// What carries it.
    pub support: Support,
}

impl Body {
    /// At rest on the surface in direction `dir` (any length but zero), looking along the tangent
    /// part of `facing_hint`, or anywhere if that has none.
    #[must_use]
    pub fn standing(planet: &Planet, dir: DVec3, facing_hint: DVec3) -> Self {
        let up = planet.up(dir);
        let ground = planet.ground_at_unit(up);
        Self {
            pos: up * (planet.radius_m() + ground.height_m),
            vel: DVec3::ZERO,
            facing: tangent_unit(facing_hint, up).unwrap_or_else(|| any_tangent(up)),
            support: if ground.water {
                Support::Water
            } else {
                Support::Ground
            },
        }
    }

    /// All of it as numbers: position, velocity, facing; support (0 ground, 1 air, 2 water).
    #[must_use]
    pub fn to_values(&self) -> ([f64; 9], u8) {
        let Self {
            pos,
            vel,
            facing,
            support,
        } = self;
        let values = [
            pos.x, pos.y, pos.z, vel.x, vel.y, vel.z, facing.x, facing.y, facing.z,
        ];
        (values, *support as u8)
    }

    /// The inverse of [`Body::to_values`]; `None` for numbers that no body has: not finite, far
    /// from any ground, faster than anything, looking up, or carried by something unknown.
    #[must_use]
    pub fn from_values(values: [f64; 9], support: u8) -> Option<Self> {
        let vector = |n: usize| DVec3::new(values[n], values[n + 1], values[n + 2]);
        let (pos, vel, facing) = (vector(0), vector(3), vector(6));
        let support = match support {
            0 => Support::Ground,
            1 => Support::Air,
            2 => Support::Water,
            _ => return None,
        };
        // Comparisons with NaN and infinity fail by themselves.
        let distance_m = pos.length();
        let plausible = (POS_M_MIN..=POS_M_MAX).contains(&distance_m)
            && vel.length() <= 2.0 * SPEED_MPS_MAX
            && (facing.length() - 1.0).abs() <= 1e-6
            && facing.dot(pos).abs() <= 1e-6 * distance_m;
        plausible.then_some(Self {
            pos,
            vel,
            facing,
            support,
        })
    }

    /// A short hash of the exact state, −0 counted as 0: for comparing a prediction with the truth.
    #[must_use]
    pub fn hash32(&self) -> u32 {
        let (values, support) = self.to_values();
        let fold = |state: u64, value: &f64| mix::mix64(state ^ (value + 0.0).to_bits());
        let hash = values.iter().fold(mix::mix64(u64::from(support)), fold);
        (hash >> 32) as u32
    }

    /// Where its eye is, metres, planet frame.
    #[must_use]
    pub fn eye(&self, eye_m: f64) -> DVec3 {
        self.pos + self.pos.normalize() * eye_m
    }
}

/// The tangent part of a vector of any finite length as a unit vector, if it has one.
#[inline]
pub(crate) fn tangent_unit(vector: DVec3, up: DVec3) -> Option<DVec3> {
    // Scaled first, so that squares neither overflow nor vanish. NaN ends in `None`.
    let largest = vector.abs().max_element();
    if !(largest > 1e-100 && largest <= f64::MAX) {
        return None;
    }
    let scaled = vector / largest;
    if !scaled.is_finite() {
        return None;
    }
    let tangent = scaled - up * up.dot(scaled);
    let length = tangent.length();
    (length > 1e-9).then(|| tangent / length)
}

/// Some unit tangent, the same for the same `up` in every version of every library.
pub(crate) fn any_tangent(up: DVec3) -> DVec3 {
    let axis = if up.z.abs() < 0.9 { DVec3::Z } else { DVec3::X };
    axis.cross(up).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Body {
        let planet = Planet::smooth(50_000.0);
        let mut body = Body::standing(&planet, DVec3::new(1.0, 2.0, -0.5), DVec3::X);
        body.vel = body.facing * 4.0;
        body
    }

    #[test]
    fn values_survive_the_way_out_and_back() {
        for support in [Support::Ground, Support::Air, Support::Water] {
            let body = Body { support, ..body() };
            let (values, number) = body.to_values();
            let back = Body::from_values(values, number).unwrap();
            assert_eq!(back, body);
            assert_eq!(back.hash32(), body.hash32());
        }
    }

    #[test]
    fn values_of_no_possible_body_are_refused() {
        let (good, support) = body().to_values();
        assert!(Body::from_values(good, 3).is_none());
        for n in 0..9 {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e12] {
                let mut values = good;
                values[n] = bad;
                assert!(Body::from_values(values, support).is_none(), "{n} {bad}");
            }
        }
        let with = |from: usize, vector: [f64; 3]| {
            let mut values = good;
            values[from..from + 3].copy_from_slice(&vector);
            Body::from_values(values, support)
        };
        assert!(with(0, [0.0; 3]).is_none(), "at the centre");
        assert!(with(6, [0.0; 3]).is_none(), "looking nowhere");
        let up = body().pos.normalize();
        assert!(with(6, up.to_array()).is_none(), "looking up");
    }

    #[test]
    fn the_hash_sees_every_bit_but_not_the_sign_of_zero() {
        let body = body();
        let (values, support) = body.to_values();
        for n in 0..9 {
            let mut values = values;
            values[n] = f64::from_bits(values[n].to_bits() ^ 1);
            if let Some(other) = Body::from_values(values, support) {
                assert_ne!(other.hash32(), body.hash32(), "value {n}");
            }
        }
        let still = |zero: f64| {
            Body {
                vel: DVec3::splat(zero),
                ..body
            }
            .hash32()
        };
        assert_eq!(still(0.0), still(-0.0));
    }

    #[test]
    fn a_tangent_comes_from_any_finite_vector_and_from_no_other() {
        let up = DVec3::new(0.6, 0.0, 0.8);
        for scale in [1e-90, 1.0, 1e200, f64::MAX] {
            let tangent = tangent_unit(DVec3::new(1.0, 1.0, 0.3) * scale, up).unwrap();
            assert!((tangent.length() - 1.0).abs() < 1e-12 && tangent.dot(up).abs() < 1e-12);
        }
        for none in [
            DVec3::ZERO,
            up * 7.0,
            DVec3::NAN,
            DVec3::new(f64::INFINITY, 1.0, 0.0),
        ] {
            assert_eq!(tangent_unit(none, up), None);
        }
        assert_eq!(tangent_unit(DVec3::new(1.0, f64::NAN, 0.0), up), None);
        for up in [DVec3::Z, DVec3::NEG_Z, DVec3::X, up] {
            assert!(any_tangent(up).dot(up).abs() < 1e-15);
        }
    }
}
