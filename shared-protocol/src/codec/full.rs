//! A [`WireEntity`] without a baseline: what an entering entity, or one whose baseline is too old,
//! is sent as. The frame cell is not part of it: snapshots write that beside it, once per cell.

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::{Action, WireEntity, WireFlags};

use super::DecodeError;
use super::prefix::BucketCode;
use super::rotation::{COMPONENT_MAX, Rotation};

/// Kinds: worlds have a few.
pub(super) const KIND: BucketCode = BucketCode::new(&[3, 8, 16]);
/// x and y in centimetres: a frame cell is a few kilometres wide.
const POS: BucketCode = BucketCode::new(&[17, 21, 32]);
/// z in centimetres: terrain.
const HEIGHT: BucketCode = BucketCode::new(&[9, 14, 20, 32]);
/// A component of the velocity, cm/s.
const VEL: BucketCode = BucketCode::new(&[0, 8, 11, 17]);

/// Which component of a rotation is the greatest.
const LARGEST_BITS: u32 = 2;
/// Each of the others.
const PART_BITS: u32 = 10;
pub(super) const ACTION_BITS: u32 = 2;
pub(super) const ACTION_N_BITS: u32 = 4;
pub(super) const FLAGS_BITS: u32 = 2;

/// Writes everything but the cell.
pub fn write(out: &mut BitWriter, state: &WireEntity) {
    KIND.write(out, u32::from(state.kind));
    let [x, y, z] = state.pos_cm;
    POS.write_signed(out, x);
    POS.write_signed(out, y);
    HEIGHT.write_signed(out, z);
    for component in state.vel_cmps {
        VEL.write_signed(out, i32::from(component));
    }
    out.write_bool(state.rotation.is_some());
    match state.rotation {
        None => out.write(u64::from(state.yaw), 8),
        Some(rotation) => write_rotation(out, rotation),
    }
    out.write_bool(state.health != u8::MAX);
    if state.health != u8::MAX {
        out.write(u64::from(state.health), 8);
    }
    write_action(out, state);
    write_flags(out, state.flags);
}

/// Reads everything but the cell.
///
/// # Errors
/// [`DecodeError`].
pub fn read(bits: &mut BitReader<'_>, cell: u64) -> Result<WireEntity, DecodeError> {
    let kind = read_kind(bits)?;
    let pos_cm = [
        POS.read_signed(bits)?,
        POS.read_signed(bits)?,
        HEIGHT.read_signed(bits)?,
    ];
    let mut vel_cmps = [0; 3];
    for component in &mut vel_cmps {
        *component =
            i16::try_from(VEL.read_signed(bits)?).map_err(|_| DecodeError::Range("velocity"))?;
    }
    let is_body = bits.read_bool()?;
    let (yaw, rotation) = if is_body {
        (0, Some(read_rotation(bits)?))
    } else {
        (bits.read(8)? as u8, None)
    };
    let health = if bits.read_bool()? {
        bits.read(8)? as u8
    } else {
        u8::MAX
    };
    let (action, action_n) = read_action(bits)?;
    Ok(WireEntity {
        cell,
        pos_cm,
        vel_cmps,
        yaw,
        rotation,
        health,
        action,
        action_n,
        flags: read_flags(bits)?,
        kind,
    })
}

fn write_rotation(out: &mut BitWriter, rotation: Rotation) {
    write_largest(out, rotation.largest());
    for part in rotation.parts() {
        out.write((part + COMPONENT_MAX) as u64, PART_BITS);
    }
}

fn read_rotation(bits: &mut BitReader<'_>) -> Result<Rotation, DecodeError> {
    let largest = read_largest(bits)?;
    let mut parts = [0; 3];
    for part in &mut parts {
        *part = bits.read(PART_BITS)? as i16 - COMPONENT_MAX;
    }
    Rotation::new(largest, parts).ok_or(DecodeError::Range("rotation"))
}

pub(super) fn write_largest(out: &mut BitWriter, largest: u8) {
    out.write(u64::from(largest), LARGEST_BITS);
}

pub(super) fn read_largest(bits: &mut BitReader<'_>) -> Result<u8, DecodeError> {
    Ok(bits.read(LARGEST_BITS)? as u8)
}

pub(super) fn read_kind(bits: &mut BitReader<'_>) -> Result<u16, DecodeError> {
    u16::try_from(KIND.read(bits)?).map_err(|_| DecodeError::Range("kind"))
}

pub(super) fn write_action(out: &mut BitWriter, state: &WireEntity) {
    out.write(state.action as u64, ACTION_BITS);
    out.write(u64::from(state.action_n & 15), ACTION_N_BITS);
}

pub(super) fn read_action(bits: &mut BitReader<'_>) -> Result<(Action, u8), DecodeError> {
    let action = match bits.read(ACTION_BITS)? {
        0 => Action::Idle,
        1 => Action::Attack,
        2 => Action::Dead,
        _ => return Err(DecodeError::Range("action")),
    };
    Ok((action, bits.read(ACTION_N_BITS)? as u8))
}

pub(super) fn write_flags(out: &mut BitWriter, flags: WireFlags) {
    out.write(
        u64::from(flags.airborne) | u64::from(flags.swimming) << 1,
        FLAGS_BITS,
    );
}

pub(super) fn read_flags(bits: &mut BitReader<'_>) -> Result<WireFlags, DecodeError> {
    Ok(WireFlags {
        airborne: bits.read_bool()?,
        swimming: bits.read_bool()?,
    })
}
