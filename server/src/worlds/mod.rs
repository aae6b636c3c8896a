//! Several worlds in one process. The main world is the one the server was started for; others
//! (dungeons, matches) are created and dropped by command, each with its own planet, scenario, seed,
//! clock, zones, journal and checkpoints. They share the clients' port, the store and the loaded
//! planets, nothing else: a world that fails takes no other with it.
//!
//! ```text
//!              create                   hello, command                 nobody there for a while
//!   (nothing) ───────► starting ─► awake ◄──────────── asleep ◄──────────────────── ending ◄─ awake
//!                          └─► failed (its thread ended; wake tries again)
//! ```
//!
//! - [`record`]: what is remembered of a world on disk
//! - [`residents`]: which world each character is in, at most one
//! - [`life`]: one life of a world, on a thread of its own
//! - [`place`]: what a world's loop tells the others and asks of them
//! - [`doors`]: which world a hello leads into
//! - [`travel`]: journeys from one world to another, each character in exactly one of them; [`pier`] is
//!   where a loop takes part, [`resolve`] what happens next, from the logs alone, and [`turn_back`] the
//!   way home from a journey to a world that has failed
//! - [`commands`]: create, wake, put to sleep, drop, list

mod commands;
mod doors;
mod life;
mod orders;
mod pier;
mod place;
mod planets;
mod record;
mod residents;
mod resolve;
mod travel;
mod turn_back;

pub use commands::{NewWorld, WorldsError};
pub use place::Place;
pub use planets::PlanetShelf;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use bluemarble_net::server::event::SessionEvent;
use bluemarble_net::server::quic::{QuicLimits, QuicServer};
use bluemarble_persistence::Spool;
use bluemarble_shared_protocol::{EntityId, SessionId};
use bluemarble_sim::{Gate, TravelKey};
use crossbeam_channel::{Receiver, Sender};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;

use self::life::Ended;
use self::pier::Pier;
use self::record::{Records, WorldRecord};
use self::residents::{Residents, WorldName};
use self::resolve::MAIN;
use self::turn_back::Failing;
use crate::bans::BanBook;
use crate::characters::Registry;
use crate::clock::Clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::health::Grade;
use crate::limits::WORLDS_AWAKE_MAX;
use crate::live::Live;
use crate::shutdown::StopRequest;

/// What every world of the process is made with.
pub struct Context {
    /// The server's settings; those of `[world]` are the main world's.
    pub config: Config,
    /// Planets, creatures, scenarios.
    pub assets: PathBuf,
    /// Files.
    pub data: DataDir,
    /// Time.
    pub clock: Clock,
    /// This program.
    pub build: String,
    /// Planets that are loaded already.
    pub planets: Arc<PlanetShelf>,
}

/// All worlds of the process; clones are the same.
#[derive(Clone)]
pub struct Worlds(Arc<Shared>);

struct Shared {
    context: Context,
    records: Records,
    main: WorldName,
    main_live: Arc<Live>,
    main_pier: Arc<Pier>,
    quic: OnceLock<QuicServer>,
    bans: BanBook,
    characters: Registry,
    book: Mutex<Book>,
    /// Notified whenever a world's state changes.
    changed: Condvar,
}

/// Who and what is where.
struct Book {
    main_events: Option<Sender<SessionEvent>>,
    worlds: BTreeMap<WorldName, Known>,
    residents: Residents,
    /// Worlds that were awake when the last run ended and are not back yet: until then nobody
    /// knows who is in them.
    missing: usize,
    /// Names of dropped worlds that are not all gone from disk and store: nobody else gets them.
    remains: BTreeSet<WorldName>,
    /// Journeys whose travellers go back to where they came from, and are let in nowhere else.
    returning: BTreeSet<TravelKey>,
    closing: bool,
}

