//! What the tick thread shows the rest of the program: a status copied once in a while, health
//! reasons, and the feeds of digests and truth. Readers copy and leave; nothing here is ever held
//! while the tick waits.

use std::collections::VecDeque;
use std::sync::Arc;

use bluemarble_shared_protocol::{Epoch, Tick, TruthFrame, WOUND_TICKS, WireFrame, Wound};
use parking_lot::Mutex;
use serde::Serialize;

use crate::balance::{OrderDesk, ZoneChanges};
use crate::deals::DealDesk;
use crate::feed::Feed;
use crate::health::Health;
use crate::limits::{DIGEST_LAG_MAX, STREAM_READERS_MAX, TRUTH_LAG_MAX};
use crate::overload::OverloadStatus;
use crate::tick_times::Percentiles;

/// Shared by the tick thread, the admin HTTP and the status line.
#[derive(Debug)]
pub struct Live {
    /// What does not change while the program runs.
    pub facts: Facts,
    /// What is wrong right now.
    pub health: Health,
    /// `(tick, digest)` of every tick.
    pub digests: Feed<(Tick, u64)>,
    /// The whole world, for verifiers.
    pub truth: Feed<TruthSample>,
    wounds: Mutex<WoundsOfLate>,
    /// The zones, and orders to change them.
    pub zones: Arc<OrderDesk>,
    /// Deals with the outside.
    pub deals: Arc<DealDesk>,
    status: Mutex<Option<Status>>,
    certificate: Mutex<Option<String>>,
}

/// What does not change while the program runs.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The world's name.
    pub world: String,
    /// What it began as.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// Ticks a second.
    pub tick_hz: u32,
    /// Which program this is.
    pub build: String,
    /// What it runs on.
    pub machine: String,
}

/// The world a moment ago.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Incarnation.
    pub epoch: u32,
    /// Newest finished tick.
    pub tick: u64,
    /// Its digest, 16 hexadecimal digits.
    pub digest: String,
    /// Newest tick whose inputs are on disk for sure, and in the database if `journal.durable` says so.
    pub durable_tick: u64,
    /// What this incarnation began from.
    pub recovered: Recovered,
    /// Sessions.
    pub players: u64,
    /// Entities, avatars included.
    pub entities: u64,
    /// Characters that are kept while they are not in the world.
    pub absent: u64,
    /// Zones.
    pub zones: u64,
    /// Entities that wait for their departure after zones have changed.
    pub strays: u64,
    /// The busiest zone's step over the mean zone's; 1 = even.
    pub imbalance: f64,
    /// How zones have changed.
    pub zone_changes: ZoneChanges,
    /// Step of a tick plus replication, since the start.
    pub tick_ms: Percentiles,
    /// The same, last second.
    pub tick_ms_last_second: Percentiles,
    /// Ticks given up since the start because the loop was too late.
    pub skipped_ticks: u64,
    /// Where the overload ladder stands.
    pub overload: OverloadStatus,
    /// Players who wait in line because of it.
    pub waiting: u64,
    /// Entities handed from zone to zone.
    pub handoffs: u64,
    /// Kills.
    pub kills: u64,
    /// Hits.
    pub hits: u64,
    /// UDP payload sent since the start.
    pub bytes_out: u64,
    /// The same, last second.
    pub bytes_out_per_s: u64,
    /// How far the disk is behind the world, milliseconds.
    pub journal_lag_ms: u64,
    /// The newest tick that the journal's copy in the database has; absent if it is not shipped.
    pub shipped_tick: Option<u64>,
    /// Tick of the newest stored checkpoint.
    pub checkpoint_tick: u64,
    /// Since the program began, seconds.
    pub uptime_s: f64,
}

/// What an incarnation of the world began from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recovered {
    /// Its first state's tick.
    pub tick: u64,
    /// That state's digest, 16 hexadecimal digits.
    pub digest: String,
    /// The incarnation that had stored it; 0 if the world was new.
    pub epoch: u32,
    /// How many ticks came from the journal.
    pub replayed_ticks: u64,
    /// The first tick of the last run that is lost: its log had broken and no checkpoint closed the
    /// hole.
    pub lost_from: Option<u64>,
    /// If the newest checkpoint is damaged: how the world was brought back all the same.
    pub stepped_back: Option<String>,
    /// If this disk lacked what the database has of the journal: what was restored.
    pub journal_restored: Option<String>,
    /// If the journal, or its copy in the database, is damaged: where, and what was done.
    pub journal_damage: Option<String>,
    /// If the last journaled tick panics: which, and what of its inputs was withheld.
    pub quarantined: Option<String>,
    /// Accounts of the ledger that did not hold what the world says, and were corrected.
    pub ledger_corrections: u64,
    /// The last ticks on the way there with their digests, oldest first: what an outside recorder
    /// compares its notes with.
    pub trail: Vec<(u64, String)>,
}

