//! GeoJSON from strangers and designers: bad files are refused in words that name file, feature and
//! field; good ones survive being written and read; a planet carries what its file places.

use std::fs;
use std::path::Path;

use bluemarble_spatial::mix::mix64;
use bluemarble_spatial::{
    Direction, Feature, FeatureCollection, Geometry, LatLng, Planet, Polygon, Properties, Region,
    limits,
};
use glam::DVec3;

fn read(text: &str) -> Result<FeatureCollection, String> {
    FeatureCollection::read(text.as_bytes(), "x.geojson").map_err(|e| e.to_string())
}

fn collection(features: &str) -> String {
    format!("{{\"type\": \"FeatureCollection\", \"features\": [\n{features}\n]}}")
}

fn feature(geometry: &str) -> String {
    format!(
        "{{\"type\": \"Feature\", \"id\": \"f7\", \"properties\": {{}}, \"geometry\": {geometry}}}"
    )
}

fn write(geometry: Geometry) -> String {
    let feature = Feature {
        id: None,
        geometry,
        properties: Properties::default(),
    };
    let features = vec![feature];
    FeatureCollection { features }.write().unwrap()
}

fn moon_file() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/features/moon.geojson")).unwrap()
}

fn direction(lat: f64, lng: f64) -> Direction {
    LatLng::degrees(lat, lng).to_direction()
}

#[test]
fn a_bad_file_is_refused_in_words() {
    let deep = format!(
        "{{\"type\": \"Feature\", \"properties\": {}",
        "[".repeat(40)
    );
    let many = format!("[{}0]", "0,".repeat(limits::GEOJSON_FEATURES_MAX));
    let many = format!("{{\"type\":\"FeatureCollection\",\"features\":{many}}}");
    for (text, says) in [
        ("", "EOF while parsing"),
        (
            "{\"type\": \"FeatureCollection\",\n \"features\": [}",
            "line 2",
        ),
        ("[1, 2]", "a GeoJSON file is one object"),
        ("{}", "there is no \"type\""),
        (
            "{\"type\": \"Topology\"}",
            "\"Topology\"; it must be \"FeatureCollection\"",
        ),
        (
            "{\"type\": \"Point\", \"coordinates\": [1, 2]}",
            "wrap a geometry in a Feature",
        ),
        ("{\"type\": \"FeatureCollection\"}", "has no \"features\""),
        (
            "{\"type\": \"FeatureCollection\", \"features\": 3}",
            "a list of features",
        ),
        (
            "{\"type\": \"FeatureCollection\", \"features\": [], \"crs\": {\"name\": \"EPSG:3857\"}}",
            "export the file again as WGS 84",
        ),
        (
            "{\"type\": \"FeatureCollection\", \"features\": [], \"crs\": {\"name\": \"EPSG:3857\", \"href\": null}}",
            "export the file again as WGS 84",
        ),
        (
            "{\"type\": \"FeatureCollection\", \"features\": [], \"features\": []}",
            "duplicate field `features`",
        ),
        (&deep, "flatten the properties"),
        (&many, "split the file"),
    ] {
        let error = read(text).expect_err(&text[..text.len().min(80)]);
        assert!(
            error.starts_with("x.geojson: ") && error.contains(says),
            "{error}"
        );
    }
    let error = FeatureCollection::read(b"{\n\n\"type\xff", "x.geojson").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.geojson: line 3 is not UTF-8; save the file as UTF-8"
    );
    let no_crs = "{\"type\": \"FeatureCollection\", \"features\": [], \"crs\": null}";
    assert!(read(no_crs).is_ok());
    let huge = vec![b' '; limits::GEOJSON_BYTES_MAX + 1];
    let error = FeatureCollection::read(&huge, "x.geojson")
        .unwrap_err()
        .to_string();
    assert!(error.contains("bytes; at most"), "{error}");
}

