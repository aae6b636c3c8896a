//! Reproducible crowds on a planet, and how they walk.

use bluemarble_spatial::mix::{mix64, unit};
use glam::DVec3;

/// A stream of numbers that depends on the seed alone.
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(mix64(seed))
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix64(self.0)
    }

    /// −1 ..= 1.
    pub fn around_zero(&mut self) -> f64 {
        unit(self.word()) * 2.0 - 1.0
    }

    /// Uniform over the sphere.
    pub fn dir(&mut self) -> DVec3 {
        loop {
            let p = DVec3::new(self.around_zero(), self.around_zero(), self.around_zero());
            if (0.01..1.0).contains(&p.length_squared()) {
                return p.normalize();
            }
        }
    }
}

/// Walkers with ids that are hashes, like the world's: no order among them means anything.
pub struct Crowd {
    pub ids: Vec<u64>,
    pub positions: Vec<DVec3>,
    headings: Vec<DVec3>,
    planet_m: f64,
    draws: Draws,
}

impl Crowd {
    /// `count` walkers, uniformly in a disc of `spread_m` around a direction (everywhere if it is
    /// not finite).
    pub fn new(seed: u64, count: usize, planet_m: f64, middle: DVec3, spread_m: f64) -> Self {
        let mut draws = Draws::new(seed);
        let middle = middle.normalize();
        let (side, across) = middle.any_orthonormal_pair();
        let spot = |draws: &mut Draws| loop {
            if !spread_m.is_finite() {
                return draws.dir() * planet_m;
            }
            let (a, b) = (draws.around_zero(), draws.around_zero());
            if a * a + b * b <= 1.0 {
                let p = middle * planet_m + (side * a + across * b) * spread_m;
                return p.normalize() * planet_m;
            }
        };
        Self {
            positions: (0..count).map(|_| spot(&mut draws)).collect(),
            headings: (0..count).map(|_| draws.dir()).collect(),
            ids: (0..count).map(|_| draws.word()).collect(),
            planet_m,
            draws,
        }
    }

    /// Everybody walks so far, now and then another way.
    pub fn walk(&mut self, step_m: f64) {
        for (pos, heading) in self.positions.iter_mut().zip(&mut self.headings) {
            if self.draws.word().is_multiple_of(64) {
                *heading = self.draws.dir();
            }
            let up = pos.normalize();
            let ahead = (*heading - up * up.dot(*heading)).normalize_or_zero();
            *pos = (*pos + ahead * step_m).normalize() * self.planet_m;
        }
    }
}
