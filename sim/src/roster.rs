//! How entities enter and leave a zone's ECS: always whole, as an [`EntityState`], and always through
//! here, so that the look-up table by id cannot disagree with the entities.

use std::collections::HashMap;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::{EntityRef, World};
use bluemarble_shared_protocol::EntityId;

use crate::entity::{
    Arms, Body, EntityState, Flight, Hazard, Heard, Home, Identity, Inert, Life, Mail, Mind, News,
    Order, Place, Player, Purse, Touched, Unchanging, Within,
};
use crate::hashing::IdHash;
use crate::lore::Lore;
use crate::sleep;

/// Where each entity is in this zone's ECS. Follows from the entities; for look-up only.
#[derive(Resource, Debug, Default)]
pub(crate) struct Roster(pub HashMap<EntityId, Entity, IdHash>);

/// Adds an entity; if its id is already here the newcomer is dropped: an id is one entity.
pub(crate) fn insert_entity(world: &mut World, state: &EntityState) {
    let id = state.identity.id;
    if world.resource::<Roster>().0.contains_key(&id) {
        debug_assert!(false, "{id:?} inserted twice");
        return;
    }
    let lore = world.resource::<Lore>();
    let place = Place(lore.grid_cell(state.body.0.pos), Within::default());
    let inert = !lore.kind(state.identity.kind).is_creature();
    let mut entity = world.spawn((
        state.identity,
        state.body,
        state.life,
        state.arms,
        state.home,
        state.purse,
        state.mail.clone(),
        place,
        Order::default(),
        Touched(true),
        Unchanging::of(&state.identity, &state.home),
    ));
    if let Some(mind) = state.mind {
        entity.insert(mind);
    }
    if let Some(player) = &state.player {
        entity.insert((player.clone(), News::default(), Heard::default()));
    }
    if let Some(flight) = state.flight {
        entity.insert(flight);
    }
    if let Some(hazard) = state.hazard {
        entity.insert(hazard);
    }
    if inert {
        entity.insert(Inert);
    }
    let entity = entity.id();
    world.resource_mut::<Roster>().0.insert(id, entity);
}

/// Removes an entity, if it is here.
pub(crate) fn remove_entity(world: &mut World, id: EntityId) {
    if let Some(entity) = world.resource_mut::<Roster>().0.remove(&id) {
        sleep::take_out(&mut world.entity_mut(entity));
        world.despawn(entity);
    }
}

/// Every entity's components, one archetype after the other.
type Whole<'a> = (
    &'a Identity,
    &'a Body,
    &'a Life,
    &'a Arms,
    &'a Home,
    &'a Purse,
    &'a Mail,
    Option<&'a Mind>,
    Option<&'a Player>,
    Option<&'a Flight>,
    Option<&'a Hazard>,
);

/// All entities as [`state_of`] has them, in no order; `None` as long as the world has never seen one
/// of the components.
pub(crate) fn copies(world: &World) -> Option<Vec<EntityState>> {
    let mut all = world.try_query::<Whole>()?;
    let all = all.iter(world).map(
        |(identity, body, life, arms, home, purse, mail, mind, player, flight, hazard)| {
            let mut mail = mail.clone();
            mail.0.sort_unstable();
            EntityState {
                identity: *identity,
                body: *body,
                life: *life,
                arms: *arms,
                home: *home,
                purse: *purse,
                mail,
                mind: mind.copied(),
                player: player.cloned(),
                flight: flight.copied(),
                hazard: hazard.copied(),
            }
        },
    );
    Some(all.collect())
}

/// An entity, whole.
pub(crate) fn state_of(entity: EntityRef) -> EntityState {
    const WHOLE: &str = "entities are only ever inserted whole";
    let mut mail = entity.get::<Mail>().expect(WHOLE).clone();
    // In the order of its application, so that equal worlds have equal entities.
    mail.0.sort_unstable();
    EntityState {
        identity: *entity.get::<Identity>().expect(WHOLE),
        body: *entity.get::<Body>().expect(WHOLE),
        life: *entity.get::<Life>().expect(WHOLE),
        arms: *entity.get::<Arms>().expect(WHOLE),
        home: *entity.get::<Home>().expect(WHOLE),
        purse: *entity.get::<Purse>().expect(WHOLE),
        mail,
        mind: entity.get::<Mind>().copied(),
        player: entity.get::<Player>().cloned(),
        flight: entity.get::<Flight>().copied(),
        hazard: entity.get::<Hazard>().copied(),
    }
}
