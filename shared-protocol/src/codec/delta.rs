//! A [`WireEntity`] against an older one: the heart of the codec, in integers only.
//!
//! There are two classes of motion. A *walker* has a heading, and its velocity turns along with it
//! (`shaped`, and `walker` for those who know the schema before alone); a *body* is turned anyhow, and goes
//! on as it went (`body`). For both the change of direction goes first, then the velocity against what that
//! lets expect, then the position against where both velocities lead from the old one. A body that does
//! exactly what was expected costs two bits, a walker a few. What seldom changes (health, action, flags,
//! kind) hides behind an escape; a change of frame cell or of the class of motion is sent whole.
//!
//! Prefix tables depend on the class of motion and on the baseline's age: an older one means larger
//! residuals ([`super::tables`]).

mod body;
mod shaped;
mod walker;

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::WireEntity;

use super::DecodeError;
use super::full;
use super::prefix::folded;
use super::tables::{TableSet, WalkerCodes};

pub use body::FIELDS as BODY_FIELDS;
pub use shaped::FIELDS as WALKER_FIELDS;
pub use walker::FIELDS as PLAIN_WALKER_FIELDS;

/// Oldest baseline a delta may have, ticks: two seconds at the highest tick rate.
pub const AGE_MAX: u32 = 256;

/// What a delta is against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The state.
    pub state: WireEntity,
    /// How many ticks ago that was, 1 ..= [`AGE_MAX`].
    pub age: u32,
    /// What that state was a delta against in turn, and how many ticks it was older; `None` if it was
    /// sent in full. Two states say how a body's motion changes.
    pub earlier: Option<(WireEntity, u32)>,
}

impl Baseline {
    /// One that was sent in full.
    #[must_use]
    pub fn alone(state: WireEntity, age: u32) -> Self {
        Self {
            state,
            age,
            earlier: None,
        }
    }

    /// What it becomes if nothing unexpected happens: the state that costs two bits.
    #[must_use]
    pub fn predict(&self, hz: u32) -> WireEntity {
        match self.state.rotation {
            None => walker::predict(&self.state, self.age, hz),
            Some(rotation) => body::predict(self, rotation, hz),
        }
    }

