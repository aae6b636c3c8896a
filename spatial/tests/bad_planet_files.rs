//! Missing, damaged and impossible planet files: each is refused in words that name the file and
//! what to do.
#![allow(clippy::unwrap_used, reason = "what fails to prepare a test fails it")]

use std::fs;
use std::path::Path;

use bluemarble_spatial::Planet;
use tempfile::TempDir;

const BARE: &str = "radius_m: 1000.0, gravity_mps2: 9.81, frame_level: 2";

/// An assets folder with a planet "test" and a few files.
fn assets(descriptor: &str, files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("planets")).unwrap();
    fs::write(dir.path().join("planets/test.ron"), descriptor).unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn error(dir: &Path, name: &str) -> String {
    Planet::load(dir, name)
        .expect_err("this planet is impossible")
        .to_string()
}

/// A whole PNG of zeros.
fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    let row = (width as usize * depth as usize * color.samples()).div_ceil(8);
    writer
        .write_image_data(&vec![0; row * height as usize])
        .unwrap();
    drop(writer);
    bytes
}

/// A whole PNG with a palette.
fn palette(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![0, 0, 0, 255, 255, 255]);
    let mut writer = encoder.write_header().unwrap();
    let pixels = vec![0; (width * height) as usize];
    writer.write_image_data(&pixels).unwrap();
    drop(writer);
    bytes
}

fn with_elevation(bytes: &[u8]) -> TempDir {
    let text = format!("({BARE}, elevation: (file: \"e.png\", metres_per_grey: 10.0))");
    assets(&text, &[("e.png", bytes)])
}

#[test]
fn a_bare_descriptor_is_enough() {
    let dir = assets(&format!("({BARE})"), &[]);
    let planet = Planet::load(dir.path(), "test").unwrap();
    assert_eq!(
        (planet.name(), planet.radius_m(), planet.frame_level().get()),
        ("test", 1000.0, 2)
    );
}

#[test]
fn an_unknown_planet_lists_the_known_ones() {
    let dir = assets(&format!("({BARE})"), &[]);
    let says = error(dir.path(), "mars");
    assert!(
        says.contains("no planet \"mars\"") && says.contains("there are test"),
        "{says}"
    );
    let says = error(&dir.path().join("nowhere"), "mars");
    assert!(
        says.contains("assets folder is probably a wrong one"),
        "{says}"
    );
}

#[test]
fn a_name_cannot_leave_the_assets_folder() {
    let dir = assets(&format!("({BARE})"), &[]);
    for name in [
        "../planets/test",
        "",
        "a/b",
        "a\\b",
        "test.ron",
        &"x".repeat(65),
    ] {
        let says = error(dir.path(), name);
        assert!(says.contains("is no planet name"), "{says}");
    }
}

#[test]
fn a_descriptor_with_an_unknown_missing_or_broken_field_is_refused() {
    for (text, field) in [
        (format!("({BARE}, wind: 3)"), "wind"),
        (
            "(gravity_mps2: 9.81, frame_level: 2)".to_owned(),
            "radius_m",
        ),
        (
            format!("({BARE}, terrain: (layers: [Fractal(wavelength: 3.0)]))"),
            "wavelength",
        ),
        (format!("({BARE}, land_mask: 7)"), "string"),
        (format!("({BARE}"), "test.ron"),
    ] {
        let says = error(assets(&text, &[]).path(), "test");
        assert!(
            says.contains("test.ron") && says.contains(field),
            "{text}: {says}"
        );
        assert!(says.contains("README.md lists the fields"), "{says}");
    }
}

