//! The world as clients may know it: one tick of a zone, quantised once to integers.
//!
//! A position is addressed by a *frame cell* (an S2 cell of the planet's fixed frame level) and
//! three integers in centimetres along that cell's axes (see `FrameAxes` in `spatial`): x and y
//! in the tangent plane of the cell's centre, z up. Deltas between two states in the same frame
//! cell are integer arithmetic only; a change of frame cell is sent in full.

use std::sync::Arc;

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::codec::Rotation;
use crate::gift::OwnPurse;
use crate::ids::{EntityId, InputSeq, Tick};
#[cfg(doc)]
use crate::limits::WOUNDS_NAMED_MAX;

/// What an entity is visibly doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Action {
    /// Nothing in particular: its velocity says the rest.
    #[default]
    Idle = 0,
    /// Swinging a weapon.
    Attack = 1,
    /// Lying dead until it respawns.
    Dead = 2,
}

/// Rarely changing facts, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WireFlags {
    /// Neither on the ground nor in water.
    pub airborne: bool,
    /// Swimming.
    pub swimming: bool,
}

/// The public state of one entity at one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WireEntity {
    /// Frame cell (S2 cell id).
    pub cell: u64,
    /// Position along the frame cell's axes, centimetres from its centre at the planet's radius.
    pub pos_cm: [i32; 3],
    /// Velocity along the same axes, centimetres per second.
    pub vel_cmps: [i16; 3],
    /// Heading around the frame cell's z axis, 0 = +x, 64 = +y: 256ths of a turn. A walker's; 0 of a
    /// body.
    pub yaw: u8,
    /// How a rigid body is turned, from its own axes to the frame cell's; walkers have a heading alone.
    /// This is what tells the two motion classes apart.
    pub rotation: Option<Rotation>,
    /// Health as shown, 0 ..= 255 of the maximum; 0 only when dead.
    pub health: u8,
    /// What it does.
    pub action: Action,
    /// Counts the attacks it started, modulo 16: two in a row look different.
    pub action_n: u8,
    /// Flags.
    pub flags: WireFlags,
    /// What sort of thing it is: index into the world's kinds.
    pub kind: u16,
}

/// A body's exact state: position m, velocity m/s, facing, in that order, planet frame.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct BodyBits {
    /// `pos.xyz, vel.xyz, facing.xyz`.
    pub values: [f64; 9],
    /// 0 ground, 1 air, 2 water.
    pub support: u8,
}

/// What only the avatar's owner is told, beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnVitals {
    /// Hit points now.
    pub health: u16,
    /// Hit points at most.
    pub health_max: u16,
    /// Ticks until it may attack again; 0 = now.
    pub ready_in_ticks: u16,
    /// Ticks until it respawns; 0 = alive.
    pub respawn_in_ticks: u16,
    /// Kills credited to it.
    pub kills: u32,
    /// How often it died.
    pub deaths: u32,
}

impl OwnVitals {
    /// What they become `ticks` later if nothing happens: the waits run down. Both ends count on it,
    /// so that a wait is not sent again every tick.
    #[must_use]
    pub fn counted_down(self, ticks: u64) -> Self {
        let ticks = u16::try_from(ticks).unwrap_or(u16::MAX);
        Self {
            ready_in_ticks: self.ready_in_ticks.saturating_sub(ticks),
            respawn_in_ticks: self.respawn_in_ticks.saturating_sub(ticks),
            ..self
        }
    }
}

/// The private part of an avatar's state.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnState {
    /// The avatar.
    pub id: EntityId,
    /// Its row in the same frame.
    pub row: u32,
    /// The character's name.
    pub name: Arc<str>,
    /// The newest intent applied.
    pub applied: InputSeq,
    /// Whether anything but its own intent moved it this tick (a push, a respawn, a tick without
    /// an intent): then a prediction cannot have been right.
    pub touched: bool,
    /// The body, exactly.
    pub body: BodyBits,
    /// Short hash of `body`, for a client to compare its prediction with.
    pub body_hash: u32,
    /// The rest.
    pub vitals: OwnVitals,
    /// Who struck the blow it died of, if it died this tick.
    pub fell_to: Option<EntityId>,
    /// Whom it was credited with having killed this tick.
    pub felled: Vec<EntityId>,
    /// What it has.
    pub purse: OwnPurse,
}

/// What somebody lost to somebody in one tick, all blows together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wound {
    /// Who was hurt.
    pub target: EntityId,
    /// By whose hand; `None` if that is not to be told, or if it were too many to name.
    pub attacker: Option<EntityId>,
    /// Hit points lost: never more than the target had.
    pub amount: u16,
    /// Whether the target died of it.
    pub fatal: bool,
}

impl Wound {
    /// The order in a frame: by target, then by attacker, those without a name last.
    #[must_use]
    pub fn order(&self) -> (EntityId, bool, Option<EntityId>) {
        (self.target, self.attacker.is_none(), self.attacker)
    }
}

/// One zone at one tick: parallel columns, a row per entity, sorted by (grid cell, id).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireFrame {
    /// The tick.
    pub tick: Tick,
    /// Who.
    pub ids: Vec<EntityId>,
    /// What anybody near may see.
    pub states: Vec<WireEntity>,
    /// Which layers may see the row at all, a bit each; `u32::MAX` = public. Never sent.
    pub audience: Vec<u32>,
    /// Exact position in metres, for interest alone. Never sent.
    pub positions: Vec<DVec3>,
    /// The avatars among the rows.
    pub owned: Vec<OwnState>,
    /// What the rows lost in this tick, one for each target and attacker, in [`Wound::order`]; of each
    /// target at most [`WOUNDS_NAMED_MAX`] with a name, and one without for all others.
    pub wounds: Vec<Wound>,
}
