//! Shots: arrows, bolts and whatever else flies from a fighter to somebody.
//!
//! A shot is an entity of its own kind, born at the shooter's eye at the end of the tick it was shot
//! in. Each tick it flies one straight piece, at most as far as the grid's margin, and meets whom
//! Frames(t−1) shows on that piece: the first along the way, and of two at once the lower id. It
//! harms other factions, and whom it was shot at; it passes through everybody else. Ground, water
//! and obstacles stop it. A homing one first turns to its target, for as long as that lives in the
//! cells around. Where it ends it may burst and leave a hazard.
//!
//! Nothing in it knows of zones: it crosses borders like everybody, and hits over them.

mod path;

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::With;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_motion::Support;
use bluemarble_shared_protocol::{EntityId, Tick};
use glam::DVec3;

use self::path::{Cylinder, Path};
use crate::census::Due;
use crate::content::{Kind, KindRules, ProjectileRules, ShotRules};
use crate::effect::{Deed, Effect};
use crate::entity::{Body, EntityState, Flight, Home, Identity, Inert, Place};
use crate::frame::{Around, Neighbour};
use crate::lore::Lore;
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::{Counted, Now, Outbox, ZoneNumber};
use crate::{fight, genesis, hazards};

/// The number of a shot among what its shooter brings forth in a tick.
const SHOT_N: u64 = 1;
/// Where on a body a shooter aims, as a share of its eyes' height.
const AIM_SHARE: f64 = 0.7;
/// How far a body reaches above its eyes, metres.
pub(crate) const HEADROOM_M: f64 = 0.2;
/// How high above the point of impact a burst is that those around may be hidden from, metres.
const BURST_HEIGHT_M: f64 = 0.5;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, fly.in_set(TickSet::Resolve).after(fight::strike));
}

/// A shot at `target`, to be born at the end of this tick.
pub(crate) fn shoot(
    lore: &Lore,
    now: Tick,
    shooter: &Identity,
    body: &Body,
    shot: &ShotRules,
    target: (EntityId, DVec3),
) -> EntityState {
    let rules = lore.kind(shooter.kind);
    let from = body.0.eye(rules.mover.eye_m);
    let way = target.1 - from;
    let speed_mps = lore
        .kind(shot.kind)
        .projectile()
        .map_or(0.0, |p| p.speed_mps);
    let life_ticks = lore
        .kind(shot.kind)
        .projectile()
        .map_or(0, |p| p.life_ticks);
    let heading = way.try_normalize().unwrap_or(body.0.facing);
    let identity = Identity {
        id: EntityId::child(shooter.id.0, now, SHOT_N),
        kind: shot.kind,
    };
    let mut flying = bluemarble_motion::Body {
        pos: from,
        vel: heading * speed_mps,
        facing: body.0.facing,
        support: Support::Air,
    };
    look_along(&mut flying);
    let home = Home {
        dir: from.normalize(),
        spread_m: 0.0,
    };
    EntityState {
        flight: Some(Flight {
            shooter: shooter.id,
            faction: rules.faction,
            target: target.0,
            until: now.after(life_ticks),
        }),
        ..genesis::bare(lore, identity, flying, home, now)
    }
}

/// Where to aim at somebody.
pub(crate) fn aim(lore: &Lore, around: &Around, target: &Neighbour) -> DVec3 {
    let eye_m = around.frames.zones[target.zone as usize].eyes_m[target.row];
    target.pos + lore.planet.up(target.pos) * (eye_m * AIM_SHARE)
}

/// Turns a body to where it flies; straight up and down it keeps looking where it did.
fn look_along(body: &mut bluemarble_motion::Body) {
    let up = body.pos.normalize();
    // The planet has curved away under the old facing.
    for way in [body.vel, body.facing] {
        let along = way - up * way.dot(up);
        if along.length_squared() > 1e-6 {
            body.facing = along.normalize();
            return;
        }
    }
}

/// Everything a shot in the air can see and do.
struct Air<'a> {
    now: Tick,
    lore: &'a Lore,
    around: &'a Around,
    zone: u32,
    outbox: &'a mut Outbox,
    counted: &'a mut Counted,
    due: &'a mut Due,
}

/// Moves every shot by one tick; those that meet something end.
pub(crate) fn fly(
    now: Res<Now>,
    lore: Res<Lore>,
    around: Res<Around>,
    zone: Res<ZoneNumber>,
    (mut outbox, mut counted, mut due): (ResMut<Outbox>, ResMut<Counted>, ResMut<Due>),
    mut shots: Query<(&Identity, &Place, &Flight, &mut Body), With<Inert>>,
) {
    let mut air = Air {
        now: now.0,
        lore: &lore,
        around: &around,
        zone: zone.0,
        outbox: &mut outbox,
        counted: &mut counted,
        due: &mut due,
    };
    for (identity, place, flight, mut body) in &mut shots {
        let rules = lore.kind(identity.kind);
        let over = match rules.projectile() {
            Some(flies) => air.advance(identity, place, flight, &mut body.0, (rules, flies)),
            // Content has changed under a checkpoint: it is no shot any more.
            None => true,
        };
        if over || now.0 >= flight.until {
            air.due.ends.push(identity.id);
        }
    }
}

