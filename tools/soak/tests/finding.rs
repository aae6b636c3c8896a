//! What the soak does with a failure, tried on planted ones: it ends with a smaller case, says what that
//! needs, and prints a command that shows it again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
#[cfg(feature = "mutants")]
use std::process::Command;

use bluemarble_soak::case::{CaseRun, Workshop};
use bluemarble_soak::kinds::EventKind;
use bluemarble_soak::plant::Plant;
use bluemarble_soak::shrink::{Without, shrink};
use bluemarble_soak::{Library, Pools};

/// Runs the program in the repository's root; its exit status and everything it said.
#[cfg(feature = "mutants")]
fn soak(line: &str, reports: &Path) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bluemarble-soak"))
        .args(line.split_whitespace())
        .arg("--reports")
        .arg(reports)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// The rest of the last line that begins like this.
#[cfg(feature = "mutants")]
fn last<'a>(text: &'a str, begin: &str) -> &'a str {
    let lines = text.lines().rev();
    let mut found = lines.filter_map(|line| line.trim_start().strip_prefix(begin));
    found
        .next()
        .unwrap_or_else(|| panic!("no {begin:?} in {text}"))
}

#[cfg(feature = "mutants")]
#[test]
fn a_failure_ends_with_a_smaller_case_whose_command_shows_it_again() {
    let reports = tempfile::tempdir().unwrap();
    let sound = "--seed 1 --case 7 --creatures-at-most 40";
    let (code, text) = soak(&format!("{sound} --plant flipped-bit"), reports.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FAILED: seed 1 case 7, tick "), "{text}");
    assert_eq!(last(&text, "it needs: "), "amnesia", "{text}");
    assert!(text.contains("component Life"), "{text}");
    let report = std::fs::read_to_string(last(&text, "report: ")).unwrap();
    let command = last(&text, "again: ");
    assert!(report.contains(command), "{report}");

    let line = command.strip_prefix("cargo xtask soak ").unwrap();
    assert!(line.contains("--creatures-at-most 1 "), "{line}");
    let (code, again) = soak(line, reports.path());
    assert_eq!(code, 1, "{again}");
    let found = |text: &str| {
        text.lines()
            .rev()
            .find(|l| l.starts_with("  tick "))
            .map(String::from)
    };
    assert_eq!(found(&again), found(&text), "{again}");
    assert!(found(&again).is_some());

    let (code, fine) = soak(sound, reports.path());
    assert_eq!(code, 0, "{fine}");
}

#[test]
fn hasty_journeys_are_found_and_need_people_travel_and_a_loss() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let mut shop = Workshop {
        library: Library::open(&assets).unwrap().short(),
        pools: Pools::default(),
    };
    let planted = |case| CaseRun {
        plant: Some(Plant::HastyJourneys),
        ..CaseRun::whole(1, case)
    };
    let found = (2..12).find_map(|case| {
        let run = planted(case);
        Some((run, run.run(&mut shop).unwrap().err()?))
    });
    let (run, failure) = found.unwrap();
    let mut tried = Vec::new();
    let (least, how) = shrink(run, failure, &mut shop, |without, still| {
        tried.push((without, still.is_some()));
    })
    .unwrap();
    let needed = [EventKind::Joins, EventKind::Loss, EventKind::Travel];
    assert_eq!(least.events.present().collect::<Vec<_>>(), needed);
    assert!(
        least.creatures_most.is_some_and(|most| most < 20),
        "{least:?}"
    );
    assert!(how.world.is_some() && how.fault.contains("worlds"), "{how}");
    for kind in needed {
        assert!(tried.contains(&(Without::Events(kind), false)));
    }
    assert_eq!(
        least.run(&mut shop).unwrap().unwrap_err().to_string(),
        how.to_string()
    );
    let sound = CaseRun {
        plant: None,
        ..least
    };
    assert!(sound.run(&mut shop).unwrap().is_ok());
}
