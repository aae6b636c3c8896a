//! From metres and radians to the integers of a [`WireEntity`](crate::WireEntity). Done once per
//! entity and tick, by the simulation's Publish.
//!
//! Rounding is `f64::round` (half away from zero), which is exact on every machine; values out of
//! range saturate. A heading arrives as an angle: its arctangent belongs to whoever owns the
//! deterministic maths module, not to this crate.

use core::f64::consts::TAU;

use glam::{DQuat, DVec3};

use super::rotation::{COMPONENT_MAX, Rotation};
use super::turn::{VELOCITY_STEPS_CMPS, along, in_steps, uprighted};

/// `x.round() as i64`: half away from zero, saturating, NaN as 0. The standard library's is a call on
/// processors that may lack the instruction, and there are seven in every row of every tick.
#[inline]
fn rounded(x: f64) -> i64 {
    let whole = x as i64;
    // Exact: what is left of a number has no more digits than the number.
    let rest = x - whole as f64;
    whole.saturating_add(i64::from(rest >= 0.5) - i64::from(rest <= -0.5))
}

fn saturated(x: i64) -> i32 {
    x.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// Metres along a frame cell's axes to centimetres.
#[must_use]
pub fn position_cm(local_m: DVec3) -> [i32; 3] {
    local_m.to_array().map(|m| saturated(rounded(m * 100.0)))
}

/// Metres per second along a frame cell's axes to centimetres per second; at most 327 m/s. A walker's is
/// [`walker_velocity`].
#[must_use]
pub fn velocity_cmps(local_mps: DVec3) -> [i16; 3] {
    let cmps = |mps: f64| rounded(mps * 100.0).clamp(i16::MIN.into(), i16::MAX.into());
    local_mps.to_array().map(|mps| cmps(mps) as i16)
}

/// A walker's velocity, as [`velocity_cmps`], but in whole steps along its heading, across it and up: who
/// sees it move between two places needs no more, and it costs a third less to tell. Near the end of the
/// range, where steps would lead beyond it, to the centimetre.
#[must_use]
pub fn walker_velocity(local_mps: DVec3, yaw: u8) -> [i16; 3] {
    let exact = velocity_cmps(local_mps);
    let [x, y, z] = exact.map(i32::from);
    let [ahead, aside] = along([x, y], yaw);
    let steps = in_steps([ahead, aside, z]);
    let [ahead, aside, z] = [0, 1, 2].map(|k| steps[k] * VELOCITY_STEPS_CMPS[k]);
    let [x, y] = uprighted([ahead, aside], yaw);
    let stepped = [x, y, z].map(i16::try_from);
    match stepped {
        [Ok(x), Ok(y), Ok(z)] => [x, y, z],
        _ => exact,
    }
}

/// An angle from +x towards +y, radians, to 256ths of a turn.
#[must_use]
pub fn yaw(angle_rad: f64) -> u8 {
    (rounded(angle_rad * (256.0 / TAU)) & 255) as u8
}

/// A unit quaternion to the smallest three of its components; of equally great ones the first is left
/// out. One that is not of unit length is scaled; NaN and zero are no turn at all.
#[must_use]
pub fn rotation(turn: DQuat) -> Rotation {
    let length = turn.length();
    if !(length.is_finite() && length > 0.0) {
        return Rotation::default();
    }
    let whole = turn.to_array().map(|component| component / length);
    let mut largest = 0;
    for place in 1..4 {
        if whole[place].abs() > whole[largest].abs() {
            largest = place;
        }
    }
    let sign = whole[largest].signum();
    let max = f64::from(COMPONENT_MAX);
    let parts = super::rotation::others(largest as u8).map(|place| {
        let units = (sign * whole[place] * max * core::f64::consts::SQRT_2).round();
        units.clamp(-max, max) as i16
    });
    Rotation::new(largest as u8, parts).unwrap_or_default()
}

/// Health to 255ths of the maximum: 0 only for 0, and 255 only for the maximum or more.
#[must_use]
pub fn health(points: u32, max: u32) -> u8 {
    if points == 0 {
        return 0;
    }
    if points >= max {
        return 255;
    }
    let share = u64::from(points) * 255 / u64::from(max);
    share.clamp(1, 254) as u8
}

/// The position that [`position_cm`] stands for, metres along the frame cell's axes.
#[must_use]
pub fn position_m(pos_cm: [i32; 3]) -> DVec3 {
    DVec3::from_array(pos_cm.map(f64::from)) / 100.0
}

/// The unit quaternion that [`rotation()`] stands for.
#[must_use]
pub fn rotation_quaternion(rotation: Rotation) -> DQuat {
    let unit = 1.0 / (f64::from(COMPONENT_MAX) * core::f64::consts::SQRT_2);
    let mut whole = [0.0; 4];
    let mut left = 1.0;
    let places = super::rotation::others(rotation.largest());
    for (part, place) in rotation.parts().into_iter().zip(places) {
        whole[place] = f64::from(part) * unit;
        left -= whole[place] * whole[place];
    }
    whole[usize::from(rotation.largest())] = if left > 0.0 { left.sqrt() } else { 0.0 };
    DQuat::from_array(whole).normalize()
}

/// The velocity that [`velocity_cmps`] stands for, m/s along the frame cell's axes.
#[must_use]
pub fn velocity_mps(vel_cmps: [i16; 3]) -> DVec3 {
    DVec3::from_array(vel_cmps.map(f64::from)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_centimetre_is_the_largest_error() {
        for n in 0..2_000_u64 {
            let axis = |k| (crate::mix64(n * 3 + k) as i32) as f64 / 1e5;
            let pos = DVec3::new(axis(0), axis(1), axis(2));
            let error = position_m(position_cm(pos)) - pos;
            assert!(error.abs().max_element() <= 0.005 + 1e-9);
        }
    }

    #[test]
    fn the_worst_errors_of_velocity_heading_and_health_are_as_documented() {
        for n in 0..20_000_u64 {
            let draw = |k: u64| (crate::mix64(n * 7 + k) % 60_000) as f64 - 30_000.0;
            let vel = DVec3::new(draw(0), draw(1), draw(2)) / 100.3;
            let error = velocity_mps(velocity_cmps(vel)) - vel;
            assert!(error.abs().max_element() <= 0.005 + 1e-9);
            let angle = draw(3) / 1_000.0;
            let off = angle - f64::from(yaw(angle)) * (TAU / 256.0);
            let off = off - (off / TAU).round() * TAU;
            assert!(off.abs() <= TAU / 512.0 + 1e-9, "{angle}");
            let max = 1 + (crate::mix64(n) % 60_000) as u32;
            let points = (crate::mix64(n + 1) % (u64::from(max) + 1)) as u32;
            let shown = f64::from(health(points, max)) / 255.0;
            let off = f64::from(points) / f64::from(max) - shown;
            assert!(off.abs() <= 1.0 / 255.0 + 1e-9, "{points} of {max}");
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "bounds hold whatever a machine's sine rounds to"
    )]
    fn a_walkers_velocity_is_off_by_half_a_step_and_what_turning_rounds() {
        let mut worst = DVec3::ZERO;
        for n in 0..200_000_u64 {
            let draw = |k: u64| (crate::mix64(n * 7 + k) % 20_000) as f64 / 1e4 - 1.0;
            let vel =
                DVec3::new(draw(0), draw(1), draw(2)) * [0.3, 3.0, 30.0, 190.0][n as usize % 4];
            let heading = (n % 256) as u8;
            let off = velocity_mps(walker_velocity(vel, heading)) - vel;
            let (sin, cos) = (f64::from(heading) * (TAU / 256.0)).sin_cos();
            let ahead = off.x * cos + off.y * sin;
            let aside = off.y * cos - off.x * sin;
            worst = worst.max(DVec3::new(ahead, aside, off.z).abs());
        }
        let [ahead, aside, up] = worst.to_array();
        assert!(
            ahead <= 0.075 && aside <= 0.125 && up <= 0.055 + 1e-9,
            "{worst}"
        );
        assert!(
            ahead >= 0.06 && aside >= 0.11 && up >= 0.05,
            "not tried hard enough: {worst}"
        );
    }

    #[test]
    fn a_velocity_in_steps_stays_what_it_is_and_one_beyond_them_is_kept_to_the_centimetre() {
        for n in 0..50_000_u64 {
            let draw = |k: u64| (crate::mix64(n * 7 + k) % 60_000) as f64 / 100.0 - 300.0;
            let heading = (n % 256) as u8;
            let once = walker_velocity(DVec3::new(draw(0), draw(1), draw(2)), heading);
            assert_eq!(
                walker_velocity(velocity_mps(once), heading),
                once,
                "{heading}"
            );
        }
        assert_eq!(walker_velocity(DVec3::splat(1e9), 32), [i16::MAX; 3]);
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "bounds hold whatever a machine's sine rounds to"
    )]
    fn who_runs_where_he_looks_has_one_velocity_whichever_way_he_turns() {
        for n in 0..100_000_u64 {
            let angle = (crate::mix64(n) % 1_000_000) as f64 / 1e6 * TAU;
            let (sin, cos) = angle.sin_cos();
            for speed in [0.0, 1.4, 3.5, 5.0, 7.0] {
                let heading = yaw(angle);
                let [x, y, z] = walker_velocity(DVec3::new(cos, sin, 0.0) * speed, heading);
                let told = along([x.into(), y.into()], heading);
                assert_eq!(
                    (told, z),
                    ([(speed * 100.0) as i32, 0], 0),
                    "{angle} {speed}"
                );
            }
        }
    }

    #[test]
    fn a_rotation_is_off_by_at_most_a_little_over_a_quarter_of_a_degree() {
        let mut worst = 0.0_f64;
        for n in 0..200_000_u64 {
            let spread = [1.0, 0.1, 0.01][(n % 3) as usize];
            let draw = |k: u64| (crate::mix64(n * 5 + k) % 20_001) as f64 / 1e4 - 1.0;
            // Where all four components are alike, the greatest one is told least exactly.
            let near = f64::from(u8::from(n % 2 == 0));
            let part = |k: u64| near + draw(k) * spread;
            let turn = DQuat::from_xyzw(part(0), part(1), part(2), part(3));
            if turn.length() < 1e-6 {
                continue;
            }
            let turn = turn.normalize();
            let shown = rotation_quaternion(rotation(turn));
            let between = shown * turn.conjugate();
            let half = between.xyz().length().min(1.0);
            // An angle this small is twice its half's sine, to a millionth.
            worst = worst.max(2.0 * half);
        }
        let degree = TAU / 360.0;
        assert!(worst <= 0.28 * degree, "{}", worst / degree);
        assert!(worst >= 0.2 * degree, "not tried hard enough: {worst}");
    }

    #[test]
    fn out_of_range_values_saturate() {
        assert_eq!(
            velocity_cmps(DVec3::new(1e9, -1e9, f64::NAN)),
            [i16::MAX, i16::MIN, 0]
        );
        assert_eq!(position_cm(DVec3::splat(1e12)), [i32::MAX; 3]);
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        for n in 0..200_000_u64 {
            let any = f64::from_bits(crate::mix64(n));
            let half = (n as f64 - 100_000.0) * 0.5;
            for x in [
                any,
                half.next_down(),
                half,
                half.next_up(),
                half * 1e9,
                half * 1e16,
            ] {
                assert_eq!(rounded(x), x.round() as i64, "{x:e}");
                assert_eq!(saturated(rounded(x)), x.round() as i32, "{x:e}");
                let cmps = (x * 100.0).round() as i16;
                assert_eq!(velocity_cmps(DVec3::splat(x)), [cmps; 3], "{x:e}");
            }
        }
    }

    #[test]
    fn a_turn_has_256_headings() {
        assert_eq!(yaw(0.0), 0);
        assert_eq!(yaw(TAU / 4.0), 64);
        assert_eq!(yaw(-TAU / 4.0), 192);
        assert_eq!(yaw(TAU / 2.0), 128);
        assert_eq!(yaw(-TAU / 2.0), 128);
        assert_eq!(yaw(-1e-9), 0);
    }

    #[test]
    fn only_the_dead_have_no_health_and_only_the_whole_have_all() {
        assert_eq!(health(0, 100), 0);
        assert_eq!(health(1, 60_000), 1);
        assert_eq!(health(59_999, 60_000), 254);
        assert_eq!(health(100, 100), 255);
        assert_eq!(health(120, 100), 255);
        assert_eq!(health(1, 0), 255);
        assert_eq!(health(50, 100), 127);
    }
}
