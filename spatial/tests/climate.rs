//! Climate and biomes: the real Earth's come out where geography puts them, and a designer's
//! figures do what they say.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bluemarble_spatial::{Biome, LatLng, Planet};
use glam::DVec3;
use tempfile::TempDir;

use Biome::{
    Alpine, ColdDesert, Desert, Grassland, Ice, Ocean, Savanna, SeaIce, Taiga, TemperateForest,
    TemperateRainforest, TropicalForest, TropicalRainforest, Tundra, Woodland,
};

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
}

static EARTH: LazyLock<Planet> =
    LazyLock::new(|| Planet::load(&assets(), "earth").expect("the repository's planet loads"));

/// A place, its latitude and longitude, and the biomes that are right there: general geography, and
/// Köppen's classes as mapped by Peel, Finlayson and McMahon (Hydrology and Earth System Sciences
/// 11, 2007). Two where a transition runs through or the raster's 20 km decide.
const PLACES: [(&str, f64, f64, &[Biome]); 50] = [
    ("Tanezrouft, Sahara", 24.0, 2.0, &[Desert]),
    ("Libyan Desert", 26.0, 18.0, &[Desert]),
    ("Western Sahara", 24.0, -13.0, &[Desert]),
    ("Thar", 27.0, 71.0, &[Desert, Grassland]),
    ("northern Arabia", 29.0, 42.0, &[Desert, ColdDesert]),
    ("Gobi", 43.0, 105.0, &[ColdDesert, Grassland]),
    ("Taklamakan", 39.0, 83.0, &[ColdDesert]),
    ("Great Sandy Desert", -21.0, 125.0, &[Desert]),
    ("Gibson Desert", -25.0, 126.0, &[Desert]),
    ("Atacama coast", -24.0, -70.2, &[Desert, ColdDesert]),
    ("Namib", -23.0, 15.0, &[Desert]),
    ("Manaus", -3.0, -60.0, &[TropicalRainforest]),
    ("Guiana", 4.0, -56.0, &[TropicalRainforest]),
    (
        "Iquitos",
        -4.0,
        -73.0,
        &[TropicalRainforest, TropicalForest],
    ),
    (
        "Kisangani, Congo",
        0.0,
        22.0,
        &[TropicalRainforest, TropicalForest],
    ),
    ("Borneo", 1.0, 114.0, &[TropicalRainforest]),
    ("Sumatra", -1.0, 102.0, &[TropicalRainforest]),
    ("New Guinea", -5.0, 142.0, &[TropicalRainforest]),
    ("Niamey, Sahel", 13.5, 2.0, &[Savanna]),
    ("Darwin", -13.0, 132.0, &[Savanna]),
    ("Deccan", 17.0, 77.0, &[Savanna, TropicalForest]),
    ("Bangkok", 14.0, 100.5, &[Savanna, TropicalForest]),
    ("Zambia", -14.0, 27.0, &[Savanna, TropicalForest]),
    ("Hunan", 27.5, 112.0, &[TemperateForest]),
    (
        "Guangxi",
        24.5,
        110.0,
        &[
            TemperateForest,
            TropicalForest,
            TemperateRainforest,
            Savanna,
        ],
    ),
    ("Tokyo", 36.0, 139.5, &[TemperateForest]),
    ("Harbin", 45.7, 126.6, &[TemperateForest]),
    ("Paris", 48.86, 2.35, &[TemperateForest]),
    ("London", 51.5, -0.5, &[TemperateForest]),
    ("Berlin", 52.5, 13.4, &[TemperateForest]),
    ("New York", 41.0, -74.5, &[TemperateForest]),
    ("Ohio", 40.0, -83.0, &[TemperateForest]),
    (
        "Atlanta",
        33.7,
        -84.4,
        &[TemperateForest, TemperateRainforest],
    ),
    (
        "New Zealand, South Island",
        -44.0,
        171.0,
        &[TemperateForest, TemperateRainforest, Alpine],
    ),
    ("Cape Town", -33.9, 19.0, &[Woodland, Grassland]),
    ("Aral steppe", 47.5, 60.0, &[Grassland]),
    ("Texas panhandle", 35.0, -101.5, &[Grassland]),
    ("Pampas", -36.0, -61.0, &[Grassland, TemperateForest]),
    ("Yakutsk", 62.0, 129.7, &[Taiga]),
    ("central Siberia", 62.0, 95.0, &[Taiga]),
    ("Novosibirsk's north", 59.0, 82.0, &[Taiga]),
    ("Yellowknife", 62.5, -114.4, &[Taiga]),
    ("Labrador", 54.0, -68.0, &[Taiga]),
    ("Fairbanks", 64.8, -147.7, &[Taiga]),
    ("Taymyr", 74.0, 100.0, &[Tundra, Ice]),
    ("Tibet", 33.0, 88.0, &[Alpine]),
    ("Pamir", 38.5, 73.5, &[Alpine, Ice]),
    ("Greenland", 72.6, -38.5, &[Ice]),
    ("Vostok", -78.5, 106.8, &[Ice]),
    ("South Pole", -90.0, 0.0, &[Ice]),
];

