//! Where planets, creatures and scenarios are found, and a clear answer when they are not.

use std::path::{Path, PathBuf};

use bluemarble_sim::Scenario;

use crate::config::Config;
use crate::exit::Failure;
use crate::limits::INTEREST_HYSTERESIS;

/// The assets directory: the one given, or the first of the usual places that has scenarios.
///
/// # Errors
/// None of them has a `scenarios` directory.
pub fn find(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let candidates = match given {
        Some(path) => vec![path.to_owned()],
        None => usual_places(),
    };
    if let Some(found) = candidates
        .iter()
        .find(|path| path.join("scenarios").is_dir())
    {
        return Ok(found.clone());
    }
    let tried: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Err(Failure::request(format!(
        "no assets: none of these directories has a scenarios/ in it: {}",
        tried.join(", ")
    ))
    .advise("run from the repository, or name the directory with --assets"))
}

/// Creatures that sleep are not seen.
///
/// # Errors
/// Clients would see farther than the scenario says that creatures are awake.
pub fn check_sleepers(config: &Config, scenario: &Scenario) -> Result<(), Failure> {
    let seen_m = config.net.interest_m * INTEREST_HYSTERESIS;
    if let Some(beyond_m) = scenario.sleep_beyond_m
        && seen_m > beyond_m
    {
        return Err(Failure::request(format!(
            "clients would see creatures sleep: net.interest_m = {} shows them {seen_m} m away, but in \
             '{}' they sleep beyond {beyond_m} m",
            config.net.interest_m, scenario.name
        ))
        .advise("lower net.interest_m, or raise sleep_beyond_m in the scenario"));
    }
    Ok(())
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("assets")];
    if let Ok(program) = std::env::current_exe() {
        // target/release/bluemarble-server, and an installed bin/ beside share/.
        places.extend(
            program
                .ancestors()
                .skip(1)
                .take(4)
                .map(|dir| dir.join("assets")),
        );
        places.extend(
            program
                .ancestors()
                .nth(2)
                .map(|prefix| prefix.join("share/bluemarble/assets")),
        );
    }
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets"));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_assets_directory_is_named() {
        let text = find(Some(Path::new("/nowhere/at-all")))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("/nowhere/at-all") && text.contains("--assets"),
            "{text}"
        );
    }
}
