//! The world's content, if it lies at hand: the planet and the avatar's body, with which clients
//! predict their own movement as a game client would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use bluemarble_net::client::Predictor;
use bluemarble_shared_protocol::Welcome;
use bluemarble_sim::Scenario;
use bluemarble_spatial::Planet;

/// Planet and body for a scenario, or why there are none: without content, bots play on but do not
/// predict.
///
/// # Errors
/// The files are missing, or are not the server's.
pub fn predictor(
    assets: Option<&Path>,
    scenario: &str,
    welcome: &Welcome,
) -> anyhow::Result<Predictor> {
    let assets = assets.map_or_else(usual_place, Path::to_owned);
    let stem = Path::new(scenario).file_stem().unwrap_or(scenario.as_ref());
    let file = assets.join("scenarios").join(stem).with_extension("ron");
    let scenario =
        Scenario::load(&file).with_context(|| format!("no content in {}", assets.display()))?;
    let mover = scenario
        .kinds
        .first()
        .context("a scenario without kinds")?
        .mover;
    let planet = Planet::load(&assets, &welcome.planet)
        .with_context(|| format!("no planet in {}", assets.display()))?;
    anyhow::ensure!(
        planet.content_hash() == welcome.planet_hash,
        "the planet in {} is not the server's",
        assets.display()
    );
    Ok(Predictor {
        planet: Arc::new(planet),
        mover,
    })
}

/// The content, unless told otherwise: beside the working directory, or where this program was built.
pub fn usual_place() -> PathBuf {
    let here = PathBuf::from("assets");
    if here.join("scenarios").is_dir() {
        here
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
    }
}
