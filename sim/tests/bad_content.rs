//! Content that cannot be played is refused when it is loaded, in words its author can act on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use bluemarble_sim::{Scenario, ScenarioError};

const GOOD: &str = include_str!("../../assets/scenarios/first-contact.ron");
const KINDS: [(&str, &str); 3] = [
    (
        "adventurer",
        include_str!("../../assets/creatures/adventurer.ron"),
    ),
    (
        "villager",
        include_str!("../../assets/creatures/villager.ron"),
    ),
    ("raider", include_str!("../../assets/creatures/raider.ron")),
];

/// The outcome of loading an assets folder with this scenario and these edits to the raider.
fn load(scenario: &str, raider: impl Fn(&str) -> String) -> Result<Scenario, ScenarioError> {
    let assets = tempfile::tempdir().unwrap();
    for folder in ["scenarios", "creatures"] {
        fs::create_dir(assets.path().join(folder)).unwrap();
    }
    for (name, text) in KINDS {
        let text = if name == "raider" {
            raider(text)
        } else {
            text.to_owned()
        };
        fs::write(assets.path().join(format!("creatures/{name}.ron")), text).unwrap();
    }
    fs::write(assets.path().join("scenarios/scene.ron"), scenario).unwrap();
    Scenario::find(assets.path(), "scene")
}

#[track_caller]
fn assert_refused(outcome: Result<Scenario, ScenarioError>, says: &[&str]) {
    let message = outcome.expect_err("must be refused").to_string();
    for part in says {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn the_shipped_scenarios_are_good() {
    assert!(load(GOOD, str::to_owned).is_ok());
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    for name in ["earth", "first-contact"] {
        assert_eq!(Scenario::find(&assets, name).unwrap().name, name);
    }
}

#[test]
fn an_unknown_scenario_is_answered_with_the_known_ones() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    for name in ["atlantis", "", "../scenarios/earth", "earth.ron"] {
        assert_refused(
            Scenario::find(&assets, name),
            &["no scenario", "earth, first-contact, "],
        );
    }
    assert_refused(
        Scenario::find(Path::new("/nowhere"), "earth"),
        &["there are: none"],
    );
}

#[test]
fn a_slip_of_the_pen_is_named_with_its_line() {
    assert_refused(
        load(&GOOD.replace("zones:", "zoness:"), str::to_owned),
        &["scene.ron", "zoness"],
    );
    assert_refused(load(&GOOD[..GOOD.len() / 2], str::to_owned), &["scene.ron"]);
    let no_raider = load(&GOOD.replace("\"raider\"", "\"dragon\""), str::to_owned);
    assert_refused(no_raider, &["cannot read", "dragon.ron"]);
}

#[test]
fn a_recording_that_is_not_there_is_named() {
    let scenario = GOOD.replace("puppets: 60", "recording: \"recordings/none.txt\"");
    assert_refused(
        load(&scenario, str::to_owned),
        &["recordings/none.txt", "id frame x y z"],
    );
}

#[test]
fn impossible_scenarios_are_refused() {
    let cases = [
        ("Square(5)", "Square(6)", "Square(6)"),
        ("near: (48.86551", "near: (148.86551", "latitude"),
        ("zones: 24", "zones: 0", "zones must be"),
        ("zones: 24", "rewind_ms: 501", "rewind_ms must be at most"),
        (
            "interaction_radius_m: 48.0",
            "interaction_radius_m: 0.0",
            "interaction_radius_m",
        ),
        ("spread_m: 30.0", "spread_m: -1.0", "spread_m"),
        ("count: 120", "count: 4000000", "entities"),
        ("puppets: 60", "puppets: 60000", "puppets and troops"),
        (
            "puppets: 60",
            "troops: [Troop(count: 20000, script: Roam)]",
            "puppets and troops",
        ),
        (
            "puppets: 60",
            "troops: [Troop(count: 2, script: Chase(sight_m: 60.0))]",
            "sight_m",
        ),
        (
            "spawn_spread_m: 40.0",
            "spawn_spread_m: 1e9",
            "spawn_spread_m",
        ),
    ];
    for (good, bad, says) in cases {
        assert!(GOOD.contains(good), "{good}");
        assert_refused(
            load(&GOOD.replace(good, bad), str::to_owned),
            &["scene.ron", says],
        );
    }
}

#[test]
fn a_kind_that_reaches_beyond_the_interaction_radius_is_refused() {
    let cases = [
        ("sight_m: 30.0", "sight_m: 49.0", "interaction_radius_m"),
        ("reach_m: 2.2", "reach_m: 100.0", "interaction_radius_m"),
        ("reach_m: 2.2", "reach_m: -2.2", "attack.reach_m"),
        ("health: 70", "health: 0", "born dead"),
        ("damage: (5, 12)", "damage: (12, 5)", "(least, most)"),
        (
            "top_speed_mps: 4.0",
            "top_speed_mps: 4000.0",
            "mover.top_speed_mps",
        ),
        ("rest_s: 1.0", "rest_s: inf", "rest_s"),
    ];
    for (good, bad, says) in cases {
        let outcome = load(GOOD, |raider| {
            assert!(raider.contains(good), "{good}");
            raider.replace(good, bad)
        });
        assert_refused(outcome, &["raider.ron", says]);
    }
}
