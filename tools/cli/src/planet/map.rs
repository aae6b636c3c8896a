//! `bluemarble planet map`: a picture of a planet.
//!
//! Rows are drawn in bands, in parallel, each pixel from 2 × 2 points: heights for the light on
//! slopes, then a colour, then zone borders. Nothing depends on how many threads there are, so two
//! runs write the same bytes.

use std::path::PathBuf;

use bluemarble_spatial::{Biome, CellId, Ground, Planet, ZoneId};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::heat::Heat;
use super::legend;
use super::paint::{self, Rgb};
use super::partition::{By, Partition};
use super::view::{View, ViewArgs};
use super::{picture, say, source};

/// Points per pixel, each way.
const FINE: usize = 2;
/// Rows of pixels drawn at a time.
const BAND: usize = 8;

/// Ground to a pixel below which the finest ground is drawn, metres.
const CLOSE_M: f64 = 60.0;

/// What to draw.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble planet map assets/planets/moon.ron --projection orthographic --out moon.png
      the moon as a ball
  bluemarble planet map assets/planets/earth.ron --layer biome --width 2048 --out biomes.png
  bluemarble planet map assets/planets/earth.ron --layer load --zones 96 --out zones.png
      where people live, and 96 zones that share them out evenly
  bluemarble planet map assets/planets/earth.ron --centre 46,10 --span 12 --out alps.png
      a part: 12 degrees of arc across
  bluemarble planet map drafts/mine.ron --assets assets --out mine.png
      a planet file that lies anywhere")]
pub struct MapArgs {
    /// Planet file, or the name of one in ./assets/planets
    planet: PathBuf,
    /// Picture to write, PNG; an existing one is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to colour by
    #[arg(long, value_enum, default_value_t = Layer::Natural)]
    layer: Layer,
    #[command(flatten)]
    view: ViewArgs,
    /// Draw the borders of this many zones
    #[arg(long, value_name = "COUNT")]
    zones: Option<usize>,
    /// What the zones share out evenly
    #[arg(long, value_enum, default_value_t = By::Population, requires = "zones")]
    by: By,
    /// No light and shadow on slopes
    #[arg(long)]
    flat: bool,
    /// Folder with terrain and settlements [default: the one above the planet file's]
    #[arg(long, value_name = "FOLDER")]
    assets: Option<PathBuf>,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

/// What a map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layer {
    /// Biomes in muted colours, with light on slopes
    Natural,
    /// Heights in the tints of an atlas
    Elevation,
    /// Biomes in clear colours
    Biome,
    /// How many people live where
    Load,
}

/// Runs it.
pub fn run(args: &MapArgs) -> anyhow::Result<()> {
    let view = args.view.view()?;
    picture::check(&args.out, "png")?;
    let planet = source::load(&args.planet, args.assets.as_deref())?;
    let zones = args
        .zones
        .map(|count| Partition::new(&planet, count, args.by))
        .transpose()?;
    let heat = (args.layer == Layer::Load).then(|| Heat::of(&planet, &view));
    let scene = Scene {
        heights: Heights::of(&planet),
        layer: args.layer,
        shaded: !args.flat,
        close: view.pixel_rad() * planet.radius_m() < CLOSE_M,
        planet: &planet,
        view,
        zones: zones.as_ref(),
        heat: heat.as_ref(),
    };
    let bar = progress(args.quiet, view.height);
    let rgb = scene.draw(&bar);
    bar.finish_and_clear();
    picture::write(&args.out, view.width, view.height, &rgb)?;
    let title = format!(
        "{}: {} x {} pixels, {} of {}",
        args.out.display(),
        view.width,
        view.height,
        args.layer.name(),
        planet.name(),
    );
    say(&[vec![title], legend::of(&scene)].concat())
}

impl Layer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Natural => "natural colours",
            Self::Elevation => "elevation",
            Self::Biome => "biomes",
            Self::Load => "load",
        }
    }
}

fn progress(quiet: bool, rows: usize) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows as u64);
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} rows  {elapsed} elapsed, {eta} left");
    bar.set_style(style.expect("the template is a constant that parses"));
    bar
}

/// The lowest and the highest ground that tints run between, metres.
#[derive(Clone, Copy, Debug)]
pub struct Heights {
    pub low_m: f64,
    pub high_m: f64,
}

