//! What walks, as the schema before the newest has it: a heading, and a velocity that turns along with it. Residuals are turned into the
//! heading's frame, where they are small: "ahead" is along the new heading, "aside" across it
//! (counter-clockwise), "up" along the frame cell's z.

use crate::bits::BitReader;
use crate::wire_frame::WireEntity;

use super::super::DecodeError;
use super::super::prefix::BucketCode;
use super::super::turn::{along, turned, uprighted};
use super::{moved_all, quarters, velocity};

/// The fields of a walker's motion, as they are written.
pub const FIELDS: [&str; 7] = [
    "heading",
    "velocity ahead",
    "velocity aside",
    "velocity up",
    "position ahead",
    "position aside",
    "position up",
];

/// The codes of those fields.
type Codes = [BucketCode; FIELDS.len()];

/// Everything as it was, but for the position.
pub(super) fn predict(base: &WireEntity, age: u32, hz: u32) -> WireEntity {
    WireEntity {
        pos_cm: moved_all(base, base.vel_cmps, quarters(age), hz),
        ..*base
    }
}

/// The velocity expected of something that turned.
fn carried(old: [i16; 3], turn: u8) -> [i32; 3] {
    let [x, y, z] = old.map(i32::from);
    let [x, y] = turned([x, y], turn);
    [x, y, z]
}

pub(super) fn residuals(
    base: &WireEntity,
    age: u32,
    hz: u32,
    state: &WireEntity,
) -> [i32; FIELDS.len()] {
    let turn = state.yaw.wrapping_sub(base.yaw);
    let vel = carried(base.vel_cmps, turn);
    let vel = [0, 1, 2].map(|k| i32::from(state.vel_cmps[k]) - vel[k]);
    let pos = moved_all(base, state.vel_cmps, quarters(age), hz);
    let pos = [0, 1, 2].map(|k| state.pos_cm[k].wrapping_sub(pos[k]));
    let [vel_ahead, vel_aside] = along([vel[0], vel[1]], state.yaw);
    let [pos_ahead, pos_aside] = along([pos[0], pos[1]], state.yaw);
    let heading = i32::from(turn as i8);
    [
        heading, vel_ahead, vel_aside, vel[2], pos_ahead, pos_aside, pos[2],
    ]
}

pub(super) fn read(
    bits: &mut BitReader<'_>,
    codes: &Codes,
    base: &WireEntity,
    age: u32,
    hz: u32,
    state: &mut WireEntity,
) -> Result<(), DecodeError> {
    let turn =
        i8::try_from(codes[0].read_signed(bits)?).map_err(|_| DecodeError::Range("heading"))? as u8;
    state.yaw = base.yaw.wrapping_add(turn);
    let vel = carried(base.vel_cmps, turn);
    let (ahead, aside) = (codes[1].read_signed(bits)?, codes[2].read_signed(bits)?);
    let [x, y] = uprighted([ahead, aside], state.yaw);
    state.vel_cmps = [
        velocity(vel[0], x)?,
        velocity(vel[1], y)?,
        velocity(vel[2], codes[3].read_signed(bits)?)?,
    ];
    let pos = moved_all(base, state.vel_cmps, quarters(age), hz);
    let (ahead, aside) = (codes[4].read_signed(bits)?, codes[5].read_signed(bits)?);
    let [x, y] = uprighted([ahead, aside], state.yaw);
    state.pos_cm = [
        pos[0].wrapping_add(x),
        pos[1].wrapping_add(y),
        pos[2].wrapping_add(codes[6].read_signed(bits)?),
    ];
    Ok(())
}
