//! Where people live: a table with GeoNames' columns, or places written into a descriptor.

use std::path::Path;

use serde::Deserialize;

use crate::features::StaticTree;
use crate::geo::LatLng;
use crate::limits::{SETTLEMENT_NAME_BYTES_MAX, SETTLEMENTS_MAX};
use crate::planet::PlanetError;

/// A place where people live.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// Its number in GeoNames; for places written into a descriptor, counted from 1.
    pub geoname_id: u32,
    /// Its name.
    pub name: String,
    /// ISO 3166 code of its country, two letters; empty off Earth.
    pub country: String,
    /// Its middle, as the table has it: a harbour town's may be in the water.
    pub at: LatLng,
    /// How many people live there.
    pub population: u64,
}

/// A row as the table has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    geonameid: u32,
    name: String,
    country: String,
    latitude_deg: f64,
    longitude_deg: f64,
    population: u64,
}

/// Reads a table; the order is the file's.
///
/// # Errors
/// [`PlanetError::Row`] at the first row that is no settlement.
pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Result<Vec<Settlement>, PlanetError> {
    let bad = |line, problem| PlanetError::Row {
        file: file.into(),
        line,
        problem,
    };
    let broken = |e: csv::Error| bad(e.position().map_or(1, csv::Position::line), describe(&e));
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(broken)?.clone();
    let mut settlements = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(1, csv::Position::line);
        let row: Row = record
            .deserialize(Some(&header))
            .map_err(|e| bad(line, describe(&e)))?;
        let at = LatLng::new(row.latitude_deg, row.longitude_deg)
            .map_err(|problem| bad(line, problem.to_string()))?;
        let settlement = Settlement {
            geoname_id: row.geonameid,
            name: row.name,
            country: row.country,
            at,
            population: row.population,
        };
        if let Some(problem) = problem(&settlement) {
            return Err(bad(line, problem));
        }
        if settlements.len() == SETTLEMENTS_MAX {
            return Err(bad(
                line,
                format!("there are more than {SETTLEMENTS_MAX} rows"),
            ));
        }
        settlements.push(settlement);
    }
    Ok(settlements)
}

/// To be asked for the nearest; ids are places in the list.
pub(crate) fn tree(settlements: Vec<Settlement>, planet_radius_m: f64) -> StaticTree<Settlement> {
    let placed = |s: Settlement| (s.at.to_dir() * planet_radius_m, s);
    StaticTree::bulk_load(settlements.into_iter().map(placed).collect())
        .expect("coordinates and the planet's radius have been checked")
}

/// What is wrong with a settlement, if anything.
pub(crate) fn problem(settlement: &Settlement) -> Option<String> {
    let bytes = settlement.name.len();
    if bytes == 0 || bytes > SETTLEMENT_NAME_BYTES_MAX {
        return Some(format!(
            "a name has 1 ..= {SETTLEMENT_NAME_BYTES_MAX} bytes, not {bytes}"
        ));
    }
    None
}

/// The error without the position, which is said elsewhere.
fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} fields, not {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "geonameid,name,country,latitude_deg,longitude_deg,population\n";

    fn parse_rows(rows: &str) -> Result<Vec<Settlement>, String> {
        parse(Path::new("towns.csv"), format!("{HEADER}{rows}").as_bytes())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn a_row_becomes_a_settlement() {
        let got = parse_rows("7,\"Aix, en Provence\",FR,43.5,5.4,146821\n").unwrap();
        assert_eq!(
            got,
            [Settlement {
                geoname_id: 7,
                name: "Aix, en Provence".into(),
                country: "FR".into(),
                at: LatLng::degrees(43.5, 5.4),
                population: 146_821,
            }]
        );
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        for (row, says) in [
            ("8,B,FR,91.0,5.4,1\n", "line 3: there is no latitude 91"),
            ("8,B,FR,NaN,5.4,1\n", "line 3: there is no latitude NaN"),
            ("8,,FR,1.0,5.4,1\n", "line 3: a name has 1"),
            ("8,B,FR,1.0,5.4\n", "line 3: it has 5 fields"),
            ("8,B,FR,1.0,5.4,-4\n", "line 3: invalid digit"),
            ("x,B,FR,1.0,5.4,4\n", "line 3: invalid digit"),
        ] {
            let error = parse_rows(&format!("7,A,FR,43.5,5.4,1\n{row}")).unwrap_err();
            assert!(
                error.starts_with("towns.csv ") && error.contains(says),
                "{row}: {error}"
            );
        }
    }

    #[test]
    fn a_foreign_header_is_refused() {
        let error = parse(Path::new("t.csv"), b"a,b,c\n1,2,3\n").unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
