//! Noise in planet space: a function of a point in three dimensions, so that the ball has no
//! seams, nothing is stored, and every machine computes the same: hashes of integers, then sums and
//! products.
//!
//! Gradient noise after K. Perlin, "Improving Noise" (SIGGRAPH 2002), with a hash in place of the
//! permutation table; the sums of octaves after F. K. Musgrave, in D. Ebert and others, "Texturing
//! and Modeling" (3rd edition, 2003), chapter 16.

use glam::DVec3;

use crate::maths;
use crate::mix::{mix64, unit};

/// Perlin's twelve edge directions; four are there twice, so that four bits of a hash choose one.
const GRADIENTS: [[f64; 3]; 16] = [
    [1.0, 1.0, 0.0],
    [-1.0, 1.0, 0.0],
    [1.0, -1.0, 0.0],
    [-1.0, -1.0, 0.0],
    [1.0, 0.0, 1.0],
    [-1.0, 0.0, 1.0],
    [1.0, 0.0, -1.0],
    [-1.0, 0.0, -1.0],
    [0.0, 1.0, 1.0],
    [0.0, -1.0, 1.0],
    [0.0, 1.0, -1.0],
    [0.0, -1.0, -1.0],
    [1.0, 1.0, 0.0],
    [0.0, -1.0, 1.0],
    [-1.0, 1.0, 0.0],
    [0.0, -1.0, -1.0],
];

/// Odd words that spread lattice coordinates over a hash.
const X_MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const Y_MIX: u64 = 0xc2b2_ae3d_27d4_eb4f;
const Z_MIX: u64 = 0x1656_67b1_9e37_79f9;

/// −1 ..= 1, zero at the points of the integer lattice, with continuous slope.
#[inline]
pub(crate) fn gradient_noise(p: DVec3, seed: u64) -> f64 {
    let (x, fx) = split(p.x);
    let (y, fy) = split(p.y);
    let (z, fz) = split(p.z);
    let x = x.wrapping_mul(X_MIX);
    let x = [x, x.wrapping_add(X_MIX)];
    let y = y.wrapping_mul(Y_MIX);
    let y = [y, y.wrapping_add(Y_MIX)];
    let z = z.wrapping_mul(Z_MIX);
    let z = [z, z.wrapping_add(Z_MIX)];
    let at = |i: usize, j: usize, k: usize| {
        let word = x[i] ^ y[j].rotate_left(21) ^ z[k].rotate_left(42) ^ seed;
        let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let [gx, gy, gz] = GRADIENTS[(word >> 60) as usize];
        gx * (fx - i as f64) + gy * (fy - j as f64) + gz * (fz - k as f64)
    };
    let (u, v, w) = (ease(fx), ease(fy), ease(fz));
    let along_x = |j, k| {
        let start = at(0, j, k);
        start + (at(1, j, k) - start) * u
    };
    let along_y = |k| {
        let start = along_x(0, k);
        start + (along_x(1, k) - start) * v
    };
    let start = along_y(0);
    // The bound of this noise is a little over 1 (1.04).
    (start + (along_y(1) - start) * w).clamp(-1.0, 1.0)
}

/// The lattice coordinate at or below, and the way to the next as a share.
#[inline]
pub(crate) fn split(x: f64) -> (u64, f64) {
    let truncated = x as i64;
    let floor = if (truncated as f64) > x {
        truncated.wrapping_sub(1)
    } else {
        truncated
    };
    (floor as u64, x - floor as f64)
}

