//! From components to the WireFrame: everything is quantised here, once, for all clients.

use std::sync::Arc;

use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{
    Action, BodyBits, EntityId, InputSeq, OwnPurse, OwnState, OwnVitals, Tick, WireEntity,
    WireFlags, WireFrame,
};
use bluemarble_spatial::{CellId, FrameAxes};
use glam::DVec3;

use super::heading::yaw;
use crate::entity::{Arms, Body, Identity, Life, News, Player, Purse, Touched};
use crate::lore::Lore;

/// Fills one zone's WireFrame, row by row in any order.
pub(super) struct WireBuilder<'a> {
    lore: &'a Lore,
    axes: AxesOfLate,
    frame: &'a mut WireFrame,
}

/// What only an avatar has, and only its owner is told.
pub(super) struct Private<'a> {
    pub player: &'a Player,
    pub purse: &'a Purse,
    pub touched: &'a Touched,
    pub news: &'a News,
}

impl<'a> WireBuilder<'a> {
    /// Begins anew with a frame of so many rows and avatars, whatever it was.
    pub(super) fn new(
        lore: &'a Lore,
        tick: Tick,
        rows: usize,
        avatars: usize,
        frame: &'a mut WireFrame,
    ) -> Self {
        frame.tick = tick;
        frame.ids.resize(rows, EntityId(0));
        frame.states.resize(rows, WireEntity::default());
        frame.audience.resize(rows, u32::MAX);
        frame.positions.resize(rows, DVec3::ZERO);
        frame.owned.truncate(avatars);
        frame.owned.resize_with(avatars, || OwnState {
            id: EntityId(0),
            row: 0,
            name: Arc::from(""),
            applied: InputSeq(0),
            touched: false,
            body: BodyBits::default(),
            body_hash: 0,
            vitals: OwnVitals::default(),
            fell_to: None,
            felled: Vec::new(),
            purse: OwnPurse::default(),
        });
        Self {
            lore,
            axes: AxesOfLate::default(),
            frame,
        }
    }

    /// Fills a row's public part.
    pub(super) fn put(
        &mut self,
        row: usize,
        grid_cell: CellId,
        identity: &Identity,
        body: &Body,
        life: &Life,
        arms: &Arms,
    ) {
        self.frame.states[row] = self.quantised(grid_cell, identity, body, life, arms);
        self.frame.ids[row] = identity.id;
        self.frame.audience[row] = u32::MAX;
        self.frame.positions[row] = body.0.pos;
    }

    /// Fills the private part of a row: its place among the avatars, and the row.
    pub(super) fn put_owned(
        &mut self,
        (at, row): (usize, usize),
        identity: &Identity,
        body: &Body,
        life: &Life,
        arms: &Arms,
        private: &Private,
    ) {
        let (values, support) = body.0.to_values();
        let now = self.frame.tick;
        let ticks_until = |at: Tick| u16::try_from(at.since(now)).unwrap_or(u16::MAX);
        let own = &mut self.frame.owned[at];
        own.id = identity.id;
        own.row = row as u32;
        let name = private.player.name.shown();
        if !Arc::ptr_eq(&own.name, name) {
            own.name = Arc::clone(name);
        }
        own.applied = private.player.applied;
        own.touched = private.touched.0;
        own.body = BodyBits { values, support };
        own.body_hash = body.0.hash32();
        own.vitals = OwnVitals {
            health: life.health,
            health_max: self.lore.kind(identity.kind).health,
            ready_in_ticks: ticks_until(arms.ready_at),
            respawn_in_ticks: if life.is_alive() {
                0
            } else {
                ticks_until(life.respawn_at)
            },
            kills: life.kills,
            deaths: life.deaths,
        };
        own.fell_to = private.news.fell_to;
        own.felled.clone_from(&private.news.felled);
        own.purse.life = private.player.dealings.life();
        own.purse.newest = private.player.dealings.newest();
        own.purse.coins = private.purse.0;
        let things = &mut own.purse.things;
        things.clear();
        things.extend_from_slice(private.player.things.stacks());
    }

    fn quantised(
        &mut self,
        grid_cell: CellId,
        identity: &Identity,
        body: &Body,
        life: &Life,
        arms: &Arms,
    ) -> WireEntity {
        let frame_level = self.lore.planet.frame_level();
        let cell = grid_cell.parent(frame_level.min(grid_cell.level()));
        let axes = self.axes.of(cell, self.lore.planet.radius_m());
        let facing = axes.dir_to_local(body.0.facing);
        let heading = yaw(facing.x, facing.y);
        let health_max = u32::from(self.lore.kind(identity.kind).health);
        WireEntity {
            cell: cell.0,
            pos_cm: quantise::position_cm(axes.to_local(body.0.pos)),
            vel_cmps: quantise::walker_velocity(axes.dir_to_local(body.0.vel), heading),
            yaw: heading,
            rotation: None,
            health: quantise::health(u32::from(life.health), health_max),
            action: action(self.frame.tick, life, arms),
            action_n: (arms.swings % 16) as u8,
            flags: WireFlags {
                airborne: body.0.support == bluemarble_motion::Support::Air,
                swimming: body.0.support == bluemarble_motion::Support::Water,
            },
            kind: identity.kind.0,
        }
    }
}

/// The axes of the frame cells met of late. Frame cells are kilometres wide, so a zone has few of them;
/// but its entities lie in memory in any order, and where cells meet it changes with every row.
#[derive(Default)]
struct AxesOfLate {
    known: Vec<(CellId, FrameAxes)>,
    /// Which of them was asked for last.
    last: usize,
}

impl AxesOfLate {
    /// More than meet anywhere; looking through them is less than computing one.
    const KNOWN_MAX: usize = 8;

    #[inline]
    fn of(&mut self, cell: CellId, radius_m: f64) -> &FrameAxes {
        if self
            .known
            .get(self.last)
            .is_none_or(|(last, _)| *last != cell)
        {
            self.last = self.find(cell, radius_m);
        }
        &self.known[self.last].1
    }

    fn find(&mut self, cell: CellId, radius_m: f64) -> usize {
        let found = self.known.iter().position(|(known, _)| *known == cell);
        found.unwrap_or_else(|| {
            let new = (cell, FrameAxes::of(cell, radius_m));
            if self.known.len() < Self::KNOWN_MAX {
                self.known.push(new);
                self.known.len() - 1
            } else {
                let next = (self.last + 1) % Self::KNOWN_MAX;
                self.known[next] = new;
                next
            }
        })
    }
}

fn action(now: Tick, life: &Life, arms: &Arms) -> Action {
    if !life.is_alive() {
        Action::Dead
    } else if now < arms.swing_until {
        Action::Attack
    } else {
        Action::Idle
    }
}
