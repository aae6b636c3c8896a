//! Why a planet could not be loaded, in words an operator can act on: every message names the
//! file and what to do.

use std::path::PathBuf;

use crate::features::GeoJsonError;

/// A planet's files are missing, damaged or say something impossible.
#[derive(Debug, thiserror::Error)]
pub enum PlanetError {
    /// The name could lead out of the assets folder.
    #[error("{name:?} is no planet name: use letters, digits, '-' and '_' only")]
    BadName {
        /// As given, shortened.
        name: String,
    },
    /// No descriptor of that name.
    #[error("there is no planet {name:?} in {}: {hint}", folder.display())]
    Unknown {
        /// As given.
        name: String,
        /// Where descriptors are looked for.
        folder: PathBuf,
        /// Which names there are, or that the folder is wrong.
        hint: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}; restore the file or correct its path in the planet's descriptor", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than any real one.
    #[error("{} has more than {limit} bytes; that is not the file meant here", file.display())]
    TooLarge {
        /// Which.
        file: PathBuf,
        /// The bound in bytes.
        limit: u64,
    },
    /// The descriptor is not RON, or has a field that is unknown, missing or of the wrong type.
    #[error("{}: {problem}; assets/planets/README.md lists the fields", file.display())]
    Descriptor {
        /// Which.
        file: PathBuf,
        /// Line, column and what is wrong.
        problem: String,
    },
    /// A field of the descriptor has an impossible value.
    #[error("{}: {field} {problem}", file.display())]
    Value {
        /// Which.
        file: PathBuf,
        /// The field.
        field: String,
        /// What it must be.
        problem: String,
    },
    /// A raster is damaged.
    #[error("{} is not a whole PNG ({source}); restore it from the repository", file.display())]
    Png {
        /// Which.
        file: PathBuf,
        /// Why.
        source: Box<png::DecodingError>,
    },
    /// A raster is intact but not what it is used for.
    #[error("{} is {found}; it must be {wanted}", file.display())]
    Raster {
        /// Which.
        file: PathBuf,
        /// Size and format.
        found: String,
        /// Size and format.
        wanted: &'static str,
    },
    /// A designer's features make no sense.
    #[error(transparent)]
    Features(#[from] GeoJsonError),
    /// A row of a table makes no sense.
    #[error("{} line {line}: {problem}; correct the row or remove it", file.display())]
    Row {
        /// Which.
        file: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}
