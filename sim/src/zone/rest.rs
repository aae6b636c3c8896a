//! Zones in which nothing happens: everybody sleeps, or nobody is there. The first such tick publishes
//! nothing but the part of the sleepers, which is kept; from the next on the zone *rests*, and nobody
//! looks into it until somebody comes, mail arrives, a row is forwarded to it, or players or the map are
//! others.
//!
//! Whether a zone rests follows from its entities and from what it is given, and shows nowhere.

use std::sync::Arc;

use bluemarble_shared_protocol::{Tick, WireFrame};
use bluemarble_spatial::{CellId, ZoneMap};

use super::{Given, Zone};
use crate::frame::{Around, Frame, FrameSet};
use crate::past::Past;
use crate::sleep::Dormitory;
use crate::zone_resources::{Inbox, Published, PublishedPart};

/// What a zone does in a tick. It follows from the zone's entities and what it is given.
pub(super) enum Doing {
    /// It runs its schedules.
    Steps,
    /// Everybody in it sleeps, or nobody is there: it publishes again what it published before.
    StandsStill,
    /// So it has been for a while. Until anything about it or what it is given changes, nobody needs to
    /// look into it at all.
    Rests(Rest),
}

/// What everybody else asks of a zone, as long as it stays the same.
pub(crate) struct Rest {
    /// With which players and by which map it came to rest.
    players: Arc<Vec<CellId>>,
    map: Arc<ZoneMap>,
    /// The part of the sleepers.
    pub part: PublishedPart,
    /// How many they are.
    pub asleep: usize,
}

impl Zone {
    /// Whether nothing happens in it in this tick, as nothing did in the tick before.
    pub(crate) fn rests_on(&self, given: &Given<'_>, inbox: &Inbox) -> bool {
        let Doing::Rests(rest) = &self.doing else {
            return false;
        };
        inbox.is_empty()
            && Arc::ptr_eq(&rest.map, given.map)
            && Arc::ptr_eq(&rest.players, given.players)
    }

    /// What there is to know about it while it rests.
    pub(crate) fn rest(&self) -> Option<&Rest> {
        match &self.doing {
            Doing::Rests(rest) => Some(rest),
            Doing::Steps | Doing::StandsStill => None,
        }
    }

    /// Something about it changes.
    pub(super) fn disturb(&mut self) {
        self.doing = Doing::Steps;
    }

    /// It published nothing that it did not publish before, and need not be looked into until something
    /// happens. What it saw of the world is let go.
    pub(super) fn come_to_rest(&mut self, given: &Given<'_>) {
        let nobody = FrameSet {
            tick: given.tick,
            zones: Vec::new(),
            map: Arc::clone(given.map),
        };
        *self.world.resource_mut::<Around>() = Around::new(Arc::new(nobody));
        *self.world.resource_mut::<Past>() = Past::default();
        self.doing = Doing::Rests(Rest {
            players: Arc::clone(given.players),
            map: Arc::clone(given.map),
            part: self.published().asleep.clone(),
            asleep: self.asleep(),
        });
    }

    /// Whether everybody who resides here sleeps, and goes on sleeping.
    pub(super) fn has_nothing_to_do(&self, given: &Given<'_>) -> bool {
        let dormitory = self.world.resource::<Dormitory>();
        dormitory.filed == self.population()
            && (dormitory.is_undisturbed(given.map, given.players) || self.is_void())
    }

    /// Whether nobody resides here, and nobody's row is left from when somebody did.
    fn is_void(&self) -> bool {
        self.population() == 0 && self.published().asleep.frame.is_empty()
    }

    /// The tick of a zone in which everybody sleeps, or nobody resides, and to which nobody comes.
    pub(super) fn stand_still(&mut self, tick: Tick, frames: &Arc<FrameSet>) {
        // It looks at nobody, but must not keep alive what it saw last.
        *self.world.resource_mut::<Around>() = Around::new(Arc::clone(frames));
        let mut dormitory = self.world.resource_mut::<Dormitory>();
        dormitory.asleep = dormitory.filed;
        let nothing = Arc::clone(&self.nothing);
        let mut published = self.world.resource_mut::<Published>();
        published.frame = nothing;
        published.wire = Arc::new(WireFrame {
            tick,
            ..WireFrame::default()
        });
        published.cells.clear();
        published.leaving.clear();
        published.digest = Default::default();
        published.avatars.clear();
    }

    /// Of everybody awake who stands in its cells.
    pub(crate) fn frame(&self) -> &Arc<Frame> {
        match self.rest() {
            Some(_) => &self.nothing,
            None => &self.published().frame,
        }
    }

    /// Of its sleepers.
    pub(crate) fn frame_asleep(&self) -> &Arc<Frame> {
        match self.rest() {
            Some(rest) => &rest.part.frame,
            None => &self.published().asleep.frame,
        }
    }
}