#[test]
fn a_descriptor_with_an_impossible_value_is_refused() {
    let obstacles = |rest: &str| {
        format!(
            "({BARE}, places: [], obstacles: (settlements: 1, per_settlement: 5, disc_radius_m: 50.0, {rest}))"
        )
    };
    for (text, field) in [
        (
            "(radius_m: 1.0, gravity_mps2: 9.81, frame_level: 2)".to_owned(),
            "radius_m",
        ),
        (
            "(radius_m: NaN, gravity_mps2: 9.81, frame_level: 2)".to_owned(),
            "radius_m",
        ),
        (
            "(radius_m: 1000.0, gravity_mps2: -1.0, frame_level: 2)".to_owned(),
            "gravity_mps2",
        ),
        (
            "(radius_m: 1000.0, gravity_mps2: 9.81, frame_level: 31)".to_owned(),
            "frame_level",
        ),
        (
            format!("({BARE}, elevation: (file: \"x\", metres_per_grey: inf))"),
            "metres_per_grey",
        ),
        (
            format!(
                "({BARE}, places: [(name: \"A\", lat_deg: 95.0, lng_deg: 0.0, population: 1)])"
            ),
            "places",
        ),
        (
            format!(
                "({BARE}, sea_level_m: 100.0, places: [(name: \"A\", lat_deg: 5.0, lng_deg: 0.0, population: 1)])"
            ),
            "places",
        ),
        (
            obstacles("clear_radius_m: 60.0, radius_m: (1.0, 2.0), height_m: (1.0, 2.0)"),
            "clear_radius_m",
        ),
        (
            obstacles("clear_radius_m: 5.0, radius_m: (3.0, 2.0), height_m: (1.0, 2.0)"),
            "radius_m.0",
        ),
        (
            obstacles("clear_radius_m: 5.0, radius_m: (1.0, 200.0), height_m: (1.0, 2.0)"),
            "radius_m.1",
        ),
        (
            obstacles("clear_radius_m: 5.0, radius_m: (1.0, 2.0), height_m: (1.0, 2e9)"),
            "height_m.1",
        ),
    ] {
        let says = error(assets(&text, &[]).path(), "test");
        assert!(
            says.contains("test.ron") && says.contains(field),
            "{text}: {says}"
        );
    }
}

#[test]
fn a_small_planet_is_not_hollowed_out() {
    let ball = "radius_m: 200.0, gravity_mps2: 1.0, frame_level: 0";
    let octave = "wavelength_m: 400.0, octaves: 1";
    for (text, field) in [
        (format!("({ball}, sea_level_m: -60.0)"), "sea_level_m"),
        (
            format!("({ball}, terrain: (layers: [Fractal({octave}, amplitude_m: 60.0)]))"),
            "amplitude_m",
        ),
        (
            format!(
                "({ball}, terrain: (layers: [Continents({octave}, land_share: 0.5, \
                 height_m: 1.0, depth_m: 300.0)]))"
            ),
            "depth_m",
        ),
    ] {
        let says = error(assets(&text, &[]).path(), "test");
        assert!(
            says.contains(field) && says.contains("..= 50"),
            "{text}: {says}"
        );
    }
    // Everything at its limit, several times: the ground is still above the centre.
    let layer = format!("Fractal({octave}, amplitude_m: 50.0), ");
    let text = format!(
        "({ball}, sea_level_m: -50.0, terrain: (layers: [{}], detail: (wavelength_m: 90.0, \
         octaves: 1, amplitude_m: 50.0, amplitude_per_relief: 1.0)))",
        layer.repeat(12)
    );
    let planet = Planet::load(assets(&text, &[]).path(), "test").unwrap();
    let mut lowest_m = f64::MAX;
    for n in 0..3_000_u64 {
        let draw = |what: u64| {
            bluemarble_spatial::mix::unit(bluemarble_spatial::mix::mix64(n * 3 + what)) - 0.5
        };
        let dir = glam::DVec3::new(draw(0), draw(1), draw(2));
        let height_m = planet.radius_m() + planet.ground_m(dir);
        lowest_m = if height_m < lowest_m {
            height_m
        } else {
            lowest_m
        };
    }
    assert!((10.0..170.0).contains(&lowest_m), "{lowest_m}");
}

