//! Where planets, creatures and scenarios are found, and a clear answer when they are not.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

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
