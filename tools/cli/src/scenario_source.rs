//! Where scenarios come from: a file, or the name of one in the assets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bluemarble_sim::{Recording, Scenario, ScenarioError};
use clap::Args;

/// Options of every command that runs scenarios.
#[derive(Args)]
pub struct SourceArgs {
    /// Folder with planets, creatures and terrain [default: the one above the scenario's]
    #[arg(long)]
    pub assets: Option<PathBuf>,
    /// Scripted avatars whose script is `Recorded` walk after this recording: rows `id frame x y z` in
    /// metres, with a line `# framerate: 25 fps` [default: the one the scenario names]
    #[arg(long, value_name = "FILE")]
    pub trajectories: Option<PathBuf>,
}

impl SourceArgs {
    /// The folder above the scenario's own, or `assets` here for a scenario given by its name.
    pub fn assets_of(&self, scenario: &Path) -> PathBuf {
        let folder = scenario
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        match (&self.assets, folder) {
            (Some(assets), _) => assets.clone(),
            (None, Some(folder)) => folder.parent().unwrap_or(Path::new("..")).to_path_buf(),
            (None, None) => PathBuf::from("assets"),
        }
    }

    /// Loads the scenario.
    pub fn load(&self, scenario: &Path) -> anyhow::Result<Scenario> {
        let mut loaded = find(scenario, &self.assets_of(scenario))
            .with_context(|| format!("cannot load scenario {}", scenario.display()))?;
        if let Some(file) = &self.trajectories
            && loaded.needs_recording()
        {
            loaded.recording = Some(Arc::new(Recording::load(file)?));
        }
        Ok(loaded)
    }
}

/// A path is read; a bare name is looked up, so that a mistyped one is answered with a list.
fn find(scenario: &Path, assets: &Path) -> Result<Scenario, ScenarioError> {
    let name = scenario.to_string_lossy();
    if scenario.components().count() == 1 && !name.ends_with(".ron") {
        Scenario::find(assets, &name)
    } else {
        Scenario::load(scenario)
    }
}
