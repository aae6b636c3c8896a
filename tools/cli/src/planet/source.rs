//! Which planet is meant: a descriptor anywhere, or the name of one in ./assets/planets.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bluemarble_spatial::Planet;

/// Loads the planet at a path ending in `.ron`, or the one of that name in the assets folder.
///
/// Without `assets` the folder is the one above the descriptor's own (`<assets>/planets/x.ron`) when
/// that is called "planets", and ./assets otherwise.
pub fn load(planet: &Path, assets: Option<&Path>) -> anyhow::Result<Planet> {
    let is_file = planet.extension().is_some_and(|e| e == "ron") || planet.components().count() > 1;
    let folder = match assets {
        Some(folder) => folder.to_path_buf(),
        None => assets_of(planet, is_file),
    };
    let loaded = if is_file {
        if planet.is_dir() {
            bail!(
                "{} is a folder; name a planet file, such as {}",
                planet.display(),
                planet.join("moon.ron").display()
            );
        }
        if !planet.is_file() {
            bail!(
                "there is no file {}; planets are files like assets/planets/moon.ron",
                planet.display()
            );
        }
        Planet::load_file(planet, &folder)
    } else {
        Planet::load(&folder, &planet.to_string_lossy())
    };
    loaded.with_context(|| {
        let looked = match assets {
            Some(_) => String::new(),
            None => format!(
                " (files it names are looked for in {}; --assets says otherwise)",
                folder.display()
            ),
        };
        format!("cannot load planet {}{looked}", planet.display())
    })
}

fn assets_of(planet: &Path, is_file: bool) -> PathBuf {
    let here = PathBuf::from("assets");
    if !is_file {
        return here;
    }
    // "moon.ron" alone lies in the current folder.
    let absolute = std::path::absolute(planet).unwrap_or_else(|_| planet.to_path_buf());
    let in_planets = absolute
        .parent()
        .filter(|folder| folder.file_name().is_some_and(|name| name == "planets"));
    match in_planets.and_then(Path::parent) {
        Some(assets) => assets.to_path_buf(),
        None => here,
    }
}
