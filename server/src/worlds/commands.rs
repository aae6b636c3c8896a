//! What an operator can do with worlds. Each command waits for its outcome, a bounded time; what it
//! began goes on in any case, and the list shows how.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bluemarble_persistence::Store;
use bluemarble_sim::Scenario;
use serde::{Deserialize, Serialize};

use super::record::{WorldRecord, is_name};
use super::residents::WorldName;
use super::{Known, State, Worlds};
use crate::balance::OrderDesk;
use crate::config::{TICK_HZ, ZONES};
use crate::exit::chain;
use crate::limits::{INSTANCE_NAME_BYTES_MAX, WORLD_COMMAND_WAIT, WORLDS_AWAKE_MAX, WORLDS_MAX};
use crate::live::Status;
use crate::{serve, start};

/// Hibernation unless told otherwise, seconds: longer than a player needs to come back from a lost
/// connection.
const HIBERNATE_S_DEFAULT: u64 = 60;

/// A world to be created.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWorld {
    /// Its name.
    pub name: String,
    /// File name of the scenario, without `.ron`; it names the planet, too.
    pub scenario: String,
    /// Seed of every draw; absent = 1.
    pub seed: Option<u64>,
    /// Ticks a second; absent = as the main world.
    pub tick_hz: Option<u32>,
    /// Zones; absent = as the scenario says.
    pub zones: Option<usize>,
    /// Seconds without anybody after which it hibernates, 0 = never; absent = 60.
    pub hibernate_s: Option<u64>,
}

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldsError {
    /// No world of that name.
    #[error("there is no world '{0}'")]
    NoSuchWorld(String),
    /// There is one already.
    #[error("there is a world '{0}' already")]
    Exists(String),
    /// The main world is not created, dropped, woken or put to sleep.
    #[error("'{0}' is the main world, which lives as long as the server")]
    IsMain(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Bad(String),
    /// One world more than there may be.
    #[error("there are {WORLDS_MAX} worlds already")]
    TooMany,
    /// One world more than may be awake.
    #[error("{WORLDS_AWAKE_MAX} worlds are awake already")]
    TooManyAwake,
    /// It has no zones now.
    #[error("the world '{0}' is {1}")]
    NotAwake(String, &'static str),
    /// Somebody is there.
    #[error("somebody is in the world '{0}'")]
    NotDeserted(String),
    /// The character is in no world.
    #[error("nobody plays '{0}' here")]
    NotHere(String),
    /// The character is between two worlds already.
    #[error("'{0}' is on the way already")]
    OnTheWay(String),
    /// It takes longer than a request waits.
    #[error("the world '{0}' is still {1}")]
    StillBusy(String, &'static str),
    /// The world does not run.
    #[error("the world '{0}' has failed: {1}")]
    Failed(String, String),
    /// The disk or the database.
    #[error("{0}")]
    Disk(String),
    /// The server is not there yet.
    #[error("the server is starting")]
    Starting,
    /// The server is about to end.
    #[error("the server is stopping")]
    Stopping,
}

/// A world as the list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct WorldRow {
    /// Its name.
    pub name: String,
    /// Whether it is the one the server was started for.
    pub main: bool,
    /// `awake`, `asleep`, `starting`, `ending` or `failed`.
    pub state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it is played from.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Seconds without anybody after which it hibernates.
    pub hibernate_s: Option<u64>,
    /// What it showed last in this run of the server.
    pub status: Option<Status>,
}

impl Worlds {
    /// All worlds, the main one first, without their replay trails.
    pub fn list(&self) -> Vec<WorldRow> {
        let book = self.0.book.lock();
        let others = book.worlds.values().map(Known::row);
        let mut rows: Vec<WorldRow> = std::iter::once(self.main_row()).chain(others).collect();
        for status in rows.iter_mut().filter_map(|row| row.status.as_mut()) {
            status.recovered.trail.clear();
        }
        rows
    }

    /// One world.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn row(&self, name: &str) -> Result<WorldRow, WorldsError> {
        if name == &*self.0.main {
            return Ok(self.main_row());
        }
        let book = self.0.book.lock();
        let known = book.worlds.get(name);
        known
            .map(Known::row)
            .ok_or_else(|| WorldsError::NoSuchWorld(name.to_owned()))
    }

    /// Where a world's zones are shown and orders for them handed in.
    ///
    /// # Errors
    /// There is none of that name, or it does not tick.
    pub fn zones(&self, name: &str) -> Result<Arc<OrderDesk>, WorldsError> {
        if name == &*self.0.main {
            return Ok(Arc::clone(&self.0.main_live.zones));
        }
        let book = self.0.book.lock();
        match book.worlds.get(name).map(|known| &known.state) {
            Some(State::Awake(awake)) => Ok(Arc::clone(&awake.live.zones)),
            Some(state) => Err(WorldsError::NotAwake(name.to_owned(), state.name())),
            None => Err(WorldsError::NoSuchWorld(name.to_owned())),
        }
    }

    /// Creates a world and wakes it for the first time.
    ///
    /// # Errors
    /// See [`WorldsError`]. A world that cannot be started is not created.
    pub fn create(&self, new: &NewWorld) -> Result<WorldRow, WorldsError> {
        let record = self.checked(new)?;
        let name = WorldName::from(record.name.as_str());
        {
            let mut book = self.0.book.lock();
            if book.worlds.contains_key(&name) {
                return Err(WorldsError::Exists(record.name));
            }
            if book.remains.contains(&name) {
                return Err(WorldsError::StillBusy(record.name, "being dropped"));
            }
            if book.worlds.len() >= WORLDS_MAX {
                return Err(WorldsError::TooMany);
            }
            self.0.records.save(&record).map_err(|error| {
                WorldsError::Disk(format!("cannot write the world's record: {error}"))
            })?;
            let known = Known::asleep(record.clone());
            book.worlds.insert(WorldName::clone(&name), known);
            if let Err(error) = self.wake_in(&mut book, &name) {
                // Before anybody else may have the name.
                self.sweep(&record);
                book.worlds.remove(&name);
                return Err(error);
            }
        }
        tracing::warn!(world = record.name, scenario = record.scenario, "created");
        let outcome = self.started(&name);
        if let Err(WorldsError::Failed(..)) = outcome {
            self.drop_world(&name)?;
        }
        outcome
    }

    /// Wakes a world that sleeps or has failed.
    ///
    /// # Errors
    /// See [`WorldsError`].
    pub fn wake(&self, name: &str) -> Result<WorldRow, WorldsError> {
        self.not_main(name)?;
        {
            let mut book = self.0.book.lock();
            // A drop that was given up is forgotten.
            if let Some(known) = book.worlds.get_mut(name) {
                (known.dropping, known.shut) = (false, false);
            }
            self.wake_in(&mut book, name)?;
        }
        self.started(name)
    }

    /// Puts a world to sleep at once, if nobody is there.
    ///
    /// # Errors
    /// See [`WorldsError`].
    pub fn put_to_sleep(&self, name: &str) -> Result<WorldRow, WorldsError> {
        self.not_main(name)?;
        let mut wanted = false;
        self.settled(name, |known| match &known.state {
            State::Awake(awake) => {
                let somebody = awake.live.status().is_some_and(|status| status.players > 0);
                if somebody {
                    return Some(Err(WorldsError::NotDeserted(name.to_owned())));
                }
                awake.sleep_now.store(true, Ordering::Release);
                wanted = true;
                None
            }
            State::Starting | State::Ending => None,
            State::Asleep => Some(Ok(known.row())),
            State::Failed(why) => Some(Err(WorldsError::Failed(name.to_owned(), why.clone()))),
        })
    }

    /// Ends a world for good: its checkpoints, its journal and its name are gone afterwards. Whoever
    /// is in it travels to the main world first; whoever is on the way to it arrives first.
    ///
    /// # Errors
    /// See [`WorldsError`].
    pub fn drop_world(&self, name: &str) -> Result<(), WorldsError> {
        self.not_main(name)?;
        self.empty(name)?;
        let record = self.settled(name, |known| {
            known.stop.make();
            (!known.state.has_thread()).then(|| Ok(known.record.clone()))
        })?;
        {
            let mut book = self.0.book.lock();
            // Between the two looks somebody may have come.
            match book.worlds.get(name) {
                None => return Err(WorldsError::NoSuchWorld(name.to_owned())),
                Some(known) if known.state.has_thread() => {
                    return Err(WorldsError::StillBusy(name.to_owned(), known.state.name()));
                }
                Some(known) if !known.shut => {
                    let why = "wanted: it was woken meanwhile";
                    return Err(WorldsError::StillBusy(name.to_owned(), why));
                }
                Some(_) => {}
            }
            self.0.records.mark_dropped(name).map_err(|error| {
                WorldsError::Disk(format!("cannot drop the world's record: {error}"))
            })?;
            book.worlds.remove(name);
            book.remains.insert(name.into());
            book.residents.forget_world(&name.into());
            self.look_after(&book);
        }
        tracing::warn!(world = name, "dropped");
        self.finish_drop(&record);
        Ok(())
    }

    /// Deletes what is left of a dropped world. What fails is tried again at the next start, and
    /// until then nobody gets the name.
    pub(super) fn finish_drop(&self, record: &WorldRecord) {
        let name = WorldName::from(record.name.as_str());
        self.0.book.lock().remains.insert(WorldName::clone(&name));
        if self.is_removed(record) {
            self.0.book.lock().remains.remove(&name);
        }
    }

    fn is_removed(&self, record: &WorldRecord) -> bool {
        let context = &self.0.context;
        let url = context.config.store.database_url.clone();
        let url = url.unwrap_or_else(|| context.data.sqlite_url());
        let removed = serve::runtime("store", 1).and_then(|runtime| {
            runtime
                .block_on(async {
                    let store = Store::open(&url).await?;
                    store.remove_world(&record.store_name()).await?;
                    store.close().await;
                    Ok(())
                })
                .map_err(start::store_failure)
        });
        match removed {
            Ok(()) => self.sweep(record),
            Err(failure) => {
                tracing::error!("the world '{}': {failure}", record.name);
                false
            }
        }
    }

    fn sweep(&self, record: &WorldRecord) -> bool {
        let swept = self.0.records.sweep(&record.name);
        if let Err(error) = &swept {
            tracing::error!("cannot remove the world '{}': {error}", record.name);
        }
        swept.is_ok()
    }

    fn checked(&self, new: &NewWorld) -> Result<WorldRecord, WorldsError> {
        let bad = |text: String| Err(WorldsError::Bad(text));
        self.not_main(&new.name)?;
        if !is_name(&new.name) {
            return bad(format!(
                "name must be 1 to {INSTANCE_NAME_BYTES_MAX} letters, digits, '-' or '_'"
            ));
        }
        if !is_name(&new.scenario) {
            return bad("scenario must be the name of a file in scenarios/, without .ron".into());
        }
        let context = &self.0.context;
        if let Err(error) = Scenario::find(&context.assets, &new.scenario) {
            return bad(chain(&error));
        }
        let tick_hz = new.tick_hz.unwrap_or(context.config.world.tick_hz);
        if !TICK_HZ.contains(&tick_hz) {
            let (least, most) = (TICK_HZ.start(), TICK_HZ.end());
            return bad(format!("tick_hz must be {least} to {most}"));
        }
        if new.zones.is_some_and(|zones| !ZONES.contains(&zones)) {
            let (least, most) = (ZONES.start(), ZONES.end());
            return bad(format!("zones must be {least} to {most}"));
        }
        let mut number = [0; 8];
        getrandom::fill(&mut number)
            .map_err(|error| WorldsError::Disk(format!("no randomness: {error}")))?;
        let hibernate_s = new.hibernate_s.unwrap_or(HIBERNATE_S_DEFAULT);
        Ok(WorldRecord {
            name: new.name.clone(),
            number: u64::from_le_bytes(number),
            scenario: new.scenario.clone(),
            seed: new.seed.unwrap_or(1),
            tick_hz,
            zones: new.zones,
            hibernate_s: (hibernate_s > 0).then_some(hibernate_s),
            asleep: false,
        })
    }

    fn not_main(&self, name: &str) -> Result<(), WorldsError> {
        if name == &*self.0.main {
            return Err(WorldsError::IsMain(name.to_owned()));
        }
        Ok(())
    }

    /// Waits until a world ticks, or cannot.
    fn started(&self, name: &str) -> Result<WorldRow, WorldsError> {
        self.settled(name, |known| match &known.state {
            State::Starting | State::Ending => None,
            State::Awake(_) | State::Asleep => Some(Ok(known.row())),
            State::Failed(why) => Some(Err(WorldsError::Failed(name.to_owned(), why.clone()))),
        })
    }

    /// Waits until `look` has an answer.
    fn settled<T>(
        &self,
        name: &str,
        mut look: impl FnMut(&Known) -> Option<Result<T, WorldsError>>,
    ) -> Result<T, WorldsError> {
        const LOOK_AGAIN: Duration = Duration::from_millis(200);
        let clock = self.0.context.clock;
        let deadline = clock.elapsed() + WORLD_COMMAND_WAIT;
        let mut book = self.0.book.lock();
        loop {
            let Some(known) = book.worlds.get(name) else {
                return Err(WorldsError::NoSuchWorld(name.to_owned()));
            };
            if let Some(answer) = look(known) {
                return answer;
            }
            if book.closing {
                return Err(WorldsError::Stopping);
            }
            if clock.elapsed() >= deadline {
                return Err(WorldsError::StillBusy(name.to_owned(), known.state.name()));
            }
            let _either_way = self.0.changed.wait_for(&mut book, LOOK_AGAIN);
        }
    }

    fn main_row(&self) -> WorldRow {
        let (world, live) = (&self.0.context.config.world, &self.0.main_live);
        WorldRow {
            name: world.name.clone(),
            main: true,
            state: "awake",
            why: None,
            scenario: world.scenario.clone(),
            seed: world.seed,
            tick_hz: world.tick_hz,
            hibernate_s: None,
            status: live.status(),
        }
    }
}

impl Known {
    fn row(&self) -> WorldRow {
        let record = &self.record;
        WorldRow {
            name: record.name.clone(),
            main: false,
            state: self.state.name(),
            why: match &self.state {
                State::Failed(why) => Some(why.clone()),
                _ => None,
            },
            scenario: record.scenario.clone(),
            seed: record.seed,
            tick_hz: record.tick_hz,
            hibernate_s: record.hibernate_s,
            status: self.live.as_ref().and_then(|live| live.status()),
        }
    }
}

impl State {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Asleep => "asleep",
            Self::Starting => "starting",
            Self::Awake(_) => "awake",
            Self::Ending => "ending",
            Self::Failed(_) => "failed",
        }
    }
}
