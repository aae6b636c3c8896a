//! What all bots of a run share: which phase it is in, when it began, where the square's middle
//! lies, and the counts they add to.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bluemarble_shared_protocol::EntityId;
use glam::DVec3;
use parking_lot::Mutex;

use crate::armies::Armies;
use crate::blows::Blows;
use crate::cli::LoadArgs;
use crate::judge::Desk;
use crate::moves::Moves;
use crate::timings::Timings;

/// What the bots are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Some are still joining; nothing counts.
    Joining = 0,
    /// Everything counts.
    Measuring = 1,
    /// Go home.
    Leaving = 2,
}

/// Shared by all bots.
#[derive(Debug)]
pub struct Run {
    phase: AtomicU8,
    began: Instant,
    /// Sum and number of the places where bots appeared.
    appeared: Mutex<(DVec3, u32)>,
    /// The last orders to strike.
    pub blows: Blows,
    /// The last moves.
    pub moves: Moves,
    /// What the bots time.
    pub timings: Timings,
    /// Where views go.
    pub desk: Desk,
    /// Views are taken at ticks divisible by this.
    pub truth_every: u64,
    /// Who fights for whom.
    pub armies: Armies,
    /// When the measurement began, microseconds; 0 before.
    measuring_us: AtomicU64,
    /// Everybody loses the connection so long after, seconds.
    pub all_drop_after_s: Option<u64>,
    /// One bot in [`DROPPER_ONE_IN`](crate::bot::DROPPER_ONE_IN) loses its connection so often, seconds.
    pub drop_every_s: Option<u64>,
    /// Bots that are in the world.
    pub inside: AtomicU64,
    /// Views there was no place for.
    pub dropped_views: AtomicU64,
}

impl Run {
    /// One of the bots is in the world now, as this avatar, and fights for that army.
    pub fn joined(&self, avatar: EntityId, army: Option<u8>) -> EntityId {
        self.blows.joined(avatar);
        self.moves.joined(avatar);
        if let Some(army) = army {
            self.armies.joined(avatar, army);
        }
        avatar
    }

    /// In the joining phase, of so many bots.
    #[must_use]
    pub fn new(bots: usize, desk: Desk, args: &LoadArgs) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Joining as u8),
            began: now(),
            appeared: Mutex::new((DVec3::ZERO, 0)),
            timings: Timings::of(bots),
            blows: Blows::default(),
            moves: Moves::of(bots),
            desk,
            armies: Armies::default(),
            measuring_us: AtomicU64::new(0),
            truth_every: args.truth_every,
            drop_every_s: args.drop_every,
            all_drop_after_s: args.all_drop_after,
            inside: AtomicU64::new(0),
            dropped_views: AtomicU64::new(0),
        }
    }

    /// What the bots are doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Joining,
            1 => Phase::Measuring,
            _ => Phase::Leaving,
        }
    }

    /// On to the next phase.
    pub fn set_phase(&self, phase: Phase) {
        if phase == Phase::Measuring {
            self.measuring_us.store(self.now_us(), Ordering::Relaxed);
        }
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// When everybody loses the connection, if that is known and asked for, microseconds.
    #[must_use]
    pub fn storm_at_us(&self) -> Option<u64> {
        let began_us = self.measuring_us.load(Ordering::Relaxed);
        let after_us = self.all_drop_after_s? * 1_000_000;
        (began_us > 0).then(|| began_us + after_us)
    }

    /// Bots in the world.
    #[must_use]
    pub fn inside(&self) -> u64 {
        self.inside.load(Ordering::Relaxed)
    }

    /// Since the run began, microseconds; never 0.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        let micros = now().duration_since(self.began).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX).max(1)
    }

    /// A bot appeared here: players appear around the middle of the square.
    pub fn appeared_at(&self, place: DVec3) {
        let mut appeared = self.appeared.lock();
        appeared.0 += place;
        appeared.1 += 1;
    }

    /// The square's middle, as far as the bots know; `None` before the first appeared.
    #[must_use]
    pub fn middle(&self) -> Option<DVec3> {
        let (sum, count) = *self.appeared.lock();
        (count > 0).then(|| sum / f64::from(count))
    }
}

/// The bench's clock.
#[expect(clippy::disallowed_methods, reason = "a load test measures time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall time, since 1970.
#[expect(clippy::disallowed_methods, reason = "tickets expire in wall time")]
pub fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
