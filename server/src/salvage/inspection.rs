//! A world's remains, opened for reading only.

use std::path::PathBuf;

use bluemarble_persistence::{DataDirError, DataDirLock, Store};
use bluemarble_sim::{Scenario, WorldSpec};
use tokio::runtime::Runtime;

use crate::cli::{ConfigFlags, ServeArgs};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::exit::{Failure, chain};
use crate::journal_copy;
use crate::recovery::{Asker, Recovered, recover};
use crate::remains::{GiveUp, Remains, Site, Until};
use crate::start::{self, Ground, recovery_failure, store_failure};
use crate::stepper::Stepper;
use crate::steps::Steps;
use crate::worlds::PlanetShelf;
use crate::{machine, serve};

/// What a command has before it looks at any world.
pub struct Desk {
    /// Settings.
    pub config: Config,
    /// The directory.
    pub data: DataDir,
    /// This program.
    pub build: String,
    /// Time.
    pub clock: Clock,
    /// Where progress is told.
    pub steps: Steps,
    /// For asking databases.
    pub databases: Runtime,
}

impl Desk {
    /// Reads the settings.
    ///
    /// # Errors
    /// They are wrong.
    pub fn set(flags: &ConfigFlags) -> Result<Self, Failure> {
        let config = config::load(flags)
            .map_err(|error| Failure::request(chain(&error)).advise(error.advice()))?;
        let clock = Clock::start();
        Ok(Self {
            data: DataDir::at(&config.paths.data_dir),
            build: machine::build(),
            clock,
            steps: Steps::begin(clock),
            databases: serve::runtime("store", 1)?,
            config,
        })
    }

    /// Where the checkpoints are, and whether that is the embedded database.
    pub fn database_url(&self) -> (String, bool) {
        match &self.config.store.database_url {
            Some(url) => (url.clone(), false),
            None => (self.data.sqlite_url(), true),
        }
    }

    /// Scenario and planet.
    ///
    /// # Errors
    /// There are no such.
    pub fn spec(&self) -> Result<WorldSpec, Failure> {
        let (assets, scenario): (PathBuf, Scenario) = start::find_content(&self.config)?;
        let planets = PlanetShelf::default();
        let ground = Ground {
            config: &self.config,
            assets: &assets,
            data: &self.data,
            steps: &self.steps,
            clock: self.clock,
            build: &self.build,
            planets: &planets,
        };
        start::load_planet(&ground, scenario)
    }

    /// Keeps servers from starting here while it is held; where one runs already, says so.
    ///
    /// # Errors
    /// The directory cannot be read, or has no whole world.
    pub fn keep_servers_away(&self) -> Result<Option<DataDirLock>, Failure> {
        self.data.refuse_unfinished()?;
        match DataDirLock::share(self.data.root()) {
            Ok(lock) => Ok(lock),
            Err(DataDirError::InUse { holder, .. }) => {
                let who = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
                self.steps.say(format_args!(
                    "  a server uses this directory{who}: what follows is as if it were killed now"
                ));
                Ok(None)
            }
            Err(error) => Err(Failure::environment(chain(&error))),
        }
    }

    /// The store as it is; `None` if the embedded database has not been made yet.
    ///
    /// # Errors
    /// It cannot be reached or read.
    pub fn look_at_store(&self) -> Result<Option<Store>, Failure> {
        let (url, embedded) = self.database_url();
        if embedded && !self.data.root().join("world.sqlite").exists() {
            return Ok(None);
        }
        let store = self.steps.step("looking at the store", || {
            let store = self
                .databases
                .block_on(Store::look(&url))
                .map_err(store_failure)?;
            let store = store.keeping(self.config.store.retention);
            let told = format!("{}, schema version {}", store.place(), store.schema().0);
            Ok::<_, Failure>((store, told))
        })?;
        Ok(Some(store))
    }

    /// The same where there must be one.
    ///
    /// # Errors
    /// There is none.
    pub fn store_there(&self) -> Result<Store, Failure> {
        self.look_at_store()?.ok_or_else(|| {
            Failure::environment(format!(
                "there is no world in {}: it has no world.sqlite",
                self.data.root().display()
            ))
            .advise("name the data directory with --data-dir, or the database with --database-url")
        })
    }

    /// Looks for what to begin from, as a start would.
    ///
    /// # Errors
    /// As a start's.
    pub fn remains(&self, store: &Store, until: Until) -> Result<Remains, Failure> {
        let journal = self.data.journal();
        let site = Site {
            world: &self.config.world.name,
            journal: &journal,
            store,
            databases: &self.databases,
        };
        let (shipped, view) = journal_copy::look(&site, &self.steps)?;
        let seen = view.as_ref().map(|view| view.path().to_owned());
        let site = Site {
            journal: seen.as_deref().unwrap_or(site.journal),
            ..site
        };
        self.steps
            .step("reading the checkpoints and the journal", || {
                let mut remains = match until {
                    Until::Newest => site.read(&[], GiveUp::default())?.beside(shipped, false)?,
                    until => site.read_back(until)?.beside(shipped, true)?,
                };
                remains.view = view;
                let told = remains.told();
                Ok((remains, told))
            })
    }

    /// Brings the world back, in memory alone.
    ///
    /// # Errors
    /// As a start's; another build is let through where `any_build` says so.
    pub fn bring_back(
        &self,
        spec: &WorldSpec,
        remains: &Remains,
        any_build: bool,
    ) -> Result<Recovered, Failure> {
        let threads = self.config.world.threads;
        let threads = threads.unwrap_or_else(machine::hardware_threads);
        let stepper = Stepper::new(threads, &ServeArgs::default())?;
        let asker = Asker {
            spec,
            world: &self.config.world.name,
            build: &self.build,
            any_build,
        };
        let what = format!(
            "restoring the world and replaying {} ticks",
            remains.tail.records
        );
        self.steps.step(&what, || {
            let progress = |done, all| self.steps.progress(&what, done, all);
            let recovered = recover(&asker, remains, &stepper, progress)
                .map_err(|error| recovery_failure(&error))?;
            let world = &recovered.world;
            let told = format!("tick {}, {} entities", world.tick(), world.entities());
            Ok((recovered, told))
        })
    }
}
