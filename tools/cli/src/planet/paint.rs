//! Colours: hypsometric tints, biomes, heat, and the light that falls on slopes.

use bluemarble_spatial::{Biome, maths};
use glam::DVec3;

/// A colour, sRGB, 0 ..= 255 each.
pub type Rgb = [f64; 3];

/// The sky around a ball.
pub const SPACE: Rgb = [9.0, 11.0, 18.0];
/// Water on maps of elevation, at the surface.
pub const WATER: Rgb = [58.0, 104.0, 150.0];

/// Zone borders, on dark or on light ground.
pub fn border(dark: bool) -> Rgb {
    if dark {
        [120.0, 220.0, 255.0]
    } else {
        [214.0, 24.0, 66.0]
    }
}

/// Share of the way from the lowest to the highest ground, and its colour: greens, yellows, browns,
/// greys and white, after the tints of school atlases.
const TINTS: [(f64, Rgb); 8] = [
    (0.0, [92.0, 142.0, 98.0]),
    (0.06, [134.0, 172.0, 112.0]),
    (0.16, [196.0, 204.0, 140.0]),
    (0.30, [222.0, 204.0, 140.0]),
    (0.46, [198.0, 158.0, 104.0]),
    (0.64, [158.0, 116.0, 86.0]),
    (0.82, [176.0, 164.0, 158.0]),
    (1.0, [248.0, 248.0, 250.0]),
];

/// The same for rock without air: one hue, so that form shows by light.
const ROCK: [(f64, Rgb); 4] = [
    (0.0, [88.0, 84.0, 82.0]),
    (0.4, [132.0, 126.0, 120.0]),
    (0.75, [172.0, 166.0, 158.0]),
    (1.0, [222.0, 218.0, 212.0]),
];

/// People per km² as powers of ten, and their colour: dark to white over violet, red and yellow.
const HEAT: [(f64, Rgb); 6] = [
    (0.0, [34.0, 26.0, 58.0]),
    (0.7, [92.0, 26.0, 110.0]),
    (1.5, [174.0, 40.0, 92.0]),
    (2.3, [232.0, 92.0, 44.0]),
    (3.1, [250.0, 186.0, 48.0]),
    (4.0, [255.0, 252.0, 218.0]),
];

/// Between two colours.
pub fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|n| a[n] + (b[n] - a[n]) * share)
}

/// A colour in more or less light.
pub fn lit(colour: Rgb, light: f64) -> Rgb {
    colour.map(|channel| (channel * light).clamp(0.0, 255.0))
}

fn ramp(stops: &[(f64, Rgb)], value: f64) -> Rgb {
    let after = stops.iter().position(|&(at, _)| at >= value);
    match after {
        Some(0) => stops[0].1,
        Some(n) => {
            let (from, to) = (stops[n - 1], stops[n]);
            mix(from.1, to.1, (value - from.0) / (to.0 - from.0))
        }
        // Above the last, or no number.
        None => stops[stops.len() - 1].1,
    }
}

/// Ground that lies this share of the way up, on a planet with or without air.
pub fn tint(share: f64, has_air: bool) -> Rgb {
    if has_air {
        ramp(&TINTS, share)
    } else {
        ramp(&ROCK, share)
    }
}

/// So many people per km².
pub fn heat(people_per_km2: f64) -> Rgb {
    let powers = if people_per_km2 > 1.0 {
        maths::log10(people_per_km2)
    } else {
        0.0
    };
    ramp(&HEAT, powers)
}

/// Stops of the heat ramp for a legend: people per km².
pub fn heat_legend() -> impl Iterator<Item = (f64, Rgb)> {
    [1.0, 10.0, 100.0, 1_000.0, 10_000.0]
        .into_iter()
        .map(|people| (people, heat(people)))
}

/// A biome's colour on maps.
pub fn biome(biome: Biome) -> Rgb {
    biome.colour().map(f64::from)
}

/// Light on a slope: 1 on level ground, from the upper left of the picture and 45° above it, as
/// cartographers have it. `right` and `down`: rise of the ground over run, along the picture's axes.
pub fn hill_shade(right: f64, down: f64) -> f64 {
    let normal = DVec3::new(-right, -down, 1.0).normalize();
    // Towards the light: left, up the picture, out of it.
    let light = DVec3::new(-0.5, -0.5, core::f64::consts::FRAC_1_SQRT_2);
    let shade = normal.dot(light) / light.z;
    // Nothing is quite black, nothing blinds.
    (0.45 + 0.55 * shade).clamp(0.35, 1.3)
}

/// How many times slopes are drawn steeper than they are. What is gentle over 20 km would not
/// show at all; what is seen metre by metre needs no help.
pub fn exaggeration(metres_per_pixel: f64) -> f64 {
    (0.55 * maths::pow(metres_per_pixel, 0.36)).clamp(1.0, 30.0)
}
