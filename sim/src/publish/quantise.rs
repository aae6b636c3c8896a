//! temp
use glam::DVec3;
pub(super) fn position_cm(m: DVec3) -> [i32; 3] {
    m.to_array().map(|x| (x * 100.0).round() as i32)
}
pub(super) fn velocity_cmps(v: DVec3) -> [i16; 3] {
    v.to_array().map(|x| (x * 100.0).round() as i16)
}
pub(super) fn yaw(rad: f64) -> u8 {
    ((rad * (256.0 / std::f64::consts::TAU)).round() as i32 & 255) as u8
}
pub(super) fn health(h: u32, max: u32) -> u8 {
    if h == 0 {
        0
    } else {
        ((h * 255) / max).max(1) as u8
    }
}
