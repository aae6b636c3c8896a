//! Who begins and ends inside a step: arrows that are shot, fires that burn out.
//!
//! Rules do not touch the ECS for that: they put whole entities and ids into [`Due`], and one
//! system at the end of Settle carries it out, before anybody departs or is published. The barrier
//! learns of it by [`Census`], so that the world's directory follows. An entity may be born
//! anywhere: if the place belongs to another zone, it departs like everybody.

use bevy_app::App;
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::world::{Mut, World};
use bluemarble_shared_protocol::EntityId;

use crate::entity::EntityState;
use crate::life;
use crate::roster::{insert_entity, remove_entity};
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::Counted;

/// What this tick's rules want to begin and end; empty between ticks.
#[derive(Resource, Debug, Default)]
pub(crate) struct Due {
    /// Newborn entities: in Frame(t), so that others meet them at t+1.
    pub births: Vec<EntityState>,
    /// Entities that end. They own nothing: whoever holds coins may not end.
    pub ends: Vec<EntityId>,
}

/// What became of it, for the barrier.
#[derive(Resource, Debug, Default)]
pub(crate) struct Census {
    pub born: Vec<EntityId>,
    pub ended: Vec<EntityId>,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Due>().init_resource::<Census>();
    app.add_systems(
        ZoneTick,
        carry_out.in_set(TickSet::Settle).after(life::respawn),
    );
}

fn carry_out(world: &mut World) {
    world.resource_scope(|world, mut due: Mut<Due>| {
        world.resource_scope(|world, mut census: Mut<Census>| {
            for id in due.ends.drain(..) {
                remove_entity(world, id);
                census.ended.push(id);
            }
            for state in due.births.drain(..) {
                insert_entity(world, &state);
                census.born.push(state.identity.id);
            }
            let mut counted = world.resource_mut::<Counted>();
            counted.0.births += census.born.len() as u64;
            counted.0.ends += census.ended.len() as u64;
        });
    });
}
