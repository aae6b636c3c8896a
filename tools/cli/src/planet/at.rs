//! `bluemarble planet at`: everything about one place, for people or, with `--json`, for scripts.

use std::path::PathBuf;

use anyhow::anyhow;
use bluemarble_spatial::{
    CellId, Climate, Direction, Level, Planet, Settlement, TangentFrame, ZoneId, maths,
};
use clap::Args;
use serde_json::{Value, json};

use super::partition::{By, Partition};
use super::{say, source, view};

/// Levels whose cells are listed: a continent, a zone's grain, a town, a house.
const LEVELS: [Level; 4] = [Level::of(4), Level::of(8), Level::of(12), Level::of(20)];

/// Which place.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  bluemarble planet at 48.86 2.35
  bluemarble planet at -33.87 151.21 --zones 96
      and which of 96 zones owns it, instead of 24
  bluemarble planet at 0 -10 --planet assets/planets/moon.ron --json"
)]
pub struct AtArgs {
    /// Latitude, degrees, north positive
    #[arg(value_name = "LAT")]
    lat_deg: f64,
    /// Longitude, degrees, east positive
    #[arg(value_name = "LNG")]
    lng_deg: f64,
    /// Planet file, or the name of one in ./assets/planets
    #[arg(long, value_name = "FILE", default_value = "assets/planets/earth.ron")]
    planet: PathBuf,
    /// Of how many zones to say which one owns the place
    #[arg(long, value_name = "COUNT", default_value_t = 24)]
    zones: usize,
    /// What the zones share out evenly [default: population, or area where nobody lives]
    #[arg(long, value_enum)]
    by: Option<By>,
    /// How many settlements to list
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    settlements: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Folder with terrain and settlements [default: the one above the planet file's]
    #[arg(long, value_name = "FOLDER")]
    assets: Option<PathBuf>,
}

/// What is known of a place.
struct Place<'a> {
    planet: &'a Planet,
    dir: Direction,
    lat_deg: f64,
    lng_deg: f64,
    /// Its number, how many there are, what they share out.
    zone: (ZoneId, usize, By),
    settlements: Vec<Nearby<'a>>,
}

struct Nearby<'a> {
    settlement: &'a Settlement,
    distance_m: f64,
    /// Clockwise from north; none at the place itself.
    bearing_deg: Option<f64>,
}

/// Runs it.
pub fn run(args: &AtArgs) -> anyhow::Result<()> {
    let at = view::place(args.lat_deg, args.lng_deg).map_err(|problem| anyhow!(problem))?;
    let planet = source::load(&args.planet, args.assets.as_deref())?;
    let dir = at.to_direction();
    let by = args.by.unwrap_or(if planet.settlements().is_empty() {
        By::Area
    } else {
        By::Population
    });
    let zones = Partition::new(&planet, args.zones, by)?;
    let zone = zones.zone_of(CellId::leaf_at(dir.unit()));
    let near = planet.nearest_settlements(dir.unit(), args.settlements);
    let place = Place {
        planet: &planet,
        dir,
        lat_deg: args.lat_deg,
        lng_deg: args.lng_deg,
        zone: (zone, zones.map.len(), by),
        settlements: near
            .into_iter()
            .map(|near| Nearby {
                settlement: near.thing,
                distance_m: near.distance_m,
                bearing_deg: bearing_deg(dir, near.thing.at.to_direction()),
            })
            .collect(),
    };
    if args.json {
        say(&[format!("{:#}", place.json())])
    } else {
        say(&place.lines())
    }
}