impl Air<'_> {
    /// One tick of one shot; whether it met something.
    fn advance(
        &mut self,
        identity: &Identity,
        place: &Place,
        flight: &Flight,
        body: &mut bluemarble_motion::Body,
        (rules, flies): (&KindRules, &ProjectileRules),
    ) -> bool {
        if flies.homing
            && let Some(heading) = self.heading_to_target(place, flight, body.pos)
        {
            body.vel = heading * flies.speed_mps;
        }
        let path = Path {
            from: body.pos,
            to: body.pos + body.vel * self.lore.dt_s,
        };
        let stop = path.stopped(&self.lore.planet);
        let met = self.first_met(place, flight, &path, rules.mover.radius_m);
        let met = met.filter(|(share, _)| stop.is_none_or(|stop| *share <= stop));
        let ends_at = met.as_ref().map(|(share, _)| *share).or(stop);
        body.pos = path.at(ends_at.unwrap_or(1.0));
        look_along(body);
        if ends_at.is_none() {
            return false;
        }
        let struck = met.map(|(_, target)| target);
        self.harm(identity, place, flight, body.pos, flies, struck);
        if let Some(kind) = flies.leaves {
            let owner = (flight.shooter, flight.faction);
            let born = hazards::born(self.lore, self.now, identity.id, kind, body, owner);
            self.due.births.push(born);
        }
        true
    }

    fn heading_to_target(&self, place: &Place, flight: &Flight, pos: DVec3) -> Option<DVec3> {
        let target = self.around.find(place.0, flight.target)?;
        let alive = self.around.frames.zones[target.zone as usize].alive[target.row];
        let way = aim(self.lore, self.around, &target) - pos;
        way.try_normalize().filter(|_| alive)
    }

    /// Whether it harms somebody at all.
    fn is_foe(&self, flight: &Flight, other: &Neighbour) -> bool {
        let frame = &self.around.frames.zones[other.zone as usize];
        let foe = frame.factions[other.row] != flight.faction || other.id == flight.target;
        frame.alive[other.row] && foe && other.id != flight.shooter
    }

    /// The first foe on the way, and at which share of it.
    fn first_met(
        &self,
        place: &Place,
        flight: &Flight,
        path: &Path,
        radius_m: f64,
    ) -> Option<(f64, Neighbour)> {
        let middle = path.at(0.5);
        let reach_m =
            0.5 * path.from.distance(path.to) + radius_m + Kind::RADIUS_M_MAX + self.lore.tallest_m;
        let mut first: Option<(f64, Neighbour)> = None;
        self.around.visit(place.0, middle, reach_m, |other, _| {
            if !self.is_foe(flight, &other) {
                return;
            }
            let frame = &self.around.frames.zones[other.zone as usize];
            let body = Cylinder {
                feet: other.pos,
                radius_m: frame.radii_m[other.row] + radius_m,
                below_m: radius_m,
                above_m: frame.eyes_m[other.row] + HEADROOM_M + radius_m,
            };
            let Some(share) = path.enters(&body) else {
                return;
            };
            // Two at once: the lower id, whatever cells they are in.
            let before = first
                .as_ref()
                .is_none_or(|(best, met)| share < *best || (share == *best && other.id < met.id));
            if before {
                first = Some((share, other));
            }
        });
        first
    }

    /// Sends its damage: to whom it struck, and if it bursts to all foes around.
    fn harm(
        &mut self,
        identity: &Identity,
        place: &Place,
        flight: &Flight,
        at: DVec3,
        flies: &ProjectileRules,
        struck: Option<Neighbour>,
    ) {
        let amount = Draw::new(self.lore.seed, identity.id, self.now, Purpose::Damage);
        let blow = |target| Effect {
            deed: Deed::Damage {
                amount: amount.among(flies.damage),
            },
            cause: flight.shooter,
            n: Effect::n_of(identity.id),
            target,
            depth: 0,
        };
        if let Some(struck) = &struck {
            self.outbox.0.push(blow(struck.id));
            self.counted.0.shots_hit += 1;
            self.counted.0.shots_hit_cross += u64::from(struck.owner != self.zone);
        }
        if flies.blast_m <= 0.0 {
            return;
        }
        let centre = at + self.lore.planet.up(at) * BURST_HEIGHT_M;
        self.around.visit(place.0, at, flies.blast_m, |other, _| {
            let once = struck.as_ref().is_some_and(|struck| struck.id == other.id);
            if once || !self.is_foe(flight, &other) {
                return;
            }
            let target = aim(self.lore, self.around, &other);
            if self.lore.planet.line_of_sight(centre, target) {
                self.outbox.0.push(blow(other.id));
                self.counted.0.blasted += 1;
                self.counted.0.blasted_cross += u64::from(other.owner != self.zone);
            }
        });
    }
}
