//! One zone: its own bevy world, stepped alone. It reads sealed inputs and Frames(t−1), writes only
//! its own entities, and leaves behind what it publishes and its outbox.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use bluemarble_shared_protocol::Tick;

use crate::effect::Effect;
use crate::entity::{EntityState, Identity, Mail};
use crate::frame::{Around, FrameSet, NeighbourCells};
use crate::lore::Lore;
use crate::roster::{Roster, insert_entity, remove_entity, state_of};
use crate::zone_resources::{Counted, Inbox, Now, Outbox, Published, Strain, ZoneNumber};
use crate::{fight, life, mind, players, publish, schedule, walk};
use bluemarble_spatial::ZoneId;

/// A zone and its ECS.
pub(crate) struct Zone {
    number: ZoneId,
    world: World,
    memo: NeighbourCells,
}

impl Zone {
    pub(crate) fn new(number: ZoneId, lore: &Lore, frames: &Arc<FrameSet>) -> Self {
        let mut app = App::empty();
        app.add_plugins((
            schedule::plugin,
            players::plugin,
            life::plugin,
            mind::plugin,
            walk::plugin,
            fight::plugin,
            publish::plugin,
        ));
        app.insert_resource(lore.clone())
            .insert_resource(ZoneNumber(number))
            .insert_resource(Around::new(Arc::clone(frames)))
            .init_resource::<Now>()
            .init_resource::<Strain>()
            .init_resource::<Inbox>()
            .init_resource::<Outbox>()
            .init_resource::<Roster>()
            .init_resource::<Counted>()
            .init_resource::<Published>();
        #[cfg(feature = "mutants")]
        crate::mutants::plugin(&mut app);
        let world = std::mem::take(app.world_mut());
        Self {
            number,
            world,
            memo: NeighbourCells::default(),
        }
    }

    /// One tick. `frames` are those of the tick before.
    pub(crate) fn step(&mut self, tick: Tick, strain: Strain, frames: Arc<FrameSet>, inbox: Inbox) {
        self.see(frames);
        self.world.insert_resource(Now(tick));
        self.world.insert_resource(strain);
        self.world.insert_resource(inbox);
        self.world.resource_mut::<Counted>().0 = Default::default();
        self.world.run_schedule(schedule::ZoneTick);
    }

    fn see(&mut self, frames: Arc<FrameSet>) {
        let (number, memo) = (self.number, &mut self.memo);
        self.world
            .resource_mut::<Around>()
            .turn_to(frames, number, memo);
    }

    /// Publishes the entities as they are, without a step: at the world's beginning and after a
    /// recovery.
    pub(crate) fn publish_only(&mut self, tick: Tick, frames: Arc<FrameSet>) {
        self.world.resource_mut::<Around>().frames = frames;
        self.world.insert_resource(Now(tick));
        self.world
            .run_system_cached(publish::publish)
            .expect("publish reads only resources that every zone has");
    }

    pub(crate) fn published(&self) -> &Published {
        self.world.resource::<Published>()
    }

    pub(crate) fn published_mut(&mut self) -> bevy_ecs::world::Mut<'_, Published> {
        self.world.resource_mut::<Published>()
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn set_mutant(&mut self, on: bool) {
        self.world
            .resource_mut::<crate::mutants::ReadsOwnZoneLive>()
            .0 = on;
    }

    pub(crate) fn counted(&self) -> crate::report::Tally {
        self.world.resource::<Counted>().0
    }

    /// Empties the outbox.
    pub(crate) fn take_outbox(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.world.resource_mut::<Outbox>().0)
    }

    /// Puts an effect into its target's mailbox; false if the target is not here.
    pub(crate) fn deliver(&mut self, effect: Effect) -> bool {
        let Some(&entity) = self.world.resource::<Roster>().0.get(&effect.target) else {
            return false;
        };
        let mut mail = self
            .world
            .get_mut::<Mail>(entity)
            .expect("every entity has a mailbox");
        mail.0.push(effect);
        true
    }

    pub(crate) fn insert(&mut self, state: &EntityState) {
        insert_entity(&mut self.world, state);
    }

    /// Takes an entity out, whole.
    pub(crate) fn extract(&mut self, entity: Entity) -> EntityState {
        let state = state_of(self.world.entity(entity));
        remove_entity(&mut self.world, state.identity.id);
        state
    }

    /// Everybody, by id.
    pub(crate) fn states(&self) -> Vec<EntityState> {
        let mut states: Vec<EntityState> = self
            .world
            .iter_entities()
            .filter(|entity| entity.contains::<Identity>())
            .map(state_of)
            .collect();
        states.sort_unstable_by_key(|state| state.identity.id);
        states
    }

    pub(crate) fn population(&self) -> usize {
        self.world.resource::<Roster>().0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Body;
    use crate::lore::LoreInner;
    use crate::schedule::{TickSet, ZoneTick};
    use bevy_ecs::schedule::IntoScheduleConfigs;
    use bevy_ecs::system::Query;
    use bluemarble_spatial::ZoneMap;

    fn zone() -> Zone {
        let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
        let scenario = crate::Scenario::find(&assets, "first-contact").unwrap();
        let planet = Arc::new(bluemarble_spatial::Planet::smooth(6_371_000.0));
        let lore = Lore(Arc::new(LoreInner::new(&scenario, planet, 1, 20)));
        let frames = Arc::new(FrameSet {
            tick: Tick(0),
            zones: vec![Arc::default()],
            map: Arc::new(ZoneMap::whole()),
        });
        Zone::new(0, &lore, &frames)
    }

    #[test]
    fn no_two_systems_of_a_tick_have_an_undecided_order() {
        let build = |zone: &mut Zone| {
            zone.world
                .schedule_scope(ZoneTick, |world, tick| tick.initialize(world).map(|_| ()))
        };
        build(&mut zone()).unwrap();
        // The check can fail: two writers of one component in one set, in no order.
        let mut ambiguous = zone();
        fn intruder(mut bodies: Query<&mut Body>) {
            bodies.iter_mut().for_each(|mut body| body.0.pos *= 2.0);
        }
        ambiguous.world.schedule_scope(ZoneTick, |_, tick| {
            tick.add_systems(intruder.in_set(TickSet::Move));
        });
        assert!(build(&mut ambiguous).is_err());
    }
}