/// A world beside the main one.
struct Known {
    record: WorldRecord,
    state: State,
    stop: StopRequest,
    thread: Option<JoinHandle<()>>,
    /// What its last life showed.
    live: Option<Arc<Live>>,
    /// It was awake at the end of the last run and has not been back since.
    missing: bool,
    /// It is being dropped: nobody sets out for it any more.
    dropping: bool,
    /// It takes part in no journey any more.
    shut: bool,
    /// How often it was woken.
    lives: u64,
    /// Since when it does not run because it failed.
    failing: Option<Failing>,
}

enum State {
    Asleep,
    Starting,
    Awake(Awake),
    /// Its loop has ended or is about to; nobody comes in.
    Ending,
    Failed(String),
}

/// How to reach a world that ticks.
struct Awake {
    events: Sender<SessionEvent>,
    live: Arc<Live>,
    sleep_now: Arc<AtomicBool>,
    pier: Arc<Pier>,
}

impl State {
    fn has_thread(&self) -> bool {
        matches!(self, Self::Starting | Self::Awake(_) | Self::Ending)
    }
}

impl Worlds {
    /// Reads which worlds there are; none of them is started yet. Finishes drops that were cut
    /// short, except for what lies in the store: the caller is told the names.
    ///
    /// # Errors
    /// The folder of the worlds cannot be read.
    pub fn open(context: Context, main_live: Arc<Live>, runtime: Handle) -> Result<Self, Failure> {
        let records = Records::at(context.data.worlds());
        let found = records.load().map_err(|error| {
            Failure::environment(format!("cannot read the worlds: {error}"))
                .advise("see worlds/ in the data directory")
        })?;
        let main = WorldName::from(context.config.world.name.as_str());
        let mut worlds = BTreeMap::new();
        for record in found.worlds {
            let name = WorldName::from(record.name.as_str());
            if name == main {
                return Err(Failure::request(format!(
                    "the data directory holds another world named '{main}'"
                ))
                .advise("name the main world otherwise, with --world"));
            }
            worlds.insert(name, Known::asleep(record));
        }
        let book = Book {
            main_events: None,
            worlds,
            residents: Residents::default(),
            missing: 0,
            remains: BTreeSet::new(),
            returning: BTreeSet::new(),
            closing: false,
        };
        let worlds = Self(Arc::new(Shared {
            bans: BanBook::open(context.data.bans())?,
            characters: Registry::new(
                context.clock,
                Arc::clone(&main_live),
                runtime,
                Spool::at(context.data.newcomers()),
            ),
            context,
            records,
            main,
            main_live,
            main_pier: Arc::new(Pier::new(MAIN)),
            quic: OnceLock::new(),
            book: Mutex::new(book),
            changed: Condvar::new(),
        }));
        for record in &found.dropped {
            worlds.finish_drop(record);
        }
        Ok(worlds)
    }

    /// Starts every world that was awake when the last run ended. Until they are back, characters
    /// that nobody knows wait at the door. To be called before the clients' port opens.
    pub fn expect_back(&self) {
        let mut book = self.0.book.lock();
        for known in book.worlds.values_mut() {
            known.missing = !known.record.asleep;
        }
        book.missing = book.worlds.values().filter(|known| known.missing).count();
    }

    /// Starts those that are expected.
    pub fn bring_back(&self) {
        let mut book = self.0.book.lock();
        let missing: Vec<WorldName> = book
            .worlds
            .iter()
            .filter(|(_, known)| known.missing)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for name in missing {
            if let Err(error) = self.wake_in(&mut book, &name) {
                tracing::error!("the world '{name}' is not woken: {error}");
                book.is_back(&name);
            }
        }
    }

    /// The main world's place, and where its session events arrive.
    pub fn main_place(&self) -> (Place, Receiver<SessionEvent>) {
        let (events, received) = crossbeam_channel::bounded(QuicLimits::default().events_max);
        self.0.book.lock().main_events = Some(events);
        (
            Place::of_main(
                self.clone(),
                Arc::clone(&self.0.main),
                Arc::clone(&self.0.main_pier),
            ),
            received,
        )
    }

