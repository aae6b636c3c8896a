//! The ground as a surface: without steps wherever one looks, the same whoever asks in which order,
//! and met by rays where marching in tiny steps meets it.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bluemarble_spatial::mix::{mix64, unit};
use bluemarble_spatial::{Direction, LatLng, Planet};
use glam::DVec3;

fn load(name: &str) -> Planet {
    let assets: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    Planet::load(&assets, name).expect("the repository's planets load")
}

static EARTH: LazyLock<Planet> = LazyLock::new(|| load("earth"));
static MOON: LazyLock<Planet> = LazyLock::new(|| load("moon"));
static THALASSA: LazyLock<Planet> = LazyLock::new(|| load("thalassa"));

fn all() -> [&'static Planet; 3] {
    [&*EARTH, &*MOON, &*THALASSA]
}

/// −1 ..= 1.
fn draw(n: u64, what: u64) -> f64 {
    2.0 * unit(mix64(mix64(n) ^ what)) - 1.0
}

fn anywhere(n: u64) -> DVec3 {
    DVec3::new(draw(n, 1), draw(n, 2), draw(n, 3)).normalize()
}

/// Places where something is special: poles, the date line, edges and corners of the cube, borders
/// of tiles and of their quads, and anywhere.
fn special_places() -> Vec<DVec3> {
    let mut places = vec![
        DVec3::X,
        DVec3::NEG_X,
        DVec3::Y,
        DVec3::NEG_Y,
        DVec3::Z,
        DVec3::NEG_Z,
    ];
    for n in 0..8 {
        let sign = |bit: u32| if n >> bit & 1 == 0 { 1.0 } else { -1.0 };
        places.push(DVec3::new(sign(0), sign(1), sign(2)));
    }
    for n in 0..40 {
        let (a, b) = (draw(n, 4), if n % 2 == 0 { 1.0 } else { -1.0 });
        // Edges of the cube.
        places.extend([
            DVec3::new(1.0, b, a),
            DVec3::new(a, -1.0, b),
            DVec3::new(b, a, 1.0),
        ]);
        places.push(LatLng::degrees(a * 90.0, 180.0).to_dir());
        // Where quads of many sizes meet, in u: (4 s² − 1) / 3 for s a binary fraction.
        let s = 0.5 + f64::from((n as u32 * 37) % 512) / 1024.0;
        let u = (4.0 * s * s - 1.0) / 3.0;
        places.push(DVec3::new(1.0, u, a));
        places.push(DVec3::new(a, u, -1.0));
        places.push(anywhere(n));
    }
    places.into_iter().map(DVec3::normalize).collect()
}

#[test]
fn the_ground_has_no_steps_at_borders_of_any_kind() {
    for planet in all() {
        for (n, place) in special_places().into_iter().enumerate() {
            for m in 0..4 {
                let side = anywhere(n as u64 * 4 + m).cross(place);
                for reach_m in [1e-6, 1e-3, 0.1] {
                    let offset = side * (reach_m / planet.radius_m());
                    let [a, b] = [place + offset, place - offset].map(|d| planet.ground(d));
                    let step_m = (a.height_m - b.height_m).abs();
                    // A millionth of a metre is near the resolution of a direction's 53 bits.
                    assert!(
                        step_m < 6.0 * reach_m + 1e-6,
                        "{} {place} {reach_m}: {a:?} {b:?}",
                        planet.name()
                    );
                }
            }
        }
    }
}

#[test]
fn slopes_change_gently_along_straight_lines() {
    // Six lines of 3 km over many tile borders and one edge of the cube: a crease would show as a
    // jump of the slope between neighbouring half metres.
    for planet in all() {
        for n in 0..6 {
            let start = if n == 0 {
                DVec3::new(1.0, 1.0, 0.3).normalize()
            } else {
                anywhere(n)
            };
            let side = anywhere(n + 100).cross(start).normalize();
            let height_m = |k: i32| {
                let along_m = f64::from(k) * 0.5;
                planet.ground_m(start + side * (along_m / planet.radius_m()))
            };
            let mut worst: f64 = 0.0;
            for k in -3_000..3_000 {
                let bend = (height_m(k + 1) - 2.0 * height_m(k) + height_m(k - 1)).abs() / 0.5;
                worst = if bend > worst { bend } else { worst };
            }
            assert!(worst < 0.35, "{} {n}: {worst}", planet.name());
        }
    }
}

#[test]
fn answers_do_not_depend_on_the_store_of_tiles() {
    for planet in all() {
        let (uncached, tiny) = (planet.clone().with_tiles(0), planet.clone().with_tiles(8));
        assert!(tiny.tiles().0 == 8 && tiny.tiles().1 < 30_000);
        for n in 0..3_000 {
            // Walks of 30 questions each.
            let start = anywhere(n / 30);
            let dir = start + anywhere(n) * (80.0 / planet.radius_m());
            let answers = [planet, &uncached, &tiny].map(|p| p.ground(dir));
            let bits = answers.map(|ground| (ground.height_m.to_bits(), ground.water));
            assert!(
                bits[0] == bits[1] && bits[1] == bits[2],
                "{dir}: {answers:?}"
            );
        }
    }
}

