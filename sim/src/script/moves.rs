//! What each script wants this tick.

use bluemarble_shared_protocol::{EntityId, Tick, mix64};
use glam::DVec3;

use super::sight::{Seen, Sight};
use super::{Part, way_along_ground};
use crate::content::{KindId, Script};
use crate::lore::{LoreInner, offset};
use crate::random::{Draw, Purpose};

/// A roamer keeps its direction for this many ticks.
const LEG_TICKS: u64 = 40;
/// One tick in this many it jumps.
const JUMP_EVERY: u64 = 97;
/// A shuttler stands this far from the border, on one side or the other, metres: twice that is what a
/// quick walker can do in a tick and undo in the next.
const SHUTTLE_M: f64 = 1.0 / 60.0;
/// Shuttlers side by side have this much room each, metres, so that nobody is in another's way.
const LANE_M: f64 = 1.2;
/// Who presses through aims this far beyond the border until it is there, metres.
const THROUGH_M: f64 = 2.0;
/// It aims at the middle of the border, give or take this, metres.
const GAP_M: f64 = 0.3;
/// Closer to its goal than this, metres, it has arrived.
const ARRIVED_M: f64 = 0.5;
/// Collectors grasp once in so many ticks, all at once.
const GRASP_TICKS: u64 = 30;
/// Who has nobody to run from strolls at this share of its top speed.
const STROLL: f64 = 0.6;

/// What somebody wants for one tick.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Act {
    /// Where to: only the tangent part counts.
    pub wish: DVec3,
    /// Share of the top speed.
    pub pace: f64,
    pub jump: bool,
    pub attack: Option<EntityId>,
    /// Whether it sees the world late.
    pub lags: bool,
}

/// What this avatar at `pos` does in `tick`.
pub(super) fn act(
    lore: &LoreInner,
    part: &Part,
    pos: DVec3,
    tick: Tick,
    sight: &mut Sight<'_>,
) -> Act {
    match part.script {
        Script::Roam => roam(lore, part, pos, tick, sight),
        Script::CirclePole { radius_m } => circle(lore, part, pos, radius_m),
        Script::Shuttle => shuttle(lore, part, pos),
        Script::Press { beyond_m, every_s } => press(lore, part, pos, tick, beyond_m, every_s),
        Script::Chase { sight_m } => chase(lore, pos, sight_m, sight),
        Script::Flee { sight_m, within_m } => flee(lore, part, pos, sight_m, within_m, sight),
        Script::Collect { sight_m, every_s } => {
            collect(lore, part, pos, tick, (sight_m, every_s), sight)
        }
        Script::Recorded => recorded(lore, part, pos, tick),
    }
}

fn roam(lore: &LoreInner, part: &Part, pos: DVec3, tick: Tick, sight: &mut Sight<'_>) -> Act {
    let leg = Tick(tick.0 / LEG_TICKS);
    let draw = |purpose| Draw::new(lore.seed, part.avatar, leg, purpose).unit();
    let distance_rad = lore.spawn_spread_m / lore.planet.radius_m() * draw(Purpose::Script);
    let bearing = std::f64::consts::TAU * draw(Purpose::ScriptBearing);
    let goal = offset(lore.spawn_dir, distance_rad, bearing) * lore.planet.radius_m();
    let reach_m = lore.kind(KindId(0)).reach_m;
    let other = sight.nearest(lore.grid_cell(pos), pos, reach_m, |id, _| id != part.avatar);
    Act {
        wish: goal - pos,
        pace: 1.0,
        jump: (tick.0 + part.avatar.0 % JUMP_EVERY).is_multiple_of(JUMP_EVERY),
        attack: other.map(|seen| seen.id),
        lags: false,
    }
}

/// Along the circle of latitude, drawn back to it in proportion to the distance from it.
fn circle(lore: &LoreInner, part: &Part, pos: DVec3, radius_m: f64) -> Act {
    let pole = if lore.spawn_dir.z < 0.0 {
        DVec3::NEG_Z
    } else {
        DVec3::Z
    };
    let outward = pos - pole * pos.dot(pole);
    let distance_m = outward.length();
    if distance_m < 1e-3 {
        // On the pole itself every way leads outward.
        return walk(DVec3::X, 1.0);
    }
    let outward = outward / distance_m;
    let eastward = pole.cross(outward);
    let round = if part.n.is_multiple_of(2) {
        eastward
    } else {
        -eastward
    };
    walk(
        round + outward * ((radius_m - distance_m) * 0.5).clamp(-3.0, 3.0),
        1.0,
    )
}

/// To the other side of the border, just so far that it can be back in the next tick.
fn shuttle(lore: &LoreInner, part: &Part, pos: DVec3) -> Act {
    let stage = &lore.cast.stage;
    let lane = f64::from(part.n / 2 + 1) * LANE_M;
    let lane_m = if part.n.is_multiple_of(2) {
        lane
    } else {
        -lane
    };
    let astray_m = pos.dot(stage.along) - lane_m;
    let (side_m, goal_m) = (pos.dot(stage.across), SHUTTLE_M);
    let across_m = if side_m > 0.0 { -goal_m } else { goal_m } - side_m;
    // A little beside its lane it does not matter, and steering back would spoil its step.
    let along_m = if astray_m.abs() > 0.3 { -astray_m } else { 0.0 };
    step_by(lore, stage.across * across_m + stage.along * along_m)
}

