//! A scenario: which planet, which kinds, who lives where, and where players appear.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bluemarble_spatial::LatLng;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::recording::{Recording, RecordingError};
use super::troop::{Script, Stress, Troop};

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No such scenario.
    #[error("no scenario '{name}' in {dir}; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// What there is.
        known: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not RON of the right shape.
    #[error("{path}: {problem}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        problem: String,
    },
    /// Recorded trajectories that cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A file that says something impossible.
    #[error("{path}: {problem}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What and how to mend it.
        problem: String,
    },
}

/// A place given in a way people write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Spot {
    /// The square with this index.
    Square(usize),
    /// Latitude and longitude, degrees.
    At(f64, f64),
    /// One camp around each of the planet's settlements with these ranks by population.
    Settlements {
        /// The largest has rank 0.
        first: usize,
        /// How many.
        count: usize,
    },
}

/// An open place where people meet: its middle is laid on a zone border wherever the world is
/// cut into two zones or more, because that is where a border is hardest to hide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Square {
    /// What it is called.
    pub name: String,
    /// Roughly where: latitude and longitude, degrees. The middle is moved to the nearest edge
    /// between two consecutive grid cells, at most one cell away (about 100 m at the usual
    /// interaction radius).
    pub near: (f64, f64),
}

/// Creatures around a spot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camp {
    /// Where.
    pub at: Spot,
    /// File stem of the kind in `assets/creatures`.
    pub kind: String,
    /// How many, at each spot.
    pub count: u32,
    /// Radius of the disc they are spread over, metres.
    pub spread_m: f64,
}

/// A scenario, complete: its file and the kinds it names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name: the file's stem.
    pub name: String,
    /// The planet: file stem in `assets/planets`.
    pub planet: String,
    /// How far one entity can see or reach another in one tick, metres.
    pub interaction_radius_m: f64,
    /// How far back a player's blow is judged by what the player saw, milliseconds, at most
    /// [`Scenario::REWIND_MS_MAX`].
    pub rewind_ms: u32,
    /// How many zones unless told otherwise.
    pub zones: usize,
    /// Squares; players appear around the first.
    pub squares: Vec<Square>,
    /// Players appear within this distance of the first square's middle, metres.
    pub spawn_spread_m: f64,
    /// How many players to cut zones for.
    pub expected_players: u32,
    /// The kinds, the avatars' own first.
    pub kinds: Vec<Kind>,
    /// File stems of the kinds, in the same order.
    pub kind_names: Vec<String>,
    /// Who lives where.
    pub camps: Vec<Camp>,
    /// Creatures that are further from every avatar than this, metres, may sleep; nobody does if
    /// it is not given. It must be further than clients see.
    pub sleep_beyond_m: Option<f64>,
    /// Scripted avatars that roam.
    pub puppets: u32,
    /// Scripted avatars that do something else.
    pub troops: Vec<Troop>,
    /// What must happen at its borders, for the tests that compare partitions.
    pub stress: Stress,
    /// Trajectories for [`Script::Recorded`]: those its file names, or others. Not part of the content: what scripted avatars do is
    /// sealed, like any player's intents.
    #[serde(skip)]
    pub recording: Option<Arc<Recording>>,
}

/// The file's shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "Scenario")]
struct ScenarioFile {
    planet: String,
    #[serde(default = "default_interaction")]
    interaction_radius_m: f64,
    #[serde(default = "default_rewind")]
    rewind_ms: u32,
    #[serde(default = "default_zones")]
    zones: usize,
    squares: Vec<Square>,
    #[serde(default = "default_spawn_spread")]
    spawn_spread_m: f64,
    #[serde(default)]
    expected_players: u32,
    avatar: String,
    camps: Vec<Camp>,
    #[serde(default)]
    sleep_beyond_m: Option<f64>,
    #[serde(default)]
    puppets: u32,
    #[serde(default)]
    troops: Vec<Troop>,
    #[serde(default)]
    stress: Stress,
    #[serde(default)]
    recording: Option<String>,
}

