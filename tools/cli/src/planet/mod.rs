//! `bluemarble planet`: looking at a planet without a server. A map as a picture, everything about one
//! place, and how zones would share the load.

mod at;
mod heat;
mod legend;
mod map;
mod outline;
mod paint;
mod partition;
mod picture;
mod projection;
mod source;
mod view;
mod zones;

use std::io::{ErrorKind, Write};

use anyhow::Context;
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

/// Prints lines. Who closes the pipe has read enough.
fn say(lines: &[String]) -> anyhow::Result<()> {
    let text = lines.join("\n") + "\n";
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}
