//! A machine that fails when it is told to: its disk, its database, its power. For tests.
//!
//! Everything below one directory belongs to it: journals there are on a disk in memory, and what is
//! asked of the SQLite database there goes through `Machine::store_call`. Code under test opens
//! them by their ordinary paths and knows nothing of it.
//!
//! Every operation on disk and database is counted. At a chosen one the process *dies*: that operation
//! is done or not (a write: some bytes of it), its answer never comes, and no later one has any effect.
//! Then the process ends (what was written stays) or the power is cut (of what was not synced any
//! sectors stay, of files made and removed any names). What the database has committed stays: that is
//! its promise, which this does not test.
//!
//! Nothing here sleeps or asks a clock, so a run is repeated by its seed.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use bluemarble_shared_protocol::mix64;
use parking_lot::Mutex;

use crate::journal::Platter;
use crate::store::{StoreError, timed_out};

/// A machine; clones are the same one.
#[derive(Clone, Debug)]
pub struct Machine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: String,
    state: Mutex<State>,
    platter: Platter,
}

#[derive(Debug)]
struct State {
    dice: u64,
    ops: u64,
    dies_at: Option<u64>,
    dead: bool,
    disk: Option<DiskFault>,
    short_writes: Option<usize>,
    store: Option<StoreFault>,
}

/// What is wrong with the disk, from when it is said until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// Nothing more can be written.
    Full,
    /// Nothing more can be written, made or removed: no permission.
    Denied,
    /// Syncs fail.
    Unsynced,
    /// Reads fail.
    Unreadable,
    /// Everything fails.
    Broken,
}

/// What is wrong with the database, from when it is said until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Nobody listens.
    Gone,
    /// No connection is free.
    PoolExhausted,
    /// No answer in time, and nothing done.
    Silent,
    /// No answer in time, but done.
    SilentButDone,
    /// The connection breaks in the middle of the transaction.
    CutOff,
    /// The connection breaks behind the commit.
    AnswerLost,
    /// It is refused: no permission.
    Denied,
    /// Its disk is full.
    Full,
}

impl StoreFault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Gone,
        Self::PoolExhausted,
        Self::Silent,
        Self::SilentButDone,
        Self::CutOff,
        Self::AnswerLost,
        Self::Denied,
        Self::Full,
    ];

    fn is_done(self) -> bool {
        matches!(self, Self::SilentButDone | Self::AnswerLost)
    }

    fn error(self, place: &str) -> StoreError {
        let unavailable = |what: &str| StoreError::Unavailable {
            place: place.to_owned(),
            what: what.to_owned(),
        };
        match self {
            Self::Gone => unavailable("connection refused: is it running?"),
            Self::PoolExhausted => unavailable("no connection came free: is it running?"),
            Self::Silent | Self::SilentButDone => timed_out(place, Duration::from_secs(30)),
            Self::CutOff | Self::AnswerLost => unavailable("the connection broke"),
            Self::Full => unavailable("its disk is full"),
            Self::Denied => StoreError::Refused {
                place: place.to_owned(),
                what: "no permission".to_owned(),
            },
        }
    }
}

/// A lie that a disk tells, to see whether it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// That what it synced is on the disk.
    Synced,
    /// That the name of what it synced is, too.
    Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskOp {
    Read,
    Append,
    Sync,
    Remove,
}

/// What becomes of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate<F> {
    /// It is done.
    Done,
    /// It fails so.
    Fails(F),
    /// The process dies in it, after it was done or before.
    Dies { done: bool },
    /// The process is dead: nothing happens.
    Dead,
}

static MACHINES: Mutex<Vec<(String, Weak<Inner>)>> = Mutex::new(Vec::new());

impl Machine {
    /// The machine of everything whose path contains `place`, as long as it is held.
    #[must_use]
    pub fn at(place: &str, seed: u64) -> Self {
        let inner = Arc::new(Inner {
            place: place.to_owned(),
            state: Mutex::new(State {
                dice: seed,
                ops: 0,
                dies_at: None,
                dead: false,
                disk: None,
                short_writes: None,
                store: None,
            }),
            platter: Platter::default(),
        });
        let mut machines = MACHINES.lock();
        machines.retain(|(_, machine)| machine.strong_count() > 0);
        machines.push((place.to_owned(), Arc::downgrade(&inner)));
        Self(inner)
    }

    /// The machine on which `path` is, if it is on one.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let machines = MACHINES.lock();
        let mut here = machines
            .iter()
            .filter(|(place, _)| path.contains(place.as_str()));
        here.find_map(|(_, machine)| machine.upgrade()).map(Self)
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// Operations so far.
    #[must_use]
    pub fn ops(&self) -> u64 {
        self.0.state.lock().ops
    }

    /// The process dies in the operation so many from now, the next being 1; `None`: not so.
    pub fn die_in(&self, ops: Option<u64>) {
        let mut state = self.0.state.lock();
        state.dies_at = ops.map(|ops| state.ops + ops);
    }

