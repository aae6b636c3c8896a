//! Movement: each body takes one step of the movement kernel, pushed by those it touched at t−1.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_motion::MoveCommand;
use bluemarble_spatial::maths;
use glam::DVec3;

use crate::content::Kind;
use crate::entity::{Body, Identity, Inert, Life, Order, Place, Touched};
use crate::frame::Around;
use crate::lore::Lore;
use crate::schedule::{TickSet, ZoneTick};
use crate::sleep::Asleep;
use crate::zone_resources::{Counted, ZoneNumber};

/// Two bodies share the work of separating, half each.
const SHARE: f64 = 0.5;
/// Nobody is pushed further than this in one tick, metres, however dense the crowd.
const PUSH_MAX_M: f64 = 0.25;
/// Pushes are summed in these units (2^-20 m, a micrometre), so that their order cannot matter.
const UNITS_PER_M: f64 = 1_048_576.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, step_bodies.in_set(TickSet::Move));
}

type Walker<'a> = (
    &'a Identity,
    &'a Place,
    &'a Life,
    &'a Order,
    &'a mut Body,
    &'a mut Touched,
);

/// Moves every living body by one tick.
fn step_bodies(
    lore: Res<Lore>,
    around: Res<Around>,
    zone: Res<ZoneNumber>,
    mut counted: ResMut<Counted>,
    mut bodies: Query<Walker, (Without<Inert>, Without<Asleep>)>,
) {
    for (identity, place, life, order, mut body, mut touched) in &mut bodies {
        let mover = &lore.kind(identity.kind).mover;
        if !life.is_alive() {
            // The dead still fall and come to rest; nobody pushes them.
            let lie = MoveCommand::STAND;
            body.0 =
                bluemarble_motion::step(&body.0, &lie, mover, &lore.planet, DVec3::ZERO, lore.dt_s);
            continue;
        }
        let mut push = Push::default();
        around.visit_unordered(
            place,
            body.0.pos,
            mover.radius_m + Kind::RADIUS_M_MAX,
            |other, distance2| {
                if other.id == identity.id {
                    return;
                }
                let frame = &around.frames.zones[other.zone as usize];
                let touching_m = mover.radius_m + frame.radii_m[other.row];
                if frame.alive[other.row] && distance2 < touching_m * touching_m {
                    let ordered = identity.id < other.id;
                    push.add(
                        body.0.pos - other.pos,
                        distance2.sqrt(),
                        touching_m,
                        ordered,
                    );
                    counted.0.contacts += 1;
                    counted.0.contacts_cross += u64::from(other.owner != zone.0);
                }
            },
        );
        let push_m = push.displacement_m();
        touched.0 |= push_m != DVec3::ZERO;
        let command = MoveCommand {
            wish: order.wish,
            pace: order.pace,
            jump: order.jump,
        };
        body.0 = bluemarble_motion::step(&body.0, &command, mover, &lore.planet, push_m, lore.dt_s);
    }
}

/// A sum of pushes in fixed point.
#[derive(Default)]
struct Push([i64; 3]);

impl Push {
    fn add(&mut self, away: DVec3, distance_m: f64, touching_m: f64, lower_id: bool) {
        // Two bodies in exactly one place part along a fixed axis, by id.
        let direction = if distance_m > 1e-6 {
            away / distance_m
        } else if lower_id {
            DVec3::new(0.6, 0.64, 0.48)
        } else {
            DVec3::new(-0.6, -0.64, -0.48)
        };
        let push = direction * ((touching_m - distance_m) * SHARE * UNITS_PER_M);
        for (sum, part) in self.0.iter_mut().zip(push.to_array()) {
            *sum += maths::round_to_int(part);
        }
    }

    fn displacement_m(&self) -> DVec3 {
        let [x, y, z] = self.0.map(|units| units as f64 / UNITS_PER_M);
        let push = DVec3::new(x, y, z);
        let length_m = push.length();
        if length_m > PUSH_MAX_M {
            push * (PUSH_MAX_M / length_m)
        } else {
            push
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_pushes_does_not_matter() {
        let pushes: Vec<DVec3> = (1..50)
            .map(|i| {
                let t = f64::from(i);
                DVec3::new(0.3 / t, -0.2 + 0.01 * t, 0.1 * (t % 3.0))
            })
            .collect();
        let sum = |order: &mut dyn Iterator<Item = &DVec3>| {
            let mut push = Push::default();
            order.for_each(|p| push.add(*p, p.length(), 0.9, true));
            push.displacement_m()
        };
        assert_eq!(sum(&mut pushes.iter()), sum(&mut pushes.iter().rev()));
    }

    #[test]
    fn two_bodies_in_one_place_part() {
        let part = |lower| {
            let mut push = Push::default();
            push.add(DVec3::ZERO, 0.0, 0.8, lower);
            push.displacement_m()
        };
        assert!(part(true).length() > 0.2);
        assert_eq!(part(true), -part(false));
    }
}
