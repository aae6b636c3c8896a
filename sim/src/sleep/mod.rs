//! Sleep: a creature that nobody could notice costs nothing, nor does a thing that lies about.
//!
//! Whether somebody sleeps in a tick is a function of its state at t−1 and of the coarse layer
//! ([`coarse`]): no avatar in its large cell nor in those around it, at rest, alive, without mail, quarry
//! or a blow still showing. The state of a sleeper does not change, so it sleeps until a player comes
//! near or mail arrives. That is all a rule may know of it: [`Asleep`].
//!
//! The rest is bookkeeping that shows nowhere. Sleepers are *filed* ([`Filed`]): rows of a part of
//! the frame, of the wire frame and of the digest that is made when somebody is filed or taken out,
//! and not otherwise. A zone in which everybody is filed is not stepped.

pub(crate) mod coarse;

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::{QueryState, With, Without};
use bevy_ecs::resource::Resource;
use bevy_ecs::schedule::IntoScheduleConfigs;
use bevy_ecs::world::{EntityWorldMut, Mut, World};
use bluemarble_shared_protocol::Tick;
use bluemarble_spatial::{CellId, Level, ZoneMap};
use glam::DVec3;

use crate::entity::{Arms, Body, Flight, Hazard, Life, Mail, Mind, Place, Player};
use crate::lore::Lore;
use crate::schedule::{TickSet, ZoneTick};
use crate::zone_resources::{Now, Ownership};

/// Scratch: it sleeps in this tick. No rule steps it.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Asleep;

/// Scratch: it sleeps and is published in the part that is kept.
#[derive(Component, Clone, Copy, Debug, Default)]
pub(crate) struct Filed;

/// Sleepers are filed when they are this share of those who are filed already, or else
/// [every so many ticks](FILE_EVERY_TICKS): making the part anew costs as much as it holds.
const FILE_SHARE: usize = 8;
/// See [`FILE_SHARE`].
const FILE_EVERY_TICKS: u64 = 32;

/// The large cells near which players are, ascending, as this tick knows it; the same list for as long as
/// it says the same.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Players(pub Arc<Vec<CellId>>);

/// Who is filed in this zone. It follows from the entities, whenever it is made.
#[derive(Resource, Debug, Default)]
pub(crate) struct Dormitory {
    /// How many are filed.
    pub filed: usize,
    /// How many sleep in this tick, filed or not.
    pub asleep: usize,
    /// Somebody was filed or taken out since the part was made.
    pub changed: bool,
    /// The large cells they lie in, ascending.
    cells: Vec<CellId>,
    /// With which players and by which map that was last looked at.
    players: Option<Arc<Vec<CellId>>>,
    map: Option<Arc<ZoneMap>>,
    room: Vec<Entity>,
}

impl Dormitory {
    /// Whether nothing can happen to those who are filed: nobody was taken out, and neither players
    /// nor owners are others than when they were last looked at.
    pub(crate) fn is_undisturbed(&self, map: &Arc<ZoneMap>, players: &Arc<Vec<CellId>>) -> bool {
        let same =
            |known: &Option<Arc<ZoneMap>>| known.as_ref().is_some_and(|k| Arc::ptr_eq(k, map));
        !self.changed && same(&self.map) && (self.knows(players) || !self.wakes(players))
    }

    /// Takes note of players who wake nobody here, so that they are not looked at again every tick.
    pub(crate) fn sleeps_on(&mut self, players: &Arc<Vec<CellId>>) {
        if !self.knows(players) {
            self.players = Some(Arc::clone(players));
        }
    }

    fn knows(&self, players: &Arc<Vec<CellId>>) -> bool {
        let known = self.players.as_ref();
        known.is_some_and(|known| Arc::ptr_eq(known, players))
    }

    fn wakes(&self, players: &[CellId]) -> bool {
        players
            .iter()
            .any(|cell| self.cells.binary_search(cell).is_ok())
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Players>()
        .init_resource::<Dormitory>()
        .add_systems(ZoneTick, lie_down_or_get_up.in_set(TickSet::Rest));
}

/// Takes somebody out who is about to leave or has got mail. Whether it goes on sleeping is decided
/// at the next tick, as of everybody.
pub(crate) fn take_out(entity: &mut EntityWorldMut) {
    if entity.contains::<Filed>() {
        entity.remove::<Filed>();
        entity.world_scope(|world| {
            let mut dormitory = world.resource_mut::<Dormitory>();
            dormitory.filed -= 1;
            dormitory.changed = true;
        });
    }
}

type Candidate<'a> = (
    Entity,
    &'a Place,
    &'a Body,
    &'a Life,
    &'a Arms,
    Option<&'a Mind>,
    &'a Mail,
    Option<&'a Asleep>,
);
/// Who never sleeps: players, and what flies or burns.
type Restless = (Without<Player>, Without<Flight>, Without<Hazard>);
type FiledOnes<'a> = QueryState<(Entity, &'a Place), With<Filed>>;
type Others<'a> = QueryState<Candidate<'a>, (Without<Filed>, Restless)>;
type Sleepers<'a> = QueryState<(Entity, &'a Place), (With<Asleep>, Without<Filed>)>;