    /// The process is dead: what it thinks it knows nobody will hear.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.state.lock().dead
    }

    /// From now on the disk fails so, or not any more.
    pub fn set_disk_fault(&self, fault: Option<DiskFault>) {
        self.0.state.lock().disk = fault;
    }

    /// From now on the disk takes at most so many bytes at once.
    pub fn set_short_writes(&self, bytes: Option<usize>) {
        self.0.state.lock().short_writes = bytes;
    }

    /// From now on the database fails so, or not any more.
    pub fn set_store_fault(&self, fault: Option<StoreFault>) {
        self.0.state.lock().store = fault;
    }

    /// From now on the disk tells this lie, or none.
    pub fn lie(&self, lie: Option<Lie>) {
        self.0.platter.tell(lie);
    }

    /// The process has ended and another begins, on a machine without faults; `cut`: the power was cut
    /// in between.
    pub fn restart(&self, cut: bool) {
        if cut {
            let seed = self.draw(usize::MAX) as u64;
            self.0.platter.cut_power(seed);
        }
        let mut state = self.0.state.lock();
        state.dead = false;
        state.dies_at = None;
        (state.disk, state.store, state.short_writes) = (None, None, None);
    }

    /// The disk is lost, with everything on it; the database is elsewhere.
    pub fn lose_disk(&self) {
        self.0.platter.lose();
    }

    /// Names and sizes of the journal's files, for whoever looks into a failure.
    #[must_use]
    pub fn files(&self) -> Vec<(String, usize)> {
        self.0.platter.files()
    }

    pub(crate) fn platter<T>(&self, look: impl FnOnce(&Platter) -> T) -> T {
        look(&self.0.platter)
    }

    pub(crate) fn append_max(&self) -> usize {
        self.0.state.lock().short_writes.unwrap_or(usize::MAX)
    }

    /// A number up to `most`.
    pub(crate) fn draw(&self, most: usize) -> usize {
        let mut state = self.0.state.lock();
        state.dice = mix64(state.dice);
        match most {
            usize::MAX => state.dice as usize,
            most => (state.dice >> 8) as usize % (most + 1),
        }
    }

    pub(crate) fn disk_op(&self, op: DiskOp) -> Fate<DiskFault> {
        let mut state = self.0.state.lock();
        if let Some(dies) = state.count() {
            return dies;
        }
        let writes = matches!(op, DiskOp::Append);
        match state.disk {
            Some(DiskFault::Full) if writes => Fate::Fails(DiskFault::Full),
            Some(DiskFault::Denied) if op != DiskOp::Read => Fate::Fails(DiskFault::Denied),
            Some(DiskFault::Unsynced) if op == DiskOp::Sync => Fate::Fails(DiskFault::Unsynced),
            Some(DiskFault::Unreadable) if op == DiskOp::Read => Fate::Fails(DiskFault::Unreadable),
            Some(DiskFault::Broken) => Fate::Fails(DiskFault::Broken),
            _ => Fate::Done,
        }
    }

    /// A step of what asks the database, between two statements that belong together.
    pub(crate) fn store_step(&self, place: &str) -> Result<(), StoreError> {
        let mut state = self.0.state.lock();
        match state.count::<StoreFault>() {
            Some(_) => Err(StoreFault::Gone.error(place)),
            None => state.store.map_or(Ok(()), |fault| Err(fault.error(place))),
        }
    }

    /// Runs `work`, all that one call asks of the database, as far as the machine lets it.
    pub(crate) async fn store_call<T>(
        &self,
        place: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fate = {
            let mut state = self.0.state.lock();
            let fails = state.store.map_or(Fate::Done, Fate::Fails);
            state.count().unwrap_or(fails)
        };
        match fate {
            Fate::Done => work.await,
            Fate::Fails(fault) if fault.is_done() => work.await.and(Err(fault.error(place))),
            Fate::Fails(fault) => {
                if fault == StoreFault::CutOff {
                    begin_and_drop(work).await;
                }
                Err(fault.error(place))
            }
            Fate::Dies { done: true } => work.await.and(Err(StoreFault::AnswerLost.error(place))),
            Fate::Dead => Err(StoreFault::Gone.error(place)),
            Fate::Dies { done: false } => {
                begin_and_drop(work).await;
                Err(StoreFault::CutOff.error(place))
            }
        }
    }
}

/// Lays the journal in `dir` out as ordinary files, if it is on a machine's disk: shipping and restoring read
/// and write those. What they write is taken over when the journal's folder is listed next.
pub fn lay_out(dir: &Path) {
    if let Some(machine) = Machine::of(&dir.to_string_lossy()) {
        machine.0.platter.lay_out(dir);
    }
}

impl State {
    /// Counts an operation; what becomes of it, if the process dies in it or is dead.
    fn count<F>(&mut self) -> Option<Fate<F>> {
        if self.dead {
            return Some(Fate::Dead);
        }
        self.ops += 1;
        if self.dies_at != Some(self.ops) {
            return None;
        }
        self.dead = true;
        self.dice = mix64(self.dice);
        let done = self.dice >> 60 & 1 == 1;
        Some(Fate::Dies { done })
    }
}

/// Asks once and never hears the answer: of a transaction nothing is committed.
async fn begin_and_drop<T>(work: impl Future<Output = T>) {
    let mut work = Box::pin(work);
    std::future::poll_fn(|context| {
        let _whatever = work.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}
