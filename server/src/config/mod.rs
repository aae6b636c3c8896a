//! Configuration in two types: [`ConfigRaw`] is the file as written, [`Config`] is complete and
//! checked. Flags override the file, the file overrides the defaults, and every complaint names
//! the flag or the line it is about.

mod checked;
mod document;
mod error;
mod journal;
mod raw;
mod running;
mod setting;

pub use checked::{
    ADMIN_DEFAULT, Config, DATA_DIR_DEFAULT, LISTEN_DEFAULT, NetConfig, SCENARIO_DEFAULT, TICK_HZ,
    WorldConfig, ZONES,
};
pub use document::document;
pub use error::ConfigError;
pub use journal::{Durability, JournalConfig};
pub use raw::ConfigRaw;
pub use running::ZonesConfig;

use std::path::Path;

use crate::cli::ConfigFlags;

/// Reads the file named by the flags, if any, lets the flags override it, and checks the result.
///
/// # Errors
/// An unreadable or malformed file, an unknown field, a value out of range.
pub fn load(flags: &ConfigFlags) -> Result<Config, ConfigError> {
    match &flags.config {
        None => Config::resolve(&ConfigRaw::default(), None, flags),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            let raw = parse(path, &text)?;
            Config::resolve(&raw, Some((path, &text)), flags)
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<ConfigRaw, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        message: error.to_string().trim_end().to_owned(),
    })
}

/// The 1-based line a byte offset lies in.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_counted_from_one() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 2), 2);
        assert_eq!(line_of("a\nb\nc", 99), 3);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let error = parse(Path::new("c.toml"), "[world]\nseed = 1\nticks = 3\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("c.toml:3: "), "{text}");
        assert!(text.contains("ticks"), "{text}");
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line() {
        let error = parse(Path::new("c.toml"), "[world]\ntick_hz = \"fast\"\n").unwrap_err();
        assert!(error.to_string().starts_with("c.toml:2: "), "{error}");
    }
}