fn press(
    lore: &LoreInner,
    part: &Part,
    pos: DVec3,
    tick: Tick,
    beyond_m: f64,
    every_s: f64,
) -> Act {
    let stage = &lore.cast.stage;
    let turn_ticks = (every_s * f64::from(lore.tick_hz)).round() as u64;
    // Two crowds face to face: half of them begin on the other side.
    let turn = tick.0 / turn_ticks + u64::from(part.n % 2);
    let side = if turn.is_multiple_of(2) { 1.0 } else { -1.0 };
    let unit = |salt: u64| (mix64(part.avatar.0 ^ salt) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    let (along_m, across_m) = if pos.dot(stage.across) * side > THROUGH_M * 0.5 {
        (unit(1) * beyond_m, side * beyond_m * (1.0 + unit(2)))
    } else {
        (unit(3) * 2.0 * GAP_M, side * THROUGH_M)
    };
    go_to(stage.place(&lore.planet, along_m, across_m), pos)
}

fn chase(lore: &LoreInner, pos: DVec3, sight_m: f64, sight: &mut Sight<'_>) -> Act {
    let rules = lore.kind(KindId(0));
    let Some(foe) = nearest_foe(lore, pos, sight_m, sight) else {
        return go_to(lore.spawn_dir * lore.planet.radius_m(), pos);
    };
    let within = foe.distance2 <= rules.reach_m * rules.reach_m;
    Act {
        wish: foe.pos - pos,
        pace: if within { 0.0 } else { 1.0 },
        attack: within.then_some(foe.id),
        lags: true,
        ..Act::default()
    }
}

fn flee(
    lore: &LoreInner,
    part: &Part,
    pos: DVec3,
    sight_m: f64,
    within_m: f64,
    sight: &mut Sight<'_>,
) -> Act {
    let home = lore.spawn_dir * lore.planet.radius_m();
    let outward = -way_along_ground(pos, home);
    let distance_m = outward.length();
    let sense = if part.n.is_multiple_of(2) { 1.0 } else { -1.0 };
    let round = pos.normalize().cross(outward) * sense;
    let Some(foe) = nearest_foe(lore, pos, sight_m, sight) else {
        // Round the square, half-way out.
        let inward = outward * (within_m * 0.5 - distance_m).clamp(-1.0, 1.0);
        return walk(round + inward, STROLL);
    };
    let away = -way_along_ground(pos, foe.pos);
    let away = away / (away.length() + 1e-9);
    let bend = round / (round.length() + 1e-9);
    let back = outward * ((distance_m / within_m - 0.7) / (distance_m + 1e-9)).clamp(0.0, 1.0);
    walk(away + bend * 0.7 - back * 4.0, 1.0)
}

/// Everybody to the same item, then to another; they grasp for it in the same tick.
fn collect(
    lore: &LoreInner,
    part: &Part,
    pos: DVec3,
    tick: Tick,
    (sight_m, every_s): (f64, f64),
    sight: &mut Sight<'_>,
) -> Act {
    let middle = lore.spawn_dir * lore.planet.radius_m();
    let mut items: Vec<(EntityId, DVec3)> = Vec::new();
    sight.visit(lore.grid_cell(pos), middle, sight_m, |_, frame, row, _| {
        if lore.kind(frame.kinds[row]).is_item() {
            items.push((frame.ids[row], frame.positions[row]));
        }
    });
    // Who has strayed too far sees none.
    if items.is_empty() {
        return go_to(middle, pos);
    }
    items.sort_unstable_by_key(|(id, _)| *id);
    let leg_ticks = (every_s * f64::from(lore.tick_hz)).round() as u64;
    let leg = mix64(lore.seed ^ (tick.0 / leg_ticks));
    let (item, at) = items[(leg % items.len() as u64) as usize];
    let reach_m = lore.kind(KindId(0)).reach_m;
    let within = at.distance_squared(pos) <= reach_m * reach_m;
    let now = tick.0.is_multiple_of(GRASP_TICKS);
    // They stand around it, not all on one spot.
    let side = offset(
        at.normalize(),
        1.2 / lore.planet.radius_m(),
        f64::from(part.n),
    );
    Act {
        attack: (within && now).then_some(item),
        ..go_to(side * lore.planet.radius_m(), pos)
    }
}

/// So fast that it is where its model was when the tick is over.
fn recorded(lore: &LoreInner, part: &Part, pos: DVec3, tick: Tick) -> Act {
    let Some(recording) = &lore.cast.recording else {
        return Act::default();
    };
    let [along_m, across_m] = recording.at_m(part.n as usize, tick.0 as f64 * lore.dt_s);
    let stage = &lore.cast.stage;
    let goal = stage.place(&lore.planet, along_m, across_m);
    step_by(lore, way_along_ground(pos, goal))
}

fn nearest_foe(lore: &LoreInner, pos: DVec3, sight_m: f64, sight: &mut Sight<'_>) -> Option<Seen> {
    let own = lore.kind(KindId(0)).faction;
    sight.nearest(lore.grid_cell(pos), pos, sight_m, |_, faction| {
        faction != own
    })
}

/// As fast as it can, until it is there.
fn go_to(goal: DVec3, pos: DVec3) -> Act {
    let way = way_along_ground(pos, goal);
    let far = way.length_squared() > ARRIVED_M * ARRIVED_M;
    walk(way, if far { 1.0 } else { 0.0 })
}

/// So much in one tick, if it can.
fn step_by(lore: &LoreInner, way_m: DVec3) -> Act {
    let stride_m = lore.kind(KindId(0)).mover.top_speed_mps * lore.dt_s;
    walk(way_m, way_m.length() / stride_m)
}

fn walk(wish: DVec3, pace: f64) -> Act {
    Act {
        wish,
        pace,
        ..Act::default()
    }
}
