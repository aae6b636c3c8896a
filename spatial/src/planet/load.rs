//! From files to a planet: the only place in this crate that touches the disk.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use glam::DVec3;

use super::climate::ClimateModel;
use super::descriptor::{Descriptor, ObstacleSpec, Place};
use super::designed::Named;
use super::error::PlanetError;
use super::terrain::{Elevation, LandMask, Lattice, Octaves, Relief, Shape, Terrain};
use super::{Planet, east_north};
use crate::cells::Level;
use crate::features::{Designed, Obstacle, Obstacles};
use crate::geo::LatLng;
use crate::limits::{
    DESCRIPTOR_BYTES_MAX, PLANET_FILE_BYTES_MAX, RASTER_PIXELS_MAX, TERRAIN_TILES,
};
use crate::maths;
use crate::mix::{hash_bytes, mix64, unit};
use crate::settlements::{self, Settlement};

impl Planet {
    /// Loads `planets/<name>.ron` below `assets_dir` and the files it names (their paths are
    /// relative to `assets_dir`).
    ///
    /// # Errors
    /// [`PlanetError`], naming the file and what to do about it.
    pub fn load(assets_dir: &Path, name: &str) -> Result<Self, PlanetError> {
        let mut files = Files::of(assets_dir, name)?;
        let (path, bytes) = files.descriptor(name)?;
        Self::assemble(files, name, &path, &bytes)
    }

    /// Loads a descriptor that may lie anywhere; its name is the file's without the extension, and
    /// the files it names are below `assets_dir`. From `<assets_dir>/planets/` this is the planet
    /// that [`Planet::load`] gives.
    ///
    /// # Errors
    /// [`PlanetError`], naming the file and what to do about it.
    pub fn load_file(descriptor: &Path, assets_dir: &Path) -> Result<Self, PlanetError> {
        let name = descriptor
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let mut files = Files::of(assets_dir, &name)?;
        let bytes = files.read_descriptor(descriptor)?;
        Self::assemble(files, &name, descriptor, &bytes)
    }

    /// From the descriptor's bytes and the files it names.
    fn assemble(
        mut files: Files<'_>,
        name: &str,
        path: &Path,
        bytes: &[u8],
    ) -> Result<Self, PlanetError> {
        let descriptor = Descriptor::parse(path, bytes)?;

        let elevation = match &descriptor.elevation {
            None => None,
            Some(wanted) => {
                let (path, bytes) = files.read(&wanted.file)?;
                let grey = Grey::decode(&path, &bytes, png::BitDepth::Eight)?;
                Some(Elevation::new(
                    grey.width,
                    grey.rows,
                    wanted.metres_per_grey,
                ))
            }
        };
        let land_mask = match &descriptor.land_mask {
            None => None,
            Some(file) => {
                let (path, bytes) = files.read(file)?;
                let grey = Grey::decode(&path, &bytes, png::BitDepth::One)?;
                Some(LandMask::new(grey.width, grey.height, grey.rows))
            }
        };
        let mut settlements = match &descriptor.settlements {
            None => Vec::new(),
            Some(file) => {
                let (path, bytes) = files.read(file)?;
                settlements::parse(&path, &bytes)?
            }
        };
        let places = places(path, &descriptor.places)?;
        settlements.extend(places.iter().cloned());
        let designed = match &descriptor.features {
            None => Designed::default(),
            Some(file) => {
                let (path, bytes) = files.read(file)?;
                Designed::read(&bytes, &path.display().to_string(), descriptor.radius_m)?
            }
        };
        settlements.sort_by_key(|s| (std::cmp::Reverse(s.population), s.geoname_id));

        let terrain = terrain(&descriptor, elevation, land_mask);
        let mut planet = Self {
            name: name.to_owned(),
            radius_m: descriptor.radius_m,
            gravity_mps2: descriptor.gravity_mps2,
            frame_level: Level::new(descriptor.frame_level)
                .expect("the descriptor was checked, and 0 to 30 are levels"),
            content_hash: files.hash,
            terrain,
            obstacles: Obstacles::new(Vec::new(), descriptor.radius_m),
            settlements: settlements::tree(settlements, descriptor.radius_m),
            climate: descriptor.climate.map(ClimateModel::new),
            named: Named::default(),
        };
        planet.check_on_land(path, &places)?;
        if let Some(spec) = &descriptor.obstacles {
            planet.obstacles = Obstacles::new(scatter(&planet, spec), planet.radius_m);
        }
        planet.place(designed);
        Ok(planet)
    }

