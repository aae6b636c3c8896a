//! `bluemarble planet` as a designer runs it: the program itself, on the repository's planets.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bluemarble_spatial::{Biome, FeatureCollection, Geometry, LatLng, Region, maths};
use serde_json::Value;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs it in the repository's root.
fn bluemarble(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bluemarble"))
        .arg("planet")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = bluemarble(args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it says when it refuses; it must refuse, and leave no file behind.
fn refused(args: &[&str]) -> String {
    let output = bluemarble(args);
    assert!(!output.status.success(), "{args:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

struct Map {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Map {
    fn read(path: &Path) -> Self {
        let file = std::io::BufReader::new(fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb,
        }
    }

    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Of an equirectangular map of the whole planet.
    fn at(&self, lat_deg: f64, lng_deg: f64) -> [u8; 3] {
        let x = (lng_deg + 180.0) / 360.0 * self.width as f64;
        let y = (90.0 - lat_deg) / 180.0 * self.height as f64;
        self.pixel(x as usize, y as usize)
    }
}

/// Draws into a folder of its own.
fn map(args: &[&str]) -> (TempDir, Map) {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("map.png");
    let out_text = out.to_str().unwrap().to_owned();
    printed(&[&["map"], args, &["--quiet", "--out", &out_text]].concat());
    let drawn = Map::read(&out);
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing half written stays behind");
    (dir, drawn)
}

const EARTH: &str = "assets/planets/earth.ron";
const MOON: &str = "assets/planets/moon.ron";

#[test]
fn a_map_of_earth_shows_its_land_and_its_seas_where_they_are() {
    let (_dir, map) = map(&[EARTH, "--layer", "biome", "--flat", "--width", "360"]);
    assert_eq!((map.width, map.height), (360, 180));
    assert_eq!(map.at(27.5, 26.5), Biome::Desert.colour(), "Sahara");
    assert_eq!(map.at(0.5, -150.5), Biome::Ocean.colour(), "mid-Pacific");
    assert_eq!(
        map.at(-3.0, -60.0),
        Biome::TropicalRainforest.colour(),
        "Amazon"
    );
    assert_eq!(map.at(75.5, -40.5), Biome::Ice.colour(), "Greenland");
    assert_eq!(map.at(62.5, 100.5), Biome::Taiga.colour(), "Siberia");
    let water =
        |colour: [u8; 3]| colour == Biome::Ocean.colour() || colour == Biome::SeaIce.colour();
    let rows = (0..map.height).map(|y| {
        let weight = maths::sin((y as f64 + 0.5) * std::f64::consts::PI / map.height as f64);
        let wet = (0..map.width).filter(|&x| water(map.pixel(x, y))).count();
        (weight, wet as f64 / map.width as f64)
    });
    let (sum, all) = rows.fold((0.0, 0.0), |(sum, all), (weight, wet)| {
        (sum + weight * wet, all + weight)
    });
    assert!(
        (0.66..0.76).contains(&(sum / all)),
        "71 % is water: {}",
        sum / all
    );
}

#[test]
fn two_runs_write_the_same_bytes() {
    let draw = || {
        let (dir, _) = map(&[
            MOON,
            "--projection",
            "orthographic",
            "--width",
            "64",
            "--zones",
            "6",
            "--by",
            "area",
        ]);
        fs::read(dir.path().join("map.png")).unwrap()
    };
    assert_eq!(draw(), draw());
}

#[test]
fn a_ball_stands_in_space() {
    let (_dir, map) = map(&[MOON, "--projection", "orthographic", "--width", "80"]);
    assert_eq!((map.width, map.height), (80, 80));
    let corner = map.pixel(0, 0);
    for (x, y) in [(79, 0), (0, 79), (79, 79)] {
        assert_eq!(map.pixel(x, y), corner);
    }
    let bright = |colour: [u8; 3]| colour.map(u32::from).iter().sum::<u32>();
    assert!(bright(map.pixel(40, 40)) > 3 * bright(corner));
}

#[test]
fn every_layer_and_projection_draws_something() {
    for layer in ["natural", "elevation", "biome", "load"] {
        for projection in ["equirectangular", "mercator", "orthographic", "gnomonic"] {
            let args = [
                MOON,
                "--layer",
                layer,
                "--projection",
                projection,
                "--centre",
                "-20,170",
                "--width",
                "32",
            ];
            let (_dir, map) = map(&args);
            let first = map.pixel(0, 0);
            let even = (0..map.width).all(|x| map.pixel(x, map.height / 2) == first);
            // Nearly nobody lives on the moon, and rock without air is one biome.
            assert!(
                !even || layer == "load" || layer == "biome",
                "{layer} {projection}"
            );
        }
    }
}

#[test]
fn zones_show_as_lines_and_the_crowd_as_light() {
    let plain = map(&[EARTH, "--layer", "load", "--width", "240"]).1;
    let brightest = |lat, lng| plain.at(lat, lng).map(u32::from).iter().sum::<u32>();
    assert!(
        brightest(28.6, 77.2) > 3 * brightest(0.0, -150.0),
        "Delhi and the Pacific"
    );
    let zones = map(&[EARTH, "--layer", "load", "--width", "240", "--zones", "24"]).1;
    let changed = plain
        .rgb
        .chunks(3)
        .zip(zones.rgb.chunks(3))
        .filter(|(a, b)| a != b);
    let share = changed.count() as f64 / (240.0 * 120.0);
    assert!((0.02..0.4).contains(&share), "{share}");
}

#[test]
fn a_planet_file_outside_the_assets_folder_is_drawn() {
    let dir = TempDir::new().unwrap();
    let draft = dir.path().join("draft.ron");
    fs::copy(root().join(MOON), &draft).unwrap();
    let draft = draft.to_str().unwrap();
    let (_dir, map) = map(&[draft, "--width", "16", "--assets", "assets"]);
    assert_eq!(map.width, 16);
}

#[test]
fn a_place_is_described_in_words() {
    let text = printed(&["at", "48.86", "2.35"]);
    for wanted in [
        "47e67",
        "of 24, by population",
        "temperate forest",
        "Paris",
        "elevation",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in:\n{text}");
    }
    let sea = printed(&["at", "-45", "-120.5"]);
    assert!(sea.contains("water") && sea.contains("ocean"), "{sea}");
    let moon = printed(&["at", "0", "-10", "--planet", MOON]);
    assert!(moon.contains("barren") && moon.contains("no air"), "{moon}");
    assert!(moon.contains("Landing Field"), "{moon}");
}

#[test]
fn a_place_is_described_for_scripts() {
    let text = printed(&["at", "-33.87", "151.0", "--zones", "12", "--json"]);
    let place: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(place["lat_deg"], -33.87);
    assert_eq!(place["zone"]["of"], 12);
    assert_eq!(place["water"], false);
    assert_eq!(place["settlements"].as_array().unwrap().len(), 5);
    assert_eq!(place["settlements"][0]["country"], "AU");
    assert!(place["climate"]["temperature_c"].as_f64().unwrap() > 10.0);
    let leaf = place["cells"].as_array().unwrap().last().unwrap();
    assert_eq!(leaf["level"], 30);
}

#[test]
fn zones_are_more_even_than_a_grid_and_their_outlines_are_geojson() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("zones.geojson");
    let text = printed(&[
        "zones",
        "--by",
        "population",
        "--count",
        "24",
        "--geojson",
        out.to_str().unwrap(),
    ]);
    let busiest = |line: &str| -> f64 {
        let line = text.lines().find(|l| l.contains(line)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|&word| word == "x").unwrap();
        words[at - 1].parse().unwrap()
    };
    assert!(busiest("busiest zone") <= 1.3, "{text}");
    assert!(busiest("fixed grid") > 4.0, "{text}");

    let bytes = fs::read(&out).unwrap();
    let raw: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(raw["features"].as_array().unwrap().len(), 24);
    check_rings(&raw);
    let zones = FeatureCollection::read(&bytes, "zones.geojson").unwrap();
    let people: u64 = zones
        .features
        .iter()
        .map(|zone| zone.properties["population"].as_u64().unwrap())
        .sum();
    assert!(people > 3_000_000_000, "{people}");
    // Every place is in one zone.
    for n in 0..200_u32 {
        let lat = -88.3 + f64::from(n) * 0.88;
        let lng = f64::from(n * 73 % 359) - 179.1;
        let at = LatLng::new(lat, lng).unwrap().to_direction();
        let inside = zones.features.iter().filter(|zone| match &zone.geometry {
            Geometry::Area(polygons) => polygons.iter().any(|polygon| polygon.contains(at)),
            _ => false,
        });
        assert_eq!(inside.count(), 1, "{lat} {lng}");
    }
}

/// RFC 7946: positions in range, rings closed, four positions at least, no edge across the map.
fn check_rings(collection: &Value) {
    for feature in collection["features"].as_array().unwrap() {
        let geometry = &feature["geometry"];
        let coordinates = geometry["coordinates"].as_array().unwrap();
        let polygons: Vec<&Value> = match geometry["type"].as_str().unwrap() {
            "Polygon" => vec![&geometry["coordinates"]],
            "MultiPolygon" => coordinates.iter().collect(),
            other => panic!("{other} is no area"),
        };
        for ring in polygons.iter().flat_map(|p| p.as_array().unwrap()) {
            let ring = ring.as_array().unwrap();
            assert!(ring.len() >= 4);
            assert_eq!(ring.first(), ring.last(), "closed");
            for position in ring {
                assert!(position[0].as_f64().unwrap().abs() <= 180.0);
                assert!(position[1].as_f64().unwrap().abs() <= 90.0);
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused_in_words_that_help() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("map.png");
    let out = out.to_str().unwrap();
    let cases: [(&[&str], &str); 14] = [
        (
            &["map", "assets/planets/mars.ron", "--out", out],
            "there is no file",
        ),
        (&["map", "mars", "--out", out], "earth, moon"),
        (&["map", "assets/planets", "--out", out], "is a folder"),
        (
            &["map", MOON, "--out", "no/such/folder/map.png"],
            "make it first",
        ),
        (&["map", MOON, "--out", "assets"], "is a folder"),
        (&["map", MOON, "--out", out, "--width", "0"], "16 to 16384"),
        (
            &["map", MOON, "--out", out, "--projection", "flat"],
            "orthographic",
        ),
        (
            &["map", MOON, "--out", out, "--centre", "91,0"],
            "latitudes are -90 to 90",
        ),
        (&["map", MOON, "--out", out, "--span", "-3"], "more than 0"),
        (
            &[
                "map",
                MOON,
                "--out",
                out,
                "--projection",
                "mercator",
                "--centre",
                "90,0",
                "--span",
                "9",
            ],
            "not on a mercator map",
        ),
        (&["map", MOON, "--out", "/dev/null"], "no file that can be"),
        (&["map", MOON, "--out", out, "--zones", "0"], "zones"),
        (&["at", "95", "0"], "latitudes are -90 to 90"),
        (&["zones", "--count", "5000"], "4096"),
    ];
    for (args, wanted) in cases {
        let error = refused(args);
        assert!(
            error.contains(wanted),
            "{args:?}: {wanted:?} is not in {error}"
        );
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn level_ground_has_colours() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("level.ron");
    let text = "(radius_m: 5000.0, gravity_mps2: 1.0, frame_level: 1, climate: ())";
    fs::write(&file, text).unwrap();
    for layer in ["natural", "elevation"] {
        let (_dir, map) = map(&[file.to_str().unwrap(), "--width", "16", "--layer", layer]);
        // Neither the black of no number nor the white of summits.
        let [r, g, b] = map.pixel(8, 3);
        assert!((60..240).contains(&r.max(g).max(b)), "{layer}: {r} {g} {b}");
    }
}

#[test]
fn a_city_is_as_dense_from_nearby_as_it_is() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("city.ron");
    let text = "(radius_m: 5000000.0, gravity_mps2: 9.0, frame_level: 11, \
                places: [(name: \"City\", lat_deg: 0.0, lng_deg: 0.0, population: 9000000)])";
    fs::write(&file, text).unwrap();
    let out = dir.path().join("city.png");
    for span in ["10.0", "0.1"] {
        let text = printed(&[
            "map",
            file.to_str().unwrap(),
            "--layer",
            "load",
            "--span",
            span,
            "--out",
            out.to_str().unwrap(),
        ]);
        let most = text
            .lines()
            .find_map(|line| line.strip_prefix("most at a pixel: "));
        let most: f64 = most.unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((4_500.0..5_100.0).contains(&most), "{span}: {most}");
    }
}

#[test]
fn one_zone_has_no_border() {
    let text = printed(&["zones", "--planet", MOON, "--count", "1"]);
    assert!(text.contains("borders       0 km"), "{text}");
}

#[test]
fn a_planet_where_nobody_lives_is_cut_by_area_only() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("empty.ron");
    fs::write(
        &file,
        "(radius_m: 5000.0, gravity_mps2: 1.0, frame_level: 1)",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let error = refused(&["zones", "--planet", file, "--count", "3"]);
    assert!(error.contains("--by area"), "{error}");
    let text = printed(&[
        "zones", "--planet", file, "--by", "area", "--count", "12", "--list",
    ]);
    assert!(text.contains("12 zones of empty by area"), "{text}");
}
