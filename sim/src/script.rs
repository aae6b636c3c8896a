//! Scripted avatars: players that need no network. What they do is a function of (seed, id, tick) and
//! of the last frames, and goes through the same sealed inputs as a player's intents.

use std::sync::Arc;

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, InputSeq, Intent, PlayerInputs, Tick, WireFrame, WishDir,
};
use bluemarble_spatial::CellId;
use glam::DVec3;

use crate::content::KindId;
use crate::frame::FrameSet;
use crate::lore::{LoreInner, offset};
use crate::random::{Draw, Purpose};

/// A puppet keeps its direction for this many ticks.
const LEG_TICKS: u64 = 40;
/// One tick in this many it jumps.
const JUMP_EVERY: u64 = 97;

/// The scripted players' inputs for the tick after `frames`.
pub(crate) fn inputs(
    lore: &LoreInner,
    frames: &FrameSet,
    wires: &[Arc<WireFrame>],
    count: u32,
) -> PlayerInputs {
    let tick = frames.tick.next();
    let mut inputs = PlayerInputs::default();
    for n in 0..count {
        let name = format!("puppet-{n:03}");
        let avatar = EntityId::of_character(&name);
        let own = wires
            .iter()
            .find_map(|wire| Some((wire, wire.owned.iter().find(|own| own.id == avatar)?)));
        match own {
            None => inputs.admissions.push(Admission { avatar, name }),
            Some((wire, own)) => {
                let pos = wire.positions[own.row as usize];
                let seq = InputSeq(own.applied.0.saturating_add(1));
                inputs
                    .intents
                    .push((avatar, intent(lore, frames, avatar, pos, seq, tick)));
            }
        }
    }
    inputs
        .admissions
        .sort_unstable_by_key(|admission| admission.avatar);
    inputs.intents.sort_unstable_by_key(|(avatar, _)| *avatar);
    inputs
}

fn intent(
    lore: &LoreInner,
    frames: &FrameSet,
    avatar: EntityId,
    pos: DVec3,
    seq: InputSeq,
    tick: Tick,
) -> Intent {
    let leg = Tick(tick.0 / LEG_TICKS);
    let draw = |purpose| Draw::new(lore.seed, avatar, leg, purpose).unit();
    let distance_rad = lore.spawn_spread_m / lore.planet.radius_m() * draw(Purpose::Script);
    let bearing = std::f64::consts::TAU * draw(Purpose::ScriptBearing);
    let goal = offset(lore.spawn_dir, distance_rad, bearing) * lore.planet.radius_m();
    Intent {
        seq,
        view_tick: frames.tick,
        wish: WishDir::from_dir(goal - pos),
        pace: Intent::PACE_MAX,
        buttons: Buttons {
            jump: (tick.0 + avatar.0 % JUMP_EVERY).is_multiple_of(JUMP_EVERY),
        },
        attack: nearest_other(lore, frames, avatar, pos),
    }
}

/// The nearest living other within an avatar's reach.
fn nearest_other(
    lore: &LoreInner,
    frames: &FrameSet,
    avatar: EntityId,
    pos: DVec3,
) -> Option<EntityId> {
    let here = lore.grid_cell(pos);
    let reach_m = lore.kind(KindId(0)).reach_m;
    let mut cells: Vec<CellId> = here.all_neighbours().iter().copied().collect();
    cells.push(here);
    cells.sort_unstable();
    let mut nearest: Option<(f64, EntityId)> = None;
    for cell in cells {
        let frame = &frames.zones[frames.map.zone_of(cell) as usize];
        for row in frame.rows_of(cell) {
            let distance2 = frame.positions[row].distance_squared(pos);
            let other = frame.ids[row] != avatar && frame.alive[row];
            let nearer = nearest.is_none_or(|(best, _)| distance2 < best);
            if other && nearer && distance2 <= reach_m * reach_m {
                nearest = Some((distance2, frame.ids[row]));
            }
        }
    }
    nearest.map(|(_, id)| id)
}