impl Heights {
    /// Of a few thousand places; one in a thousand may lie higher, so that a single peak does not
    /// darken the rest.
    fn of(planet: &Planet) -> Self {
        let mut heights: Vec<f64> = legend::places(20_000)
            .map(|dir| planet.ground_outline(dir))
            .filter(|ground| !ground.water)
            .map(|ground| ground.height_m)
            .collect();
        heights.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (share * heights.len() as f64) as usize;
            heights
                .get(index)
                .or(heights.last())
                .copied()
                .unwrap_or(0.0)
        };
        let low_m = if at(0.0) > 0.0 && planet.has_air() {
            0.0
        } else {
            at(0.0)
        };
        Self {
            low_m,
            high_m: at(0.999),
        }
    }

    pub fn share(&self, height_m: f64) -> f64 {
        let range_m = self.high_m - self.low_m;
        // Level ground is all at the bottom.
        if range_m > 0.0 {
            (height_m - self.low_m) / range_m
        } else {
            0.0
        }
    }
}

/// Everything a pixel's colour depends on.
pub struct Scene<'a> {
    pub planet: &'a Planet,
    pub view: View,
    pub layer: Layer,
    pub heights: Heights,
    pub zones: Option<&'a Partition>,
    pub heat: Option<&'a Heat>,
    shaded: bool,
    /// Whether single metres show.
    close: bool,
}

/// A point of the picture, looked up.
#[derive(Clone, Copy)]
struct Point {
    dir: Option<glam::DVec3>,
    height_m: f64,
    water: bool,
    zone: ZoneId,
}

impl Point {
    fn ground(&self) -> Ground {
        Ground {
            height_m: self.height_m,
            water: self.water,
        }
    }
}

