//! Combat: a blow is struck now and arrives with the target's mail at the next tick; a shot flies
//! until it meets somebody.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use glam::DVec3;

use crate::census::Due;
use crate::content::{KindRules, ShotRules};
use crate::effect::{Deed, Effect};
use crate::entity::{Arms, Body, Identity, Inert, Life, Order, Place, Touched};
use crate::frame::{Around, Neighbour};
use crate::lore::Lore;
use crate::past::Past;
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::shots;
use crate::sleep::Asleep;
use crate::zone_resources::{Counted, Now, Outbox, ZoneNumber};

/// The effect number of a blow among its cause's effects of the tick.
const BLOW_N: u32 = 1;
/// How long a blow shows, as a divisor of a second.
const SWING_PER_SECOND: u32 = 4;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, strike.in_set(TickSet::Resolve));
}

/// What an order to attack comes to.
enum Act<'a> {
    Blow,
    Shot(&'a ShotRules),
    /// An item is not struck but taken.
    Take,
}

type Fighter<'a> = (
    &'a Identity,
    &'a Place,
    &'a Life,
    &'a Order,
    &'a mut Arms,
    &'a mut Body,
    &'a mut Touched,
);

/// Carries out every attack that was ordered and is possible: a blow at whom it reaches, a shot at
/// who is further away, a grasp for a thing.
pub(crate) fn strike(
    now: Res<Now>,
    lore: Res<Lore>,
    (around, past): (Res<Around>, Res<Past>),
    zone: Res<ZoneNumber>,
    (mut outbox, mut counted, mut due): (ResMut<Outbox>, ResMut<Counted>, ResMut<Due>),
    mut fighters: Query<Fighter, (Without<Inert>, Without<Asleep>)>,
) {
    for (identity, place, life, order, mut arms, mut body, mut touched) in &mut fighters {
        let Some(target) = order.attack else { continue };
        let ready = life.is_alive() && now.0 >= arms.ready_at && target != identity.id;
        let rules = lore.kind(identity.kind);
        let possible = past
            .sight(&around, place.0, order.view, target)
            .filter(|_| ready)
            .and_then(|target| Some((act(&lore, &around, &target, body.0.pos, rules)?, target)));
        let Some((act, target)) = possible else {
            counted.0.misses += 1;
            continue;
        };
        let cooldown_ticks = match &act {
            Act::Shot(shot) => shot.cooldown_ticks,
            Act::Blow | Act::Take => rules.cooldown_ticks,
        };
        arms.ready_at = now.0.after(cooldown_ticks);
        arms.swing_until = now
            .0
            .after(u64::from((lore.tick_hz / SWING_PER_SECOND).max(1)));
        arms.swings = arms.swings.wrapping_add(1);
        face(&mut body, target.pos);
        touched.0 = true;
        let deed = match act {
            Act::Shot(shot) => {
                counted.0.shots += 1;
                let at = (target.id, shots::aim(&lore, &around, &target));
                due.births
                    .push(shots::shoot(&lore, now.0, identity, &body, shot, at));
                continue;
            }
            Act::Take => Deed::Take,
            Act::Blow => {
                counted.0.hits += 1;
                counted.0.hits_cross += u64::from(target.owner != zone.0);
                Deed::Damage {
                    amount: damage(&lore, identity, &now, rules.damage),
                }
            }
        };
        outbox.0.push(Effect {
            deed,
            cause: identity.id,
            n: BLOW_N,
            target: target.id,
            depth: 0,
        });
    }
}

/// What an attack on the target, where it was seen, can be: within reach or range, and in the line
/// of sight. Whether an item still holds anything, only the item knows.
fn act<'a>(
    lore: &Lore,
    around: &Around,
    target: &Neighbour,
    from: DVec3,
    rules: &'a KindRules,
) -> Option<Act<'a>> {
    let frame = &around.frames.zones[target.zone as usize];
    let within = |far_m: f64| from.distance_squared(target.pos) <= far_m * far_m;
    let shot = || rules.shot.as_ref().filter(|shot| within(shot.range_m));
    let act = if lore.kind(frame.kinds[target.row]).is_item() {
        within(rules.reach_m).then_some(Act::Take)
    } else if !frame.alive[target.row] {
        None
    } else if within(rules.reach_m) {
        Some(Act::Blow)
    } else {
        shot().map(Act::Shot)
    }?;
    let eye = |pos: DVec3, height_m: f64| pos + lore.planet.up(pos) * height_m;
    lore.planet
        .line_of_sight(
            eye(from, rules.mover.eye_m),
            eye(target.pos, frame.eyes_m[target.row]),
        )
        .then_some(act)
}

fn damage(lore: &Lore, identity: &Identity, now: &Now, range: (u16, u16)) -> u16 {
    Draw::new(lore.seed, identity.id, now.0, Purpose::Damage).among(range)
}

/// Turns to the target, in the tangent plane; somebody straight above is not a direction.
fn face(body: &mut Body, target: DVec3) {
    let up = body.0.pos.normalize();
    let way = target - body.0.pos;
    let along = way - up * way.dot(up);
    if along.length_squared() > 1e-6 {
        body.0.facing = along.normalize();
    }
}
