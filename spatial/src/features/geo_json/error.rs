//! Why a GeoJSON file cannot be used, in words its writer can act on.

use super::FeatureId;

/// A GeoJSON file is damaged, too much, or says something impossible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeoJsonError {
    /// The file as a whole.
    #[error("{file}: {problem}")]
    File {
        /// Which, as the reader was told.
        file: String,
        /// What is wrong, where, and what to do.
        problem: String,
    },
    /// One feature.
    #[error("{file} {}: {field}: {problem}", feature_name(*index, id.as_ref(), *line))]
    Feature {
        /// Which, as the reader was told.
        file: String,
        /// Its place in `features`, counted from 0.
        index: usize,
        /// Its `id`, if it has one.
        id: Option<FeatureId>,
        /// Where it begins, counted from 1; 0 when there is no text yet.
        line: usize,
        /// The member that is wrong, as a path: `geometry.coordinates[0][3]`.
        field: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

fn feature_name(index: usize, id: Option<&FeatureId>, line: usize) -> String {
    let id = match id {
        None => String::new(),
        Some(FeatureId::String(id)) => format!(" {:?}", id.chars().take(60).collect::<String>()),
        Some(FeatureId::Number(id)) => format!(" (id {id})"),
    };
    let line = match line {
        0 => String::new(),
        line => format!(" on line {line}"),
    };
    format!("features[{index}]{id}{line}")
}