    /// The server's files.
    pub fn data(&self) -> &DataDir {
        &self.0.context.data
    }

    /// Whom tickets name.
    pub fn characters(&self) -> &Registry {
        &self.0.characters
    }

    /// The clients' port, once it is open.
    pub fn set_quic(&self, quic: QuicServer) {
        let _only_once = self.0.quic.set(quic);
    }

    /// Ends them all and waits for that. They are awake again after the next start.
    pub fn stop_all(&self) {
        let threads: Vec<JoinHandle<()>> = {
            let mut book = self.0.book.lock();
            book.closing = true;
            book.worlds
                .values_mut()
                .filter_map(|known| {
                    known.stop.make();
                    known.thread.take()
                })
                .collect()
        };
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a world's thread had panicked");
            }
        }
    }
}

/// For [`life`].
impl Worlds {
    fn context(&self) -> &Context {
        &self.0.context
    }

    fn records(&self) -> &Records {
        &self.0.records
    }

    fn quic(&self) -> QuicServer {
        let quic = self.0.quic.get();
        quic.expect("no world is woken before the port is open")
            .for_another_world()
    }

    /// Writes a world's record, and only then knows it.
    fn remember(&self, record: &WorldRecord) -> Result<(), Failure> {
        self.0.records.save(record).map_err(|error| {
            Failure::environment(format!("cannot write the world's record: {error}"))
                .advise("check the data directory's disk and rights")
        })?;
        if let Some(known) = self.0.book.lock().worlds.get_mut(record.name.as_str()) {
            known.record = record.clone();
        }
        Ok(())
    }

    fn life_begun(&self, name: &str, awake: Awake) {
        let mut book = self.0.book.lock();
        if let Some(known) = book.worlds.get_mut(name) {
            known.live = Some(Arc::clone(&awake.live));
            known.state = State::Awake(awake);
        }
        book.is_back(name);
        self.look_after(&book);
    }

    /// Nobody is let in from here on.
    fn life_ending(&self, name: &str) {
        let mut book = self.0.book.lock();
        if let Some(known) = book.worlds.get_mut(name) {
            known.state = State::Ending;
        }
        self.look_after(&book);
    }

    fn life_ended(&self, name: &str, ended: Ended) {
        let state = match ended {
            Ended::Deserted => {
                let record = {
                    let book = self.0.book.lock();
                    book.worlds.get(name).map(|known| known.record.clone())
                };
                let saved = record.map(|record| {
                    self.remember(&WorldRecord {
                        asleep: true,
                        ..record
                    })
                });
                match saved {
                    Some(Err(failure)) => State::Failed(failure.to_string()),
                    _ => State::Asleep,
                }
            }
            Ended::Stopped => State::Asleep,
            Ended::Failed(why) => {
                tracing::error!("the world '{name}' has failed: {why}");
                State::Failed(why)
            }
        };
        let mut book = self.0.book.lock();
        // Whoever was in a world that failed is still there when it comes back.
        if !matches!(state, State::Failed(_)) {
            book.residents.forget_world(&name.into());
        }
        if let Some(known) = book.worlds.get_mut(name) {
            known.state = state;
            known.note_failure(self.0.context.clock.elapsed());
        }
        book.is_back(name);
        self.look_after(&book);
    }