/// Decides who sleeps in this tick, and files sleepers.
fn lie_down_or_get_up(
    world: &mut World,
    filed: &mut FiledOnes<'static>,
    others: &mut Others<'static>,
    sleepers: &mut Sleepers<'static>,
) {
    let Some(level) = world.resource::<Lore>().coarse_level else {
        return;
    };
    let night = Night {
        now: world.resource::<Now>().0,
        level,
        players: Arc::clone(&world.resource::<Players>().0),
        ownership: world.resource::<Ownership>().clone(),
    };
    world.resource_scope(|world, mut dormitory: Mut<Dormitory>| {
        night.get_up(world, &mut dormitory, filed);
        night.mark(world, &mut dormitory, others);
        night.file(world, &mut dormitory, sleepers);
        if dormitory.changed {
            let cells = filed.iter(world).map(|(_, place)| place.0.parent(level));
            dormitory.cells.clear();
            dormitory.cells.extend(cells);
            dormitory.cells.sort_unstable();
            dormitory.cells.dedup();
        }
    });
}

/// What it takes to decide who sleeps.
struct Night {
    now: Tick,
    level: Level,
    players: Arc<Vec<CellId>>,
    ownership: Ownership,
}

impl Night {
    fn has_players_near(&self, cell: CellId) -> bool {
        let large = cell.parent(self.level);
        self.players.binary_search(&large).is_ok()
    }

    fn owns(&self, cell: CellId) -> bool {
        self.ownership.range().contains(&cell)
    }

    /// Takes out who has players near, and who lies in another zone's cells since the map changed.
    fn get_up(&self, world: &mut World, dormitory: &mut Dormitory, filed: &mut FiledOnes<'static>) {
        let map = &self.ownership.map;
        if dormitory.filed > 0 && !dormitory.is_undisturbed(map, &self.players) {
            let mut out = std::mem::take(&mut dormitory.room);
            let disturbed = |cell| self.has_players_near(cell) || !self.owns(cell);
            let all = filed.iter(world).filter(|(_, place)| disturbed(place.0));
            out.extend(all.map(|(entity, _)| entity));
            for entity in out.drain(..) {
                world.entity_mut(entity).remove::<Filed>();
                dormitory.filed -= 1;
                dormitory.changed = true;
            }
            dormitory.room = out;
        }
        dormitory.players = Some(Arc::clone(&self.players));
        dormitory.map = Some(Arc::clone(map));
    }

    /// Marks who sleeps among all who are not filed.
    fn mark(&self, world: &mut World, dormitory: &mut Dormitory, others: &mut Others<'static>) {
        let mut turned = std::mem::take(&mut dormitory.room);
        for (entity, place, body, life, arms, mind, mail, asleep) in others.iter(world) {
            let quiet = is_quiet(self.now, body, life, arms, mind, mail);
            let sleeps = quiet && !self.has_players_near(place.0);
            if sleeps != asleep.is_some() {
                turned.push(entity);
            }
        }
        for entity in turned.drain(..) {
            let mut entity = world.entity_mut(entity);
            if entity.contains::<Asleep>() {
                entity.remove::<Asleep>();
            } else {
                entity.insert(Asleep);
            }
        }
        dormitory.room = turned;
    }

    /// Files the marked if there are many, or it is time; not those who are about to depart.
    fn file(&self, world: &mut World, dormitory: &mut Dormitory, sleepers: &mut Sleepers<'static>) {
        let mut marked = std::mem::take(&mut dormitory.room);
        let here = sleepers.iter(world).filter(|(_, place)| self.owns(place.0));
        marked.extend(here.map(|(entity, _)| entity));
        dormitory.asleep = dormitory.filed + sleepers.iter(world).count();
        let many = marked.len() * FILE_SHARE >= dormitory.filed;
        if many || self.now.0.is_multiple_of(FILE_EVERY_TICKS) {
            for entity in marked.drain(..) {
                world.entity_mut(entity).insert(Filed);
                dormitory.filed += 1;
                dormitory.changed = true;
            }
        }
        marked.clear();
        dormitory.room = marked;
    }
}

/// Whether nothing would happen to it in this tick that nobody else does to it.
fn is_quiet(
    now: Tick,
    body: &Body,
    life: &Life,
    arms: &Arms,
    mind: Option<&Mind>,
    mail: &Mail,
) -> bool {
    life.is_alive()
        && body.0.vel == DVec3::ZERO
        && body.0.support != bluemarble_motion::Support::Air
        && mind.is_none_or(|mind| mind.quarry.is_none())
        && now >= arms.swing_until
        && mail.0.is_empty()
}
