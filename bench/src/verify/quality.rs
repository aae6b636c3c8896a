//! How good what is seen is, beside being right: how far from the truth, and how old, near and far.

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::WireEntity;
use bluemarble_shared_protocol::codec::quantise;
use bluemarble_spatial::{CellId, FrameAxes};
use glam::DVec3;
use hdrhistogram::Histogram;
use parking_lot::{Mutex, MutexGuard};

/// Errors beyond this count as this much, millimetres.
const ERROR_MM_MAX: u64 = 10_000_000;
/// Ages beyond this count as this much, ticks.
const AGE_MAX: u64 = 100_000;

/// Of everybody at some distance.
#[derive(Clone, Debug)]
pub struct Band {
    /// Between where somebody is and where they are seen, millimetres.
    pub error_mm: Histogram<u64>,
    /// Ticks since what is seen was so; 0 where it is so still.
    pub age_ticks: Histogram<u64>,
}

impl Band {
    fn new() -> Self {
        let empty = |highest| {
            Histogram::new_with_bounds(1, highest, 3).expect("1 < 2 * highest, 3 digits <= 5")
        };
        Self {
            error_mm: empty(ERROR_MM_MAX),
            age_ticks: empty(AGE_MAX),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.error_mm
            .add(&other.error_mm)
            .expect("all are made alike");
        self.age_ticks
            .add(&other.age_ticks)
            .expect("all are made alike");
    }
}

/// Both bands.
#[derive(Clone, Debug)]
pub struct Quality {
    /// Nearer than half of the radius.
    pub near: Band,
    /// Beyond.
    pub far: Band,
    /// Others that were within the radius and in view, summed over all views.
    pub within: u64,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            near: Band::new(),
            far: Band::new(),
            within: 0,
        }
    }
}

/// One look at somebody.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Between the two, metres.
    pub away_m: f64,
    /// Within which one sees, metres.
    pub radius_m: f64,
    /// Between where they are and where they are seen, metres.
    pub error_m: f64,
    /// Ticks since what is seen was so.
    pub age_ticks: u64,
}

impl Quality {
    pub(super) fn note(&mut self, look: Look) {
        self.within += u64::from(look.away_m <= look.radius_m);
        let band = if look.away_m * 2.0 <= look.radius_m {
            &mut self.near
        } else {
            &mut self.far
        };
        band.error_mm
            .saturating_record((look.error_m * 1_000.0).round() as u64);
        band.age_ticks.saturating_record(look.age_ticks);
    }

    /// Everybody, near and far.
    #[must_use]
    pub fn everybody(mut self) -> Band {
        self.near.merge(&self.far);
        self.near
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.near.merge(&other.near);
        self.far.merge(&other.far);
        self.within += other.within;
    }
}

/// How good what was seen of late is, for those who look on while it is compared.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<Quality>>);

impl Recent {
    /// What was noted since the last call.
    #[must_use]
    pub fn take(&self) -> Quality {
        std::mem::take(&mut *self.0.lock())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Quality> {
        self.0.lock()
    }
}

/// Where states are on the planet; the axes of the few frame cells met are kept.
#[derive(Clone, Debug)]
pub(super) struct Places {
    radius_m: f64,
    known: HashMap<u64, FrameAxes>,
}

impl Places {
    pub(super) fn new(radius_m: f64) -> Self {
        Self {
            radius_m,
            known: HashMap::new(),
        }
    }

    pub(super) fn of(&mut self, state: &WireEntity) -> DVec3 {
        let axes = self
            .known
            .entry(state.cell)
            .or_insert_with(|| FrameAxes::of(CellId(state.cell), self.radius_m));
        axes.to_planet(quantise::position_m(state.pos_cm))
    }
}
