//! Scenes: a scenario's text and the kinds it needs, on a smooth moon.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bluemarble_sim::{Scenario, ScenarioError, World, WorldSpec, ZoneMap};
use bluemarble_spatial::{CellId, LatLng, Planet, maths};

/// Where three faces of the cube meet, degrees.
pub const VERTEX: (f64, f64) = (35.264_389_682_754_654, 45.0);
/// In the middle of a face, degrees.
pub const PLAIN: (f64, f64) = (10.0, 20.0);
/// The moon's radius, metres: such that grid cells are hardly wider than the 50 m they must be.
pub const RADIUS_M: f64 = 56_000.0;

/// Who plays: quick, with a long arm.
pub const HERO: &str = r#"Kind(name: "Hero", faction: 0,
    mover: Mover(top_speed_mps: 8.0, accel_mps2: 60.0, jump_mps: 4.0, radius_m: 0.4, eye_m: 1.6, max_slope: 1.2),
    health: 100, attack: Attack(reach_m: 12.0, damage: (10, 20), cooldown_s: 0.2),
    sight_m: 30.0, roam_m: 60.0, respawn_s: 2.0, rest_s: 1.0)"#;

/// Loads a scenario from its text, with the shipped kinds and those given.
pub fn load(text: &str, kinds: &[(&str, &str)]) -> Result<Scenario, ScenarioError> {
    let assets = tempfile::tempdir().unwrap();
    let creatures = assets.path().join("creatures");
    fs::create_dir(&creatures).unwrap();
    fs::create_dir(assets.path().join("scenarios")).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/creatures");
    for file in fs::read_dir(shipped).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), creatures.join(file.file_name())).unwrap();
    }
    for (name, kind) in kinds {
        fs::write(creatures.join(format!("{name}.ron")), kind).unwrap();
    }
    let path = assets.path().join("scenarios/scene.ron");
    fs::write(&path, text).unwrap();
    Scenario::load(&path)
}

/// A scenario around a place, with these camps.
pub fn scenario(at: (f64, f64), avatar: &str, spread_m: f64, camps: &str) -> String {
    format!(
        r#"Scenario(planet: "moon", interaction_radius_m: 40.0, zones: 1,
            squares: [Square(name: "here", near: ({}, {}))],
            spawn_spread_m: {spread_m:?}, avatar: "{avatar}", camps: [{camps}])"#,
        at.0, at.1
    )
}

/// A world of a scenario, cut into `zones`.
pub fn world(scenario: &Scenario, zones: usize) -> World {
    World::genesis(WorldSpec {
        scenario: scenario.clone(),
        planet: Arc::new(Planet::smooth(RADIUS_M)),
        tick_hz: 20,
        seed: 7,
        zones,
    })
    .unwrap()
}

/// A world in which every grid cell in and around these places is a zone, and in which departures are
/// slow, so that many reside where they do not belong.
pub fn diced(scenario: &Scenario, places: &[(f64, f64)]) -> World {
    let mut world = world(scenario, 1);
    // As wide as the interaction radius and the margin, as the world's own.
    let level = CellId::level_for_min_width(scenario.interaction_radius_m + 10.0, RADIUS_M);
    let mut cells = BTreeSet::new();
    for &(lat, lng) in places {
        let dir = world
            .spec()
            .planet
            .surface(LatLng::degrees(lat, lng))
            .normalize();
        let mut ring = vec![CellId::at(dir, level)];
        for _ in 0..2 {
            cells.extend(ring.iter().copied());
            ring = ring
                .iter()
                .flat_map(|cell| cell.all_neighbours().to_vec())
                .collect();
        }
        cells.extend(ring);
    }
    let mut starts: Vec<CellId> = cells
        .iter()
        .flat_map(|cell| [*cell, cell.next()])
        .chain([CellId::face_cell(0)])
        .collect();
    starts.sort_by_key(|cell| cell.range_min());
    starts.dedup_by_key(|cell| cell.range_min());
    world.recut(ZoneMap::from_starts(&starts).unwrap()).unwrap();
    world.set_departures_per_tick(3);
    world
}

/// A place so many metres north and east of another, degrees; exact enough for a walk.
pub fn beside(at: (f64, f64), north_m: f64, east_m: f64) -> (f64, f64) {
    let degree_m = RADIUS_M * std::f64::consts::PI / 180.0;
    let shrink = maths::cos(at.0.to_radians());
    (at.0 + north_m / degree_m, at.1 + east_m / degree_m / shrink)
}

/// The middle of a scene's square: the wish, moved onto a border.
pub fn middle(at: (f64, f64)) -> (f64, f64) {
    let scene = load(&scenario(at, "adventurer", 1.0, ""), &[]).unwrap();
    let dir = world(&scene, 1).spawn_dir();
    (
        maths::asin(dir.z).to_degrees(),
        maths::atan2(dir.y, dir.x).to_degrees(),
    )
}
