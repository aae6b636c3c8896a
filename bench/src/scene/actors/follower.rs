//! After a recorded crowd: where the person was at that time, laid on the ground around the middle.

use std::sync::Arc;

use bluemarble_shared_protocol::{Intent, Tick};
use bluemarble_sim::Recording;
use glam::DVec3;

use super::{along_ground, axes};
use crate::behaviour::Wish;

/// Top speed of who follows, metres per second: an adventurer's.
const TOP_MPS: f64 = 5.0;

/// One who follows.
#[derive(Clone, Debug)]
pub struct Follower {
    recording: Arc<Recording>,
    person: usize,
    tick_hz: f64,
}

impl Follower {
    /// Bot number `bot`; with more bots than people, some follow the same.
    #[must_use]
    pub fn new(recording: Arc<Recording>, bot: u32, tick_hz: u32) -> Self {
        Self {
            person: bot as usize % recording.people().max(1),
            recording,
            tick_hz: f64::from(tick_hz.max(1)),
        }
    }

    /// To where the person is a tick later, as fast as that takes.
    pub fn decide(&mut self, tick: Tick, me: DVec3, middle: DVec3) -> Wish {
        let time_s = (tick.0 + 1) as f64 / self.tick_hz;
        let [x, y] = self.recording.at_m(self.person, time_s);
        let (east, north) = axes(middle);
        let way = along_ground(me, middle + east * x + north * y);
        let share = way.length() * self.tick_hz / TOP_MPS;
        Wish {
            dir: way.normalize_or(DVec3::ZERO),
            pace: (share.min(1.0) * f64::from(Intent::PACE_MAX)).round() as u8,
            jump: false,
            attack: None,
        }
    }
}