    /// A place in the open sea is a slip of the designer's: nobody could stand there.
    fn check_on_land(&self, file: &Path, places: &[Settlement]) -> Result<(), PlanetError> {
        for (n, place) in places.iter().enumerate() {
            if self.find_dry_ground(place.at.to_dir()).is_none() {
                let problem = format!(
                    "entry {} ({}): there is no land within 20 km of it; move it, or change the \
                     ground (without the entry, `bluemarble planet map` shows where land is)",
                    n + 1,
                    place.name
                );
                return Err(PlanetError::Value {
                    file: file.into(),
                    field: "places".to_owned(),
                    problem,
                });
            }
        }
        Ok(())
    }
}

fn terrain(
    descriptor: &Descriptor,
    elevation: Option<Elevation>,
    land_mask: Option<LandMask>,
) -> Terrain {
    let (radius_m, spec) = (descriptor.radius_m, &descriptor.terrain);
    // A land mask has its shore at 0.
    let sea_level_m = match land_mask {
        Some(_) => Some(0.0),
        None => descriptor.sea_level_m,
    };
    let spacing_m = Lattice::for_radius(radius_m).spacing_m(radius_m);
    let detail = spec.detail.as_ref().map(|detail| {
        Octaves::new(
            Shape::Fractal,
            detail.wavelength_m,
            detail.octaves,
            detail.gain,
            detail.lacunarity,
            mix64(spec.seed ^ 0x6465_7461_696c),
        )
    });
    let relief = Relief::new(
        spec,
        radius_m,
        sea_level_m.unwrap_or(0.0),
        spacing_m,
        elevation,
        land_mask,
    );
    Terrain::new(radius_m, relief, detail, sea_level_m, TERRAIN_TILES)
}

/// Reads files and hashes every byte read, in order.
struct Files<'a> {
    assets_dir: &'a Path,
    hash: u64,
}

impl<'a> Files<'a> {
    /// A name becomes part of a path, so only harmless ones are taken.
    fn of(assets_dir: &'a Path, name: &str) -> Result<Self, PlanetError> {
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(harmless) {
            return Err(PlanetError::BadName {
                name: name.chars().take(64).collect(),
            });
        }
        Ok(Self {
            assets_dir,
            hash: hash_bytes(0, b"planet"),
        })
    }

    fn descriptor(&mut self, name: &str) -> Result<(PathBuf, Vec<u8>), PlanetError> {
        let folder = self.assets_dir.join("planets");
        let file = format!("planets/{name}.ron");
        if !self.assets_dir.join(&file).is_file() {
            let hint = hint(&folder);
            return Err(PlanetError::Unknown {
                name: name.to_owned(),
                folder,
                hint,
            });
        }
        let path = self.assets_dir.join(&file);
        let bytes = self.read_descriptor(&path)?;
        Ok((path, bytes))
    }

    fn read_descriptor(&mut self, path: &Path) -> Result<Vec<u8>, PlanetError> {
        let bytes = self.read_path(path)?;
        if bytes.len() > DESCRIPTOR_BYTES_MAX {
            return Err(PlanetError::TooLarge {
                file: path.into(),
                limit: DESCRIPTOR_BYTES_MAX as u64,
            });
        }
        Ok(bytes)
    }

    fn read(&mut self, file: &str) -> Result<(PathBuf, Vec<u8>), PlanetError> {
        let path = self.assets_dir.join(file);
        let bytes = self.read_path(&path)?;
        Ok((path, bytes))
    }