#[test]
fn known_places_have_their_biomes() {
    let wrong: Vec<String> = PLACES
        .iter()
        .filter_map(|&(name, lat, lng, accepted)| {
            let dir = LatLng::degrees(lat, lng).to_dir();
            let biome = EARTH.biome(dir);
            let climate = EARTH.climate_at(dir);
            (!accepted.contains(&biome)).then(|| format!("{name}: {biome:?} from {climate:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn seas_are_open_and_the_arctic_is_frozen() {
    for (lat, lng, biome) in [
        (0.0, -150.0, Ocean),
        (45.0, -35.0, Ocean),
        (-55.0, 100.0, Ocean),
        (88.0, 10.0, SeaIce),
    ] {
        assert_eq!(
            EARTH.biome(LatLng::degrees(lat, lng).to_dir()),
            biome,
            "{lat} {lng}"
        );
    }
}

/// Annual means and rain from national services' normals, to the nearest degree and 50 mm. The model
/// knows no ocean currents; this says how far off it may be.
#[test]
fn temperatures_are_right_within_a_few_degrees() {
    let known = [
        ("Singapore", 1.35, 103.8, 27.0),
        ("Cairo", 30.0, 31.2, 22.0),
        ("Paris", 48.86, 2.35, 12.0),
        ("New York", 41.0, -74.5, 12.0),
        ("Moscow", 55.75, 37.6, 6.0),
        ("Yakutsk", 62.0, 129.7, -8.0),
        ("Alice Springs", -23.7, 133.9, 21.0),
        ("Buenos Aires", -34.6, -58.5, 18.0),
        ("Beijing", 40.0, 116.4, 13.0),
    ];
    for (name, lat, lng, known_c) in known {
        let climate = EARTH
            .climate_at(LatLng::degrees(lat, lng).to_dir())
            .unwrap();
        let error_k = climate.temperature_c - known_c;
        assert!(error_k.abs() < 7.0, "{name}: {climate:?}, known {known_c}");
    }
}

/// Every second cell of a coarse raster, poles and date line included.
fn directions() -> impl Iterator<Item = DVec3> {
    (-45..=45).flat_map(|lat| {
        (-60..=60)
            .map(move |lng| LatLng::degrees(f64::from(lat) * 2.0, f64::from(lng) * 3.0).to_dir())
    })
}

#[test]
fn every_climate_is_a_possible_one() {
    for dir in directions() {
        let climate = EARTH.climate_at(dir).unwrap();
        assert!(
            (-70.0..40.0).contains(&climate.temperature_c),
            "{climate:?}"
        );
        assert!((0.0..12_000.0).contains(&climate.rain_mm), "{climate:?}");
        assert!((0.0..=1.0).contains(&climate.moisture));
        assert!((0.0..=1.0).contains(&climate.summer_rain));
        assert!(climate.warmest_c >= climate.temperature_c);
        assert!(climate.aridity_index().is_finite());
    }
    // A NaN direction gets some climate and does not panic.
    let _ = EARTH.climate_at(DVec3::NAN);
    let _ = EARTH.biome(DVec3::NAN);
}

#[test]
fn climate_has_no_seam_at_the_date_line_and_one_value_at_a_pole() {
    let near = |a: LatLng, b: LatLng| {
        let [a, b] = [a, b].map(|at| EARTH.climate_at(at.to_dir()).unwrap());
        assert!((a.rain_mm - b.rain_mm).abs() < 1.0, "{a:?} {b:?}");
        assert!((a.summer_rain - b.summer_rain).abs() < 1e-3);
    };
    for lat in [-70.0, -20.0, 0.0, 35.0, 65.0] {
        near(
            LatLng::degrees(lat, -179.999_999),
            LatLng::degrees(lat, 179.999_999),
        );
    }
    for lng in [-120.0, 0.0, 77.0] {
        near(
            LatLng::degrees(89.999_99, lng),
            LatLng::degrees(89.999_99, 160.0),
        );
        near(
            LatLng::degrees(-89.999_99, lng),
            LatLng::degrees(-89.999_99, 160.0),
        );
    }
}

/// The seed moves places about on the raster, and at a pole no place must leave its row.
#[test]
fn poles_have_one_climate_whatever_the_seed() {
    for seed in 0..8 {
        let planet = invented(&format!(
            "climate: (seed: {seed}), sea_level_m: 0.0, terrain: (seed: 5, layers: [Continents(\
             wavelength_m: 60000.0, octaves: 6, land_share: 0.6, height_m: 600.0, depth_m: 700.0)])"
        ));
        for lat in [89.999_99, -89.999_99] {
            let rain = |lng| {
                let at = LatLng::degrees(lat, lng).to_dir();
                planet.climate_at(at).unwrap().rain_mm
            };
            for lng in [-90.0, 0.0, 90.0, 180.0] {
                let (a, b) = (rain(lng), rain(17.0));
                assert!((a - b).abs() < 1e-3 * b, "{seed} {lat} {lng}: {a} {b}");
            }
        }
    }
}

fn invented(climate: &str) -> Planet {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("planets")).unwrap();
    let text = format!("radius_m: 50000.0, gravity_mps2: 3.0, frame_level: 4, {climate}");
    fs::write(dir.path().join("planets/test.ron"), format!("({text})")).unwrap();
    Planet::load(dir.path(), "test").unwrap()
}

/// Bits that every machine must give: a ball of dry land, so that no raster is asked.
#[test]
fn the_climate_of_an_invented_planet_is_pinned_to_the_last_bit() {
    let planet = invented("climate: (seed: 7)");
    let mut state = 0;
    for dir in directions() {
        let climate = planet.climate_at(dir).unwrap();
        for value in [climate.temperature_c, climate.rain_mm, climate.summer_rain] {
            state = bluemarble_spatial::mix::mix64(state ^ value.to_bits());
        }
    }
    assert_eq!(state, GOLDEN, "{state:#018x}");
}

const GOLDEN: u64 = 0xb1bd_4768_d11c_aace;

#[test]
fn a_designers_figures_do_what_they_say() {
    let rain = |planet: &Planet, lat| {
        let climate = planet.climate_at(LatLng::degrees(lat, 20.0).to_dir());
        climate.unwrap().rain_mm
    };
    let dry = invented("climate: (moisture: 0.0)");
    assert!(directions().all(|dir| dry.climate_at(dir).unwrap().rain_mm == 0.0));
    let calm = invented("climate: (circulation: false)");
    assert!(
        rain(&calm, 3.0) > 3.0 * rain(&calm, 27.0),
        "wet equator, dry subtropics"
    );
    assert!(rain(&calm, 50.0) > 1.5 * rain(&calm, 27.0));
    let frozen = invented("climate: (equator_c: -40.0, pole_c: -90.0)");
    assert!(directions().all(|dir| frozen.biome(dir) == Ice));
    let upright = invented("climate: (tilt_deg: 0.0)");
    let climate = upright
        .climate_at(LatLng::degrees(60.0, 0.0).to_dir())
        .unwrap();
    assert_eq!(climate.warmest_c, climate.temperature_c);
    assert_eq!(invented("").biome(DVec3::X), Biome::Barren);
}

#[test]
fn it_gets_colder_from_the_sea_upwards_wherever_the_sea_is() {
    let world = |sea_m: f64| {
        invented(&format!(
            "climate: (), sea_level_m: {sea_m}, terrain: (layers: \
             [Fractal(wavelength_m: 40000.0, octaves: 2, amplitude_m: 1500.0)])"
        ))
    };
    let [drowned, drained] = [2_000.0, -2_000.0].map(world);
    for dir in directions() {
        let [sea, land] = [&drowned, &drained].map(|planet| planet.climate_at(dir).unwrap());
        assert!(drowned.is_water(dir) && !drained.is_water(dir));
        assert!((sea.warmest_c - sea.warmest_at_sea_level_c).abs() < 1e-9);
        assert!(land.warmest_c < land.warmest_at_sea_level_c);
    }
}

#[test]
fn a_seed_moves_borders_and_nothing_else() {
    let [a, b] = ["climate: (seed: 1)", "climate: (seed: 2)"].map(invented);
    let (mut moved, mut all) = (0, 0);
    for dir in directions() {
        let [a, b] = [&a, &b].map(|planet| planet.climate_at(dir).unwrap());
        assert!(
            (a.rain_mm - b.rain_mm).abs() <= 0.7 * (a.rain_mm + b.rain_mm),
            "{a:?} {b:?}"
        );
        moved += u32::from(a != b);
        all += 1;
    }
    assert!(moved > all / 2);
}

#[test]
fn an_impossible_climate_is_refused_by_field() {
    for (field, value) in [
        ("equator_c", "1e9"),
        ("pole_c", "NaN"),
        ("lapse_k_per_km", "-1.0"),
        ("moisture", "inf"),
        ("tilt_deg", "90.0"),
    ] {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("planets")).unwrap();
        let text = format!(
            "(radius_m: 50000.0, gravity_mps2: 3.0, frame_level: 4, climate: ({field}: {value}))"
        );
        fs::write(dir.path().join("planets/test.ron"), text).unwrap();
        let error = Planet::load(dir.path(), "test").unwrap_err().to_string();
        assert!(error.contains(&format!("climate.{field}")), "{error}");
        assert!(error.contains("it must be"), "{error}");
    }
}