    /// The coded numbers of a delta to `state` in the newest schema, in the order in which they are written,
    /// each with its place in [`WALKER_FIELDS`] or [`BODY_FIELDS`]: what tables are made from. Nothing of a
    /// body that is sent whole or is as expected.
    #[must_use]
    pub fn numbers(&self, hz: u32, state: &WireEntity) -> Vec<(usize, u32)> {
        let Some(old) = self.state.rotation else {
            return shaped::numbers(self, hz, state);
        };
        match state.rotation {
            Some(new) if !is_whole(&self.state, state) && *state != self.predict(hz) => {
                let residuals = body::residuals(self, old, hz, state, new);
                residuals
                    .values
                    .into_iter()
                    .map(folded)
                    .enumerate()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Where something that was at `from` is after so many quarter ticks, if its velocity went from `old` to
/// `new` evenly: `from + (old + new) · quarters / (8 · hz)`, the quotient rounded to the nearest, halves
/// up.
fn moved(from: i32, old: i16, new: i16, quarters: i64, hz: u32) -> i32 {
    let hz8 = 8 * i64::from(hz.max(1));
    let way = (i64::from(old) + i64::from(new)) * quarters;
    from.wrapping_add((2 * way + hz8).div_euclid(2 * hz8) as i32)
}

fn moved_all(base: &WireEntity, vel: [i16; 3], quarters: i64, hz: u32) -> [i32; 3] {
    [0, 1, 2].map(|k| moved(base.pos_cm[k], base.vel_cmps[k], vel[k], quarters, hz))
}

/// A tick has four quarters.
fn quarters(age: u32) -> i64 {
    4 * i64::from(age.min(AGE_MAX))
}

/// Writes `state` against its baseline.
pub fn write(out: &mut BitWriter, tables: &TableSet, base: &Baseline, hz: u32, state: &WireEntity) {
    match base.state.rotation {
        None => match tables.of_walker(base.age, hz) {
            WalkerCodes::Shaped(codes) => shaped::write(out, codes, base, hz, state),
            WalkerCodes::Plain(codes) => write_escaped(out, base, hz, state, |out| {
                let residuals = walker::residuals(&base.state, base.age, hz, state);
                for (code, value) in codes.iter().zip(residuals) {
                    code.write_signed(out, value);
                }
            }),
        },
        Some(old) => write_escaped(out, base, hz, state, |out| {
            // It has one as well, or it would be written whole.
            let new = state.rotation.unwrap_or(old);
            let codes = tables.of_body(base.age, hz);
            body::write(out, codes, &body::residuals(base, old, hz, state, new));
        }),
    }
}

/// With an escape for what seldom changes, and one for what is as expected.
fn write_escaped(
    out: &mut BitWriter,
    base: &Baseline,
    hz: u32,
    state: &WireEntity,
    write_motion: impl FnOnce(&mut BitWriter),
) {
    let old = &base.state;
    let whole = is_whole(old, state);
    if !whole && seldom(state) == seldom(old) {
        let as_expected = *state == base.predict(hz);
        out.write_bool(as_expected);
        if as_expected {
            out.write_bool(false);
        } else {
            write_motion(out);
        }
        return;
    }
    out.write(0b11, 2);
    out.write_bool(whole);
    if whole {
        out.write(state.cell, 64);
        full::write(out, state);
        return;
    }
    write_seldom(out, old, state);
    let expected = base.predict(hz);
    let as_expected = (state.yaw, state.rotation, state.vel_cmps, state.pos_cm)
        == (
            expected.yaw,
            expected.rotation,
            expected.vel_cmps,
            expected.pos_cm,
        );
    out.write_bool(!as_expected);
    if !as_expected {
        write_motion(out);
    }
}

/// Whether a state has to be sent whole.
fn is_whole(old: &WireEntity, state: &WireEntity) -> bool {
    state.cell != old.cell || state.rotation.is_some() != old.rotation.is_some()
}

/// What seldom changes.
fn seldom(state: &WireEntity) -> impl PartialEq + use<> {
    (
        state.health,
        state.action,
        state.action_n,
        state.flags,
        state.kind,
    )
}

fn write_seldom(out: &mut BitWriter, base: &WireEntity, state: &WireEntity) {
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

/// Reads what [`write()`] wrote.
///
/// # Errors
/// [`DecodeError`].
pub fn read(
    bits: &mut BitReader<'_>,
    tables: &TableSet,
    base: &Baseline,
    hz: u32,
) -> Result<WireEntity, DecodeError> {
    match base.state.rotation {
        None => match tables.of_walker(base.age, hz) {
            WalkerCodes::Shaped(codes) => shaped::read(bits, codes, base, hz),
            WalkerCodes::Plain(codes) => read_escaped(bits, base, hz, |bits, state| {
                walker::read(bits, codes, &base.state, base.age, hz, state)
            }),
        },
        Some(rotation) => read_escaped(bits, base, hz, |bits, state| {
            let codes = tables.of_body(base.age, hz);
            body::read(bits, codes, base, rotation, hz, state)
        }),
    }
}

fn read_escaped(
    bits: &mut BitReader<'_>,
    base: &Baseline,
    hz: u32,
    read_motion: impl FnOnce(&mut BitReader<'_>, &mut WireEntity) -> Result<(), DecodeError>,
) -> Result<WireEntity, DecodeError> {
    let mut state = base.state;
    if !bits.read_bool()? {
        read_motion(bits, &mut state)?;
        return Ok(state);
    }
    if !bits.read_bool()? {
        return Ok(base.predict(hz));
    }
    if bits.read_bool()? {
        let cell = bits.read(64)?;
        return full::read(bits, cell);
    }
    read_seldom(bits, &mut state)?;
    if bits.read_bool()? {
        read_motion(bits, &mut state)?;
        return Ok(state);
    }
    let expected = base.predict(hz);
    Ok(WireEntity {
        yaw: expected.yaw,
        rotation: expected.rotation,
        vel_cmps: expected.vel_cmps,
        pos_cm: expected.pos_cm,
        ..state
    })
}

fn read_seldom(bits: &mut BitReader<'_>, state: &mut WireEntity) -> Result<(), DecodeError> {
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

/// A component of a velocity: what was expected, and by how much it differs.
fn velocity(expected: i32, residual: i32) -> Result<i16, DecodeError> {
    i16::try_from(expected.wrapping_add(residual)).map_err(|_| DecodeError::Range("velocity"))
}

#[cfg(test)]
mod tests {
    use super::super::tables::{V1, V2};
    use super::super::testing::Dice;
    use super::*;

    fn bits_of(base: &Baseline, state: &WireEntity) -> usize {
        let mut out = BitWriter::default();
        write(&mut out, &V2, base, 20, state);
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
            let hz = 1 + dice.below(120);
            let tables = [&V1, &V2][dice.below(2) as usize];
            let base = Baseline {
                age: 1 + dice.below(AGE_MAX),
                earlier: [
                    Some((dice.nudged(&base), dice.below(9))),
                    Some((dice.entity(), 7)),
                    None,
                ][dice.below(3) as usize],
                state: base,
            };
            let mut out = BitWriter::default();
            write(&mut out, tables, &base, hz, &state);
            let bytes = out.to_bytes();
            let mut bits = BitReader::new(&bytes);
            assert_eq!(read(&mut bits, tables, &base, hz), Ok(state), "seed {seed}");
            assert!(bits.only_padding_left(), "seed {seed}");
        }
    }

    #[test]
    fn standing_and_coasting_cost_a_body_two_bits_and_a_walker_few() {
        for seed in 0..200 {
            let base = Dice(seed).in_steps();
            for (age, most) in [(1, 6), (2, 6), (7, 7), (40, 8)] {
                let base = Baseline::alone(base, age);
                let bits = bits_of(&base, &base.predict(20));
                if base.state.rotation.is_some() {
                    assert_eq!(bits, 2);
                } else {
                    assert!(bits <= most, "{bits} after {age}");
                }
            }
        }
    }

    #[test]
    fn a_steady_turn_is_nearly_free() {
        let base = WireEntity {
            vel_cmps: [500, 0, 0],
            ..WireEntity::default()
        };
        let [x, y] = crate::codec::turn::uprighted([500, 0], 3);
        let state = WireEntity {
            yaw: 3,
            vel_cmps: [x as i16, y as i16, 0],
            pos_cm: [x / 20, y / 20, 0],
            ..base
        };
        assert!(bits_of(&Baseline::alone(base, 1), &state) <= 9);
    }

    #[test]
    fn a_velocity_between_two_steps_is_told_all_the_same() {
        let base = WireEntity {
            vel_cmps: [500, 0, 0],
            ..WireEntity::default()
        };
        for vel_cmps in [[501, 0, 0], [32_767, -32_768, -32_768], [-3, 7, 1]] {
            let state = WireEntity { vel_cmps, ..base };
            let base = Baseline::alone(base, 1);
            let mut out = BitWriter::default();
            write(&mut out, &V2, &base, 20, &state);
            let bytes = out.to_bytes();
            assert_eq!(read(&mut BitReader::new(&bytes), &V2, &base, 20), Ok(state));
        }
    }

    #[test]
    fn residuals_round_to_the_nearest_with_halves_up() {
        // 10 cm/s for one tick of 20 Hz is half a centimetre.
        assert_eq!(moved(0, 10, 10, 4, 20), 1);
        assert_eq!(moved(0, -10, -10, 4, 20), 0);
        assert_eq!(moved(0, 9, 9, 4, 20), 0);
        assert_eq!(moved(0, -11, -11, 4, 20), -1);
        assert_eq!(moved(100, 500, 480, 8, 20), 149);
    }

    #[test]
    fn a_change_of_frame_cell_is_whole() {
        let mut dice = Dice(5);
        let (base, other) = (dice.entity(), dice.entity());
        let state = WireEntity {
            cell: base.cell ^ 2,
            ..other
        };
        assert!(bits_of(&Baseline::alone(base, 1), &state) > 64);
    }

    #[test]
    fn random_bits_are_a_state_or_an_error() {
        for seed in 0..20_000 {
            let mut dice = Dice(seed);
            let base = Baseline {
                state: dice.entity(),
                age: dice.below(1_000),
                earlier: Some((dice.entity(), dice.below(1_000))),
            };
            let bytes = dice.bytes(40);
            let mut bits = BitReader::new(&bytes);
            let _ = read(&mut bits, &V2, &base, dice.below(500));
        }
    }
}