    fn read_path(&mut self, path: &Path) -> Result<Vec<u8>, PlanetError> {
        let mut bytes = Vec::new();
        let read = fs::File::open(path)
            .and_then(|open| open.take(PLANET_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        if let Err(source) = read {
            return Err(PlanetError::Read {
                file: path.into(),
                source,
            });
        }
        if bytes.len() as u64 > PLANET_FILE_BYTES_MAX {
            return Err(PlanetError::TooLarge {
                file: path.into(),
                limit: PLANET_FILE_BYTES_MAX,
            });
        }
        self.hash = hash_bytes(self.hash, &bytes);
        Ok(bytes)
    }
}

/// What a person who mistyped a planet's name wants to know.
fn hint(folder: &Path) -> String {
    let names = fs::read_dir(folder).map(|entries| {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let descriptors = paths.filter(|path| path.extension().is_some_and(|e| e == "ron"));
        let mut names: Vec<String> = descriptors
            .filter_map(|p| Some(p.file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names
    });
    match names {
        Ok(names) if !names.is_empty() => format!("there are {}", names.join(", ")),
        _ => "the folder has none, so the assets folder is probably a wrong one".to_owned(),
    }
}

/// A grey equirectangular PNG, undone.
struct Grey {
    width: usize,
    height: usize,
    /// North first; below 8 bits packed, highest bit first.
    rows: Vec<u8>,
}

impl Grey {
    fn decode(file: &Path, bytes: &[u8], depth: png::BitDepth) -> Result<Self, PlanetError> {
        let damaged = |source| PlanetError::Png {
            file: file.into(),
            source: Box::new(source),
        };
        let mut reader = png::Decoder::new(Cursor::new(bytes))
            .read_info()
            .map_err(damaged)?;
        let info = reader.info();
        let (width, height) = info.size();
        let is_grey = info.color_type == png::ColorType::Grayscale && info.bit_depth == depth;
        let fits = width == height.saturating_mul(2)
            && u64::from(width) * u64::from(height) <= RASTER_PIXELS_MAX;
        if !is_grey || !fits {
            return Err(PlanetError::Raster {
                file: file.into(),
                found: format!(
                    "{width} × {height} pixels of {:?} at {:?} bits",
                    info.color_type, info.bit_depth
                ),
                wanted: match depth {
                    png::BitDepth::One => "1-bit greyscale (white = land), twice as wide as high",
                    _ => "8-bit greyscale, twice as wide as high",
                },
            });
        }
        let size = reader.output_buffer_size().unwrap_or_default();
        let mut rows = vec![0; size];
        reader.next_frame(&mut rows).map_err(damaged)?;
        reader.finish().map_err(damaged)?;
        Ok(Self {
            width: width as usize,
            height: height as usize,
            rows,
        })
    }
}

/// The settlements that the descriptor itself lists.
fn places(file: &Path, places: &[Place]) -> Result<Vec<Settlement>, PlanetError> {
    let settlement = |(n, place): (usize, &Place)| {
        let bad = |problem: String| PlanetError::Value {
            file: file.into(),
            field: "places".to_owned(),
            problem: format!("entry {}: {problem}", n + 1),
        };
        let at = LatLng::new(place.lat_deg, place.lng_deg)
            .map_err(|problem| bad(problem.to_string()))?;
        let settlement = Settlement {
            geoname_id: n as u32 + 1,
            name: place.name.clone(),
            country: String::new(),
            at,
            population: place.population,
        };
        match settlements::problem(&settlement) {
            None => Ok(settlement),
            Some(problem) => Err(bad(problem)),
        }
    };
    places.iter().enumerate().map(settlement).collect()
}

/// Obstacles around the largest settlements: evenly spread over a ring, nowhere in the water. A
/// settlement's stay the same whatever happens to others.
fn scatter(planet: &Planet, spec: &ObstacleSpec) -> Vec<Obstacle> {
    let mut list = Vec::with_capacity(spec.settlements * spec.per_settlement);
    for settlement in planet.settlements().iter().take(spec.settlements) {
        let middle = planet.dry_ground_near(settlement.at.to_dir()).normalize();
        for n in 0..spec.per_settlement as u64 {
            let draw = |what: u64| {
                unit(mix64(
                    mix64(u64::from(settlement.geoname_id) << 32 | n) ^ what,
                ))
            };
            let dir = middle + ring_offset(middle, spec, draw(0), draw(1)) / planet.radius_m;
            let Some(base) = planet.dry_surface_at(dir.normalize()) else {
                continue;
            };
            let between = |(low, high): (f64, f64), share: f64| low + (high - low) * share;
            list.push(Obstacle {
                id: list.len() as u32,
                base,
                // Small ones are common, large ones are not.
                radius_m: between(spec.radius_m, draw(2) * draw(3)),
                height_m: between(spec.height_m, draw(4)),
            });
        }
    }
    list
}

/// A tangent vector in metres from the middle to an evenly drawn point of the ring.
fn ring_offset(middle: DVec3, spec: &ObstacleSpec, angle: f64, area: f64) -> DVec3 {
    // The clear area stays clear of the thickest cylinder's side too.
    let inner = spec.clear_radius_m + spec.radius_m.1;
    let outer = if spec.disc_radius_m > inner {
        spec.disc_radius_m
    } else {
        inner
    };
    let distance_m = (inner * inner + (outer * outer - inner * inner) * area).sqrt();
    let (east, north) = east_north(middle);
    let (sin, cos) = maths::sin_cos(core::f64::consts::TAU * angle);
    (east * cos + north * sin) * distance_m
}
