//! What was run, for ever: a row for each run of the soak, checked in. A row is rewritten while its
//! run goes on, so that a killed run loses what happened since the last time at most.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When it began, UTC.
    pub date: String,
    /// Rules version and commit.
    pub build: String,
    /// Its seed.
    pub seed: u64,
    /// Number of its first case.
    pub first_case: u64,
    /// Number of its last case.
    pub last_case: u64,
    /// How long it ran.
    pub minutes: f64,
    /// Cases.
    pub cases: u64,
    /// Ticks of all cases.
    pub ticks: u64,
    /// Entities times ticks, of the subject alone.
    pub entity_ticks: u64,
    /// Entities handed from zone to zone.
    pub handoffs: u64,
    /// Changes of the ownership map.
    pub zone_changes: u64,
    /// Restarts from a checkpoint, with and without a log.
    pub restarts: u64,
    /// Restarts that lost the end of a log.
    pub losses: u64,
    /// Travellers who came from another world.
    pub journeys: u64,
    /// Cases that failed.
    pub failures: u64,
}

impl Row {
    fn is_same_run(&self, other: &Self) -> bool {
        (&self.date, self.seed, self.first_case) == (&other.date, other.seed, other.first_case)
    }
}

/// All rows; none if there is no such file.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let unreadable = || format!("cannot read the ledger {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(unreadable)?;
    let rows: Result<Vec<Row>, _> = reader.deserialize().collect();
    rows.with_context(unreadable)
}

/// Writes the row of a run, in place of what it wrote before.
///
/// # Errors
/// If the ledger cannot be read or replaced.
pub fn record(path: &Path, row: &Row) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write the ledger {}", path.display());
    let mut rows = read(path)?;
    match rows.iter_mut().find(|known| known.is_same_run(row)) {
        Some(known) => known.clone_from(row),
        None => rows.push(row.clone()),
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &rows {
        writer.serialize(row).with_context(unwritable)?;
    }
    let bytes = writer
        .into_inner()
        .context("the ledger does not fit into memory")?;
    // Whole or not at all, whenever the run is killed.
    let beside = path.with_extension("csv.new");
    fs::write(&beside, bytes).with_context(unwritable)?;
    fs::rename(&beside, path).with_context(unwritable)
}

/// The case at which a seed goes on.
#[must_use]
pub fn next_case(rows: &[Row], seed: u64) -> u64 {
    let of_seed = rows.iter().filter(|row| row.seed == seed);
    of_seed.map(|row| row.last_case + 1).max().unwrap_or(0)
}

/// Days since 1970 and seconds as `YYYY-MM-DDThh:mm:ssZ`, by Howard Hinnant's `civil_from_days`.
#[must_use]
pub fn utc(seconds_since_1970: u64) -> String {
    let (days, second) = (seconds_since_1970 / 86_400, seconds_since_1970 % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn row(date: &str, seed: u64, first_case: u64, last_case: u64) -> Row {
        Row {
            date: date.into(),
            build: "rules 2 abc".into(),
            seed,
            first_case,
            last_case,
            minutes: 1.5,
            cases: 1 + last_case - first_case,
            ticks: 9,
            entity_ticks: 90,
            handoffs: 3,
            zone_changes: 2,
            restarts: 1,
            losses: 1,
            journeys: 4,
            failures: 0,
        }
    }

    #[test]
    fn a_run_rewrites_its_own_row_and_another_gets_one_of_its_own() {
        let path = std::env::temp_dir().join(format!("soak-ledger-{}.csv", std::process::id()));
        record(&path, &row("a", 1, 0, 3)).unwrap();
        record(&path, &row("b", 1, 4, 4)).unwrap();
        record(&path, &row("a", 1, 0, 9)).unwrap();
        let rows = read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(rows, [row("a", 1, 0, 9), row("b", 1, 4, 4)]);
        assert_eq!((next_case(&rows, 1), next_case(&rows, 2)), (10, 0));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(utc(1_795_276_799), "2026-11-21T15:59:59Z");
    }
}
