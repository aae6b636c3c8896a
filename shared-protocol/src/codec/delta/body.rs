//! What is turned anyhow: a rigid body. It is expected to go on as it went between the two states before:
//! its velocity changes further by as much (gravity, an engine, friction), and it turns on about the same
//! axis. Both are in proportion to time, and a body's time need not be the snapshot's: what is simulated
//! elsewhere, or in finer steps, arrives as of some quarter of a tick before or after. So the first field
//! says by how many quarter ticks more or less than the age the body has moved.

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::WireEntity;

use super::super::prefix::BucketCode;
use super::super::rotation::{Expected, Rotation};
use super::super::{DecodeError, full};
use super::{AGE_MAX, Baseline, moved_all, quarters, velocity};

/// The fields of a body's motion, as they are written.
pub const FIELDS: [&str; 10] = [
    "slip",
    "rotation first",
    "rotation second",
    "rotation third",
    "velocity x",
    "velocity y",
    "velocity z",
    "position x",
    "position y",
    "position z",
];

/// The codes of those fields.
type Codes = [BucketCode; FIELDS.len()];

/// How a body moved, other than expected.
pub(super) struct Residuals {
    /// In the order of [`FIELDS`].
    pub(super) values: [i32; FIELDS.len()],
    /// Another greatest component of its rotation than expected.
    largest: Option<u8>,
}

/// Longest time that a body may have moved for, quarter ticks.
const QUARTERS_MAX: i64 = 8 * AGE_MAX as i64;
/// How far a body's own time may be off, quarter ticks, for it to be looked for.
const SLIP_SOUGHT_MAX: i64 = 8;
/// Slower than this, (twice the mean velocity)², its way tells nothing about time: 1 m/s.
const TELLING_SPEED_SQUARED: i64 = 200 * 200;
/// A way in centimetres, longer than which nothing goes between two states.
const WAY_MAX: i32 = 1 << 24;
/// How much less the position must be off, in centimetres for each quarter tick, for a slip to be
/// written. Only an encoder's choice.
const SLIP_WORTH_CM: i64 = 2;

/// Quarter ticks from `old` to `new`, which are nominally so many: what its way took at the mean of both
/// velocities, if that tells.
fn quarters_between(old: &WireEntity, new: &WireEntity, nominal: i64, hz: u32) -> i64 {
    let (mut speed, mut way) = (0_i64, 0_i64);
    for k in 0..3 {
        let mean2 = i64::from(old.vel_cmps[k]) + i64::from(new.vel_cmps[k]);
        let gone = new.pos_cm[k].wrapping_sub(old.pos_cm[k]);
        if gone.unsigned_abs() > WAY_MAX as u32 {
            return nominal;
        }
        speed += mean2 * mean2;
        way += i64::from(gone) * mean2;
    }
    if speed < TELLING_SPEED_SQUARED {
        return nominal;
    }
    let hz16 = 16 * i64::from(hz.clamp(1, 4_096));
    let took = (hz16 * way + speed).div_euclid(2 * speed);
    if took >= 1 && (took - nominal).abs() <= SLIP_SOUGHT_MAX {
        took
    } else {
        nominal
    }
}

/// What a body is expected to do.
struct Course<'a> {
    base: &'a WireEntity,
    earlier: Option<(&'a WireEntity, Rotation, i64)>,
}

impl<'a> Course<'a> {
    fn new(base: &'a Baseline, hz: u32) -> Self {
        let earlier = base.earlier.as_ref().and_then(|(state, age)| {
            let rotation = state.rotation?;
            let took = quarters_between(state, &base.state, quarters(*age), hz);
            (state.cell == base.state.cell && took > 0).then_some((state, rotation, took))
        });
        Self {
            base: &base.state,
            earlier,
        }
    }

    fn rotation(&self, now: Rotation, quarters: i64) -> Expected {
        match self.earlier {
            Some((_, before, took)) => Expected::going_on(before, took, now, quarters),
            None => Expected::staying(now),
        }
    }