/// A recipe on a 1 km ball, whose corners are 22 m apart: its layers hold waves of 100 m and more.
#[test]
fn a_recipe_with_an_impossible_value_is_refused_by_layer_and_field() {
    for (recipe, field) in [
        (
            "layers: [Fractal(wavelength_m: 50.0, octaves: 1)]",
            "layers[0] Fractal.wavelength_m",
        ),
        (
            "layers: [Fractal(wavelength_m: 9e9, octaves: 1)]",
            "layers[0] Fractal.wavelength_m",
        ),
        (
            "layers: [Fractal(wavelength_m: NaN, octaves: 1)]",
            "layers[0] Fractal.wavelength_m",
        ),
        (
            "layers: [Ridged(wavelength_m: 900.0, octaves: 9)]",
            "layers[0] Ridged.octaves is 9, and",
        ),
        (
            "layers: [Ridged(wavelength_m: 900.0, octaves: 0)]",
            "layers[0] Ridged.octaves",
        ),
        (
            "layers: [Billow(wavelength_m: 900.0, octaves: 1, gain: 1.5)]",
            "Billow.gain",
        ),
        (
            "layers: [Billow(wavelength_m: 900.0, octaves: 1, lacunarity: 1.0)]",
            "lacunarity",
        ),
        (
            "layers: [Billow(wavelength_m: 900.0, octaves: 1, amplitude_m: -1.0)]",
            "amplitude_m",
        ),
        (
            "layers: [Fractal(wavelength_m: 900.0, octaves: 1, patches: (wavelength_m: 900.0, share: 2.0))]",
            "Fractal.patches.share",
        ),
        (
            "layers: [Terraces(step_m: 9.0, sharpness: 0.5), Terraces(step_m: 0.0, sharpness: 0.5)]",
            "layers[1] Terraces.step_m",
        ),
        (
            "layers: [Warp(wavelength_m: 900.0, octaves: 1, amplitude_m: 9000.0)]",
            "Warp.amplitude_m",
        ),
        (
            "layers: [Craters(diameter_m: (400.0, 3.0), depth_share: 0.1, density: 1.0)]",
            "Craters.diameter_m.1",
        ),
        (
            "layers: [Craters(diameter_m: (4e6, 300.0), depth_share: 0.1, density: 1.0)]",
            "Craters.diameter_m.0",
        ),
        (
            "layers: [Craters(diameter_m: (400.0, 300.0), depth_share: 0.1, density: -1.0)]",
            "Craters.density",
        ),
        (
            "layers: [Continents(wavelength_m: 900.0, octaves: 2, land_share: 1.0, height_m: 9.0, depth_m: 9.0)]",
            "Continents.land_share",
        ),
        (
            "detail: (wavelength_m: 90.0, octaves: 7, amplitude_m: 1.0)",
            "detail.octaves",
        ),
        (
            "detail: (wavelength_m: 9.0, octaves: 6, amplitude_m: 1.0)",
            "detail.wavelength_m",
        ),
        (
            "detail: (wavelength_m: 9.0, octaves: 1, amplitude_m: inf)",
            "detail.amplitude_m",
        ),
    ] {
        let says = error(
            assets(&format!("({BARE}, terrain: ({recipe}))"), &[]).path(),
            "test",
        );
        assert!(
            says.contains("test.ron: terrain.") && says.contains(field),
            "{recipe}: {says}"
        );
    }
    let many = "Terraces(step_m: 9.0, sharpness: 0.5),".repeat(13);
    let text = format!("({BARE}, terrain: (layers: [{many}]))");
    let says = error(assets(&text, &[]).path(), "test");
    assert!(says.contains("terrain.layers has 13 entries"), "{says}");
}

#[test]
fn a_misspelt_layer_is_named_with_its_line() {
    for (recipe, said) in [
        ("Mountains(wavelength_m: 900.0)", "Mountains"),
        (
            "Fractal(wavelength_m: 900.0, octaves: 2, hight: 3.0)",
            "hight",
        ),
        (
            "Craters(diameter_m: 40.0, depth_share: 0.1, density: 1.0)",
            "4:",
        ),
        ("Fractal(wavelength_m: 900.0, octaves: -2)", "4:"),
    ] {
        let text = format!("({BARE},\n terrain: (\n  layers: [\n   {recipe},\n  ]))");
        let says = error(assets(&text, &[]).path(), "test");
        assert!(
            says.contains("test.ron: 4:") && says.contains(said),
            "{recipe}: {says}"
        );
    }
}

#[test]
fn a_sea_that_contradicts_the_land_mask_is_refused() {
    let mask = png(64, 32, png::ColorType::Grayscale, png::BitDepth::One);
    let text = format!("({BARE}, sea_level_m: 5.0, land_mask: \"m.png\")");
    let says = error(assets(&text, &[("m.png", &mask)]).path(), "test");
    assert!(
        says.contains("sea_level_m is 5") && says.contains("leave one"),
        "{says}"
    );
    let text = format!("({BARE}, sea_level_m: NaN)");
    let says = error(assets(&text, &[]).path(), "test");
    assert!(says.contains("sea_level_m is NaN"), "{says}");
}

