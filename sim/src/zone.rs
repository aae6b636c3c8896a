//! One zone: its own bevy world, stepped alone. It reads sealed inputs and Frames(t−1), writes only
//! its own entities, and leaves behind what it publishes and its outbox.

mod rest;
mod timing;

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::world::{Mut, World};
use bluemarble_shared_protocol::{AnsweredGift, EntityId, Intent, NameTag, Tick};

use self::rest::Doing;
use crate::audit::Audit;
use crate::effect::Effect;
use crate::entity::{EntityState, Identity, Mail, Player, Purse};
use crate::frame::{Around, Frame, FrameRow, FrameSet, NeighbourCells};
use crate::lore::Lore;
use crate::outside::Deal;
use crate::past::Past;
use crate::roster::{self, Roster, insert_entity, remove_entity, state_of};
use crate::sleep::{self, Dormitory, Players};
use crate::value::{self, Held, Moved};
use crate::zone_resources::{
    Arrivals, Counted, Departed, Inbox, Intents, Now, Outbox, Ownership, Published, Strain, Wounds,
    ZoneNumber,
};
use crate::{census, fight, gifts, hazards, life, mind, players, publish, schedule, shots, walk};
use bluemarble_spatial::{CellId, ZoneId, ZoneMap};

/// What all zones are given for one tick.
pub(crate) struct Given<'a> {
    pub tick: Tick,
    pub strain: Strain,
    /// Those of the tick before.
    pub frames: &'a Arc<FrameSet>,
    /// Near which large cells players are.
    pub players: &'a Arc<Vec<CellId>>,
    /// What all players want.
    pub intents: &'a Arc<Vec<(EntityId, Intent)>>,
    /// Who owns which cell from now on.
    pub map: &'a Arc<ZoneMap>,
    /// The ticks before those frames.
    pub past: &'a Past,
}

/// A zone and its ECS.
pub(crate) struct Zone {
    /// Its number on the map, or nobody's; the world around it gives it.
    pub owns: ZoneId,
    /// The same on the map of Frames(t−1).
    owned: ZoneId,
    /// What a step takes, smoothed, by the stopwatch the world was given, nanoseconds.
    step_ns: u64,
    /// The same of the last step alone.
    last_step_ns: u64,
    doing: Doing,
    /// Of the tick that is being stepped, so far.
    measured_ns: u64,
    nothing: Arc<Frame>,
    no_intents: Arc<Vec<(EntityId, Intent)>>,
    world: World,
    memo: NeighbourCells,
}

impl Zone {
    pub(crate) fn new(owns: ZoneId, lore: &Lore, frames: &Arc<FrameSet>) -> Self {
        let mut app = App::empty();
        app.add_plugins((
            schedule::plugin,
            players::plugin,
            life::plugin,
            gifts::plugin,
            census::plugin,
            mind::plugin,
            walk::plugin,
            fight::plugin,
            shots::plugin,
            hazards::plugin,
            publish::plugin,
            sleep::plugin,
        ));
        app.insert_resource(lore.clone())
            .insert_resource(publish::Cells::new(lore))
            .insert_resource(ZoneNumber(owns))
            .insert_resource(Ownership {
                map: Arc::clone(&frames.map),
                zone: owns,
            })
            .insert_resource(Around::new(Arc::clone(frames)))
            .init_resource::<Now>()
            .init_resource::<Past>()
            .init_resource::<Strain>()
            .init_resource::<Inbox>()
            .init_resource::<Intents>()
            .init_resource::<Arrivals>()
            .init_resource::<Outbox>()
            .init_resource::<Wounds>()
            .init_resource::<Departed>()
            .init_resource::<Roster>()
            .init_resource::<Counted>()
            .init_resource::<Moved>()
            .init_resource::<Published>();
        #[cfg(feature = "mutants")]
        crate::mutants::plugin(&mut app);
        let mut world = std::mem::take(app.world_mut());
        // Now rather than in its first tick, which is somebody's.
        let decided = "the order of a tick is decided, as a test asserts";
        world.schedule_scope(schedule::ZoneTick, |world, tick| {
            tick.initialize(world).expect(decided)
        });
        world.schedule_scope(schedule::ZonePublish, |world, publish| {
            publish.initialize(world).expect(decided)
        });
        Self {
            owns,
            owned: owns,
            step_ns: 0,
            last_step_ns: 0,
            doing: Doing::Steps,
            measured_ns: 0,
            nothing: Arc::default(),
            no_intents: Arc::default(),
            world,
            memo: NeighbourCells::default(),
        }
    }

