//! The six faces of the cube around the planet and S2's quadratic projection onto them.
//!
//! Coordinates, as S2 names them: (face, u, v) lie in the plane of a face, −1 ..= 1; (s, t) are u
//! and v bent by a quadratic so that cells are of more even size, 0 ..= 1; (i, j) number the leaf
//! cells, 0 .. 2³⁰. Definitions: s2geometry.io, "S2 cells", and `s2coords.h`. The `s2` crate keeps
//! its own copy private, and only square roots and divisions are needed.

use glam::DVec3;

/// Leaf cells along the edge of a face.
pub(crate) const LEAVES: i32 = 1 << 30;

/// The face a direction (not zero) points through, and where.
#[inline]
pub(crate) fn face_uv(dir: DVec3) -> (u8, f64, f64) {
    let DVec3 { x, y, z } = dir;
    let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
    // Ties go to the earlier axis, as in S2.
    let (axis, value) = if ay > ax {
        if az > ay { (2, z) } else { (1, y) }
    } else if az > ax {
        (2, z)
    } else {
        (0, x)
    };
    let face = if value < 0.0 { axis + 3 } else { axis };
    let (u, v) = match face {
        0 => (y / x, z / x),
        1 => (-x / y, z / y),
        2 => (-x / z, -y / z),
        3 => (z / x, y / x),
        4 => (z / y, -x / y),
        _ => (-y / z, -x / z),
    };
    (face, u, v)
}

/// The point of a face's plane, not normalised.
#[inline]
pub(crate) fn point(face: u8, u: f64, v: f64) -> DVec3 {
    match face {
        0 => DVec3::new(1.0, u, v),
        1 => DVec3::new(-u, 1.0, v),
        2 => DVec3::new(-u, -v, 1.0),
        3 => DVec3::new(-1.0, -v, -u),
        4 => DVec3::new(v, -1.0, -u),
        _ => DVec3::new(v, u, -1.0),
    }
}

/// A vector of the planet frame along a face's own axes: u, v, and out through the face. Axes are
/// only swapped and mirrored, so nothing is rounded.
#[inline]
pub(crate) fn to_local(face: u8, DVec3 { x, y, z }: DVec3) -> DVec3 {
    match face {
        0 => DVec3::new(y, z, x),
        1 => DVec3::new(-x, z, y),
        2 => DVec3::new(-x, -y, z),
        3 => DVec3::new(-z, -y, -x),
        4 => DVec3::new(-z, x, -y),
        _ => DVec3::new(y, x, -z),
    }
}

/// The inverse of [`to_local`].
#[inline]
pub(crate) fn from_local(face: u8, DVec3 { x: u, y: v, z: w }: DVec3) -> DVec3 {
    match face {
        0 => DVec3::new(w, u, v),
        1 => DVec3::new(-u, w, v),
        2 => DVec3::new(-u, -v, w),
        3 => DVec3::new(-w, -v, -u),
        4 => DVec3::new(v, -w, -u),
        _ => DVec3::new(v, u, -w),
    }
}

/// Unit axis along which u grows on a face.
pub(crate) fn u_axis(face: u8) -> DVec3 {
    point(face, 1.0, 0.0) - point(face, 0.0, 0.0)
}

/// s from u, or t from v.
#[inline]
pub(crate) fn st_of_uv(u: f64) -> f64 {
    if u >= 0.0 {
        0.5 * (1.0 + 3.0 * u).sqrt()
    } else {
        1.0 - 0.5 * (1.0 - 3.0 * u).sqrt()
    }
}

/// u from s, or v from t.
#[inline]
pub(crate) fn uv_of_st(s: f64) -> f64 {
    if s >= 0.5 {
        (1.0 / 3.0) * (4.0 * s * s - 1.0)
    } else {
        (1.0 / 3.0) * (1.0 - 4.0 * (1.0 - s) * (1.0 - s))
    }
}

/// The leaf row or column of s or t; what lies outside goes to the nearest end, NaN to 0.
#[inline]
pub(crate) fn leaf_of_st(s: f64) -> i32 {
    // The cast truncates, saturates and takes NaN to 0; the clamp makes −0.3 the same as floor.
    ((f64::from(LEAVES) * s) as i32).clamp(0, LEAVES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::{mix64, unit};

    #[test]
    fn a_direction_comes_back_from_its_face() {
        for n in 0..10_000 {
            let c = |k: u64| unit(mix64(n * 3 + k)) * 2.0 - 1.0;
            let dir = DVec3::new(c(0), c(1), c(2));
            let (face, u, v) = face_uv(dir);
            assert!(u.abs() <= 1.0 && v.abs() <= 1.0, "{dir}");
            assert!(point(face, u, v).normalize().distance(dir.normalize()) < 1e-15);
            assert!((uv_of_st(st_of_uv(u)) - u).abs() < 1e-15);
            for face in 0..6 {
                assert_eq!(from_local(face, to_local(face, dir)), dir);
                assert_eq!(to_local(face, point(face, u, v)), DVec3::new(u, v, 1.0));
            }
        }
    }

    #[test]
    fn non_finite_coordinates_still_name_a_leaf() {
        assert_eq!(leaf_of_st(f64::NAN), 0);
        assert_eq!(leaf_of_st(f64::INFINITY), LEAVES - 1);
        assert_eq!(leaf_of_st(-0.3), 0);
    }
}
