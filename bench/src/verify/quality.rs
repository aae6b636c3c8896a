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

/// Bands of distance: quarters of the radius, the last of them with what is beyond.
pub const BANDS: usize = 4;

/// Of everybody at some distance.
#[derive(Clone, Debug)]
pub struct Band {
    /// Between where somebody is and where they are seen, millimetres.
    pub error_mm: Histogram<u64>,
    /// Ticks since what is seen was so; 0 where it is so still.
    pub age_ticks: Histogram<u64>,
    /// Others who were there for everybody to see.
    pub there: u64,
    /// Those of them who were not in view: not yet, or not any more, or wrongly not.
    pub missing: u64,
    /// Others in view who were nowhere: not gone from it yet, or never there.
    pub ghosts: u64,
}

impl Default for Band {
    fn default() -> Self {
        let empty = |highest| {
            Histogram::new_with_bounds(1, highest, 3).expect("1 < 2 * highest, 3 digits <= 5")
        };
        Self {
            error_mm: empty(ERROR_MM_MAX),
            age_ticks: empty(AGE_MAX),
            there: 0,
            missing: 0,
            ghosts: 0,
        }
    }
}

impl Band {
    fn merge(&mut self, other: &Self) {
        self.error_mm
            .add(&other.error_mm)
            .expect("all are made alike");
        self.age_ticks
            .add(&other.age_ticks)
            .expect("all are made alike");
        self.there += other.there;
        self.missing += other.missing;
        self.ghosts += other.ghosts;
    }
}

/// All bands.
#[derive(Clone, Debug, Default)]
pub struct Quality {
    /// From near to far.
    pub bands: [Band; BANDS],
    /// Others that were within the radius and in view, summed over all views.
    pub within: u64,
}

/// One look at somebody.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Between the two.
    pub away: Away,
    /// Between where they are and where they are seen, metres.
    pub error_m: f64,
    /// Ticks since what is seen was so.
    pub age_ticks: u64,
}

/// How far away somebody is.
#[derive(Clone, Copy, Debug)]
pub struct Away {
    /// Metres.
    pub metres: f64,
    /// Within which one sees, metres.
    pub radius_m: f64,
}

impl Away {
    fn band(self) -> usize {
        let quarter = (self.metres / self.radius_m * BANDS as f64) as usize;
        quarter.min(BANDS - 1)
    }
}

impl Quality {
    /// Nearer than half of the radius.
    #[must_use]
    pub fn near(&self) -> Band {
        Self::merged(&self.bands[..BANDS / 2])
    }

    /// Beyond.
    #[must_use]
    pub fn far(&self) -> Band {
        Self::merged(&self.bands[BANDS / 2..])
    }

    /// Near and far.
    #[must_use]
    pub fn everybody(&self) -> Band {
        Self::merged(&self.bands)
    }

    fn merged(bands: &[Band]) -> Band {
        let mut all = Band::default();
        bands.iter().for_each(|band| all.merge(band));
        all
    }

    pub(super) fn note(&mut self, look: Look) {
        self.within += u64::from(look.away.metres <= look.away.radius_m);
        let band = &mut self.bands[look.away.band()];
        band.error_mm
            .saturating_record((look.error_m * 1_000.0).round() as u64);
        band.age_ticks.saturating_record(look.age_ticks);
    }

    /// Somebody was there for everybody to see, and was in view or not.
    pub(super) fn there(&mut self, away: Away, in_view: bool) {
        let band = &mut self.bands[away.band()];
        band.there += 1;
        band.missing += u64::from(!in_view);
    }

    /// Somebody was in view and nowhere else.
    pub(super) fn ghost(&mut self, away: Away) {
        self.bands[away.band()].ghosts += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (band, more) in self.bands.iter_mut().zip(&other.bands) {
            band.merge(more);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_falls_into_one_band_by_distance() {
        let mut quality = Quality::default();
        let away = |metres| Away {
            metres,
            radius_m: 60.0,
        };
        for metres in [0.0, 14.9, 15.1, 31.0, 59.0, 61.0, 600.0] {
            let look = Look {
                away: away(metres),
                error_m: metres / 100.0,
                age_ticks: 1,
            };
            quality.note(look);
        }
        quality.there(away(1.0), true);
        quality.there(away(50.0), false);
        quality.ghost(away(20.0));
        let looks = quality.bands.each_ref().map(|band| band.age_ticks.len());
        assert_eq!(looks, [2, 1, 1, 3]);
        assert_eq!(quality.within, 5);
        let (near, far) = (quality.near(), quality.far());
        assert_eq!([near.age_ticks.len(), far.age_ticks.len()], [3, 4]);
        assert_eq!([near.there, near.missing, near.ghosts], [1, 0, 1]);
        assert_eq!([far.there, far.missing, far.ghosts], [1, 1, 0]);
        let mut twice = quality.clone();
        twice.merge(&quality);
        assert_eq!(twice.everybody().error_mm.len(), 14);
    }
}