    /// One tick, but for what it publishes; the inbox is swapped with the one of the tick before.
    pub(crate) fn step(&mut self, given: &Given<'_>, inbox: &mut Inbox) {
        let owned = std::mem::replace(&mut self.owned, self.owns);
        self.world.resource_mut::<Counted>().0 = Default::default();
        self.world.resource_mut::<Intents>().obeyed = 0;
        *self.world.resource_mut::<Past>() = given.past.clone();
        if inbox.is_empty() && self.has_nothing_to_do(given) {
            self.world
                .resource_mut::<Dormitory>()
                .sleeps_on(given.players);
            self.stand_still(given.tick, given.frames);
            self.doing = Doing::StandsStill;
            return;
        }
        self.doing = Doing::Steps;
        self.see(given.frames);
        *self.world.resource_mut::<Now>() = Now(given.tick);
        *self.world.resource_mut::<Strain>() = given.strain;
        *self.world.resource_mut::<Players>() = Players(Arc::clone(given.players));
        *self.world.resource_mut::<ZoneNumber>() = ZoneNumber(owned);
        self.own(given.map);
        std::mem::swap(&mut *self.world.resource_mut::<Inbox>(), inbox);
        self.world.resource_mut::<Intents>().sealed = Arc::clone(given.intents);
        self.world.run_schedule(schedule::ZoneTick);
        // The list is written over by the next tick, if nobody has it.
        self.world.resource_mut::<Intents>().sealed = Arc::clone(&self.no_intents);
    }

    /// The end of the tick: what it publishes. The rows of those who stand here and reside elsewhere have
    /// been [received](Self::receive).
    pub(crate) fn publish(&mut self, given: &Given<'_>) {
        match &self.doing {
            Doing::Rests(_) => {}
            Doing::Steps => self.world.run_schedule(schedule::ZonePublish),
            Doing::StandsStill if self.world.resource::<Arrivals>().0.is_empty() => {
                self.come_to_rest(given);
            }
            Doing::StandsStill => {
                let mut arrivals = self.world.resource_mut::<Arrivals>();
                arrivals.sort();
                let frame = Arc::new(Frame::from_sorted(&arrivals.0));
                arrivals.0.clear();
                self.published_mut().frame = frame;
            }
        }
    }

    /// Takes a row that belongs into this tick's frame.
    pub(crate) fn receive(&mut self, row: FrameRow) {
        if let Doing::Rests(_) = self.doing {
            self.doing = Doing::StandsStill;
        }
        self.world.resource_mut::<Arrivals>().0.push(row);
    }

    fn own(&mut self, map: &Arc<ZoneMap>) {
        *self.world.resource_mut::<Ownership>() = Ownership {
            map: Arc::clone(map),
            zone: self.owns,
        };
    }

    fn see(&mut self, frames: &Arc<FrameSet>) {
        let memo = &mut self.memo;
        self.world.resource_scope(|world, mut around: Mut<Around>| {
            let cells = &world.resource::<Published>().cells;
            around.turn_to(
                Arc::clone(frames),
                cells.iter().map(|(cell, _)| *cell),
                memo,
            );
        });
    }

    /// Publishes the entities as they are, without a step: at the world's beginning and after a
    /// recovery.
    pub(crate) fn publish_only(&mut self, tick: Tick, map: &Arc<ZoneMap>) {
        self.own(map);
        *self.world.resource_mut::<Now>() = Now(tick);
        self.world
            .run_system_cached(publish::publish)
            .expect("publish reads only resources that every zone has");
    }

    pub(crate) fn published(&self) -> &Published {
        self.world.resource::<Published>()
    }

    pub(crate) fn published_mut(&mut self) -> Mut<'_, Published> {
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

    /// How many intents were obeyed in this tick.
    pub(crate) fn obeyed(&self) -> u64 {
        self.world.resource::<Intents>().obeyed
    }

    /// Who left for another world in this tick.
    pub(crate) fn take_departed(&mut self) -> Vec<EntityState> {
        std::mem::take(&mut self.world.resource_mut::<Departed>().0)
    }

    /// Gives an avatar coins or takes some; whether it had enough. `None` if it is not here.
    pub(crate) fn deal(&mut self, deal: &Deal) -> Option<bool> {
        if !self.has_avatar(deal.avatar) {
            return None;
        }
        self.disturb();
        let entity = *self.world.resource::<Roster>().0.get(&deal.avatar)?;
        let mut purse = self.world.get_mut::<Purse>(entity)?;
        let left = deal.applied_to(purse.0);
        if let Some(left) = left {
            purse.0 = left;
        }
        Some(left.is_some())
    }

    /// What the gifts of this tick have come to; told once.
    pub(crate) fn take_answers(&mut self, list: &mut Vec<AnsweredGift>) {
        list.append(&mut self.world.resource_mut::<gifts::Answers>().0);
    }

