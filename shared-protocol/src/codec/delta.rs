//! A [`WireEntity`] against an older one: the heart of the codec, in integers only.
//!
//! The heading goes first, then the velocity against the old velocity turned along with the
//! heading, then the position against the old position moved by the mean of both velocities; both
//! residuals are turned into the heading's frame, where a walker's are small. A thing that stands,
//! or coasts exactly, costs one bit. What seldom changes (health, action, flags,
//! kind) hides behind one escape bit; a change of frame cell is sent whole.
//!
//! Prefix tables depend on the baseline's age: an older baseline means larger residuals.

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::WireEntity;

use super::DecodeError;
use super::full;
use super::prefix::BucketCode;
use super::turn::{along, turned, uprighted};

/// Oldest baseline a delta may have, ticks: two seconds at the highest tick rate.
pub const AGE_MAX: u32 = 256;

/// The prefix codes of one class of baseline ages. "Ahead" is along the new heading, "aside" across
/// it (counter-clockwise), "up" along the frame cell's z.
struct Tables {
    yaw: BucketCode<4>,
    vel_ahead: BucketCode<6>,
    vel_aside: BucketCode<6>,
    vel_up: BucketCode<6>,
    pos_ahead: BucketCode<6>,
    pos_aside: BucketCode<6>,
    pos_up: BucketCode<6>,
}

/// By class: ages 1, 2, 3–4, 5–8, and older.
static TABLES: [Tables; 5] = [
    Tables {
        yaw: BucketCode::new([2, 2, 3, 8]),
        vel_ahead: BucketCode::new([0, 0, 0, 4, 10, 20]),
        vel_aside: BucketCode::new([3, 3, 2, 2, 8, 20]),
        vel_up: BucketCode::new([0, 0, 2, 4, 8, 20]),
        pos_ahead: BucketCode::new([0, 0, 0, 5, 11, 32]),
        pos_aside: BucketCode::new([0, 0, 1, 3, 9, 32]),
        pos_up: BucketCode::new([0, 0, 1, 5, 11, 32]),
    },
    Tables {
        yaw: BucketCode::new([3, 2, 2, 8]),
        vel_ahead: BucketCode::new([0, 0, 0, 4, 10, 20]),
        vel_aside: BucketCode::new([3, 3, 2, 2, 8, 20]),
        vel_up: BucketCode::new([0, 0, 2, 4, 8, 20]),
        pos_ahead: BucketCode::new([0, 0, 0, 5, 11, 32]),
        pos_aside: BucketCode::new([1, 1, 1, 3, 9, 32]),
        pos_up: BucketCode::new([0, 0, 1, 5, 11, 32]),
    },
    Tables {
        yaw: BucketCode::new([3, 2, 3, 8]),
        vel_ahead: BucketCode::new([0, 0, 0, 4, 10, 20]),
        vel_aside: BucketCode::new([3, 3, 2, 2, 8, 20]),
        vel_up: BucketCode::new([0, 0, 2, 4, 8, 20]),
        pos_ahead: BucketCode::new([0, 0, 0, 3, 10, 32]),
        pos_aside: BucketCode::new([2, 2, 2, 3, 10, 32]),
        pos_up: BucketCode::new([0, 0, 1, 5, 11, 32]),
    },
    Tables {
        yaw: BucketCode::new([3, 3, 4, 8]),
        vel_ahead: BucketCode::new([0, 0, 0, 4, 10, 20]),
        vel_aside: BucketCode::new([3, 3, 2, 2, 8, 20]),
        vel_up: BucketCode::new([0, 0, 2, 4, 8, 20]),
        pos_ahead: BucketCode::new([0, 1, 1, 3, 9, 32]),
        pos_aside: BucketCode::new([3, 3, 3, 4, 9, 32]),
        pos_up: BucketCode::new([0, 0, 1, 5, 11, 32]),
    },
    Tables {
        yaw: BucketCode::new([3, 3, 4, 8]),
        vel_ahead: BucketCode::new([0, 0, 0, 4, 10, 20]),
        vel_aside: BucketCode::new([3, 3, 2, 2, 8, 20]),
        vel_up: BucketCode::new([0, 0, 2, 4, 8, 20]),
        pos_ahead: BucketCode::new([1, 0, 1, 3, 9, 32]),
        pos_aside: BucketCode::new([4, 4, 4, 5, 12, 32]),
        pos_up: BucketCode::new([0, 0, 1, 5, 11, 32]),
    },
];

fn tables(age: u32) -> &'static Tables {
    &TABLES[match age {
        0..=1 => 0,
        2 => 1,
        3..=4 => 2,
        5..=8 => 3,
        _ => 4,
    }]
}

