//! The real planet: its files load, its heights are those of known places, its water is water.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bluemarble_spatial::{LatLng, Planet};

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
}

static EARTH: LazyLock<Planet> =
    LazyLock::new(|| Planet::load(&assets(), "earth").expect("the repository's planet loads"));

/// Lakes, plains and ice sheets: flat over the raster's 20 km, so that their height tests the
/// calibration and not the resolution. Sources are in assets/terrain/README.md.
const FLAT: [(&str, f64, f64, f64); 11] = [
    ("Salar de Uyuni", -20.13, -67.49, 3_656.0),
    ("Lake Titicaca", -15.8, -69.4, 3_812.0),
    ("Qinghai Lake", 36.9, 100.2, 3_196.0),
    ("Siling Lake", 31.8, 89.0, 4_530.0),
    ("Lake Victoria", -1.0, 33.0, 1_134.0),
    ("Issyk-Kul", 42.4, 77.3, 1_607.0),
    ("Lake Van", 38.6, 42.9, 1_640.0),
    ("Vostok Station", -78.46, 106.84, 3_488.0),
    ("Amundsen-Scott South Pole Station", -90.0, 0.0, 2_835.0),
    ("Summit Camp, Greenland", 72.58, -38.46, 3_216.0),
    ("Moscow", 55.755, 37.617, 156.0),
];

const CITIES: [(&str, f64, f64, f64); 22] = [
    ("Lhasa", 29.65, 91.10, 3_656.0),
    ("La Paz", -16.50, -68.15, 3_640.0),
    ("El Alto", -16.504, -68.163, 4_150.0),
    ("Quito", -0.23, -78.525, 2_850.0),
    ("Bogotá", 4.61, -74.082, 2_625.0),
    ("Addis Ababa", 9.025, 38.747, 2_355.0),
    ("Mexico City", 19.433, -99.133, 2_240.0),
    ("Nairobi", -1.283, 36.817, 1_795.0),
    ("Kabul", 34.528, 69.172, 1_790.0),
    ("Johannesburg", -26.204, 28.047, 1_753.0),
    ("Windhoek", -22.56, 17.08, 1_655.0),
    ("Denver", 39.739, -104.985, 1_609.0),
    ("Harare", -17.83, 31.05, 1_490.0),
    ("Ulaanbaatar", 47.908, 106.883, 1_350.0),
    ("Tehran", 35.694, 51.422, 1_189.0),
    ("Brasília", -15.78, -47.93, 1_172.0),
    ("Calgary", 51.05, -114.085, 1_045.0),
    ("Ankara", 39.92, 32.854, 938.0),
    ("São Paulo", -23.55, -46.63, 760.0),
    ("Madrid", 40.4165, -3.7026, 657.0),
    ("Santiago", -33.456, -70.648, 570.0),
    ("Munich", 48.137, 11.575, 519.0),
];

/// Signed errors in metres.
fn errors(places: &[(&str, f64, f64, f64)]) -> Vec<f64> {
    let error = |&(name, lat, lng, known_m): &(&str, f64, f64, f64)| {
        let error = EARTH.ground_m(LatLng::degrees(lat, lng).to_dir()) - known_m;
        println!("{name:35} {known_m:6} m, off by {error:6.0} m");
        error
    };
    places.iter().map(error).collect()
}

#[test]
fn flat_places_are_within_60_m_of_their_known_height() {
    let errors = errors(&FLAT);
    assert!(errors.iter().all(|error| error.abs() < 60.0), "{errors:?}");
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(
        mean.abs() < 25.0,
        "calibration is off by {mean} m on average"
    );
}

#[test]
fn cities_are_within_700_m_and_on_average_150_m_of_their_known_height() {
    let errors = errors(&CITIES);
    assert!(errors.iter().all(|error| error.abs() < 700.0), "{errors:?}");
    let mean = errors.iter().map(|error| error.abs()).sum::<f64>() / errors.len() as f64;
    assert!(mean < 150.0, "{mean} m");
}