    /// Whether an avatar of this id resides here.
    pub(crate) fn has_avatar(&self, id: EntityId) -> bool {
        let entity = self.world.resource::<Roster>().0.get(&id);
        entity.is_some_and(|entity| self.world.get::<Player>(*entity).is_some())
    }

    /// Who began and who ended in this step; told once.
    pub(crate) fn take_census(&mut self) -> census::Census {
        std::mem::take(&mut *self.world.resource_mut::<census::Census>())
    }

    /// The coins of everybody here, and those in their mail.
    pub(crate) fn audit(&self) -> Audit {
        let mut audit = Audit::default();
        for entity in self.world.iter_entities() {
            if let (Some(identity), Some(purse), Some(mail)) = (
                entity.get::<Identity>(),
                entity.get::<Purse>(),
                entity.get::<Mail>(),
            ) {
                let lore = self.world.resource::<Lore>();
                audit.count(lore.kind(identity.kind), purse, mail);
            }
        }
        audit
    }

    /// What moved here in this tick; told once.
    pub(crate) fn moved(&mut self) -> Mut<'_, Moved> {
        self.world.resource_mut::<Moved>()
    }

    /// What everybody here holds, and what is on its way to them.
    pub(crate) fn holdings(&self, list: &mut Vec<Held>) {
        value::holdings(&self.world, list);
    }

    /// Empties the outbox.
    pub(crate) fn take_outbox(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.world.resource_mut::<Outbox>().0)
    }

    /// Gives the emptied outbox back, whose room is worth keeping.
    pub(crate) fn return_outbox(&mut self, outbox: Vec<Effect>) {
        self.world.resource_mut::<Outbox>().0 = outbox;
    }

    /// Puts an effect into its target's mailbox; false if the target is not here.
    pub(crate) fn deliver(&mut self, effect: Effect) -> bool {
        let Some(&entity) = self.world.resource::<Roster>().0.get(&effect.target) else {
            return false;
        };
        self.disturb();
        let mut entity = self.world.entity_mut(entity);
        sleep::take_out(&mut entity);
        let mut mail = entity
            .get_mut::<Mail>()
            .expect("every entity has a mailbox");
        mail.0.push(effect);
        true
    }

    pub(crate) fn insert(&mut self, state: &EntityState) {
        self.disturb();
        let cell = self.world.resource::<Lore>().grid_cell(state.body.0.pos);
        self.published_mut().cells.push((cell, 1));
        insert_entity(&mut self.world, state);
    }

    /// Takes an entity out, whole, if it is here.
    pub(crate) fn extract(&mut self, id: EntityId) -> Option<EntityState> {
        let &entity = self.world.resource::<Roster>().0.get(&id)?;
        self.disturb();
        let state = state_of(self.world.entity(entity));
        remove_entity(&mut self.world, id);
        Some(state)
    }

    /// What each avatar is called.
    pub(crate) fn names(&self) -> impl Iterator<Item = (EntityId, NameTag)> {
        self.world.iter_entities().filter_map(|entity| {
            let player = entity.get::<Player>()?;
            Some((entity.get::<Identity>()?.id, player.name.clone()))
        })
    }

    /// Gives avatars other tags; no rule sees a difference.
    pub(crate) fn rename(
        &mut self,
        called: &mut impl FnMut(EntityId, &NameTag) -> Option<NameTag>,
    ) {
        let mut avatars = self.world.query::<(&Identity, &mut Player)>();
        for (identity, mut player) in avatars.iter_mut(&mut self.world) {
            if let Some(name) = called(identity.id, &player.name) {
                player.name = name;
            }
        }
    }

    /// Forgets what an empty zone has published and measured, before it is kept for later.
    pub(crate) fn retire(&mut self, unseen: &Arc<FrameSet>) {
        self.stand_still(Tick(0), unseen);
        self.disturb();
        *self.world.resource_mut::<Past>() = Past::default();
        self.owned = self.owns;
        (self.step_ns, self.last_step_ns) = (0, 0);
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

    /// Everybody, in no order: what a tick can afford to copy.
    pub(crate) fn copies(&self) -> Vec<EntityState> {
        match roster::copies(&self.world) {
            Some(copies) => copies,
            None => self.states(),
        }
    }

    /// How many slept in the last step.
    pub(crate) fn asleep(&self) -> usize {
        self.world.resource::<Dormitory>().asleep
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
    use crate::schedule::{TickSet, ZonePublish, ZoneTick};
    use bevy_ecs::schedule::{IntoScheduleConfigs, Schedule};
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
        let publish =
            |world: &mut World, publish: &mut Schedule| publish.initialize(world).map(|_| ());
        zone().world.schedule_scope(ZonePublish, publish).unwrap();
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