#[test]
fn threads_that_share_a_tiny_store_get_the_bits_of_none() {
    for planet in all() {
        let (uncached, tiny) = (planet.clone().with_tiles(0), planet.clone().with_tiles(4));
        let dirs: Vec<DVec3> = (0..600)
            .map(|n| (anywhere(n / 60) + anywhere(n) * (200.0 / planet.radius_m())).normalize())
            .collect();
        let truth: Vec<u64> = dirs
            .iter()
            .map(|&dir| uncached.ground_at_unit(dir).height_m.to_bits())
            .collect();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (dirs, truth, tiny) = (&dirs, &truth, &tiny);
                scope.spawn(move || {
                    for n in 0..1_500u64 {
                        let at = (mix64(n / 20 * 8 + thread) + n) as usize % dirs.len();
                        let height_m = tiny.ground_at_unit(dirs[at]).height_m;
                        assert_eq!(height_m.to_bits(), truth[at]);
                    }
                });
            }
        });
    }
}

#[test]
fn the_ground_is_pinned_to_the_last_bit() {
    let got = all().map(|planet| {
        (0..400).fold(0u64, |sum, n| {
            let ground = planet.ground(anywhere(n));
            mix64(sum ^ ground.height_m.to_bits() ^ u64::from(ground.water))
        })
    });
    assert_eq!(got, GOLDEN, "{got:#018x?}");
}

/// A change here is a change of every recorded world: on purpose, and in the changelog.
const GOLDEN: [u64; 3] = [
    0x82f9_516b_9e7e_d184,
    0x49a9_a94b_6c91_a6b9,
    0x98f0_fccf_291e_d721,
];

#[test]
fn water_lies_at_sea_level_and_land_above_it() {
    for planet in [&*EARTH, &*THALASSA] {
        let sea_m = planet.sea_level_m().unwrap();
        let mut wet = 0;
        for n in 0..4_000 {
            let dir = anywhere(n);
            let ground = planet.ground(dir);
            wet += u32::from(ground.water);
            assert_eq!(planet.is_water(dir), ground.water);
            if ground.water {
                assert_eq!(ground.height_m, sea_m);
                assert_eq!(planet.water_surface_m(dir), Some(sea_m));
            } else {
                assert!(ground.height_m >= sea_m && ground.height_m <= planet.highest_m());
                assert_eq!(planet.water_surface_m(dir), None);
            }
        }
        let share = f64::from(wet) / 4_000.0;
        println!("{}: {share} water", planet.name());
        assert!((0.5..0.8).contains(&share), "{}: {share}", planet.name());
    }
    assert_eq!(
        (MOON.sea_level_m(), MOON.water_surface_m(DVec3::X)),
        (None, None)
    );
}

#[test]
fn an_outline_is_close_to_the_ground() {
    for planet in all() {
        for n in 0..1_000 {
            let dir = anywhere(n);
            let (near, far) = (planet.ground(dir), planet.ground_outline(dir));
            let off_m = (near.height_m - far.height_m).abs();
            assert!(off_m < 60.0, "{} {dir}: {near:?} {far:?}", planet.name());
        }
    }
}

#[test]
fn the_normal_is_that_of_the_ground_around() {
    for planet in all() {
        for n in 0..300 {
            let up = anywhere(n);
            let side = up.any_orthonormal_vector();
            let point = |east_m: f64, north_m: f64| {
                let offset = side * east_m + up.cross(side) * north_m;
                planet.surface_at(up + offset / planet.radius_m())
            };
            let across = point(0.1, 0.0) - point(-0.1, 0.0);
            let along = point(0.0, 0.1) - point(0.0, -0.1);
            let numeric = across.cross(along).normalize();
            let normal = planet.normal(up);
            assert!(normal.dot(numeric) > 0.995, "{} {up}", planet.name());
            let lean = normal.cross(up).length() / normal.dot(up);
            assert!((planet.slope(up) - lean).abs() < 1e-6);
        }
    }
    let ball = Planet::smooth(5_000.0);
    assert!((ball.normal(DVec3::ONE).dot(DVec3::ONE.normalize()) - 1.0).abs() < 1e-12);
    assert!(ball.slope(DVec3::ONE) < 1e-9);
}

/// Where marching 5 cm at a time first finds itself below the ground.
fn march(planet: &Planet, from: DVec3, dir: DVec3, max_m: f64) -> Option<f64> {
    (0..(max_m / 0.05) as u32)
        .map(|n| f64::from(n) * 0.05)
        .find(|&along_m| {
            let pos = from + dir * along_m;
            pos.length() - planet.radius_m() <= planet.ground_m(pos)
        })
}