impl Scene<'_> {
    /// Rows of 8-bit RGB.
    fn draw(&self, bar: &ProgressBar) -> Vec<u8> {
        let row_bytes = self.view.width * 3;
        let mut rgb = vec![0_u8; self.view.height * row_bytes];
        rgb.par_chunks_mut(row_bytes * BAND)
            .enumerate()
            .for_each(|(band, bytes)| {
                self.draw_band(band * BAND, bytes);
                bar.inc((bytes.len() / row_bytes) as u64);
            });
        rgb
    }

    fn draw_band(&self, first_row: usize, bytes: &mut [u8]) {
        let rows = bytes.len() / (self.view.width * 3);
        // One more point on every side, to know slopes and borders at the edges.
        let wide = self.view.width * FINE + 2;
        let high = rows * FINE + 2;
        let middle = |n: usize| (n as f64 - 0.5) / FINE as f64;
        let points: Vec<Point> = (0..wide * high)
            .map(|n| {
                let x = middle(n % wide);
                let y = first_row as f64 + middle(n / wide);
                self.point(x, y)
            })
            .collect();
        for row in 0..rows {
            for column in 0..self.view.width {
                let mut sum = [0.0; 3];
                for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let at = (row * FINE + down + 1) * wide + column * FINE + right + 1;
                    let colour = self.colour(&points, at, wide, column, first_row + row);
                    for (sum, channel) in sum.iter_mut().zip(colour) {
                        *sum += channel * 0.25;
                    }
                }
                let at = (row * self.view.width + column) * 3;
                for (byte, channel) in bytes[at..at + 3].iter_mut().zip(sum) {
                    *byte = (channel + 0.5) as u8;
                }
            }
        }
    }

    fn point(&self, x: f64, y: f64) -> Point {
        let dir = self.view.at(x, y).map(|dir| dir.unit());
        let ground = dir.map(|dir| self.ground(dir));
        let zone = match (self.zones, dir) {
            (Some(zones), Some(dir)) => zones.zone_of(CellId::leaf_at(dir)),
            _ => 0,
        };
        Point {
            dir,
            height_m: ground.map_or(0.0, |ground| ground.height_m),
            water: ground.is_some_and(|ground| ground.water),
            zone,
        }
    }

    /// Down to metres where metres show; the outline is a thousand times cheaper to look at once.
    fn ground(&self, unit: glam::DVec3) -> Ground {
        if self.close {
            self.planet.ground_at_unit(unit)
        } else {
            self.planet.ground_outline(unit)
        }
    }

    fn colour(&self, points: &[Point], at: usize, wide: usize, column: usize, row: usize) -> Rgb {
        let point = points[at];
        let Some(dir) = point.dir else {
            return self.outside(column, row);
        };
        let around = [at - 1, at + 1, at - wide, at + wide].map(|n| points[n]);
        let other = |near: &Point| near.dir.is_some() && near.zone != point.zone;
        if self.zones.is_some() && around.iter().any(other) {
            return paint::border(self.layer == Layer::Load);
        }
        let light = if self.shaded && !point.water {
            self.light(around)
        } else {
            1.0
        };
        let colour = match self.layer {
            Layer::Natural => self.natural(dir, &point),
            Layer::Elevation if point.water => paint::WATER,
            Layer::Elevation => {
                paint::tint(self.heights.share(point.height_m), self.planet.has_air())
            }
            Layer::Biome => paint::biome(self.planet.biome_on(dir, point.ground())),
            Layer::Load => self.load(&point, column, row),
        };
        paint::lit(colour, light * self.limb(column, row))
    }

    /// Biomes as they look from above: less clear, and higher ground paler.
    fn natural(&self, dir: glam::DVec3, point: &Point) -> Rgb {
        let biome = self.planet.biome_on(dir, point.ground());
        let colour = paint::biome(biome);
        let share = self.heights.share(point.height_m);
        match biome {
            Biome::Ocean | Biome::SeaIce | Biome::Ice => colour,
            Biome::Barren => paint::tint(share, false),
            _ => paint::mix(colour, [176.0, 160.0, 140.0], 0.12 + 0.45 * share),
        }
    }

    fn load(&self, point: &Point, column: usize, row: usize) -> Rgb {
        let people = self.heat.map_or(0.0, |heat| heat.at(column, row));
        let ground = if point.water {
            [20.0, 24.0, 34.0]
        } else {
            [62.0, 62.0, 68.0]
        };
        // One person per km² is where colour begins.
        let powers = bluemarble_spatial::maths::log10(1.0 + people);
        paint::mix(ground, paint::heat(people), powers * 1.6)
    }

    /// Light on the ground at a point, from the heights around it.
    fn light(&self, [left, right, up, down]: [Point; 4]) -> f64 {
        let run_m = |before: Point, after: Point| match (before.dir, after.dir) {
            (Some(from), Some(to)) => from.distance(to) * self.planet.radius_m(),
            _ => 0.0,
        };
        let (width_m, height_m) = (run_m(left, right), run_m(up, down));
        let pixel_m = if width_m > height_m {
            width_m
        } else {
            height_m
        };
        let slope = |before: Point, after: Point, run_m: f64| {
            let level = before.water || after.water || before.dir.is_none() || after.dir.is_none();
            // Where the map is drawn out, as at its poles, steps between points are not slopes.
            let run_m = run_m.max(0.3 * pixel_m);
            if level || run_m == 0.0 {
                0.0
            } else {
                (after.height_m - before.height_m) / run_m
            }
        };
        let steeper = paint::exaggeration(pixel_m);
        let (across, along) = (slope(left, right, width_m), slope(up, down, height_m));
        paint::hill_shade(across * steeper, along * steeper)
    }

    /// Balls are darker towards their edge.
    fn limb(&self, column: usize, row: usize) -> f64 {
        match self.view.off_ball(column as f64 + 0.5, row as f64 + 0.5) {
            Some(radii) if radii < 1.0 => 0.42 + 0.58 * (1.0 - radii * radii).sqrt().sqrt(),
            Some(_) => 0.42,
            None => 1.0,
        }
    }

    /// Beside the map: space, and air where there is some.
    fn outside(&self, column: usize, row: usize) -> Rgb {
        let radii = self.view.off_ball(column as f64 + 0.5, row as f64 + 0.5);
        match radii {
            Some(radii) if self.planet.has_air() && self.layer != Layer::Load => {
                let glow = (1.0 - (radii - 1.0) / 0.035).clamp(0.0, 1.0);
                paint::mix(paint::SPACE, [112.0, 164.0, 220.0], glow * glow * 0.8)
            }
            _ => paint::SPACE,
        }
    }
}
