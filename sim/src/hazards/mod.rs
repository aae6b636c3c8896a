//! Hazards: fire, poison, whatever stays where it was left and harms who stands in it.
//!
//! A hazard is an entity without a will. It looks at Frames(t−1) every so many ticks and sends damage
//! to all living creatures of other factions within its reach, in its owner's name, over any border.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::With;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_shared_protocol::{EntityId, Tick};

use crate::census::Due;
use crate::content::KindId;
use crate::effect::{Deed, Effect};
use crate::entity::{Body, EntityState, Hazard, Home, Identity, Inert, Place};
use crate::frame::Around;
use crate::lore::Lore;
use crate::random::{Draw, Purpose};
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::{Counted, Now, Outbox, ZoneNumber};
use crate::{genesis, shots};

/// The number of a hazard among what its parent brings forth in a tick.
const LEFT_N: u64 = 0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, burn.in_set(TickSet::Resolve).after(shots::fly));
}

/// A hazard on the ground below where `parent` ended, to be born at the end of this tick.
pub(crate) fn born(
    lore: &Lore,
    now: Tick,
    parent: EntityId,
    kind: KindId,
    at: &bluemarble_motion::Body,
    (owner, faction): (EntityId, u8),
) -> EntityState {
    let life_ticks = lore.kind(kind).hazard().map_or(0, |h| h.life_ticks);
    let identity = Identity {
        id: EntityId::child(parent.0, now, LEFT_N),
        kind,
    };
    let home = Home {
        dir: at.pos.normalize(),
        spread_m: 0.0,
    };
    let body = bluemarble_motion::Body::standing(&lore.planet, home.dir, at.facing);
    EntityState {
        hazard: Some(Hazard {
            owner,
            faction,
            next_at: now.next(),
            until: now.after(life_ticks),
        }),
        ..genesis::bare(lore, identity, body, home, now)
    }
}

/// Harms who stands in a hazard whose time has come; ends those that are over.
fn burn(
    now: Res<Now>,
    lore: Res<Lore>,
    around: Res<Around>,
    zone: Res<ZoneNumber>,
    (mut outbox, mut counted, mut due): (ResMut<Outbox>, ResMut<Counted>, ResMut<Due>),
    mut hazards: Query<(&Identity, &Place, &Body, &mut Hazard), With<Inert>>,
) {
    for (identity, place, body, mut hazard) in &mut hazards {
        let rules = lore.kind(identity.kind).hazard();
        if let Some(rules) = rules
            && now.0 >= hazard.next_at
        {
            hazard.next_at = now.0.after(rules.every_ticks);
            let draw = Draw::new(lore.seed, identity.id, now.0, Purpose::Damage);
            let amount = draw.among(rules.damage);
            around.visit(place.0, body.0.pos, rules.reach_m, |other, _| {
                let frame = &around.frames.zones[other.zone as usize];
                let foe = frame.factions[other.row] != hazard.faction;
                if frame.alive[other.row] && foe {
                    counted.0.burns += 1;
                    counted.0.burns_cross += u64::from(other.owner != zone.0);
                    outbox.0.push(Effect {
                        deed: Deed::Damage { amount },
                        cause: hazard.owner,
                        n: Effect::n_of(identity.id),
                        target: other.id,
                        depth: 0,
                    });
                }
            });
        }
        // Content that has changed under a checkpoint may have made it something else.
        if rules.is_none() || now.0 >= hazard.until {
            due.ends.push(identity.id);
        }
    }
}
