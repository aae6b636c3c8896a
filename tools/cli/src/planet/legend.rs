//! What the colours of a map mean, printed below it.

use std::io::IsTerminal;

use bluemarble_spatial::{Biome, maths};
use glam::DVec3;

use super::map::{Layer, Scene};
use super::paint::{self, Rgb};

/// How many places shares of the planet are counted at.
const PLACES: u32 = 20_000;

/// Even over the ball: a spiral from pole to pole (Vogel's sunflower on a sphere).
pub fn places(count: u32) -> impl Iterator<Item = DVec3> {
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    (0..count).map(move |n| {
        let z = 1.0 - (2.0 * f64::from(n) + 1.0) / f64::from(count);
        let across = (1.0 - z * z).sqrt();
        let (sin, cos) = maths::sin_cos(f64::from(n) * GOLDEN_ANGLE);
        DVec3::new(across * cos, across * sin, z)
    })
}

/// Prints it.
pub fn print(scene: &Scene<'_>) {
    match scene.layer {
        Layer::Natural | Layer::Biome => biomes(scene),
        Layer::Elevation => elevation(scene),
        Layer::Load => load(scene),
    }
    if let Some(zones) = scene.zones {
        line(paint::BORDER, &format!("borders of {} zones", zones.len()));
    }
}

fn biomes(scene: &Scene<'_>) {
    let mut counts = [0_u32; Biome::ALL.len()];
    for dir in places(PLACES) {
        let biome = scene.planet.biome(dir);
        if let Some(n) = Biome::ALL.iter().position(|&other| other == biome) {
            counts[n] += 1;
        }
    }
    for (biome, count) in Biome::ALL.into_iter().zip(counts) {
        if count > 0 {
            let percent = f64::from(count) * 100.0 / f64::from(PLACES);
            line(
                paint::biome(biome),
                &format!("{:<24} {percent:5.1} % of the planet", biome.name()),
            );
        }
    }
}

fn elevation(scene: &Scene<'_>) {
    let has_air = scene.planet.climate_at(DVec3::X).is_some();
    let heights = scene.heights;
    if places(PLACES).any(|dir| scene.planet.is_water(dir)) {
        line(paint::WATER, "water");
    }
    const STEPS: u32 = 6;
    for n in 0..=STEPS {
        let share = f64::from(n) / f64::from(STEPS);
        let height_m = heights.low_m + (heights.high_m - heights.low_m) * share;
        let more = if n == STEPS { " and more" } else { "" };
        line(
            paint::tint(share, has_air),
            &format!("{height_m:6.0} m{more}"),
        );
    }
}

fn load(scene: &Scene<'_>) {
    let people: u64 = scene
        .planet
        .settlements()
        .iter()
        .map(|s| s.population)
        .sum();
    println!(
        "{people} people in {} settlements",
        scene.planet.settlements().len()
    );
    for (people, colour) in paint::heat_legend() {
        line(colour, &format!("{people:6.0} people per km²"));
    }
    if let Some(heat) = scene.heat {
        println!("    most at a pixel: {:.0} people per km²", heat.most());
    }
}

/// A swatch where the terminal has colours, the colour's number anyway.
fn line(colour: Rgb, text: &str) {
    let [r, g, b] = colour.map(|channel| channel as u8);
    if std::io::stdout().is_terminal() {
        println!("  \x1b[48;2;{r};{g};{b}m    \x1b[0m #{r:02x}{g:02x}{b:02x}  {text}");
    } else {
        println!("  #{r:02x}{g:02x}{b:02x}  {text}");
    }
}
