//! A scene: a place, how crowded it is, how its players move and what each may cost; see
//! `assets/scenes/README.md`. A [`Stage`] is one with
//! its server running, a [`Walker`] is who plays in it.

mod host;
mod patch;
mod stage;
mod usage;
mod walker;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::HostileWish;

use host::{Host, HostOptions};
pub use stage::{PhaseSums, Spent, Stage};
use usage::{Usage, own_cpu_s};
pub use walker::Walker;

/// A scene's file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// File stem in `assets/planets`.
    pub planet: String,
    /// Latitude and longitude of the middle, degrees.
    pub at: (f64, f64),
    /// File stem in `assets/creatures`.
    pub avatar: String,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Within which a client sees others, metres.
    pub radius_m: f64,
    /// A client's byte budget.
    pub client_bytes_per_s_max: u32,
    /// How large the patch is.
    pub ground: Ground,
    /// Largest turn of a walker per tick, radians.
    pub turn_rad: f64,
    /// Hostile bots beside the players, as a share of them; `--hostile` overrides it.
    #[serde(default)]
    pub abusers: f64,
}

/// How large a patch is.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum Ground {
    /// So large that everybody sees this many others on average.
    Seeing(f64),
    /// A disc of this radius, metres.
    Disc(f64),
}

impl Scene {
    /// Reads `<assets>/scenes/<name>.ron`.
    ///
    /// # Errors
    /// There is no such scene, or the file is not one.
    pub fn find(assets: &Path, name: &str) -> anyhow::Result<Self> {
        let folder = assets.join("scenes");
        let file = folder.join(name).with_extension("ron");
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("no scene '{name}'; there are: {}", known(&folder)))?;
        ron::from_str(&text).with_context(|| format!("{} is no scene", file.display()))
    }

    /// How many hostile bots there are, if the command line does not say.
    #[must_use]
    pub fn hostile(&self) -> Option<HostileWish> {
        (self.abusers > 0.0).then_some(HostileWish::Share(self.abusers))
    }

    /// The radius of the patch for so many players, metres. `k` overrides how many others each shall
    /// see.
    ///
    /// # Errors
    /// There are too few players to see so many.
    pub fn patch_m(&self, players: u32, k: Option<f64>) -> anyhow::Result<f64> {
        let k = match (k, self.ground) {
            (None, Ground::Disc(radius_m)) => return Ok(radius_m),
            (None, Ground::Seeing(k)) | (Some(k), _) => k,
        };
        patch::radius_m(players, k, self.radius_m).with_context(|| {
            format!("{players} players cannot see {k} others each on average: give more --clients or less --k")
        })
    }
}

/// The scenes there are, for people.
fn known(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|file| file.extension().is_some_and(|ending| ending == "ron"))
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        return format!("none in {}", folder.display());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
    }

    #[test]
    fn the_shipped_scenes_are_good_and_each_is_explained() {
        let folder = assets().join("scenes");
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        for name in known(&folder).split(", ") {
            let scene = Scene::find(&assets(), name).unwrap();
            assert!(scene.patch_m(300, None).unwrap() > 10.0);
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn an_unknown_scene_is_answered_with_those_there_are() {
        let error = Scene::find(&assets(), "atlantis").unwrap_err();
        assert!(
            format!("{error:#}").contains("crowd, hostile, meadow"),
            "{error:#}"
        );
    }
}