    /// It changes on, but by no more than twice what it changed.
    fn velocity(&self, quarters: i64) -> [i32; 3] {
        let now = self.base.vel_cmps.map(i32::from);
        let Some((earlier, _, took)) = self.earlier else {
            return now;
        };
        let on = quarters.clamp(0, 2 * took);
        [0, 1, 2].map(|k| {
            let change = i64::from(now[k]) - i64::from(earlier.vel_cmps[k]);
            let further = (2 * change * on + took).div_euclid(2 * took) as i32;
            (now[k] + further).clamp(i32::from(i16::MIN), i32::from(i16::MAX))
        })
    }
}

pub(super) fn predict(base: &Baseline, now: Rotation, hz: u32) -> WireEntity {
    let course = Course::new(base, hz);
    let quarters = quarters(base.age);
    let vel_cmps = course.velocity(quarters).map(|component| component as i16);
    WireEntity {
        vel_cmps,
        pos_cm: moved_all(&base.state, vel_cmps, quarters, hz),
        rotation: Some(course.rotation(now, quarters).rounded()),
        ..base.state
    }
}

pub(super) fn residuals(
    base: &Baseline,
    old: Rotation,
    hz: u32,
    state: &WireEntity,
    new: Rotation,
) -> Residuals {
    let course = Course::new(base, hz);
    let nominal = quarters(base.age);
    let off = |quarters: i64| {
        let pos = moved_all(&base.state, state.vel_cmps, quarters, hz);
        [0, 1, 2].map(|k| state.pos_cm[k].wrapping_sub(pos[k]))
    };
    let size = |off: [i32; 3]| off.iter().map(|&cm| i64::from(cm).abs()).sum::<i64>();
    let mut took = quarters_between(&base.state, state, nominal, hz);
    if size(off(took)) + SLIP_WORTH_CM * (took - nominal).abs() >= size(off(nominal)) {
        took = nominal;
    }
    let rotation = course.rotation(old, took);
    let largest = (new.largest() != rotation.largest()).then_some(new.largest());
    let expected = rotation.parts(new.largest());
    let turned = [0, 1, 2].map(|k| i32::from(new.parts()[k]) - expected[k]);
    let expected = course.velocity(took);
    let vel = [0, 1, 2].map(|k| i32::from(state.vel_cmps[k]) - expected[k]);
    let pos = off(took);
    let slip = (took - nominal) as i32;
    let [a, b, c] = turned;
    let values = [
        slip, a, b, c, vel[0], vel[1], vel[2], pos[0], pos[1], pos[2],
    ];
    Residuals { values, largest }
}

pub(super) fn write(out: &mut BitWriter, codes: &Codes, residuals: &Residuals) {
    let values = residuals.values;
    codes[0].write_signed(out, values[0]);
    out.write_bool(residuals.largest.is_some());
    if let Some(largest) = residuals.largest {
        full::write_largest(out, largest);
    }
    for (code, value) in codes.iter().zip(values).skip(1) {
        code.write_signed(out, value);
    }
}

pub(super) fn read(
    bits: &mut BitReader<'_>,
    codes: &Codes,
    base: &Baseline,
    old: Rotation,
    hz: u32,
    state: &mut WireEntity,
) -> Result<(), DecodeError> {
    let course = Course::new(base, hz);
    let took = quarters(base.age) + i64::from(codes[0].read_signed(bits)?);
    if !(0..=QUARTERS_MAX).contains(&took) {
        return Err(DecodeError::Range("slip"));
    }
    let rotation = course.rotation(old, took);
    let largest = if bits.read_bool()? {
        full::read_largest(bits)?
    } else {
        rotation.largest()
    };
    let mut parts = [0; 3];
    for (k, expected) in rotation.parts(largest).into_iter().enumerate() {
        let part = expected.wrapping_add(codes[1 + k].read_signed(bits)?);
        parts[k] = i16::try_from(part).map_err(|_| DecodeError::Range("rotation"))?;
    }
    state.rotation = Some(Rotation::new(largest, parts).ok_or(DecodeError::Range("rotation"))?);
    for (k, expected) in course.velocity(took).into_iter().enumerate() {
        state.vel_cmps[k] = velocity(expected, codes[4 + k].read_signed(bits)?)?;
    }
    let pos = moved_all(&base.state, state.vel_cmps, took, hz);
    for (k, expected) in pos.into_iter().enumerate() {
        state.pos_cm[k] = expected.wrapping_add(codes[7 + k].read_signed(bits)?);
    }
    Ok(())
}
