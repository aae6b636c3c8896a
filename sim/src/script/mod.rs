//! Scripted avatars: players that need no network. What they do is a function of (seed, id, tick) and
//! of the last frames, and goes through the same sealed inputs as a player's intents; a replay has
//! those and runs no script.

mod moves;
mod sight;
mod stage;

use std::collections::HashMap;
use std::sync::Arc;

use bluemarble_shared_protocol::{
    Admission, Buttons, EntityId, InputSeq, Intent, PlayerInputs, WireFrame, WishDir,
};
use bluemarble_spatial::Level;
use bluemarble_spatial::Planet;
use glam::DVec3;

use crate::content::{Recording, Scenario, Script};
use crate::frame::FrameSet;
use crate::hashing::IdHash;
use crate::lore::LoreInner;
use moves::Act;
use sight::Sight;
use stage::Stage;

/// Who plays what; made once, for names are not made anew every tick.
#[derive(Debug)]
pub(crate) struct Cast {
    parts: Vec<Part>,
    by_id: HashMap<EntityId, usize, IdHash>,
    stage: Stage,
    recording: Option<Arc<Recording>>,
}

/// One scripted avatar.
#[derive(Debug)]
struct Part {
    avatar: EntityId,
    name: String,
    script: Script,
    /// Its number in its troop.
    n: u32,
}

impl Cast {
    pub(crate) fn new(scenario: &Scenario, planet: &Planet, grid_level: Level) -> Self {
        let mut parts: Vec<Part> = (0..scenario.puppets)
            .map(|n| Part::new(format!("puppet-{n:03}"), Script::Roam, n))
            .collect();
        let people = scenario.recording.as_ref().map_or(0, |r| r.people() as u32);
        for (number, troop) in scenario.troops.iter().enumerate() {
            let count = match troop.script {
                Script::Recorded if people < troop.count => people,
                _ => troop.count,
            };
            parts.extend((0..count).map(|n| {
                let name = format!("{}-{number}-{n:03}", troop.script.label());
                Part::new(name, troop.script.clone(), n)
            }));
        }
        // Joins and intents are sealed in the order of ids.
        parts.sort_unstable_by_key(|part| part.avatar);
        let by_id = parts.iter().enumerate();
        Self {
            by_id: by_id.map(|(at, part)| (part.avatar, at)).collect(),
            parts,
            stage: Stage::new(planet, scenario.squares[0].near, grid_level),
            recording: scenario.recording.clone(),
        }
    }
}

impl Cast {
    /// Whether this avatar is played by a script.
    pub(crate) fn plays(&self, avatar: EntityId) -> bool {
        self.by_id.contains_key(&avatar)
    }
}

impl Part {
    fn new(name: String, script: Script, n: u32) -> Self {
        Self {
            avatar: EntityId::of_character(&name),
            name,
            script,
            n,
        }
    }
}

/// The scripted players' inputs for the tick after `frames`.
pub(crate) fn inputs(
    lore: &LoreInner,
    frames: &FrameSet,
    wires: &[Arc<WireFrame>],
) -> PlayerInputs {
    let cast = &lore.cast;
    let mut inputs = PlayerInputs::default();
    let mut here = vec![false; cast.parts.len()];
    let mut sight = Sight::new(frames);
    for wire in wires {
        for own in &wire.owned {
            let Some(&at) = cast.by_id.get(&own.id) else {
                continue;
            };
            here[at] = true;
            let part = &cast.parts[at];
            let pos = wire.positions[own.row as usize];
            let act = moves::act(lore, part, pos, frames.tick.next(), &mut sight);
            let seq = InputSeq(own.applied.0.saturating_add(1));
            inputs
                .intents
                .push((own.id, intent(&act, seq, part.avatar, frames)));
        }
    }
    inputs.intents.sort_unstable_by_key(|(avatar, _)| *avatar);
    let absent = cast.parts.iter().zip(&here).filter(|(_, here)| !**here);
    inputs.admissions.extend(absent.map(|(part, _)| Admission {
        avatar: part.avatar,
        name: part.name.as_str().into(),
    }));
    inputs
}

/// Those who fight look at the world through lines of several lengths: so many ticks ago at most.
const LAG_TICKS_MAX: u64 = 4;

fn intent(act: &Act, seq: InputSeq, avatar: EntityId, frames: &FrameSet) -> Intent {
    let lag = if act.lags {
        avatar.0 % (LAG_TICKS_MAX + 1)
    } else {
        0
    };
    let mut view_tick = frames.tick;
    view_tick.0 = view_tick.0.saturating_sub(lag);
    Intent {
        seq,
        view_tick,
        wish: WishDir::from_dir(act.wish),
        pace: pace(act.pace),
        buttons: Buttons { jump: act.jump },
        attack: act.attack,
    }
}

/// A share of the top speed in fifteenths.
fn pace(share: f64) -> u8 {
    (share.clamp(0.0, 1.0) * f64::from(Intent::PACE_MAX)).round() as u8
}

/// The tangent part of the way from one place to another.
fn way_along_ground(from: DVec3, to: DVec3) -> DVec3 {
    let up = from.normalize();
    let way = to - from;
    way - up * way.dot(up)
}
