//! Planets that are loaded already: worlds on the same planet share one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use bluemarble_spatial::Planet;
use parking_lot::Mutex;

use crate::exit::{Failure, chain};

/// By name. A planet nobody uses any more is given back.
#[derive(Debug, Default)]
pub struct PlanetShelf(Mutex<BTreeMap<String, Weak<Planet>>>);

impl PlanetShelf {
    /// The planet, loaded if nobody has it.
    ///
    /// # Errors
    /// There is no such planet, or its files are damaged.
    pub fn load(&self, assets: &Path, name: &str) -> Result<Arc<Planet>, Failure> {
        let mut shelf = self.0.lock();
        if let Some(planet) = shelf.get(name).and_then(Weak::upgrade) {
            return Ok(planet);
        }
        let planet = Planet::load(assets, name).map_err(|error| {
            Failure::request(chain(&error)).advise("check the planet's files in the assets")
        })?;
        let planet = Arc::new(planet);
        shelf.retain(|_, planet| planet.strong_count() > 0);
        shelf.insert(name.to_owned(), Arc::downgrade(&planet));
        Ok(planet)
    }
}
