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

/// Its lines.
pub fn of(scene: &Scene<'_>) -> Vec<String> {
    let mut lines = match scene.layer {
        Layer::Natural | Layer::Biome => biomes(scene),
        Layer::Elevation => elevation(scene),
        Layer::Load => load(scene),
    };
    if let Some(zones) = scene.zones {
        let colour = paint::border(scene.layer == Layer::Load);
        lines.push(line(
            colour,
            &format!("borders of {} zones", zones.map.len()),
        ));
    }
    lines
}

fn biomes(scene: &Scene<'_>) -> Vec<String> {
    let mut counts = [0_u32; Biome::ALL.len()];
    for dir in places(PLACES) {
        let ground = scene.planet.ground_outline(dir);
        let biome = scene.planet.biome_on(dir, ground);
        if let Some(n) = Biome::ALL.iter().position(|&other| other == biome) {
            counts[n] += 1;
        }
    }
    let rows = Biome::ALL.into_iter().zip(counts);
    rows.filter(|&(_, count)| count > 0)
        .map(|(biome, count)| {
            let percent = f64::from(count) * 100.0 / f64::from(PLACES);
            let text = format!("{:<24} {percent:5.1} % of the planet", biome.name());
            line(paint::biome(biome), &text)
        })
        .collect()
}

fn elevation(scene: &Scene<'_>) -> Vec<String> {
    const STEPS: u32 = 6;
    let heights = scene.heights;
    let mut lines = Vec::new();
    if places(PLACES).any(|dir| scene.planet.ground_outline(dir).water) {
        lines.push(line(paint::WATER, "water"));
    }
    for n in 0..=STEPS {
        let share = f64::from(n) / f64::from(STEPS);
        let height_m = heights.low_m + (heights.high_m - heights.low_m) * share;
        let more = if n == STEPS { " and more" } else { "" };
        let colour = paint::tint(share, scene.planet.has_air());
        lines.push(line(colour, &format!("{height_m:6.0} m{more}")));
    }
    lines
}

fn load(scene: &Scene<'_>) -> Vec<String> {
    let settlements = scene.planet.settlements();
    let people: u64 = settlements.iter().map(|s| s.population).sum();
    let mut lines = vec![format!(
        "{people} people in {} settlements",
        settlements.len()
    )];
    lines.extend(
        paint::heat_legend()
            .map(|(people, colour)| line(colour, &format!("{people:6.0} people per km²"))),
    );
    if let Some(heat) = scene.heat {
        lines.push(format!(
            "most at a pixel: {:.0} people per km²",
            heat.most()
        ));
    }
    lines
}

/// A swatch where the terminal has colours, the colour's number anyway.
fn line(colour: Rgb, text: &str) -> String {
    let [r, g, b] = colour.map(|channel| channel as u8);
    if std::io::stdout().is_terminal() {
        format!("  \x1b[48;2;{r};{g};{b}m    \x1b[0m #{r:02x}{g:02x}{b:02x}  {text}")
    } else {
        format!("  #{r:02x}{g:02x}{b:02x}  {text}")
    }
}
