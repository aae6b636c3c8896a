//! `bluemarble planet zones`: how evenly zones share a load, beside a fixed grid; and their outlines as
//! GeoJSON.

use std::path::PathBuf;

use bluemarble_spatial::{Planet, ZoneId};
use clap::Args;

use super::partition::{By, Partition};
use super::{outline, picture, say, source};

/// How to cut.
#[derive(Args)]
#[command(after_help = "Examples:
  bluemarble planet zones --by population --count 96
  bluemarble planet zones --by population --count 96 --geojson zones.geojson
      and their outlines, to be looked at in any map viewer
  bluemarble planet zones --planet assets/planets/moon.ron --by area --count 12 --list")]
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
    let mut lines = summary(&planet, &zones);
    if args.list {
        lines.extend(list(&planet, &zones));
    }
    if let Some(path) = &args.geojson {
        let text = outline::geo_json(&planet, &zones)?;
        picture::write_text(path, &text)?;
        lines.push(format!(
            "{}: outlines of {} zones",
            path.display(),
            zones.map.len()
        ));
    }
    say(&lines)
}

fn summary(planet: &Planet, zones: &Partition) -> Vec<String> {
    let balance = zones.map.balance(&zones.load);
    let (level, grid) = zones.fixed_grid();
    let borders = zones.map.borders(planet.radius_m());
    // Not `sum`, which is -0 of nothing.
    let border_m = borders
        .iter()
        .fold(0.0, |sum, border| sum + border.length_m);
    let border_km = border_m / 1_000.0;
    let share = |load: f64| match zones.by {
        By::Population => format!("{load:.0} people"),
        By::Area => format!("{:.3} % of the ground", load * 100.0 / balance.total as f64),
    };
    vec![
        format!(
            "{} zones of {} by {}",
            balance.zones,
            planet.name(),
            zones.by.name()
        ),
        format!("  mean zone     {}", share(balance.mean)),
        format!(
            "  busiest zone  {}: {:.3} x the mean (zone {})",
            share(balance.busiest as f64),
            balance.busiest_over_mean,
            balance.busiest_zone
        ),
        format!("  without load  {}", balance.idle),
        format!(
            "  borders       {border_km:.0} km between {} pairs of zones",
            borders.len()
        ),
        format!(
            "a fixed grid of {} cells (level {level}) instead: busiest {:.1} x the mean, {} without load",
            grid.zones, grid.busiest_over_mean, grid.idle
        ),
    ]
}

fn list(planet: &Planet, zones: &Partition) -> Vec<String> {
    let mean = zones.load.total() as f64 / zones.map.len() as f64;
    let rows = zones.map.loads(&zones.load).into_iter().enumerate();
    let header = format!(
        "{:>5}  {:>8}  {:>10}  {:>11}  neighbours",
        "zone", "of mean", "border km", "area km²"
    );
    let row = |(zone, load): (usize, u64)| {
        let near = zones.map.neighbours(zone as ZoneId, planet.radius_m());
        let border_km = near.iter().fold(0.0, |sum, near| sum + near.1) / 1_000.0;
        let cells = zones.map.cells(zone as ZoneId);
        let area_sr: f64 = cells.iter().map(|cell| cell.area_sr()).sum();
        let area_km2 = area_sr * planet.radius_m() * planet.radius_m() / 1e6;
        format!(
            "{zone:>5}  {:>8.3}  {border_km:>10.0}  {area_km2:>11.0}  {}",
            load as f64 / mean,
            near.len()
        )
    };
    std::iter::once(header).chain(rows.map(row)).collect()
}