impl Place<'_> {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut row = |name: &str, value: String| lines.push(format!("{name:<12} {value}"));
        let unit = self.dir.unit();
        row(
            "place",
            format!(
                "{:.5}°, {:.5}° on {}",
                self.lat_deg,
                self.lng_deg,
                self.planet.name()
            ),
        );
        for level in LEVELS {
            let cell = CellId::at(unit, level);
            row(
                if level == LEVELS[0] { "cell" } else { "" },
                format!(
                    "{:<10} level {:>2}, about {} wide",
                    cell.token(),
                    level.get(),
                    length(width_m(cell, self.planet.radius_m()))
                ),
            );
        }
        row("", format!("{} leaf", CellId::leaf_at(unit).token()));
        let (zone, count, by) = self.zone;
        row("zone", format!("{zone} of {count}, by {}", by.name()));
        let ground = self.planet.ground_at_unit(unit);
        if ground.water {
            row("ground", "water".to_owned());
        } else {
            row("elevation", format!("{:.1} m", ground.height_m));
            let (slope_deg, downhill_deg) = self.slope();
            row(
                "slope",
                format!("{slope_deg:.1}°, downhill to the {}", wind(downhill_deg)),
            );
        }
        row("biome", self.planet.biome(unit).name().to_owned());
        match self.planet.climate_at(unit) {
            None => row("climate", "none: there is no air".to_owned()),
            Some(Climate {
                temperature_c,
                warmest_c,
                rain_mm,
                moisture,
                ..
            }) => row(
                "climate",
                format!(
                    "{temperature_c:.1} °C, warmest month {warmest_c:.1} °C, {rain_mm:.0} mm of rain a year, moisture {moisture:.2}"
                ),
            ),
        }
        for (n, near) in self.settlements.iter().enumerate() {
            let name = if n == 0 { "settlements" } else { "" };
            let Settlement {
                name: town,
                country,
                population,
                ..
            } = near.settlement;
            let country = if country.is_empty() {
                String::new()
            } else {
                format!(", {country}")
            };
            let way = near.bearing_deg.map_or_else(
                || "here".to_owned(),
                |deg| format!("{} ({deg:.0}°)", wind(deg)),
            );
            row(
                name,
                format!(
                    "{:>9} {way:<11} {town}{country}, {population} people",
                    length(near.distance_m)
                ),
            );
        }
        lines
    }

    fn json(&self) -> Value {
        let unit = self.dir.unit();
        let ground = self.planet.ground_at_unit(unit);
        let (slope_deg, downhill_deg) = self.slope();
        let cells: Vec<Value> = LEVELS
            .into_iter()
            .chain([Level::MAX])
            .map(|level| {
                let cell = CellId::at(unit, level);
                json!({
                    "level": level.get(),
                    "token": cell.token(),
                    "width_m": width_m(cell, self.planet.radius_m()),
                })
            })
            .collect();
        let climate = self.planet.climate_at(unit).map(|climate| {
            json!({
                "temperature_c": climate.temperature_c,
                "warmest_month_c": climate.warmest_c,
                "rain_mm": climate.rain_mm,
                "moisture": climate.moisture,
            })
        });
        let settlements: Vec<Value> = self
            .settlements
            .iter()
            .map(|near| {
                json!({
                    "name": near.settlement.name,
                    "country": near.settlement.country,
                    "population": near.settlement.population,
                    "distance_m": near.distance_m,
                    "bearing_deg": near.bearing_deg,
                })
            })
            .collect();
        let (zone, count, by) = self.zone;
        let zone = json!({"id": zone, "of": count, "by": by.name()});
        json!({
            "planet": self.planet.name(),
            "lat_deg": self.lat_deg,
            "lng_deg": self.lng_deg,
            "cells": cells,
            "zone": zone,
            "water": ground.water,
            "elevation_m": ground.height_m,
            "slope_deg": if ground.water { 0.0 } else { slope_deg },
            "downhill_deg": if ground.water { Value::Null } else { json!(downhill_deg) },
            "biome": self.planet.biome(unit).name(),
            "climate": climate,
            "settlements": settlements,
        })
    }

    /// Steepness in degrees, and the bearing downhill.
    fn slope(&self) -> (f64, f64) {
        let unit = self.dir.unit();
        let normal = self.planet.normal(unit);
        let downhill = TangentFrame::at(self.dir).bearing_of(normal);
        (
            maths::atan(self.planet.slope(unit)).to_degrees(),
            positive(downhill.unwrap_or(0.0).to_degrees()),
        )
    }
}

/// The way to set out along the great circle, degrees clockwise from north.
fn bearing_deg(from: Direction, to: Direction) -> Option<f64> {
    Some(positive(from.initial_bearing_to(to)?.to_degrees()))
}

fn positive(degrees: f64) -> f64 {
    if degrees < 0.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

/// One of the eight winds.
fn wind(bearing_deg: f64) -> &'static str {
    const WINDS: [&str; 8] = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
    WINDS[(bearing_deg / 45.0).round() as usize % WINDS.len()]
}

/// The side of a square as large as the cell, metres.
fn width_m(cell: CellId, radius_m: f64) -> f64 {
    cell.area_sr().sqrt() * radius_m
}

fn length(metres: f64) -> String {
    if metres < 10.0 {
        format!("{metres:.2} m")
    } else if metres < 1_000.0 {
        format!("{metres:.0} m")
    } else if metres < 100_000.0 {
        format!("{:.1} km", metres / 1_000.0)
    } else {
        format!("{:.0} km", metres / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluemarble_spatial::LatLng;

    #[test]
    fn bearings_are_clockwise_from_north() {
        let dir = |lat, lng| LatLng::degrees(lat, lng).to_direction();
        let near = |from, to, deg: f64| {
            let got = bearing_deg(from, to).expect("the two are apart");
            assert!((got - deg).abs() < 1e-9, "{got} for {deg}");
        };
        near(dir(0.0, 0.0), dir(10.0, 0.0), 0.0);
        near(dir(0.0, 179.0), dir(0.0, -179.0), 90.0);
        near(dir(0.0, 0.0), dir(-10.0, 0.0), 180.0);
        near(dir(0.0, 0.0), dir(0.0, -10.0), 270.0);
        assert_eq!(bearing_deg(dir(1.0, 1.0), dir(1.0, 1.0)), None);
    }

    #[test]
    fn every_bearing_has_a_wind() {
        assert_eq!([0.0, 44.0, 91.0, 359.9].map(wind), ["N", "NE", "E", "N"]);
    }
}