impl Recovered {
    /// What of the last run is missing or damaged, for people.
    pub fn loss(&self) -> Option<String> {
        let lost = self.lost_from.map(|tick| {
            format!("ticks from {tick} on are lost: the last run's log had broken there")
        });
        let told = [
            lost,
            self.stepped_back.clone(),
            self.journal_damage.clone(),
            self.quarantined.clone(),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// One tick of the whole world, not yet encoded: that is the reader's work.
#[derive(Clone, Debug)]
pub struct TruthSample {
    /// The tick.
    pub tick: Tick,
    /// The incarnation.
    pub epoch: Epoch,
    /// All zones.
    pub frames: Arc<[Arc<WireFrame>]>,
    /// The wounds of late.
    pub wounds: Vec<(Tick, Wound)>,
}

impl TruthSample {
    /// As streamed: length and body.
    pub fn encode(&self) -> Vec<u8> {
        let frames = self.frames.iter().map(AsRef::as_ref);
        TruthFrame::gather(self.tick, self.epoch, frames, self.wounds.clone()).to_frame()
    }
}

/// Everybody's wounds of the last [`WOUND_TICKS`], kept while anybody reads the truth.
#[derive(Debug, Default)]
struct WoundsOfLate(VecDeque<(Tick, Wound)>);

impl WoundsOfLate {
    fn note(&mut self, tick: Tick, frames: &[Arc<WireFrame>]) {
        let wounds = frames.iter().flat_map(|frame| &frame.wounds);
        let mut wounds: Vec<Wound> = wounds.copied().collect();
        wounds.sort_unstable_by_key(Wound::order);
        self.0.extend(wounds.into_iter().map(|wound| (tick, wound)));
        let is_old = |(of, _): &(Tick, Wound)| tick.since(*of) >= WOUND_TICKS;
        while self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
    }
}

impl Live {
    /// SHA-256 of the certificate that new connections get, in hexadecimal: what browsers pin.
    pub fn certificate(&self) -> Option<String> {
        self.certificate.lock().clone()
    }

    /// Says which certificate that is.
    pub fn show_certificate(&self, sha256_hex: String) {
        *self.certificate.lock() = Some(sha256_hex);
    }

    /// Before the world is there.
    pub fn new(facts: Facts) -> Self {
        Self {
            facts,
            health: Health::default(),
            digests: Feed::new(DIGEST_LAG_MAX, STREAM_READERS_MAX),
            truth: Feed::new(TRUTH_LAG_MAX, STREAM_READERS_MAX),
            wounds: Mutex::default(),
            zones: Arc::default(),
            deals: Arc::default(),
            status: Mutex::new(None),
            certificate: Mutex::new(None),
        }
    }

    /// Gives a finished tick to those who read the truth, if there are any.
    pub fn tell_truth(&self, tick: Tick, epoch: Epoch, frames: &[Arc<WireFrame>]) {
        let mut late = self.wounds.lock();
        if self.truth.readers() == 0 {
            late.0.clear();
            return;
        }
        late.note(tick, frames);
        if self.truth.is_wanted(tick) {
            let sample = TruthSample {
                tick,
                epoch,
                frames: Arc::from(frames),
                wounds: late.0.iter().copied().collect(),
            };
            drop(late);
            self.truth.publish(tick, &sample);
        }
    }

    /// Replaces the status.
    pub fn show(&self, status: Status) {
        *self.status.lock() = Some(status);
    }

    /// The newest status; `None` before the first tick.
    pub fn status(&self) -> Option<Status> {
        self.status.lock().clone()
    }
}

/// A digest as people and scripts compare it.
pub fn digest_hex(digest: u64) -> String {
    format!("{digest:016x}")
}
