//! Creatures: every so often one looks around, picks the nearest foe in sight or a place to stroll to,
//! and goes there. It reads Frames(t−1) only, and draws by hash, so it does the same in any zone.

use bevy_app::App;
use bevy_ecs::change_detection::Res;
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_shared_protocol::EntityId;
use glam::DVec3;

use crate::content::KindRules;
use crate::entity::{Arms, Body, Home, Identity, Life, Mind, Order, Place, Player};
use crate::frame::{Around, Neighbour};
use crate::inputs::OVERLOAD_THINKS_LESS;
use crate::lore::{Lore, offset};
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::sleep::Asleep;
use crate::zone_resources::{Now, Strain};

/// A stroller walks at this share of its top speed.
const STROLL_PACE: f64 = 0.45;
/// Closer to its goal than this, metres, it has arrived.
const ARRIVED_M: f64 = 1.0;
/// It comes this much closer than its reach before it stops, metres.
const CLOSE_IN_M: f64 = 0.4;
/// So many times longer creatures rest between two thoughts while the world is overloaded.
const STRAINED_REST: u64 = 2;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, think.in_set(TickSet::Think));
}

type Creature<'a> = (
    &'a Identity,
    &'a Body,
    &'a Place,
    &'a Life,
    &'a Arms,
    &'a Home,
    &'a mut Mind,
    &'a mut Order,
);

/// Writes every creature's `Order`.
fn think(
    now: Res<Now>,
    strain: Res<Strain>,
    lore: Res<Lore>,
    around: Res<Around>,
    mut creatures: Query<Creature, (Without<Player>, Without<Asleep>)>,
) {
    for (identity, body, place, life, arms, home, mut mind, mut order) in &mut creatures {
        *order = Order::default();
        if !life.is_alive() {
            continue;
        }
        let rules = lore.kind(identity.kind);
        if now.0 >= mind.decide_at {
            let rest = Draw::new(lore.seed, identity.id, now.0, Purpose::Rest);
            mind.decide_at = now.0.after(1 + rest.below(2 * rest_ticks(rules, *strain)));
            mind.quarry = nearest_foe(&around, place, body.0.pos, rules);
            if mind.quarry.is_none() {
                mind.goal = stroll_goal(&lore, identity.id, &now, home, rules);
            }
        }
        let quarry = mind
            .quarry
            .and_then(|id| around.find(place.0, id))
            .filter(|quarry| worth_hunting(&lore, &around, quarry, home, rules));
        match quarry {
            Some(quarry) => {
                let ready = now.0 >= arms.ready_at;
                hunt(&mut order, body, &quarry, rules, ready);
            }
            None => {
                mind.quarry = None;
                stroll(&mut order, body, mind.goal * lore.planet.radius_m());
            }
        }
    }
}

/// Ticks between two thoughts, on average. Of the creature's kind and the sealed inputs alone, so it
/// is the same in every zone and in a replay.
fn rest_ticks(rules: &KindRules, strain: Strain) -> u64 {
    if strain.0 >= OVERLOAD_THINKS_LESS {
        rules.rest_ticks * STRAINED_REST
    } else {
        rules.rest_ticks
    }
}

fn nearest_foe(around: &Around, place: &Place, pos: DVec3, rules: &KindRules) -> Option<EntityId> {
    let mut nearest: Option<(f64, EntityId)> = None;
    around.visit(place.0, pos, rules.sight_m, |other, distance2| {
        let frame = &around.frames.zones[other.zone as usize];
        let foe = frame.alive[other.row] && frame.factions[other.row] != rules.faction;
        // Visited by (cell, id): strictly nearer wins, so ties fall the same way everywhere.
        if foe && nearest.is_none_or(|(best, _)| distance2 < best) {
            nearest = Some((distance2, other.id));
        }
    });
    nearest.map(|(_, id)| id)
}

fn worth_hunting(
    lore: &Lore,
    around: &Around,
    quarry: &Neighbour,
    home: &Home,
    rules: &KindRules,
) -> bool {
    let leash_m = rules.roam_m + rules.sight_m;
    let from_home_m = quarry.pos.normalize().distance(home.dir) * lore.planet.radius_m();
    around.frames.zones[quarry.zone as usize].alive[quarry.row] && from_home_m <= leash_m
}

fn stroll_goal(lore: &Lore, id: EntityId, now: &Now, home: &Home, rules: &KindRules) -> DVec3 {
    let distance = Draw::new(lore.seed, id, now.0, Purpose::WanderDistance)
        .unit()
        .sqrt();
    let bearing = Draw::new(lore.seed, id, now.0, Purpose::WanderBearing).unit();
    let angle_rad = rules.roam_m * distance / lore.planet.radius_m();
    offset(home.dir, angle_rad, std::f64::consts::TAU * bearing)
}

/// Goes for the quarry. Who can shoot stands while it reloads within range, and comes closer while
/// it could shoot but does not: something is in the way.
fn hunt(order: &mut Order, body: &Body, quarry: &Neighbour, rules: &KindRules, ready: bool) {
    let way = quarry.pos - body.0.pos;
    let distance_m = way.length();
    let range_m = rules.shot.as_ref().map_or(0.0, |shot| shot.range_m);
    let near_enough = distance_m <= rules.reach_m - CLOSE_IN_M;
    let reloads = !ready && distance_m <= range_m;
    order.wish = way;
    order.pace = if near_enough || reloads { 0.0 } else { 1.0 };
    if ready && (distance_m <= rules.reach_m || distance_m <= range_m) {
        order.attack = Some(quarry.id);
    }
}

fn stroll(order: &mut Order, body: &Body, goal: DVec3) {
    let way = goal - body.0.pos;
    let up = body.0.pos.normalize();
    let along = way - up * way.dot(up);
    if along.length_squared() > ARRIVED_M * ARRIVED_M {
        order.wish = along;
        order.pace = STROLL_PACE;
    }
}
