//! Things that stand still.

use glam::DVec3;

/// An upright cylinder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Its number, 0 .. number of obstacles.
    pub id: u32,
    /// Where its axis meets the ground, metres, planet frame.
    pub base: DVec3,
    /// Metres.
    pub radius_m: f64,
    /// Metres above `base`.
    pub height_m: f64,
}

/// All obstacles of a planet.
#[derive(Clone, Debug, Default)]
pub struct Obstacles;

impl Obstacles {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` for every obstacle whose base is within `radius_m` of `pos`, in id order.
    pub fn near(&self, _pos: DVec3, _radius_m: f64, _visit: impl FnMut(&Obstacle)) {}
}