fn default_interaction() -> f64 {
    48.0
}

fn default_rewind() -> u32 {
    400
}

fn default_zones() -> usize {
    24
}

fn default_spawn_spread() -> f64 {
    40.0
}

impl Scenario {
    /// Most entities a scenario may begin with.
    pub const ENTITIES_MAX: u64 = 1_000_000;

    /// Longest rewind, milliseconds: at 120 ticks a second there are then 60 ticks to remember.
    pub const REWIND_MS_MAX: u32 = 500;

    /// Most scripted avatars: their intents are sealed each tick like any player's.
    pub const PUPPETS_MAX: u32 = 10_000;
    /// Most players zones are cut for.
    pub const PLAYERS_MAX: u32 = 100_000;

    /// Reads `assets/scenarios/<name>.ron`.
    ///
    /// # Errors
    /// See [`ScenarioError`]; an unknown name lists the known ones.
    pub fn find(assets: &Path, name: &str) -> Result<Self, ScenarioError> {
        let dir = assets.join("scenarios");
        let path = dir.join(format!("{name}.ron"));
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if plain && path.is_file() {
            return Self::load(&path);
        }
        Err(ScenarioError::Unknown {
            name: name.into(),
            known: known_in(&dir),
            dir,
        })
    }

    /// Reads a scenario file and, from `../creatures` beside its folder, the kinds it names.
    ///
    /// # Errors
    /// See [`ScenarioError`].
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let file: ScenarioFile = read_ron(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let assets = folder.map_or(Path::new(".."), |f| f.parent().unwrap_or(Path::new("..")));
        let mut kind_names = vec![file.avatar];
        for camp in &file.camps {
            if !kind_names.contains(&camp.kind) {
                kind_names.push(camp.kind.clone());
            }
        }
        let mut scenario = Self {
            name: path
                .file_stem()
                .map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
            planet: file.planet,
            interaction_radius_m: file.interaction_radius_m,
            rewind_ms: file.rewind_ms,
            zones: file.zones,
            squares: file.squares,
            spawn_spread_m: file.spawn_spread_m,
            expected_players: file.expected_players,
            kinds: Vec::new(),
            kind_names,
            camps: file.camps,
            sleep_beyond_m: file.sleep_beyond_m,
            puppets: file.puppets,
            troops: file.troops,
            stress: file.stress,
            recording: None,
        };
        if let Some(problem) = scenario.fault() {
            return Err(ScenarioError::Content {
                path: path.into(),
                problem,
            });
        }
        // Kinds name further ones: what they shoot, and what that leaves.
        while let Some(name) = scenario.kind_names.get(scenario.kinds.len()) {
            let kind = load_kind(assets, name, scenario.interaction_radius_m)?;
            for brought in kind.brings() {
                if !scenario.kind_names.iter().any(|known| known == brought) {
                    scenario.kind_names.push(brought.to_owned());
                }
            }
            scenario.kinds.push(kind);
        }
        if let Some((name, problem)) = scenario.miscast() {
            return Err(ScenarioError::Content {
                path: kind_path(assets, &name),
                problem,
            });
        }
        if let Some(recording) = file.recording {
            let recording = Recording::load(&assets.join(recording))?;
            scenario.recording = Some(Arc::new(recording));
        }
        Ok(scenario)
    }

    /// How many scripted avatars there are at most.
    #[must_use]
    pub fn scripted(&self) -> u32 {
        let troops = self.troops.iter().map(|troop| troop.count);
        troops.fold(self.puppets, u32::saturating_add)
    }

    /// Whether its scripts need [`Scenario::recording`].
    #[must_use]
    pub fn needs_recording(&self) -> bool {
        let recorded = |troop: &Troop| troop.script == Script::Recorded;
        self.troops.iter().any(recorded)
    }

