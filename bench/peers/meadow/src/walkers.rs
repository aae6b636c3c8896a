//! W(n, k): n walkers at 5 m/s with turning noise on a walled disc. Pure: whoever knows n, the patch and the
//! tick knows where everybody is, so that clients can check what they are shown.

const PACE_MPS: f32 = 5.0;
const TURN_RAD: f32 = 0.1;

/// Somebody on the meadow, metres and radians.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Walker {
    /// Where.
    pub pos: [f32; 3],
    /// Which way.
    pub yaw: f32,
    /// How fast, metres per second.
    pub vel: [f32; 3],
    /// Full.
    pub health: u8,
}

/// All of them at a tick.
#[derive(Clone, Debug)]
pub struct Meadow {
    patch_m: f32,
    hz: u32,
    tick: u64,
    walkers: Vec<Walker>,
}

impl Meadow {
    /// So many, spread evenly, at tick 0.
    #[must_use]
    pub fn new(walkers: u32, patch_m: f32, hz: u32) -> Self {
        let walkers = (0..walkers).map(|n| {
            let draw = |k| unit(mix(u64::from(n) * 4 + k));
            let (away_m, angle) = (patch_m * draw(0).sqrt(), draw(1) * std::f32::consts::TAU);
            Walker {
                pos: [away_m * angle.cos(), away_m * angle.sin(), 0.0],
                yaw: draw(2) * std::f32::consts::TAU,
                vel: [0.0; 3],
                health: 100,
            }
        });
        Self {
            patch_m,
            hz,
            tick: 0,
            walkers: walkers.collect(),
        }
    }

    /// A tick later.
    pub fn step(&mut self) {
        self.tick += 1;
        let step_m = PACE_MPS / self.hz as f32;
        for (n, walker) in self.walkers.iter_mut().enumerate() {
            let random = unit(mix(self.tick << 20 | n as u64));
            walker.yaw += (random * 2.0 - 1.0) * TURN_RAD;
            let (mut sin, mut cos) = walker.yaw.sin_cos();
            let [x, y, _] = walker.pos;
            let away_m = x.hypot(y);
            let outward = (x * cos + y * sin) / away_m.max(1e-6);
            if away_m > self.patch_m && outward > 0.0 {
                // Back as a ball.
                (cos, sin) = (
                    cos - 2.0 * outward * x / away_m,
                    sin - 2.0 * outward * y / away_m,
                );
                walker.yaw = sin.atan2(cos);
            }
            walker.pos = [x + cos * step_m, y + sin * step_m, 0.0];
            walker.vel = [cos * PACE_MPS, sin * PACE_MPS, 0.0];
        }
    }

    /// How many ticks have passed.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Everybody.
    #[must_use]
    pub fn walkers(&self) -> &[Walker] {
        &self.walkers
    }
}

/// Who sees whom: within the radius, found by a grid, and only what changed since the last look. None of
/// the peers brings this; a look at all pairs would cost them more.
#[derive(Debug)]
pub struct Near {
    radius_m: f32,
    words: usize,
    /// A bit for each other, per walker.
    now: Vec<u64>,
    cells: std::collections::HashMap<(i32, i32), Vec<u32>>,
}

impl Near {
    /// Nobody sees anybody.
    #[must_use]
    pub fn new(walkers: u32, radius_m: f32) -> Self {
        let words = (walkers as usize).div_ceil(64);
        Self {
            radius_m,
            words,
            now: vec![0; words * walkers as usize],
            cells: Default::default(),
        }
    }

    /// Whether one sees another.
    #[must_use]
    pub fn sees(&self, who: usize, whom: usize) -> bool {
        self.now[who * self.words + whom / 64] >> (whom % 64) & 1 == 1
    }

    /// Looks again, and says who came into or out of whose sight: `(who, whom, whether)`.
    pub fn look(&mut self, walkers: &[Walker], mut changed: impl FnMut(usize, usize, bool)) {
        let cell = |pos: [f32; 3]| {
            (
                (pos[0] / self.radius_m).floor() as i32,
                (pos[1] / self.radius_m).floor() as i32,
            )
        };
        self.cells.values_mut().for_each(Vec::clear);
        for (n, walker) in walkers.iter().enumerate() {
            self.cells
                .entry(cell(walker.pos))
                .or_default()
                .push(n as u32);
        }
        let within2 = self.radius_m * self.radius_m;
        let mut next = vec![0; self.words];
        for (n, me) in walkers.iter().enumerate() {
            next.fill(0_u64);
            let (east, north) = cell(me.pos);
            for x in east - 1..=east + 1 {
                for y in north - 1..=north + 1 {
                    for &other in self.cells.get(&(x, y)).into_iter().flatten() {
                        let other = other as usize;
                        let (dx, dy) = (
                            walkers[other].pos[0] - me.pos[0],
                            walkers[other].pos[1] - me.pos[1],
                        );
                        if other != n && dx * dx + dy * dy <= within2 {
                            next[other / 64] |= 1 << (other % 64);
                        }
                    }
                }
            }
            let before = &mut self.now[n * self.words..][..self.words];
            for (word, (before, next)) in before.iter_mut().zip(&next).enumerate() {
                let mut differs = *before ^ next;
                while differs != 0 {
                    let bit = differs.trailing_zeros() as usize;
                    differs &= differs - 1;
                    changed(n, word * 64 + bit, next >> bit & 1 == 1);
                }
                *before = *next;
            }
        }
    }
}

fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

fn unit(word: u64) -> f32 {
    (word >> 40) as f32 / (1_u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_finds_whom_a_look_at_all_pairs_finds() {
        let mut meadow = Meadow::new(150, 120.0, 20);
        let mut near = Near::new(150, 60.0);
        let mut seen = vec![false; 150 * 150];
        for _ in 0..200 {
            meadow.step();
            near.look(meadow.walkers(), |who, whom, whether| {
                assert_ne!(seen[who * 150 + whom], whether);
                seen[who * 150 + whom] = whether;
            });
            for (n, me) in meadow.walkers().iter().enumerate() {
                for (m, other) in meadow.walkers().iter().enumerate() {
                    let (dx, dy) = (other.pos[0] - me.pos[0], other.pos[1] - me.pos[1]);
                    let within = n != m && dx * dx + dy * dy <= 3_600.0;
                    assert_eq!(seen[n * 150 + m], within);
                }
            }
        }
    }

    #[test]
    fn walkers_stay_on_the_patch() {
        let mut meadow = Meadow::new(50, 80.0, 20);
        (0..5_000).for_each(|_| meadow.step());
        for walker in meadow.walkers() {
            assert!(walker.pos[0].hypot(walker.pos[1]) < 81.0);
        }
    }
}
