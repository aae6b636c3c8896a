//! Deliberate lies, so that those who verify views can be verified. Only in builds with the feature
//! `sabotage`; never in a release.
//!
//! The frames are distorted before replication sees them: everything behind works as ever, and what
//! clients decode is consistently wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{EntityId, Tick, WireEntity, WireFrame, mix64};
use glam::DVec3;

use super::hub_config::Sabotage;

/// One entity in this many is lied about.
const ONE_IN: u64 = 10;
/// How far teleported ones are off, centimetres.
const OFF_CM: i32 = 700;
/// How long an entity that is gone stays, seconds.
const HAUNT_S: u64 = 10;

/// An entity that is no more.
#[derive(Clone, Copy, Debug)]
struct Remains {
    state: WireEntity,
    pos: DVec3,
    audience: u32,
    seen: Tick,
}

/// Distorts frames.
#[derive(Debug)]
pub(crate) struct Saboteur {
    what: Sabotage,
    tick_hz: u64,
    /// Frozen states, or everybody seen lately.
    known: BTreeMap<EntityId, Remains>,
}

impl Saboteur {
    pub(crate) fn new(what: Sabotage, tick_hz: u32) -> Self {
        Self {
            what,
            tick_hz: u64::from(tick_hz),
            known: BTreeMap::new(),
        }
    }

    /// This tick's frames, as clients shall see them.
    pub(crate) fn distort(&mut self, tick: Tick, frames: &[Arc<WireFrame>]) -> Vec<Arc<WireFrame>> {
        let mut frames: Vec<WireFrame> = frames.iter().map(|frame| (**frame).clone()).collect();
        match self.what {
            Sabotage::Drop => frames.iter_mut().for_each(hide_some),
            Sabotage::Teleport => frames.iter_mut().for_each(|frame| shift_some(frame, tick)),
            Sabotage::Stale => frames
                .iter_mut()
                .for_each(|frame| self.freeze_some(frame, tick)),
            Sabotage::Ghost => self.haunt(&mut frames, tick),
            // Where bit strings are made.
            Sabotage::Bend => {}
        }
        frames.into_iter().map(Arc::new).collect()
    }

    /// Chosen entities stand still in what clients are told, for nine seconds of ten.
    fn freeze_some(&mut self, frame: &mut WireFrame, tick: Tick) {
        let thaw = tick.0.is_multiple_of(10 * self.tick_hz);
        for (id, state) in frame.ids.iter().zip(&mut frame.states) {
            if !is_chosen(*id) {
                continue;
            }
            let remains = self.known.entry(*id).or_insert(Remains {
                state: *state,
                pos: DVec3::ZERO,
                audience: 0,
                seen: tick,
            });
            if thaw {
                remains.state = *state;
            }
            *state = remains.state;
        }
    }

    /// Who is gone stays for a while; and some have a twin that never was.
    fn haunt(&mut self, frames: &mut [WireFrame], tick: Tick) {
        for frame in frames.iter_mut() {
            for row in 0..frame.ids.len() {
                let remains = Remains {
                    state: frame.states[row],
                    pos: frame.positions[row],
                    audience: frame.audience[row],
                    seen: tick,
                };
                self.known.insert(frame.ids[row], remains);
                if is_chosen(frame.ids[row]) {
                    let twin = EntityId(mix64(frame.ids[row].0 ^ 0x0067_686f_7374));
                    push(frame, twin, &remains);
                }
            }
        }
        let haunt_ticks = HAUNT_S * self.tick_hz;
        self.known
            .retain(|_, remains| tick.since(remains.seen) < haunt_ticks);
        let Some(first) = frames.first_mut() else {
            return;
        };
        for (id, remains) in &self.known {
            if remains.seen < tick {
                push(first, *id, remains);
            }
        }
    }
}

fn push(frame: &mut WireFrame, id: EntityId, remains: &Remains) {
    frame.ids.push(id);
    frame.states.push(remains.state);
    frame.audience.push(remains.audience);
    frame.positions.push(remains.pos);
}

fn is_chosen(id: EntityId) -> bool {
    mix64(id.0 ^ 0x6c69_6172).is_multiple_of(ONE_IN)
}

/// What is written of a chosen entity for a second in every five: a bit of its position is another one.
pub(crate) fn bent(id: EntityId, tick: Tick, tick_hz: u32, state: WireEntity) -> WireEntity {
    let second = tick.0 / u64::from(tick_hz.max(1));
    let mut state = state;
    if is_chosen(id) && second.is_multiple_of(5) {
        state.pos_cm[0] ^= 8;
    }
    state
}

fn hide_some(frame: &mut WireFrame) {
    for (id, audience) in frame.ids.iter().zip(&mut frame.audience) {
        if is_chosen(*id) {
            *audience = 0;
        }
    }
}

/// Chosen entities jump aside for a while, back, and so on.
fn shift_some(frame: &mut WireFrame, tick: Tick) {
    for (id, state) in frame.ids.iter().zip(&mut frame.states) {
        if is_chosen(*id) && (tick.0 / 16).is_multiple_of(2) {
            state.pos_cm[0] = state.pos_cm[0].wrapping_add(OFF_CM);
        }
    }
}