#[test]
fn a_missing_file_is_named() {
    let text = format!("({BARE}, land_mask: \"terrain/gone.png\")");
    let says = error(assets(&text, &[]).path(), "test");
    assert!(
        says.contains("cannot read") && says.contains("gone.png") && says.contains("restore"),
        "{says}"
    );
}

#[test]
fn a_damaged_raster_is_named() {
    let whole = png(64, 32, png::ColorType::Grayscale, png::BitDepth::Eight);
    Planet::load(with_elevation(&whole).path(), "test").unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    for bytes in [
        &whole[..whole.len() / 2],
        &whole[..20],
        &whole[..whole.len() - 6],
        b"",
        b"GIF89a",
        &flipped,
    ] {
        let says = error(with_elevation(bytes).path(), "test");
        assert!(
            says.contains("e.png is not a whole PNG"),
            "{} bytes: {says}",
            bytes.len()
        );
    }
}

#[test]
fn a_raster_of_the_wrong_size_or_kind_is_named() {
    use png::{BitDepth, ColorType};
    for (bytes, found) in [
        (
            png(64, 64, ColorType::Grayscale, BitDepth::Eight),
            "64 × 64",
        ),
        (png(64, 32, ColorType::Rgb, BitDepth::Eight), "Rgb"),
        (png(64, 32, ColorType::Grayscale, BitDepth::One), "One"),
        (
            png(64, 32, ColorType::Grayscale, BitDepth::Sixteen),
            "Sixteen",
        ),
        (
            png(64, 32, ColorType::GrayscaleAlpha, BitDepth::Eight),
            "GrayscaleAlpha",
        ),
        (palette(64, 32), "Indexed"),
    ] {
        let says = error(with_elevation(&bytes).path(), "test");
        assert!(
            says.contains("e.png is ") && says.contains(found) && says.contains("it must be 8-bit"),
            "{says}"
        );
    }
    let text = format!("({BARE}, land_mask: \"m.png\")");
    let bytes = png(64, 32, ColorType::Grayscale, BitDepth::Eight);
    let says = error(assets(&text, &[("m.png", &bytes)]).path(), "test");
    assert!(
        says.contains("m.png is ") && says.contains("it must be 1-bit"),
        "{says}"
    );
}

#[test]
fn a_bad_settlement_row_is_named_by_file_and_line() {
    let text = format!("({BARE}, settlements: \"s.csv\")");
    let table = "geonameid,name,country,latitude_deg,longitude_deg,population\n1,A,FR,1,2,3\n2,B,FR,1,2,many\n";
    let says = error(assets(&text, &[("s.csv", table.as_bytes())]).path(), "test");
    assert!(
        says.contains("s.csv line 3") && says.contains("correct the row"),
        "{says}"
    );
}

#[test]
fn every_byte_of_every_file_counts_in_the_content_hash() {
    let hash = |text: &str, table: &str| {
        let dir = assets(text, &[("s.csv", table.as_bytes())]);
        Planet::load(dir.path(), "test").unwrap().content_hash()
    };
    let text = format!("({BARE}, settlements: \"s.csv\")");
    let table = "geonameid,name,country,latitude_deg,longitude_deg,population\n1,A,FR,1,2,3\n";
    let same = hash(&text, table);
    assert_eq!(same, hash(&text, table));
    assert_ne!(same, hash(&text.replace("9.81", "9.82"), table));
    assert_ne!(same, hash(&text, &table.replace("2,3", "2,4")));
}

#[test]
fn a_descriptor_outside_the_assets_folder_is_the_same_planet() {
    let dir = assets(&format!("({BARE})"), &[]);
    let file = dir.path().join("planets/test.ron");
    let [by_name, by_file] = [
        Planet::load(dir.path(), "test").unwrap(),
        Planet::load_file(&file, dir.path()).unwrap(),
    ];
    assert_eq!(by_file.name(), "test");
    assert_eq!(by_file.content_hash(), by_name.content_hash());
    let elsewhere = dir.path().join("draft.ron");
    fs::copy(&file, &elsewhere).unwrap();
    let moved = Planet::load_file(&elsewhere, dir.path()).unwrap();
    assert_eq!(moved.content_hash(), by_name.content_hash());
    let missing = Planet::load_file(&dir.path().join("no.ron"), dir.path());
    assert!(missing.unwrap_err().to_string().contains("no.ron"));
}
