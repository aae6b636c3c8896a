//! Ground finer than any elevation file: value noise over a lattice in planet space, so that it has
//! no seams, needs no memory, and is the same on every machine: hashes of integers, then products.

use glam::DVec3;

use super::descriptor::RoughnessSpec;

/// Layers of noise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roughness {
    octaves: Vec<Layer>,
    gain_per_m: f64,
}

#[derive(Clone, Copy, Debug)]
struct Layer {
    /// Lattice points per metre.
    frequency: f64,
    amplitude_m: f64,
    seed: u64,
}

impl Roughness {
    pub(crate) fn new(spec: &RoughnessSpec) -> Self {
        let layer = |(n, octave): (usize, &super::descriptor::Octave)| Layer {
            frequency: 1.0 / octave.wavelength_m,
            amplitude_m: octave.amplitude_m,
            seed: crate::mix::mix64(n as u64),
        };
        Self {
            octaves: spec.octaves.iter().enumerate().map(layer).collect(),
            gain_per_m: spec.gain_per_km / 1_000.0,
        }
    }

    /// Metres to add to ground of `elevation_m` at a point of the sphere (metres); never negative.
    #[inline]
    pub(crate) fn metres(&self, point: DVec3, elevation_m: f64) -> f64 {
        let mut sum = 0.0;
        for layer in &self.octaves {
            sum += layer.amplitude_m * value_noise(point * layer.frequency, layer.seed);
        }
        sum * (1.0 + elevation_m * self.gain_per_m)
    }

    /// Most that [`Roughness::metres`] adds to ground of `elevation_m`.
    pub(crate) fn metres_max(&self, elevation_m: f64) -> f64 {
        let sum: f64 = self.octaves.iter().map(|layer| layer.amplitude_m).sum();
        sum * (1.0 + elevation_m * self.gain_per_m)
    }
}

/// 0 .. 1, with continuous slope, independent at lattice points one apart.
#[inline]
fn value_noise(p: DVec3, seed: u64) -> f64 {
    let (x, u) = split(p.x);
    let (y, v) = split(p.y);
    let (z, w) = split(p.z);
    let xs = [x, x.wrapping_add(1)].map(|k| k.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let ys = [y, y.wrapping_add(1)].map(|k| k.wrapping_mul(0xc2b2_ae3d_27d4_eb4f));
    let zs = [z, z.wrapping_add(1)].map(|k| k.wrapping_mul(0x1656_67b1_9e37_79f9));
    let at = |i: usize, j: usize, k: usize| {
        lattice(xs[i] ^ ys[j].rotate_left(21) ^ zs[k].rotate_left(42) ^ seed)
    };
    let along_x = |j, k| {
        let start = at(0, j, k);
        start + (at(1, j, k) - start) * u
    };
    let along_y = |k| {
        let start = along_x(0, k);
        start + (along_x(1, k) - start) * v
    };
    let start = along_y(0);
    start + (along_y(1) - start) * w
}

/// The lattice point at or below, and the smoothed share of the way to the next.
#[inline]
fn split(x: f64) -> (u64, f64) {
    let truncated = x as i64;
    let floor = if (truncated as f64) > x {
        truncated - 1
    } else {
        truncated
    };
    let t = x - floor as f64;
    (floor as u64, t * t * (3.0 - 2.0 * t))
}

/// A word's hash as a number in 0 .. 1; 32 bits of it are plenty for a height.
#[inline]
fn lattice(word: u64) -> f64 {
    let z = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let z = (z ^ (z >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (z >> 32) as i64 as f64 * (1.0 / 4_294_967_296.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    #[test]
    fn noise_fills_its_range_and_never_leaves_it() {
        let (mut low, mut high, mut sum) = (1.0, 0.0, 0.0);
        for n in 0..20_000u64 {
            let c = |k: u64| (unit(mix64(n * 3 + k)) - 0.5) * 1e6;
            let value = value_noise(DVec3::new(c(0), c(1), c(2)), 7);
            low = if value < low { value } else { low };
            high = if value > high { value } else { high };
            sum += value;
        }
        assert!(low >= 0.0 && high < 1.0);
        assert!(low < 0.1 && high > 0.9, "{low} {high}");
        assert!((sum / 20_000.0 - 0.5).abs() < 0.01);
    }

    #[test]
    fn noise_has_no_steps_even_across_zero() {
        let mut before = value_noise(DVec3::new(-2.0, 0.3, -0.7), 1);
        for n in 1..4_000 {
            let now = value_noise(DVec3::new(-2.0 + f64::from(n) * 0.001, 0.3, -0.7), 1);
            assert!((now - before).abs() < 0.0017, "at {n}: {before} {now}");
            before = now;
        }
    }

    #[test]
    fn noise_is_pinned_to_the_last_bit() {
        let value = value_noise(DVec3::new(1234.5, -0.25, 77.125), 3);
        assert_eq!(value.to_bits(), 0x3fdc_8f3e_7e67_8800, "{value}");
    }
}