/// Perlin's quintic: slope and curvature vanish at 0 and 1.
#[inline]
fn ease(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// 0 below `low`, 1 above `high`, smooth between; `low` < `high`.
#[inline]
pub(crate) fn smoothstep(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How octaves add up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Hills and dales alike.
    Fractal,
    /// Sharp crests between wide valleys.
    Ridged,
    /// Round hills between sharp valleys.
    Billow,
}

/// Octaves of noise, each finer and lower than the one before.
#[derive(Clone, Debug)]
pub(crate) struct Octaves {
    shape: Shape,
    octaves: Vec<Octave>,
}

#[derive(Clone, Copy, Debug)]
struct Octave {
    /// Lattice points per metre.
    frequency: f64,
    /// Of the whole: all gains add up to 1.
    gain: f64,
    /// So that the lattices of two octaves have no points in common.
    offset: DVec3,
    seed: u64,
}

impl Octaves {
    /// `count` ≥ 1 octaves from `wavelength_m` downwards, each `lacunarity` times finer and `gain`
    /// times as high as the one before.
    pub(crate) fn new(
        shape: Shape,
        wavelength_m: f64,
        count: u32,
        gain: f64,
        lacunarity: f64,
        seed: u64,
    ) -> Self {
        let mut octaves = Vec::with_capacity(count as usize);
        let (mut frequency, mut height, mut sum) = (1.0 / wavelength_m, 1.0, 0.0);
        for n in 0..u64::from(count) {
            let seed = mix64(seed ^ mix64(n));
            let shift = |k: u64| unit(mix64(seed ^ k)) + 0.25;
            octaves.push(Octave {
                frequency,
                gain: height,
                offset: DVec3::new(shift(1), shift(2), shift(3)),
                seed,
            });
            sum += height;
            frequency *= lacunarity;
            height *= gain;
        }
        for octave in &mut octaves {
            octave.gain /= sum;
        }
        Self { shape, octaves }
    }

    /// −1 ..= 1 (billow up to 1.55, ridged down to −1.07), about 0 on average, at a point in metres.
    #[inline]
    pub(crate) fn at(&self, point: DVec3) -> f64 {
        let noise =
            |octave: &Octave| gradient_noise(point * octave.frequency + octave.offset, octave.seed);
        let mut sum = 0.0;
        match self.shape {
            Shape::Fractal => {
                for octave in &self.octaves {
                    sum += octave.gain * noise(octave);
                }
                sum
            }
            Shape::Billow => {
                for octave in &self.octaves {
                    sum += octave.gain * noise(octave).abs();
                }
                2.0 * sum - 0.45
            }
            Shape::Ridged => {
                // Fine crests grow on coarse ones and not in the valleys.
                let mut weight: f64 = 1.0;
                for octave in &self.octaves {
                    // Rounded a little: an edge would be a crease on the largest octaves.
                    let noise = noise(octave);
                    let crest = 1.0 - (noise * noise + 0.003).sqrt();
                    let crest = crest * crest * weight;
                    sum += octave.gain * crest;
                    weight = (crest * 1.5).clamp(0.0, 1.0);
                }
                2.0 * sum - 1.07
            }
        }
    }

    /// The value that this share of a ball's surface is below.
    pub(crate) fn quantile(&self, share: f64, radius_m: f64) -> f64 {
        const DRAWS: u64 = 4_096;
        let mut values: Vec<f64> = (0..DRAWS)
            .map(|n| {
                // Evenly over the ball: z uniform, turned by the golden angle.
                let z = (2.0 * n as f64 + 1.0) / DRAWS as f64 - 1.0;
                let across = (1.0 - z * z).sqrt();
                let (sin, cos) = maths::sin_cos(n as f64 * 2.399_963_229_728_653);
                self.at(DVec3::new(across * cos, across * sin, z) * radius_m)
            })
            .collect();
        values.sort_by(f64::total_cmp);
        values[((share * DRAWS as f64) as usize).min(DRAWS as usize - 1)]
    }

    /// A value of [`Octaves::at`] moved and scaled to 0 ..= 1.
    pub(crate) fn raised(&self, noise: f64) -> f64 {
        match self.shape {
            Shape::Fractal => 0.5 * (noise + 1.0),
            Shape::Billow => 0.5 * (noise + 0.45),
            Shape::Ridged => 0.5 * (noise + 1.07),
        }
    }

    /// Most that [`Octaves::at`] is away from 0.
    pub(crate) fn bound(&self) -> f64 {
        match self.shape {
            Shape::Fractal => 1.0,
            Shape::Billow => 1.55,
            Shape::Ridged => 1.07,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anywhere(n: u64) -> DVec3 {
        let c = |k: u64| (unit(mix64(n * 3 + k)) - 0.5) * 1e6;
        DVec3::new(c(0), c(1), c(2))
    }

    #[test]
    fn noise_fills_its_range_and_never_leaves_it() {
        let (mut low, mut high, mut sum): (f64, f64, f64) = (1.0, -1.0, 0.0);
        for n in 0..50_000 {
            let value = gradient_noise(anywhere(n), 7);
            low = if value < low { value } else { low };
            high = if value > high { value } else { high };
            sum += value;
        }
        assert!(
            (-1.0..-0.8).contains(&low) && high > 0.8 && high <= 1.0,
            "{low} {high}"
        );
        assert!((sum / 50_000.0).abs() < 0.01);
    }

    #[test]
    fn noise_has_no_steps_even_across_zero() {
        let at = |n: u32| gradient_noise(DVec3::new(-2.0 + f64::from(n) * 0.001, 0.3, -0.7), 1);
        for n in 1..4_000 {
            assert!((at(n) - at(n - 1)).abs() < 0.004, "at {n}");
        }
    }

    #[test]
    fn every_shape_stays_within_its_bound_and_is_level_on_average() {
        for shape in [Shape::Fractal, Shape::Ridged, Shape::Billow] {
            let octaves = Octaves::new(shape, 700.0, 6, 0.5, 2.0, 3);
            let values: Vec<f64> = (0..20_000).map(|n| octaves.at(anywhere(n))).collect();
            assert!(values.iter().all(|v| v.abs() <= octaves.bound()));
            let mean = values.iter().sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.15, "{shape:?}: {mean}");
        }
    }

    #[test]
    fn noise_is_pinned_to_the_last_bit() {
        let value = gradient_noise(DVec3::new(1234.5, -0.25, 77.125), 3);
        assert_eq!(
            value.to_bits(),
            0x3fd0_24d8_d000_0000,
            "{value} {:#x}",
            value.to_bits()
        );
    }

    #[test]
    fn no_number_makes_noise_panic() {
        for bad in [f64::NAN, f64::INFINITY, -1e300, 1e18] {
            let _ = gradient_noise(DVec3::new(bad, 0.5, bad), 1);
        }
    }
}
