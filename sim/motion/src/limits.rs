//! Every bound of the kernel, with its reason.

use bluemarble_spatial::limits::{GROUND_M_MAX, OBSTACLE_RADIUS_M_MIN, RADIUS_M_MAX, RADIUS_M_MIN};

/// Fastest any body moves in one direction, m/s: free fall ends here, and more would outrun the
/// wire's 16-bit cm/s.
pub const SPEED_MPS_MAX: f64 = 100.0;
/// Furthest others can push a body in one tick, metres: a crowd shoves, it does not teleport.
pub const PUSH_M_MAX: f64 = 0.5;
/// Longest tick, seconds: at longer ones a jump is a single step.
pub const DT_S_MAX: f64 = 0.25;
/// Obstacle tops up to this far above the feet are stepped onto, metres.
pub const STEP_UP_M: f64 = 0.3;
/// Ground falling away by less than this beyond the climbable slope is followed, metres; beyond it
/// the body falls.
pub const STEP_DOWN_M: f64 = 0.1;
/// Furthest a body moves between two looks at the obstacles, metres: less than the thinnest
/// obstacle is wide, more than a runner's tick at 20 Hz.
pub const STRIDE_M: f64 = 0.4;
const _: () = assert!(STRIDE_M < 2.0 * OBSTACLE_RADIUS_M_MIN);
/// Most such looks in a step: `SPEED_MPS_MAX * DT_S_MAX / STRIDE_M`, and two for a push.
pub const STRIDES_MAX: u32 = 65;
/// Share of the ground's top speed and acceleration that a swimmer has.
pub const SWIM_SPEED: f64 = 0.4;
/// Share of the ground's acceleration that a body has in the air.
pub const AIR_CONTROL: f64 = 0.15;
/// Closest to the centre that a stored body may be, metres.
pub const POS_M_MIN: f64 = RADIUS_M_MIN * 0.5;
/// Furthest from the centre that a stored body may be, metres: the highest ground of the largest
/// planet and as much again of air.
pub const POS_M_MAX: f64 = RADIUS_M_MAX + 2.0 * GROUND_M_MAX;