#[test]
fn a_ray_meets_the_ground_where_marching_meets_it() {
    let (mut hits, mut misses) = (0, 0);
    for planet in all() {
        for n in 0..120 {
            let up = anywhere(n);
            let from = planet.surface_at(up) + up * (2.0 + 20.0 * unit(mix64(n)));
            let dir = (anywhere(n + 500).cross(up) + up * (draw(n, 9) * 0.25 - 0.1)).normalize();
            let hit = planet.raycast(from, Direction::new(dir).unwrap(), 250.0);
            let truth_m = march(planet, from, dir, 250.0);
            match (hit, truth_m) {
                (Some(hit), Some(truth_m)) => {
                    assert!((hit.distance_m - truth_m).abs() < 0.06, "{hit:?} {truth_m}");
                    assert!((hit.pos - from - dir * hit.distance_m).length() < 1e-6);
                    assert!((hit.pos.length() - planet.surface_at(hit.pos).length()).abs() < 0.01);
                    hits += 1;
                }
                (None, None) => misses += 1,
                // Only a blade of grass may be passed through, or be met at the very end.
                (found, truth_m) => panic!("{} {n}: {found:?} {truth_m:?}", planet.name()),
            }
        }
    }
    assert!(hits > 100 && misses > 40, "{hits} {misses}");
}

#[test]
fn rays_from_space_from_below_and_to_nowhere() {
    let down = |dir: DVec3| Direction::new(-dir).unwrap();
    for planet in all() {
        let up = anywhere(3);
        let high = up * (planet.radius_m() + 15_000.0);
        let hit = planet.raycast(high, down(up), 20_000.0).unwrap();
        assert!((hit.pos.length() - planet.surface_at(up).length()).abs() < 0.01);
        assert_eq!(
            planet.raycast(high, Direction::new(up).unwrap(), 20_000.0),
            None
        );
        assert_eq!(planet.raycast(high, down(up), 1_000.0), None);
        let below = planet
            .raycast(up * (planet.radius_m() * 0.5), down(up), 10.0)
            .unwrap();
        assert_eq!(below.distance_m, 0.0);
        assert!(planet.raycast(DVec3::ZERO, down(up), 10.0).is_some());
        for bad in [DVec3::NAN, DVec3::splat(f64::INFINITY)] {
            assert_eq!(planet.raycast(bad, down(up), 10.0), None);
        }
        for bad in [f64::NAN, -1.0] {
            assert_eq!(planet.raycast(high, down(up), bad), None);
        }
    }
}

#[test]
fn sight_is_mutual_and_hills_hide() {
    for (planet, middle) in [
        (&*EARTH, LatLng::degrees(46.2, 7.6)),
        (&*MOON, LatLng::degrees(10.0, 20.0)),
    ] {
        let (mut seen, mut hidden) = (0, 0);
        for n in 0..400 {
            let up = (middle.to_dir() + anywhere(n) * (5_000.0 / planet.radius_m())).normalize();
            let there = up + anywhere(n + 900) * (400.0 * unit(mix64(n)) / planet.radius_m());
            let [a, b] = [up, there].map(|dir| planet.surface_at(dir) + dir.normalize() * 1.7);
            let sight = planet.line_of_sight(a, b);
            assert_eq!(sight, planet.line_of_sight(b, a));
            if sight { seen += 1 } else { hidden += 1 }
        }
        assert!(
            seen > 50 && hidden > 30,
            "{}: {seen} {hidden}",
            planet.name()
        );
    }
}

#[test]
fn what_is_no_direction_does_no_harm() {
    for planet in all() {
        for bad in [DVec3::ZERO, DVec3::NAN, DVec3::splat(f64::INFINITY)] {
            let _ = (
                planet.ground(bad),
                planet.ground_at_unit(bad),
                planet.ground_outline(bad),
            );
            let _ = (planet.normal(bad), planet.slope(bad), planet.is_water(bad));
        }
    }
}

#[test]
fn another_seed_is_another_world() {
    let assets = tempfile::tempdir().unwrap();
    std::fs::create_dir(assets.path().join("planets")).unwrap();
    let world = |seed: u32| {
        let text = format!(
            "(radius_m: 50000.0, gravity_mps2: 3.0, frame_level: 4, sea_level_m: -20.0, terrain: (
                seed: {seed},
                layers: [
                    Warp(wavelength_m: 9000.0, octaves: 2, amplitude_m: 900.0),
                    Continents(wavelength_m: 60000.0, octaves: 5, land_share: 0.4, height_m: 200.0,
                               depth_m: 300.0),
                    Terraces(step_m: 25.0, sharpness: 0.7),
                ],
            ))"
        );
        std::fs::write(assets.path().join("planets/test.ron"), text).unwrap();
        Planet::load(assets.path(), "test").unwrap()
    };
    let heights =
        |planet: &Planet| -> Vec<f64> { (0..500).map(|n| planet.ground_m(anywhere(n))).collect() };
    let (one, same, other) = (world(1), world(1), world(2));
    assert_eq!(heights(&one), heights(&same));
    assert_ne!(heights(&one), heights(&other));
    let land = heights(&one)
        .iter()
        .filter(|&&height_m| height_m > -20.0)
        .count();
    assert!((100..300).contains(&land), "{land} of 500");
}
