//! From components to the WireFrame: everything is quantised here, once, for all clients.

use std::sync::Arc;

use bluemarble_shared_protocol::codec::quantise;
use bluemarble_shared_protocol::{
    Action, BodyBits, OwnState, OwnVitals, Tick, WireEntity, WireFlags, WireFrame,
};
use bluemarble_spatial::{CellId, FrameAxes, maths};

use crate::entity::{Arms, Body, Identity, Life, News, Player, Touched};
use crate::lore::Lore;

/// Builds one zone's WireFrame row by row.
pub(super) struct WireBuilder<'a> {
    lore: &'a Lore,
    /// The frame cell of the last row: rows come sorted by cell, so it seldom changes.
    axes: Option<(CellId, FrameAxes)>,
    frame: WireFrame,
}

/// What only an avatar has, and only its owner is told.
pub(super) struct Private<'a> {
    pub player: &'a Player,
    pub touched: &'a Touched,
    pub news: &'a News,
}

impl<'a> WireBuilder<'a> {
    pub(super) fn new(lore: &'a Lore, tick: Tick, rows: usize) -> Self {
        let frame = WireFrame {
            tick,
            ids: Vec::with_capacity(rows),
            states: Vec::with_capacity(rows),
            audience: Vec::with_capacity(rows),
            positions: Vec::with_capacity(rows),
            owned: Vec::new(),
        };
        Self {
            lore,
            axes: None,
            frame,
        }
    }

    pub(super) fn push(
        &mut self,
        grid_cell: CellId,
        identity: &Identity,
        body: &Body,
        life: &Life,
        arms: &Arms,
    ) {
        let state = self.quantised(grid_cell, identity, body, life, arms);
        self.frame.ids.push(identity.id);
        self.frame.states.push(state);
        self.frame.audience.push(u32::MAX);
        self.frame.positions.push(body.0.pos);
    }

    /// Adds the private part of the row pushed last.
    pub(super) fn push_owned(
        &mut self,
        identity: &Identity,
        body: &Body,
        life: &Life,
        arms: &Arms,
        private: &Private,
    ) {
        let (values, support) = body.0.to_values();
        let ticks_until = |at: Tick| u16::try_from(at.since(self.frame.tick)).unwrap_or(u16::MAX);
        self.frame.owned.push(OwnState {
            id: identity.id,
            row: self.frame.ids.len() as u32 - 1,
            name: Arc::clone(&private.player.name),
            applied: private.player.applied,
            touched: private.touched.0,
            body: BodyBits { values, support },
            body_hash: body.0.hash32(),
            vitals: OwnVitals {
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
            },
            fell_to: private.news.fell_to,
            felled: private.news.felled.clone(),
        });
    }

    pub(super) fn finish(self) -> WireFrame {
        self.frame
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
        let axes = match &self.axes {
            Some((known, axes)) if *known == cell => axes,
            _ => {
                &self
                    .axes
                    .insert((cell, FrameAxes::of(cell, self.lore.planet.radius_m())))
                    .1
            }
        };
        let facing = axes.dir_to_local(body.0.facing);
        let health_max = u32::from(self.lore.kind(identity.kind).health);
        WireEntity {
            cell: cell.0,
            pos_cm: quantise::position_cm(axes.to_local(body.0.pos)),
            vel_cmps: quantise::velocity_cmps(axes.dir_to_local(body.0.vel)),
            yaw: quantise::yaw(maths::atan2(facing.y, facing.x)),
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

fn action(now: Tick, life: &Life, arms: &Arms) -> Action {
    if !life.is_alive() {
        Action::Dead
    } else if now < arms.swing_until {
        Action::Attack
    } else {
        Action::Idle
    }
}