#[test]
fn the_sea_is_water_at_zero() {
    for (lat, lng) in [
        (30.0, -40.0),
        (0.0, -150.0),
        (-60.0, 20.0),
        (36.0, 18.0),
        (90.0, 0.0),
        (15.0, 88.0),
        (0.0, 180.0),
    ] {
        let dir = LatLng::degrees(lat, lng).to_dir();
        assert!(EARTH.is_water(dir), "{lat} {lng}");
        assert_eq!(EARTH.ground_m(dir), 0.0);
    }
}

#[test]
fn land_is_where_land_is() {
    for (lat, lng) in [
        (48.8566, 2.3522),
        (-1.2833, 36.8167),
        (40.7128, -74.0060),
        (-90.0, 0.0),
        (35.68, 139.69),
        (-33.87, 151.2),
    ] {
        assert!(
            !EARTH.is_water(LatLng::degrees(lat, lng).to_dir()),
            "{lat} {lng}"
        );
    }
}

#[test]
fn there_is_dry_ground_at_every_settlement() {
    let (mut wet, mut drowned) = (0, 0);
    for settlement in EARTH.settlements() {
        let dir = settlement.at.to_dir();
        wet += u32::from(EARTH.is_water(dir));
        drowned += u32::from(EARTH.is_water(EARTH.dry_ground_near(dir)));
    }
    println!("{wet} have their middle in the water, {drowned} have no land near");
    assert!(wet < 1_000, "{wet}");
    assert!(drowned < 30, "{drowned}");
}

#[test]
fn land_is_found_from_off_a_coast_and_not_from_mid_ocean() {
    // The coast of the Landes runs north to south, without islands.
    let off_coast = |km: f64| {
        let shore = (0..400)
            .map(|n| LatLng::degrees(44.2, -1.0 - 0.002 * f64::from(n)))
            .find(|at| EARTH.is_water(at.to_dir()))
            .expect("the Atlantic is west of it");
        LatLng::degrees(44.2, shore.lng_deg() - km / 80.0).to_dir()
    };
    for km in [1.0, 4.0, 8.0, 15.0] {
        let at = off_coast(km);
        let found = EARTH.dry_ground_near(at);
        let away_m = found.normalize().distance(at) * EARTH.radius_m();
        assert!(EARTH.is_water(at) && !EARTH.is_water(found), "{km} km");
        assert!(away_m < 1_150.0 * km + 500.0, "{km} km: {away_m} m");
    }
    let ocean = LatLng::degrees(0.0, -140.0).to_dir();
    let there = EARTH.dry_ground_near(ocean).normalize();
    assert!(there.distance(ocean) < 1e-12 && EARTH.is_water(there));
}

/// Shores and hills never make a step that a walker could not take.
#[test]
fn the_ground_has_no_steps() {
    for (from, to) in [
        (LatLng::degrees(41.0, 1.0), LatLng::degrees(41.6, 2.6)),
        (LatLng::degrees(60.0, 5.0), LatLng::degrees(61.0, 7.5)),
        (LatLng::degrees(-13.0, -77.5), LatLng::degrees(-12.0, -75.0)),
        (
            LatLng::degrees(-17.0, 179.2),
            LatLng::degrees(-16.3, -179.8),
        ),
    ] {
        let (start, end) = (from.to_dir(), to.to_dir());
        let steps = (start.distance(end) * EARTH.radius_m()) as u32 / 2;
        let mut before = EARTH.ground_m(start);
        let mut steepest: f64 = 0.0;
        for n in 1..=steps.min(60_000) {
            let now = EARTH.ground_m(start.lerp(end, f64::from(n) / f64::from(steps)));
            let slope = (now - before).abs() / 2.0;
            steepest = if slope > steepest { slope } else { steepest };
            before = now;
        }
        println!("steepest: {steepest}");
        assert!(steepest > 0.05 && steepest < 3.0, "{steepest}");
    }
}

#[test]
fn settlements_come_largest_first_and_have_obstacles_around_a_clear_square() {
    let settlements = EARTH.settlements();
    assert_eq!(settlements.len(), 34_024);
    assert_eq!(settlements[0].name, "Shanghai");
    assert!(
        settlements
            .windows(2)
            .all(|pair| pair[0].population >= pair[1].population)
    );
    assert!(EARTH.obstacles().len() > 50_000);
    for settlement in &settlements[..50] {
        let middle = EARTH.dry_ground_near(settlement.at.to_dir());
        let count = |radius_m| {
            let mut count = 0;
            EARTH.obstacles().near(middle, radius_m, |_| count += 1);
            count
        };
        assert_eq!(count(20.0), 0, "{}", settlement.name);
        assert!(count(300.0) > 20, "{}", settlement.name);
    }
}

