//! Health, death and return: mail is applied at the beginning of a tick, the dead return near its
//! end.

use bevy_app::App;
use bevy_ecs::change_detection::{Res, ResMut};
use bevy_ecs::query::Without;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bluemarble_shared_protocol::EntityId;

use crate::effect::{Deed, Effect};
use crate::entity::{Arms, Body, Home, Identity, Life, Mail, Mind, News, Touched};
use crate::lore::Lore;
use crate::players;
use crate::schedule::{TickSet, ZoneTick};
use crate::sleep::Asleep;
use crate::zone_resources::{Counted, Now, Outbox};

/// The effect number of a kill among its cause's effects of the tick.
const KILL_N: u32 = 0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(
        ZoneTick,
        open_mail
            .in_set(TickSet::Ingest)
            .after(players::come_and_go),
    );
    app.add_systems(ZoneTick, respawn.in_set(TickSet::Settle));
}

type Addressee<'a> = (
    &'a Identity,
    &'a mut Life,
    &'a mut Mail,
    &'a mut Touched,
    Option<&'a mut Mind>,
    Option<&'a mut News>,
);

/// Applies every entity's mail in the order (deed, cause, n) and empties the mailbox. A blow at
/// somebody who left and returned within the tick it was struck in hits the returned.
pub(crate) fn open_mail(
    now: Res<Now>,
    lore: Res<Lore>,
    mut outbox: ResMut<Outbox>,
    mut counted: ResMut<Counted>,
    mut everybody: Query<Addressee, Without<Asleep>>,
) {
    for (identity, mut life, mut mail, mut touched, mut mind, mut news) in &mut everybody {
        touched.0 = false;
        if let Some(news) = news.as_deref_mut() {
            news.fell_to = None;
            news.felled.clear();
        }
        if mail.0.is_empty() {
            continue;
        }
        mail.0.sort_unstable();
        for effect in mail.0.drain(..) {
            match effect.deed {
                Deed::Kill => {
                    life.kills = life.kills.saturating_add(1);
                    if let Some(news) = news.as_deref_mut() {
                        news.felled.push(effect.cause);
                    }
                }
                Deed::Damage { amount } if life.is_alive() => {
                    life.health = life.health.saturating_sub(amount);
                    if let Some(mind) = mind.as_deref_mut() {
                        remember(mind, effect.cause);
                    }
                    if !life.is_alive() {
                        life.deaths = life.deaths.saturating_add(1);
                        life.respawn_at = now.0.after(lore.kind(identity.kind).respawn_ticks);
                        counted.0.kills += 1;
                        if let Some(news) = news.as_deref_mut() {
                            news.fell_to = Some(effect.cause);
                        }
                        outbox.0.push(Effect {
                            deed: Deed::Kill,
                            cause: identity.id,
                            n: KILL_N,
                            target: effect.cause,
                        });
                    }
                }
                // A blow at somebody who died of an earlier one.
                Deed::Damage { .. } => {}
            }
        }
    }
}

/// A creature turns on whoever hurts it, unless it is already after somebody.
fn remember(mind: &mut Mind, attacker: EntityId) {
    if mind.quarry.is_none() {
        mind.quarry = Some(attacker);
    }
}

type Mortal<'a> = (
    &'a Identity,
    &'a Home,
    &'a mut Life,
    &'a mut Body,
    &'a mut Arms,
    &'a mut Touched,
    Option<&'a mut Mind>,
);

/// Brings back the dead whose time has come, whole and near home.
fn respawn(
    now: Res<Now>,
    lore: Res<Lore>,
    mut counted: ResMut<Counted>,
    mut everybody: Query<Mortal, Without<Asleep>>,
) {
    for (identity, home, mut life, mut body, mut arms, mut touched, mind) in &mut everybody {
        if life.is_alive() || now.0 < life.respawn_at {
            continue;
        }
        let place = lore.scatter(home.dir, home.spread_m, identity.id, now.0);
        body.0 = bluemarble_motion::Body::standing(&lore.planet, place, body.0.facing);
        life.health = lore.kind(identity.kind).health;
        arms.ready_at = now.0;
        touched.0 = true;
        counted.0.respawns += 1;
        if let Some(mut mind) = mind {
            *mind = Mind {
                decide_at: now.0,
                quarry: None,
                goal: place,
            };
        }
    }
}
