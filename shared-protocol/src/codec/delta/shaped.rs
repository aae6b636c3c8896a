//! What walks, as everybody is told who knows the newest schema. Its heading goes first. Its velocity is
//! taken along that heading, in coarse steps: somebody who goes where he looks has the same one before and
//! after, whichever way he turned. Its position is taken against where those velocities lead, and turned into
//! the heading's frame as well: "ahead" is along the new heading, "aside" across it (counter-clockwise), "up"
//! along the frame cell's z.
//!
//! Most of these fields are zero most of the time, and seldom the same ones. So a delta begins with its
//! *shape*, a number that says which are not; the likely shapes are small numbers.

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::WireEntity;

use super::super::DecodeError;
use super::super::full;
use super::super::prefix::{BucketCode, folded, unfolded};
use super::super::turn::{VELOCITY_STEPS_CMPS, along, in_steps, uprighted};
use super::{AGE_MAX, Baseline, is_whole, read_seldom, seldom, write_seldom};

/// What is coded, in the order in which it is written.
pub const FIELDS: [&str; 8] = [
    "shape",
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

/// The shape of a delta in which something changed that seldom does: that follows, and then the motion's own
/// shape.
const SELDOM: u32 = 4;
/// The shape of a motion whose velocity is not one of whole steps: everything is written, zero or not, and
/// the velocity in cm/s.
const FINE: u32 = 33;
/// By field behind the shape: its part in the shape if it is written only when it is not zero, else 0.
const PARTS: [u32; 7] = [0, 4, 16, 8, 1, 0, 2];
/// Further than this, steps or cm/s, no component of a velocity is from another.
const VELOCITY_MAX: i32 = (1 << 17) - 1;

/// How a walker moved, other than expected.
struct Motion {
    shape: u32,
    /// By field behind the shape.
    values: [i32; 7],
}

impl Motion {
    fn between(base: &WireEntity, age: u32, hz: u32, state: &WireEntity) -> Self {
        let (old, new) = (ahead_of(base), ahead_of(state));
        let (old_steps, new_steps) = (in_steps(old), in_steps(new));
        let whole_steps = new == of_steps(new_steps);
        let less = |a: [i32; 3], b: [i32; 3]| [0, 1, 2].map(|k| a[k] - b[k]);
        let vel = if whole_steps {
            less(new_steps, old_steps)
        } else {
            less(new, old)
        };
        let pos = gone(base, state.vel_cmps, age, hz);
        let pos = [0, 1, 2].map(|k| state.pos_cm[k].wrapping_sub(pos[k]));
        let [ahead, aside] = along([pos[0], pos[1]], state.yaw);
        let turn = i32::from(state.yaw.wrapping_sub(base.yaw) as i8);
        let values = [turn, vel[0], vel[1], vel[2], ahead, aside, pos[2]];
        let parts = values.iter().zip(PARTS);
        let mask = parts.fold(0, |mask, (&value, part)| {
            mask | if value == 0 { 0 } else { part }
        });
        let shape = match mask {
            _ if !whole_steps => FINE,
            0..SELDOM => mask,
            _ => mask + 1,
        };
        Self { shape, values }
    }

    /// The fields that are written, and as which numbers.
    #[inline]
    fn numbers(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        let mask = mask_of(self.shape);
        (1..)
            .zip(self.values)
            .zip(PARTS)
            .filter_map(move |((field, value), part)| {
                match mask {
                    // It is not zero.
                    Some(mask) if part != 0 => {
                        (mask & part != 0).then(|| (field, folded(value) - 1))
                    }
                    _ => Some((field, folded(value))),
                }
            })
    }
}

/// Which fields are written by a shape other than [`SELDOM`]; `None` = all.
fn mask_of(shape: u32) -> Option<u32> {
    match shape {
        FINE => None,
        0..SELDOM => Some(shape),
        _ => Some(shape - 1),
    }
}

/// The velocity along and across the heading, and up, cm/s.
fn ahead_of(state: &WireEntity) -> [i32; 3] {
    let [x, y, z] = state.vel_cmps.map(i32::from);
    let [ahead, aside] = along([x, y], state.yaw);
    [ahead, aside, z]
}

fn of_steps(steps: [i32; 3]) -> [i32; 3] {
    [0, 1, 2].map(|k| steps[k] * VELOCITY_STEPS_CMPS[k])
}

/// Where a walker is after so many ticks if its velocity changed evenly. A tick's way is made at the velocity
/// that the tick ends with: `from + (old · (age − 1) + new · (age + 1)) / (2 · hz)`, the quotient rounded to
/// the nearest, halves up.
fn gone(base: &WireEntity, new: [i16; 3], age: u32, hz: u32) -> [i32; 3] {
    let (age, hz) = (i64::from(age.min(AGE_MAX)), i64::from(hz.max(1)));
    [0, 1, 2].map(|k| {
        let way = i64::from(base.vel_cmps[k]) * (age - 1) + i64::from(new[k]) * (age + 1);
        base.pos_cm[k].wrapping_add((way + hz).div_euclid(2 * hz) as i32)
    })
}

pub(super) fn write(
    out: &mut BitWriter,
    codes: &Codes,
    base: &Baseline,
    hz: u32,
    state: &WireEntity,
) {
    let old = &base.state;
    let whole = is_whole(old, state);
    if whole || seldom(state) != seldom(old) {
        codes[0].write(out, SELDOM);
        out.write_bool(whole);
        if whole {
            out.write(state.cell, 64);
            full::write(out, state);
            return;
        }
        write_seldom(out, old, state);
    }
    let motion = Motion::between(old, base.age, hz, state);
    codes[0].write(out, motion.shape);
    for (field, number) in motion.numbers() {
        codes[field].write(out, number);
    }
}

/// The coded numbers of a delta, each with its field.
pub(super) fn numbers(base: &Baseline, hz: u32, state: &WireEntity) -> Vec<(usize, u32)> {
    let mut numbers = Vec::new();
    let whole = is_whole(&base.state, state);
    if whole || seldom(state) != seldom(&base.state) {
        numbers.push((0, SELDOM));
    }
    if !whole {
        let motion = Motion::between(&base.state, base.age, hz, state);
        numbers.push((0, motion.shape));
        numbers.extend(motion.numbers());
    }
    numbers
}

pub(super) fn read(
    bits: &mut BitReader<'_>,
    codes: &Codes,
    base: &Baseline,
    hz: u32,
) -> Result<WireEntity, DecodeError> {
    let mut state = base.state;
    let mut shape = codes[0].read(bits)?;
    if shape == SELDOM {
        if bits.read_bool()? {
            let cell = bits.read(64)?;
            return full::read(bits, cell);
        }
        read_seldom(bits, &mut state)?;
        shape = codes[0].read(bits)?;
    }
    if shape == SELDOM || shape > FINE {
        return Err(DecodeError::Range("shape"));
    }
    let mask = mask_of(shape);
    let mut values = [0; 7];
    for ((value, code), part) in values.iter_mut().zip(&codes[1..]).zip(PARTS) {
        *value = match mask {
            Some(mask) if part != 0 && mask & part == 0 => 0,
            Some(_) if part != 0 => {
                let less_one = code.read(bits)?;
                unfolded(
                    less_one
                        .checked_add(1)
                        .ok_or(DecodeError::Range("number"))?,
                )
            }
            _ => code.read_signed(bits)?,
        };
    }
    moved_on(
        &base.state,
        base.age,
        hz,
        (mask.is_some(), values),
        &mut state,
    )?;
    Ok(state)
}

/// What [`Motion::between`] took apart.
fn moved_on(
    base: &WireEntity,
    age: u32,
    hz: u32,
    (whole_steps, values): (bool, [i32; 7]),
    state: &mut WireEntity,
) -> Result<(), DecodeError> {
    let [turn, vel @ .., pos_ahead, pos_aside, pos_up] = values;
    let turn = i8::try_from(turn).map_err(|_| DecodeError::Range("heading"))? as u8;
    if vel
        .iter()
        .any(|value| value.unsigned_abs() > VELOCITY_MAX as u32)
    {
        return Err(DecodeError::Range("velocity"));
    }
    state.yaw = base.yaw.wrapping_add(turn);
    let old = ahead_of(base);
    let plus = |a: [i32; 3]| [0, 1, 2].map(|k| a[k] + vel[k]);
    let [ahead, aside, z] = if whole_steps {
        of_steps(plus(in_steps(old)))
    } else {
        plus(old)
    };
    let [x, y] = uprighted([ahead, aside], state.yaw);
    for (component, value) in state.vel_cmps.iter_mut().zip([x, y, z]) {
        *component = i16::try_from(value).map_err(|_| DecodeError::Range("velocity"))?;
    }
    let pos = gone(base, state.vel_cmps, age, hz);
    let [x, y] = uprighted([pos_ahead, pos_aside], state.yaw);
    state.pos_cm = [
        pos[0].wrapping_add(x),
        pos[1].wrapping_add(y),
        pos[2].wrapping_add(pos_up),
    ];
    Ok(())
}
