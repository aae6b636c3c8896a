//! `bluemarble planet`: looking at a planet without a server. A map as a picture, everything about one
//! place, and how zones would share the load.

mod at;
mod heat;
mod legend;
mod map;
mod paint;
mod partition;
mod picture;
mod projection;
mod source;
mod view;
mod zones;

use clap::Subcommand;

/// What to look at.
#[derive(Subcommand)]
pub enum PlanetCommand {
    /// Draw a map as a PNG: elevation, biomes, zone borders, load
    Map(map::MapArgs),
    /// Say what is at a place: cell, zone, elevation, biome, settlements nearby
    At(at::AtArgs),
    /// Cut the planet into zones and say how even they are
    Zones(zones::ZonesArgs),
}

/// Runs it.
pub fn run(command: &PlanetCommand) -> anyhow::Result<()> {
    match command {
        PlanetCommand::Map(args) => map::run(args),
        PlanetCommand::At(args) => at::run(args),
        PlanetCommand::Zones(args) => zones::run(args),
    }
}
