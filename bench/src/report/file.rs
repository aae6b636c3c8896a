//! The report as a file: JSON with the number of its format, so that a report of another time is refused and
//! not misread.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Report;

/// Of the JSON written now. It grows by one when a field changes its meaning, its unit or its name, or goes;
/// a new field that may be missing changes nothing.
pub const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Envelope {
    format: Option<u32>,
}

impl Report {
    /// As JSON.
    ///
    /// # Errors
    /// None that can be brought about.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// From JSON.
    ///
    /// # Errors
    /// It is no report, or one of another format; what to do is said.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        let envelope: Envelope = serde_json::from_str(text)
            .context("it is no report of bluemarble-bench load --json")?;
        match envelope.format {
            Some(FORMAT) => serde_json::from_str(text)
                .with_context(|| format!("it says that it has format {FORMAT}, but has not")),
            Some(newer) if newer > FORMAT => bail!(
                "it has format {newer}, this program knows {FORMAT}: read it with the bluemarble-bench \
                 that wrote it, or a newer one"
            ),
            Some(older) => bail!(
                "it has format {older}, this program knows {FORMAT}: run the load again with this \
                 bluemarble-bench, or read the report with the one that wrote it"
            ),
            None => bail!(
                "it has no format number: it is no report of bluemarble-bench load --json, or one from \
                 before they had it; run the load again"
            ),
        }
    }

    /// From a file.
    ///
    /// # Errors
    /// It cannot be read, or as for [`Self::from_json`].
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Self::from_json(&text).with_context(|| format!("{} is of no use", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_from_its_file_as_it_was() {
        let report = super::super::example::report();
        let text = report.to_json().unwrap();
        let again = Report::from_json(&text).unwrap();
        assert_eq!(again.to_json().unwrap(), text);
    }

    #[test]
    fn reports_of_other_formats_are_refused_with_what_to_do() {
        let told = |text: &str| format!("{:#}", Report::from_json(text).unwrap_err());
        assert!(told("hello").contains("no report"));
        assert!(told("{\"clients\": 4}").contains("run the load again"));
        assert!(told("{\"format\": 0}").contains("run the load again"));
        assert!(told("{\"format\": 99}").contains("a newer one"));
        assert!(told("{\"format\": 1}").contains("but has not"));
        let missing = Report::read(Path::new("nowhere.json")).unwrap_err();
        assert!(format!("{missing:#}").contains("nowhere.json"));
    }
}
