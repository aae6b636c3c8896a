//! The planets and the walker of the movement tests.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use bluemarble_motion::{Body, MoveCommand, Mover, step};
use bluemarble_spatial::{Planet, mix};
use glam::DVec3;

pub const DT_S: f64 = 0.05;

pub const WALKER: Mover = Mover {
    top_speed_mps: 5.0,
    accel_mps2: 25.0,
    jump_mps: 5.0,
    radius_m: 0.35,
    eye_m: 1.6,
    max_slope: 0.8,
};

pub static EARTH: LazyLock<Planet> = LazyLock::new(|| {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    Planet::load(&assets, "earth").expect("the repository's planet loads")
});

/// A 5 km ball with noise of the given wavelength and height.
pub fn hills(wavelength_m: f64, amplitude_m: f64) -> Planet {
    planet(&format!(
        "radius_m: 5000.0, gravity_mps2: 9.81, frame_level: 1,
         terrain: (detail: (wavelength_m: {wavelength_m:?}, octaves: 1,
                            amplitude_m: {amplitude_m:?}))"
    ))
}

/// A smooth 5 km ball with many cylinders around its north pole.
pub fn pillars(height_m: f64) -> Planet {
    planet(&format!(
        "radius_m: 5000.0, gravity_mps2: 9.81, frame_level: 1,
         places: [(name: \"Pole\", lat_deg: 90.0, lng_deg: 0.0, population: 1)],
         obstacles: (settlements: 1, per_settlement: 400, disc_radius_m: 60.0, clear_radius_m: 3.0,
                     radius_m: (0.4, 2.0), height_m: ({height_m:?}, {height_m:?}))"
    ))
}

pub fn planet(fields: &str) -> Planet {
    let assets = tempfile::tempdir().unwrap();
    fs::create_dir(assets.path().join("planets")).unwrap();
    fs::write(
        assets.path().join("planets/test.ron"),
        format!("({fields})"),
    )
    .unwrap();
    Planet::load(assets.path(), "test").unwrap()
}

pub fn towards(wish: DVec3) -> MoveCommand {
    MoveCommand {
        wish,
        pace: 1.0,
        jump: false,
    }
}

pub fn still(body: &Body, planet: &Planet) -> Body {
    step(
        body,
        &MoveCommand::STAND,
        &WALKER,
        planet,
        DVec3::ZERO,
        DT_S,
    )
}

pub fn flat_speed(body: &Body) -> f64 {
    let up = body.pos.normalize();
    (body.vel - up * body.vel.dot(up)).length()
}

/// A reproducible stream of numbers in 0 .. 1.
pub struct Draws(pub u64);

impl Draws {
    /// The next number.
    pub fn next(&mut self) -> f64 {
        self.0 += 1;
        mix::unit(mix::mix64(self.0))
    }

    /// Anywhere in −1 .. 1 cubed.
    pub fn vector(&mut self) -> DVec3 {
        DVec3::new(self.next(), self.next(), self.next()) * 2.0 - 1.0
    }
}
