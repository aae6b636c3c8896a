//! Ledgers of what was run, for ever: a line of a checked-in CSV file per run.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Adds a row, with the date before it; a new ledger gets the headings first.
///
/// # Errors
/// If the file cannot be written.
pub fn append(ledger: &Path, headings: &str, row: &str) -> Result<()> {
    let mut text = fs::read_to_string(ledger).unwrap_or_else(|_| format!("date,{headings}\n"));
    text += &format!("{},{row}\n", date(now_s()));
    fs::write(ledger, text).with_context(|| format!("cannot write {}", ledger.display()))
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a ledger says when")]
pub fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// UTC, as `2026-11-21T19:00:00Z`. The day by Howard Hinnant's `civil_from_days`
/// ("chrono-Compatible Low-Level Date Algorithms").
fn date(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400 + 719_468, unix_s % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_795_287_966), "2026-11-21T19:06:06Z");
    }
}