/// Where something that was at `from` is after `age` ticks, if its velocity went from `old` to `new`
/// evenly: `from + (old + new) · age / (2 · hz)`, the quotient rounded to the nearest, halves up.
fn moved(from: i32, old: i16, new: i16, age: u32, hz: u32) -> i32 {
    let twice_hz = 2 * i64::from(hz.max(1));
    let way = (i64::from(old) + i64::from(new)) * i64::from(age.min(AGE_MAX));
    let whole = (2 * way + twice_hz).div_euclid(2 * twice_hz);
    from.wrapping_add(whole as i32)
}

/// The velocity expected of something that turned.
fn carried(old: [i16; 3], turn: u8) -> [i32; 3] {
    let [x, y, z] = old.map(i32::from);
    let [x, y] = turned([x, y], turn);
    [x, y, z]
}

fn moved_all(base: &WireEntity, vel: [i16; 3], age: u32, hz: u32) -> [i32; 3] {
    [0, 1, 2].map(|k| moved(base.pos_cm[k], base.vel_cmps[k], vel[k], age, hz))
}

/// What `base` becomes in `age` ticks if nothing happens to it: the state that costs one bit.
#[must_use]
pub fn predict(base: &WireEntity, age: u32, hz: u32) -> WireEntity {
    WireEntity {
        pos_cm: moved_all(base, base.vel_cmps, age, hz),
        ..*base
    }
}

/// Writes `state` as of `age` ticks (1 ..= [`AGE_MAX`]) after `base`.
pub fn write(out: &mut BitWriter, base: &WireEntity, age: u32, hz: u32, state: &WireEntity) {
    let expected = predict(base, age, hz);
    out.write_bool(*state != expected);
    if *state == expected {
        return;
    }
    let rare = (
        state.health,
        state.action,
        state.action_n,
        state.flags,
        state.kind,
        state.cell,
    ) != (
        base.health,
        base.action,
        base.action_n,
        base.flags,
        base.kind,
        base.cell,
    );
    out.write_bool(rare);
    if rare {
        out.write_bool(state.cell != base.cell);
        if state.cell != base.cell {
            out.write(state.cell, 64);
            full::write(out, state);
            return;
        }
        write_rare(out, base, state);
        let coasting = (state.yaw, state.vel_cmps, state.pos_cm)
            == (expected.yaw, expected.vel_cmps, expected.pos_cm);
        out.write_bool(!coasting);
        if coasting {
            return;
        }
    }
    write_motion(out, base, age, hz, state);
}

fn write_rare(out: &mut BitWriter, base: &WireEntity, state: &WireEntity) {
    out.write_bool(state.health != base.health);
    if state.health != base.health {
        out.write(u64::from(state.health), 8);
    }
    let action = (state.action, state.action_n) != (base.action, base.action_n);
    out.write_bool(action);
    if action {
        full::write_action(out, state);
    }
    out.write_bool(state.flags != base.flags);
    if state.flags != base.flags {
        full::write_flags(out, state.flags);
    }
    out.write_bool(state.kind != base.kind);
    if state.kind != base.kind {
        full::KIND.write(out, u32::from(state.kind));
    }
}

