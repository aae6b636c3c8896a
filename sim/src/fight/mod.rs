//! Combat: a blow is struck now and arrives with the target's mail at the next tick.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use glam::DVec3;

use crate::effect::{Deed, Effect};
use crate::entity::{Arms, Body, Identity, Life, Order, Place, Touched};
use crate::frame::{Around, Neighbour};
use crate::lore::Lore;
use crate::past::Past;
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::sleep::Asleep;
use crate::zone_resources::{Counted, Now, Outbox, ZoneNumber};

/// The effect number of a blow among its cause's effects of the tick.
const BLOW_N: u32 = 1;
/// How long a blow shows, as a divisor of a second.
const SWING_PER_SECOND: u32 = 4;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, strike.in_set(TickSet::Resolve));
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

/// Strikes every blow that was ordered and is possible.
fn strike(
    now: Res<Now>,
    lore: Res<Lore>,
    (around, past): (Res<Around>, Res<Past>),
    zone: Res<ZoneNumber>,
    mut outbox: ResMut<Outbox>,
    mut counted: ResMut<Counted>,
    mut fighters: Query<Fighter, Without<Asleep>>,
) {
    for (identity, place, life, order, mut arms, mut body, mut touched) in &mut fighters {
        let Some(target) = order.attack else { continue };
        let ready = life.is_alive() && now.0 >= arms.ready_at && target != identity.id;
        let rules = lore.kind(identity.kind);
        let seen = past.sight(&around, place.0, order.view, target);
        let struck = seen.filter(|target| {
            ready
                && within_reach(
                    &lore,
                    &around,
                    target,
                    body.0.pos,
                    rules.reach_m,
                    rules.mover.eye_m,
                )
        });
        let Some(target) = struck else {
            counted.0.misses += 1;
            continue;
        };
        arms.ready_at = now.0.after(rules.cooldown_ticks);
        arms.swing_until = now
            .0
            .after(u64::from((lore.tick_hz / SWING_PER_SECOND).max(1)));
        arms.swings = arms.swings.wrapping_add(1);
        face(&mut body, target.pos);
        touched.0 = true;
        counted.0.hits += 1;
        counted.0.hits_cross += u64::from(target.owner != zone.0);
        outbox.0.push(Effect {
            deed: Deed::Damage {
                amount: damage(&lore, identity, &now, rules.damage),
            },
            cause: identity.id,
            n: BLOW_N,
            target: target.id,
        });
    }
}

/// Whether the target, as Frame(t−1) shows it, lives within reach and in the line of sight.
fn within_reach(
    lore: &Lore,
    around: &Around,
    target: &Neighbour,
    from: DVec3,
    reach_m: f64,
    eye_m: f64,
) -> bool {
    let frame = &around.frames.zones[target.zone as usize];
    let eye = |pos: DVec3, height_m: f64| pos + lore.planet.up(pos) * height_m;
    frame.alive[target.row]
        && from.distance_squared(target.pos) <= reach_m * reach_m
        && lore
            .planet
            .line_of_sight(eye(from, eye_m), eye(target.pos, frame.eyes_m[target.row]))
}

fn damage(lore: &Lore, identity: &Identity, now: &Now, (least, most): (u16, u16)) -> u16 {
    let draw = Draw::new(lore.seed, identity.id, now.0, Purpose::Damage);
    least + draw.below(u64::from(most - least) + 1) as u16
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
