//! A [`WireEntity`] against an older one: the heart of the codec, in integers only.
//!
//! There are two classes of motion. A *walker* has a heading, and its velocity turns along with it
//! (`walker`); a *body* is turned anyhow, and goes on as it went (`body`). For both the change of
//! direction goes first, then the velocity against what that lets expect, then the position against the
//! old one moved by the mean of both velocities. A thing that does exactly what was expected costs two
//! bits. What seldom changes (health, action, flags, kind) hides behind an escape; a change of frame
//! cell or of the class of motion is sent whole.
//!
//! Prefix tables depend on the class of motion and on the baseline's age: an older one means larger
//! residuals ([`super::tables`]).

mod body;
mod walker;

use crate::bits::{BitReader, BitWriter};
use crate::wire_frame::WireEntity;

use super::DecodeError;
use super::full;
use super::prefix::BucketCode;
use super::tables::TableSet;

pub use body::FIELDS as BODY_FIELDS;
pub use walker::FIELDS as WALKER_FIELDS;

/// Oldest baseline a delta may have, ticks: two seconds at the highest tick rate.
pub const AGE_MAX: u32 = 256;
/// Most fields that a class of motion has.
pub const MOTION_FIELDS_MAX: usize = 10;

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

    /// By how much `state` differs from what was expected of its motion, field by field in the order in
    /// which they are written, and the code of each; `None` if it is sent whole.
    #[must_use]
    pub fn residuals(&self, hz: u32, state: &WireEntity) -> Option<Residuals> {
        let base = &self.state;
        if state.cell != base.cell {
            return None;
        }
        match (base.rotation, state.rotation) {
            (None, None) => Some(walker::residuals(base, self.age, hz, state)),
            (Some(old), Some(new)) => Some(body::residuals(self, old, hz, state, new)),
            _ => None,
        }
    }
}

/// A motion as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residuals {
    values: [i32; MOTION_FIELDS_MAX],
    count: usize,
    /// Of a body: another greatest component of its rotation than expected.
    pub largest: Option<u8>,
}

impl Residuals {
    fn new(values: &[i32], largest: Option<u8>) -> Self {
        let mut all = [0; MOTION_FIELDS_MAX];
        all[..values.len()].copy_from_slice(values);
        Self {
            values: all,
            count: values.len(),
            largest,
        }
    }

    /// In the order of [`WALKER_FIELDS`] or [`BODY_FIELDS`].
    #[must_use]
    pub fn values(&self) -> &[i32] {
        &self.values[..self.count]
    }
}

/// The codes of one class of motion at one class of age.
type Codes = [BucketCode];

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
    let old = &base.state;
    let whole = state.cell != old.cell || state.rotation.is_some() != old.rotation.is_some();
    if !whole && seldom(state) == seldom(old) {
        let as_expected = *state == base.predict(hz);
        out.write_bool(as_expected);
        if as_expected {
            out.write_bool(false);
        } else {
            write_motion(out, tables, base, hz, state);
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
        write_motion(out, tables, base, hz, state);
    }
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

fn write_motion(
    out: &mut BitWriter,
    tables: &TableSet,
    base: &Baseline,
    hz: u32,
    state: &WireEntity,
) {
    match (base.state.rotation, state.rotation) {
        (Some(old), Some(new)) => {
            let codes = tables.of_body(base.age, hz);
            body::write(out, codes, &body::residuals(base, old, hz, state, new));
        }
        _ => {
            let codes = tables.of_walker(base.age, hz);
            let residuals = walker::residuals(&base.state, base.age, hz, state);
            for (code, &value) in codes.iter().zip(residuals.values()) {
                code.write_signed(out, value);
            }
        }
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
    let mut state = base.state;
    if !bits.read_bool()? {
        read_motion(bits, tables, base, hz, &mut state)?;
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
        read_motion(bits, tables, base, hz, &mut state)?;
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

fn read_motion(
    bits: &mut BitReader<'_>,
    tables: &TableSet,
    base: &Baseline,
    hz: u32,
    state: &mut WireEntity,
) -> Result<(), DecodeError> {
    match base.state.rotation {
        None => {
            let codes = tables.of_walker(base.age, hz);
            walker::read(bits, codes, &base.state, base.age, hz, state)
        }
        Some(rotation) => {
            let codes = tables.of_body(base.age, hz);
            body::read(bits, codes, base, rotation, hz, state)
        }
    }
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
    fn standing_and_coasting_cost_two_bits() {
        for seed in 0..200 {
            let base = Dice(seed).entity();
            for age in [1, 2, 7, 40] {
                let base = Baseline::alone(base, age);
                assert_eq!(bits_of(&base, &base.predict(20)), 2);
            }
        }
    }

    #[test]
    fn a_steady_turn_is_nearly_free() {
        let base = WireEntity {
            vel_cmps: [500, 0, 0],
            ..WireEntity::default()
        };
        let [x, y] = crate::codec::turn::turned([500, 0], 3);
        let vel = [x as i16, y as i16, 0];
        let state = WireEntity {
            yaw: 3,
            vel_cmps: vel,
            pos_cm: moved_all(&base, vel, 4, 20),
            ..base
        };
        assert!(bits_of(&Baseline::alone(base, 1), &state) <= 16);
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