#[test]
fn obstacles_hide_people_around_a_square() {
    let middle = EARTH.dry_ground_near(EARTH.settlements()[1].at.to_dir());
    let up = EARTH.up(middle);
    let side = up.any_orthonormal_vector();
    let (mut seen, mut hidden) = (0, 0);
    for n in 0..400 {
        let along = f64::from(n) * 0.7 - 140.0;
        let stand = |across: f64| {
            let dir = (middle + side * along + up.cross(side) * across).normalize();
            EARTH.surface_at(dir) + dir * 1.6
        };
        let (a, b) = (stand(60.0), stand(90.0));
        let sight = EARTH.line_of_sight(a, b);
        assert_eq!(sight, EARTH.line_of_sight(b, a));
        if sight { seen += 1 } else { hidden += 1 }
    }
    println!("{seen} seen, {hidden} hidden");
    assert!(seen > 40 && hidden > 10, "{seen} seen, {hidden} hidden");
}

#[test]
fn no_ground_is_above_the_stated_bound() {
    let highest = (0..200_000u32)
        .map(|n| {
            let z = f64::from(n) / 100_000.0 - 1.0;
            let dir = LatLng::degrees(
                bluemarble_spatial::maths::asin(z).to_degrees(),
                f64::from(n) * 137.508 % 360.0 - 180.0,
            );
            EARTH.ground_m(dir.to_dir())
        })
        .fold(0.0, |a, b| if b > a { b } else { a });
    assert!(
        highest > 5_000.0 && highest < EARTH.highest_m(),
        "{highest} {}",
        EARTH.highest_m()
    );
}

#[test]
fn the_nearest_settlements_agree_with_sorting_all_of_them() {
    for (lat, lng) in [
        (48.86, 2.35),
        (90.0, 0.0),
        (-17.0, 179.99),
        (-90.0, 50.0),
        (0.0, -140.0),
    ] {
        let here = LatLng::degrees(lat, lng).to_dir();
        let mut all: Vec<(f64, usize)> = EARTH
            .settlements()
            .iter()
            .enumerate()
            .map(|(n, s)| (s.at.to_dir().distance(here), n))
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let nearest = EARTH.nearest_settlements(here * 3.0, 8);
        let ids: Vec<usize> = nearest.iter().map(|near| near.id as usize).collect();
        assert_eq!(ids, all[..8].iter().map(|&(_, n)| n).collect::<Vec<_>>());
        assert!(
            nearest
                .iter()
                .all(|n| n.thing == &EARTH.settlements()[n.id as usize])
        );
    }
    let paris = &EARTH.nearest_settlements(LatLng::degrees(48.85341, 2.3488).to_dir(), 1)[0];
    assert_eq!(paris.thing.name, "Paris");
    assert!(paris.distance_m < 100.0);
    assert!(EARTH.nearest_settlements(glam::DVec3::NAN, 1).is_empty());
}

#[test]
fn loading_twice_gives_the_same_planet() {
    let again = Planet::load(&assets(), "earth").unwrap();
    assert_eq!(again.content_hash(), EARTH.content_hash());
    assert_eq!(again.obstacles().as_slice(), EARTH.obstacles().as_slice());
}

#[test]
fn the_moon_has_hills_and_no_water() {
    let moon = Planet::load(&assets(), "moon").unwrap();
    assert_ne!(moon.content_hash(), EARTH.content_hash());
    let heights: Vec<f64> = (-80..=80)
        .map(|lat| moon.ground_m(LatLng::degrees(f64::from(lat), f64::from(lat * 2)).to_dir()))
        .collect();
    let highest = heights
        .iter()
        .fold(0.0, |a: f64, &b| if b > a { b } else { a });
    assert!(highest > 200.0 && highest < moon.highest_m());
    assert!(!moon.is_water(glam::DVec3::X));
    assert_eq!(moon.obstacles().len(), 1_200 + 4, "scattered and placed");
    assert_eq!(moon.settlements()[0].name, "Landing Field");
}