#[test]
fn a_bad_feature_is_named_with_its_line_and_field() {
    let polygon = |ring: &str| format!("{{\"type\": \"Polygon\", \"coordinates\": [{ring}]}}");
    let point = |position: &str| format!("{{\"type\": \"Point\", \"coordinates\": {position}}}");
    let lines =
        |lines: &str| format!("{{\"type\": \"MultiLineString\", \"coordinates\": {lines}}}");
    for (geometry, field, says) in [
        ("null".to_owned(), "geometry", "give the feature a place"),
        (
            point("[-33.87, 151.2]"),
            "geometry.coordinates",
            "perhaps the two are swapped",
        ),
        (point("[190.5, 10]"), "geometry.coordinates", "write -169.5"),
        (
            point("[448262.1, 5411932.7]"),
            "geometry.coordinates",
            "EPSG:4326",
        ),
        (
            point("[1, 2, 3, 4]"),
            "geometry.coordinates",
            "has 4 numbers",
        ),
        (
            polygon("[[0,0],[1,0],[1,1]]"),
            "geometry.coordinates[0]",
            "4 positions or more",
        ),
        (
            polygon("[[0,0],[1,0],[1,1],[0,1]]"),
            "geometry.coordinates[0]",
            "not closed",
        ),
        (
            polygon("[[0,0],[1,0],[1,91],[0,0]]"),
            "geometry.coordinates[0][2]",
            "swapped",
        ),
        (polygon(""), "geometry.coordinates", "add one"),
        (
            lines("[[[0,0],[1,1]],[[0,0]]]"),
            "geometry.coordinates[1]",
            "2 positions or more",
        ),
        (
            "{\"type\": \"MultiPoint\", \"coordinates\": [[0,0]]}".to_owned(),
            "geometry.type",
            "MultiPoint is not read",
        ),
        (point("[1]"), "the feature", ""),
        (point("[1, null]"), "the feature", ""),
        (point("[1e999, 0]"), "the feature", "number out of range"),
        (
            "{\"type\": \"Circle\", \"coordinates\": [1, 2]}".to_owned(),
            "the feature",
            "Circle",
        ),
    ] {
        let good = feature("{\"type\": \"Point\", \"coordinates\": [1, 2]}");
        let text = collection(&format!("{good},\n{}", feature(&geometry)));
        let error = read(&text).expect_err(&geometry);
        let begins = format!("x.geojson features[1] \"f7\" on line 3: {field}: ");
        assert!(
            error.starts_with(&begins) && error.contains(says),
            "{geometry}: {error}"
        );
    }
    let error =
        read("{\"type\": \"Feature\", \"id\": 12, \"geometry\": null, \"properties\": null}");
    assert!(
        error
            .unwrap_err()
            .contains("features[0] (id 12) on line 1: geometry: is null")
    );
}