fn write_motion(out: &mut BitWriter, base: &WireEntity, age: u32, hz: u32, state: &WireEntity) {
    let tables = tables(age);
    let turn = state.yaw.wrapping_sub(base.yaw);
    tables.yaw.write_signed(out, i32::from(turn as i8));
    let vel = carried(base.vel_cmps, turn);
    let residual = |k: usize| i32::from(state.vel_cmps[k]) - vel[k];
    let [ahead, aside] = along([residual(0), residual(1)], state.yaw);
    tables.vel_ahead.write_signed(out, ahead);
    tables.vel_aside.write_signed(out, aside);
    tables.vel_up.write_signed(out, residual(2));
    let pos = moved_all(base, state.vel_cmps, age, hz);
    let residual = |k: usize| state.pos_cm[k].wrapping_sub(pos[k]);
    let [ahead, aside] = along([residual(0), residual(1)], state.yaw);
    tables.pos_ahead.write_signed(out, ahead);
    tables.pos_aside.write_signed(out, aside);
    tables.pos_up.write_signed(out, residual(2));
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// [`DecodeError`].
pub fn read(
    bits: &mut BitReader<'_>,
    base: &WireEntity,
    age: u32,
    hz: u32,
) -> Result<WireEntity, DecodeError> {
    if !bits.read_bool()? {
        return Ok(predict(base, age, hz));
    }
    let mut state = *base;
    if bits.read_bool()? {
        if bits.read_bool()? {
            let cell = bits.read(64)?;
            return full::read(bits, cell);
        }
        read_rare(bits, &mut state)?;
        if !bits.read_bool()? {
            state.pos_cm = moved_all(base, base.vel_cmps, age, hz);
            return Ok(state);
        }
    }
    read_motion(bits, base, age, hz, &mut state)?;
    Ok(state)
}

fn read_rare(bits: &mut BitReader<'_>, state: &mut WireEntity) -> Result<(), DecodeError> {
    if bits.read_bool()? {
        state.health = bits.read(8)? as u8;
    }
    if bits.read_bool()? {
        (state.action, state.action_n) = full::read_action(bits)?;
    }
    if bits.read_bool()? {
        state.flags = full::read_flags(bits)?;
    }
    if bits.read_bool()? {
        state.kind = full::read_kind(bits)?;
    }
    Ok(())
}

fn read_motion(
    bits: &mut BitReader<'_>,
    base: &WireEntity,
    age: u32,
    hz: u32,
    state: &mut WireEntity,
) -> Result<(), DecodeError> {
    let tables = tables(age);
    let turn = i8::try_from(tables.yaw.read_signed(bits)?)
        .map_err(|_| DecodeError::Range("heading"))? as u8;
    state.yaw = base.yaw.wrapping_add(turn);
    let vel = carried(base.vel_cmps, turn);
    let component = |expected: i32, residual: i32| {
        i16::try_from(expected.wrapping_add(residual)).map_err(|_| DecodeError::Range("velocity"))
    };
    let (ahead, aside) = (
        tables.vel_ahead.read_signed(bits)?,
        tables.vel_aside.read_signed(bits)?,
    );
    let [x, y] = uprighted([ahead, aside], state.yaw);
    state.vel_cmps = [
        component(vel[0], x)?,
        component(vel[1], y)?,
        component(vel[2], tables.vel_up.read_signed(bits)?)?,
    ];
    let pos = moved_all(base, state.vel_cmps, age, hz);
    let (ahead, aside) = (
        tables.pos_ahead.read_signed(bits)?,
        tables.pos_aside.read_signed(bits)?,
    );
    let [x, y] = uprighted([ahead, aside], state.yaw);
    state.pos_cm = [
        pos[0].wrapping_add(x),
        pos[1].wrapping_add(y),
        pos[2].wrapping_add(tables.pos_up.read_signed(bits)?),
    ];
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Dice;
    use super::*;

    fn bits_of(base: &WireEntity, age: u32, state: &WireEntity) -> usize {
        let mut out = BitWriter::default();
        write(&mut out, base, age, 20, state);
        out.bits()
    }

    #[test]
    fn anything_survives_against_any_baseline() {
        for seed in 0..20_000 {
            let mut dice = Dice(seed);
            let base = dice.entity();
            let state = if dice.below(3) == 0 {
                dice.entity()
            } else {
                dice.nudged(&base)
            };
            let (age, hz) = (1 + dice.below(AGE_MAX), 1 + dice.below(120));
            let mut out = BitWriter::default();
            write(&mut out, &base, age, hz, &state);
            let bytes = out.to_bytes();
            let mut bits = BitReader::new(&bytes);
            assert_eq!(read(&mut bits, &base, age, hz), Ok(state), "seed {seed}");
            assert!(bits.only_padding_left(), "seed {seed}");
        }
    }

    #[test]
    fn standing_and_coasting_cost_one_bit() {
        for seed in 0..200 {
            let base = Dice(seed).entity();
            for age in [1, 2, 7, 40] {
                assert_eq!(bits_of(&base, age, &predict(&base, age, 20)), 1);
            }
        }
    }

    #[test]
    fn a_steady_turn_is_nearly_free() {
        let base = WireEntity {
            vel_cmps: [500, 0, 0],
            ..WireEntity::default()
        };
        let [x, y] = turned([500, 0], 3);
        let vel = [x as i16, y as i16, 0];
        let state = WireEntity {
            yaw: 3,
            vel_cmps: vel,
            pos_cm: moved_all(&base, vel, 1, 20),
            ..base
        };
        assert!(bits_of(&base, 1, &state) <= 16);
    }

    #[test]
    fn residuals_round_to_the_nearest_with_halves_up() {
        // 10 cm/s for one tick of 20 Hz is half a centimetre.
        assert_eq!(moved(0, 10, 10, 1, 20), 1);
        assert_eq!(moved(0, -10, -10, 1, 20), 0);
        assert_eq!(moved(0, 9, 9, 1, 20), 0);
        assert_eq!(moved(0, -11, -11, 1, 20), -1);
        assert_eq!(moved(100, 500, 480, 2, 20), 149);
    }

    #[test]
    fn a_change_of_frame_cell_is_whole() {
        let mut dice = Dice(5);
        let (base, other) = (dice.entity(), dice.entity());
        let state = WireEntity {
            cell: base.cell ^ 2,
            ..other
        };
        assert!(bits_of(&base, 1, &state) > 64);
    }

    #[test]
    fn random_bits_are_a_state_or_an_error() {
        for seed in 0..20_000 {
            let mut dice = Dice(seed);
            let base = dice.entity();
            let bytes = dice.bytes(40);
            let _ = read(
                &mut BitReader::new(&bytes),
                &base,
                dice.below(1_000),
                dice.below(500),
            );
        }
    }
}
