//! A scene: a place, how crowded it is, how its players move and what each may cost; see
//! `assets/scenes/README.md`. A [`Stage`] is one with
//! its server running, a [`Actor`] is who plays in it.

mod actors;
mod host;
mod patch;
mod stage;
mod usage;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::{Expect, HostileWish};

pub use actors::{Actor, Manner};
use host::{Host, HostOptions};
pub use stage::{Spent, Stage};
pub use usage::{Usage, own_cpu_s};

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
    /// How its players move.
    pub players: Manner,
    /// Into how many zones the planet is cut.
    #[serde(default = "one")]
    pub zones: u16,
    /// Threads that step zones.
    #[serde(default = "one")]
    pub threads: u16,
    /// Creatures around the middle.
    #[serde(default)]
    pub camps: Vec<Camp>,
    /// Over how many seconds the players join, unless the command line says.
    #[serde(default)]
    pub ramp_s: Option<f64>,
    /// Everybody loses the connection at once, so many seconds into the measurement, and comes back.
    #[serde(default)]
    pub all_drop_after_s: Option<u64>,
    /// What must hold for the run to pass beyond that everything seen was right; the command line's own gates
    /// come first.
    #[serde(default)]
    pub gates: Gates,
    /// Hostile bots beside the players, as a share of them; `--hostile` overrides it.
    #[serde(default)]
    pub abusers: f64,
}

fn one() -> u16 {
    1
}

/// Creatures of a kind, spread around the middle.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camp {
    /// File stem in `assets/creatures`.
    pub kind: String,
    /// How many.
    pub count: u32,
    /// Radius of the disc they live on, metres.
    pub spread_m: f64,
}

/// What a scene asks of a run; none unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gates {
    /// Ticks take less, 99 of 100, milliseconds.
    pub tick_p99_ms: Option<f64>,
    /// Others that players see, on average.
    pub seen: Option<f64>,
    /// Hand-offs between zones, per player and second.
    pub handoffs_per_player_s: Option<f64>,
    /// Kills per player and second.
    pub kills_per_player_s: Option<f64>,
    /// Bytes a player is sent per second, at most.
    pub bytes_per_s: Option<f64>,
    /// From the first packet of a player until its avatar is there, 99 of 100, milliseconds at most.
    pub joined_p99_ms: Option<f64>,
    /// The same for those who lost their connection and come back.
    pub returned_p99_ms: Option<f64>,
}

impl Gates {
    /// Those of the command line, and these where it says nothing, for so many players.
    #[must_use]
    pub fn under(&self, given: &Expect, players: u32) -> Expect {
        let all = |each: Option<f64>| each.map(|each| each * f64::from(players));
        Expect {
            expect_tick_p99_ms: given.expect_tick_p99_ms.or(self.tick_p99_ms),
            expect_seen: given.expect_seen.or(self.seen),
            expect_handoffs_per_s: given
                .expect_handoffs_per_s
                .or(all(self.handoffs_per_player_s)),
            expect_kills_per_s: given.expect_kills_per_s.or(all(self.kills_per_player_s)),
            expect_bytes_per_s: given.expect_bytes_per_s.or(self.bytes_per_s),
            expect_loss: given.expect_loss,
            expect_joined_p99_ms: given.expect_joined_p99_ms.or(self.joined_p99_ms),
            expect_returned_p99_ms: given.expect_returned_p99_ms.or(self.returned_p99_ms),
        }
    }
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
            assert!(scene.patch_m(300, None).unwrap() >= 10.0);
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn an_unknown_scene_is_answered_with_those_there_are() {
        let error = Scene::find(&assets(), "atlantis").unwrap_err();
        assert!(
            format!("{error:#}").contains("hostile, join-storm, meadow"),
            "{error:#}"
        );
    }
}
