//! Players: how avatars come and go, and how a sealed intent becomes this tick's order.

use bevy_app::App;
use bevy_ecs::change_detection::ResMut;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::system::Query;
use bevy_ecs::world::{Mut, World};

use bluemarble_shared_protocol::{EntityId, Intent};

use crate::entity::{Heard, Identity, Life, Order, Player, Touched};
use crate::gifts;
use crate::roster::{Roster, insert_entity, remove_entity, state_of};
use crate::schedule::{TickSet, ZoneTick};
use crate::value::{Holder, Stage, Why, take_along};
use crate::zone_resources::{Counted, Departed, Inbox, Intents};

/// How long an avatar goes on as last asked when no intent comes, in ticks: long enough to bridge
/// a lost datagram, short enough that a lost player does not walk off.
const HOLD_TICKS: u32 = 5;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(ZoneTick, come.in_set(TickSet::Ingest));
    app.add_systems(ZoneTick, set_out.in_set(TickSet::Ingest).after(gifts::give));
    app.add_systems(ZoneTick, obey.in_set(TickSet::Command));
}

/// Who comes appears. Who leaves has been taken out already, before any zone was stepped.
pub(crate) fn come(world: &mut World) {
    world.resource_scope(|world, mut inbox: Mut<Inbox>| {
        for state in inbox.births.drain(..) {
            insert_entity(world, &state);
        }
    });
}

/// Takes avatars out that leave for another world, after their mail: what reached them goes along.
fn set_out(world: &mut World) {
    world.resource_scope(|world, mut inbox: Mut<Inbox>| {
        for id in inbox.departures.drain(..) {
            let here = world.resource::<Roster>().0.get(&id).copied();
            let avatar = here.filter(|entity| world.get::<Player>(*entity).is_some());
            if let Some(entity) = avatar {
                let state = state_of(world.entity(entity));
                let (to, why) = (Holder::Journeys, Why::Departed);
                let coins = take_along(world, id, to, Stage::Living, why);
                world.resource_mut::<Counted>().0.coins_left += coins;
                remove_entity(world, id);
                world.resource_mut::<Departed>().0.push(state);
            }
        }
    });
}

type Avatar<'a> = (
    &'a Identity,
    &'a Life,
    &'a mut Player,
    &'a mut Order,
    &'a mut Touched,
    &'a mut Heard,
);

/// Writes every avatar's `Order`; without an intent the last wish is held for a while.
fn obey(mut intents: ResMut<Intents>, mut avatars: Query<Avatar>) {
    let mut obeyed = 0;
    for (identity, life, mut player, mut order, mut touched, mut heard) in &mut avatars {
        let intent = intent_of(identity.id, &intents.sealed, &mut heard)
            .filter(|intent| intent.seq > player.applied);
        *order = Order::default();
        // The dead lie still whatever they were asked; nobody knew in time.
        touched.0 = intent.is_none() || !life.is_alive();
        match intent {
            Some(intent) => {
                obeyed += 1;
                player.applied = intent.seq;
                player.wish = intent.wish;
                player.pace = intent.pace;
                player.idle_ticks = 0;
                order.jump = intent.buttons.jump;
                order.attack = intent.attack;
                order.view = Some(intent.view_tick);
            }
            None => {
                player.idle_ticks = player.idle_ticks.saturating_add(1);
                if player.idle_ticks > HOLD_TICKS {
                    player.pace = 0;
                }
            }
        }
        if life.is_alive() {
            (order.wish, order.pace) = player.wish.at_pace(player.pace);
        } else {
            *order = Order::default();
        }
    }
    intents.obeyed = obeyed;
}

/// An avatar's intent. Players hardly ever come and go, so it is where it was the last time.
fn intent_of(avatar: EntityId, sealed: &[(EntityId, Intent)], heard: &mut Heard) -> Option<Intent> {
    let guess = sealed.get(heard.0 as usize);
    if let Some((_, intent)) = guess.filter(|(id, _)| *id == avatar) {
        return Some(*intent);
    }
    let found = sealed.binary_search_by_key(&avatar, |(id, _)| *id);
    let (Ok(at) | Err(at)) = found;
    heard.0 = at as u32;
    found.is_ok().then(|| sealed[at].1)
}
