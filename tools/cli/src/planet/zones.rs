//! `bluemarble planet zones`: how evenly zones share a load, beside a fixed grid; and their outlines as
//! GeoJSON.

use std::path::PathBuf;

use bluemarble_spatial::Level;
use clap::Args;

use super::partition::{By, Partition, busiest_over_mean};
use super::{picture, source};

/// How to cut.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble planet zones --by population --count 96
  bluemarble planet zones --by population --count 96 --geojson zones.geojson
      and their outlines, to be looked at in any map viewer
  bluemarble planet zones --planet assets/planets/moon.ron --by area --count 12")]
pub struct ZonesArgs {
    /// Planet file, or the name of one in ./assets/planets
    #[arg(long, value_name = "FILE", default_value = "assets/planets/earth.ron")]
    planet: PathBuf,
    /// How many zones
    #[arg(long, value_name = "COUNT", default_value_t = 96)]
    count: usize,
    /// What they share out evenly
    #[arg(long, value_enum, default_value_t = By::Population)]
    by: By,
    /// Write the zones' outlines to this file; an existing one is replaced
    #[arg(long, value_name = "FILE")]
    geojson: Option<PathBuf>,
    /// List every zone
    #[arg(long)]
    list: bool,
    /// Folder with terrain and settlements [default: the one above the planet file's]
    #[arg(long, value_name = "FOLDER")]
    assets: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ZonesArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.geojson {
        picture::check(path, "geojson")?;
    }
    let planet = source::load(&args.planet, args.assets.as_deref())?;
    let zones = Partition::new(&planet, args.count, args.by)?;
    let loads = zones.loads();
    println!(
        "{} zones of {} by {}: the busiest carries {:.3} x the mean",
        zones.len(),
        planet.name(),
        args.by.name(),
        busiest_over_mean(&loads)
    );
    let level = grid_level(zones.len());
    println!(
        "a fixed grid of {} cells (level {}): {:.1} x the mean",
        level.cells(),
        level.get(),
        busiest_over_mean(&zones.grid_loads(level))
    );
    Ok(())
}

/// The coarsest grid with at least as many cells.
fn grid_level(zones: usize) -> Level {
    Level::all()
        .find(|level| level.cells() >= zones as u64)
        .unwrap_or(Level::MAX)
}