    /// Tells whoever waits, and the main world's health.
    fn look_after(&self, book: &Book) {
        let failed: Vec<&str> = book
            .worlds
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Failed(_)))
            .map(|(name, _)| &**name)
            .collect();
        let text = (!failed.is_empty())
            .then(|| format!("failed: {}; see /v1/worlds for why", failed.join(", ")));
        self.0.main_live.health.set("worlds", Grade::Degraded, text);
        self.0.changed.notify_all();
    }

    /// Gives the world a thread, unless it has one.
    fn wake_in(&self, book: &mut Book, name: &str) -> Result<(), WorldsError> {
        if book.closing {
            return Err(WorldsError::Stopping);
        }
        if self.0.quic.get().is_none() {
            return Err(WorldsError::Starting);
        }
        let awake = book.worlds.values();
        let awake = awake.filter(|known| known.state.has_thread()).count();
        let Some(known) = book.worlds.get_mut(name) else {
            return Err(WorldsError::NoSuchWorld(name.to_owned()));
        };
        if known.state.has_thread() {
            return Ok(());
        }
        if awake >= WORLDS_AWAKE_MAX {
            return Err(WorldsError::TooManyAwake);
        }
        known.stop = StopRequest::default();
        let (worlds, record, stop) = (self.clone(), known.record.clone(), known.stop.clone());
        let thread = std::thread::Builder::new()
            .name(format!("world {name}"))
            .spawn(move || life::live(&worlds, &record, &stop))
            .map_err(|error| WorldsError::Disk(format!("cannot start a thread: {error}")))?;
        known.thread = Some(thread);
        known.state = State::Starting;
        (known.lives, known.failing) = (known.lives + 1, None);
        self.0.changed.notify_all();
        Ok(())
    }
}

/// For [`place`].
impl Worlds {
    fn adopt(&self, world: &WorldName, avatars: &[EntityId], gate: &Gate) -> Vec<EntityId> {
        let mut book = self.0.book.lock();
        let gone = gate.outbound.keys().map(|key| key.avatar);
        let known: BTreeSet<EntityId> = avatars.iter().copied().chain(gone).collect();
        book.residents.only_these(world, &known);
        let mut elsewhere = avatars.to_vec();
        elsewhere.retain(|avatar| !book.residents.adopt(*avatar, world, &gate.admitted));
        for key in gate.outbound.keys() {
            book.residents.adopt_traveller(*key, world);
        }
        elsewhere
    }

    /// These were to be let in by a world, which cannot: they go back to where they came from.
    fn turn_away(&self, keys: &[TravelKey]) {
        self.0.book.lock().returning.extend(keys);
    }

    /// Somebody has left a world by this journey.
    fn departed(&self, world: &WorldName, key: TravelKey) {
        self.0.book.lock().residents.departed(key, world);
    }

    /// These have appeared in a world.
    fn landed(&self, world: &WorldName, avatars: &[EntityId]) {
        let mut book = self.0.book.lock();
        for avatar in avatars {
            book.residents.landed(*avatar, world);
        }
    }

    /// Whoever should have left is still there, or was not there at all.
    fn stayed(&self, world: &WorldName, avatar: EntityId, present: bool) {
        let mut book = self.0.book.lock();
        book.residents.stayed(avatar, world, present);
        self.0.changed.notify_all();
    }

    fn left(&self, world: &WorldName, avatars: &[(EntityId, Option<SessionId>)]) {
        let mut book = self.0.book.lock();
        for (avatar, last) in avatars {
            book.residents.leave(*avatar, world, *last);
        }
    }

    /// Lets nobody in any more, unless somebody is in the queue.
    fn shut_door(&self, world: &WorldName, events: &Receiver<SessionEvent>) -> bool {
        let mut book = self.0.book.lock();
        if !events.is_empty() {
            return false;
        }
        if let Some(known) = book.worlds.get_mut(world) {
            known.state = State::Ending;
        }
        true
    }
}

impl Known {
    fn asleep(record: WorldRecord) -> Self {
        Self {
            record,
            state: State::Asleep,
            stop: StopRequest::default(),
            thread: None,
            live: None,
            missing: false,
            dropping: false,
            shut: false,
            lives: 0,
            failing: None,
        }
    }
}

impl Book {
    /// A world has come back, or will not.
    fn is_back(&mut self, name: &str) {
        if let Some(known) = self.worlds.get_mut(name)
            && std::mem::take(&mut known.missing)
        {
            self.missing -= 1;
        }
    }
}