    /// What lies nowhere on the globe, if anything.
    pub(crate) fn misplaced(&self) -> Option<String> {
        for square in &self.squares {
            if let Err(problem) = LatLng::new(square.near.0, square.near.1) {
                return Some(format!("square '{}': {problem}", square.name));
            }
        }
        for camp in &self.camps {
            if let Spot::At(lat_deg, lng_deg) = camp.at
                && let Err(problem) = LatLng::new(lat_deg, lng_deg)
            {
                return Some(format!("a camp of '{}': {problem}", camp.kind));
            }
        }
        None
    }

    fn fault(&self) -> Option<String> {
        if self.squares.is_empty() {
            return Some("squares is empty: players would have nowhere to appear".into());
        }
        if !(1.0..=1_000.0).contains(&self.interaction_radius_m) {
            return Some("interaction_radius_m must be between 1 and 1000".into());
        }
        if self.rewind_ms > Self::REWIND_MS_MAX {
            return Some(format!("rewind_ms must be at most {}", Self::REWIND_MS_MAX));
        }
        if let Some(beyond_m) = self.sleep_beyond_m
            && !(4.0 * self.interaction_radius_m..=1_000_000.0).contains(&beyond_m)
        {
            return Some(format!(
                "sleep_beyond_m is {beyond_m}: it must be at least four times interaction_radius_m, so \
                 that nobody meets a sleeper, and at most 1000000; leave it out if nobody is to sleep"
            ));
        }
        if !(0.0..=10_000.0).contains(&self.spawn_spread_m) {
            return Some("spawn_spread_m must be between 0 and 10000".into());
        }
        if self.zones == 0 || self.zones > bluemarble_spatial::ZoneMap::ZONES_MAX {
            return Some(format!(
                "zones must be 1..={}",
                bluemarble_spatial::ZoneMap::ZONES_MAX
            ));
        }
        let fault = |troop: &Troop| troop.script.fault(self.interaction_radius_m);
        if let Some(problem) = self.troops.iter().find_map(fault) {
            return Some(problem);
        }
        if self.scripted() > Self::PUPPETS_MAX || self.expected_players > Self::PLAYERS_MAX {
            return Some(format!(
                "puppets and troops may be at most {} together, expected_players at most {}",
                Self::PUPPETS_MAX,
                Self::PLAYERS_MAX
            ));
        }
        let mut entities = u64::from(self.scripted());
        for camp in &self.camps {
            if !(0.0..=100_000.0).contains(&camp.spread_m) {
                return Some(format!(
                    "a camp of '{}' has spread_m {}",
                    camp.kind, camp.spread_m
                ));
            }
            let spots = match camp.at {
                Spot::Square(i) if i >= self.squares.len() => {
                    return Some(format!(
                        "a camp lies at Square({i}), but there are {}",
                        self.squares.len()
                    ));
                }
                Spot::Settlements { count, .. } => count as u64,
                _ => 1,
            };
            entities = entities.saturating_add(spots.saturating_mul(u64::from(camp.count)));
        }
        if let Some(problem) = self.misplaced() {
            return Some(problem);
        }
        (entities > Self::ENTITIES_MAX).then(|| {
            format!(
                "{entities} entities; at most {} are allowed",
                Self::ENTITIES_MAX
            )
        })
    }
}

fn kind_path(assets: &Path, name: &str) -> PathBuf {
    assets.join("creatures").join(format!("{name}.ron"))
}

fn load_kind(assets: &Path, name: &str, interaction_m: f64) -> Result<Kind, ScenarioError> {
    let path = kind_path(assets, name);
    let kind: Kind = read_ron(&path)?;
    match kind.fault(interaction_m) {
        Some(problem) => Err(ScenarioError::Content { path, problem }),
        None => Ok(kind),
    }
}

fn read_ron<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ScenarioError> {
    let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Io {
        path: path.into(),
        source,
    })?;
    // `recording: "x"` instead of `Some("x")`.
    let options =
        ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    options
        .from_str(&text)
        .map_err(|error| ScenarioError::Syntax {
            path: path.into(),
            problem: error.to_string(),
        })
}

fn known_in(dir: &Path) -> String {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "ron"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}
