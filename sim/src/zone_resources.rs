//! What a zone's systems share within one tick. None of it is state: all is set before the tick, or
//! empty at its beginning, or follows from the entities.

use std::sync::Arc;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bluemarble_shared_protocol::{EntityId, Intent, Tick, WireFrame};

use crate::effect::Effect;
use crate::entity::EntityState;
use crate::entity::digest::DigestParts;
use crate::frame::{Frame, FrameRow};
use crate::report::Tally;
use bluemarble_spatial::ZoneId;

/// The tick being stepped.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Now(pub Tick);

/// The sealed step of the overload ladder in force for the whole world; 0 = none.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Strain(pub u8);

/// Which zone this is.
#[derive(Resource, Clone, Copy, Debug)]
pub(crate) struct ZoneNumber(pub ZoneId);

/// This tick's inputs for this zone, sorted as sealed.
#[derive(Resource, Debug, Default)]
pub(crate) struct Inbox {
    /// New entities: avatars of admissions, creatures an operator asked for.
    pub births: Vec<EntityState>,
    pub leaves: Vec<EntityId>,
    pub intents: Vec<(EntityId, Intent)>,
}

/// Effects on their way to the barrier.
#[derive(Resource, Debug, Default)]
pub(crate) struct Outbox(pub Vec<Effect>);

/// Counters of this tick.
#[derive(Resource, Debug, Default)]
pub(crate) struct Counted(pub Tally);

/// Somebody whose position belongs to another zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    pub entity: Entity,
    pub to: ZoneId,
    pub row: FrameRow,
}

/// What the tick produced.
#[derive(Resource, Debug, Default)]
pub(crate) struct Published {
    /// Everybody who stays.
    pub frame: Arc<Frame>,
    /// Everybody, those who leave included, as clients may know them.
    pub wire: Arc<WireFrame>,
    pub leaving: Vec<Leaving>,
    /// Sums of the entities' hashes, mail excluded.
    pub digest: DigestParts,
}