#[test]
fn no_mutation_of_a_file_is_a_panic() {
    let file = moon_file();
    let mut read = 0;
    for n in 0..4_000_u64 {
        let mut bytes = file.clone();
        for k in 0..1 + n % 4 {
            let word = mix64(n * 8 + k);
            let at = (word >> 32) as usize % bytes.len();
            let piece = b"[]{},:\"-9.e0 \\\xff\n";
            match word % 5 {
                0 => bytes[at] = word as u8,
                1 => bytes[at] = piece[(word >> 8) as usize % piece.len()],
                2 => bytes.truncate(at),
                3 => drop(bytes.remove(at)),
                _ => {
                    let from = (word >> 16) as usize % bytes.len();
                    let copy = bytes[from..(from + 40).min(bytes.len())].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        match FeatureCollection::read(&bytes, "mutant") {
            Ok(collection) => {
                read += 1;
                drop(collection.write().unwrap());
            }
            Err(error) => assert!(error.to_string().starts_with("mutant")),
        }
    }
    assert!(
        read > 100,
        "{read} of 4000 read: the mutations are too coarse"
    );
}

#[test]
fn what_was_written_reads_as_the_same() {
    let first = FeatureCollection::read(&moon_file(), "moon").unwrap();
    let text = first.write().unwrap();
    let second = FeatureCollection::read(text.as_bytes(), "again").unwrap();
    assert_eq!(second.features.len(), first.features.len());
    for (one, other) in first.features.iter().zip(&second.features) {
        assert_eq!((&one.id, &one.properties), (&other.id, &other.properties));
        let (Geometry::Area(one), Geometry::Area(other)) = (&one.geometry, &other.geometry) else {
            assert_eq!(one.geometry, other.geometry);
            continue;
        };
        for n in 0..2_000 {
            let c = |k: u64| bluemarble_spatial::mix::unit(mix64(n * 2 + k));
            // Where the areas are: around the quarry, the pads and the pole.
            let at = match n % 3 {
                0 => direction(
                    -12.5 + c(0) - 0.5,
                    (c(1) - 0.5) + 180.0_f64.copysign(0.5 - c(1)),
                ),
                1 => direction(0.08 * (c(0) - 0.5), 0.08 * (c(1) - 0.5)),
                _ => direction(84.0 + 6.0 * c(0), 360.0 * c(1) - 180.0),
            };
            let holds = |area: &[Polygon]| area.iter().any(|p| p.contains(at));
            assert_eq!(holds(one), holds(other), "{at:?}");
        }
    }
    // Once written, it is written the same ever after.
    assert_eq!(second.write().unwrap(), text);
}

/// An area from the coordinates of a Polygon.
fn area(coordinates: &str) -> Result<FeatureCollection, String> {
    let geometry = format!("{{\"type\": \"Polygon\", \"coordinates\": {coordinates}}}");
    read(&feature(&geometry))
}

fn holds(collection: &FeatureCollection, lat: f64, lng: f64) -> bool {
    let Geometry::Area(polygons) = &collection.features[0].geometry else {
        panic!("an area");
    };
    let at = direction(lat, lng);
    polygons.iter().any(|polygon| polygon.contains(at))
}

#[test]
fn belts_and_all_but_a_hole_survive_reading_and_writing() {
    let belt = "[[[-180,10],[0,10],[180,10],[180,20],[0,20],[-180,20],[-180,10]]]";
    let all_but =
        "[[[-180,-90],[180,-90],[180,90],[-180,90],[-180,-90]],[[0,0],[0,5],[5,5],[5,0],[0,0]]]";
    let ring = "[[[-180,-60],[180,-60],[180,90],[-180,90],[-180,-60]],[[30,10],[30,40],[60,40],[60,10],[30,10]]]";
    let keyhole =
        "[[[0,0],[9,0],[9,9],[0,9],[0,5],[3,5],[3,6],[6,6],[6,4],[3,4],[3,5],[0,5],[0,0]]]";
    let is_in = |lat: f64, lng: f64, s: f64, w: f64, n: f64, e: f64| {
        lat > s && lat < n && lng > w && lng < e
    };
    type Holds<'a> = &'a dyn Fn(f64, f64) -> bool;
    let shapes: [(&str, Holds<'_>); 4] = [
        (belt, &|lat, _| lat > 10.0 && lat < 20.0),
        (all_but, &|lat, lng| !is_in(lat, lng, 0.0, 0.0, 5.0, 5.0)),
        (ring, &|lat, lng| {
            lat > -60.0 && !is_in(lat, lng, 10.0, 30.0, 40.0, 60.0)
        }),
        (keyhole, &|lat, lng| {
            is_in(lat, lng, 0.0, 0.0, 9.0, 9.0) && !is_in(lat, lng, 4.0, 3.0, 6.0, 6.0)
        }),
    ];
    for (coordinates, expected) in shapes {
        let first = area(coordinates).unwrap();
        let text = first.write().unwrap();
        let second = read(&text).unwrap();
        for n in 0..4_000_u64 {
            let c = |k: u64| bluemarble_spatial::mix::unit(mix64(n * 2 + k));
            let spread = if n % 2 == 0 { 1.0 } else { 0.06 };
            let (lat, lng) = (
                180.0 * spread * (c(0) - 0.45),
                360.0 * spread * (c(1) - 0.45),
            );
            if lat.abs() < 90.0 && lng.abs() < 180.0 {
                assert_eq!(
                    holds(&first, lat, lng),
                    expected(lat, lng),
                    "{coordinates} {lat} {lng}"
                );
                assert_eq!(
                    holds(&second, lat, lng),
                    expected(lat, lng),
                    "{text} {lat} {lng}"
                );
            }
        }
    }
}

#[test]
fn an_edge_that_passes_close_to_a_pole_is_written_as_exactly_as_any() {
    for off in [1e-2, 1e-4, 1e-6, 1e-9, 0.0] {
        for pole in [1.0, -1.0] {
            let corner = |x, y, z| Direction::new(DVec3::new(x, y, pole * z)).unwrap();
            let corners = [
                corner(0.5, off, 0.8),
                corner(-0.5, off, 0.8),
                corner(0.0, -0.9, 0.3),
            ];
            let polygon = Polygon::smaller_side(corners.to_vec(), vec![]).unwrap();
            let text = write(Geometry::Area(vec![polygon.clone()]));
            let back = read(&text).unwrap();
            let Geometry::Area(back) = &back.features[0].geometry else {
                panic!("an area");
            };
            for n in 0..4_000_u64 {
                let c = |k: u64| bluemarble_spatial::mix::unit(mix64(n * 3 + k));
                let spread = bluemarble_spatial::maths::pow(10.0, -6.0 * c(2));
                let at = corner((c(0) - 0.5) * spread, (c(1) - 0.5) * spread, 1.0);
                // What is written may bend by as much, what is read again.
                if polygon.border_distance_to(at) > 2e-6 {
                    let is_in = back.iter().any(|polygon| polygon.contains(at));
                    assert_eq!(is_in, polygon.contains(at), "{off} {at:?}");
                }
            }
        }
    }
}

#[test]
fn a_ring_that_crosses_itself_is_named_by_place() {
    let error = area("[[[0,0],[5,5],[5,0],[0,4],[0,0]]]").unwrap_err();
    assert!(
        error.contains("geometry.coordinates: the line after vertex"),
        "{error}"
    );
    assert!(error.contains("this one is at ["), "{error}");
    let error = area("[[[0,0],[5,0],[5,5],[0,0]],[[7,7],[8,7],[8,8],[7,7]]]").unwrap_err();
    assert!(error.contains("ring 1, a hole, is outside"), "{error}");
}

#[test]
fn what_is_written_keeps_the_rules() {
    let text = FeatureCollection::read(&moon_file(), "moon")
        .unwrap()
        .write()
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["type"], "FeatureCollection");
    let mut rings = 0;
    for feature in json["features"].as_array().unwrap() {
        assert_eq!(feature["type"], "Feature");
        let coordinates = &feature["geometry"]["coordinates"];
        let polygons = match feature["geometry"]["type"].as_str().unwrap() {
            "Polygon" => vec![coordinates.clone()],
            "MultiPolygon" => coordinates.as_array().unwrap().clone(),
            other => {
                assert_eq!(other, "Point");
                continue;
            }
        };
        for polygon in polygons {
            for (n, ring) in polygon.as_array().unwrap().iter().enumerate() {
                let ring: Vec<[f64; 2]> = serde_json::from_value(ring.clone()).unwrap();
                assert!(ring.len() >= 4 && ring.first() == ring.last());
                let doubled: f64 = ring
                    .windows(2)
                    .map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1])
                    .sum();
                assert_eq!(doubled > 0.0, n == 0, "right-hand rule");
                for pair in ring.windows(2) {
                    let pole = pair[0][1].abs() == 90.0;
                    assert!(pole || (pair[0][0] - pair[1][0]).abs() <= 180.0, "cut");
                }
                rings += 1;
            }
        }
    }
    assert!(rings >= 5);
}

#[test]
fn an_altitude_that_is_no_number_is_not_written() {
    let mut collection = read(&feature(
        "{\"type\": \"Point\", \"coordinates\": [1, 2, 3]}",
    ))
    .unwrap();
    collection.features[0].geometry = Geometry::Point {
        at: LatLng::degrees(2.0, 1.0),
        altitude_m: Some(f64::NAN),
    };
    let error = collection.write().unwrap_err().to_string();
    assert!(
        error.contains("features[0] \"f7\": geometry.coordinates: NaN"),
        "{error}"
    );
}

/// A bare planet with a features file, or why there is none.
fn planet(features: &str) -> Result<Planet, String> {
    let dir = tempfile::TempDir::new().unwrap();
    fs::create_dir(dir.path().join("planets")).unwrap();
    let descriptor =
        "(radius_m: 1000.0, gravity_mps2: 9.81, frame_level: 2, features: \"f.geojson\")";
    fs::write(dir.path().join("planets/test.ron"), descriptor).unwrap();
    fs::write(dir.path().join("f.geojson"), features).unwrap();
    Planet::load(dir.path(), "test").map_err(|e| e.to_string())
}

#[test]
fn a_planet_refuses_what_cannot_stand_on_it() {
    let with = |geometry: &str, properties: &str| {
        let text = format!(
            "{{\"type\": \"Feature\", \"id\": \"f7\", \"properties\": {{{properties}}}, \"geometry\": {geometry}}}"
        );
        planet(&collection(&text)).unwrap_err()
    };
    let point = "{\"type\": \"Point\", \"coordinates\": [1, 2]}";
    let high = "{\"type\": \"Point\", \"coordinates\": [1, 2, -501]}";
    let line = "{\"type\": \"LineString\", \"coordinates\": [[1, 2], [2, 3]]}";
    let area = "{\"type\": \"Polygon\", \"coordinates\": [[[0,0],[1,0],[1,1],[0,0]]]}";
    for (geometry, properties, says) in [
        (
            point,
            "\"height_m\": 3",
            "properties.radius_m: is missing; write a number of metres, 0.25 ..= 10",
        ),
        (point, "\"radius_m\": 1", "properties.height_m: is missing"),
        (
            point,
            "\"radius_m\": \"1\", \"height_m\": 3",
            "properties.radius_m: is a text",
        ),
        (
            point,
            "\"radius_m\": 1, \"height_m\": -3",
            "properties.height_m: is -3",
        ),
        (
            point,
            "\"radius_m\": 1, \"height_m\": 3, \"name\": 5",
            "properties.name: is a number",
        ),
        (
            high,
            "\"radius_m\": 1, \"height_m\": 3",
            "altitude -501 is beyond ±500 m",
        ),
        (line, "", "geometry.type: a planet has points and areas"),
        (area, "", "properties.name: is missing"),
    ] {
        let error = with(geometry, properties);
        assert!(
            error.contains("f.geojson features[0] \"f7\"") && error.contains(says),
            "{error}"
        );
    }
    assert!(planet("{").unwrap_err().contains("f.geojson"));
}

#[test]
fn things_placed_by_hand_stand_where_the_file_says() {
    let text = collection(
        "{\"type\": \"Feature\", \"properties\": {\"radius_m\": 1, \"height_m\": 3, \"name\": \"Mast\"},
          \"geometry\": {\"type\": \"Point\", \"coordinates\": [90, 0, 25]}},
         {\"type\": \"Feature\", \"properties\": {\"radius_m\": 2, \"height_m\": 5},
          \"geometry\": {\"type\": \"Point\", \"coordinates\": [0, 90]}}",
    );
    let planet = planet(&text).unwrap();
    let obstacles = planet.obstacles().as_slice();
    assert!(obstacles[0].base.distance(DVec3::Y * 1_025.0) < 1e-9);
    assert!(obstacles[1].base.distance(DVec3::Z * 1_000.0) < 1e-9);
    assert_eq!(planet.landmarks()[0].name, "Mast");
    assert_eq!(planet.landmarks()[1].obstacle_id, 1);
    // They stop what runs into them.
    let eye = |x: f64| DVec3::new(x, 1_026.5, 0.0);
    assert!(!planet.line_of_sight(eye(-5.0), eye(5.0)));
    let hit_m = planet.obstacles().along(eye(-5.0), eye(5.0))[0].distance_m;
    assert!((hit_m - 4.0).abs() < 1e-9, "{hit_m}");
}

#[test]
fn the_moon_has_areas_over_the_date_line_and_the_pole() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let moon = Planet::load(&assets, "moon").unwrap();
    let names = |lat: f64, lng: f64| -> Vec<String> {
        let areas = moon.areas_at(LatLng::degrees(lat, lng).to_dir() * 7.0);
        areas.map(|area| area.name().to_owned()).collect()
    };
    assert_eq!(names(0.02, 0.02), ["The Pads"]);
    assert!(names(0.0, 0.0).is_empty(), "a hole");
    assert!(names(0.04, 0.02).is_empty());
    for lng in [179.8, 179.999, -179.999, -179.9] {
        assert_eq!(names(-12.5, lng), ["Far Side Quarry"], "{lng}");
    }
    assert!(names(-12.5, 179.6).is_empty() && names(-12.5, -179.7).is_empty());
    for lng in [-179.9, -90.0, 0.0, 90.0, 179.9] {
        assert_eq!(names(88.0, lng), ["North Cold Trap"], "{lng}");
        assert!(names(85.5, lng).is_empty() && names(-88.0, lng).is_empty());
    }
    assert_eq!(names(90.0, 0.0), ["North Cold Trap"]);
    assert_eq!(moon.areas().len(), 3);
    let beacon = &moon.landmarks()[0];
    assert_eq!(
        (beacon.name.as_str(), beacon.obstacle_id),
        ("Approach Beacon", 1_200)
    );
    assert_eq!(moon.obstacles().as_slice()[1_200].height_m, 24.0);
    assert_eq!(
        moon.areas_at(DVec3::NAN).count() + moon.areas_at(DVec3::ZERO).count(),
        0
    );
}
